import hashlib
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import pytest

from vlmeval.data.fetch import fetch
from vlmeval.errors import DataError

BODY = bytes(range(256)) * 4000
MD5 = hashlib.md5(BODY, usedforsecurity=False).hexdigest()
SHA256 = hashlib.sha256(BODY).hexdigest()


class Server(http.server.BaseHTTPRequestHandler):
    """Serves BODY; `breaks` holds, for each coming answer, after how many bytes the connection is dropped."""

    breaks: ClassVar[list[int]] = []
    seen: ClassVar[list[str]] = []
    statuses: ClassVar[list[int]] = []
    ranges = True
    tag = '"v1"'

    def do_GET(self) -> None:
        asked = self.headers.get("Range", "")
        self.seen.append(asked)
        start = int(asked.removeprefix("bytes=").rstrip("-")) if asked else 0
        if self.statuses:
            self.send_error(self.statuses.pop(0))
            return
        if asked and (not self.ranges or self.headers.get("If-Range") != self.tag):
            start = 0
        self.send_response(206 if start else 200)
        self.send_header("ETag", self.tag)
        self.send_header("Content-Length", str(len(BODY) - start))
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(BODY) - 1}/{len(BODY)}")
        self.end_headers()
        end = start + self.breaks.pop(0) if self.breaks else len(BODY)
        self.wfile.write(BODY[start:end])

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[type[Server]]:
    handler = type("Handler", (Server,), {"breaks": [], "seen": [], "statuses": []})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        handler.url = f"http://127.0.0.1:{running.server_port}/data.tsv"
        yield handler
        running.shutdown()
        thread.join()


def leftovers(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_is_downloaded_checked_and_put_in_place(server: type, tmp_path: Path) -> None:
    target = tmp_path / "LMUData" / "data.tsv"
    assert fetch(server.url, target, md5=MD5, sha256=SHA256) == target
    assert target.read_bytes() == BODY
    assert leftovers(target.parent) == ["data.tsv"]


def test_a_file_that_is_there_is_not_asked_for(server: type, tmp_path: Path) -> None:
    (tmp_path / "data.tsv").write_bytes(b"mine")
    fetch(server.url, tmp_path / "data.tsv", md5=MD5)
    assert server.seen == []


def test_a_broken_connection_is_continued_where_it_ended(server: type, tmp_path: Path) -> None:
    server.breaks[:] = [300_000]
    fetch(server.url, tmp_path / "data.tsv", md5=MD5)
    assert server.seen == ["", "bytes=300000-"]
    assert (tmp_path / "data.tsv").read_bytes() == BODY


def test_the_next_call_continues_a_download_that_was_killed(server: type, tmp_path: Path) -> None:
    (tmp_path / "data.tsv.part").write_bytes(BODY[:123_456])
    (tmp_path / "data.tsv.part.tag").write_text(server.tag, "utf8")
    fetch(server.url, tmp_path / "data.tsv", md5=MD5)
    assert server.seen == ["bytes=123456-"]
    assert leftovers(tmp_path) == ["data.tsv"]


@pytest.mark.parametrize("tag", ['"v0"', None])
def test_pieces_of_another_or_unknown_version_are_not_joined(server: type, tmp_path: Path, tag: str | None) -> None:
    (tmp_path / "data.tsv.part").write_bytes(b"old" * 1000)
    if tag:
        (tmp_path / "data.tsv.part.tag").write_text(tag, "utf8")
    fetch(server.url, tmp_path / "data.tsv", md5=MD5)
    assert (tmp_path / "data.tsv").read_bytes() == BODY


def test_a_server_without_ranges_starts_again(server: type, tmp_path: Path) -> None:
    server.ranges = False
    server.breaks[:] = [500_000]
    fetch(server.url, tmp_path / "data.tsv", md5=MD5)
    assert (tmp_path / "data.tsv").read_bytes() == BODY


@pytest.mark.parametrize("name", ["md5", "sha256"])
def test_a_wrong_checksum_leaves_nothing_behind(server: type, tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError, match=f"{name} is .*, expected 0+: .*put it at .*data.tsv"):
        fetch(server.url, tmp_path / "data.tsv", **{name: "0" * 32})
    assert leftovers(tmp_path) == []


def test_a_missing_file_is_told_with_the_place_to_put_it(server: type, tmp_path: Path) -> None:
    server.statuses[:] = [404]
    with pytest.raises(DataError, match=r"status 404 .*put the file at .*data\.tsv"):
        fetch(server.url, tmp_path / "data.tsv")


def test_a_server_error_is_tried_again(server: type, tmp_path: Path) -> None:
    server.statuses[:] = [503]
    fetch(server.url, tmp_path / "data.tsv", md5=MD5)
    assert len(server.seen) == 2


def test_a_download_that_keeps_breaking_keeps_what_came(
    server: type, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vlmeval.data.fetch._LONGEST_PAUSE", 0.0)
    server.breaks[:] = [1000] * 5
    with pytest.raises(DataError, match=r"broke off 5 times .*5000 bytes are kept"):
        fetch(server.url, tmp_path / "data.tsv", md5=MD5)
    fetch(server.url, tmp_path / "data.tsv", md5=MD5)
    assert server.seen[-1] == "bytes=5000-"


def test_two_processes_do_not_write_one_file(server: type, tmp_path: Path) -> None:
    import fcntl

    with open(tmp_path / "data.tsv.part", "ab") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(DataError, match="another process is downloading"):
            fetch(server.url, tmp_path / "data.tsv")


def test_a_folder_that_cannot_be_written_is_named(server: type, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(DataError, match="cannot be written"):
        fetch(server.url, tmp_path / "file" / "data.tsv")

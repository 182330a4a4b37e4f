"""`vlmeval sbs serve` as a process: what it says, who gets in, and what it refuses to start."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import urllib3

pytest.importorskip("starlette", reason="the extra sbs is not installed")
pytest.importorskip("nh3", reason="the extra sbs is not installed")

from click.testing import CliRunner

from tests.sbs.served import content
from vlmeval.cli.sbs_serve import checked_origin, command, is_loopback
from vlmeval.errors import ConfigError
from vlmeval.sbs.content import Setting
from vlmeval.sbs.study import make_study, open_study
from vlmeval.sbs.tokens import new_token, read_tokens

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "results" / "sbs" / "study"
    make_study(
        path, content(path, prompts=2), Setting(), task="read", sources=(), now=0.0, created="", version=""
    )  # fmt: skip
    return path


@contextmanager
def served(folder: Path, *options: str) -> Iterator[tuple[str, list[str]]]:
    """Run the command; yield the address and the lines it printed before it served."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    arguments = ["sbs", "serve", "study", "--port", str(port), *options]
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "vlmeval", *arguments],
        cwd=folder.parent.parent.parent,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        lines: list[str] = []
        while not lines or not lines[-1].startswith("organiser"):
            lines.append(process.stdout.readline().strip())
            assert lines[-1], lines
        address = f"http://127.0.0.1:{port}"
        urllib3.request("GET", f"{address}/health", retries=urllib3.Retry(50, backoff_factor=0.05, backoff_max=0.2))
        yield address, lines
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)
        process.stdout.close()
    assert process.returncode in (0, -signal.SIGTERM)


def entered(address: str, path: str, form: str) -> int:
    """Return the status of signing in."""
    headers = {"origin": address, "content-type": "application/x-www-form-urlencoded"}
    return urllib3.request("POST", address + path, body=form, headers=headers, redirect=False).status


def test_on_this_machine_a_name_is_enough_and_the_organiser_gets_a_token(folder: Path) -> None:
    with served(folder) as (address, lines):
        assert lines[0].startswith("study      study: 6 items, 0 of 18 votes")
        assert f"{address}/admin#" in lines[-1]
        assert entered(address, "/enter", "name=Ann") == 303
        assert entered(address, "/admin/enter", "token=" + lines[-1].partition("#")[2]) == 303
        assert entered(address, "/admin/enter", "token=" + new_token()) == 403


def test_a_file_of_tokens_is_made_and_lets_its_owners_in_again(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "tokens.csv"
    for _ in range(2):
        with served(folder, "--tokens", str(path), "--annotators", "2") as (address, lines):
            tokens = read_tokens(path)
            assert tokens.admin not in "\n".join(lines)
            assert entered(address, "/enter", f"token={tokens.annotators[0][1]}") == 303
            assert entered(address, "/admin/enter", f"token={tokens.admin}") == 303
            assert entered(address, "/enter", "name=Ann") == 403
    with open_study(folder) as store:
        assert [one.annotator.name for one in store.annotators()] == ["ann-01", "ann-02"]


def test_a_name_that_comes_with_another_token_is_refused_before_anything_is_served(
    folder: Path, tmp_path: Path
) -> None:
    first, second = tmp_path / "first.csv", tmp_path / "second.csv"
    for path in (first, second):
        path.write_text(f"role,name,token\nadmin,,{new_token()}\nannotator,ann,{new_token()}\n")
    with served(folder, "--tokens", str(first)):
        pass
    result = CliRunner().invoke(command, [str(folder), "--tokens", str(second)])
    assert isinstance(result.exception, ConfigError)
    assert "annotator ann" in str(result.exception)
    assert "keeps the first token of a name" in str(result.exception)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--host", "192.0.2.1"], "anybody who reaches it could vote; give --tokens"),
        (["--host", "example.org"], "anybody who reaches it could vote; give --tokens"),
        (["--completion", "a b"], '--completion "a b": 1 to 40 letters'),
        (["--origin", "judge.example.org"], "expected https://HOST"),
        (["--origin", "https://judge.example.org/path"], "expected https://HOST"),
        (["--db", "postgresql://host/db"], "are in sqlite, not in postgresql"),
    ],
)
def test_wrong_use_is_refused_with_the_way_out(folder: Path, options: list[str], message: str) -> None:
    result = CliRunner().invoke(command, [str(folder), *options])
    assert isinstance(result.exception, ConfigError)
    assert message in str(result.exception)


def test_an_unknown_study_is_named_with_the_nearest(folder: Path) -> None:
    result = CliRunner().invoke(command, ["studdy", "-o", str(folder.parent.parent)])
    assert isinstance(result.exception, ConfigError)
    assert "there is no such study" in str(result.exception)
    assert '"study"' in str(result.exception)


@pytest.mark.parametrize(
    ("host", "loopback"),
    [("127.0.0.1", True), ("127.1.2.3", True), ("::1", True), ("localhost", True), ("192.0.2.1", False), ("::", False)],
)
def test_loopback_is_told_from_the_rest(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback


def test_an_origin_is_taken_as_browsers_send_it() -> None:
    assert checked_origin("https://Judge.Example.org/") == "https://judge.example.org"
    assert checked_origin(None) is None


def test_behind_a_proxy_cookies_are_secure_and_the_origin_is_the_public_one(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "tokens.csv"
    public = "https://judge.example.org"
    with served(folder, "--tokens", str(path), "--origin", public) as (address, lines):
        assert any(line.startswith(f"annotators {public}/#TOKEN") for line in lines)
        form = f"token={read_tokens(path).annotators[0][1]}"
        assert entered(address, "/enter", form) == 403
        headers = {"origin": public, "host": "judge.example.org", "content-type": "application/x-www-form-urlencoded"}
        reply = urllib3.request("POST", address + "/enter", body=form, headers=headers, redirect=False)
        assert reply.status == 303
        assert "Secure" in reply.headers["set-cookie"]
        cookie = reply.headers["set-cookie"].split(";")[0]
        asked = {**headers, "cookie": cookie, "content-type": "application/json"}
        reply = urllib3.request("POST", address + "/api/pairs", body="{}", headers=asked)
        assert len(json.loads(reply.data)["open"]) == 2

"""Downloads: continued where they broke off, checked before they count, put in place by a rename.

While it comes in, a file lies beside its place as `NAME.part`, with the server's version tag in `NAME.part.tag`, so
that pieces of two versions are never joined. TLS certificates are verified; HTTP_PROXY and HTTPS_PROXY are honoured.
"""

from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO
from urllib.parse import urlsplit

from vlmeval.errors import DataError

if TYPE_CHECKING:
    import urllib3

_PIECE = 1 << 20
_TRIES = 5
_LONGEST_PAUSE = 8.0


def fetch(url: str, target: Path, *, md5: str = "", sha256: str = "") -> Path:
    """Return `target`, downloaded from `url` unless it is there.

    A broken connection is tried again up to 5 times in all, each going on where the last one ended; the next call goes
    on as well. Raises DataError for a checksum that differs (nothing is kept), and where the server gives no file.
    """
    if target.exists():
        return target
    part = target.with_name(target.name + ".part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with open(part, "ab") as file:
            _claim(file, part)
            _fill(url, file, part)
            _check(part, url, md5, sha256)
            os.fsync(file.fileno())
            os.replace(part, target)
    except OSError as error:
        raise DataError(
            f"{part}: cannot be written: {error.strerror}; free some space or choose another --data-dir"
        ) from error
    _tag_path(part).unlink(missing_ok=True)
    return target


def _claim(file: BinaryIO, part: Path) -> None:
    """Keep other processes from the same download: pieces of two writers in one file would spoil it."""
    import fcntl

    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise DataError(f"{part}: another process is downloading this file; start again when it is done") from error


def _cause(error: Exception) -> str:
    """Return the innermost reason in a chain of a library's errors, in its own words."""
    reason = getattr(error, "reason", None)
    return _cause(reason) if isinstance(reason, Exception) else str(error).rpartition(": ")[2] or type(error).__name__


def _fill(url: str, file: BinaryIO, part: Path) -> None:
    import urllib3

    pool = _pool(url)
    for attempt in range(1, _TRIES + 1):
        try:
            return _receive(pool, url, file, part)
        except urllib3.exceptions.HTTPError as error:
            if attempt == _TRIES:
                raise DataError(
                    f"{url}: the download broke off {_TRIES} times ({_cause(error)}); {file.tell()} bytes are kept: "
                    "the same command goes on from there"
                ) from error
            if attempt > 1:
                time.sleep(min(2.0**attempt / 4, _LONGEST_PAUSE))
        finally:
            file.flush()
    return None


def _pool(url: str) -> urllib3.PoolManager:
    import urllib.request

    import urllib3

    parts = urlsplit(url)
    proxy = urllib.request.getproxies().get(parts.scheme)
    if proxy and not urllib.request.proxy_bypass(parts.hostname or ""):
        return urllib3.ProxyManager(proxy)
    return urllib3.PoolManager()


def _receive(pool: urllib3.PoolManager, url: str, file: BinaryIO, part: Path) -> None:
    """Append what is missing; start at the beginning where the server does not continue this very version."""
    import urllib3

    have = file.seek(0, os.SEEK_END)
    tag_path = _tag_path(part)
    tag = tag_path.read_text("utf8") if have and tag_path.exists() else ""
    headers = {"Range": f"bytes={have}-", "If-Range": tag} if tag else {}
    timeout = urllib3.Timeout(connect=30, read=60)
    response = pool.request("GET", url, headers=headers, preload_content=False, timeout=timeout, retries=3)
    try:
        if response.status == 416:
            file.truncate(0)
            raise urllib3.exceptions.ProtocolError("the server has another version of the file")
        if response.status >= 500:
            raise urllib3.exceptions.ProtocolError(f"status {response.status}")
        if response.status not in (200, 206):
            raise DataError(f"{url}: status {response.status} {response.reason or ''}; put the file at {_place(part)}")
        if response.status == 206 and not response.headers.get("Content-Range", "").startswith(f"bytes {have}-"):
            file.truncate(0)
            raise urllib3.exceptions.ProtocolError("the server sent another range than asked for")
        if response.status == 200:
            have = 0
            file.truncate(0)
            _note_tag(tag_path, response.headers)
        _copy(response, file, have)
    finally:
        response.close()


def _copy(response: Any, file: BinaryIO, have: int) -> None:
    import urllib3
    from tqdm import tqdm

    length = response.headers.get("Content-Length")
    total = have + int(length) if length and length.isdigit() else None
    name = Path(file.name).name.removesuffix(".part")
    with tqdm(total=total, initial=have, desc=name, unit="B", unit_scale=True, disable=None, leave=False) as bar:
        # read1, not stream: what came before the connection broke is kept to the last byte.
        while piece := response.read1(_PIECE):
            file.write(piece)
            bar.update(len(piece))
    if total is not None and file.tell() < total:
        raise urllib3.exceptions.ProtocolError(f"{file.tell()} of {total} bytes came")


def _note_tag(tag_path: Path, headers: Any) -> None:
    tag = headers.get("ETag", "")
    # A weak tag does not promise equal bytes, which joining needs.
    tag = headers.get("Last-Modified", "") if not tag or tag.startswith("W/") else tag
    if tag:
        tag_path.write_text(tag, "utf8")
    else:
        tag_path.unlink(missing_ok=True)


def _check(part: Path, url: str, md5: str, sha256: str) -> None:
    for name, expected in (("md5", md5), ("sha256", sha256)):
        if expected and (found := file_digest(part, name)) != expected:
            part.unlink()
            _tag_path(part).unlink(missing_ok=True)
            raise DataError(
                f"{url}: {name} is {found}, expected {expected}: the file on the server has changed or was damaged on "
                f"its way; nothing was kept. Try again, or get the file elsewhere and put it at {_place(part)}"
            )


def file_digest(path: Path, name: str) -> str:
    """Return the digest of a file by the algorithm `name`, as hex."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, name).hexdigest()


def _tag_path(part: Path) -> Path:
    return part.with_name(part.name + ".tag")


def _place(part: Path) -> Path:
    return part.with_name(part.name.removesuffix(".part"))

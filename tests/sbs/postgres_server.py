"""A PostgreSQL server of a test's own: a new cluster in a temporary folder, reached by a socket there, no port."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PLACES = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql*/bin")


def binaries() -> Path | None:
    """Return the folder with initdb and pg_ctl, the newest; None where PostgreSQL's server is not installed."""
    found = shutil.which("initdb")
    if found:
        return Path(found).resolve().parent
    folders = [path for place in PLACES for path in Path("/").glob(place[1:]) if (path / "initdb").exists()]
    return max(
        folders, key=lambda path: [int(part) for part in path.parent.name.split(".") if part.isdigit()], default=None
    )


def owner() -> str | None:
    """Return whom to run the server as: it refuses root."""
    if os.getuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name).pw_name
        except KeyError:
            continue
    return None


@contextmanager
def running() -> Iterator[str]:
    """Run a server and give its address; it and its data are gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="vlmeval-pg-"))
    programs, user = binaries(), owner()
    assert programs is not None
    if user is not None:
        shutil.chown(folder, user, pwd.getpwnam(user).pw_gid)
    data, log = folder / "data", folder / "server.log"

    def called(*command: str) -> None:
        subprocess.run(
            command, check=True, capture_output=True, cwd=folder, user=user, extra_groups=[] if user else None,
            group=pwd.getpwnam(user).pw_gid if user else None, env={"LC_ALL": "C.UTF-8", "PATH": os.environ["PATH"]},
        )  # fmt: skip

    options = f"-k {folder} -c listen_addresses='' -c fsync=off -c max_connections=40 -c shared_buffers=16MB"
    try:
        called(str(programs / "initdb"), "-D", str(data), "-U", "vlmeval", "-A", "trust", "-E", "UTF8", "--no-sync")
        called(str(programs / "pg_ctl"), "-D", str(data), "-l", str(log), "-w", "-t", "60", "-o", options, "start")
        try:
            yield f"postgresql:///postgres?host={folder}&user=vlmeval"
        finally:
            called(str(programs / "pg_ctl"), "-D", str(data), "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)

"""One writer per run folder: an advisory lock that dies with its process, so that `kill -9` leaves nothing to clean."""

from __future__ import annotations

import errno
import fcntl
import os
import socket
from pathlib import Path
from types import TracebackType
from typing import Self

from vlmeval.errors import JournalError


class RunLock:
    """Holds `FOLDER/.lock` from construction until `close`. Raises JournalError where another run holds it."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / ".lock"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise JournalError(
                f"{folder}: cannot be written: {error.strerror}; free some space, or choose another -o"
            ) from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.ftruncate(self._file, 0)
            os.pwrite(self._file, f"process {os.getpid()} on {socket.gethostname()}\n".encode(), 0)
        except OSError as error:
            owner = os.pread(self._file, 200, 0).decode("utf8", "replace").strip()
            os.close(self._file)
            if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
                raise JournalError(
                    f"{folder}: another run is writing here ({owner or 'unknown process'}); "
                    "wait until it ends, stop it, or choose another -o"
                ) from error
            raise JournalError(
                f"{self._path}: cannot be locked: {error.strerror}; choose a -o on a file system with room and locks"
            ) from error

    def close(self) -> None:
        """Let go. The file stays: removing it would let two processes lock two files of one name."""
        os.close(self._file)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

"""JSON Lines files that only grow, one value a line, and the rule of the torn last line.

A process that dies while it writes leaves a last line without its end. Readers leave it out and the next writer cuts it
off, so both see the same rows. A line that cannot be read anywhere else is damage, and an error.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, Generic, TypeVar

import msgspec

from vlmeval.errors import JournalError

T = TypeVar("T")
TAIL_BYTES = 1 << 16


class Lines(Generic[T]):
    """The rows of a JSON Lines file of ours, one at a time; a torn last line is left out, a missing file has no rows.

    `remedy` says what to do about a damaged line; "{line}" in it becomes the line's number.
    """

    def __init__(self, path: Path, kind: type[T], *, remedy: str) -> None:
        self._path = path
        self._decoder = msgspec.json.Decoder(kind)
        self._remedy = remedy

    def __iter__(self) -> Iterator[T]:
        """Yield the rows. Raises JournalError for a line that cannot be read and is not the last one."""
        for _, row in self.pairs():
            yield row

    def pairs(self) -> Iterator[tuple[bytes, T]]:
        """Yield each row as (its bytes without the line end, its value)."""
        damage: ValueError | None = None
        try:
            with open(self._path, "rb") as file:
                if os.fstat(file.fileno()).st_size == 0:  # a device has no size, and may have no end
                    return
                for number, line in enumerate(file, start=1):
                    if damage is not None:
                        remedy = self._remedy.replace("{line}", str(number - 1))
                        raise JournalError(f"{self._path}, line {number - 1}: damaged: {damage}; {remedy}") from damage
                    if not line.endswith(b"\n"):
                        return
                    try:
                        row = self._decoder.decode(line)
                    except ValueError as error:
                        damage = error
                    else:
                        yield line[:-1], row
        except FileNotFoundError:
            return
        except OSError as error:
            raise JournalError(f"{self._path}: cannot be read: {error.strerror}") from error


def whole_end(path: Path, kind: type[Any]) -> int:
    """Return the offset behind the last whole line of `path`: everything after it is torn. 0 where there is no file.

    A last line that has its line end but is no `kind` counts as torn too, as it does for readers.
    """
    try:
        with open(path, "rb") as file:
            end = _line_end(file, os.fstat(file.fileno()).st_size)
            start = _line_end(file, end - 1)
            file.seek(start)
            last = file.read(end - start)
    except FileNotFoundError:
        return 0
    except OSError as error:
        raise JournalError(f"{path}: cannot be read: {error.strerror}") from error
    try:
        msgspec.json.decode(last, type=kind)
    except ValueError:
        return start
    return end


def _line_end(file: BinaryIO, size: int) -> int:
    """Return the offset behind the last line end within the first `size` bytes, 0 where there is none."""
    while size > 0:
        start = max(0, size - TAIL_BYTES)
        file.seek(start)
        found = file.read(size - start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        size = start
    return 0


class Appender:
    """A file of lines that only grows. Opening cuts off a torn last line; a failed write is taken back."""

    def __init__(self, path: Path, kind: type[Any]) -> None:
        self._path = path
        self._end = whole_end(path, kind)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
            if os.fstat(self._file).st_size > self._end:
                os.ftruncate(self._file, self._end)
        except OSError as error:
            raise self._refused(error) from error

    def write(self, data: bytes) -> None:
        """Hand `data` to the system: it survives this process, not the machine. Raises JournalError on refusal."""
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[os.write(self._file, rest) :]
        except OSError as error:
            with contextlib.suppress(OSError):
                os.ftruncate(self._file, self._end)
            raise self._refused(error) from error
        self._end += len(data)

    def sync(self) -> None:
        """Have everything written reach the disk."""
        try:
            if sys.platform == "darwin":
                os.fsync(self._file)
            else:
                os.fdatasync(self._file)
        except OSError as error:
            raise self._refused(error) from error

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)

    def _refused(self, error: OSError) -> JournalError:
        return JournalError(
            f"{self._path}: cannot be written: {error.strerror}; what was saved before is safe: free some space "
            "(or mend the permissions) and run the same command again, or choose another -o"
        )

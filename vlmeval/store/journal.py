"""The journal: append-only JSON Lines of Records, the only truth about what a model answered.

A record is acknowledged once it is on disk. Records wait up to 20 ms for company, then go out in one write and one
fdatasync; at most 256 are on their way at any time, so a crash costs no more than asking those again. A process that
dies in the middle of a line leaves a torn last line: readers drop it and the next writer cuts it off. Damage anywhere
else is an error that names its line.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from vlmeval.errors import JournalError, ModelError
from vlmeval.store.lines import Appender, Lines
from vlmeval.types import Outcome, Output, Record

__all__ = ["Journal", "Lines", "encode_record", "read_records"]
COMMIT_SECONDS = 0.02
MOST_AT_RISK = 256
_RECORDS = msgspec.json.Decoder(Record)


def read_records(path: Path) -> Iterator[Record]:
    """Yield the records of a journal, oldest first; the latest of a (sample_id, variant) is the one that counts.

    A torn last line is left out; a missing file holds no records. Raises JournalError for any other line that is not a
    record.
    """
    remedy = f"delete this line (sed -i {{line}}d {path}) to have its request asked again, or start anew with --fresh"
    return iter(Lines(path, Record, remedy=remedy))


def encode_record(record: Record) -> bytes:
    """Return `record` as a line. Raises ModelError for an outcome that could not be read again (its text is no str)."""
    outcome = record.outcome
    text = outcome.text if isinstance(outcome, Output) else outcome.message
    if isinstance(text, bytes):  # JSON would take it, as base64
        raise ModelError(f"sample {record.sample_id}: the model's reply cannot be stored: its text is bytes, not str")
    try:
        line = msgspec.json.encode(record)
        _RECORDS.decode(line)
    except UnicodeEncodeError:
        return encode_record(_without_surrogates(record))
    except (TypeError, ValueError, OverflowError) as error:
        raise ModelError(
            f"sample {record.sample_id}: the model's reply cannot be stored: {error}; "
            "an Output has a str as text, int tokens, float seconds and scores"
        ) from error
    return line + b"\n"


def _without_surrogates(record: Record) -> Record:
    """Return the record with every half of a surrogate pair, which UTF-8 cannot hold, as U+FFFD."""

    def cleaned(text: str) -> str:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")

    outcome = record.outcome
    if isinstance(outcome, Output):
        whole: Outcome = msgspec.structs.replace(outcome, text=cleaned(outcome.text))
    else:
        whole = msgspec.structs.replace(outcome, message=cleaned(outcome.message))
    return Record(record.key, cleaned(record.sample_id), record.variant, whole)


class Journal:
    """An open journal. Any thread may append; one thread writes.

    A failed write ends it: the records on their way are given up (they will be asked again), every later call raises
    the same JournalError, and nobody is left waiting.
    """

    def __init__(self, path: Path, *, commit_seconds: float = COMMIT_SECONDS) -> None:
        self.acknowledged = 0
        self._commit_seconds = commit_seconds
        self._file = Appender(path, Record)
        self._waiting: queue.SimpleQueue[bytes | threading.Event | None] = queue.SimpleQueue()
        self._room = threading.Semaphore(MOST_AT_RISK)
        self._hurry = threading.Event()
        self._error: JournalError | None = None
        self._closed = False
        self._writer = threading.Thread(target=self._write, name="journal", daemon=True)
        self._writer.start()

    def append(self, record: Record) -> None:
        """Queue `record` for the disk; waits only while 256 records are on their way.

        Raises JournalError where an earlier write failed, ModelError for a record that could not be read again.
        """
        self._check()
        line = encode_record(record)
        if not self._room.acquire(blocking=False):
            self._hurry.set()
            self._room.acquire()
        if self._error is not None:
            self._room.release()  # the writer frees each place once: whoever waits behind this one needs it
            raise self._error
        self._waiting.put(line)

    def flush(self) -> None:
        """Return once everything appended before is on disk. Raises JournalError where it is not."""
        self._check()
        written = threading.Event()
        self._waiting.put(written)
        self._hurry.set()
        written.wait()
        self._check()

    def close(self) -> None:
        """Write what waits and stop; closing again is free. Raises JournalError where something was not written."""
        if not self._closed:
            self._closed = True
            self._waiting.put(None)
            self._hurry.set()
            self._writer.join()
            self._file.close()
            if self._error is not None:
                raise self._error

    def _check(self) -> None:
        if self._error is not None:
            raise self._error
        if self._closed:
            raise JournalError("the journal is closed")

    def _write(self) -> None:
        """Commit groups of lines until the end mark comes; after a failed write, only release those who wait."""
        going = True
        while going:
            first = self._waiting.get()
            self._hurry.wait(self._commit_seconds)
            self._hurry.clear()
            group = [first, *self._drain()]
            lines = [item for item in group if isinstance(item, bytes)]
            if lines and self._error is None:
                self._commit(lines)
            if lines:
                self._room.release(len(lines))
            for item in group:
                if isinstance(item, threading.Event):
                    item.set()
            going = None not in group

    def _drain(self) -> Iterator[bytes | threading.Event | None]:
        while True:
            try:
                yield self._waiting.get_nowait()
            except queue.Empty:
                return

    def _commit(self, lines: list[bytes]) -> None:
        try:
            self._file.write(b"".join(lines))
            self._file.sync()
        except JournalError as error:
            self._error = error
        else:
            self.acknowledged += len(lines)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

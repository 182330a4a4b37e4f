"""questions.jsonl: the samples as asked, in the order of the data, so that a run can be scored without its data set.

A continued run reads its old lines in step with the data: a row that is not what was asked before is refused, because
answers to two versions of a question must not meet in one score. One pass, one line in memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec

from vlmeval.errors import DataError, JournalError
from vlmeval.store.lines import Appender, Lines
from vlmeval.types import Sample

WAY_OUT = "bring the data back as it was, or start anew with --fresh"


def read_questions(path: Path) -> Iterator[Sample]:
    """Yield the samples as asked, in order. Raises JournalError for a damaged line."""
    return iter(_lines(path))


def _lines(path: Path) -> Lines[Sample]:
    return Lines(path, Sample, remedy="start anew with --fresh, or remove the file: the same command writes it again")


class QuestionLog:
    """The questions of one run, open for the next sample."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = Appender(path, Sample)
        self._earlier: Iterator[tuple[bytes, Sample]] | None = _lines(path).pairs()
        self._seen: dict[str, int] = {}
        self._new: list[bytes] = []

    def add(self, sample: Sample) -> None:
        """Note the next sample: compare it with the line written earlier, or keep it for `flush` to write.

        Raises DataError for an id that came before, JournalError for a sample that is not the one asked earlier.
        """
        number = len(self._seen) + 1
        first = self._seen.setdefault(sample.id, number)
        if first != number:
            raise DataError(
                f'sample "{sample.id}" occurs twice, as questions {first} and {number}; '
                "ids must be unique: mend or remove one of the rows"
            )
        try:
            line = msgspec.json.encode(sample)
        except UnicodeEncodeError as error:
            raise DataError(f'sample "{sample.id}": its text holds half a surrogate pair: {error}') from error
        if not self._known(sample, line, number):
            self._new.append(line + b"\n")

    def flush(self) -> None:
        """Write the samples noted since the last time: one call to the system, however many they are."""
        if self._new:
            self._file.write(b"".join(self._new))
            self._new.clear()

    def _known(self, sample: Sample, line: bytes, number: int) -> bool:
        """Tell whether the sample is in the file already, as it is now."""
        if self._earlier is None:
            return False
        pair = next(self._earlier, None)
        if pair is None:
            self._earlier = None
            return False
        old_line, old = pair
        if old_line == line or old == sample:
            return True
        if old.id != sample.id:
            raise JournalError(
                f'{self._path}, line {number}: the question was sample "{old.id}", now the data has "{sample.id}" '
                f"there; {WAY_OUT}"
            )
        changed = [name for name in Sample.__struct_fields__ if getattr(old, name) != getattr(sample, name)]
        raise JournalError(
            f'{self._path}, line {number}: sample "{sample.id}" has changed since it was asked '
            f"({', '.join(changed)}); {WAY_OUT}"
        )

    def finish(self) -> None:
        """Say that the data has ended. Raises JournalError where the file holds further questions."""
        pair = next(self._earlier, None) if self._earlier is not None else None
        if pair is not None:
            raise JournalError(f'{self._path}: sample "{pair[1].id}" was asked, but the data ends before it; {WAY_OUT}')

    def close(self) -> None:
        """Bring the file to the disk and close it."""
        self.flush()
        self._file.sync()
        self._file.close()

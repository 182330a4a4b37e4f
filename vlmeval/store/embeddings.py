"""Vectors of a run, kept beside its journal so that scoring again needs no model, and a broken run continues.

    embeddings.f32     float32, little-endian, one row after the other; memory-mapped by readers
    embeddings.jsonl   one line for each embedded sample: its id, the key of what was embedded, its row, the dimension

A line is written once its row is on disk: rows without a line are not known, and the next writer overwrites them. Two
samples with the same content share a row. `key` is the digest of the content, so that a vector of another image or text
is not taken for this one's.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Self

import msgspec
from msgspec import Struct

from vlmeval.errors import DataError, JournalError
from vlmeval.store.lines import Appender, Lines
from vlmeval.types import Image, Sample

if TYPE_CHECKING:
    from types import TracebackType

    import numpy as np
    from numpy.typing import NDArray

VECTORS = "embeddings.f32"
INDEX = "embeddings.jsonl"
FLOAT_BYTES = 4
WAY_OUT = "remove both files of embeddings to have all items embedded again, or start anew with --fresh"


class Entry(Struct, frozen=True):
    """One line of embeddings.jsonl."""

    sample_id: str
    key: str
    row: int
    dimension: int


def item_key(sample: Sample) -> str:
    """Return the digest of what is embedded. Raises DataError for a sample that is not one image or one text."""
    if len(sample.parts) != 1:
        raise DataError(f"sample {sample.id}: {len(sample.parts)} parts; what is embedded is one image or one text")
    part = sample.parts[0]
    if isinstance(part, Image):
        return f"image:{part.sha256}"
    return "text:" + hashlib.sha256(part.encode("utf8", "surrogatepass")).hexdigest()


def read_entries(folder: Path) -> list[Entry]:
    """Return the lines of `folder`, oldest first; none where nothing was embedded.

    Raises JournalError for a damaged line, for two dimensions, or where a row is not in the file of vectors.
    """
    entries = list(Lines(folder / INDEX, Entry, remedy=WAY_OUT))
    if not entries:
        return []
    dimension = entries[0].dimension
    rows = 1 + max(entry.row for entry in entries)
    if any(entry.dimension != dimension or entry.row < 0 for entry in entries) or dimension < 1:
        raise JournalError(f"{folder / INDEX}: lines of different dimensions, or rows below 0; {WAY_OUT}")
    size = _size(folder / VECTORS)
    if size < rows * dimension * FLOAT_BYTES:
        raise JournalError(
            f"{folder / VECTORS}: {size} bytes, expected {rows * dimension * FLOAT_BYTES} for {rows} rows of "
            f"{dimension} numbers; {WAY_OUT}"
        )
    return entries


class Embeddings:
    """The vectors of a folder, memory-mapped; nothing is read before it is asked for."""

    def __init__(self, folder: Path) -> None:
        entries = read_entries(folder)
        self._path = folder / VECTORS
        self._rows = {(entry.sample_id, entry.key): entry.row for entry in entries}
        self._shape = (1 + max(entry.row for entry in entries), entries[0].dimension) if entries else (0, 0)

    @property
    def matrix(self) -> NDArray[np.float32]:
        """All vectors, shape (rows, dimension), read-only."""
        import numpy as np

        if not self._rows:
            return np.zeros((0, 0), dtype=np.float32)
        return np.memmap(self._path, dtype="<f4", mode="r", shape=self._shape)

    def row(self, sample: Sample) -> int | None:
        """Return the row of the sample's vector, None where it was not embedded as it is now."""
        return self._rows.get((sample.id, item_key(sample)))


class EmbeddingWriter:
    """Adds vectors to a folder. Opening cuts off what has no line; a second writer is the run's lock's concern.

    Raises JournalError where the disk refuses, or where what is there is damaged.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / VECTORS
        self._index = Appender(folder / INDEX, Entry)
        entries = read_entries(folder)
        self.dimension = entries[0].dimension if entries else None
        self._known = {(entry.sample_id, entry.key) for entry in entries}
        self._row_of = {entry.key: entry.row for entry in entries}
        self._rows = 1 + max((entry.row for entry in entries), default=-1)
        try:
            self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
            os.ftruncate(self._file, self._rows * (self.dimension or 0) * FLOAT_BYTES)
        except OSError as error:
            raise self._refused(error) from error

    def has(self, sample: Sample) -> bool:
        """Tell whether the sample has its line."""
        return (sample.id, item_key(sample)) in self._known

    def has_vector(self, key: str) -> bool:
        """Tell whether the content with this key has its row."""
        return key in self._row_of

    def add(self, samples: Sequence[Sample], keys: Sequence[str], vectors: NDArray[np.float32]) -> None:
        """Write `vectors`, shape (len(keys), dimension), then the lines of `samples`; on disk when this returns.

        Every sample's content is among `keys` or was written before.
        """
        if len(keys):
            dimension = vectors.shape[1]
            if self.dimension not in (None, dimension):
                raise JournalError(f"{self._path}: rows of {self.dimension} numbers, not {dimension}; {WAY_OUT}")
            self._write(vectors.astype("<f4", copy=False).tobytes())
            self.dimension = dimension
            for key in keys:
                self._row_of[key] = self._rows
                self._rows += 1
        lines = []
        for sample in samples:
            key = item_key(sample)
            lines.append(msgspec.json.encode(Entry(sample.id, key, self._row_of[key], self.dimension or 0)) + b"\n")
            self._known.add((sample.id, key))
        self._index.write(b"".join(lines))
        self._index.sync()

    def close(self) -> None:
        """Close both files."""
        self._index.close()
        os.close(self._file)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _write(self, data: bytes) -> None:
        rest, at = memoryview(data), self._rows * (self.dimension or 0) * FLOAT_BYTES
        try:
            while rest:
                written = os.pwrite(self._file, rest, at)
                rest, at = rest[written:], at + written
            os.fsync(self._file)
        except OSError as error:
            raise self._refused(error) from error

    def _refused(self, error: OSError) -> JournalError:
        return JournalError(
            f"{self._path}: cannot be written: {error.strerror}; what was saved before is safe: free some space "
            "(or mend the permissions) and run the same command again, or choose another -o"
        )


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
    except OSError as error:
        raise JournalError(f"{path}: cannot be read: {error.strerror}") from error

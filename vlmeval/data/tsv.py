"""TSV files as MMBench and VLMEvalKit publish them: one row a question, images as base64 inside the cells.

The file is read once in pieces to find its rows (an index of byte offsets), and after that row by row: the images of a
400 MB file are never in memory together, and an image cell stays bytes. Quoting is that of Python's csv module with a
tab (quotes count at the start of a cell only, "" inside them is one quote), without its limit on a cell's length.
Reading by position, not through a memory map: a file that is cut short beneath a map kills the process without a word.

An image cell is base64, or a list of base64, or, up to 64 characters, the index of the row that holds the image
(rotations share it), or a path. https://github.com/open-compass/VLMEvalKit vlmeval/dataset/image_base.py.
"""

from __future__ import annotations

import hashlib
import os
import weakref
from array import array
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from vlmeval.data.cells import as_list, is_absent
from vlmeval.data.images import ImageFolders, Reader, file_image, from_base64, image_of
from vlmeval.data.table import Row, Table, plain_name
from vlmeval.data.tsv_rows import PIECE, RowIndex, split_row
from vlmeval.errors import DataError
from vlmeval.types import Image

REFERENCE = 64
"""Longest image cell that names another row instead of holding an image."""

_INDEX = ("index", "id", "question_id")
_KEPT = {*_INDEX, "g_index"}


class TsvTable(Table):
    """A TSV file. Row numbers count data rows from 0; messages name the line of the file where a row begins."""

    def __init__(self, path: Path, folders: ImageFolders) -> None:
        self._file = _open(path)
        self._closer = weakref.finalize(self, os.close, self._file)
        index = RowIndex()
        for piece in self._pieces(0, os.fstat(self._file).st_size):
            index.feed(piece)
        index.finish(str(path))
        self._starts, self._ends, self._lines = index.starts, index.ends, index.lines
        super().__init__(str(path), self._header(path))
        self._places = {column: place for place, column in enumerate(self.columns)}
        self._folders = folders
        self._rows_by_key: dict[str, int] | None = None
        self._kept: dict[str, list[str]] = {}

    def _header(self, path: Path) -> list[str]:
        if not self._starts:
            raise DataError(f"{path}: the file is empty; expected a header line and rows separated by tabs")
        raw = self._read(0)
        if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
            raise DataError(f"{path}: UTF-16 text; save the file as UTF-8")
        cells = [_decode(cell, f"{path}, line 1").strip() for cell in split_row(raw.removeprefix(b"\xef\xbb\xbf"))]
        if len(cells) == 1 and "," in cells[0]:
            raise DataError(f"{path}: the header has commas and no tab; save the table with tabs between the columns")
        return cells

    def __len__(self) -> int:
        return len(self._starts) - 1

    def row(self, number: int) -> TsvRow:
        """Return a row; its text is decoded cell by cell when asked for."""
        return TsvRow(self, number)

    def where(self, number: int) -> str:
        """Return file and line."""
        return f"{self.path}, line {self._lines[number + 1]}"

    def cells(self, number: int) -> list[bytes]:
        """Return all cells of a row as bytes, unquoted. Raises DataError where their count is not the header's."""
        cells = split_row(self._read(number + 1))
        if len(cells) != len(self.columns):
            raise DataError(
                f"{self.where(number)}: {len(cells)} cells, but the header has {len(self.columns)}; the row is cut "
                "off, or a tab or line break inside a cell is not quoted"
            )
        return cells

    def scan(self, names: Sequence[str]) -> Iterator[tuple[object, ...]]:
        """Yield these cells of every row as text, None for a missing column."""
        columns = [self.column(name) for name in names]
        if _KEPT.issuperset(names):
            self._keep([column for column in columns if column is not None])
            for number in range(len(self)):
                yield tuple(None if column is None else self._kept[column][number] for column in columns)
            return
        for number in range(len(self)):
            yield tuple(self._texts(number, columns))

    def _keep(self, columns: Sequence[str]) -> None:
        """Read key columns once; they are asked for several times, and small."""
        if missing := [column for column in columns if column not in self._kept]:
            rows = [self._texts(number, missing) for number in range(len(self))]
            for place, column in enumerate(missing):
                self._kept[column] = [texts[place] or "" for texts in rows]

    def _texts(self, number: int, columns: Sequence[str | None]) -> list[str | None]:
        cells, where = self.cells(number), self.where(number)
        return [None if column is None else _decode(cells[self._places[column]], where) for column in columns]

    def digest(self, numbers: Sequence[int]) -> str:
        """Return the sha256 over the header and these lines, raw, with the lines their image cells refer to.

        Image files that a path column names enter by name and size.
        """
        sha = hashlib.sha256(self._read(0))
        used = self._with_references(numbers)
        for first, last in _runs(used):
            for piece in self._pieces(self._starts[first + 1], self._ends[last + 1]):
                sha.update(piece)
            sha.update(b"\n")
        if self.column("image") is None:
            for number in used:
                row = self.row(number)
                for path in row.image_files():
                    sha.update(f"{path.name} {path.stat().st_size}\n".encode())
        return sha.hexdigest()

    def close(self) -> None:
        """Close the file."""
        self._closer()

    def number_of(self, key: str) -> int | None:
        """Return the row whose index is `key`. Raises DataError where two rows have one index."""
        if self._rows_by_key is None:
            self._rows_by_key = unique_keys(self)
        return self._rows_by_key.get(_plain_key(key))

    def _with_references(self, numbers: Sequence[int]) -> list[int]:
        column = self.column("image")
        used = set(numbers)
        if column is not None and len(used) < len(self):
            place = self._places[column]
            for number in numbers:
                cell = self.cells(number)[place]
                if 0 < len(cell) <= REFERENCE and (other := self.number_of(cell.decode("utf8", "replace"))) is not None:
                    used.add(other)
        return sorted(used)

    def _read(self, entry: int) -> bytes:
        start, end = self._starts[entry], self._ends[entry]
        data = os.pread(self._file, end - start, start)
        if len(data) != end - start:
            raise DataError(f"{self.path}: the file became shorter while it was read; start again with a whole file")
        return data

    def _pieces(self, start: int, end: int) -> Iterator[bytes]:
        while start < end:
            piece = os.pread(self._file, min(PIECE, end - start), start)
            if not piece:
                return
            start += len(piece)
            yield piece


class TsvRow(Row):
    """A row of a TSV file."""

    table: TsvTable

    def __init__(self, table: TsvTable, number: int) -> None:
        super().__init__(table, number)
        self._cells: list[bytes] | None = None

    def raw(self, column: str) -> bytes:
        """Return a cell as bytes."""
        if self._cells is None:
            self._cells = self.table.cells(self.number)
        return self._cells[self.table.columns.index(column)]

    def _cell(self, column: str) -> object:
        return _decode(self.raw(column), f'{self.where}, column "{column}"')

    def images(self, *names: str) -> tuple[Image, ...]:
        """Return the images of the first of these columns that has some; () without one."""
        for name in names:
            column = self.table.column(name)
            if column is not None and self.raw(column).strip() not in (b"", b"nan", b"NaN"):
                return self._images(column)
        return ()

    def _images(self, column: str) -> tuple[Image, ...]:
        raw = self.raw(column)
        where = f'{self.where}, column "{column}"'
        if not raw.lstrip().startswith(b"["):
            return (self._image(column, raw, None, where),)
        items = as_list(raw, where)
        return tuple(
            self._image(column, str(item).encode(), place, f"{where}, image {place + 1}")
            for place, item in enumerate(items)
        )

    def _image(self, column: str, cell: bytes, place: int | None, where: str) -> Image:
        if plain_name(column).endswith("path"):
            return file_image(self.table._folders.find([cell.decode("utf8", "replace")], where), where)
        if len(cell) > REFERENCE:
            return image_of(_cell_reader(self.table, self.number, column, place), where)
        name = cell.decode("utf8", "replace").strip()
        other = self.table.number_of(name)
        if other is None and "." in name:
            return file_image(self.table._folders.find([name], where), where)
        return self._referred(column, name, other, where)

    def _referred(self, column: str, name: str, other: int | None, where: str) -> Image:
        if other is None:
            raise DataError(f'{where}: "{name}" is no image, and no row has this index; put the image or a right index')
        cell = self.table.row(other).raw(column)
        if len(cell) <= REFERENCE:
            raise DataError(
                f'{where}: refers to row "{name}" ({self.table.where(other)}), which holds no image itself; '
                "refer to the row with the image"
            )
        return image_of(_cell_reader(self.table, other, column, None), f"{where} (image of row {name})")

    def image_files(self) -> list[Path]:
        """Return the files that the row's path column names, those that are there."""
        column = self.table.column("image_path")
        if column is None or is_absent(cell := self._cell(column)):
            return []
        where = f'{self.where}, column "{column}"'
        return [self.table._folders.find([str(item)], where) for item in as_list(cell, where)]


def unique_keys(table: Table) -> dict[str, int]:
    """Return row numbers by index. Raises DataError that names both rows where an index is used twice."""
    name = next((name for name in _INDEX if table.column(name)), None)
    if name is None:
        return {}
    found: dict[str, int] = {}
    for number, (value,) in enumerate(table.scan([name])):
        if is_absent(value):
            continue
        key = _plain_key(str(value))
        if (first := found.setdefault(key, number)) != number:
            raise DataError(
                f'{table.where(number)}, column "{name}": index {key} is already used in {table.where(first)}; '
                "give each row its own"
            )
    return found


def _plain_key(key: str) -> str:
    """Return an index as text; pandas writes integers as 12.0 where a column had a gap."""
    key = key.strip()
    return key[:-2] if key.endswith(".0") and key[:-2].isdigit() else key


def _cell_reader(table: TsvTable, number: int, column: str, place: int | None) -> Reader:
    def read() -> bytes:
        where = f'{table.where(number)}, column "{column}"'
        cell = table.row(number).raw(column)
        if place is not None:
            cell = str(as_list(cell, where)[place]).encode()
        return from_base64(cell, where)

    return read


def _open(path: Path) -> int:
    try:
        return os.open(path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from error


def _decode(cell: bytes, where: str) -> str:
    try:
        return cell.decode("utf8")
    except UnicodeDecodeError as error:
        raise DataError(f"{where}: not UTF-8 (byte {error.start} of the cell); save the file as UTF-8") from error


def _runs(numbers: Iterable[int]) -> Iterator[tuple[int, int]]:
    """Yield first and last of each run of neighbouring numbers, which are sorted."""
    runs: array[int] = array("q")
    for number in numbers:
        if runs and number == runs[-1] + 1:
            runs[-1] = number
        else:
            runs.extend((number, number))
    for place in range(0, len(runs), 2):
        yield runs[place], runs[place + 1]

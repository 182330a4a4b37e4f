"""JSON Lines and JSON lists of objects, images by path, data URL or base64."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from vlmeval.data.cells import is_absent
from vlmeval.data.images import ImageFolders, file_image, from_base64, image_of
from vlmeval.data.table import Row, Table
from vlmeval.data.tables import text_image
from vlmeval.errors import DataError
from vlmeval.types import Image

_LONGEST_PATH = 1024


class FileNames(tuple[str, ...]):
    """An image cell that names one file in several ways, the likeliest first."""

    __slots__ = ()


class RecordTable(Table):
    """Objects in memory (JSON holds no images). `places` are the lines or positions that messages name."""

    def __init__(
        self,
        path: Path,
        records: Sequence[dict[str, Any]],
        folders: ImageFolders,
        *,
        noun: str = "item",
        places: Sequence[int] = (),
    ) -> None:
        columns = dict.fromkeys(name for record in records for name in record)
        super().__init__(str(path), list(columns))
        self.records = records
        self._folders = folders
        self._noun = noun
        self._places = places

    def __len__(self) -> int:
        return len(self.records)

    def row(self, number: int) -> RecordRow:
        """Return a row."""
        return RecordRow(self, number)

    def where(self, number: int) -> str:
        """Return file and line, or file and item counted from 0."""
        return f"{self.path}, {self._noun} {self._places[number] if self._places else number}"

    def scan(self, names: Sequence[str]) -> Iterator[tuple[object, ...]]:
        """Yield these cells of every row."""
        columns = [self.column(name) for name in names]
        for record in self.records:
            yield tuple(None if column is None else record.get(column) for column in columns)

    def close(self) -> None:
        """Do nothing: the file was read whole."""

    def digest(self, numbers: Sequence[int]) -> str:
        """Return the sha256 over these objects as JSON, and over name and size of each image file they name.

        The bytes of image files enter each request's own digest, not this one: reading them all would cost minutes.
        """
        sha = hashlib.sha256()
        for number in numbers:
            record = {key: value for key, value in self.records[number].items() if not isinstance(value, FileNames)}
            sha.update(msgspec.json.encode(record))
            for path in self.row(number).image_files():
                sha.update(f"{path.name} {path.stat().st_size}\n".encode())
        return sha.hexdigest()


class RecordRow(Row):
    """A row of a RecordTable."""

    table: RecordTable

    def _cell(self, column: str) -> object:
        return self.table.records[self.number].get(column)

    def _images(self, column: str) -> tuple[Image, ...]:
        cell = self._cell(column)
        where = f'{self.where}, column "{column}"'
        items = list(cell) if isinstance(cell, list) else [cell]
        return tuple(self._image(item, where) for item in items if not is_absent(item))

    def _image(self, item: object, where: str) -> Image:
        if isinstance(item, FileNames):
            return file_image(self.table._folders.find(item, where), where)
        if isinstance(item, str):
            return text_image(item, self.table._folders, where)
        if isinstance(item, dict) and isinstance(text := item.get("bytes"), str):
            return image_of(lambda: from_base64(text.encode(), where), where)
        if isinstance(item, dict) and isinstance(name := item.get("path"), str):
            return text_image(name, self.table._folders, where)
        raise DataError(f"{where}: expected an image path, a data URL or base64, found {str(item)[:80]!r}")

    def image_files(self) -> Iterator[Path]:
        """Yield the image files that the row names and that exist."""
        for column in ("image", "images", "image_path"):
            name = self.table.column(column)
            cell = None if name is None else self._cell(name)
            for item in cell if isinstance(cell, list) else [cell]:
                names: tuple[str, ...] = ()
                if isinstance(item, FileNames):
                    names = item
                elif isinstance(item, str) and len(item) <= _LONGEST_PATH:
                    names = (item,)
                if not names:
                    continue
                try:
                    yield self.table._folders.find(names, self.where)
                except DataError:
                    # Said where the row is asked for, with its column; the digest is of what is there.
                    continue


def open_jsonl(path: Path, folders: ImageFolders) -> RecordTable:
    """Return the table in a JSON Lines file. Raises DataError that names the line that is no JSON object."""
    records, places = [], []
    for line, raw in enumerate(_content(path).split(b"\n"), start=1):
        if raw.strip():
            records.append(_object(raw, f"{path}, line {line}"))
            places.append(line)
    return RecordTable(path, records, folders, noun="line", places=places)


def _object(raw: bytes, where: str) -> dict[str, Any]:
    try:
        found = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise DataError(f"{where}: not JSON: {error}; each line is one object") from error
    if not isinstance(found, dict):
        raise DataError(f"{where}: expected an object, found {type(found).__name__}")
    return found


def read_json(path: Path) -> Any:
    """Return what a JSON file holds. Raises DataError that names the place of the mistake."""
    content = _content(path)
    try:
        return msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise DataError(f"{path}: not JSON: {error}; the file may be cut off: {len(content)} bytes") from error


def open_list(path: Path, found: Sequence[Any], folders: ImageFolders) -> RecordTable:
    """Return the table in a JSON list of objects. Raises DataError for an item that is none."""
    for place, item in enumerate(found):
        if not isinstance(item, dict):
            raise DataError(f"{path}, item {place}: expected an object, found {type(item).__name__}")
    return RecordTable(path, found, folders)


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes().removeprefix(b"\xef\xbb\xbf")
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from error

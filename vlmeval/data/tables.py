"""Parquet and Arrow files, and loaded hub data sets, through pyarrow: columns are read when asked for, images last.

An image cell is what the `datasets` library writes, a struct of `bytes` and `path`, or bare bytes, or a list of either.
Parquet keeps no place of a single cell: images are read by row group, or, where a group is large, in a stream that goes
forward; going back in such a group starts it again, so use them in order. Arrow files are mapped and have no such cost.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from vlmeval.data.cells import is_absent
from vlmeval.data.images import ImageFolders, Reader, file_image, from_base64, image_of
from vlmeval.data.table import Row, Table
from vlmeval.errors import DataError
from vlmeval.types import Image

_WHOLE_GROUP = 64 << 20
_STREAM_ROWS = 16
_KEPT_BYTES = 64 << 20
# How PNG, JPEG, GIF and WebP begin in base64: small pictures are no longer than a path.
_BASE64_HEADS = ("iVBORw0KGgo", "/9j/", "R0lGOD", "UklGR")


class ColumnReader:
    """A column of images of one parquet file, cell by cell, with the last ones kept (64 MiB at most)."""

    def __init__(self, file: Any, column: str) -> None:
        self._file = file
        self._column = column
        metadata = file.metadata
        self._bounds = [0]
        for group in range(metadata.num_row_groups):
            self._bounds.append(self._bounds[-1] + metadata.row_group(group).num_rows)
        self._kept: OrderedDict[int, Any] = OrderedDict()
        self._kept_bytes = 0
        self._stream: Iterator[Any] = iter(())
        # Images are read by many threads; the stream has one place.
        self._lock = threading.Lock()
        self._group = -1
        self._next = 0

    def cell(self, number: int) -> Any:
        """Return the cell of a row of the file."""
        with self._lock:
            return self._cell(number)

    def _cell(self, number: int) -> Any:
        if number in self._kept:
            self._kept.move_to_end(number)
            return self._kept[number]
        group = next(place for place, bound in enumerate(self._bounds[1:]) if number < bound)
        if group != self._group or self._next > number:
            self._start(group)
        while self._next <= number:
            batch = next(self._stream)
            for value in batch.column(0):
                self._keep(self._next, value.as_py(), floor=number)
                self._next += 1
        return self._kept[number]

    def _start(self, group: int) -> None:
        size = sum(
            chunk.total_uncompressed_size
            for place in range(self._file.metadata.num_columns)
            if (chunk := self._file.metadata.row_group(group).column(place)).path_in_schema.split(".")[0]
            == self._column
        )
        rows = self._bounds[group + 1] - self._bounds[group] if size <= _WHOLE_GROUP else _STREAM_ROWS
        self._stream = self._file.iter_batches(
            batch_size=max(rows, 1), row_groups=[group], columns=[self._column], use_threads=False
        )
        self._group, self._next = group, self._bounds[group]

    def _keep(self, number: int, value: Any, *, floor: int) -> None:
        if number in self._kept:
            return
        self._kept[number] = value
        self._kept_bytes += _weight(value)
        while self._kept_bytes > _KEPT_BYTES and len(self._kept) > 1:
            oldest = next(place for place in self._kept if place != floor)
            self._kept_bytes -= _weight(self._kept.pop(oldest))


def _weight(value: Any) -> int:
    if isinstance(value, bytes):
        return len(value)
    if isinstance(value, dict):
        return _weight(value.get("bytes"))
    return sum(map(_weight, value)) if isinstance(value, list) else 64


class ArrowTable(Table):
    """One or more parquet or Arrow files of one schema, in the order of their names, or a loaded data set."""

    def __init__(self, path: str, parts: Sequence[Any], folders: ImageFolders) -> None:
        """`parts` are pyarrow.parquet.ParquetFile or pyarrow.Table."""
        self._parts = parts
        self._bounds = [0]
        for part in parts:
            self._bounds.append(
                self._bounds[-1] + (part.num_rows if hasattr(part, "num_rows") else part.metadata.num_rows)
            )
        schema = parts[0].schema_arrow if hasattr(parts[0], "schema_arrow") else parts[0].schema
        super().__init__(path, schema.names)
        self._images = {name for name in schema.names if _holds_bytes(schema.field(name).type)}
        self._columns: dict[str, list[Any]] = {}
        self._readers: dict[tuple[int, str], ColumnReader] = {}
        self._folders = folders

    def __len__(self) -> int:
        return self._bounds[-1]

    def row(self, number: int) -> ArrowRow:
        """Return a row."""
        return ArrowRow(self, number)

    def where(self, number: int) -> str:
        """Return file and row, counted from 0."""
        return f"{self.path}, row {number}"

    def cell(self, number: int, column: str) -> Any:
        """Return a cell as Python value. Columns without bytes are read whole when first asked for."""
        if column not in self._images:
            if column not in self._columns:
                self._columns[column] = self._read(column)
            return self._columns[column][number]
        place = next(place for place, bound in enumerate(self._bounds[1:]) if number < bound)
        part, offset = self._parts[place], number - self._bounds[place]
        if hasattr(part, "num_rows"):
            return part.column(column)[offset].as_py()
        reader = self._readers.setdefault((place, column), ColumnReader(part, column))
        return reader.cell(offset)

    def scan(self, names: Sequence[str]) -> Iterator[tuple[object, ...]]:
        """Yield these cells of every row; None for a missing column and for one with bytes."""
        columns = [found if (found := self.column(name)) and found not in self._images else None for name in names]
        for number in range(len(self)):
            yield tuple(None if column is None else self.cell(number, column) for column in columns)

    def digest(self, numbers: Sequence[int]) -> str:
        """Return the sha256 over these rows' cells in column order: JSON, and the bytes of images as they are.

        A hub data set is known by id, configuration, split and revision instead.
        """
        sha = hashlib.sha256(msgspec.json.encode(self.columns))
        if self.revision:
            sha.update(f"{self.path}@{self.revision}".encode())
            return sha.hexdigest()
        for number in numbers:
            for column in self.columns:
                _update(sha, self.cell(number, column))
        return sha.hexdigest()

    def whole(self) -> Any:
        """Return all rows as one pyarrow.Table, images included; parquet files are read whole."""
        import pyarrow as arrow

        return arrow.concat_tables([part if hasattr(part, "num_rows") else part.read() for part in self._parts])

    def _read(self, column: str) -> list[Any]:
        values: list[Any] = []
        for part in self._parts:
            read = part if hasattr(part, "num_rows") else part.read(columns=[column], use_threads=False)
            values.extend(read.column(column).to_pylist())
        return values

    def close(self) -> None:
        """Close the files."""
        for part in self._parts:
            if hasattr(part, "close"):
                part.close()


class ArrowRow(Row):
    """A row of an ArrowTable."""

    table: ArrowTable

    def _cell(self, column: str) -> object:
        return self.table.cell(self.number, column)

    def _images(self, column: str) -> tuple[Image, ...]:
        value = self.table.cell(self.number, column)
        where = f'{self.where}, column "{column}"'
        if not isinstance(value, list):
            return (self._image(value, column, None, where),)
        return tuple(
            self._image(item, column, place, f"{where}, image {place + 1}")
            for place, item in enumerate(value)
            if not is_absent(item)
        )

    def _image(self, value: Any, column: str, place: int | None, where: str) -> Image:
        data = value.get("bytes") if isinstance(value, dict) else value
        if isinstance(data, bytes):
            return image_of(_cell_reader(self.table, self.number, column, place), where)
        name = value.get("path") if isinstance(value, dict) else value
        if isinstance(name, str) and name:
            return text_image(name, self.table._folders, where)
        raise DataError(f"{where}: expected an image (bytes, or a struct of bytes and path), found {str(value)[:80]!r}")


def text_image(text: str, folders: ImageFolders, where: str) -> Image:
    """Return the image that a string names: a data URL, base64 (long or headed as an image, and no dot), or a path."""
    if text.startswith("data:") or ("." not in text and (len(text) > 256 or text.startswith(_BASE64_HEADS))):
        return image_of(lambda: from_base64(text.encode(), where), where)
    return file_image(folders.find([text], where), where)


def _cell_reader(table: ArrowTable, number: int, column: str, place: int | None) -> Reader:
    def read() -> bytes:
        value = table.cell(number, column)
        item = value if place is None else value[place]
        return bytes(item["bytes"] if isinstance(item, dict) else item)

    return read


def _holds_bytes(kind: Any) -> bool:
    """Tell whether a pyarrow type is bytes, or a list or struct with bytes in it."""
    import pyarrow.types as kinds

    if kinds.is_struct(kind):
        return any(_holds_bytes(kind.field(place).type) for place in range(kind.num_fields))
    if kinds.is_dictionary(kind):
        return _holds_bytes(kind.value_type)
    if kinds.is_list(kind) or kinds.is_large_list(kind) or kinds.is_fixed_size_list(kind):
        return _holds_bytes(kind.value_type)
    return bool(kinds.is_binary(kind) or kinds.is_large_binary(kind) or kinds.is_fixed_size_binary(kind))


def _update(sha: Any, value: Any) -> None:
    if isinstance(value, bytes):
        sha.update(b"%d:" % len(value))
        sha.update(value)
    elif isinstance(value, dict):
        for key, item in value.items():
            sha.update(msgspec.json.encode(key))
            _update(sha, item)
    elif isinstance(value, list):
        sha.update(b"[%d" % len(value))
        for item in value:
            _update(sha, item)
    else:
        sha.update(msgspec.json.encode(value if not hasattr(value, "isoformat") else value.isoformat()))


def open_arrow(paths: Sequence[Path], folders: ImageFolders) -> ArrowTable:
    """Return the table in parquet or Arrow files (IPC file or stream). Raises DataError for what is neither."""
    import pyarrow as arrow
    import pyarrow.ipc as ipc
    import pyarrow.parquet as parquet

    parts: list[Any] = []
    for path in paths:
        try:
            if path.suffix == ".parquet":
                parts.append(parquet.ParquetFile(path))
                continue
            mapped = arrow.memory_map(str(path))
            try:
                parts.append(ipc.open_file(mapped).read_all())
            except arrow.ArrowInvalid:
                mapped.seek(0)
                parts.append(ipc.open_stream(mapped).read_all())
        except (arrow.ArrowInvalid, OSError, EOFError) as error:
            raise DataError(f"{path}: no whole {path.suffix[1:]} file ({error}); fetch it again") from error
    first = _schema(parts[0])
    for path, part in zip(paths, parts, strict=True):
        if set(_schema(part).names) != set(first.names):
            raise DataError(f"{path}: other columns than {paths[0].name}; pass one of the files, not the folder")
    name = paths[0] if len(paths) == 1 else paths[0].parent
    return ArrowTable(str(name), parts, folders)


def _schema(part: Any) -> Any:
    return part.schema_arrow if hasattr(part, "schema_arrow") else part.schema

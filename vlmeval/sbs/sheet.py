"""Files of rows as columns: CSV and TSV through Arrow, JSON and JSON Lines through msgspec, gzip or not."""

from __future__ import annotations

import csv
import gzip
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import msgspec
import numpy as np

from vlmeval.errors import DataError
from vlmeval.sbs.votes import Column
from vlmeval.stats.clusters import Floats

SEPARATORS = {".csv": ",", ".tsv": "\t"}
LINES = {".jsonl", ".ndjson"}
ENDINGS = (*SEPARATORS, *LINES, ".json")


class Sheet(Protocol):
    """Rows of named columns. `where` names the file in messages; rows are counted from 1 below the header."""

    where: str
    columns: tuple[str, ...]

    def __len__(self) -> int: ...

    def texts(self, name: str) -> Column:
        """Return a column as names; a missing cell is ""."""
        ...

    def numbers(self, name: str) -> Floats | None:
        """Return a column as finite numbers (n,), None where some cell is not one."""
        ...


def read_sheet(path: Path) -> Sheet:
    """Return the rows of a file, by its ending. Raises DataError that names file and line."""
    ending = Path(path.name.removesuffix(".gz")).suffix.lower()
    if ending not in ENDINGS:
        raise DataError(f"{path}: votes are read from {', '.join(ENDINGS)}, also with .gz; this ends in {ending!r}")
    try:
        if ending in SEPARATORS:
            return ArrowSheet(path, SEPARATORS[ending])
        data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (OSError, EOFError) as error:
        raise DataError(f"{path}: cannot be read: {error}") from error
    return RowSheet(str(path), _json_lines(data, path) if ending in LINES else _json_rows(data, path))


class ArrowSheet:
    """A delimited file. Cells are parsed into dictionaries at once: two million rows take less than a second."""

    def __init__(self, path: Path, separator: str) -> None:
        import pyarrow
        import pyarrow.csv

        self.where = str(path)
        self.columns = _header(path, separator)
        coded = pyarrow.dictionary(pyarrow.int32(), pyarrow.string())
        try:
            with pyarrow.input_stream(str(path), compression="detect") as stream:
                self._table = pyarrow.csv.read_csv(
                    stream,
                    parse_options=pyarrow.csv.ParseOptions(delimiter=separator, newlines_in_values=True),
                    convert_options=pyarrow.csv.ConvertOptions(
                        column_types=dict.fromkeys(self.columns, coded), strings_can_be_null=False
                    ),
                )
        except pyarrow.ArrowInvalid as error:
            raise DataError(f"{path}: not a table: {error}") from error

    def __len__(self) -> int:
        return int(self._table.num_rows)

    def texts(self, name: str) -> Column:
        """Return a column as names."""
        whole = self._table.column(name).unify_dictionaries().combine_chunks()
        chunks = whole.chunks if hasattr(whole, "chunks") else [whole]
        if not chunks:
            return Column((), np.zeros(0, dtype=np.int32))
        return Column(tuple(chunks[0].dictionary.to_pylist()), np.concatenate([_codes(chunk) for chunk in chunks]))

    def numbers(self, name: str) -> Floats | None:
        """Return a column as numbers."""
        column = self.texts(name)
        values = [_number(cell) for cell in column.names]
        if None in values:
            return None
        return np.array(values, dtype=np.float64)[column.codes]


class RowSheet:
    """Rows of a JSON file."""

    def __init__(self, where: str, rows: Sequence[dict[str, Any]]) -> None:
        self.where = where
        self._rows = rows
        self.columns = tuple(dict.fromkeys(key for row in rows for key in row))

    def __len__(self) -> int:
        return len(self._rows)

    def texts(self, name: str) -> Column:
        """Return a column as names; a list of one value is that value."""
        return Column.of([_text(row.get(name)) for row in self._rows])

    def numbers(self, name: str) -> Floats | None:
        """Return a column as numbers."""
        cells = [row.get(name) for row in self._rows]
        if not all(isinstance(cell, int | float) and not isinstance(cell, bool) for cell in cells):
            return None
        values = np.array(cells, dtype=np.float64)
        return values if np.isfinite(values).all() else None


def _codes(chunk: Any) -> Any:
    return chunk.indices.to_numpy(zero_copy_only=False)


def _header(path: Path, separator: str) -> tuple[str, ...]:
    opened = gzip.open if path.suffix == ".gz" else open
    try:
        with opened(path, "rt", encoding="utf-8-sig") as file:
            names = next(csv.reader(file, delimiter=separator), None)
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: not UTF-8: {error}") from error
    if not names:
        raise DataError(f"{path}: empty; expected a header and a row for each vote")
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise DataError(f'{path}: the column "{twice[0]}" stands there twice')
    return tuple(names)


def _json_lines(data: bytes, path: Path) -> list[dict[str, Any]]:
    decoder = msgspec.json.Decoder(dict[str, Any])
    rows = []
    for number, line in enumerate(data.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            rows.append(decoder.decode(line))
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise DataError(f"{path}, line {number}: not a JSON object: {error}") from error
    return rows


def _json_rows(data: bytes, path: Path) -> list[dict[str, Any]]:
    """Return a list of objects, or of WildVision's battles [question_id, model_a, model_b, winner]."""
    try:
        found = msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: not JSON: {error}") from error
    if not isinstance(found, list):
        raise DataError(f"{path}: expected a list of votes")
    rows = []
    for number, row in enumerate(found, start=1):
        if isinstance(row, list) and len(row) == 4:
            rows.append(dict(zip(("question_id", "model_a", "model_b", "winner"), row, strict=True)))
        elif isinstance(row, dict):
            rows.append(row)
        else:
            raise DataError(f"{path}, row {number}: expected an object or [question_id, model_a, model_b, winner]")
    return rows


def _text(value: Any) -> str:
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if value is None:
        return ""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _number(cell: str) -> float | None:
    try:
        value = float(cell)
    except ValueError:
        return None
    return value if math.isfinite(value) else None

"""Spreadsheets, .xlsx and .csv, as rows of text: "None" and "NA" are words, a formula is its own text."""

from __future__ import annotations

import csv
import gzip
import sys
import warnings
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, cast

from vlmeval.data.images import ImageFolders
from vlmeval.data.jsonl import RecordTable
from vlmeval.errors import DataError

NumberedRow = tuple[int, dict[str, Any]]


def open_sheet(path: Path, folders: ImageFolders) -> RecordTable:
    """Return the first sheet of an .xlsx, or a .csv, as a table. Raises DataError for a file that is neither."""
    excel = path.suffix.lower() == ".xlsx"
    try:
        rows = list(excel_rows(path) if excel else separated_rows(path, ","))
    except (UnicodeDecodeError, csv.Error, zipfile.BadZipFile, OSError) as error:
        raise DataError(f"{path}: cannot be read as {path.suffix}: {error}") from error
    records, places = [row for _, row in rows], [number for number, _ in rows]
    return RecordTable(path, records, folders, noun="row" if excel else "line", places=places)


def open_text(path: Path) -> IO[str]:
    """Return the file as text, unpacked where it ends in .gz; line ends are left alone."""
    if path.suffix.lower() == ".gz":
        return cast(IO[str], gzip.open(path, "rt", encoding="utf-8-sig", newline=""))
    return open(path, encoding="utf-8-sig", newline="")


def separated_rows(path: Path, delimiter: str) -> Iterator[NumberedRow]:
    """Yield (line number, cells by column). Raises DataError for a row of another length than the header."""
    csv.field_size_limit(sys.maxsize)
    with open_text(path) as file:
        reader = csv.reader(file, delimiter=delimiter, strict=True)
        header = next(reader, None)
        before = reader.line_num
        for cells in reader:
            number, before = before + 1, reader.line_num
            if not cells:
                continue
            if header is None or len(cells) != len(header):
                raise DataError(f"{path}, line {number}: {len(cells)} cells, but the header has {len(header or ())}")
            yield number, dict(zip(header, cells, strict=True))


def excel_rows(path: Path) -> Iterator[NumberedRow]:
    """Yield (row number, cells by column) of the first sheet; an empty cell is "", which is how Excel keeps one."""
    import openpyxl

    with warnings.catch_warnings(), open(path, "rb") as file:
        warnings.simplefilter("ignore", UserWarning)  # openpyxl's remarks on styles say nothing about texts
        try:
            book = openpyxl.load_workbook(file, read_only=True, data_only=False, keep_links=False)
        except (KeyError, ValueError) as error:
            raise DataError(f"{path}: not an .xlsx: {error}") from error
        sheet = book.worksheets[0]
        sheet.reset_dimensions()
        lines = sheet.iter_rows(values_only=True)
        header = [str(cell) for cell in next(lines, ())]
        for number, cells in enumerate(lines, start=2):
            if any(cell is not None for cell in cells):
                whole = [*cells, *[None] * (len(header) - len(cells))]  # empty cells at the end are not stored
                yield number, {name: "" if cell is None else cell for name, cell in zip(header, whole, strict=False)}
        book.close()

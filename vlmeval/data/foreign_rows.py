"""The rows of VLMEvalKit's result files as a table of questions.

VLMEvalKit reads its data with pandas, which takes an option "None" or "NA" for nothing: the model was not shown it, and
the result has an empty cell there. Such a cell stands for an option that cannot be chosen, and the letters after it
stay what they were. An empty cell is one where an option with a later letter, or the gold, says so; in a CircularEval
group in any pass.
"""

from __future__ import annotations

import csv
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from vlmeval.data.cells import LOST_OPTION, as_text, is_absent
from vlmeval.data.circular import PASS, is_number
from vlmeval.data.images import ImageFolders
from vlmeval.data.jsonl import RecordTable
from vlmeval.data.sheets import excel_rows, separated_rows
from vlmeval.data.sources import open_table
from vlmeval.errors import DataError

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def open_result(path: Path, folders: ImageFolders, *, circular: bool) -> tuple[RecordTable, int]:
    """Return the rows, and how many options were lost. Raises DataError for a file that cannot be read."""
    table = _open(path, folders)
    last: dict[object, int] = {}
    for number, row in enumerate(table.records):
        group = _group(row, number, circular=circular)
        last[group] = max(last.get(group, 0), *_places(row, table))
    lost = 0
    for number, row in enumerate(table.records):
        for letter in _LETTERS[: last[_group(row, number, circular=circular)]]:
            if letter in table.columns and is_absent(row.get(letter)):
                row[letter] = LOST_OPTION
                lost += 1
    return table, lost


def _open(path: Path, folders: ImageFolders) -> RecordTable:
    try:
        if path.suffix.lower() in (".xlsx", ".tsv"):
            excel = path.suffix.lower() == ".xlsx"
            numbered = list(excel_rows(path) if excel else separated_rows(path, "\t"))
            records = [row for _, row in numbered]
            places = [number for number, _ in numbered]
            return RecordTable(path, records, folders, noun="row" if excel else "line", places=places)
        table = open_table(path, folders)
    except (UnicodeDecodeError, csv.Error, zipfile.BadZipFile, OSError) as error:
        raise DataError(f"{path}: cannot be read as {path.suffix}: {error}") from error
    if not isinstance(table, RecordTable):
        raise DataError(f"{path}: expected a list of objects, one for each question")
    return table


def _places(row: dict[str, Any], table: RecordTable) -> Iterator[int]:
    """Yield the places, from 1, of the letters that have an option, and of the gold."""
    yield 0
    for place, letter in enumerate(_LETTERS, start=1):
        if letter in table.columns and (not is_absent(row.get(letter)) or row.get("answer") == letter):
            yield place


def _group(row: dict[str, Any], number: int, *, circular: bool) -> object:
    """Return what the passes of a question share; the row's own number where there are none."""
    index = row.get("index")
    text = as_text(index, "") if circular and isinstance(index, (str, int, float)) else None
    return int(text) % PASS if text is not None and is_number(text) else (number,)

"""Answers that other programs wrote: rows with an id and a text, as JSONL, JSON, CSV, TSV (also .gz), .xlsx or .pkl.

Text stays text: "None", "NA" and "nan" are answers, a formula is its own words, and nothing is evaluated. Pickles
(VLMEvalKit's checkpoints: answers by index) are read without running what they name.
"""

from __future__ import annotations

import csv
import gzip
import json
import math
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from vlmeval.data.pickles import read_pickle
from vlmeval.data.sheets import excel_rows, open_text, separated_rows
from vlmeval.errors import DataError
from vlmeval.registry import did_you_mean
from vlmeval.types import Failure, Outcome, Output

ID_COLUMNS = ("index", "id", "question_id", "sample_id", "image_id")
TEXT_COLUMNS = ("prediction", "response", "text", "answer", "caption")
"""In this order: VLMEvalKit's files hold the model's words in `prediction` and the gold in `answer`. COCO's results
have `image_id` and `caption`."""

_EXCEL_CELL = 32_767
"""Characters that an Excel cell holds. A text of this very length was cut when it was written."""

_VLMEVALKIT_FAILED = "Failed to obtain answer via API"
"""What VLMEvalKit writes in place of an answer when a call failed (vlmeval/api/base.py, fail_msg)."""

_UNITS = {".xlsx": "row", ".json": "entry", ".pkl": "entry"}
_Row = tuple[int, dict[str, Any]]


def read_answers(path: Path, *, id_column: str = "", text_column: str = "") -> dict[str, Outcome]:
    """Return the answer of every row by its id; rows without one (null) are left out.

    Raises DataError for an unreadable file, a missing column, or an id that is there twice, with both rows.
    """
    kind = file_kind(path)
    unit = _UNITS.get(kind, "line")
    outcomes: dict[str, Outcome] = {}
    rows: dict[str, int] = {}
    try:
        for number, row in _READERS[kind](path):
            if not rows:
                id_column = _column(path, row, id_column, ID_COLUMNS, option="id_column")
                text_column = _column(path, row, text_column, TEXT_COLUMNS, option="text_column")
            where = f"{path}, {unit} {number}"
            key = _key(row.get(id_column), where, id_column)
            if key in rows:
                raise DataError(f"{where}: id {key} is also in {unit} {rows[key]}; ids must be unique")
            rows[key] = number
            text = _text(row.get(text_column), where, text_column)
            if text is not None:
                outcomes[key] = _outcome(text, excel=kind == ".xlsx")
    except (UnicodeDecodeError, zipfile.BadZipFile, gzip.BadGzipFile, EOFError, OSError, csv.Error) as error:
        raise DataError(f"{path}: cannot be read as {kind}: {error}") from error
    if not rows:
        raise DataError(f"{path}: holds no rows")
    return outcomes


def file_kind(path: Path) -> str:
    """Return the ending that tells how to read the file. Raises DataError for one that is not read."""
    endings = [ending.lower() for ending in path.suffixes if ending.lower() != ".gz"]
    kind = endings[-1] if endings else ""
    if kind not in _READERS:
        raise DataError(f'{path}: answers are read from {", ".join(_READERS)} or a run folder, not from "{kind}"')
    return kind


def _json_lines(path: Path) -> Iterator[_Row]:
    with open_text(path) as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except (ValueError, RecursionError) as error:
                raise DataError(f"{path}, line {number}: not JSON: {error}") from error
            yield number, _object(row, f"{path}, line {number}")


def _json_array(path: Path) -> Iterator[_Row]:
    with open_text(path) as file:
        try:
            value = json.load(file)
        except (ValueError, RecursionError) as error:
            raise DataError(f"{path}: not JSON: {error}") from error
    if isinstance(value, dict) and all(isinstance(item, str) for item in value.values()):
        value = [{"id": key, "text": text} for key, text in value.items()]
    if not isinstance(value, list):
        raise DataError(f"{path}: expected a list of objects, or an object of id to text")
    for number, row in enumerate(value, start=1):
        yield number, _object(row, f"{path}, entry {number}")


def _pickle_entries(path: Path) -> Iterator[_Row]:
    """Yield the answers of a checkpoint, {index: text}; newer ones keep the text under "prediction"."""
    value = read_pickle(path)
    if not isinstance(value, dict):
        raise DataError(f"{path}: expected answers by index, found a {type(value).__name__}")
    for number, (key, answer) in enumerate(value.items(), start=1):
        text = answer.get("prediction") if isinstance(answer, dict) else answer
        yield number, {"index": key, "prediction": text}


def _object(row: Any, where: str) -> dict[str, Any]:
    if not isinstance(row, dict):
        raise DataError(f"{where}: expected an object with an id and a text, not {type(row).__name__}")
    return row


_READERS = {
    ".jsonl": _json_lines,
    ".json": _json_array,
    ".csv": lambda path: separated_rows(path, ","),
    ".tsv": lambda path: separated_rows(path, "\t"),
    ".xlsx": excel_rows,
    ".pkl": _pickle_entries,
}


def _column(path: Path, row: dict[str, Any], wanted: str, usual: tuple[str, ...], *, option: str) -> str:
    """Return the column to read: the one asked for, else the first usual one. Raises DataError where there is none."""
    if wanted:
        if wanted not in row:
            raise DataError(f'{path}: no column "{wanted}"{did_you_mean(wanted, row)}; it has {", ".join(row)}')
        return wanted
    found = next((name for name in usual if name in row), None)
    if found is None:
        raise DataError(
            f"{path}: none of the columns {', '.join(usual)}; it has {', '.join(map(str, row))}; "
            f"--model-args {option}=NAME says which to read"
        )
    return found


def _key(value: Any, where: str, column: str) -> str:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, (str, int)) or value == "":
        raise DataError(f'{where}: column "{column}" holds no id')
    return str(value)


def _text(value: Any, where: str, column: str) -> str | None:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, (dict, list)):
        raise DataError(f'{where}: column "{column}" holds a {type(value).__name__}, expected a text')
    return str(value)


def _outcome(text: str, *, excel: bool) -> Outcome:
    if text.lstrip().startswith(_VLMEVALKIT_FAILED):
        return Failure("rejected", "the file records a failed call here (VLMEvalKit)")
    return Output(text, "length" if excel and len(text) == _EXCEL_CELL else "stop")

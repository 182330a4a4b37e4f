"""Recorded outputs of real models with the official scorers' results: folders by the prefix of their name.

A folder's files are found by the beginning of their names and read by their endings (JSON, JSON Lines, TSV, CSV, .xlsx,
each packed by gzip or not), so that another model's folder needs no code. The folder of cases is VLMEVAL_CASES, else
../shared/cases beside the checkout.
"""

import csv
import gzip
import io
import json
import math
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import openpyxl

CASES = Path(os.environ.get("VLMEVAL_CASES") or Path(__file__).resolve().parents[3] / "shared" / "cases")
REASON = f"no recorded cases in {CASES}; set VLMEVAL_CASES"
_MISSING = "#N/A #NA -1.#IND -1.#QNAN -NaN -nan 1.#IND 1.#QNAN <NA> N/A NA NULL NaN None n/a nan null"
PANDAS_MISSING = frozenset(["", "#N/A N/A", *_MISSING.split()])
"""Cells that pandas reads as missing: the official programs lose an option there, and read a prediction as "nan"."""


_FORMATS = (".jsonl", ".json", ".tsv", ".csv", ".xlsx")
_NO_ROWS = ("EXPECTED", "SOURCE", "per_")


@dataclass(frozen=True)
class Case:
    """One folder."""

    folder: Path

    @cached_property
    def expected(self) -> dict[str, Any]:
        """EXPECTED.json."""
        found: dict[str, Any] = json.loads((self.folder / "EXPECTED.json").read_text("utf8"))
        return found

    def files(self, *stems: str) -> list[Path]:
        """Return the files whose names begin so, in the order of `stems`, then of the formats, then by name."""
        found = [path for path in sorted(self.folder.iterdir()) if _format(path)]
        return [
            path
            for stem in stems
            for path in sorted(found, key=lambda path: _FORMATS.index(_format(path)))
            if path.name.startswith(stem)
        ]

    def load(self, *stems: str) -> Any:
        """Return what the first of `files` holds, None where there is none."""
        return next((contents(path) for path in self.files(*stems)), None)

    @cached_property
    def rows(self) -> list[dict[str, Any]]:
        """The rows, cells as the file has them, absent ones left out."""
        path = next(path for path in self.files("rows", "") if not path.name.startswith(_NO_ROWS))
        found = as_records(contents(path))
        return [{key: value for key, value in row.items() if value is not None} for row in found]

    @cached_property
    def verdicts(self) -> Any:
        """The official results per sample, as the folder has them; {} where it has none."""
        return self.load("per_sample", "per_question") or {}

    @property
    def is_listed(self) -> bool:
        """Whether PARITY.md shows the case: bounds of our own rule are set on those, parity is asked of all."""
        return f"| {self.folder.name} |" in Path(__file__).with_name("PARITY.md").read_text("utf8")


def _format(path: Path) -> str:
    """Return the ending that says how a file is read, "" for other files."""
    ending = Path(path.name.removesuffix(".gz")).suffix.lower()
    return ending if ending in _FORMATS else ""


def contents(path: Path) -> Any:
    """Return what a file holds: a list of rows for tables."""
    raw = path.read_bytes()
    raw = gzip.decompress(raw) if path.suffix == ".gz" else raw
    ending = _format(path)
    if ending == ".xlsx":
        return list(_sheet(raw))
    text = raw.decode("utf-8-sig")
    if ending == ".json":
        return json.loads(text)
    if ending == ".jsonl":
        return [json.loads(line) for line in text.split("\n") if line.strip()]
    csv.field_size_limit(sys.maxsize)
    lines = csv.DictReader(io.StringIO(text, newline=""), delimiter="\t" if ending == ".tsv" else ",")
    return [{key: {"True": True, "False": False}.get(cell, cell) for key, cell in line.items()} for line in lines]


def as_records(data: Any) -> list[dict[str, Any]]:
    """Return rows: a list of them, columns of equal length, or rows by id (MathVista's own files)."""
    if isinstance(data, list):
        return data
    columns = list(data.values())
    if all(isinstance(column, list) for column in columns):
        return [dict(zip(data, cells, strict=True)) for cells in zip(*columns, strict=True)]
    return [{"pid": key, "index": key, **row} for key, row in data.items()]


@dataclass(frozen=True)
class Parity:
    """An official figure and ours on the same replies: a line of PARITY.md.

    `largest` is the largest difference in all that the line stands for: the figure, its breakdowns, every sample. Where
    the official program draws at random, those samples are left out of it, and `note` says so. `default` is the figure
    of our own reading, which tasks use, where that is not the official one.
    """

    figure: str
    n: int
    official: float
    ours: float
    largest: float
    note: str = ""
    default: float | None = None


Lines = Callable[[Case], Iterable[Parity]]
LINES: list[tuple[tuple[str, ...], Lines]] = []
"""What each module of parity tests compares, by the prefixes of its folders; PARITY.md is made of it."""


def compares(*prefixes: str) -> Callable[[Lines], Lines]:
    """Register a function that gives the lines of a case whose folder name begins with one of `prefixes`."""

    def register(lines: Lines) -> Lines:
        LINES.append((prefixes, lines))
        return lines

    return register


def largest_difference(ours: Mapping[str, float], official: Mapping[str, float]) -> float:
    """Return the largest difference of two tables with the same keys; infinity where the keys differ."""
    if set(ours) != set(official):
        return math.inf
    return max((abs(ours[name] - official[name]) for name in official), default=0.0)


def found_cases(*prefixes: str) -> list[Case]:
    """Return the cases whose folder name begins with one of `prefixes`, sorted by name."""
    if not CASES.is_dir():
        return []
    return [Case(path) for path in sorted(CASES.iterdir()) if path.is_dir() and path.name.startswith(prefixes)]


def _sheet(raw: bytes) -> Iterator[dict[str, Any]]:
    book = openpyxl.load_workbook(io.BytesIO(raw), read_only=True)
    try:
        rows = book.worksheets[0].iter_rows(values_only=True)
        header = [str(cell) for cell in next(rows)]
        for row in rows:
            yield dict(zip(header, row, strict=False))
    finally:
        book.close()

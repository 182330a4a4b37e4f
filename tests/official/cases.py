"""Recorded outputs of real models with the official scorers' results: folders by the prefix of their name.

A folder is read by its format (rows.jsonl.gz, else the .xlsx), so that another model's folder needs no code. The folder
of cases is VLMEVAL_CASES, else ../shared/cases beside the checkout.
"""

import gzip
import json
import math
import os
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


@dataclass(frozen=True)
class Case:
    """One folder."""

    folder: Path

    @cached_property
    def expected(self) -> dict[str, Any]:
        """EXPECTED.json."""
        return json.loads((self.folder / "EXPECTED.json").read_text("utf8"))

    @cached_property
    def rows(self) -> list[dict[str, Any]]:
        """The rows, cells as the file has them, empty ones left out."""
        packed = self.folder / "rows.jsonl.gz"
        if packed.exists():
            with gzip.open(packed, "rt", encoding="utf8") as lines:
                found = [json.loads(line) for line in lines]
        else:
            found = list(_sheet(next(iter(sorted(self.folder.glob("*.xlsx"))))))
        return [{key: value for key, value in row.items() if value is not None} for row in found]

    @cached_property
    def verdicts(self) -> Any:
        """The official results per sample, as the folder has them; {} where it has none."""
        for stem in ("per_sample", "per_question"):
            for path in (self.folder / f"{stem}.json.gz", self.folder / f"{stem}.json"):
                if path.exists():
                    data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
                    return json.loads(data)
        return {}


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


def _sheet(path: Path) -> Iterator[dict[str, Any]]:
    book = openpyxl.load_workbook(path, read_only=True)
    try:
        rows = book.active.iter_rows(values_only=True)
        header = [str(cell) for cell in next(rows)]
        for row in rows:
            yield dict(zip(header, row, strict=False))
    finally:
        book.close()

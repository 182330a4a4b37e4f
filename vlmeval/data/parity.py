"""Recorded cases whose official result a task's scores were compared with: `tasks/parity.json` of the catalog.

The file is written by `python -m tests.official.parity_table`, beside the table that people read.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec
from msgspec import Struct

from vlmeval.data.catalog import catalog_roots
from vlmeval.errors import ConfigError

FILE = "parity.json"


class ParityLine(Struct, frozen=True):
    """One figure of one case: `tasks` score as it was scored, `difference` is the largest in it, as a bound."""

    case: str
    tasks: tuple[str, ...]
    figure: str
    n: int
    official: str
    ours: str
    difference: str
    default: str = ""
    note: str = ""


def parity_lines(task: str, roots: Sequence[Path] = ()) -> list[ParityLine]:
    """Return the lines of a task, in the order of the table. Raises ConfigError for a file that is no such table."""
    found: list[ParityLine] = []
    for root in catalog_roots(roots):
        path = root / "tasks" / FILE
        if path.is_file():
            try:
                found += msgspec.json.decode(path.read_bytes(), type=list[ParityLine])
            except msgspec.DecodeError as error:
                raise ConfigError(f"{path}: no table of parity: {error}; install again") from error
    return [line for line in found if task in line.tasks]


def parity_summary(lines: Iterable[ParityLine]) -> list[str]:
    """Return a line for each case: questions, the first figure, how many more, the largest difference of all."""
    cases: dict[str, list[ParityLine]] = {}
    for line in lines:
        cases.setdefault(line.case, []).append(line)
    shown = []
    for case, found in cases.items():
        first = found[0]
        more = f", {len(found) - 1} more lines" if len(found) > 1 else ""
        largest = max((line.difference for line in found), key=_bound)
        shown.append(
            f"{case}: n {first.n}; {first.figure}{more}: official {first.official}, ours {first.ours}, largest "
            f"difference {largest}{f' ({first.note})' if first.note else ''}"
        )
    return shown


def _bound(text: str) -> float:
    return float(text.removeprefix("<"))

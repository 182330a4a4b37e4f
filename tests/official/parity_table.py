"""PARITY.md from the recorded cases: `python -m tests.official.parity_table` writes it.

Each module of parity tests registers what it compares (`compares` in `cases.py`); a further one changes nothing here.
"""

import importlib
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from tests.official.cases import LINES, Case, Parity, found_cases

TABLE = Path(__file__).with_name("PARITY.md")
TOLERANCE = 1e-9
_HEAD = """\
# Parity with the official scorers

Recorded outputs of real models, scored by the official program and by ours. `largest difference` is over all that a
line stands for: the figure, its breakdowns, every sample's verdict. `our default` is the figure with replies read as
tasks read them, where that is not the official way: nothing is drawn, what cannot be read is unparsed. Written by
`python -m tests.official.parity_table`; `tests/official` compares it with the cases each time it runs.

"""
_COLUMNS = ("case", "figure", "n", "official", "ours", "largest difference", "our default", "note")
_NUMBERS = ("n", "official", "ours", "our default")


def modules() -> None:
    """Import every module of parity tests, so that all have registered."""
    for path in sorted(Path(__file__).parent.glob("test_*_parity.py")):
        importlib.import_module(f"tests.official.{path.stem}")


@cache
def lines_of(case: Case) -> list[Parity]:
    """Return the lines of a case, [] where no module compares it."""
    modules()
    return [
        line for prefixes, lines in LINES if case.folder.name.startswith(prefixes) for line in lines(case)
    ]  # fmt: skip


def row(case: Case, line: Parity) -> str:
    """Return a line of the table: ten digits, and differences by size, the same on every machine."""
    default = "" if line.default is None else f"{line.default:.10g}"
    cells = (
        case.folder.name, line.figure, str(line.n), f"{line.official:.10g}", f"{line.ours:.10g}",
        size(line.largest), default, line.note,
    )  # fmt: skip
    return f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"


def size(difference: float) -> str:
    """Return a difference as a bound: rounding differs from machine to machine, its size does not."""
    bounds = ((1e-12, "< 1e-12"), (TOLERANCE, "< 1e-9"))
    return next((text for bound, text in bounds if difference < bound), f"{difference:.1e}")


def document(cases: Sequence[Case]) -> str:
    """Return the whole of PARITY.md."""
    rows = [row(case, line) for case in cases for line in lines_of(case)]
    left = [case.folder.name for case in cases if not lines_of(case)]
    rule = ["---" if name not in _NUMBERS else "--:" for name in _COLUMNS]
    table = [f"| {' | '.join(_COLUMNS)} |", f"| {' | '.join(rule)} |", *rows]
    end = f"\nNot in this table: {', '.join(left)}.\n" if left else ""
    return f"{_HEAD}{chr(10).join(table)}\n{end}"


if __name__ == "__main__":
    TABLE.write_text(document(found_cases("")), encoding="utf8")

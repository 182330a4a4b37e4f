"""PARITY.md from the recorded cases, and tasks/parity.json for the cards: `python -m tests.official.parity_table`.

Each module of parity tests registers what it compares (`compares` in `cases.py`); a further one changes nothing here.
"""

import importlib
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import msgspec

from tests.official.cases import LINES, Case, Parity, found_cases
from vlmeval.data.parity import FILE, ParityLine

TABLE = Path(__file__).with_name("PARITY.md")
MACHINE = Path(__file__).resolve().parents[2] / "tasks" / FILE
_CAPTIONS = ("coco_karpathy_test", "demo_caption")
_RECALL = ("coco_retrieval", "flickr30k_retrieval")
TASKS_OF = {
    "ai2d": ("ai2d",), "anls_": ("docvqa_val",), "caption_": _CAPTIONS, "ccbench": ("ccbench",),
    "chartqa": ("chartqa",), "coco_": _CAPTIONS, "hallusionbench": ("hallusionbench",),
    "mathvista_testmini": ("mathvista_testmini",), "mmbench_dev": ("mmbench_dev_en",), "mme_": ("mme",),
    "mmmu_val": ("mmmu_val",), "mmstar": ("mmstar",),
    "mmtbenchval": ("mmtbench_val",), "ocrbench": ("ocrbench",), "ocrvqatestcore": ("ocrvqa_testcore",),
    "pope_": ("pope",), "realworldqa": ("realworldqa",), "retrieval_": _RECALL, "scienceqa_": ("scienceqa_all_test",),
    "scienceqatest": ("scienceqa_img_test",), "scienceqaval": ("scienceqa_img_val",),
    "seedbenchimg": ("seedbench_img",), "textvqa_": ("textvqa_val_ocr",), "textvqaval": ("textvqa_val",),
    "vqa_official": ("vqav2_val",),
}  # fmt: skip
"""The tasks that a case's figures vouch for, by the beginning of its folder's name."""
WITHOUT_TASK = ("bt_", "votes_", "wildvision_")
"""Cases of votes: what they vouch for is `vlmeval sbs rate`, which is no task."""
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


def tasks_of(case: str, figure: str) -> tuple[str, ...]:
    """Return the tasks that score as this line of the table was scored."""
    if case.startswith("mmmu_pro_"):
        return ("mmmu_pro_standard10_cot" if figure.endswith("cot") else "mmmu_pro_standard10",)
    keys = [key for key in TASKS_OF if case.startswith(key)]
    return TASKS_OF[max(keys, key=len)] if keys else ()


def machine_lines(table: str) -> list[ParityLine]:
    """Return the rows of PARITY.md that belong to a task, as its card shows them."""
    found = []
    for line in table.splitlines():
        if not line.startswith("| ") or line.startswith(("| case |", "| --- |")):
            continue
        case, figure, n, official, ours, difference, default, note = (cell.strip() for cell in line[1:-1].split("|"))
        if tasks := tasks_of(case, figure):
            found.append(ParityLine(case, tasks, figure, int(n), official, ours, difference, default, note))
    return found


def machine_document(table: str) -> bytes:
    """Return tasks/parity.json."""
    return msgspec.json.format(msgspec.json.encode(machine_lines(table)), indent=1) + b"\n"


if __name__ == "__main__":
    written = document(found_cases(""))
    TABLE.write_text(written, encoding="utf8")
    MACHINE.write_bytes(machine_document(written))

"""PARITY.md says what the cases give today, and no line of it shows a difference."""

import pytest

from tests.official.cases import CASES, REASON, Case, found_cases
from tests.official.parity_table import (
    MACHINE,
    TABLE,
    TOLERANCE,
    WITHOUT_TASK,
    document,
    lines_of,
    machine_document,
    row,
    size,
    tasks_of,
)  # fmt: skip
from vlmeval.data.catalog import task_names
from vlmeval.data.parity import parity_lines, parity_summary

FOUND = found_cases("")
CASE = pytest.mark.parametrize("case", FOUND, ids=[case.folder.name for case in FOUND])
needs_cases = pytest.mark.skipif(not FOUND, reason=REASON)


def listed() -> list[str]:
    """Return the rows of the committed table."""
    return [line for line in TABLE.read_text(encoding="utf8").splitlines() if line.startswith("| ")][1:]


@needs_cases
@CASE
def test_no_line_of_a_case_shows_a_difference(case: Case) -> None:
    lines = lines_of(case)
    if not lines:
        pytest.skip("no module compares this case")
    assert [line for line in lines if line.largest > TOLERANCE] == []


@needs_cases
@CASE
def test_the_committed_rows_of_a_case_are_those_it_gives(case: Case) -> None:
    committed = [line for line in listed() if line.startswith(f"| {case.folder.name} |")]
    if not committed:
        pytest.skip("the table does not list this case")
    assert committed == [row(case, line) for line in lines_of(case)]


@needs_cases
def test_the_committed_table_is_whole() -> None:
    named = {line.split(" | ")[0].removeprefix("| ") for line in listed()} - {"---"}
    if not named <= {case.folder.name for case in FOUND}:
        pytest.skip(f"{CASES} is not the collection that the table was made from")
    assert TABLE.read_text(encoding="utf8") == document(FOUND), "run python -m tests.official.parity_table"


def test_the_cards_show_what_the_table_says() -> None:
    assert MACHINE.read_bytes() == machine_document(TABLE.read_text(encoding="utf8")), (
        "run python -m tests.official.parity_table"
    )
    lines = parity_lines("mmmu_pro_standard10_cot")
    assert [line.figure for line in lines] == ["accuracy, cot"]
    assert parity_summary(parity_lines("pope"))[0].startswith("pope_llava15_13b: n 8910; mean_F1, 30 more figures:")


def test_every_row_of_the_table_vouches_for_tasks_that_exist() -> None:
    known = set(task_names())
    for line in listed():
        case, figure = line.split(" | ")[:2]
        found = tasks_of(case.removeprefix("| "), figure)
        without = ("---", *WITHOUT_TASK)
        assert known.issuperset(found), case
        assert bool(found) is not case.removeprefix("| ").startswith(without), case


@pytest.mark.parametrize(
    ("difference", "text"), [(0.0, "< 1e-12"), (3e-17, "< 1e-12"), (1e-10, "< 1e-9"), (0.25, "2.5e-01")]
)
def test_a_difference_is_shown_by_its_size(difference: float, text: str) -> None:
    assert size(difference) == text

"""PARITY.md says what the cases give today, and no line of it shows a difference."""

import pytest

from tests.official.cases import CASES, REASON, Case, found_cases
from tests.official.parity_table import TABLE, TOLERANCE, document, lines_of, row, size

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


@pytest.mark.parametrize(
    ("difference", "text"), [(0.0, "< 1e-12"), (3e-17, "< 1e-12"), (1e-10, "< 1e-9"), (0.25, "2.5e-01")]
)
def test_a_difference_is_shown_by_its_size(difference: float, text: str) -> None:
    assert size(difference) == text

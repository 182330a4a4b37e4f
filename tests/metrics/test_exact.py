import pytest

from vlmeval.metrics.exact import gqa, match


@pytest.mark.parametrize(
    ("reply", "lenient", "strict"),
    [("Yes", 1, 1), (" yes\n", 1, 1), ("yes.", 1, 0), ("yes..", 1, 0), ("yes!", 0, 0), ("the yes", 0, 0), ("", 0, 0)],
)
def test_gqa_forgives_full_stops_at_the_end_and_match_does_not(reply: str, lenient: int, strict: int) -> None:
    assert gqa(reply, ("yes",)) == lenient
    assert match(reply, ("Yes ",)) == strict


def test_gqas_gold_is_taken_as_it_is_written() -> None:
    assert gqa("T-shirt", ("t-shirt",)) == 1
    assert gqa("t-shirt", ("T-shirt",)) == 0


def test_one_of_several_references_is_enough() -> None:
    assert match("b", ("a", "B")) == gqa("b", ("a", "b")) == 1

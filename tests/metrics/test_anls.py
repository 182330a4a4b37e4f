"""ANLS by hand: the formula, its threshold, and where the server's program and the paper part."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vlmeval.metrics.anls import Anls, AnlsStrict, anls, anls_strict, folded
from vlmeval.registry import METRICS
from vlmeval.types import Answer, Sample

TEXTS = st.text("ab ßİ\n", max_size=12)


def edits(first: str, second: str) -> int:
    """Return the edit distance by the textbook's table."""
    row = list(range(len(second) + 1))
    for i, letter in enumerate(first, 1):
        diagonal, row[0] = row[0], i
        for j, other in enumerate(second, 1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (letter != other))
    return row[-1]


def plain_anls(reply: str, references: list[str]) -> float:
    """Return the figure by the server's program, step by step."""
    values = []
    for text in references:
        length = max(len(text.upper()), len(reply.upper()))
        values.append(edits(folded(text), folded(reply)) / length if length else 0.0)
    return 1 - min(values) if 1 - min(values) >= 0.5 else 0.0


@pytest.mark.parametrize(
    ("reply", "references", "value"),
    [
        ("Coca cola", ["coca  COLA ", "pepsi"], 1.0),
        ("CocaCola", ["Coca Cola", "Coca Cola Company"], 8 / 9),
        ("The Coca", ["Coca Cola"], 0.0),
        ("", ["yes"], 0.0),
        ("", [""], 1.0),
        ("1/8/93", ["1/8/92"], 5 / 6),
        ("東京都", ["東京都庁"], 0.75),
    ],
)
def test_the_nearest_reference_counts_above_the_threshold(reply: str, references: list[str], value: float) -> None:
    assert anls(reply, references) == pytest.approx(value, abs=1e-15)
    assert anls_strict(reply, references) == pytest.approx(value, abs=1e-15)


def test_half_counts_for_the_server_and_not_for_the_paper() -> None:
    assert (anls("ab", ["ac"]), anls_strict("ab", ["ac"])) == (0.5, 0.0)


def test_the_server_measures_a_text_before_its_blanks_are_joined() -> None:
    assert anls("a    b", ["a c"]) == pytest.approx(1 - 1 / 6)
    assert anls_strict("a    b", ["a c"]) == pytest.approx(1 - 1 / 3)


@given(TEXTS, st.lists(TEXTS, min_size=1, max_size=3))
def test_cutting_distances_off_changes_no_digit(reply: str, references: list[str]) -> None:
    assert anls(reply, references) == plain_anls(reply, references)


def test_an_unparsed_reply_is_nothing_and_a_hidden_gold_does_not_enter() -> None:
    sample = Sample("1", (), ("red",))
    assert Anls().stats(sample, [Answer("", None, "empty")]) == (0.0, 1.0)
    assert Anls().stats(Sample("1", ()), [Answer("", "red", "text")]) is None
    assert AnlsStrict().stats(sample, [Answer("epoch0", "red", "text"), Answer("epoch1", "?", "text")]) == (0.5, 1.0)


def test_a_reply_of_ten_megabytes_is_wrong_at_once() -> None:
    assert anls("no " * 3_500_000, ["no", "yes"]) == 0.0


@pytest.mark.parametrize("name", ["anls", "anls_strict"])
def test_the_registry_knows_them_by_the_name_they_show(name: str) -> None:
    assert METRICS.load(name).info.name == name

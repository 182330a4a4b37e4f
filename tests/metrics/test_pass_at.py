"""pass@k and majorities by hand, and pass@k against all draws of k tries."""

from itertools import combinations
from statistics import fmean

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vlmeval.metrics.pass_at import Majority, Pass1, Pass2, Pass4, pass_at
from vlmeval.registry import METRICS
from vlmeval.types import Answer, Sample

SAMPLE = Sample("1", ("?",), ("red",))


def answers(*values: str | None) -> list[Answer]:
    return [Answer(f"epoch{number}", value, "text") for number, value in enumerate(values)]


@given(st.lists(st.booleans(), min_size=1, max_size=7), st.integers(1, 7))
def test_pass_at_k_is_the_mean_over_all_draws_of_k_tries(tries: list[bool], k: int) -> None:
    k = min(k, len(tries))
    expected = fmean(any(draw) for draw in combinations(tries, k))
    assert pass_at(len(tries), sum(tries), k) == pytest.approx(expected, abs=1e-12)


def test_a_sample_with_fewer_than_k_tries_does_not_enter() -> None:
    assert Pass1().stats(SAMPLE, answers("red", "blue")) == (0.5, 1.0)
    assert Pass2().stats(SAMPLE, answers("red", "blue")) == (1.0, 1.0)
    assert Pass4().stats(SAMPLE, answers("red", "blue")) is None
    assert Pass1().stats(Sample("1", ("?",)), answers("red")) is None


@pytest.mark.parametrize(
    ("given_answers", "right"),
    [
        (("red", "red", "blue"), 1),
        (("red", "blue", "blue"), 0),
        (("Red ", "red", "blue", "green"), 1),
        (("red", "blue"), 0.5),
        (("red", "blue", "green", "green", "blue"), 0),
        (("red", None, None, None), 1),
        ((None, None), 0),
    ],
)
def test_the_most_frequent_answer_counts_and_ties_by_their_share(
    given_answers: tuple[str | None, ...], right: float
) -> None:
    assert Majority().stats(SAMPLE, answers(*given_answers)) == (right, 1.0)


def test_letters_vote_as_letters() -> None:
    choice = Sample("1", ("?",), ("B",), ("x", "y"))
    assert Majority().stats(choice, answers("B", "A", "B")) == (1.0, 1.0)
    assert Majority().stats(choice, []) is None


@pytest.mark.parametrize("name", ["pass_1", "pass_2", "pass_4", "pass_8", "majority"])
def test_the_value_is_the_mean_and_undefined_for_nothing(name: str) -> None:
    metric = METRICS.load(name)()
    assert metric.info.name == name
    values = metric.fit([SAMPLE]).value(np.array([[1.5, 3.0], [0.0, 0.0]]))
    assert values[0] == 0.5
    assert np.isnan(values[1])

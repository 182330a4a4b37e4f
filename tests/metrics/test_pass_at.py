"""pass@k and majorities by hand, and pass@k against all draws of k tries."""

from itertools import combinations
from math import comb
from statistics import fmean

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vlmeval.metrics.accuracy import Circular, Vanilla, VanillaAll
from vlmeval.metrics.pass_at import Majority, Pass1, Pass2, Pass4, best_of, loaded_metric, metrics_of_tries
from vlmeval.metrics.vqa import VqaV2
from vlmeval.registry import METRICS
from vlmeval.types import Answer, Sample

SAMPLE = Sample("1", ("?",), ("red",))


def answers(*values: str | None) -> list[Answer]:
    return [Answer(f"epoch{number}", value, "text") for number, value in enumerate(values)]


@given(st.lists(st.floats(0, 1), min_size=1, max_size=7), st.integers(1, 7))
def test_pass_at_k_is_the_mean_best_score_over_all_draws_of_k_tries(tries: list[float], k: int) -> None:
    k = min(k, len(tries))
    expected = fmean(max(draw) for draw in combinations(tries, k))
    assert best_of(tries, k) == pytest.approx(expected, abs=1e-12)


@given(st.lists(st.booleans(), min_size=1, max_size=12), st.integers(1, 12))
def test_for_right_and_wrong_tries_it_is_the_estimate_of_chen_et_al(tries: list[bool], k: int) -> None:
    k = min(k, len(tries))
    wrong = len(tries) - sum(tries)
    assert best_of(tries, k) == pytest.approx(1 - comb(wrong, k) / comb(len(tries), k), abs=1e-12)


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


def test_tries_are_as_right_as_the_metric_says_that_they_are_measured_by() -> None:
    sample = Sample("1", ("?",), ("red",) * 3 + ("blue",) * 7)
    pass_2, majority = (loaded_metric(name, ("vqa_v2",)) for name in ("pass_2", "majority"))
    tries = answers("red", "green", "green")
    assert VqaV2().stats(sample, tries[:1]) == pytest.approx((0.9, 1.0))
    assert pass_2.stats(sample, tries) == pytest.approx((0.6, 1.0))
    assert majority.stats(sample, tries) == (0.0, 1.0)
    assert pass_2.info.signature == "pass@2(vqa:v2)"


def test_a_metric_that_scores_no_single_samples_measures_no_tries() -> None:
    found = loaded_metric("pass_2", ("pope_f1", "f1"))
    assert found.info.signature == "pass@2(accuracy)"
    sample = Sample("1", ("?",), ("yes",))
    assert found.stats(sample, answers("yes", "no", None)) == pytest.approx((2 / 3, 1.0))


def test_with_several_passes_a_try_is_all_of_an_epoch() -> None:
    sample = Sample("1", ("?",), ("B",), ("cat", "dog"))

    def given_letters(*epochs: str) -> list[Answer]:
        return [
            Answer(f"epoch{epoch}.rot{turn}", letter, "letter")
            for epoch, letters in enumerate(epochs)
            for turn, letter in enumerate(letters)
        ]

    tries = given_letters("BB", "BA", "BB", "AB")
    assert Circular().stats(sample, tries) == (0.5, 1.0)
    assert Vanilla().stats(sample, tries) == (0.75, 1.0)
    assert VanillaAll().stats(sample, tries) == (6.0, 8.0)
    circular = loaded_metric("pass_2", ("circular",))
    assert circular.stats(sample, tries) == pytest.approx((1 - 1 / 6, 1.0))
    assert loaded_metric("majority", ("circular",)).stats(sample, tries) == (1.0, 1.0)
    assert loaded_metric("majority", ("circular",)).stats(sample, given_letters("BB", "BA")) == (0.5, 1.0)


def test_so_many_tries_allow_so_many_metrics() -> None:
    assert metrics_of_tries(1) == ()
    assert metrics_of_tries(3) == ("pass_2", "majority")
    assert metrics_of_tries(8) == ("pass_2", "pass_4", "pass_8", "majority")

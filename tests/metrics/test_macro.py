"""The mean over groups: each group counts the same, sums stay sums."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vlmeval.metrics.accuracy import Verbatim
from vlmeval.metrics.macro import MacroCategory
from vlmeval.types import Answer, Sample


def sample(number: int, category: str, gold: str = "A") -> Sample:
    tags = {"category": category} if category else {}
    return Sample(str(number), ("?",), (gold,) if gold else (), ("x", "y"), tags)


def rows(samples: list[Sample], right: list[bool]) -> tuple[MacroCategory, np.ndarray]:
    metric = MacroCategory().fit(samples)
    found = [
        metric.stats(one, [Answer("rot0", "A" if hit else "B", "")]) for one, hit in zip(samples, right, strict=True)
    ]
    return metric, np.array([row for row in found if row is not None])


def test_a_small_group_counts_as_much_as_a_large_one() -> None:
    samples = [*(sample(number, "large") for number in range(8)), sample(8, "small")]
    metric, found = rows(samples, [False] * 8 + [True])
    assert float(metric.value(found.sum(axis=0))) == 0.5


def test_within_a_slice_only_its_groups_count() -> None:
    samples = [sample(0, "a"), sample(1, "a"), sample(2, "b"), sample(3, "c")]
    metric, found = rows(samples, [True, False, True, False])
    assert float(metric.value(found[:3].sum(axis=0))) == 0.75


def test_samples_without_tag_or_gold_do_not_enter_and_nothing_counted_is_undefined() -> None:
    metric = MacroCategory().fit([sample(0, "a")])
    assert metric.stats(sample(1, ""), [Answer("rot0", "A", "")]) is None
    assert metric.stats(sample(1, "a", gold=""), [Answer("rot0", "A", "")]) is None
    assert np.isnan(metric.value(np.zeros(2)))


def test_no_answer_is_not_right() -> None:
    metric = MacroCategory().fit([sample(0, "a")])
    assert metric.stats(sample(0, "a"), []) == (0.0, 1.0)
    assert metric.stats(sample(0, "a"), [Answer("rot0", None, "no_option")]) == (0.0, 1.0)


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.booleans()), min_size=1, max_size=40))
def test_it_is_the_mean_of_the_groups_shares_in_any_order(given: list[tuple[str, bool]]) -> None:
    samples = [sample(number, group) for number, (group, _) in enumerate(given)]
    metric, found = rows(samples, [hit for _, hit in given])
    shares = [
        np.mean([hit for other, hit in given if other == group]) for group in sorted({group for group, _ in given})
    ]
    assert float(metric.value(found.sum(axis=0))) == pytest.approx(float(np.mean(shares)))
    assert float(metric.value(found[::-1].sum(axis=0))) == pytest.approx(float(np.mean(shares)))


def test_verbatim_compares_character_by_character() -> None:
    free = Sample("1", ("?",), ("1.20",))
    assert Verbatim().stats(free, [Answer("rot0", "1.20", "")]) == (1.0, 1.0)
    assert Verbatim().stats(free, [Answer("rot0", "1.2", "")]) == (0.0, 1.0)
    assert Verbatim().stats(free, []) == (0.0, 1.0)
    twice = Sample("1", ("?",), ("A", "C"), ("x", "y", "x"))
    assert Verbatim().stats(twice, [Answer("rot0", "C", "")]) == (1.0, 1.0)


def test_a_resample_without_a_group_is_the_mean_of_the_others() -> None:
    samples = [sample(0, "a"), sample(1, "b")]
    metric, found = rows(samples, [True, False])
    resamples = np.array([found[0] + found[1], 2 * found[0], 2 * found[1], 0 * found[0]])
    assert metric.value(resamples)[:3].tolist() == [0.5, 1.0, 0.0]
    assert np.isnan(metric.value(resamples)[3])

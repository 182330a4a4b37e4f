"""Detection metrics: equal to scikit-learn's definitions counted by hand, additive, unparsed right nowhere."""

import random
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from vlmeval.metrics.yesno import F1, F1No, PopeF1, Precision, PrecisionNo, Recall, RecallNo, YesNoAccuracy, YesRatio
from vlmeval.types import Answer, Sample

Pair = tuple[str, str | None]


def sample(number: int, gold: str, category: str = "") -> Sample:
    return Sample(str(number), ("?",), (gold,) if gold else (), tags={"category": category} if category else {})


def value(metric: Any, pairs: Sequence[Pair]) -> float:
    rows = [metric.stats(sample(number, gold), [Answer("", said, "word")]) for number, (gold, said) in enumerate(pairs)]
    return float(metric.value(np.array([row for row in rows if row is not None]).sum(axis=0)))


MIXED: list[Pair] = [("yes", "yes")] * 6 + [("yes", "no")] * 2 + [("no", "yes")] * 3 + [("no", "no")] * 5


def test_the_figures_are_those_of_the_counts() -> None:
    assert value(YesNoAccuracy(), MIXED) == 11 / 16
    assert value(Precision(), MIXED) == 6 / 9
    assert value(Recall(), MIXED) == 6 / 8
    assert value(F1(), MIXED) == pytest.approx(2 * (6 / 9) * (6 / 8) / (6 / 9 + 6 / 8), abs=1e-15)


def test_the_yes_ratio_is_of_the_answers_not_of_the_gold() -> None:
    assert value(YesRatio(), MIXED) == 9 / 16
    assert value(YesRatio(), [("yes", "no"), ("no", "no")]) == 0.0


def test_an_unparsed_answer_is_a_miss_on_yes_and_right_nowhere() -> None:
    pairs: list[Pair] = [("yes", "yes"), ("yes", None), ("no", None), ("no", "no")]
    assert value(YesNoAccuracy(), pairs) == 0.5
    assert value(Precision(), pairs) == 1.0
    assert value(Recall(), pairs) == 0.5
    assert value(YesRatio(), pairs) == 0.25


def test_a_model_that_never_says_yes_has_precision_0_and_what_has_no_positive_has_no_recall() -> None:
    assert value(Precision(), [("yes", "no"), ("no", "no")]) == 0.0
    assert value(F1(), [("yes", "no"), ("no", "no")]) == 0.0
    assert np.isnan(value(Recall(), [("no", "no")]))
    assert np.isnan(value(F1(), [("no", "no")]))


def test_several_epochs_count_by_their_mean() -> None:
    answers = [Answer("epoch0", "yes", "word"), Answer("epoch1", "no", "word"), Answer("epoch2", None, "both"),
               Answer("epoch3", "yes", "word")]  # fmt: skip
    assert F1().stats(sample(1, "yes"), answers) == (0.5, 0.0, 0.0, 0.5, 1.0)
    assert F1().stats(sample(1, "no"), answers) == (0.0, 0.5, 0.25, 0.0, 1.0)


def test_hidden_gold_does_not_enter_and_another_gold_is_an_error() -> None:
    assert F1().stats(sample(1, ""), []) is None
    with pytest.raises(ValueError, match='the gold is "maybe", expected yes or no'):
        F1().stats(sample(1, "maybe"), [])


def fitted(pairs: Sequence[Pair]) -> tuple[PopeF1, list[Sample], list[tuple[float, ...]]]:
    names = ("random", "popular", "adversarial")
    samples = [sample(number, gold, names[number % 3]) for number, (gold, _) in enumerate(pairs)]
    metric = PopeF1().fit(samples)
    rows = [metric.stats(one, [Answer("", said, "word")]) for one, (_, said) in zip(samples, pairs, strict=True)]
    return metric, samples, [row for row in rows if row is not None]


def test_the_mean_f1_weighs_categories_alike_and_is_a_categorys_own_in_its_slice() -> None:
    drawn = random.Random(5)
    pairs: list[Pair] = [(drawn.choice(["yes", "no"]), drawn.choice(["yes", "no", None])) for _ in range(90)]
    metric, samples, rows = fitted(pairs)
    own = {
        name: value(F1(), [pair for one, pair in zip(samples, pairs, strict=True) if one.tags["category"] == name])
        for name in metric.categories
    }
    assert float(metric.value(np.sum(rows, axis=0))) == pytest.approx(sum(own.values()) / 3, abs=1e-15)
    inside = [row for one, row in zip(samples, rows, strict=True) if one.tags["category"] == "popular"]
    assert float(metric.value(np.sum(inside, axis=0))) == pytest.approx(own["popular"], abs=1e-15)


def test_statistics_of_two_halves_add_up_and_all_resamples_are_valued_in_one_call() -> None:
    metric, _, rows = fitted(MIXED * 3)
    table = np.array(rows)
    halves = table[::2].sum(axis=0) + table[1::2].sum(axis=0)
    assert metric.value(halves) == metric.value(table.sum(axis=0))
    stacked = np.stack([table.sum(axis=0), table[::2].sum(axis=0)])
    assert metric.value(stacked).shape == (2,)
    assert metric.value(stacked)[1] == metric.value(stacked[1])


def test_a_sample_of_a_category_that_was_not_fitted_does_not_enter() -> None:
    metric, _, _ = fitted(MIXED)
    assert metric.stats(sample(1, "yes", "rare"), []) is None


def amber(pairs: Sequence[Pair]) -> tuple[float, float, float, float]:
    """Return what AMBER's inference.py prints: accuracy, precision, recall, F1."""
    says = [{"yes": "Yes", "no": "No", None: "?"}[said] for _, said in pairs]
    truth = [gold for gold, _ in pairs]
    right = sum(say.lower() == gold for say, gold in zip(says, truth, strict=True))
    denied = sum(say == "No" and gold == "no" for say, gold in zip(says, truth, strict=True))
    accuracy = round(right / len(pairs) * 100, 1)
    precision = round(denied / says.count("No") * 100, 1)
    recall = round(denied / truth.count("no") * 100, 1)
    share = 2 * (precision / 100) * (recall / 100) / ((precision / 100) + (recall / 100) + 0.0001)
    return accuracy, precision, recall, round(share * 100, 1)


def test_amber_measures_what_is_denied() -> None:
    drawn = random.Random(11)
    for _ in range(20):
        pairs: list[Pair] = [(drawn.choice(["yes", "no"]), drawn.choice(["yes", "no", "no", None])) for _ in range(200)]
        found = [100 * value(metric, pairs) for metric in (YesNoAccuracy(), PrecisionNo(), RecallNo(), F1No())]
        assert found[:3] == pytest.approx(amber(pairs)[:3], abs=0.0501)
        assert found[3] == pytest.approx(amber(pairs)[3], abs=0.11)

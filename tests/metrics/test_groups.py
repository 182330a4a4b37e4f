"""Verdicts on groups: HallusionBench's accuracies and MME's scores, against independent readings of the programs."""

import random
from collections import defaultdict
from statistics import fmean
from typing import Any

import numpy as np
import pytest

from vlmeval.metrics.grouped import verdicts
from vlmeval.metrics.hallusion import AnswerAccuracy, FigureAccuracy, HallusionMean, QuestionAccuracy
from vlmeval.metrics.mme import COGNITION, PERCEPTION, MmeCognition, MmePerception, MmeTotal
from vlmeval.types import Answer, GroupMetric, Sample

SAID = ("yes", "no", None)


def value(
    metric: Any, samples: list[Sample], said: dict[str, str | None], *, absent: frozenset[str] = frozenset()
) -> float:
    own = [None if one.id in absent else metric.stats(one, [Answer("", said[one.id], "word")]) for one in samples]
    rows = metric.spread(samples, own)
    return float(metric.value(np.array([row for row in rows if row is not None]).sum(axis=0)))


def figures_of(sets: int, seed: int) -> tuple[list[Sample], dict[str, str | None]]:
    """Return made sets of figures and questions of different sizes, mostly answered right."""
    drawn = random.Random(seed)
    samples, said = [], {}
    for second in ("VD_illusion", "VS_map"):
        for number in range(sets):
            for figure in range(drawn.randint(1, 4)):
                for question in range(drawn.randint(1, 3)):
                    fields = {"set_id": str(number), "figure_id": str(figure), "question_id": str(question)}
                    gold = drawn.choice(["yes", "no"])
                    one = Sample(f"{second}_{number}_{figure}_{question}", ("?",), (gold,), fields=fields,
                                 tags={"l2-category": second}, cluster=f"{second}_{number}")  # fmt: skip
                    samples.append(one)
                    said[one.id] = gold if drawn.random() < 0.8 else drawn.choice(SAID)
    return samples, said


def grouped_share(samples: list[Sample], said: dict[str, str | None], *fields: str) -> float:
    """Return VLMEvalKit's calc_fAcc and calc_qAcc."""
    groups = defaultdict(list)
    for one in samples:
        groups[one.tags["l2-category"], *(one.fields[name] for name in fields)].append(
            said[one.id] == one.references[0]
        )
    return fmean(all(group) for group in groups.values())


def test_hallusionbench_counts_answers_figures_and_questions() -> None:
    for seed in range(20):
        samples, said = figures_of(6, seed)
        answers = fmean(said[one.id] == one.references[0] for one in samples)
        figures = grouped_share(samples, said, "set_id", "figure_id")
        questions = grouped_share(samples, said, "set_id", "question_id")
        assert value(AnswerAccuracy(), samples, said) == pytest.approx(answers, abs=1e-12)
        assert value(FigureAccuracy(), samples, said) == pytest.approx(figures, abs=1e-12)
        assert value(QuestionAccuracy(), samples, said) == pytest.approx(questions, abs=1e-12)
        assert value(HallusionMean(), samples, said) == pytest.approx((answers + figures + questions) / 3, abs=1e-12)


def test_a_figure_of_which_an_answer_is_missing_is_left_out_and_its_other_answers_count() -> None:
    fields = [{"set_id": "0", "figure_id": str(place // 2), "question_id": str(place % 2)} for place in range(4)]
    samples = [
        Sample(str(place), ("?",), ("yes",), fields=own, tags={"l2-category": "VD"}) for place, own in enumerate(fields)
    ]
    said: dict[str, str | None] = {"0": "yes", "1": "yes", "2": "yes", "3": "yes"}
    missing = frozenset("3")
    assert value(AnswerAccuracy(), samples, said, absent=missing) == 1.0
    rows = FigureAccuracy().spread(samples, [(1.0, 1.0), (1.0, 1.0), (1.0, 1.0), None])
    assert rows == [(0.5, 0.5), (0.5, 0.5), None, None]
    said["2"] = "no"
    assert value(FigureAccuracy(), samples, said, absent=missing) == 1.0


def test_a_sample_without_a_figure_is_a_group_of_its_own() -> None:
    samples = [Sample(str(place), ("?",), ("yes",)) for place in range(4)]
    assert value(FigureAccuracy(), samples, {"0": "yes", "1": "no", "2": None, "3": "yes"}) == 0.5


def test_parts_of_a_group_add_up_to_one_verdict_whatever_its_size() -> None:
    for size in range(1, 40):
        parts = verdicts(["g"] * size, [1.0] * size)
        total = np.array(parts).sum(axis=0)
        assert total == pytest.approx([1.0, 1.0], abs=1e-12)
        assert verdicts(["g"] * size, [1.0] * (size - 1) + [0.5])[0][0] == 0.0


def mme_questions(seed: int, images: int = 12) -> tuple[list[Sample], dict[str, str | None]]:
    drawn = random.Random(seed)
    samples, said = [], {}
    for category in (*PERCEPTION, *COGNITION):
        for image in range(drawn.randint(2, images)):
            for gold in ("yes", "no"):
                one = Sample(f"{category}/{image}/{gold}", ("?",), (gold,), tags={"category": category},
                             cluster=f"{category}/{image}")  # fmt: skip
                samples.append(one)
                said[one.id] = gold if drawn.random() < 0.7 else drawn.choice(SAID)
    drawn.shuffle(samples)
    return samples, said


def calculation(samples: list[Sample], said: dict[str, str | None], categories: tuple[str, ...]) -> dict[str, float]:
    """Return the scores of MME's calculation.py for each category."""
    scores = {}
    for category in categories:
        pairs = defaultdict(list)
        for one in samples:
            if one.tags["category"] == category:
                pairs[one.cluster].append(said[one.id] == one.references[0])
        accuracy = fmean(hit for pair in pairs.values() for hit in pair)
        scores[category] = accuracy * 100 + fmean(sum(pair) == 2 for pair in pairs.values()) * 100
    return scores


def test_mme_sums_accuracy_and_accuracy_plus_over_its_categories() -> None:
    for seed in range(10):
        samples, said = mme_questions(seed)
        perception = sum(calculation(samples, said, PERCEPTION).values())
        cognition = sum(calculation(samples, said, COGNITION).values())
        assert value(MmePerception(), samples, said) == pytest.approx(perception, abs=1e-9)
        assert value(MmeCognition(), samples, said) == pytest.approx(cognition, abs=1e-9)
        assert value(MmeTotal(), samples, said) == pytest.approx(perception + cognition, abs=1e-9)


def test_a_category_by_itself_has_its_score_and_a_sum_without_a_category_has_none() -> None:
    samples, said = mme_questions(3)
    only = [one for one in samples if one.tags["category"] == "OCR"]
    expected = calculation(only, said, ("OCR",))["OCR"]
    assert value(MmeTotal(), only, said) == pytest.approx(expected, abs=1e-9)
    assert np.isnan(value(MmePerception(), only, said))
    without = [one for one in samples if one.tags["category"] != "OCR"]
    assert np.isnan(value(MmeTotal(), without, said))
    assert value(MmeCognition(), without, said) == value(MmeCognition(), samples, said)


def test_a_perfect_model_has_2800_points_and_the_half_of_a_pair_has_no_accuracy_plus() -> None:
    samples, _ = mme_questions(4)
    right: dict[str, str | None] = {one.id: one.references[0] for one in samples}
    assert value(MmeTotal(), samples, right) == pytest.approx(2800.0, abs=1e-9)
    fewer = samples[:-1]
    assert value(MmeTotal(), fewer, right) == pytest.approx(2800.0, abs=1e-9)


def test_a_category_that_mme_does_not_have_is_an_error() -> None:
    with pytest.raises(ValueError, match='"colour" is no category of MME'):
        MmeTotal().stats(Sample("1", ("?",), ("yes",), tags={"category": "colour"}), [])


@pytest.mark.parametrize("metric", [FigureAccuracy(), HallusionMean(), MmeTotal()])
def test_the_order_of_samples_changes_nothing(metric: Any) -> None:
    samples, said = mme_questions(7) if isinstance(metric, MmeTotal) else figures_of(8, 7)
    assert isinstance(metric, GroupMetric)
    assert value(metric, samples, said) == pytest.approx(value(metric, samples[::-1], said), abs=1e-12)

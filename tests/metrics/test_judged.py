import numpy as np
import pytest

from vlmeval.metrics.judged import JudgedRatio, JudgedScore
from vlmeval.types import Answer, Sample

SAMPLE = Sample("1", ("What is it?",), references=("0.5",))


def judged(value: str | tuple[str, ...] | None) -> Answer:
    return Answer("", value, "judge:someone")


def test_the_judged_score_is_the_mean_of_the_scores() -> None:
    metric = JudgedScore()
    rows = [metric.stats(SAMPLE, [judged(value)]) for value in ("0.5", "1.0", "0.3")]
    assert rows == [(0.5, 1.0), (1.0, 1.0), (0.3, 1.0)]
    assert float(metric.value(np.array(rows).sum(axis=0))) == pytest.approx(0.6)


def test_the_judged_ratio_is_a_ratio_of_sums_and_may_exceed_one() -> None:
    metric = JudgedRatio()
    rows = [metric.stats(SAMPLE, [judged(pair)]) for pair in (("10", "5"), ("2", "4"))]
    assert rows == [(5.0, 10.0), (4.0, 2.0)]
    assert float(metric.value(np.array(rows).sum(axis=0))) == pytest.approx(9 / 12)
    assert float(metric.value(np.array(rows[1]))) == 2.0


def test_a_reply_that_no_judge_scored_does_not_enter_though_it_be_a_number() -> None:
    for metric in (JudgedScore(), JudgedRatio()):
        assert metric.stats(SAMPLE, [Answer("", "0.5", "text")]) is None
        assert metric.stats(SAMPLE, []) is None


def test_a_failed_request_counted_as_wrong_scores_0_and_has_no_pair() -> None:
    failed = [Answer("", None, "failed")]
    assert JudgedScore().stats(SAMPLE, failed) == (0.0, 1.0)
    assert JudgedRatio().stats(SAMPLE, failed) is None


def test_a_sample_of_which_one_try_was_not_scored_does_not_enter() -> None:
    """Else a reply that the judge failed on would weigh nothing, and the others more."""
    assert JudgedScore().stats(SAMPLE, [judged("0.5"), Answer("epoch1", "1.0", "text")]) is None
    assert JudgedRatio().stats(SAMPLE, [judged(("10", "5")), Answer("epoch1", "words", "text")]) is None

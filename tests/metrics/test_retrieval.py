"""Recall, rsum, folds, median and mean rank, average precision: values from ranks."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vlmeval.metrics.directed import ImageToTextRecall1, TextToImageRecall1
from vlmeval.metrics.median_rank import MedianRank
from vlmeval.metrics.recall import (
    MeanAveragePrecision,
    MeanAveragePrecisionTrec,
    MeanRank,
    Recall1,
    Recall1Blip,
    Recall5,
)
from vlmeval.metrics.rsum import Recall1Folds, Rsum, RsumFolds
from vlmeval.types import Answer, Metric, Sample

Query = tuple[Sample, tuple[Answer, ...]]


def query(rank: float, *more: Answer, direction: str = "image-to-text") -> Query:
    sample = Sample(f"{direction}:{rank}", (), ("1",), tags={"direction": direction})
    return sample, (Answer("", repr(rank), "rank"), *more)


def value(metric: Metric, queries: Sequence[Query]) -> float:
    fitted = metric.fit([sample for sample, _ in queries])
    rows = [row for sample, answers in queries if (row := fitted.stats(sample, answers)) is not None]
    return float(fitted.value(np.array(rows).sum(axis=0))) if rows else float("nan")


def test_a_tie_counts_by_its_expected_rank_or_as_the_other_program_has_it() -> None:
    tied = query(1.5, Answer("blip", "1", ""), Answer("trec", "2", ""))
    assert value(Recall1(), [tied, query(1)]) == 0.5
    assert value(Recall1Blip(), [tied, query(1)]) == 1.0
    assert value(Recall5(), [tied, query(9)]) == 0.5


def test_rsum_adds_six_shares_and_needs_both_directions() -> None:
    queries = [query(1), query(7), query(3, direction="text-to-image"), query(30, direction="text-to-image")]
    assert value(Rsum(), queries) == pytest.approx((0.5 + 0.5 + 1.0) + (0.0 + 0.5 + 0.5))
    assert np.isnan(value(Rsum(), queries[:2]))


def test_a_direction_alone_has_its_own_recall() -> None:
    queries = [query(1), query(7), query(1, direction="text-to-image")]
    assert (value(ImageToTextRecall1(), queries), value(TextToImageRecall1(), queries)) == (0.5, 1.0)
    assert np.isnan(value(TextToImageRecall1(), queries[:2]))


def test_folds_count_the_same_whatever_their_size() -> None:
    queries = [query(1, Answer("fold", "0", ""))] * 3 + [query(2, Answer("fold", "1", ""))]
    assert value(Recall1(), queries) == 0.75
    assert value(Recall1Folds(), queries) == 0.5
    other = [query(1, Answer("fold", "0", ""), direction="text-to-image")]
    assert value(RsumFolds(), queries + other) == pytest.approx(6.0)


@settings(deadline=None)
@given(st.lists(st.integers(1, 80), min_size=1, max_size=200))
def test_the_median_is_that_of_numpy_where_ranks_have_bins_of_their_own(ranks: list[int]) -> None:
    queries = [query(rank) for rank in ranks]
    metric = MedianRank(1000, 1000)
    rows = [metric.stats(sample, answers) for sample, answers in queries]
    assert float(metric.value(np.array(rows).sum(axis=0))) == np.median(ranks)


@settings(deadline=None)
@given(st.lists(st.integers(1, 30_000), min_size=40, max_size=300))
def test_a_large_median_is_within_its_bin(ranks: list[int]) -> None:
    metric = MedianRank(30_010, 96)
    rows = [metric.stats(*query(rank)) for rank in ranks]
    found = float(metric.value(np.array(rows).sum(axis=0)))
    low, high = np.quantile(ranks, 0.5, method="lower"), np.quantile(ranks, 0.5, method="higher")
    assert low / 1.16 <= found <= high * 1.16


def test_a_tied_rank_counts_half_at_each_neighbour() -> None:
    for ranks in ([2.5], [1, 2.5, 4]):
        metric = MedianRank(100, 100)
        rows = [metric.stats(*query(rank)) for rank in ranks]
        assert float(metric.value(np.array(rows).sum(axis=0))) == 2.5
    assert np.isnan(float(MedianRank().value(np.zeros(len(MedianRank().edges) - 1))))


def test_medians_of_many_resamples_come_in_one_call() -> None:
    metric = MedianRank().fit([query(1)[0]] * 10)
    rows = np.array([metric.stats(*query(rank)) for rank in (1, 2, 3, 9, 9)])
    totals = np.stack([rows.sum(axis=0), rows[:2].sum(axis=0), rows[3:].sum(axis=0)])
    assert metric.value(totals).tolist() == [3.0, 1.5, 9.0]


def test_mean_rank_and_average_precision() -> None:
    queries = [query(1, Answer("ap", "0.5", "")), query(4, Answer("ap", "0.25", ""), Answer("ap_trec", "0.75", ""))]
    assert value(MeanRank(), queries) == 2.5
    assert value(MeanAveragePrecision(), queries) == 0.375
    assert value(MeanAveragePrecisionTrec(), queries) == 0.625


@pytest.mark.parametrize("metric", [Recall1(), Rsum(), MedianRank(), MeanAveragePrecision(), Recall1Folds()])
def test_a_query_without_a_rank_does_not_enter(metric: Metric) -> None:
    assert metric.stats(query(1)[0], ()) is None

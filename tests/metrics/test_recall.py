"""Recall@K and mean rank by hand."""

import numpy as np
import pytest

from vlmeval.metrics.recall import MeanRank, Recall1, Recall5, Recall10
from vlmeval.registry import METRICS
from vlmeval.types import Answer, Sample

SAMPLE = Sample("i2t:1", (), ("1-0", "1-1"), tags={"direction": "image-to-text"})


@pytest.mark.parametrize(
    ("rank", "counts"), [("1", (1, 1, 1)), ("1.5", (0, 1, 1)), ("5", (0, 1, 1)), ("10", (0, 0, 1)), ("10.5", (0, 0, 0))]
)
def test_a_query_counts_where_its_rank_is_at_most_k(rank: str, counts: tuple[int, ...]) -> None:
    answers = [Answer("", rank, "rank")]
    assert tuple(metric().stats(SAMPLE, answers) for metric in (Recall1, Recall5, Recall10)) == tuple(
        (float(count), 1.0) for count in counts
    )


def test_a_query_without_a_rank_or_a_positive_does_not_enter() -> None:
    assert Recall1().stats(SAMPLE, []) is None
    assert Recall1().stats(SAMPLE, [Answer("", None, "missing")]) is None
    assert Recall1().stats(Sample("i2t:1", ()), [Answer("", "1", "rank")]) is None


def test_values_are_means_and_undefined_for_no_queries() -> None:
    values = Recall5().value(np.array([[3.0, 4.0], [0.0, 0.0]]))
    assert values[0] == 0.75
    assert np.isnan(values[1])
    assert MeanRank().stats(SAMPLE, [Answer("", "2.5", "tie")]) == (2.5, 1.0)
    assert not MeanRank.info.higher_is_better


@pytest.mark.parametrize("name", ["recall_1", "recall_5", "recall_10"])
def test_the_registry_knows_them_as_proportions(name: str) -> None:
    info = METRICS.load(name)().info
    assert (info.name, info.proportion, info.scale) == (name, True, 100.0)

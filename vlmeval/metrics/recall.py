"""Retrieval: how often a right item is among the first K, and where the first right one stands.

Recall@K is that of the CLIP and BLIP papers, trec_eval's success_K (usnistgov/trec_eval at f425365): the share of
queries with **any** right item among the first K, not the share of right items found. It equals salesforce/BLIP
train_retrieval.py (itm_eval) and LAION-AI/CLIP_benchmark (zeroshot_retrieval.py) where no scores are tied.

Known difference: they break ties by position; here a tied right item has the rank it has on average over all orders of
the tie, and counts for K if that is at most K, so an encoder that gives one vector for everything is near chance.

The answer of a sample is the rank, "1", "2.5", ...; the direction (image to text or text to image) is a tag.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Self

from vlmeval.types import Answer, MetricInfo, Sample

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SOURCE = "CLIP_benchmark, BLIP: any positive among the top K (trec_eval success_K)"


class _OfRank(ABC):
    """The mean of a function of the rank: the statistics are (function, 1)."""

    info: ClassVar[MetricInfo]

    def fit(self, samples: Sequence[Sample]) -> Self:
        """Return this metric: it needs nothing of the other samples."""
        return self

    def stats(self, sample: Sample, answers: Sequence[Answer]) -> tuple[float, ...] | None:
        """Return (function of the rank, 1), or None for a query without a positive or without a rank."""
        ranks = [float(answer.value) for answer in answers if isinstance(answer.value, str)]
        if not sample.references or not ranks:
            return None
        return self._counted(ranks[0]), 1.0

    def value(self, total: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the mean, shape (...), of sums, shape (..., 2); NaN for no queries."""
        import numpy as np

        queries = total[..., 1]
        mean: NDArray[np.float64] = np.full(queries.shape, np.nan)
        np.divide(total[..., 0], queries, out=mean, where=queries > 0)
        return mean

    @abstractmethod
    def _counted(self, rank: float) -> float:
        """Return what a query with this rank counts."""


class _Recall(_OfRank):
    first: ClassVar[int]

    def _counted(self, rank: float) -> float:
        return float(rank <= self.first)


def _info(first: int) -> MetricInfo:
    return MetricInfo(
        name=f"recall_{first}",
        title=f"Recall@{first}",
        scale=100.0,
        source=SOURCE,
        signature=f"r@{first}:any",
        proportion=True,
    )


class Recall1(_Recall):
    """The share of queries whose first item is right."""

    first = 1
    info = _info(1)


class Recall5(_Recall):
    """The share of queries with a right item among the first five."""

    first = 5
    info = _info(5)


class Recall10(_Recall):
    """The share of queries with a right item among the first ten."""

    first = 10
    info = _info(10)


class MeanRank(_OfRank):
    """The mean rank of the best positive, counted from 1. (The median is not a sum, and so no metric here.)"""

    info = MetricInfo(name="mean_rank", title="Mean rank", higher_is_better=False, source=SOURCE, signature="mean_rank")

    def _counted(self, rank: float) -> float:
        return rank

"""Retrieval: how often a right item is among the first K, and where the right ones stand.

Recall@K is that of the CLIP and BLIP papers, trec_eval's success_K (usnistgov/trec_eval at f425365): the share of
queries with **any** right item among the first K, not the share of right items found. It equals salesforce/BLIP
train_retrieval.py (itm_eval) and LAION-AI/CLIP_benchmark (zeroshot_retrieval.py) where no scores are tied. Where there
are no more than K candidates it is 1 for every encoder, and says nothing.

Known difference: they break ties by position; here a tied right item has the rank it has on average over all orders of
the tie, and counts for K if that is at most K, so an encoder that gives one vector for everything is near chance.
`recall_1_blip` (later item first) and `recall_1_trec` (larger id first) break ties as those programs do. BLIP's order,
argsort()[::-1], is that of a stable sort; numpy's own is not stable, so that which of two tied items it puts first
depends on the release and the processor (the recorded case has one query where the earlier came first).

The answer of a sample is the rank, "1", "2.5", ...; the direction (image to text or text to image) is a tag. Other
variants of answers are those of `vlmeval.score.vectors`.
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


def answer_of(answers: Sequence[Answer], *variants: str) -> float | None:
    """Return the number of the first of `variants` that there is; None without any."""
    found = {answer.variant: answer.value for answer in answers}
    value = next((found[variant] for variant in variants if variant in found), None)
    return float(value) if isinstance(value, str) else None


class _OfRank(ABC):
    """The mean of a function of the rank: the statistics are (function, 1)."""

    info: MetricInfo
    variants: ClassVar[tuple[str, ...]] = ("",)

    def fit(self, samples: Sequence[Sample]) -> Self:
        """Return this metric: it needs nothing of the other samples."""
        return self

    def stats(self, sample: Sample, answers: Sequence[Answer]) -> tuple[float, ...] | None:
        """Return (function of the rank, 1), or None for a query without a positive or without a rank."""
        rank = answer_of(answers, *self.variants)
        return None if rank is None or not sample.references else (self._counted(rank), 1.0)

    def value(self, total: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the mean, shape (...), of sums, shape (..., 2); NaN for no queries."""
        return mean(total[..., 0], total[..., 1])

    @abstractmethod
    def _counted(self, rank: float) -> float:
        """Return what a query with this rank counts."""


def mean(total: NDArray[np.float64], queries: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return total / queries, NaN where there are no queries."""
    import numpy as np

    found: NDArray[np.float64] = np.full(queries.shape, np.nan)
    np.divide(total, queries, out=found, where=queries > 0)
    return found


class _Recall(_OfRank):
    first: ClassVar[int]

    def _counted(self, rank: float) -> float:
        return float(rank <= self.first)


def _info(first: int, ties: str = "") -> MetricInfo:
    return MetricInfo(
        name=f"recall_{first}" + (f"_{ties}" if ties else ""),
        title=f"Recall@{first}" + (f" (ties as {ties})" if ties else ""),
        scale=100.0,
        source=SOURCE,
        signature=f"r@{first}:any" + (f":{ties}" if ties else ""),
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


class Recall1Blip(_Recall):
    """Recall@1, the later of tied items first (salesforce/BLIP itm_eval)."""

    first, variants = 1, ("blip", "")
    info = _info(1, "blip")


class Recall5Blip(_Recall):
    """Recall@5, the later of tied items first (salesforce/BLIP itm_eval)."""

    first, variants = 5, ("blip", "")
    info = _info(5, "blip")


class Recall10Blip(_Recall):
    """Recall@10, the later of tied items first (salesforce/BLIP itm_eval)."""

    first, variants = 10, ("blip", "")
    info = _info(10, "blip")


class Recall1Trec(_Recall):
    """success_1 of trec_eval, the larger id of tied items first."""

    first, variants = 1, ("trec", "")
    info = _info(1, "trec")


class Recall5Trec(_Recall):
    """success_5 of trec_eval, the larger id of tied items first."""

    first, variants = 5, ("trec", "")
    info = _info(5, "trec")


class Recall10Trec(_Recall):
    """success_10 of trec_eval, the larger id of tied items first."""

    first, variants = 10, ("trec", "")
    info = _info(10, "trec")


class MeanRank(_OfRank):
    """The mean rank of the best positive, counted from 1."""

    info = MetricInfo(name="mean_rank", title="Mean rank", higher_is_better=False, source=SOURCE, signature="mean_rank")

    def _counted(self, rank: float) -> float:
        return rank


class MeanAveragePrecision(_OfRank):
    """The mean over queries of average precision: of the precision at each right item, over all right items.

    trec_eval's `map`; its expectation over the orders of tied items (McSherry and Najork 2008, ECIR, section 3).
    """

    variants: ClassVar[tuple[str, ...]] = ("ap",)
    info = MetricInfo(
        name="map",
        title="Mean average precision",
        scale=100.0,
        source="trec_eval map; ties: McSherry and Najork 2008",
        signature="map",
    )

    def _counted(self, rank: float) -> float:
        return rank


class MeanAveragePrecisionTrec(MeanAveragePrecision):
    """trec_eval's `map`, the larger id of tied items first."""

    variants = ("ap_trec", "ap")
    info = MetricInfo(
        name="map_trec",
        title="Mean average precision (ties as trec)",
        scale=100.0,
        source="usnistgov/trec_eval map",
        signature="map:trec",
    )

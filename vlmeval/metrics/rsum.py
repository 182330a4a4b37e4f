"""Retrieval in both directions as one number, and as the mean over folds.

rsum is the sum of R@1, R@5 and R@10 of both directions in percent, at most 600 (Faghri et al. 2018, VSE++,
arXiv:1707.05612, and later work); undefined while a direction has no queries. COCO's 1K figures are means over five
folds of 1,000 images, each ranked among its own (VSE++ section 4.1; fartashf/vsepp evaluation.py, `fold5`). A task with
folds has an answer "fold" for each query.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Self

from vlmeval.metrics.recall import SOURCE, answer_of
from vlmeval.types import Answer, MetricInfo, Sample

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FOLDS = 5
DIRECTIONS = ("image-to-text", "text-to-image")


class _PerCell:
    """Hits by fold, direction and K, and the queries they are of."""

    info: MetricInfo
    firsts: ClassVar[tuple[int, ...]]
    folds: ClassVar[int] = 1
    by_direction: ClassVar[bool] = False

    def fit(self, samples: Sequence[Sample]) -> Self:
        """Return this metric: it needs nothing of the other samples."""
        return self

    def stats(self, sample: Sample, answers: Sequence[Answer]) -> tuple[float, ...] | None:
        """Return for each fold (and direction) the hits by K, then 1; zeros but for the query's own cell.

        None for a query without a rank or, `by_direction`, without the tag.
        """
        rank = answer_of(answers, "")
        direction = sample.tags.get("direction", "")
        if rank is None or not sample.references or (self.by_direction and direction not in DIRECTIONS):
            return None
        fold = int(answer_of(answers, "fold") or 0)
        cell = fold % self.folds
        if self.by_direction:
            cell = cell * len(DIRECTIONS) + DIRECTIONS.index(direction)
        width = len(self.firsts) + 1
        cells = self.folds * (len(DIRECTIONS) if self.by_direction else 1)
        row = [0.0] * (cells * width)
        row[cell * width : (cell + 1) * width] = [*(float(rank <= first) for first in self.firsts), 1.0]
        return tuple(row)

    def value(self, total: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the value (...) of sums: the mean over the folds there are of the sum of their shares."""
        import numpy as np

        cells = 2 if self.by_direction else 1
        shaped = total.reshape(*total.shape[:-1], self.folds, cells, len(self.firsts) + 1)
        hits, queries = shaped[..., :-1], shaped[..., -1:]
        shares = np.divide(hits, queries, out=np.full(hits.shape, np.nan), where=queries > 0)
        sums = shares.sum(axis=(-1, -2))
        there = np.isfinite(sums)
        counted = there.sum(axis=-1)
        added = np.where(there, sums, 0.0).sum(axis=-1)
        found: NDArray[np.float64] = np.full(counted.shape, np.nan)
        np.divide(added, counted, out=found, where=counted > 0)
        return found


class Rsum(_PerCell):
    """R@1 + R@5 + R@10, image to text and text to image."""

    firsts, by_direction = (1, 5, 10), True
    info = MetricInfo(name="rsum", title="rsum", scale=100.0, source=f"VSE++; {SOURCE}", signature="rsum:any")


class RsumFolds(Rsum):
    """The mean of rsum over five folds."""

    folds = FOLDS
    info = MetricInfo(
        name="rsum_folds",
        title="rsum, mean over 5 folds",
        scale=100.0,
        source=f"VSE++ fold5; {SOURCE}",
        signature="rsum:any:folds5",
    )


def _folds(first: int) -> MetricInfo:
    return MetricInfo(
        name=f"recall_{first}_folds",
        title=f"Recall@{first}, mean over 5 folds",
        scale=100.0,
        source=f"VSE++ fold5; {SOURCE}",
        signature=f"r@{first}:any:folds5",
        proportion=True,
    )


class Recall1Folds(_PerCell):
    """Recall@1, the mean over five folds."""

    firsts, folds, info = (1,), FOLDS, _folds(1)


class Recall5Folds(_PerCell):
    """Recall@5, the mean over five folds."""

    firsts, folds, info = (5,), FOLDS, _folds(5)


class Recall10Folds(_PerCell):
    """Recall@10, the mean over five folds."""

    firsts, folds, info = (10,), FOLDS, _folds(10)

"""The median rank of the best positive, from a histogram of ranks: counts add up, medians do not.

`fit` fixes the bins for a run: ranks 1, 2, 3, ... one by one up to a bound, then bins that grow by a fixed factor. With
`CELLS` numbers for the whole run that is every rank for 1,000 queries, ranks up to 83 in Flickr30k (6,000 queries), up
to 48 in COCO (30,010). A median within the bound is exact (of an even number of queries the mean of the two in the
middle, as in numpy); above it is interpolated in its bin, which is 14 % wide in COCO. The expected rank of a tie,
2.5, counts half at each neighbour.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Self

from vlmeval.metrics.recall import SOURCE, answer_of
from vlmeval.types import Answer, MetricInfo, Sample

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

CELLS = 1_000_000
FEWEST_BINS = 96
MOST_BINS = 4096
LARGEST = 1 << 20


class MedianRank:
    """The median rank, counted from 1."""

    info = MetricInfo(
        name="median_rank", title="Median rank", higher_is_better=False, source=SOURCE, signature="median_rank"
    )

    def __init__(self, largest: int = LARGEST, bins: int = FEWEST_BINS) -> None:
        """`largest` is the greatest rank there can be; a greater one counts as that."""
        self.edges = _edges(largest, bins)

    def fit(self, samples: Sequence[Sample]) -> Self:
        """Return the metric for so many samples: they are the candidates too."""
        count = max(1, len(samples))
        return type(self)(count, min(MOST_BINS, max(FEWEST_BINS, CELLS // count)))

    def stats(self, sample: Sample, answers: Sequence[Answer]) -> tuple[float, ...] | None:
        """Return the bins, 1 spread over those of the rank; None for a query without a rank."""
        rank = answer_of(answers, "")
        if rank is None or not sample.references:
            return None
        row = [0.0] * (len(self.edges) - 1)
        lower = math.floor(rank)
        row[self._bin(lower)] += 1 - (rank - lower)
        if rank > lower:
            row[self._bin(lower + 1)] += rank - lower
        return tuple(row)

    def value(self, total: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the medians, shape (...), of histograms, shape (..., bins); NaN for no queries."""
        import numpy as np

        heights = np.cumsum(total, axis=-1)
        middle = heights[..., -1] / 2
        edges = np.array(self.edges, dtype=np.float64)
        first = np.argmax(heights >= (middle - 1e-9)[..., None], axis=-1)
        second = np.argmax(heights > (middle + 1e-9)[..., None], axis=-1)
        low, width = edges[first], edges[first + 1] - edges[first]
        inside = np.take_along_axis(total, first[..., None], axis=-1)[..., 0]
        below = np.take_along_axis(heights, first[..., None], axis=-1)[..., 0] - inside
        share = np.divide(middle - below, inside, out=np.zeros(inside.shape), where=inside > 0)
        wide = low + share * (width - 1)
        exact = (low + edges[second]) / 2
        found: NDArray[np.float64] = np.where(width > 1, wide, exact)
        return np.where(middle > 0, found, np.nan)

    def _bin(self, rank: int) -> int:
        """Return the bin of a whole rank."""
        import bisect

        return min(bisect.bisect_right(self.edges, rank) - 1, len(self.edges) - 2)


def _edges(largest: int, bins: int) -> list[int]:
    """Return ascending whole edges from 1 to `largest` + 1, at most `bins` bins: one by one, then growing."""
    if largest <= bins:
        return list(range(1, largest + 2))
    exact = bins // 2 if bins < 2 * FEWEST_BINS else bins - FEWEST_BINS
    exact = max(exact, 32)
    rest = bins - exact
    factor = ((largest + 1) / (exact + 1)) ** (1 / rest)
    edges = list(range(1, exact + 2))
    for step in range(1, rest + 1):
        edges.append(max(edges[-1] + 1, round((exact + 1) * factor**step)))
    return [edge for edge in edges if edge <= largest] + [largest + 1]

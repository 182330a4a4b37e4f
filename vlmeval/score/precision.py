"""Right candidates in groups of equal score: their expected ranks, and average precision over all orders of ties."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Places = NDArray[np.intp]
    Floats64 = NDArray[np.float64]

LOOPED = 64


@dataclass(frozen=True)
class Groups:
    """The positives of all queries, flat and best first, in groups of equal score.

    Of a group g: `first[g]` its first flat place, `right[g]` its positives, `tied[g]` the wrong candidates of equal
    score, `above[g]` the wrong ones above, `before[g]` the positives of the query in better groups, `owner[g]`.
    Of a query: `starts`, `counts` of its positives. `group` is the group of each positive.
    """

    group: Places
    first: Places
    right: Places
    tied: Floats64
    above: Floats64
    before: Places
    owner: Places
    starts: Places
    counts: Places

    @classmethod
    def of(
        cls,
        owner: Places,
        starts: Places,
        counts: Places,
        score: Floats64,
        bound: Floats64,
        above: Floats64,
        tied: Floats64,
    ) -> Self:
        """Return the groups of flat positives; scores closer than `bound` are equal."""
        opens = np.ones(len(owner), dtype=np.bool_)
        opens[1:] = (owner[1:] != owner[:-1]) | (score[:-1] - score[1:] > bound[1:])
        group = (np.cumsum(opens) - 1).astype(np.intp)
        first = np.flatnonzero(opens)
        right = np.diff(np.append(first, len(owner))).astype(np.intp)
        return cls(
            group, first, right, tied[first], above[first], first - starts[owner[first]], owner[first], starts, counts
        )

    def first_rank(self) -> Floats64:
        """Return the expected rank of each query's first positive, NaN without one."""
        rank = np.full(len(self.counts), np.nan)
        best = self.before == 0
        rank[self.owner[best]] = 1 + self.above[best] + self.tied[best] / (self.right[best] + 1)
        return rank

    def expected(self) -> list[Floats64]:
        """Return the expected ranks of each query's positives, ascending."""
        place = np.arange(len(self.group)) - self.first[self.group] + 1
        members = self.right + self.tied + 1
        share = members / (self.right + 1)
        ranks = self.above[self.group] + self.before[self.group] + place * share[self.group]
        return np.split(ranks, self.starts[1:]) if len(self.starts) else []

    def precision(self) -> Floats64:
        """Return the expected average precision of each query, NaN without a positive.

        At place i of a group of n with r right ones, a right one stands with chance r / n, and then (i - 1)(r - 1) /
        (n - 1) right ones of the group stand before it on average.
        """
        total = np.zeros(len(self.counts))
        size = self.right + self.tied.astype(np.intp)
        small = np.flatnonzero(size <= LOOPED)
        index = np.repeat(small, size[small])
        place = np.arange(len(index)) - np.repeat(np.cumsum(size[small]) - size[small], size[small])
        np.add.at(total, self.owner[index], self._terms(index, place, size[index]))
        for group in np.flatnonzero(size > LOOPED).tolist():
            places = np.arange(size[group])
            total[self.owner[group]] += float(
                self._terms(np.full(size[group], group), places, np.full(size[group], size[group])).sum()
            )
        found: Floats64 = np.full(len(total), np.nan)
        np.divide(total, self.counts, out=found, where=self.counts > 0)
        return found

    def _terms(self, group: Places, place: Places, size: Places) -> Floats64:
        """Return what place 0.. of its group adds to a query's sum of precisions, on average."""
        right, before = self.right[group], self.before[group]
        others = place * (right - 1) / np.maximum(size - 1, 1)
        terms: Floats64 = (right / size) * (before + 1 + others) / (self.above[group] + before + 1 + place)
        return terms

    def strict(self, order: Places, ahead: Floats64) -> tuple[Floats64, Floats64]:
        """Return rank and average precision of each query where ties are broken: the larger `order` stands first.

        `ahead` (positives,) are the tied wrong candidates with a larger order than the positive's.
        """
        sequence = np.lexsort((-order, self.group))
        number = np.arange(len(sequence)) - np.repeat(self.starts, self.counts) + 1
        rank = self.above[self.group] + ahead[sequence] + number
        best = np.full(len(self.counts), np.nan)
        filled = self.counts > 0
        best[filled] = rank[self.starts[filled]]
        total = np.bincount(np.repeat(np.arange(len(self.counts)), self.counts), number / rank, len(self.counts))
        return best, np.divide(total, self.counts, out=np.full(len(total), np.nan), where=filled)

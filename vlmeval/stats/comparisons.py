"""Paired comparisons collapsed to counts: all that a Bradley-Terry or Davidson fit without covariates needs.

A vote has a left and a right model and one of three outcomes. Outcomes are codes everywhere: LEFT, TIE, RIGHT.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vlmeval.stats.clusters import Floats, Integers

LEFT, TIE, RIGHT = 0, 1, 2
OUTCOMES = 3
Codes = NDArray[np.integer]


@dataclass(frozen=True, eq=False)
class Cells:
    """Groups of votes with the same pair of models in the same places and the same features.

    `left`, `right` (C,): models; `counts` (3, C): the weight of votes by outcome (LEFT, TIE, RIGHT); `squares` (3, C):
    the sum of squared weights, which is the count itself for votes of weight 1; `features` (C, k), k may be 0.
    """

    models: int
    left: Integers
    right: Integers
    counts: Floats
    squares: Floats
    features: Floats

    def folded(self) -> Cells:
        """Return the cells with the lower model on the left. Only for a fit in which places do not matter."""
        if self.features.shape[1]:
            raise ValueError("cells with features cannot be folded")
        turned = self.left > self.right
        if not turned.any():
            return self
        size = self.models
        key = np.where(turned, self.right * size + self.left, self.left * size + self.right)
        seen = np.flatnonzero(np.bincount(key, minlength=size * size))
        places = np.empty(size * size, dtype=np.intp)
        places[seen] = np.arange(len(seen))
        key = places[key]
        tables = []
        for table in (self.counts, self.squares) if self.squares is not self.counts else (self.counts,):
            columns = np.where(turned, table[::-1], table)
            tables.append(np.stack([np.bincount(key, column, len(seen)).astype(np.float64) for column in columns]))
        return Cells(size, seen // size, seen % size, tables[0], tables[-1], np.zeros((len(seen), 0)))

    def wins(self) -> Floats:
        """Return wins of row over column, (M, M), wherever the two stood."""
        table = np.zeros((self.models, self.models))
        np.add.at(table, (self.left, self.right), self.counts[LEFT])
        np.add.at(table, (self.right, self.left), self.counts[RIGHT])
        return table

    def ties(self) -> Floats:
        """Return the ties of each pair, (M, M), symmetric."""
        table = np.zeros((self.models, self.models))
        np.add.at(table, (self.left, self.right), self.counts[TIE])
        return table + table.T

    def within(self, members: Integers) -> Cells:
        """Return the cells between `members` alone, who are numbered anew in the order given."""
        places = np.full(self.models, -1)
        places[members] = np.arange(len(members))
        left, right = places[self.left], places[self.right]
        kept = (left >= 0) & (right >= 0)
        return Cells(
            len(members), left[kept], right[kept], self.counts[:, kept], self.squares[:, kept], self.features[kept]
        )  # fmt: skip

    def with_pseudo_votes(self, votes: float) -> Cells:
        """Return the cells with `votes` more on every observed pair, split evenly over winner and place.

        They enter no sum of squares: a prior is not evidence that a robust variance may count.
        """
        pairs = np.unique(np.minimum(self.left, self.right) * self.models + np.maximum(self.left, self.right))
        low, high = pairs // self.models, pairs % self.models
        added = np.zeros((OUTCOMES, 2 * len(pairs)))
        added[[LEFT, RIGHT]] = votes / 4
        return Cells(
            models=self.models,
            left=np.concatenate([self.left, low, high]),
            right=np.concatenate([self.right, high, low]),
            counts=np.hstack([self.counts, added]),
            squares=np.hstack([self.squares, np.zeros_like(added)]),
            features=np.concatenate([self.features, np.zeros((added.shape[1], self.features.shape[1]))]),
        )


def collapse(left: Codes, right: Codes, outcome: Codes, models: int, *, weights: Floats | None = None) -> Cells:
    """Return the counts of votes (n,) by ordered pair. Votes of a model against itself say nothing and are left out."""
    pairs = models * models
    # Half the memory to go through, where the keys fit.
    key = np.multiply(outcome, pairs, dtype=np.int32 if pairs * OUTCOMES < 1 << 31 else np.int64)
    key += np.multiply(left, models, dtype=key.dtype)
    key += right.astype(key.dtype, copy=False)
    size = pairs * OUTCOMES
    counts: Floats = np.bincount(key, weights=weights, minlength=size).astype(np.float64).reshape(OUTCOMES, -1)
    squares = counts
    if weights is not None:
        squares = np.bincount(key, weights=weights * weights, minlength=size).astype(np.float64).reshape(OUTCOMES, -1)
    seen = counts.sum(axis=0) > 0
    seen[:: models + 1] = False
    cells = np.flatnonzero(seen)
    kept = counts[:, cells]
    own = kept if squares is counts else squares[:, cells]
    return Cells(models, cells // models, cells % models, kept, own, np.zeros((len(cells), 0)))


def one_by_one(
    left: Codes, right: Codes, outcome: Codes, models: int, *, features: Floats, weights: Floats | None = None
) -> Cells:
    """Return a cell for each vote (n,), in order, with its `features` (n, k), left minus right."""
    counts = np.zeros((OUTCOMES, len(left)))
    heavy = np.ones(len(left)) if weights is None else weights
    counts[outcome, np.arange(len(left))] = heavy
    return Cells(models, left.astype(np.int64), right.astype(np.int64), counts, counts * heavy, features)


def components(beats: NDArray[np.bool_]) -> list[Integers]:
    """Return the strongly connected components of a digraph (M, M), each sorted, the largest first.

    Bradley-Terry strengths are finite and comparable within a component and only there (Ford 1957; Hunter 2004,
    Assumption 1); a tie is an edge both ways.
    """
    left_over = np.ones(len(beats), dtype=bool)
    found = []
    while left_over.any():
        start = int(np.argmax(left_over))
        whole = _reached(beats, start, left_over) & _reached(beats.T, start, left_over)
        found.append(np.flatnonzero(whole))
        left_over &= ~whole
    return sorted(found, key=lambda members: (-len(members), int(members[0])))


def _reached(edges: NDArray[np.bool_], start: int, allowed: NDArray[np.bool_]) -> NDArray[np.bool_]:
    seen = np.zeros(len(edges), dtype=bool)
    seen[start] = True
    front = seen
    while front.any():
        front = edges[front].any(axis=0) & allowed & ~seen
        seen = seen | front
    return seen

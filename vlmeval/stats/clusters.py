"""Rows of additive statistics, summed by cluster: the form in which everything is resampled.

Questions on one image stand or fall together, so the image is drawn, not the question (Cameron, Gelbach & Miller 2008,
"Bootstrap-based improvements for inference with clustered errors": resample clusters with replacement).
Nothing here depends on the order of the rows, down to the last bit.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


class ClusterSums(NamedTuple):
    """`sums` (G, k): the statistics of each cluster, in order of the cluster's code; `sizes` (G,): its rows."""

    sums: Floats
    sizes: Integers


def cluster_codes(ids: Sequence[str]) -> Integers:
    """Return the place of each id among the sorted distinct ids, shape (n,)."""
    places = {name: place for place, name in enumerate(sorted(set(ids)))}
    return np.fromiter((places[name] for name in ids), dtype=np.int64, count=len(ids))


def cluster_sums(rows: Floats, codes: Integers) -> ClusterSums:
    """Return the sums of `rows` (n, k) over equal `codes` (n,); n is at least 1."""
    # Sorted by value within a cluster too: floating point sums depend on the order of their terms.
    order = np.lexsort((*rows.T, codes))
    ordered = codes[order]
    starts = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))
    sizes = np.diff(np.append(starts, len(ordered)))
    return ClusterSums(np.add.reduceat(rows[order], starts, axis=0), sizes)


def exact_total(rows: Floats) -> Floats:
    """Return the correctly rounded sum of `rows` (n, k) over n, shape (k,): the same for any order of rows."""
    return np.array([math.fsum(column) for column in rows.T.tolist()])


def distinct_rows(rows: Floats) -> tuple[Floats, Integers]:
    """Return the distinct rows of `rows` (n, k), sorted, and how often each occurs; n may be 0."""
    if not len(rows):
        return rows, np.zeros(0, dtype=np.int64)
    ordered = rows[np.lexsort(rows.T)]
    first = np.concatenate(([True], (ordered[1:] != ordered[:-1]).any(axis=1)))
    starts = np.flatnonzero(first)
    return ordered[starts], np.diff(np.append(starts, len(ordered)))


def effective_clusters(sizes: Integers) -> float:
    """Return how many equal clusters these are worth: (sum of sizes)^2 / sum of squares (Kish 1965).

    It bounds what a share can be known by, however strongly the members of a cluster agree.
    """
    return float(sizes.sum()) ** 2 / float((sizes.astype(np.float64) ** 2).sum())

"""Agreement of any number of raters beyond chance, from counts of units by category.

Krippendorff (2011, "Computing Krippendorff's Alpha-Reliability"): alpha = 1 - D_o / D_e, with any number of raters a
unit; units with fewer than two are left out. Fleiss (1971, Psychological Bulletin 76:378-382): kappa with the same
number of raters for each unit. Cohen's kappa of two raters is in `kappa`.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from vlmeval.stats.clusters import Floats, Integers
from vlmeval.stats.comparisons import Codes

Scale = Literal["nominal", "ordinal", "interval"]


def unit_counts(units: Codes, categories: Codes, number: int) -> Floats:
    """Return how many raters put each unit into each of `number` categories, (units, number), from ratings (n,)."""
    _, codes = np.unique(units, return_inverse=True)
    size = (int(codes.max()) + 1) if len(codes) else 0
    flat = np.bincount(codes * number + categories, minlength=size * number)
    return flat.reshape(size, number).astype(np.float64)


def krippendorff_alpha(counts: Floats, *, scale: Scale = "nominal", values: Floats | None = None) -> float | None:
    """Return alpha of `counts` (units, categories), categories in order.

    `values` (categories,) are the numbers that an interval scale needs; 0, 1, 2, ... where None. None where no unit has
    two ratings, or all ratings are one category: there is nothing to agree or disagree on.
    """
    paired = counts[counts.sum(axis=1) >= 2]
    if not len(paired):
        return None
    raters = paired.sum(axis=1, keepdims=True)
    # The coincidence matrix: every ordered pair of ratings of a unit, weighted by 1 / (raters - 1).
    coincidences = (paired / (raters - 1)).T @ paired
    coincidences[np.diag_indices_from(coincidences)] -= (paired / (raters - 1)).sum(axis=0)
    totals = coincidences.sum(axis=1)
    distance = _distances(totals, scale, values)
    expected = float(totals @ distance @ totals) / float(totals.sum() - 1)
    if expected == 0:
        return None
    return 1.0 - float((coincidences * distance).sum()) / expected


def fleiss_kappa(counts: Floats) -> float | None:
    """Return Fleiss' kappa of `counts` (units, categories).

    None where all ratings are one category. Raises ValueError where units differ in their number of raters.
    """
    if not len(counts):
        return None
    raters = counts.sum(axis=1)
    if raters.min() != raters.max() or raters[0] < 2:
        raise ValueError("Fleiss' kappa needs the same number of raters, two or more, for every unit")
    number = float(raters[0])
    agreed = float((((counts**2).sum(axis=1) - number) / (number * (number - 1))).mean())
    shares = counts.sum(axis=0) / counts.sum()
    expected = float((shares**2).sum())
    return None if expected == 1 else (agreed - expected) / (1 - expected)


def majority(counts: Floats) -> Integers:
    """Return the category most raters of a unit chose, (units,); -1 where the first place is shared."""
    top = counts.max(axis=1, keepdims=True)
    shared = (counts == top).sum(axis=1) > 1
    return np.where(shared, -1, counts.argmax(axis=1))


def _distances(totals: Floats, scale: Scale, values: Floats | None) -> Floats:
    """Return the squared distances of categories, (c, c)."""
    number = len(totals)
    if scale == "nominal":
        return 1.0 - np.eye(number)
    if scale == "interval":
        at = np.arange(number, dtype=np.float64) if values is None else values
        squares: Floats = (at[:, np.newaxis] - at) ** 2
        return squares
    # Ordinal: the ratings between two categories, the ends counted half.
    middle = np.cumsum(totals) - totals / 2
    ordinal: Floats = (middle[:, np.newaxis] - middle) ** 2
    return ordinal

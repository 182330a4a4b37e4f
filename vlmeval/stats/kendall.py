"""Rank correlation of two lists of figures.

Kendall 1945, "The Treatment of Ties in Ranking Problems", Biometrika 33:239-251: tau-b.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np


def kendall(first: Sequence[float], second: Sequence[float]) -> float | None:
    """Return tau-b of two lists of equal length, -1..1; None for fewer than two, or where one list is all ties."""
    one, two = (np.sign(np.subtract.outer(np.asarray(side), np.asarray(side))) for side in (first, second))
    pairs = math.sqrt(float((one**2).sum()) * float((two**2).sum()))
    return float((one * two).sum()) / pairs if pairs else None

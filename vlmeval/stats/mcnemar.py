"""McNemar's exact test: of the pairs on which two models differ, are as many gained as lost?

McNemar 1947, Psychometrika 12:153-157; exact as a sign test: under no difference the number gained of those that
changed is binomial with one half (Fay 2010, "Two-sided exact tests and matching confidence intervals for discrete
data", R Journal 2(1):53-58). It holds for 0/1 scores of samples that are their own clusters.
"""

from __future__ import annotations

import numpy as np


def mcnemar(gained: int, lost: int, *, mid: bool = False) -> float:
    """Return the two-sided p-value for `gained` against `lost` pairs, 1 without any.

    `mid` counts the observed table half (Lancaster's mid-p; Fagerland, Lydersen & Laake 2013, BMC Medical Research
    Methodology 13:91): no longer guaranteed at its level, and nearer to it. Raises ValueError for a negative count.
    """
    if min(gained, lost) < 0:
        raise ValueError(f"counts cannot be negative: {gained} gained, {lost} lost")
    pairs, fewer = gained + lost, min(gained, lost)
    if pairs == 0:
        return 1.0
    logs = np.cumsum(np.log(np.arange(pairs, pairs - fewer, -1) / np.arange(1, fewer + 1)))
    terms = np.exp(np.concatenate(([0.0], logs)) - pairs * np.log(2.0))
    tail = float(terms.sum()) - (0.5 * float(terms[-1]) if mid else 0.0)
    return min(1.0, 2 * tail)

"""Several tests at once: Holm's step-down adjustment.

Holm 1979, "A Simple Sequentially Rejective Multiple Test Procedure", Scandinavian Journal of Statistics 6:65-70: the
chance of one false claim or more among all tests stays below the level, whatever their dependence.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vlmeval.stats.clusters import Floats


def holm(p_values: Sequence[float]) -> Floats:
    """Return the adjusted p-values, in the order given: reject those at or below the level. Empty input gives ().

    Raises ValueError for a value outside 0..1.
    """
    values = np.asarray(p_values, dtype=np.float64)
    if not ((values >= 0) & (values <= 1)).all():
        raise ValueError("p-values must lie in 0..1")
    order = np.argsort(values, kind="stable")
    steps = values[order] * np.arange(len(values), 0, -1)
    adjusted = np.empty(len(values))
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(steps)) if len(values) else steps
    return adjusted

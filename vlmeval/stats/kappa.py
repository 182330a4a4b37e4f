"""Agreement of two raters beyond chance.

Cohen 1960, "A Coefficient of Agreement for Nominal Scales", Educational and Psychological Measurement 20(1):37-46:
kappa = (p_o - p_e) / (1 - p_e), with p_o the share of items on which the raters agree and p_e the share on which raters
with these totals agree by chance. 1 is full agreement, 0 what chance gives; below 0 they agree less than by chance.
"""

from __future__ import annotations

import math

import numpy as np

from vlmeval.stats.clusters import Floats


def cohen_kappa(counts: Floats) -> Floats:
    """Return kappa, shape (...), of tables of counts, shape (..., c * c), row by row: additive statistics of c classes.

    NaN for an empty table, and where both raters name one class only: then all agreement is expected. Raises ValueError
    where the last axis is no square.
    """
    classes = math.isqrt(counts.shape[-1])
    if classes * classes != counts.shape[-1]:
        raise ValueError(f"a table of {counts.shape[-1]} counts is not square")
    table = counts.reshape(*counts.shape[:-1], classes, classes)
    items = table.sum(axis=(-2, -1))
    agreed = np.trace(table, axis1=-2, axis2=-1)
    # In counts, not shares, so that whole numbers stay exact: both sides of the fraction are times items squared.
    expected = (table.sum(axis=-1) * table.sum(axis=-2)).sum(axis=-1)
    room = items * items - expected
    kappa: Floats = np.full(items.shape, np.nan)
    np.divide(agreed * items - expected, room, out=kappa, where=room > 0)
    return kappa

"""BCa: bootstrap percentiles corrected for bias and for a standard error that changes with the value.

Efron 1987, "Better Bootstrap Confidence Intervals", JASA 82:171-185; Efron & Tibshirani 1993, section 14.3. With
clusters the resampled unit is left out in the jackknife too. At few clusters the normal quantiles are widened as for
the percentile interval (see `quantiles.expanded_tail`), which BCa alone does not do.
"""

from __future__ import annotations

from statistics import NormalDist
from typing import NamedTuple

import numpy as np

from vlmeval.stats.clusters import Floats
from vlmeval.stats.quantiles import expanded_tail

NORMAL = NormalDist()


class Tails(NamedTuple):
    """The shares of the bootstrap distribution at which an interval is read."""

    low: float
    high: float


def acceleration(left_out: Floats) -> float:
    """Return sum d^3 / (6 (sum d^2)^1.5) with d = mean - value of the leave-one-out values (G,); 0 without spread.

    Efron & Tibshirani 1993, equation 14.15.
    """
    deviations = left_out.mean() - left_out
    squares = float((deviations**2).sum())
    return float((deviations**3).sum()) / (6 * squares**1.5) if squares > 0 else 0.0


def bias_correction(resampled: Floats, value: float) -> float | None:
    """Return the normal quantile of the share of `resampled` (B,) below `value`; None where it is 0 or 1.

    Equal ones count half: scores in steps would otherwise seem biased (Efron & Tibshirani 1993, equation 14.14).
    """
    near = 1e-12 * max(1.0, abs(value))
    below = float((resampled < value - near).mean() + (resampled <= value + near).mean()) / 2
    return NORMAL.inv_cdf(below) if 0 < below < 1 else None


def bca_tails(resampled: Floats, value: float, left_out: Floats, *, level: float = 0.95) -> Tails | None:
    """Return where to read the bootstrap distribution `resampled` (B,) of `value`, from leave-one-out values (G,).

    None where no correction can be had: fewer than two clusters, an undefined leave-one-out value, a value outside all
    of its resamples, or an acceleration so large that the tails would cross.
    """
    if len(left_out) < 2 or not np.isfinite(left_out).all():
        return None
    bias = bias_correction(resampled, value)
    if bias is None:
        return None
    lean = acceleration(left_out)
    outer = NORMAL.inv_cdf(expanded_tail(level, len(left_out)))
    shares = []
    for quantile in (outer, -outer):
        shift = bias + quantile
        if lean * shift >= 1:
            return None
        shares.append(NORMAL.cdf(bias + shift / (1 - lean * shift)))
    return Tails(*shares) if 0 < shares[0] < shares[1] < 1 else None

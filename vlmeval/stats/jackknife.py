"""Standard errors without resampling: the cluster jackknife, the linearised ratio, and intervals from both.

A statistic that is a function of sums can be had without one cluster by subtraction, so all G leave-one-out values are
one call of the metric.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from statistics import NormalDist

import numpy as np

from vlmeval.stats.clusters import Floats
from vlmeval.stats.proportion import wilson
from vlmeval.stats.quantiles import student_quantile

NORMAL = NormalDist()


def leave_one_out(sums: Floats, total: Floats, value: Callable[[Floats], Floats]) -> Floats:
    """Return the G values of a statistic without each one of its clusters; `sums` (G, k), `total` (k,) their sum."""
    return value(total - sums)


def jackknife_error(left_out: Floats) -> float | None:
    """Return the cluster jackknife's standard error from the leave-one-out values (G,).

    sqrt((G - 1) / G x sum of squared deviations from their mean): Efron & Tibshirani 1993, "An Introduction to the
    Bootstrap", section 11.2; with clusters left out it holds for clustered samples (Cameron & Miller 2015, Journal of
    Human Resources 50:317-372, section VI). None for fewer than two clusters, and where the statistic is undefined
    without one of them.
    """
    clusters = len(left_out)
    if clusters < 2 or not np.isfinite(left_out).all():
        return None
    return math.sqrt((clusters - 1) / clusters * float(((left_out - left_out.mean()) ** 2).sum()))


def ratio_error(sums: Floats) -> float | None:
    """Return the clustered standard error of a ratio of sums, sum y / sum x, from (y, x) by cluster, shape (G, 2).

    sqrt(G / (G - 1) x sum (y_g - R x_g)^2) / sum x: the linearised variance of a ratio (Cochran 1977, "Sampling
    Techniques", section 6.4); with x the numbers of samples it is the clustered standard error of a mean (Miller 2024,
    "Adding Error Bars to Evals", arXiv:2411.00640, section 2.2). None for fewer than two clusters or sum x = 0.
    """
    clusters, whole = len(sums), float(sums[:, 1].sum())
    if clusters < 2 or whole == 0:
        return None
    residuals = sums[:, 0] - float(sums[:, 0].sum()) / whole * sums[:, 1]
    return math.sqrt(clusters / (clusters - 1) * float((residuals**2).sum())) / abs(whole)


def student_interval(value: float, error: float, clusters: int, *, level: float = 0.95) -> tuple[float, float]:
    """Return `value` -+ t x `error` with t of `clusters` - 1 degrees (Cameron & Miller 2015, section VI)."""
    half = student_quantile((1 + level) / 2, clusters - 1) * error
    return value - half, value + half


def clustered_wilson(share: float, error: float, clusters: int, *, level: float = 0.95) -> tuple[float, float]:
    """Return Wilson's interval of a share inside (0, 1) whose clustered standard error is `error` > 0.

    On the effective number of samples share (1 - share) / error^2, times (z / t)^2 for the degrees of freedom that
    clusters leave (Korn & Graubard 1998, "Confidence intervals for proportions with small expected number of positive
    counts estimated from survey data", Survey Methodology 24:193-201).
    """
    shrunk = NORMAL.inv_cdf((1 + level) / 2) / student_quantile((1 + level) / 2, clusters - 1)
    return wilson(share, share * (1 - share) / error**2 * shrunk**2, level=level)

"""Two models on the same samples: the difference of a metric, its interval, and whether there is one at all.

The statistics of both stand side by side in one row, and clusters are drawn together: what the models share (hard
questions, the image) cancels out, as in the paired standard error of Miller 2024, arXiv:2411.00640, section 4.2. The
interval is BCa's of the difference (see `bca`), the test exchanges the models within clusters (see `permutation`); for
0/1 scores of samples that are their own clusters it is McNemar's exact test.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from vlmeval.stats.bootstrap import EDGE, RESAMPLES, UNKNOWN, Interval, Method, Statistic, intervals
from vlmeval.stats.clusters import Floats, Integers, cluster_sums, effective_clusters, exact_total
from vlmeval.stats.jackknife import jackknife_error, leave_one_out
from vlmeval.stats.mcnemar import mcnemar
from vlmeval.stats.permutation import exchange_test
from vlmeval.stats.proportion import share_difference
from vlmeval.stats.quantiles import NORMAL

Test = Literal["mcnemar", "exact", "drawn"]


class Pairs(NamedTuple):
    """The statistics of two models on the same n samples: `first`, `second` (n, k), cluster `codes` (n,), the metric's
    value (..., k) -> (...), and whether it is a share of right samples.
    """

    first: Floats
    second: Floats
    codes: Integers
    value: Callable[[Floats], Floats]
    proportion: bool = False
    higher_is_better: bool = True


@dataclass(frozen=True, slots=True)
class Difference:
    """A paired difference, unscaled: positive where the second is better, whichever way the metric runs.

    `error` is its clustered standard error, None, as the bounds and `p`, where it cannot be had; `error_apart` what it
    would be were each asked as many samples of its own: what pairing saves. `p` is two-sided and not adjusted for other
    tests. `test` says which it is: McNemar's, all exchanges, or drawn ones.
    """

    first: float
    second: float
    difference: float
    low: float | None
    high: float | None
    error: float | None
    error_apart: float | None
    p: float | None
    test: Test
    samples: int
    clusters: int


def paired_difference(
    pairs: Pairs,
    *,
    seed: int = 0,
    level: float = 0.95,
    resamples: int = RESAMPLES,
    method: Method = "bca",
) -> Difference | None:
    """Return the difference of the second from the first; None without samples or where one value is undefined."""
    if not len(pairs.first):
        return None
    width = pairs.first.shape[1]
    rows = np.hstack([pairs.first, pairs.second])
    sums, sizes = cluster_sums(rows, pairs.codes)
    total = exact_total(rows)
    sign = 1.0 if pairs.higher_is_better else -1.0

    def difference(totals: Floats) -> Floats:
        gap: Floats = sign * (pairs.value(totals[..., width:]) - pairs.value(totals[..., :width]))
        return gap

    first, second = float(pairs.value(total[:width])), float(pairs.value(total[width:]))
    if not (math.isfinite(first) and math.isfinite(second)):
        return None
    interval = _interval(
        pairs, Statistic(sums, total, difference), sizes, seed=seed, level=level, resamples=resamples, method=method
    )
    error = jackknife_error(leave_one_out(sums, total, difference))
    if not error and interval.low is not None and interval.high is not None:
        # Models that never differ have no spread; the interval still says what could have gone unseen.
        error = (interval.high - interval.low) / (2 * NORMAL.inv_cdf((1 + level) / 2))
    own = [
        jackknife_error(leave_one_out(part, whole, pairs.value))
        for part, whole in ((sums[:, :width], total[:width]), (sums[:, width:], total[width:]))
    ]
    p, test = _test(sums[:, :width], sums[:, width:], sizes, pairs.value, seed=seed, draws=resamples)
    return Difference(
        first=first,
        second=second,
        difference=sign * (second - first),
        low=interval.low,
        high=interval.high,
        error=error or None,
        error_apart=None if own[0] is None or own[1] is None else math.hypot(own[0], own[1]) or None,
        p=p,
        test=test,
        samples=len(rows),
        clusters=len(sizes),
    )


def _interval(
    pairs: Pairs, statistic: Statistic, sizes: Integers, *, seed: int, level: float, resamples: int, method: Method
) -> Interval:
    """Return the interval of the difference.

    For a share of which too few pairs change, or all but a few, resampling is too short and at its end a point; there
    the bounds are those of `share_difference`.
    """
    if pairs.proportion:
        changes = pairs.value(pairs.second) - pairs.value(pairs.first)
        changes = changes if pairs.higher_is_better else -changes
        gained, lost = float(np.maximum(changes, 0).mean()), float(np.maximum(-changes, 0).mean())
        effective = effective_clusters(sizes)
        # A share over groups of samples (F1 of pairs, a figure's questions) has members without a value of their own.
        if math.isfinite(gained + lost) and min(gained + lost, 1 - gained, 1 - lost) * effective < EDGE:
            return Interval(*share_difference(gained, lost, effective, level=level))
    if len(sizes) < 2:
        return UNKNOWN
    return intervals([statistic], sizes, seed=seed, level=level, resamples=resamples, method=method)[0]


def _test(
    first: Floats, second: Floats, sizes: Integers, value: Callable[[Floats], Floats], *, seed: int, draws: int
) -> tuple[float | None, Test]:
    changes = second - first
    single = (
        changes.shape[1] == 2
        and bool((sizes == 1).all() and (first[:, 1] == 1).all() and (second[:, 1] == 1).all())
        and bool(np.isin(first[:, 0], (0.0, 1.0)).all() and np.isin(second[:, 0], (0.0, 1.0)).all())
        and bool(np.allclose(value(first), first[:, 0]))
    )
    if single:
        return mcnemar(int((changes[:, 0] > 0).sum()), int((changes[:, 0] < 0).sum())), "mcnemar"
    permuted = exchange_test(first, second, value, seed=seed, permutations=draws)
    return permuted.p, permuted.method

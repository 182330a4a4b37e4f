"""Intervals by the cluster bootstrap, for any metric whose value is a function of summed statistics.

Clusters are drawn with replacement, their statistics summed, and the metric applied to all the sums in one call. The
interval is read at the expanded percentiles (see `quantiles.expanded_tail`). Every draw is exactly multinomial:

- few distinct rows of statistics (0/1 scores, VQA's five values): the numbers of draws of each distinct row are one
  multinomial vector, so 10,000 resamples of 10,000 clusters cost a millisecond;
- otherwise the cluster indices are drawn and counted, and counts times statistics is one matrix product for all metrics
  at once. Here 2,000 to 10,000 resamples, by the number of clusters; at 2,000 the Monte Carlo error of a 2.5 % bound is
  0.06 standard errors of the estimate. (Poisson weights would be twice as fast, but vary the number of draws,
  which is wrong for a metric that is not a ratio.)

Two cases where resampling lies:

- A share near 0 or 1 (fewer than `EDGE` clusters' worth of right or of wrong answers; so always below 20 clusters): the
  percentiles are too short, at exactly 0 or 1 a point. Such a share gets Wilson's interval on the effective number of
  clusters, which is on the safe side: it takes the members of a cluster as copies of each other.
- Other metrics with fewer than two clusters, with clusters that do not differ, or undefined on more than 5 % of the
  resamples: no interval (None), rather than a point.

Below about 20 clusters an interval of a metric that is no share remains optimistic (Cameron, Gelbach & Miller 2008).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from vlmeval.stats.clusters import Floats, Integers, effective_clusters
from vlmeval.stats.proportion import wilson
from vlmeval.stats.quantiles import expanded_tail

RESAMPLES = 10_000
FEWEST_RESAMPLES = 2_000
EDGE = 10
FEW_ROWS = 64
ROW_COST = 25  # a multinomial count of one distinct row costs about as much as drawing this many clusters, per resample
DRAWS_IN_MEMORY = 1 << 20


class Statistic(NamedTuple):
    """What an interval is wanted for: `sums` (G, k) by cluster, their total (k,), and the value (..., k) -> (...)."""

    sums: Floats
    total: Floats
    value: Callable[[Floats], Floats]
    proportion: bool = False


class Interval(NamedTuple):
    """The bounds, unscaled; None where no interval can be given."""

    low: float | None
    high: float | None


UNKNOWN = Interval(None, None)


def intervals(
    statistics: Sequence[Statistic],
    sizes: Integers,
    *,
    seed: int = 0,
    level: float = 0.95,
    resamples: int = RESAMPLES,
) -> list[Interval]:
    """Return the interval of each statistic; all are over the same clusters, `sizes` (G,) are their numbers of samples.

    Statistics that need cluster draws share them. The value of each total must be finite.
    """
    clusters = len(sizes)
    found: dict[int, Interval] = {}
    for place, statistic in enumerate(statistics):
        if statistic.proportion:
            share = float(statistic.value(statistic.total))
            effective = effective_clusters(sizes)
            if min(share, 1 - share) * effective < EDGE:
                found[place] = Interval(*wilson(share, effective, level=level))
        if place not in found and clusters < 2:
            found[place] = UNKNOWN
    open_places = [place for place in range(len(statistics)) if place not in found]
    totals = resample([statistics[place].sums for place in open_places], seed=seed, resamples=resamples)
    for place, resampled in zip(open_places, totals, strict=True):
        found[place] = _percentiles(statistics[place].value(resampled), clusters=clusters, level=level)
    return [found[place] for place in range(len(statistics))]


def resample(blocks: Sequence[Floats], *, seed: int, resamples: int = RESAMPLES) -> list[Floats]:
    """Return, for each block of cluster sums (G, k), the totals (B, k) of B resamples of its G clusters.

    B is `resamples`; less where there are many distinct rows and over 2,000 clusters, never below `FEWEST_RESAMPLES`.
    """
    totals: dict[int, Floats] = {}
    for place, block in enumerate(blocks):
        rows, counts = _distinct(block)
        if len(rows) <= max(FEW_ROWS, len(block) // ROW_COST):
            totals[place] = _multinomial_totals(rows, counts, seed=seed, resamples=resamples)
    dense = [place for place in range(len(blocks)) if place not in totals]
    if dense:
        # Sorted, so that renaming the clusters changes nothing.
        joined = np.hstack([blocks[place] for place in dense])
        joined = joined[np.lexsort(joined.T)]
        fewer = min(resamples, max(FEWEST_RESAMPLES, 20_000_000 // len(joined)))
        drawn = _drawn_totals(joined, seed=seed, resamples=fewer)
        ends = np.cumsum([blocks[place].shape[1] for place in dense])[:-1]
        totals.update(zip(dense, np.split(drawn, ends, axis=1), strict=True))
    return [totals[place] for place in range(len(blocks))]


def _distinct(block: Floats) -> tuple[Floats, Integers]:
    """Return the distinct rows of `block`, sorted, and how often each occurs."""
    ordered = block[np.lexsort(block.T)]
    first = np.concatenate(([True], (ordered[1:] != ordered[:-1]).any(axis=1)))
    starts = np.flatnonzero(first)
    return ordered[starts], np.diff(np.append(starts, len(ordered)))


def _multinomial_totals(rows: Floats, counts: Integers, *, seed: int, resamples: int) -> Floats:
    generator = np.random.default_rng(seed)
    clusters = int(counts.sum())
    totals = np.zeros((resamples, rows.shape[1]))
    # A mean over groups has a column for each; within a slice nearly all are zero.
    live: slice | Integers = slice(None) if (filled := rows.any(axis=0)).all() else np.flatnonzero(filled)
    rows = rows[:, live]
    step = max(1, DRAWS_IN_MEMORY // len(rows))
    for start in range(0, resamples, step):
        size = min(step, resamples - start)
        totals[start : start + size, live] = generator.multinomial(clusters, counts / clusters, size=size) @ rows
    return totals


def _drawn_totals(rows: Floats, *, seed: int, resamples: int) -> Floats:
    generator = np.random.default_rng(seed)
    clusters = len(rows)
    totals = np.empty((resamples, rows.shape[1]))
    step = max(1, DRAWS_IN_MEMORY // clusters)
    for start in range(0, resamples, step):
        size = min(step, resamples - start)
        drawn = generator.integers(0, clusters, size=(size, clusters), dtype=np.int64)
        drawn += np.arange(0, size * clusters, clusters)[:, np.newaxis]
        weights = np.bincount(drawn.ravel(), minlength=size * clusters).reshape(size, clusters)
        totals[start : start + size] = weights.astype(np.float64) @ rows
    return totals


def _percentiles(values: Floats, *, clusters: int, level: float) -> Interval:
    defined = values[np.isfinite(values)]
    if len(defined) < 0.95 * len(values):
        return UNKNOWN
    tail = expanded_tail(level, clusters)
    low, high = np.quantile(defined, [tail, 1 - tail])
    return Interval(float(low), float(high)) if low < high else UNKNOWN

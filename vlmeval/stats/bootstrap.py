"""Intervals by the cluster bootstrap, for any metric whose value is a function of summed statistics.

Clusters are drawn with replacement, their statistics summed, and the metric applied to all the sums in one call. The
interval is read at the expanded percentiles (see `quantiles.expanded_tail`), or at those of BCa (see `bca`); "analytic"
needs no resampling (see `jackknife`): Wilson's on the effective number of samples for a share, else Student's.

Every draw is multinomial:

- few distinct rows of statistics (0/1 scores, VQA's five values): the numbers of draws of each distinct row are one
  multinomial vector, so 10,000 resamples of 10,000 clusters cost a millisecond;
- otherwise the clusters are drawn, and counts times statistics is one matrix product for all metrics at once. From
  `THIN_FROM` clusters on, Poisson numbers a little below 1 for each cluster are completed by single draws to as many as
  there are clusters: given their sum, independent Poisson numbers are multinomial. (Uncompleted they would vary the
  number of draws, which is wrong for a metric that is not a ratio.) 10,000 resamples up to 10,000 clusters, then fewer,
  at least 2,000; there the Monte Carlo error of a 2.5 % bound is 0.06 standard errors of the estimate.

Two cases where resampling lies:

- A share near 0 or 1 (fewer than `EDGE` clusters' worth of right or of wrong answers; so always below 20 clusters): the
  percentiles are too short, at exactly 0 or 1 a point. Such a share gets Wilson's interval on the effective number of
  clusters, which is on the safe side: it takes the members of a cluster as copies of each other.
- Other metrics with fewer than two clusters, with clusters that do not differ, or undefined on more than 5 % of the
  resamples: no interval (None), rather than a point.

Below about 20 clusters an interval of a metric that is no share remains optimistic (Cameron, Gelbach & Miller 2008).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

import numpy as np

from vlmeval.stats.bca import bca_tails
from vlmeval.stats.clusters import Floats, Integers, distinct_rows, effective_clusters
from vlmeval.stats.jackknife import clustered_wilson, jackknife_error, leave_one_out, student_interval
from vlmeval.stats.proportion import wilson
from vlmeval.stats.quantiles import expanded_tail

RESAMPLES = 10_000
FEWEST_RESAMPLES = 2_000
EDGE = 10
FEW_ROWS = 64
ROW_COST = 25  # a multinomial count of one distinct row costs about as much as drawing this many clusters, per resample
DRAWS_IN_MEMORY = 1 << 20
MOST_DRAWS = 100_000_000
THIN_FROM = 1_024
WORD = 1 << 16
LAST_WORD = (1 << 64) - 1

Method = Literal["percentile", "bca", "analytic"]


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
    method: Method = "percentile",
) -> list[Interval]:
    """Return the interval of each statistic; all are over the same clusters, `sizes` (G,) are their numbers of samples.

    Statistics that need cluster draws share them. The value of each total must be finite. BCa reads the percentiles
    where its corrections cannot be had (see `bca.bca_tails`).
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
        if place not in found and method == "analytic":
            found[place] = _analytic(statistic, clusters=clusters, level=level)
    open_places = [place for place in range(len(statistics)) if place not in found]
    totals = resample([statistics[place].sums for place in open_places], seed=seed, resamples=resamples)
    for place, resampled in zip(open_places, totals, strict=True):
        found[place] = _read(statistics[place], resampled, clusters=clusters, level=level, method=method)
    return [found[place] for place in range(len(statistics))]


def resample(blocks: Sequence[Floats], *, seed: int, resamples: int = RESAMPLES) -> list[Floats]:
    """Return, for each block of cluster sums (G, k), the totals (B, k) of B resamples of its G clusters.

    B is `resamples`; less where there are many distinct rows and over 10,000 clusters, never below `FEWEST_RESAMPLES`.
    """
    totals: dict[int, Floats] = {}
    for place, block in enumerate(blocks):
        rows, counts = distinct_rows(block)
        if len(rows) <= max(FEW_ROWS, len(block) // ROW_COST):
            totals[place] = _multinomial_totals(rows, counts, seed=seed, resamples=resamples)
    dense = [place for place in range(len(blocks)) if place not in totals]
    if dense:
        # Sorted, so that renaming the clusters changes nothing.
        # BLEU-1 to BLEU-4 have the same statistics, all means the same count: a column is summed once.
        joined, columns = _distinct_columns(np.hstack([blocks[place] for place in dense]))
        joined = joined[np.lexsort(joined.T)]
        fewer = min(resamples, max(FEWEST_RESAMPLES, MOST_DRAWS // len(joined)))
        draw = _thinned_totals if len(joined) >= THIN_FROM else _drawn_totals
        drawn = draw(joined, seed=seed, resamples=fewer)
        ends = np.cumsum([blocks[place].shape[1] for place in dense])[:-1]
        totals.update(zip(dense, np.split(drawn[:, columns], ends, axis=1), strict=True))
    return [totals[place] for place in range(len(blocks))]


def _distinct_columns(rows: Floats) -> tuple[Floats, Integers]:
    """Return the distinct columns of `rows` (G, k), in order, and for each column which of them it is, shape (k,)."""
    known: dict[bytes, int] = {}
    which = np.array([known.setdefault(column.tobytes(), len(known)) for column in rows.T], dtype=np.int64)
    firsts = np.unique(which, return_index=True)[1]
    return rows[:, firsts], which


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


def _thinned_totals(rows: Floats, *, seed: int, resamples: int) -> Floats:
    """Return what `_drawn_totals` does, at half the cost.

    The Poisson numbers are looked up by 16 random bits, so that their chances are right to 2^-17.
    """
    generator = np.random.Generator(np.random.SFC64(seed))
    clusters = len(rows)
    table = _poisson_table(1 - 4 / math.sqrt(clusters))
    totals = np.empty((resamples, rows.shape[1]))
    step = max(1, DRAWS_IN_MEMORY // clusters)
    weights = np.empty(step * clusters)
    for start in range(0, resamples, step):
        size = min(step, resamples - start)
        wide = generator.integers(0, LAST_WORD, size=-(-size * clusters // 4), dtype=np.uint64, endpoint=True)
        flat = weights[: size * clusters]
        np.take(table, wide.view(np.uint16)[: size * clusters], out=flat, mode="clip")
        counts = flat.reshape(size, clusters)
        sums = counts.sum(axis=1).astype(np.int64)
        # A sum above the number of clusters is four standard errors away: nothing is completed, all is drawn anew.
        counts[sums > clusters] = 0.0
        missing = np.where(sums > clusters, clusters, clusters - sums)
        drawn = generator.integers(0, clusters, size=int(missing.sum()))
        np.add.at(flat, drawn + np.repeat(np.arange(0, size * clusters, clusters), missing), 1.0)
        totals[start : start + size] = counts @ rows
    return totals


def _poisson_table(mean: float) -> Floats:
    """Return the Poisson number for each of 2^16 equally likely words."""
    chances = [math.exp(k * math.log(mean) - mean - math.lgamma(k + 1)) for k in range(16)]
    table: Floats = np.searchsorted(np.cumsum(chances), (np.arange(WORD) + 0.5) / WORD, side="right").astype(np.float64)
    return table


def _analytic(statistic: Statistic, *, clusters: int, level: float) -> Interval:
    error = jackknife_error(leave_one_out(statistic.sums, statistic.total, statistic.value))
    if not error:
        return UNKNOWN
    value = float(statistic.value(statistic.total))
    if statistic.proportion:
        return Interval(*clustered_wilson(value, error, clusters, level=level))
    return Interval(*student_interval(value, error, clusters, level=level))


def _read(statistic: Statistic, resampled: Floats, *, clusters: int, level: float, method: Method) -> Interval:
    """Return the interval that the resampled totals (B, k) give."""
    values = statistic.value(resampled)
    defined = values[np.isfinite(values)]
    if len(defined) < 0.95 * len(values):
        return UNKNOWN
    tail = expanded_tail(level, clusters)
    tails: tuple[float, float] = (tail, 1 - tail)
    if method == "bca":
        left_out = leave_one_out(statistic.sums, statistic.total, statistic.value)
        tails = bca_tails(defined, float(statistic.value(statistic.total)), left_out, level=level) or tails
    low, high = np.quantile(defined, tails)
    return Interval(float(low), float(high)) if low < high else UNKNOWN

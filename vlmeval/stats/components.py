"""Several tries at each sample: what varies between samples, and what between tries at one.

One-way random effects with unequal numbers of tries: Searle, Casella & McCulloch 1992, "Variance Components", section
3.6 (analysis of variance estimators). For evaluations: Miller 2024, arXiv:2411.00640, section 3: more tries make only
the second part smaller.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vlmeval.stats.clusters import Floats


@dataclass(frozen=True, slots=True)
class Components:
    """Variances of one score: `samples` between samples, `epochs` between the tries at one sample.

    `mean` is over samples of each one's mean over tries. `error` is its standard error and `epochs_error` the part that
    more tries at the same samples would remove: error^2 = samples / n + epochs_error^2 where both are estimable.
    """

    mean: float
    samples: float
    epochs: float
    error: float
    epochs_error: float


def components(scores: Sequence[Sequence[float]] | Floats) -> Components | None:
    """Return the variance components of `scores[i][j]`, try j at sample i.

    None for fewer than two samples, or where no sample has two tries: then nothing tells the two apart. An estimate
    below 0 between samples is 0: tries differ as much within samples as across them.
    """
    tries = np.array([len(row) for row in scores], dtype=np.float64)
    if len(tries) < 2 or tries.min() < 1 or tries.max() < 2:
        return None
    values = np.concatenate([np.asarray(row, dtype=np.float64) for row in scores])
    starts = np.concatenate(([0], np.cumsum(tries)[:-1])).astype(np.int64)
    means = np.add.reduceat(values, starts) / tries
    count, whole = len(tries), float(tries.sum())
    within = float(((values - np.repeat(means, tries.astype(np.int64))) ** 2).sum()) / (whole - count)
    grand = float(values.sum()) / whole
    between = float((tries * (means - grand) ** 2).sum()) / (count - 1)
    effective = (whole - float((tries**2).sum()) / whole) / (count - 1)
    return Components(
        mean=float(means.mean()),
        samples=max(0.0, (between - within) / effective),
        epochs=within,
        error=math.sqrt(float(means.var(ddof=1)) / count),
        epochs_error=math.sqrt(within * float((1 / tries).sum())) / count,
    )

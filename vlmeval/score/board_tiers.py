"""Which models of a board differ on one task, all pairs at once and on the samples that all of them have.

Every model's value is a function of summed statistics, so leaving out each cluster in turn gives the joint covariance
of all values by the cluster jackknife (see `stats.jackknife`); what the models share, hard questions above all, cancels
in the differences, as it does in a paired test. Ranks and tiers are those of step-down max-|t| over all pairs
(`stats.separations`): the chance of one false separation or more on the task is 5 %.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np

from vlmeval.errors import JournalError
from vlmeval.stats.clusters import Floats, Integers, cluster_codes, cluster_sums, exact_total
from vlmeval.stats.jackknife import leave_one_out
from vlmeval.stats.mcnemar import mcnemar
from vlmeval.stats.sandwich import Covariance
from vlmeval.stats.separations import Table, rank, tiers
from vlmeval.store.layout import RunFolder
from vlmeval.store.lines import Lines

LEVEL = 0.95
FEW_FLIPS = 30
"""Below so many samples on which two models differ, the normal law is not to be trusted, and the exact test decides."""


class Statistics(msgspec.Struct, frozen=True):
    """What tiers need of a line of samples.jsonl; the rest of the line is skipped."""

    id: str
    cluster: str = ""
    stats: dict[str, tuple[float, ...]] = {}


@dataclass(frozen=True, eq=False)
class Standing:
    """How models stand on one task, in the order given: ranks (M,) at the level of the whole task, and tiers from 1."""

    low: Integers
    high: Integers
    tier: Integers
    samples: int
    clusters: int


def read_statistics(folder: RunFolder, metric: str) -> dict[str, Statistics]:
    """Return the samples of a scored run that entered `metric`, by id. Raises JournalError for a damaged file."""
    remedy = "score the run again: vlmeval score"
    found = {one.id: one for one in Lines(folder.samples, Statistics, remedy=remedy) if metric in one.stats}
    if not found and not Path(folder.samples).exists():
        raise JournalError(f"{folder.samples}: there is none; {remedy} {folder.path}")
    return found


def standing(
    runs: Sequence[Mapping[str, Statistics]],
    metric: str,
    value: Callable[[Floats], Floats],
    *,
    higher_is_better: bool,
    proportion: bool,
    seed: int = 0,
) -> Standing | None:
    """Return how the models of `runs` stand to one another; None with fewer than two runs or two common clusters.

    `value` is the metric's, (..., k) -> (...). None too where a model's value is undefined on the common samples.
    """
    if len(runs) < 2:
        return None
    common = [name for name in runs[0] if all(name in run for run in runs[1:])]
    units = (runs[0][name] for name in common)
    codes = cluster_codes([f"cluster {one.cluster}" if one.cluster else f"sample {one.id}" for one in units])
    if not common or codes.max(initial=0) < 1:
        return None
    tables = [np.array([run[name].stats[metric] for name in common], dtype=np.float64) for run in runs]
    width = tables[0].shape[1]
    if any(table.shape[1] != width for table in tables):
        return None
    sums, sizes = cluster_sums(np.hstack(tables), codes)
    total = exact_total(np.hstack(tables))
    parts = [slice(place * width, (place + 1) * width) for place in range(len(runs))]
    theta = np.array([float(value(total[part])) for part in parts])
    left_out = np.stack([leave_one_out(sums[:, part], total[part], value) for part in parts], axis=1)
    if not (np.isfinite(theta).all() and np.isfinite(left_out).all()):
        return None
    sign = 1.0 if higher_is_better else -1.0
    clusters = len(sizes)
    spread = left_out - left_out.mean(axis=0)
    matrix = (clusters - 1) / clusters * (spread.T @ spread)
    ranks = rank(sign * theta, Covariance(matrix, clusters - 1, {"clusters": clusters}), level=LEVEL, seed=seed)
    above = ranks.above
    if proportion and width == 2 and bool((sizes == 1).all()):
        above = confirmed(above, sums[:, ::2])
    return Standing(
        low=1 + above.sum(axis=0),
        high=len(runs) - above.sum(axis=1),
        tier=tiers(sign * theta, above),
        samples=len(common),
        clusters=clusters,
    )


def confirmed(above: Table, right: Floats) -> Table:
    """Return the separations that few flips carry only where McNemar's exact test confirms them.

    `right` (n, M) are 0/1 scores. The test is at 5 % over the number of all pairs (Bonferroni), so that the promise for
    the whole task stays.
    """
    models = right.shape[1]
    level = (1 - LEVEL) / (models * (models - 1) / 2)
    kept = above.copy()
    for winner in range(models):
        losers = np.flatnonzero(above[winner])
        changes = right[:, [winner]] - right[:, losers]
        gained, lost = (changes > 0).sum(axis=0), (changes < 0).sum(axis=0)
        for place in np.flatnonzero(gained + lost < FEW_FLIPS):
            if mcnemar(int(gained[place]), int(lost[place])) > level:
                kept[winner, losers[place]] = False
    return kept

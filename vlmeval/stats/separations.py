"""Which models differ, all pairs at once: simultaneous rank intervals and tiers.

Step-down max-|t| (Romano & Wolf 2005, Econometrica 73:1237-1282; for ranks Mogstad, Romano, Shaikh & Wilhelm 2024,
Review of Economic Studies 91:476-518): the critical value is the quantile of the largest |t| over all pairs not yet
separated, under N(0, V), or Student's t with V's degrees of freedom. The chance of one false separation or more is
1 - level on the whole board. Ranks by intervals that do not overlap make one on 23 to 61 % of boards.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vlmeval.stats.clusters import Floats, Integers
from vlmeval.stats.sandwich import Covariance

DRAWS = 2_000
BLOCK = 1 << 21
Table = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Ranks:
    """By model (M,), 1 is best: `low` and `high` bound the rank, at `level` for all models together.

    `above` (M, M): row is separated from column and stands above it. `tier`: the best model of a tier is separated from
    none in it. `bound` is the compatibility column "rank (UB)" of Chatbot Arena.
    """

    low: Integers
    high: Integers
    tier: Integers
    bound: Integers
    above: Table


def rank(
    theta: Floats, covariance: Covariance, *, level: float = 0.95, draws: int = DRAWS, seed: int = 0
) -> Ranks:  # fmt: skip
    """Return the ranks of `theta` (M,), whose covariance is the leading block."""
    above = separated(theta, covariance, level=level, draws=draws, seed=seed)
    half = covariance.quantile(level) * covariance.errors()[: len(theta)]
    bound = 1 + ((theta - half)[np.newaxis, :] > (theta + half)[:, np.newaxis]).sum(axis=1)
    return Ranks(
        low=1 + above.sum(axis=0),
        high=len(theta) - above.sum(axis=1),
        tier=tiers(theta, above),
        bound=bound,
        above=above,
    )


def separated(
    theta: Floats, covariance: Covariance, *, level: float = 0.95, draws: int = DRAWS, seed: int = 0
) -> Table:  # fmt: skip
    """Return (M, M): whether row stands above column, with at most 1 - level chance of any false entry."""
    size = len(theta)
    errors = covariance.differences(size)
    first, second = np.triu_indices(size, 1)
    known = errors[first, second] > 0
    first, second = first[known], second[known]
    scale = errors[first, second]
    size_of_t = np.abs(theta[first] - theta[second]) / scale
    sample = drawn(covariance, size, draws=draws, seed=seed)
    undecided = np.ones(len(first), dtype=bool)
    while undecided.any():
        largest = _largest(sample, first[undecided], second[undecided], scale[undecided])
        new = undecided & (size_of_t > np.quantile(largest, level))
        if not new.any():
            break
        undecided &= ~new
    above = np.zeros((size, size), dtype=bool)
    ahead = theta[first] > theta[second]
    winner, loser = np.where(ahead, first, second), np.where(ahead, second, first)
    above[winner[~undecided], loser[~undecided]] = True
    return above


def drawn(covariance: Covariance, size: int, *, draws: int, seed: int) -> Floats:
    """Return draws (B, size) of the estimate's error: normal, or Student's t where V has degrees of freedom."""
    generator = np.random.default_rng(seed)
    values, vectors = np.linalg.eigh(covariance.matrix[:size, :size])
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    sample: Floats = generator.standard_normal((draws, size)) @ root.T
    if covariance.freedom is not None:
        chi = generator.chisquare(covariance.freedom, size=(draws, 1))
        sample /= np.sqrt(chi / covariance.freedom)
    return sample


def tiers(theta: Floats, above: Table) -> Integers:
    """Return the tier of each model, from 1: down the order, a model separated from the first of a tier opens one."""
    found = np.zeros(len(theta), dtype=np.int64)
    head, tier = -1, 0
    for place in np.argsort(-theta, kind="stable"):
        if head < 0 or above[head, place]:
            head, tier = int(place), tier + 1
        found[place] = tier
    return found


def _largest(sample: Floats, first: Integers, second: Integers, scale: Floats) -> Floats:
    """Return the largest |t| of each draw over the pairs, (B,)."""
    columns = np.ascontiguousarray(sample.T, dtype=np.float32)
    inverse = (1.0 / scale).astype(np.float32)[:, np.newaxis]
    largest = np.zeros(sample.shape[0], dtype=np.float32)
    step = max(1, BLOCK // sample.shape[0])
    for low in range(0, len(first), step):
        part = slice(low, low + step)
        t = columns[first[part]]
        t -= columns[second[part]]
        np.abs(t, out=t)
        t *= inverse[part]
        np.maximum(largest, t.max(axis=0), out=largest)
    return largest.astype(np.float64)

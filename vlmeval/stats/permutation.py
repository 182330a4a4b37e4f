"""A test of no difference between two models on the same samples: exchange their results, cluster by cluster.

Where the models do not differ, which of them gave which results in a cluster is arbitrary: every exchange is as likely
as what was seen. Fisher 1935, "The Design of Experiments", section 21 (sign flips of paired differences); for any
function of sums (F1, BLEU): approximate randomisation, Noreen 1989, "Computer-Intensive Methods for Testing
Hypotheses". Exchanging whole clusters keeps what their members share.

Only the distinct changes and how often each occurs matter, and of c equal changes a binomial number is exchanged. So a
test of few distinct changes is exact (summed over all binomial numbers), and 10,000 draws of a 0/1 score are free. For
0/1 scores of samples that are their own clusters the exact test is McNemar's.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal, NamedTuple

import numpy as np

from vlmeval.stats.clusters import Floats, Integers, distinct_rows

PERMUTATIONS = 10_000
EXACT_UP_TO = 40_000
DRAWS_IN_MEMORY = 1 << 20
SAME = 1e-9


class Permuted(NamedTuple):
    """`p` two-sided; `method` tells an exact test from one of drawn exchanges; `p` is None where hardly any exchange
    has a defined difference.
    """

    p: float | None
    method: Literal["exact", "drawn"]


def exchange_test(
    first: Floats,
    second: Floats,
    value: Callable[[Floats], Floats],
    *,
    seed: int = 0,
    permutations: int = PERMUTATIONS,
) -> Permuted:
    """Return the test of value(sum of `first`) = value(sum of `second`), sums by cluster (G, k) of the same clusters.

    Drawn: p = (1 + as extreme) / (1 + permutations), never 0 (Phipson & Smyth 2010, Statistical Applications in
    Genetics and Molecular Biology 9(1):39). `permutations` bounds it from below at 1 / (1 + permutations).
    """
    changes, counts = distinct_rows(second - first)
    moved = changes.any(axis=1)
    changes, counts = changes[moved], counts[moved]
    start, end = first.sum(axis=0), second.sum(axis=0)
    observed = abs(float(value(end)) - float(value(start)))
    if not len(changes):
        return Permuted(1.0, "exact")

    def extreme(exchanged: Floats) -> tuple[Floats, Floats]:
        """Return for sums of exchanged changes (B, k) whether each is defined, and as extreme as what was seen."""
        gaps = np.abs(value(end - exchanged) - value(start + exchanged))
        return np.isfinite(gaps).astype(np.float64), (gaps >= observed * (1 - SAME)).astype(np.float64)

    # The logarithm: a product of many counts overflows.
    if np.log(counts + 1.0).sum() <= math.log(EXACT_UP_TO):
        chosen, chances = _all_exchanges(counts)
        defined, beyond = (float(part @ chances) for part in extreme(chosen @ changes))
        return Permuted(min(1.0, beyond / defined) if defined >= 0.95 else None, "exact")
    defined_parts, beyond_parts = extreme(_drawn_exchanges(changes, counts, seed=seed, permutations=permutations))
    defined, beyond = float(defined_parts.sum()), float(beyond_parts.sum())
    if defined < 0.95 * permutations:
        return Permuted(None, "drawn")
    return Permuted((1 + beyond) / (1 + defined), "drawn")


def _all_exchanges(counts: Integers) -> tuple[Floats, Floats]:
    """Return every vector of exchanged numbers, (P, r), with its chance (P,)."""
    grids = np.meshgrid(*(np.arange(count + 1) for count in counts), indexing="ij")
    chosen = np.stack([grid.ravel() for grid in grids], axis=1)
    logs = np.zeros(len(chosen))
    for place, count in enumerate(counts.tolist()):
        binomial = np.array(
            [math.lgamma(count + 1) - math.lgamma(i + 1) - math.lgamma(count - i + 1) for i in range(count + 1)]
        )
        logs += binomial[chosen[:, place]] - count * math.log(2.0)
    return chosen.astype(np.float64), np.exp(logs)


def _drawn_exchanges(changes: Floats, counts: Integers, *, seed: int, permutations: int) -> Floats:
    """Return the sums (B, k) of the changes exchanged in each of B draws."""
    generator = np.random.default_rng(seed)
    totals = np.empty((permutations, changes.shape[1]))
    several = counts > 1
    step = max(1, DRAWS_IN_MEMORY // len(changes))
    for begin in range(0, permutations, step):
        size = min(step, permutations - begin)
        drawn = np.empty((size, len(changes)))
        singles = int((~several).sum())
        bits = np.unpackbits(np.frombuffer(generator.bytes((size * singles + 7) // 8), dtype=np.uint8))
        drawn[:, ~several] = bits[: size * singles].reshape(size, singles)
        drawn[:, several] = generator.binomial(counts[several], 0.5, size=(size, int(several.sum())))
        totals[begin : begin + size] = drawn @ changes
    return totals

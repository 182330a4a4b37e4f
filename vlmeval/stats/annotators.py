"""Annotators whose votes do not follow the ratings, or follow the side of the screen.

z1 = sum d (s - p) / sqrt(sum d^2 v): d is the difference of the two strengths, s the vote (1, 1/2, 0), p its expected
value and v its variance. Somebody who votes at random or in reverse gets a large negative value.
z2 = sum (s - p) / sqrt(sum v), in displayed sides: large in size for somebody who keeps clicking one side.
Both are near normal for somebody who votes as the others. Flags are by Benjamini & Hochberg (1995, JRSS-B 57:289-300)
over both tests of all annotators. A flag is a reason to look, never to delete silently.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from vlmeval.stats.clusters import Floats, Integers
from vlmeval.stats.comparisons import Codes

RATE = 0.05
NORMAL = NormalDist()


@dataclass(frozen=True, eq=False)
class Conduct:
    """By annotator (A,): the votes, z1 (agreement with the ratings), z2 (preference for the left), and the flags."""

    votes: Integers
    follows: Floats
    side: Floats
    random: NDArray[np.bool_]
    sided: NDArray[np.bool_]


def conduct(
    difference: Floats, probabilities: Floats, outcome: Codes, annotator: Codes, number: int, *, rate: float = RATE
) -> Conduct:  # fmt: skip
    """Return the conduct of `number` annotators from votes (n,).

    `difference` (n,) is left minus right and `probabilities` (3, n) those of left, tie, right, both from a fit without
    this annotator's votes where annotators are few. A half-win model has no probability of a tie: its variance is an
    upper bound then.
    """
    expected = probabilities[0] + 0.5 * probabilities[1]
    spread = probabilities[0] + 0.25 * probabilities[1] - expected**2
    residual = 1.0 - 0.5 * outcome - expected
    follows = _ratio(difference * residual, difference**2 * spread, annotator, number)
    side = _ratio(residual, spread, annotator, number)
    tails = np.array(
        [NORMAL.cdf(z) for z in follows.tolist()] + [2 * NORMAL.cdf(-abs(z)) for z in side.tolist()]
    )  # fmt: skip
    flagged = benjamini_hochberg(tails, rate=rate)
    return Conduct(np.bincount(annotator, minlength=number), follows, side, flagged[:number], flagged[number:])


def benjamini_hochberg(probabilities: Floats, *, rate: float = RATE) -> NDArray[np.bool_]:
    """Return which tests are rejected with a false discovery rate of `rate`, for probabilities (m,)."""
    order = np.argsort(probabilities, kind="stable")
    passed = np.flatnonzero(probabilities[order] <= rate * np.arange(1, len(order) + 1) / len(order))
    rejected = np.zeros(len(order), dtype=bool)
    if len(passed):
        rejected[order[: passed[-1] + 1]] = True
    return rejected


def _ratio(top: Floats, spread: Floats, annotator: Codes, number: int) -> Floats:
    sums = np.bincount(annotator, top, number)
    spreads = np.bincount(annotator, spread, number)
    return np.divide(sums, np.sqrt(spreads), out=np.zeros(number), where=spreads > 0)

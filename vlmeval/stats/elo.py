"""Elo's online ratings (Elo 1978), for display only: they depend on the order of votes and have no interval."""

from __future__ import annotations

import numpy as np

from vlmeval.stats.clusters import Floats
from vlmeval.stats.comparisons import Codes

FACTOR = 4.0
BASE = 10.0
SCALE = 400.0
START = 1000.0


def online_elo(
    left: Codes, right: Codes, outcome: Codes, models: int, *, factor: float = FACTOR, start: float = START
) -> Floats:  # fmt: skip
    """Return the ratings (M,) after votes (n,) in the order given, as FastChat's `compute_elo` has them (K = 4)."""
    rating = [start] * models
    for one, other, code in zip(left.tolist(), right.tolist(), outcome.tolist(), strict=True):
        first, second = rating[one], rating[other]
        expected = 1.0 / (1.0 + BASE ** ((second - first) / SCALE))
        moved = factor * (1.0 - 0.5 * code - expected)
        rating[one] += moved
        rating[other] -= moved
    return np.array(rating)

"""Intervals for a share of right answers, and for a paired difference of two, that stay honest near the ends."""

from __future__ import annotations

import math
from statistics import NormalDist


def wilson(share: float, trials: float, *, level: float = 0.95) -> tuple[float, float]:
    """Return the score interval of Wilson (1927, JASA 22:209-212) for `share` right of `trials`, inside [0, 1].

    `trials` may be an effective number and need not be whole, as Korn & Graubard (1998) have it for surveys.
    """
    if not (0.0 <= share <= 1.0 and trials > 0):
        raise ValueError(f"a share must lie in 0..1 and trials be positive; got {share} of {trials}")
    z = NormalDist().inv_cdf((1 + level) / 2)
    centre = share + z * z / (2 * trials)
    half = z * math.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials))
    scale = 1 + z * z / trials
    # Rounding must not push a bound past the share it encloses.
    return max(0.0, min(share, (centre - half) / scale)), min(1.0, max(share, (centre + half) / scale))


def share_difference(gained: float, lost: float, trials: float, *, level: float = 0.95) -> tuple[float, float]:
    """Return the interval of `gained` - `lost`: the shares of pairs that one side alone, or the other alone, has right.

    Bounds of Wilson on both shares, put together by their distances ("square-and-add": Newcombe 1998, Statistics in
    Medicine 17:873-890; Zou & Donner 2008, 27:1693-1702). It takes the two shares as independent, which holds where
    one of them is near 0; two equal series of answers get bounds on both sides of 0, not a point.
    """
    (fewest_gained, most_gained), (fewest_lost, most_lost) = (
        wilson(share, trials, level=level) for share in (gained, lost)
    )
    down = math.hypot(gained - fewest_gained, most_lost - lost)
    up = math.hypot(most_gained - gained, lost - fewest_lost)
    return max(-1.0, gained - lost - down), min(1.0, gained - lost + up)

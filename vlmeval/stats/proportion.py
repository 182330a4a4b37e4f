"""An interval for a share of right answers that stays honest near 0 and 1."""

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

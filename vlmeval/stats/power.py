"""What a comparison could have shown, and how many samples one needs to show a difference of d.

All figures are for a two-sided test at `alpha` that finds the difference with chance `power`. A standard error or a
deviation is to be the clustered one; numbers of samples then scale as the observed clusters do.
"""

from __future__ import annotations

import math
from statistics import NormalDist

NORMAL = NormalDist()
POWER = 0.8


def reach(*, alpha: float = 0.05, power: float = POWER) -> float:
    """Return z(1 - alpha / 2) + z(power): how many standard errors a difference must measure to be found."""
    return NORMAL.inv_cdf(1 - alpha / 2) + NORMAL.inv_cdf(power)


def detectable(error: float, *, alpha: float = 0.05, power: float = POWER) -> float:
    """Return the minimal detectable effect of a comparison whose difference has the standard error `error`.

    Bloom 1995, "Minimum Detectable Effects", Evaluation Review 19:547-556; Miller 2024, arXiv:2411.00640, section 5.
    """
    return reach(alpha=alpha, power=power) * error


def samples_for(
    difference: float, *, error: float, samples: int, alpha: float = 0.05, power: float = POWER
) -> int | None:
    """Return how many paired samples show `difference`, where `samples` of them gave the standard error `error`.

    The error falls with the square root of the number of samples: n' = n (reach x error / d)^2 (Miller 2024, section
    5). None for a difference of 0.
    """
    if difference == 0:
        return None
    return math.ceil(samples * (reach(alpha=alpha, power=power) * error / difference) ** 2 - 1e-9)


def paired_samples(difference: float, discordance: float, *, alpha: float = 0.05, power: float = POWER) -> int:
    """Return how many pairs show a `difference` of two shares of which `discordance` of the pairs change.

    n = (z(1 - alpha / 2) sqrt(psi) + z(power) sqrt(psi - d^2))^2 / d^2 (Connor 1987, "Sample size for testing
    differences in proportions for the paired-sample design", Biometrics 43:207-211). Raises ValueError unless
    0 < |d| <= psi <= 1.
    """
    size = abs(difference)
    if not 0 < size <= discordance <= 1:
        raise ValueError(f"a difference of {difference} needs a discordance of at least that; got {discordance}")
    null = NORMAL.inv_cdf(1 - alpha / 2) * math.sqrt(discordance)
    other = NORMAL.inv_cdf(power) * math.sqrt(max(0.0, discordance - size**2))
    return math.ceil(((null + other) / size) ** 2)


def unpaired_samples(first: float, second: float, *, alpha: float = 0.05, power: float = POWER) -> int:
    """Return how many samples *each* of two models needs on different questions to show `first` against `second`.

    Two independent shares without continuity correction: Fleiss, Levin & Paik 2003, "Statistical Methods for Rates and
    Proportions", section 4.2. Raises ValueError for equal shares or one outside 0..1.
    """
    if not (0 <= first <= 1 and 0 <= second <= 1) or first == second:
        raise ValueError(f"two different shares in 0..1 are needed; got {first} and {second}")
    mean = (first + second) / 2
    null = NORMAL.inv_cdf(1 - alpha / 2) * math.sqrt(2 * mean * (1 - mean))
    other = NORMAL.inv_cdf(power) * math.sqrt(first * (1 - first) + second * (1 - second))
    return math.ceil(((null + other) / (first - second)) ** 2)

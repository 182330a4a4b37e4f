"""Student's t, exact for every whole number of degrees of freedom."""

from __future__ import annotations

import math
from functools import cache
from statistics import NormalDist

LARGE = 2_000


def student_cdf(t: float, freedom: int) -> float:
    """Return P(T <= t) for `freedom` >= 1 degrees: the finite series of Abramowitz & Stegun 26.7.3 and 26.7.4."""
    angle = math.atan2(abs(t), math.sqrt(freedom))
    cosine, sine = math.cos(angle), math.sin(angle)
    term = cosine if freedom % 2 else 1.0
    total = term if freedom > 1 else 0.0
    for place in range(3 if freedom % 2 else 2, freedom - 1, 2):
        term *= cosine * cosine * (place - 1) / place
        total += term
    inside = 2 / math.pi * (angle + sine * total) if freedom % 2 else sine * total
    return (1 + inside) / 2 if t >= 0 else (1 - inside) / 2


@cache
def student_t(probability: float, freedom: int | None) -> float:
    """Return the quantile of Student's t at `probability`, of the normal law where `freedom` is None.

    To twelve digits; raises ValueError below one degree or outside 0..1.
    """
    if not 0 < probability < 1 or (freedom is not None and freedom < 1):
        raise ValueError(f"no quantile at {probability} for {freedom} degrees of freedom")
    if freedom is None:
        return NormalDist().inv_cdf(probability)
    if freedom > LARGE:
        x = NormalDist().inv_cdf(probability)
        return x + (x**3 + x) / (4 * freedom)
    if probability < 0.5:
        return -student_t(1 - probability, freedom)
    low, high = 0.0, 1.0
    while student_cdf(high, freedom) < probability:
        low, high = high, high * 2
    while high - low > 1e-13 * high:
        middle = (low + high) / 2
        if middle in (low, high):
            break
        low, high = (middle, high) if student_cdf(middle, freedom) < probability else (low, middle)
    return (low + high) / 2

"""Studies with a known truth, as rows of additive statistics."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


def mean(total: Floats) -> Floats:
    """Return the mean from sums of (score, 1)."""
    with np.errstate(invalid="ignore", divide="ignore"):
        value: Floats = total[..., 0] / total[..., 1]
    return value


def rows(scores: Floats | NDArray[np.bool_]) -> Floats:
    """Return scores as statistics (score, 1)."""
    return np.column_stack([scores.astype(np.float64), np.ones(len(scores))])


def pair(
    generator: np.random.Generator, samples: int, *, gained: float, lost: float, share: float = 0.6
) -> tuple[Floats, Floats]:
    """Return the 0/1 rows of two models on the same samples: the first right on `share`, the second by `gained` more
    and `lost` fewer of all.
    """
    first = generator.random(samples) < share
    chance = generator.random(samples)
    second = np.where(first, chance >= lost / share, chance < gained / (1 - share))
    return rows(first), rows(second)


def clustered_pair(
    generator: np.random.Generator, images: int, *, gain: float = 0.0
) -> tuple[Floats, Floats, Integers]:
    """Return rows and clusters of two models whose chances on an image's questions are drawn with the image.

    Each image is easy or hard for both, and one or the other model is better at it: differences go by image too.
    """
    sizes = generator.integers(1, 7, images)
    ease = np.repeat(generator.beta(2.0, 2.0, images), sizes)
    lean = np.repeat(generator.normal(0.0, 0.12, images), sizes)
    codes = np.repeat(np.arange(images), sizes)
    chance = generator.random((2, len(codes)))
    first = chance[0] < np.clip(ease - lean, 0, 1)
    second = chance[1] < np.clip(ease + lean + gain, 0, 1)
    return rows(first), rows(second), codes

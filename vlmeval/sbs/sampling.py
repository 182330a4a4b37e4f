"""Which prompts of many a study takes."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


def chosen(values: Sequence[T], n: int | None, seed: int) -> list[T]:
    """Return `n` of the values in their order, drawn by `seed`; all of them where `n` is None or not fewer."""
    if n is None or n >= len(values):
        return list(values)
    places = sorted(random.Random(seed).sample(range(len(values)), n))  # noqa: S311 - a sample, not a secret
    return [values[place] for place in places]

"""Cheap seeded choices over a numpy `Generator`.

The raw 64-bit stream of PCG64 is guaranteed never to change between numpy versions, unlike the streams of
`Generator.integers` or `Generator.choice`; drawing from it keeps a seed's suite the same everywhere.
"""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

Choice = TypeVar("Choice")

_BLOCK = 4096


class Dice:
    """A stream of choices determined by its seed alone."""

    def __init__(self, seed: int) -> None:
        self._generator = np.random.Generator(np.random.PCG64(seed))
        self._block: list[int] = []

    def below(self, limit: int) -> int:
        """Return an integer in 0..limit-1; the modulo bias is under 2**-50 for every limit used here."""
        if not self._block:
            self._block = self._generator.bit_generator.random_raw(_BLOCK).tolist()
        return self._block.pop() % limit

    def between(self, low: int, high: int) -> int:
        """Return an integer in low..high, both ends included."""
        return low + self.below(high - low + 1)

    def chance(self, share: float) -> bool:
        """Return True with probability `share` (0..1, in steps of a millionth)."""
        return self.below(1_000_000) < share * 1_000_000

    def pick(self, choices: Sequence[Choice]) -> Choice:
        """Return one of `choices`, which must not be empty."""
        return choices[self.below(len(choices))]

    def sample(self, choices: Sequence[Choice], count: int) -> list[Choice]:
        """Return `count` different positions' values of `choices`, in random order."""
        pool = list(choices)
        if count > len(pool):
            raise ValueError(f"cannot draw {count} of {len(pool)} choices")
        for place in range(count):
            other = place + self.below(len(pool) - place)
            pool[place], pool[other] = pool[other], pool[place]
        return pool[:count]

    def shuffled(self, choices: Sequence[Choice]) -> list[Choice]:
        """Return all of `choices` in random order."""
        return self.sample(choices, len(choices))

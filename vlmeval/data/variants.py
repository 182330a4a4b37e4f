"""The names of a sample's requests: which epoch, and which pass within it.

Asked once, a sample has its only pass, "" or "rot0", or the passes of a choice question, "rot0", "rot1", ... Asked
several times it has "epoch0", "epoch1", ..., and of several passes "epoch0.rot0", "epoch0.rot1", ...
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol, TypeVar

EPOCH = "epoch"


class Named(Protocol):
    """Anything that belongs to one request of a sample."""

    @property
    def variant(self) -> str:
        """The name of the request."""
        ...


NamedT = TypeVar("NamedT", bound=Named)


def repeated(passes: Sequence[str], epochs: int) -> list[tuple[int, str, str]]:
    """Return (epoch, pass, variant) of every request, epoch by epoch; one epoch leaves the names of passes as they are.

    The only pass of an epoch needs no name of its own.
    """
    if epochs == 1:
        return [(0, one, one) for one in passes]
    return [
        (epoch, one, f"{EPOCH}{epoch}.{one}" if len(passes) > 1 else f"{EPOCH}{epoch}")
        for epoch in range(epochs)
        for one in passes
    ]


def pass_of(variant: str, only: str = "") -> str:
    """Return the pass within its epoch; `only` is what the unnamed only pass is called."""
    if not variant.startswith(EPOCH):
        return variant
    return variant.partition(".")[2] or only


def epoch_of(variant: str) -> int:
    """Return the number of the epoch, counted from 0."""
    number = variant.partition(".")[0].removeprefix(EPOCH)
    return int(number) if variant.startswith(EPOCH) and number.isdecimal() else 0


def by_epoch(answers: Iterable[NamedT]) -> list[list[NamedT]]:
    """Return the answers in groups, one an epoch, in the order in which the epochs come; all of them where none is."""
    found: dict[str, list[NamedT]] = {}
    for answer in answers:
        epoch = answer.variant.partition(".")[0] if answer.variant.startswith(EPOCH) else ""
        found.setdefault(epoch, []).append(answer)
    return list(found.values())

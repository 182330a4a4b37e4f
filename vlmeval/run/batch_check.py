"""Whether answers depend on the batch they came from: every request alone, then in batches of N, row by row.

Padding, kernels chosen by shape and sums in another order make logits differ in their last digits; in float32 that
changes no answer, in bfloat16 now and then one. A row that differs in float32 is a fault of a model or its wrapper.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import msgspec

from vlmeval.types import Failure, Outcome, Request

Call = Callable[[Sequence[Request]], Sequence[Outcome]]


@dataclass(frozen=True)
class Difference:
    """A row whose answer in a batch is another than alone; for weighed options `moved` is by how much they differ."""

    request: Request
    alone: Outcome
    batched: Outcome
    moved: float = 0.0

    def line(self) -> str:
        """Return it as one line."""
        name = f"{self.request.sample_id}/{self.request.variant}".rstrip("/")
        return f"{name}: alone {_said(self.alone)}, in a batch {_said(self.batched)}"


@dataclass(frozen=True)
class BatchCheck:
    """What came of it. `largest` is the largest difference of a log-likelihood, None where no options were weighed."""

    rows: int
    batch: int
    differences: tuple[Difference, ...]
    largest: float | None = None


def check_batches(call: Call, requests: Sequence[Request], batch: int) -> BatchCheck:
    """Ask every request alone and in batches of `batch`, and compare text, finish and the option preferred."""
    alone = [call([request])[0] for request in requests]
    together: list[Outcome] = []
    for start in range(0, len(requests), batch):
        together += call(requests[start : start + batch])
    moved = [_moved(one, other) for one, other in zip(alone, together, strict=True)]
    differences = tuple(
        Difference(request, one, other, distance or 0.0)
        for request, one, other, distance in zip(requests, alone, together, moved, strict=True)
        if _meaning(one) != _meaning(other)
    )
    weighed = [distance for distance in moved if distance is not None]
    return BatchCheck(len(requests), batch, differences, max(weighed, default=None))


def _meaning(outcome: Outcome) -> tuple[object, ...]:
    """Return what counts of an outcome: text and finish, or the order of the options."""
    if isinstance(outcome, Failure):
        return ("failure", outcome.kind)
    if outcome.scores:
        return ("order", *sorted(range(len(outcome.scores)), key=lambda place: -outcome.scores[place]))
    return ("text", outcome.text, outcome.finish)


def _moved(one: Outcome, other: Outcome) -> float | None:
    if isinstance(one, Failure) or isinstance(other, Failure) or not one.scores or not other.scores:
        return None
    return max(abs(a - b) for a, b in zip(one.scores, other.scores, strict=True))


def _said(outcome: Outcome) -> str:
    if isinstance(outcome, Failure):
        return f"{outcome.kind} ({outcome.message})"
    if outcome.scores:
        return "(" + ", ".join(f"{score:.4f}" for score in outcome.scores) + ")"
    return msgspec.json.encode(outcome.text).decode()

"""What a run cost besides its score: throughput, latency, memory, energy. Recorded in run.json, never fingerprinted.

The figures are those of the machine and of what else ran on it: comparable within one machine, not between two.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Self

from msgspec import Struct

from vlmeval.types import Output, Record


class Percentiles(Struct, frozen=True):
    """Of a number of seconds: the median, and what 90 and 99 in 100 did not exceed (nearest rank)."""

    p50: float
    p90: float
    p99: float

    @classmethod
    def of(cls, seconds: Sequence[float]) -> Self | None:
        """Return the percentiles, None of nothing."""
        if not seconds:
            return None
        ordered = sorted(seconds)
        return cls(*(ordered[math.ceil(share * len(ordered)) - 1] for share in (0.5, 0.9, 0.99)))


class Meters(Struct, frozen=True, omit_defaults=True):
    """What the machine says of a session: peak bytes of the process, of the devices together, and joules of these.

    None is what it does not tell. The host's peak is that of the process since it started.
    """

    host_peak_bytes: int | None = None
    device_peak_bytes: int | None = None
    joules: float | None = None

    def after(self, earlier: Meters) -> Meters:
        """Return both sessions as one: the higher peaks, the sum of the energy."""
        return Meters(
            _either(self.host_peak_bytes, earlier.host_peak_bytes),
            _either(self.device_peak_bytes, earlier.device_peak_bytes),
            None if self.joules is None or earlier.joules is None else round(self.joules + earlier.joules, 3),
        )


class Efficiency(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """The whole run, earlier sessions included. `seconds` is the time in which requests were asked, loading left out.

    `samples` are those with an answer to at least one request, `requests` the answers. `latency_seconds` is the time of
    a request; where a model takes requests in batches, that of its batch. `first_token_seconds` is None where the model
    does not tell it.
    """

    samples: int = 0
    requests: int = 0
    seconds: float = 0.0
    prompt_tokens: int = 0
    output_tokens: int = 0
    latency_seconds: Percentiles | None = None
    first_token_seconds: Percentiles | None = None
    meters: Meters = Meters()

    def rate(self, count: int) -> float | None:
        """Return `count` a second, None where no time was taken."""
        return count / self.seconds if self.seconds > 0 else None

    @property
    def samples_per_second(self) -> float | None:
        """Samples a second."""
        return self.rate(self.samples)

    @property
    def output_tokens_per_second(self) -> float | None:
        """Tokens written a second; None where the model does not count them."""
        return self.rate(self.output_tokens) if self.output_tokens else None

    @property
    def joules_per_sample(self) -> float | None:
        """Joules of the devices for a sample."""
        return None if self.meters.joules is None or not self.samples else self.meters.joules / self.samples


def measured(records: Iterable[Record], *, seconds: float, meters: Meters, untold: Iterable[float] = ()) -> Efficiency:
    """Return the figures of the answers among `records`, which took `seconds` in all.

    `untold` are times of single answers that their records do not hold.
    """
    latency: list[float] = list(untold)
    first: list[float] = []
    asked: set[str] = set()
    requests = prompt_tokens = output_tokens = 0
    for record in records:
        outcome = record.outcome
        if not isinstance(outcome, Output):
            continue
        asked.add(record.sample_id)
        requests += 1
        prompt_tokens += outcome.prompt_tokens or 0
        output_tokens += outcome.output_tokens or 0
        if outcome.seconds is not None:
            latency.append(outcome.seconds)
        if outcome.first_token_seconds is not None:
            first.append(outcome.first_token_seconds)
    return Efficiency(
        samples=len(asked),
        requests=requests,
        seconds=round(seconds, 3),
        prompt_tokens=prompt_tokens,
        output_tokens=output_tokens,
        latency_seconds=Percentiles.of(latency),
        first_token_seconds=Percentiles.of(first),
        meters=meters,
    )


def _either(one: int | None, other: int | None) -> int | None:
    return max((number for number in (one, other) if number is not None), default=None)

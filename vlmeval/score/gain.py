"""What of a score is due to the image, in figures; `score.blind` finds them."""

from __future__ import annotations

from dataclasses import dataclass

from vlmeval.types import MetricInfo


@dataclass(frozen=True, slots=True)
class Gain:
    """The primary metric with and without the image over the `samples` that entered both, unscaled.

    `gain` is positive where the image helps, whichever way the metric runs. `low` and `high` are None where no interval
    can be given. `complete` says that both runs are, and that no sample is missing in either.
    """

    metric: MetricInfo
    mode: str
    sighted: float
    blind: float
    chance: float | None
    gain: float
    low: float | None
    high: float | None
    samples: int
    clusters: int
    complete: bool

    @property
    def bounded(self) -> bool:
        """Whether there is an interval."""
        return self.low is not None and self.high is not None

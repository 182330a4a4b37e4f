"""The blind baseline as a page shows it: with and without the image, chance, and the gain that is due to the image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from vlmeval.report.figures import on_axis
from vlmeval.score.gain import Gain
from vlmeval.score.table import UNKNOWN, number, signed


@dataclass(frozen=True)
class GainFigure:
    """A gain on its display scale. `start` and `width` are the span from blind to sighted in per cent of the axis."""

    mode: str
    title: str
    sighted: str
    blind: str
    chance: str
    gain: str
    interval: str
    samples: int
    clusters: int
    start: float
    width: float
    chance_at: float | None
    complete: bool

    @classmethod
    def of(cls, gain: Gain) -> Self:
        """Return the figure of a gain; its axis runs from 0 to 100, or past the larger value where there is no top."""
        info = gain.metric
        values = [gain.sighted * info.scale, gain.blind * info.scale]
        top = 100.0 if info.scale == 100 and max(values) <= 100 else max(max(values) * 1.2, 1e-9)
        start, end = sorted(on_axis(value, top) for value in values)
        return cls(
            mode=gain.mode,
            title=info.title,
            sighted=number(info, gain.sighted),
            blind=number(info, gain.blind),
            chance=UNKNOWN if gain.chance is None else number(info, gain.chance),
            gain=signed(info, gain.gain),
            interval=f"{signed(info, gain.low)} – {signed(info, gain.high)}" if gain.bounded else "no interval",
            samples=gain.samples,
            clusters=gain.clusters,
            start=start,
            width=round(end - start, 2),
            chance_at=None if gain.chance is None else on_axis(gain.chance * info.scale, top),
            complete=gain.complete,
        )

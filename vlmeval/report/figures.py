"""Numbers as a page shows them: rounded text, and positions on an axis in per cent of its width."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

from vlmeval.jsonio import encode
from vlmeval.store.efficiency import Efficiency, Percentiles
from vlmeval.store.results import Coverage
from vlmeval.types import Estimate, MetricInfo


@dataclass(frozen=True)
class Bar:
    """A length in per cent of the axis, and its label."""

    length: float
    text: str


@dataclass(frozen=True)
class Figure:
    """An estimate on its display scale. `left`, `dot`, `right`, `chance` are positions in per cent of the axis."""

    label: str
    metric: str
    title: str
    value: str
    interval: str
    samples: int
    clusters: int
    dot: float
    left: float
    right: float
    chance: float | None
    signature: str

    @classmethod
    def of(cls, estimate: Estimate, info: MetricInfo, chance: float | None) -> Self:
        """Return the figure of an estimate; its axis runs from 0 to 100, or past the interval where there is no top."""
        value = estimate.value * info.scale
        low = (estimate.value if estimate.low is None else estimate.low) * info.scale
        high = (estimate.value if estimate.high is None else estimate.high) * info.scale
        top = 100.0 if info.scale == 100 and high <= 100 else max(high * 1.2, 1e-9)
        return cls(
            label=estimate.slice.partition("=")[2].replace("_", "_\u200b"),  # a long name may break there
            metric=estimate.metric,
            title=info.title,
            value=f"{value:.1f}",
            interval=interval_text(estimate, info),
            samples=estimate.samples,
            clusters=estimate.clusters,
            dot=on_axis(value, top),
            left=on_axis(low, top),
            right=on_axis(high, top),
            chance=None if chance is None else on_axis(chance * info.scale, top),
            signature=estimate.signature,
        )


def on_axis(value: float, top: float) -> float:
    """Return the position of a value on an axis from 0 to `top`, in per cent, held inside it."""
    return round(min(100.0, max(0.0, 100 * value / top)), 2)


def interval_text(estimate: Estimate, info: MetricInfo) -> str:
    """Return "64.9 – 70.3", or why there is no interval."""
    if estimate.low is None or estimate.high is None:
        return "no interval"
    return f"{estimate.low * info.scale:.1f} – {estimate.high * info.scale:.1f}"


def state_shares(coverage: Coverage) -> list[tuple[str, int, float]]:
    """Return (state, count, share in per cent) for the states that occur, answered first."""
    states = ("answered", "unparsed", "judge_error", "refused", "failed", "missing")
    total = coverage.samples or 1
    counts = [(state, getattr(coverage, state)) for state in states]
    return [(state, count, 100 * count / total) for state, count in counts if count]


def number_text(value: Any) -> str:
    """Return a value of the recipe as text."""
    return value if isinstance(value, str) else encode(value).decode()


def efficiency_lines(efficiency: Efficiency | None) -> list[tuple[str, str, str]]:
    """Return (what, how much, a note) of what is known of a run's speed, memory and energy; [] without any."""
    if efficiency is None:
        return []
    found: list[tuple[str, str, str]] = []
    if (rate := efficiency.samples_per_second) is not None:
        tokens = efficiency.output_tokens_per_second
        note = "" if tokens is None else f"{tokens:,.1f} tokens a second"
        found.append(("throughput", f"{rate:,.2f} samples a second", note))
    for name, spread in (("latency", efficiency.latency_seconds), ("first token", efficiency.first_token_seconds)):
        if spread is not None:
            found.append((name, f"{spread.p50:,.3f} s", spread_note(spread)))
    meters = efficiency.meters
    peaks = (("memory of the host", meters.host_peak_bytes), ("memory of devices", meters.device_peak_bytes))
    for name, count in peaks:
        if count is not None:
            found.append((name, f"{count / 2**20:,.0f} MiB", "at its peak"))
    if meters.joules is not None:
        each = efficiency.joules_per_sample
        found.append(("energy", f"{meters.joules:,.0f} J", "" if each is None else f"{each:,.1f} J a sample"))
    return found


def spread_note(spread: Percentiles) -> str:
    """Return the tail of a number of times."""
    return f"90 % within {spread.p90:,.3f} s, 99 % within {spread.p99:,.3f} s"

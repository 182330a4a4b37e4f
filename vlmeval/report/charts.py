"""What a run's page draws of all its replies: their lengths and times, what was chosen for what, tries, and costs."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from vlmeval.data.variants import EPOCH, by_epoch
from vlmeval.kinds.letters import LETTERS
from vlmeval.report.figures import efficiency_lines
from vlmeval.stats.components import components
from vlmeval.store.results import Manifest, Pass, ScoredSample
from vlmeval.types import Output

BINS = 24
UNREAD = "unread"
YES_NO = ("yes", "no")
JUDGE = "judge."


@dataclass(frozen=True)
class Histogram:
    """Counts of a quantity in equal bins. `bars` are (height in per cent of the tallest, words)."""

    title: str
    unit: str
    bars: tuple[tuple[float, str], ...]
    first: str
    last: str
    facts: str


@dataclass(frozen=True)
class Confusion:
    """Gold against chosen. `rows` are (gold, [(count, share of the row 0..1)] by column, right %)."""

    subject: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[tuple[int, float], ...], str], ...]
    passes: int


@dataclass(frozen=True)
class Epochs:
    """Several tries at each sample: shares of right tries, and where their variance is from."""

    samples: int
    tries: int
    mean: str
    error: str
    tries_error: str
    between: str
    within: str


def outputs(samples: Iterable[ScoredSample]) -> list[Output]:
    """Return all replies."""
    return [one.outcome for sample in samples for one in sample.passes if isinstance(one.outcome, Output)]


def histograms(replies: Sequence[Output]) -> list[Histogram]:
    """Return the histograms of what is known: length in tokens, else in characters, and seconds a reply."""
    tokens = [float(one.output_tokens) for one in replies if one.output_tokens is not None]
    characters = [float(len(one.text)) for one in replies]
    seconds = [one.seconds for one in replies if one.seconds is not None]
    first = [one.first_token_seconds for one in replies if one.first_token_seconds is not None]
    lengths = ("Answer length", "tokens", tokens) if tokens else ("Answer length", "characters", characters)
    wanted = [lengths, ("Latency", "s", seconds), ("Time to the first token", "s", first)]
    return [histogram(title, unit, values) for title, unit, values in wanted if values and max(values) > 0]


def histogram(title: str, unit: str, values: Sequence[float]) -> Histogram:
    """Return the histogram of values >= 0. Past the 99th percentile all share the last bar, which says so."""
    data = np.asarray(values, dtype=np.float64)
    whole = bool(np.all(data == np.round(data)))
    top = float(np.quantile(data, 0.99)) or float(data.max())
    bins = min(BINS, max(1, math.ceil(top))) if whole else BINS
    width = math.ceil(top / bins) if whole else top / bins
    places = np.minimum((data / width).astype(np.int64), bins - 1)
    counts = np.bincount(places, minlength=bins)
    bars = []
    for place, count in enumerate(counts.tolist()):
        low, high = place * width, (place + 1) * width
        upper = f"{measured(float(data.max()))}" if place == bins - 1 and data.max() > high else measured(high)
        bars.append((100 * count / counts.max(), f"{measured(low)} to {upper} {unit}: {count}"))
    median, tail = (float(np.quantile(data, share)) for share in (0.5, 0.95))
    facts = (
        f"median {measured(median)}, 95 % up to {measured(tail)}, longest {measured(float(data.max()))} {unit}, "
        f"n = {len(data)}"
    )
    beyond = " and more" if data.max() > bins * width else ""
    return Histogram(title, unit, tuple(bars), "0", f"{measured(bins * width)} {unit}{beyond}", facts)


def measured(value: float) -> str:
    """Return a quantity with three digits at most where it is small."""
    return f"{value:,.0f}" if value >= 100 or value == round(value) else f"{value:.3g}"


def confusion(samples: Iterable[ScoredSample]) -> Confusion | None:
    """Return displayed letters, or yes and no, chosen against right; None where there are none.

    Every answered pass of a sample with gold counts; one without a readable choice is in the last column.
    """
    counts: Counter[tuple[str, str]] = Counter()
    subject = ""
    for sample in samples:
        if not sample.references:
            continue
        for one in sample.passes:
            if not isinstance(one.outcome, Output):
                continue
            found = _letters(sample, one) if one.shown else _yes_no(sample, one)
            if found is not None:
                counts[found] += 1
                subject = "displayed letters" if one.shown else "yes and no"
    if not counts:
        return None
    named = {name for pair in counts for name in pair} - {UNREAD}
    order = [name for name in YES_NO if name in named] or sorted(named)
    columns = (*order, UNREAD)
    rows = []
    for gold in order:
        line = [counts[gold, chosen] for chosen in columns]
        total = sum(line)
        if total:
            cells = tuple((count, count / total) for count in line)
            rows.append((gold, cells, f"{100 * counts[gold, gold] / total:.1f}"))
    return Confusion(subject, columns, tuple(rows), sum(counts.values()))


def _letters(sample: ScoredSample, one: Pass) -> tuple[str, str] | None:
    letters = dict(zip(one.shown, LETTERS, strict=False))
    gold = letters.get(sample.references[0])
    if gold is None:
        return None
    return gold, letters.get(one.value, UNREAD) if isinstance(one.value, str) else UNREAD


def _yes_no(sample: ScoredSample, one: Pass) -> tuple[str, str] | None:
    gold = sample.references[0].lower()
    if len(sample.references) != 1 or gold not in YES_NO or sample.choices:
        return None
    value = one.value.lower() if isinstance(one.value, str) else ""
    return gold, value if value in YES_NO else UNREAD


def epochs(samples: Iterable[ScoredSample]) -> Epochs | None:
    """Return what several tries at each sample show; None where each was asked once.

    A try is right where all its passes are; one with an unanswered pass is left out.
    """
    tries = []
    for sample in samples:
        groups = by_epoch(one for one in sample.passes if one.variant.startswith(EPOCH))
        known = [[one.right for one in group] for group in groups]
        own = [float(all(group)) for group in known if None not in group]
        if own:
            tries.append(own)
    found = components(tries) if tries else None
    if found is None:
        return None
    return Epochs(
        samples=len(tries),
        tries=max(map(len, tries)),
        mean=f"{100 * found.mean:.1f}",
        error=f"{100 * found.error:.2f}",
        tries_error=f"{100 * found.epochs_error:.2f}",
        between=f"{100 * math.sqrt(found.samples):.1f}",
        within=f"{100 * math.sqrt(found.epochs):.1f}",
    )


def costs(manifest: Manifest) -> list[tuple[str, str, str]]:
    """Return (what, how much, a note) of what a run took: requests, tokens, money, time, and the same of its judge."""
    counts, usage = manifest.counts, manifest.usage
    samples = counts.get("samples", 0)
    found: list[tuple[str, str, str]] = []
    for whose, prefix in (("", ""), ("judge's ", JUDGE)):
        requests = counts.get(f"{prefix}requests", counts.get(f"{prefix}answered", 0))
        if requests:
            found.append((f"{whose}requests", f"{requests:,}", ""))
        for name in ("prompt_tokens", "output_tokens"):
            tokens = usage.get(prefix + name)
            if tokens:
                each = f"{tokens / samples:,.1f} a sample" if samples else ""
                found.append((f"{whose}{name.replace('_', ' ')}", f"{tokens:,.0f}", each))
        usd = usage.get(f"{prefix}usd")
        if usd is not None:
            each = f"{1000 * usd / samples:,.4f} a thousand samples" if samples else ""
            found.append((f"{whose}price", f"{usd:,.4f} USD", each))
    if manifest.seconds:
        rate = f"{samples / manifest.seconds:,.1f} samples a second" if samples else ""
        found.append(("time", f"{manifest.seconds:,.1f} s", rate))
    return [*found, *efficiency_lines(manifest.efficiency)]

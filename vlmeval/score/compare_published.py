"""A run against the published figures of its task: reproduced, different, or not comparable and why.

A published figure has no samples to pair with, so the run's own interval decides: what lies inside it (give or take the
rounding of the published figure) is reproduced. That is a wide net for one and the same model on the same samples; the
difference itself is always shown, and "to the digit" says that it is none.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from vlmeval.data.task import DEFAULT_SCORER, Published, Task
from vlmeval.jsonio import read_json
from vlmeval.models.aliases import find_alias
from vlmeval.score.compare_words import amount, digits_of, unit
from vlmeval.score.judged import registered
from vlmeval.store.layout import RunFolder
from vlmeval.store.manifest import SCORING_OPTIONS, read_manifest
from vlmeval.store.results import Manifest, Scores
from vlmeval.types import Estimate, MetricInfo

Standing = Literal["reproduced", "differs", "not comparable"]


@dataclass(frozen=True, slots=True)
class PublishedCheck:
    """A published figure (on the metric's scale) and what the run has in its place (`measured`, unscaled, or None).

    `difference`, `low` and `high` are ours minus theirs, on the metric's scale. `reasons` say what keeps the two from
    being compared.
    """

    task: str
    model: str
    run: str
    metric: str
    slice: str
    published: float
    source: str
    note: str
    measured: Estimate | None
    difference: float | None
    low: float | None
    high: float | None
    standing: Standing
    reasons: tuple[str, ...]
    verdict: str


def published_checks(folder: RunFolder, task: Task | None = None) -> list[PublishedCheck]:
    """Return a check for each figure published of the run's model; the run is to be scored.

    `task` is the task as the catalog has it today, None for that of the run. Raises JournalError for a run that cannot
    be read.
    """
    manifest, scores = read_manifest(folder), read_json(folder.scores, Scores)
    today = task or manifest.task
    names = spellings_of(manifest.model_name) | spellings_of(manifest.model)
    rows = [row for row in today.published if spellings_of(row.model) & names]
    return [_check(row, today, manifest, scores, folder) for row in rows]


def spellings_of(model: str) -> set[str]:
    """Return the names by which a model may go, letters and digits only: its own, without scheme, and its alias's."""
    found = {model, model.partition(":")[2] or model, model.rpartition("/")[2]}
    for alias in filter(None, map(find_alias, (model, model.rpartition("/")[2]))):
        found |= {alias.name, alias.target.partition(":")[2], *alias.also}
    return {"".join(filter(str.isalnum, name)).lower() for name in found} - {""}


def _check(row: Published, today: Task, manifest: Manifest, scores: Scores, folder: RunFolder) -> PublishedCheck:
    name = row.metric or today.primary
    info = next((info for info in scores.metrics if registered(info.name) == name), None)
    measured = next(
        (one for one in scores.estimates if info is not None and one.metric == info.name and one.slice == row.slice),
        None,
    )
    reasons = tuple(_reasons(row, today, manifest, scores, info, measured))
    difference = low = high = None
    if info is not None and measured is not None:
        difference = measured.value * info.scale - row.value
        if measured.low is not None and measured.high is not None:
            low, high = measured.low * info.scale - row.value, measured.high * info.scale - row.value
    half = rounding(row.value)
    if reasons or difference is None or info is None:
        standing: Standing = "not comparable"
    else:
        inside = low is not None and high is not None and low - half <= 0 <= high + half
        standing = "reproduced" if inside or abs(difference) <= half else "differs"
    return PublishedCheck(
        task=today.name,
        model=manifest.model_name,
        run=str(folder.path),
        metric=name,
        slice=row.slice,
        published=row.value,
        source=row.source,
        note=row.note,
        measured=measured,
        difference=difference,
        low=low,
        high=high,
        standing=standing,
        reasons=reasons,
        verdict=_verdict(standing, row, info, (difference, low, high), reasons),
    )


def rounding(value: float) -> float:
    """Return half a unit of the last decimal that a published figure shows: 0.05 for 64.3."""
    decimals = len(repr(value).partition(".")[2])
    return 0.5 * 10.0**-decimals + 1e-9


def _reasons(
    row: Published,
    today: Task,
    manifest: Manifest,
    scores: Scores,
    info: MetricInfo | None,
    measured: Estimate | None,
) -> Iterator[str]:
    """Yield what of split, variant, metric and n differs."""
    own = manifest.task
    if (own.benchmark, own.split) != (today.benchmark, today.split):
        yield f"split: {own.benchmark} {own.split}, published {today.benchmark} {today.split}"
    if own.version != today.version:
        yield f"variant: version {own.version} of the task, now {today.version}"
    if scores.scorer != DEFAULT_SCORER:
        yield f'variant: scored as "{scores.scorer}" does, published with "{DEFAULT_SCORER}"'
    if scores.blind:
        yield f"variant: asked without the images (blind: {scores.blind})"
    style = row.prompt or today.prompt
    if own.prompt != style:
        yield f'variant: prompt "{own.prompt}", published with "{style}"'
    elif own.prompts.get(style) != today.prompts.get(style) or own.system != today.system:
        yield f'variant: the words of prompt "{style}" have changed since'
    for key in sorted(own.options.keys() | today.options.keys()):
        if key not in SCORING_OPTIONS and own.options.get(key) != today.options.get(key):
            yield f"variant: options.{key} {own.options.get(key)}, published with {today.options.get(key)}"
    if info is None:
        yield f'metric: the run has no "{row.metric or today.primary}"'
    elif info.name != registered(info.name):
        yield f"metric: scored by another judge ({info.name})"
    elif measured is None:
        yield f"n: no figure of {row.slice or 'all samples'} (it is undefined, or no sample was scored)"
    if measured is not None:
        yield from _lacks(row, manifest, scores, measured)


def _lacks(row: Published, manifest: Manifest, scores: Scores, measured: Estimate) -> Iterator[str]:
    """Yield what of n differs."""
    if row.samples is not None and row.samples != measured.samples:
        yield f"n: {measured.samples} samples, published on {row.samples}"
    elif row.samples is None and manifest.limit is not None:
        yield f"n: the first {manifest.limit} samples only"
    if not scores.complete:
        covered = f"{measured.samples} of {scores.coverage.samples} samples" if not row.slice else "part of the samples"
        yield f"n: the run is not complete, {covered} scored"


def _verdict(
    standing: Standing,
    row: Published,
    info: MetricInfo | None,
    gap: tuple[float | None, float | None, float | None],
    reasons: Sequence[str],
) -> str:
    """Return "reproduced: 64.1, published 64.3 (-0.2 points, 95 % interval -2.4 to 3.2)" and its like."""
    difference, low, high = gap
    if standing == "not comparable" or difference is None or info is None:
        return f"not comparable: {'; '.join(reasons)}"
    plain = MetricInfo(info.name, "")
    digits = digits_of(info, row.value / info.scale)
    points = unit(info, digits)
    size = amount(difference, plain, digits, plus=True)
    bounds = "no interval"
    if low is not None and high is not None:
        bounds = f"95 % interval {amount(low, plain, digits)} to {amount(high, plain, digits)}"
    figures = f"{amount(row.value + difference, plain, digits)}, published {row.value:g}"
    if standing == "differs":
        return f"differs by {size}{points} ({bounds}): {figures}"
    exactly = " to the digit" if abs(difference) <= rounding(row.value) else ""
    return f"reproduced{exactly}: {figures} ({size}{points}, {bounds})"

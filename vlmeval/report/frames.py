"""Runs as rows of plain values, for data frames and trackers: one an estimate, or one a sample."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from vlmeval.score import table
from vlmeval.store.results import Manifest, ScoredSample, Scores
from vlmeval.types import Output, Part

ESTIMATE_COLUMNS = (
    "task", "model", "metric", "slice", "value", "low", "high", "n", "clusters", "coverage", "primary", "complete",
    "blind", "scorer", "scale", "signature", "run",
)  # fmt: skip
SAMPLE_COLUMNS = (
    "task", "model", "sample", "state", "right", "truncated", "cluster", "question", "references", "reply", "value",
    "rule", "passes", "tags",
)  # fmt: skip


def estimate_rows(scores: Scores) -> Iterator[dict[str, Any]]:
    """Yield a row (the keys of `ESTIMATE_COLUMNS` but `run`) for each estimate, slices included.

    `value`, `low` and `high` are on the metric's scale; `coverage` (0..1) is the share of the run's samples that count
    in the metric, None for a slice.
    """
    for info, estimate in table.figures(scores, slices=True):
        if estimate is None:
            continue
        yield {
            "task": scores.task,
            "model": scores.model,
            "metric": info.name,
            "slice": estimate.slice,
            "value": estimate.value * info.scale,
            "low": None if estimate.low is None else estimate.low * info.scale,
            "high": None if estimate.high is None else estimate.high * info.scale,
            "n": estimate.samples,
            "clusters": estimate.clusters,
            "coverage": None if estimate.slice else estimate.samples / max(1, scores.coverage.samples),
            "primary": info.name == scores.primary,
            "complete": scores.complete,
            "blind": scores.blind,
            "scorer": scores.scorer,
            "scale": info.scale,
            "signature": estimate.signature,
        }


def sample_row(manifest: Manifest, sample: ScoredSample) -> dict[str, Any]:
    """Return a sample as a row (the keys of `SAMPLE_COLUMNS`): reply, value and rule are those of its first pass."""
    first = sample.passes[0] if sample.passes else None
    value = first.value if first else None
    return {
        "task": manifest.task.name,
        "model": manifest.model_name,
        "sample": sample.id,
        "state": sample.state,
        "right": sample.right,
        "truncated": sample.truncated,
        "cluster": sample.cluster,
        "question": _shown(sample.parts),
        "references": list(sample.references),
        "reply": first.outcome.text if first and isinstance(first.outcome, Output) else None,
        "value": value if value is None or isinstance(value, str) else list(value),
        "rule": first.rule if first else "",
        "passes": len(sample.passes),
        "tags": dict(sample.tags),
    }


def _shown(parts: tuple[Part, ...]) -> str:
    """Return the texts of a question, images as the start of their digest."""
    return "".join(part if isinstance(part, str) else f"<image {part.sha256[:12]}>" for part in parts)

"""What stands beside a run's own reading of its replies: the default scorer's, and what a model looked at."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from vlmeval.report.figures import interval_text
from vlmeval.score.table import UNKNOWN, number
from vlmeval.store.explained import FOLDER, map_name, read_maps
from vlmeval.store.layout import RunFolder
from vlmeval.store.lines import Lines
from vlmeval.store.results import Rescored, Scores


@dataclass(frozen=True)
class VariantFigure:
    """The same replies by the scorer of this run and by the task's default one, and how many samples that changes."""

    scorer: str
    default: str
    metric: str
    value: str
    interval: str
    samples: int
    unparsed: int
    all: int
    rescored: int
    only_default: int
    only_other: int
    reread: int

    @classmethod
    def of(cls, scores: Scores) -> Self | None:
        """Return the figure of the default scorer; None where the scores are its own."""
        beside = scores.beside
        if beside is None:
            return None
        estimate = beside.estimate
        return cls(
            scorer=scores.scorer,
            default=beside.scorer,
            metric=beside.metric.title or beside.metric.name,
            value=number(beside.metric, estimate.value) if estimate else UNKNOWN,
            interval=interval_text(estimate, beside.metric) if estimate else "no interval",
            samples=estimate.samples if estimate else 0,
            unparsed=beside.unparsed,
            all=beside.samples,
            rescored=beside.rescored,
            only_default=beside.only_default,
            only_other=beside.only_other,
            reread=beside.reread,
        )


def other_readings(folder: RunFolder, scores: Scores) -> dict[str, list[dict[str, Any]]]:
    """Return by sample what each scorer made of it, where they differ: [{"name", "score", "readings"}]."""
    if scores.beside is None:
        return {}
    rows = Lines(folder.scorers, Rescored, remedy="score the run again: vlmeval score")
    return {
        row.id: [
            {"name": name, "score": verdict.score, "readings": verdict.readings}
            for name, verdict in row.scorers.items()
        ]
        for row in rows
    }


def heat_maps(folder: RunFolder) -> dict[str, list[dict[str, Any]]]:
    """Return by sample its heat maps as the page's script shows them; the picture is a data URL."""
    found: dict[str, list[dict[str, Any]]] = {}
    for one in read_maps(folder):
        path = folder.path / FOLDER / f"{map_name(one.sample_id, one.variant, one.place)}.png"
        found.setdefault(one.sample_id, []).append(
            {
                "variant": one.variant,
                "method": one.method,
                "share": one.share,
                "of": one.of,
                "word": one.word,
                "model": one.model,
                "src": _png(path),
            }
        )
    return found


def _png(path: Path) -> str | None:
    return f"data:image/png;base64,{base64.b64encode(path.read_bytes()).decode()}" if path.is_file() else None

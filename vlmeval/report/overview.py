"""The first page of a folder of reports: tasks by models, each number with interval, n and a link."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from vlmeval.jsonio import write_whole
from vlmeval.report.figures import Figure
from vlmeval.report.page import render
from vlmeval.store.results import Scores


@dataclass(frozen=True)
class Cell:
    """One task of one model. `best` marks the highest figure of the row; it claims no difference."""

    figure: Figure | None
    link: str
    coverage: float
    complete: bool
    best: bool


def write_overview(runs: list[tuple[Scores, Path]], out: Path) -> Path:
    """Write `out`/index.html over scored runs with the paths of their pages; later runs of a pair win."""
    models = list(dict.fromkeys(scores.model for scores, _ in runs))
    tasks = list(dict.fromkeys(scores.task for scores, _ in runs))
    latest = {(scores.task, scores.model): (scores, page) for scores, page in runs}
    rows = []
    for task in tasks:
        pairs = [latest.get((task, model)) for model in models]
        first = next(scores for scores, _ in filter(None, pairs))
        values = [primary_value(pair[0]) if pair else None for pair in pairs]
        better = max if primary_is_higher_better(first) else min
        best = better((value for value in values if value is not None), default=None)
        unique = len(models) > 1 and values.count(best) == 1
        cells = [
            cell(pair[0], pair[1], out, best=unique and value == best) if pair else None
            for pair, value in zip(pairs, values, strict=True)
        ]
        rows.append((first.title or task, task, first.primary, cells))
    path = out / "index.html"
    write_whole(path, render("overview.html", {"models": models, "rows": rows}, script="overview.js", data=[]))
    return path


def primary_is_higher_better(scores: Scores) -> bool:
    """Tell which way the primary metric runs."""
    return next((info.higher_is_better for info in scores.metrics if info.name == scores.primary), True)


def primary_value(scores: Scores) -> float | None:
    """Return the primary metric over all samples, unscaled; None where there is no score."""
    found = (item.value for item in scores.estimates if item.metric == scores.primary and not item.slice)
    return next(found, None)


def cell(scores: Scores, page: Path, out: Path, *, best: bool) -> Cell:
    """Return the cell of one run."""
    infos = {info.name: info for info in scores.metrics}
    estimate = next((item for item in scores.estimates if item.metric == scores.primary and not item.slice), None)
    return Cell(
        figure=Figure.of(estimate, infos[estimate.metric], scores.chance) if estimate else None,
        link=page.relative_to(out).as_posix(),
        coverage=100 * (estimate.samples if estimate else 0) / (scores.coverage.samples or 1),
        complete=scores.complete,
        best=best,
    )

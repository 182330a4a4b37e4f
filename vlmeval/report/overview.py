"""The first page of a folder of reports: what was asked by models, each number with interval, n and a link.

A row is one task asked one way: runs share it when their signatures differ in nothing but how much was covered. Runs of
another prompt, mode or set of questions stand in a row of their own, so that no two numbers in a row are of two kinds.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import msgspec

from vlmeval.jsonio import write_whole
from vlmeval.report.figures import Figure
from vlmeval.report.page import render
from vlmeval.score.naming import labels
from vlmeval.store.results import Scores

COVERED = ("n:", "cov:", "vlmeval:")
Run = tuple[Scores, Path]


@dataclass(frozen=True)
class Cell:
    """The newest run of one model in a row, and links to `others`. `best` marks the highest of a row of whole runs."""

    figure: Figure | None
    link: str
    coverage: float
    complete: bool
    best: bool
    others: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Row:
    """One task asked one way, a cell a model."""

    title: str
    task: str
    primary: str
    asked: str
    cells: tuple[Cell | None, ...]


def write_overview(runs: list[Run], out: Path) -> Path:
    """Write `out`/index.html over scored runs with the paths of their pages, the newest run of a pair last.

    Runs of one model name that were set otherwise are models of their own.
    """
    named = labels([scores for scores, _ in runs])
    runs = [
        (msgspec.structs.replace(scores, model=label), path) for (scores, path), label in zip(runs, named, strict=True)
    ]
    models = list(dict.fromkeys(scores.model for scores, _ in runs))
    groups: dict[tuple[str, str], list[Run]] = {}
    for run in runs:
        groups.setdefault((run[0].task, way_of(run[0])), []).append(run)
    rows = [row_of(group, models, out, asked=way) for (_, way), group in groups.items()]
    path = out / "index.html"
    tasks = len({task for task, _ in groups})
    context = {"models": models, "rows": rows, "tasks": tasks, "several": len(rows) > tasks}
    write_whole(path, render("overview.html", context, script="overview.js", data=[]))
    return path


def way_of(scores: Scores) -> str:
    """Return what of the signature must agree for two numbers to be of one kind."""
    return "|".join(part for part in scores.signature.split("|")[1:] if not part.startswith(COVERED))


def row_of(group: list[Run], models: list[str], out: Path, *, asked: str) -> Row:
    """Return the row of runs that were asked one way."""
    newest = {scores.model: scores for scores, _ in group}
    values = {model: primary_value(scores) for model, scores in newest.items()}
    known = [value for value in values.values() if value is not None]
    whole = len(known) == len(values) > 1 and all(scores.complete for scores in newest.values())
    first = group[0][0]
    winner = None
    if whole:
        best = (max if primary_is_higher_better(first) else min)(known)
        winners = [model for model, value in values.items() if value == best]
        winner = winners[0] if len(winners) == 1 else None
    cells = []
    for model in models:
        own = [run for run in group if run[0].model == model]
        cells.append(cell(own, out, best=model == winner) if own else None)
    return Row(first.title or first.task, first.task, first.primary, asked, tuple(cells))


def primary_is_higher_better(scores: Scores) -> bool:
    """Tell which way the primary metric runs."""
    return next((info.higher_is_better for info in scores.metrics if info.name == scores.primary), True)


def primary_value(scores: Scores) -> float | None:
    """Return the primary metric over all samples, unscaled; None where there is no score."""
    found = (item.value for item in scores.estimates if item.metric == scores.primary and not item.slice)
    return next(found, None)


def cell(runs: list[Run], out: Path, *, best: bool) -> Cell:
    """Return the cell of one model's runs."""
    scores, page = runs[-1]
    infos = {info.name: info for info in scores.metrics}
    estimate = next((item for item in scores.estimates if item.metric == scores.primary and not item.slice), None)
    return Cell(
        figure=Figure.of(estimate, infos[estimate.metric], scores.chance) if estimate else None,
        link=page.relative_to(out).as_posix(),
        coverage=100 * (estimate.samples if estimate else 0) / (scores.coverage.samples or 1),
        complete=scores.complete,
        best=best,
        others=tuple((other.run_id, path.relative_to(out).as_posix()) for other, path in runs[:-1]),
    )

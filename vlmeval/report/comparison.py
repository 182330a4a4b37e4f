"""The page of a comparison: each verdict in words, figures by task and slice, and the flips side by side.

Like a run's page it is one file without network; what models and data say is inert in it.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from vlmeval.errors import DataError
from vlmeval.jsonio import write_whole
from vlmeval.report.page import page_path, read_samples, render
from vlmeval.report.pictures import BUDGET_BYTES, PictureFolder, PictureShelf
from vlmeval.report.samples import (
    SEARCHED_CHARACTERS,
    SUMMARY_CHARACTERS,
    Pieces,
    detail_of,
    is_large,
    pass_data,
    searched_words,
    summary_of,
)
from vlmeval.score.compare import Comparison, Figure, TaskComparison
from vlmeval.score.compare_samples import CAUSES, Flip
from vlmeval.score.compare_table import conclusion, heads, lines, remarks
from vlmeval.store.images import ImageStore
from vlmeval.store.layout import RunFolder, safe_name
from vlmeval.store.results import ScoredSample
from vlmeval.types import Image

COMPARISONS = "compare"


class Stores:
    """The images of several folders of results as one."""

    def __init__(self, roots: Sequence[Path]) -> None:
        self._stores = [ImageStore(root) for root in dict.fromkeys(roots)]

    def attach(self, image: Image) -> Image:
        """Return the image with a reader of the first copy that can be read; reading raises DataError for none."""
        attached = [store.attach(image) for store in self._stores]

        def read() -> bytes:
            for one in attached[:-1]:
                try:
                    return one.read()
                except DataError:
                    continue
            return attached[-1].read()

        return image.with_reader(read)


@dataclass(frozen=True)
class FigureLine:
    """A line of a task's table: `cells` are baseline, model, difference, interval, p, n and flips as text.

    `left`, `width`, `dot` place the difference on an axis with 0 in its middle, in per cent.
    """

    slice: str
    cells: tuple[str, ...]
    outcome: str
    left: float
    width: float
    dot: float


@dataclass(frozen=True)
class TaskView:
    """A model against the baseline on one task. `reach` is the difference at the right end of its axes."""

    place: int
    one: TaskComparison
    verdict: str
    remarks: tuple[str, ...]
    lines: tuple[FigureLine, ...]
    reach: str


def write_compare_page(comparison: Comparison, out: Path) -> Path:
    """Write the page of a comparison below `out` and return its path. Raises JournalError where a run has gone."""
    path = out / COMPARISONS / f"{compared_name(comparison)}.html"
    flips = sum(len(one.flips) for one in comparison.tasks)
    folders = [RunFolder(Path(run)) for one in comparison.tasks for run in (one.baseline_run, one.model_run)]
    large = is_large(flips)
    store = Stores([folder.results for folder in folders])
    beside = PictureFolder.below(out, path)
    shelf = PictureShelf(store, budget=0 if large else BUDGET_BYTES, beside=beside)
    pieces = Pieces(shelf, path.with_suffix(".samples") if large else None)
    rows = [row for place, one in enumerate(comparison.tasks) for row in flip_rows(place, one, pieces)]
    data = {
        "rows": rows,
        "pairs": [pair_data(one, out, path) for one in comparison.tasks],
        "causes": CAUSES,
        "searched": SEARCHED_CHARACTERS if large else None,
        **pieces.finish(path),
    }
    context = {
        "comparison": comparison,
        "heads": heads(comparison),
        "views": [view_of(place, comparison, one) for place, one in enumerate(comparison.tasks)],
        "flips": flips,
    }
    script = ("parts.js", "list.js", "compare.js")
    write_whole(path, render("compare.html", context, script=script, data=data, beside=pieces.beside))
    return path


def compared_name(comparison: Comparison) -> str:
    """Return the name of the page: who was compared, and a digest of the runs and of how they were compared."""
    runs = [run for one in comparison.tasks for run in (one.baseline_run, one.model_run)]
    digest = hashlib.sha256("\0".join((*runs, comparison.options.metric)).encode()).hexdigest()[:8]
    return f"{safe_name('-'.join((comparison.baseline, 'vs', *comparison.models)))}-{digest}"


def view_of(place: int, comparison: Comparison, one: TaskComparison) -> TaskView:
    """Return a task's comparison as the page shows it."""
    bounds = [
        abs(value)
        for figure in one.figures
        for value in (figure.paired.low, figure.paired.high, figure.paired.difference)
        if value is not None
    ]
    reach = max(bounds, default=0.0) or 1.0
    listed = lines(replace(comparison, tasks=(one,)))
    return TaskView(
        place=place,
        one=one,
        verdict=one.refused or conclusion(one),
        remarks=tuple(remarks(one)),
        lines=tuple(figure_line(cells, figure, reach) for cells, figure in listed),
        reach=f"{reach * one.metric.scale:.1f}" if reach * one.metric.scale >= 1 else f"{reach * one.metric.scale:.3g}",
    )


def figure_line(cells: Sequence[str], figure: Figure, reach: float) -> FigureLine:
    """Return a figure as a line; `reach` is the difference at the right end of its axis."""

    def at(value: float) -> float:
        return round(50 + 50 * value / reach, 2)

    paired = figure.paired
    low = paired.difference if paired.low is None else paired.low
    high = paired.difference if paired.high is None else paired.high
    return FigureLine(
        slice=figure.slice,
        cells=tuple(cells[3:]),
        outcome=figure.outcome,
        left=at(low),
        width=round(at(high) - at(low), 2),
        dot=at(paired.difference),
    )


def pair_data(one: TaskComparison, out: Path, path: Path) -> dict[str, Any]:
    """Return the names of a pair, and links to the pages of its runs where they are there."""
    links = [page_path(RunFolder(Path(run)), out) for run in (one.baseline_run, one.model_run)]
    return {
        "task": one.task,
        "baseline": one.baseline,
        "model": one.model,
        "links": [Path(os.path.relpath(page, path.parent)).as_posix() if page.exists() else None for page in links],
    }


def flip_rows(place: int, one: TaskComparison, pieces: Pieces) -> list[dict[str, Any]]:
    """Return a row for each flip of a pair, whose details go into `pieces`."""
    wanted = {flip.sample_id for flip in one.flips}
    sides = [lines_of(Path(run), wanted) for run in (one.baseline_run, one.model_run)]
    rows = []
    for flip in one.flips:
        before, after = (side[flip.sample_id] for side in sides)
        rows.append(flip_row(place, flip, before, large=pieces.folder is not None))
        detail = detail_of(before, pieces.shelf)
        detail["sides"] = [
            {"state": side.state, "passes": passes}
            for side, passes in (
                (before, detail.pop("passes")),
                (after, [pass_data(each, pieces.shelf) for each in after.passes]),
            )
        ]
        pieces.add(detail)
    return rows


def lines_of(run: Path, wanted: set[str]) -> Mapping[str, ScoredSample]:
    """Return the scored samples of a run that are wanted."""
    if not wanted:
        return {}
    return {sample.id: sample for sample in read_samples(RunFolder(run).samples) if sample.id in wanted}


def flip_row(place: int, flip: Flip, sample: ScoredSample, *, large: bool) -> dict[str, Any]:
    """Return what the list and the filters need of a flip."""
    row: dict[str, Any] = {
        "id": flip.sample_id,
        "pair": place,
        "to": flip.to,
        "gain": flip.is_gain,
        "cause": flip.cause,
        "tags": sample.tags,
        "summary": summary_of(sample, captions=False)[:SUMMARY_CHARACTERS],
    }
    if large:
        row["words"] = searched_words(sample)
    return row

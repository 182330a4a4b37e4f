"""Averages over a suite, and published figures of models that have no run here.

The interval of an average takes tasks of different benchmarks as independent (errors add in quadrature) and those of
one benchmark as the same samples asked otherwise (errors add up): MMMU-Pro's two settings share their questions. That
is the wider of the two, so an average is never surer than it may be.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct

from vlmeval.data.suites import FULL, Suite
from vlmeval.data.task import Task
from vlmeval.score.board_types import Cell, Column, Known, Row, Slice, SuiteCell, SuiteColumn
from vlmeval.score.compare_published import spellings_of
from vlmeval.score.naming import labels
from vlmeval.store.results import Scores


class Scored(Struct, frozen=True):
    """What an average needs of one task: `figures` by metric, on their display scales, and which is the `primary`."""

    primary: str
    figures: Mapping[str, Slice]
    complete: bool
    benchmark: str

    @classmethod
    def of_cell(cls, cell: Cell, column: Column) -> Scored:
        """Return that of a cell."""
        own = {} if cell.value is None else {column.metric: Slice(cell.value, cell.low, cell.high, cell.samples)}
        return cls(column.metric, {**cell.metrics, **own}, cell.complete, column.benchmark)

    @classmethod
    def of_scores(cls, scores: Scores, benchmark: str) -> Scored:
        """Return that of a scored run."""
        scales = {info.name: info.scale for info in scores.metrics}
        own = {one.metric: Slice.of(one, scales[one.metric]) for one in scores.estimates if not one.slice}
        return cls(scores.primary, own, scores.complete, benchmark)


def suite_columns(
    suites: Sequence[Suite], columns: Sequence[Column], cells: Sequence[Cell], *, asked: Sequence[str] = ()
) -> Iterator[SuiteColumn]:
    """Yield the suites that some model has whole, and those `asked` for, with the averages of all models."""
    by_name = {column.id: column for column in columns}
    found: dict[str, dict[str, Scored]] = {}
    for cell in cells:
        found.setdefault(cell.model, {})[cell.column] = Scored.of_cell(cell, by_name[cell.column])
    for suite in (one for one in suites if one.averaged):
        rows = [average(suite, model, own) for model, own in sorted(found.items())]
        rows = [one for one in rows if len(one.missing) < len(suite.tasks)]
        if suite.name in asked or any(one.value is not None for one in rows):
            yield SuiteColumn(
                suite.name, suite.label, suite.recipe(), suite.source, suite.notes, suite.names, tuple(rows)
            )


def average(suite: Suite, model: str, tasks: Mapping[str, Scored]) -> SuiteCell:
    """Return the average of a suite for one model; without a value where a task has no complete figure."""
    shares = suite.shares()
    missing, value = [], 0.0
    errors: dict[str, float] = {}
    bounded = True
    for member in suite.tasks:
        task = tasks.get(member.task)
        own = task.figures.get(member.metric or task.primary) if task is not None and task.complete else None
        if task is None or own is None:
            missing.append(member.task)
            continue
        weight = shares[member.task] * FULL / member.top
        value += weight * own.value
        if own.low is None or own.high is None:
            bounded = False
        else:
            errors[task.benchmark] = errors.get(task.benchmark, 0.0) + weight * (own.high - own.low) / 2
    if missing:
        return SuiteCell(model, None, None, None, tuple(missing))
    half = math.hypot(*errors.values())
    return SuiteCell(model, value, value - half if bounded else None, value + half if bounded else None)


def suite_lines(runs: Sequence[tuple[Scores, str]], suites: Sequence[Suite]) -> Iterator[str]:
    """Yield a line for each suite that a model has whole among `runs`, scores with the benchmark of their task.

    Blind runs and figures of another scorer than the default are not the task's.
    """
    plain = [(scores, benchmark) for scores, benchmark in runs if scores.asked == scores.task]
    found: dict[str, dict[str, Scored]] = {}
    for label, (scores, benchmark) in zip(labels([scores for scores, _ in plain]), plain, strict=True):
        found.setdefault(label, {})[scores.task] = Scored.of_scores(scores, benchmark)
    for suite in (one for one in suites if one.averaged):
        for model, own in found.items():
            cell = average(suite, model, own)
            if cell.value is not None:
                bounds = "" if cell.low is None or cell.high is None else f" ({cell.low:.1f} – {cell.high:.1f})"
                yield f"{suite.name}, {model}: {cell.value:.1f}{bounds}, {suite.recipe()}"


def known_figures(columns: Sequence[Column], tasks: Mapping[str, Task], rows: Sequence[Row]) -> Iterator[Known]:
    """Yield the published figures of each column's primary metric, over all samples, of models that are no row."""
    here = [spellings_of(row.model) | (spellings_of(row.card.name) if row.card else set()) for row in rows]
    taken = set().union(*here)
    for column in columns:
        task = tasks[column.task]
        if column.id != column.task:
            continue
        for row in task.published:
            if row.slice or (row.metric or task.primary) != column.metric or spellings_of(row.model) & taken:
                continue
            yield Known(row.model, column.id, row.value, row.source, row.note, row.samples)

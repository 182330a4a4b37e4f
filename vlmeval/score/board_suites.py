"""Averages over a suite, and published figures of models that have no run here.

The interval of an average takes tasks of different benchmarks as independent (errors add in quadrature) and those of
one benchmark as the same samples asked otherwise (errors add up): MMMU-Pro's two settings share their questions. That
is the wider of the two, so an average is never surer than it may be.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from vlmeval.data.suites import FULL, Member, Suite
from vlmeval.data.task import Task
from vlmeval.score.board_types import Cell, Column, Known, Row, Slice, SuiteCell, SuiteColumn
from vlmeval.score.compare_published import spellings_of


def suite_columns(
    suites: Sequence[Suite], columns: Sequence[Column], cells: Sequence[Cell], *, asked: Sequence[str] = ()
) -> Iterator[SuiteColumn]:
    """Yield the suites that some model has whole, and those `asked` for, with the averages of all models."""
    by_task = {column.id: column for column in columns}
    found: dict[str, dict[str, Cell]] = {}
    for cell in cells:
        found.setdefault(cell.model, {})[cell.column] = cell
    for suite in (one for one in suites if one.averaged):
        rows = [average(suite, model, own, by_task) for model, own in sorted(found.items())]
        rows = [one for one in rows if len(one.missing) < len(suite.tasks)]
        if suite.name in asked or any(one.value is not None for one in rows):
            yield SuiteColumn(
                suite.name, suite.label, suite.recipe(), suite.source, suite.notes, suite.names, tuple(rows)
            )


def average(suite: Suite, model: str, cells: Mapping[str, Cell], columns: Mapping[str, Column]) -> SuiteCell:
    """Return the average of a suite for one model; without a value where a task has no complete figure."""
    shares = suite.shares()
    missing, value = [], 0.0
    errors: dict[str, float] = {}
    bounded = True
    for member in suite.tasks:
        cell = cells.get(member.task)
        own = None if cell is None or not cell.complete else figure_of(member, cell, columns[member.task])
        if own is None:
            missing.append(member.task)
            continue
        weight = shares[member.task] * FULL / member.top
        value += weight * own.value
        if own.low is None or own.high is None:
            bounded = False
        else:
            benchmark = columns[member.task].benchmark
            errors[benchmark] = errors.get(benchmark, 0.0) + weight * (own.high - own.low) / 2
    if missing:
        return SuiteCell(model, None, None, None, tuple(missing))
    half = math.hypot(*errors.values())
    return SuiteCell(model, value, value - half if bounded else None, value + half if bounded else None)


def figure_of(member: Member, cell: Cell, column: Column) -> Slice | None:
    """Return the figure of a suite's task in a cell: its primary metric, or the one that the suite names."""
    if member.metric and member.metric != column.metric:
        return cell.metrics.get(member.metric)
    return None if cell.value is None else Slice(cell.value, cell.low, cell.high, cell.samples)


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

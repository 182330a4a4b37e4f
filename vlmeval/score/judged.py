"""Metrics that are a judge's: the judge is part of their name, and without it they have no figure."""

from __future__ import annotations

import msgspec

from vlmeval.data.task import Task
from vlmeval.kinds.judge import Scored
from vlmeval.types import TaskKind

SEPARATOR = ":"


def under_judge(task: Task, kind: TaskKind, judge: str | None) -> Task:
    """Return the task with its metrics under the judge's name, where a judge is what scores it."""
    if judge is None or not isinstance(kind, Scored):
        return task
    metrics = tuple(f"{name}{SEPARATOR}{judge}" for name in task.metrics)
    return msgspec.structs.replace(task, metrics=metrics, primary=f"{task.primary}{SEPARATOR}{judge}")


def registered(metric: str) -> str:
    """Return the name under which a metric is registered: its name in a run without the judge's."""
    return metric.partition(SEPARATOR)[0]

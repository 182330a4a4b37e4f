"""Samples by row, and runs of their shards."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from tests.run.asking import TASK, Asked, Data, FakeClock
from vlmeval.data.task import Task
from vlmeval.run.session import RunResult, RunSettings, run_task
from vlmeval.run.shards import ShardSet
from vlmeval.types import Sample

QUIET = RunSettings(quiet=True)


class Table(Data):
    """Data of which row i gives the samples `rows[i]`."""

    def __init__(self, rows: Sequence[Sequence[Sample]], digest: str = "d") -> None:
        super().__init__([sample for row in rows for sample in row], digest=digest)
        self.rows = rows
        self.read: list[int] = []

    @property
    def base_rows(self) -> Sequence[int]:
        return range(len(self.rows))

    def at(self, number: int) -> Iterable[Sample]:
        self.read.append(number)
        return self.rows[number]


def table(samples: Iterable[Sample], digest: str = "d") -> Table:
    """Return data with one sample a row."""
    return Table([[sample] for sample in samples], digest)


def run_shard(
    results: Path,
    model: Asked,
    data: Table,
    index: int,
    count: int,
    *,
    settings: RunSettings = QUIET,
    task: Task = TASK,
) -> RunResult:
    """Run shard `index` of `count` to its end."""
    return run_task(task, ShardSet(data, index, count), model, settings, results=results, clock=FakeClock())

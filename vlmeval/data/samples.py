"""From a task to its samples: choose the source, open it, group the rows, hand out one sample after the other.

Nothing but text is read before a sample is asked for; then its own images are. `--limit` counts base questions, so
that a group of CircularEval is whole or not there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Self

import msgspec

from vlmeval.data.benchmark import Benchmark, Builder, Split
from vlmeval.data.catalog import find_benchmark
from vlmeval.data.cells import is_absent
from vlmeval.data.circular import Group, find_groups
from vlmeval.data.options import DataOptions
from vlmeval.data.sources import open_path
from vlmeval.data.table import Row, Table
from vlmeval.data.task import Task
from vlmeval.data.tsv import TsvTable, unique_keys
from vlmeval.errors import DataError
from vlmeval.types import Sample

__all__ = ["DataOptions", "Origin", "SampleSet", "open_samples"]

_SHOWN_FAULTS = 50


@dataclass(frozen=True)
class Origin:
    """Where the samples came from; the fields are those of a run's record. `blind` is set by `data.blind`."""

    dataset: str
    digest: str
    revision: str = ""
    path: str = ""
    rows: int | None = None
    licence: str = ""
    warnings: tuple[str, ...] = ()
    blind: str = ""


class SampleSet:
    """The samples of one split, in the order of the file. Close it, or use it with `with`."""

    def __init__(
        self,
        benchmark: Benchmark,
        split: Split,
        table: Table,
        *,
        limit: int | None = None,
        known: bool = True,
        imageless: bool = False,
    ) -> None:
        """`known` says that the table is the catalog's own, whose number of questions may be compared."""
        self.table = table
        self._benchmark = benchmark
        self._hidden = split.hidden
        self._imageless = imageless
        self._builder: Builder = split.sample or benchmark.sample
        self._samples_of: Callable[[Row], int] | None = split.samples_of
        numbers, groups = _plan(table, split, circular=benchmark.circular)
        self._questions = len(numbers)
        self._numbers: Sequence[int] = numbers if limit is None else numbers[:limit]
        self._groups = groups
        self._expected = split.questions if known else None

    def __len__(self) -> int:
        if self._samples_of is None:
            return len(self._numbers)
        return sum(self._samples_of(self.table.row(number)) for number in self._numbers)

    def __iter__(self) -> Iterator[Sample]:
        """Yield the samples. Raises DataError for a row that is wrong, and for an id that came before."""
        seen: dict[str, int] = {}
        for number in self._numbers:
            for sample in self.at(number):
                if (first := seen.setdefault(sample.id, number)) != number:
                    raise DataError(
                        f'{self.table.where(number)}: the id "{sample.id}" is already used in '
                        f"{self.table.where(first)}; give each row its own"
                    )
                yield sample

    def at(self, number: int) -> Iterable[Sample]:
        """Return the samples of a base row of the table."""
        row = self.table.row(number)
        row.hidden, row.imageless = self._hidden, self._imageless
        built = self._builder(row)
        if not isinstance(built, Sample):
            return built
        group = self._groups.get(number)
        if group is None:
            return (built,)
        return (msgspec.structs.replace(built, rotations=group.rotations),)

    @property
    def base_rows(self) -> Sequence[int]:
        """The table's numbers of the base rows."""
        return self._numbers

    @property
    def groups(self) -> Sequence[Group]:
        """The CircularEval groups that the file holds, those within the limit."""
        return [self._groups[number] for number in self._numbers if number in self._groups]

    @cached_property
    def origin(self) -> Origin:
        """Where the samples came from, with the digest of exactly the rows that are used."""
        used: Iterable[int] = self._numbers
        if self._groups:
            used = sorted({number for group in self.groups for number in group.numbers})
        return Origin(
            dataset=self.table.dataset or self._benchmark.name,
            digest=self.table.digest(list(used)),
            revision=self.table.revision,
            path="" if self.table.dataset else self.table.path,
            rows=len(self._numbers),
            licence=self._benchmark.licence,
            warnings=self._warnings(),
        )

    def _warnings(self) -> tuple[str, ...]:
        faulty = [f"question {group.key}: {fault}" for group in self.groups for fault in group.faults]
        if len(faulty) > _SHOWN_FAULTS:
            faulty[_SHOWN_FAULTS:] = [f"{len(faulty) - _SHOWN_FAULTS} more questions are not whole"]
        if self._expected is not None and self._expected != self._questions:
            faulty.append(f"{self._questions} questions, where the catalog knows {self._expected}: another release?")
        return tuple(faulty)

    def close(self) -> None:
        """Close the file; images that were not read cannot be read any more."""
        self.table.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


def open_samples(task: Task, where: DataOptions) -> SampleSet:
    """Return the samples of `task`. Raises ConfigError or DataError that says what is wrong and what to do."""
    benchmark = find_benchmark(task.benchmark, where.catalog)
    split = benchmark.split(task.split)
    table = _open_split(task, split, where)
    try:
        known = where.data is None
        return SampleSet(benchmark, split, table, limit=where.limit, known=known, imageless=where.imageless)
    except DataError:
        table.close()
        raise


def _open_split(task: Task, split: Split, where: DataOptions) -> Table:
    if where.data is not None:
        return open_path(Path(where.data), where, split=task.split)
    for source in split.sources:
        if (path := source.local(where)) is not None:
            return open_path(path, where, split=task.split)
    failures = []
    for source in split.sources:
        try:
            table = source.open(where)
        except DataError as error:
            failures.append(str(error))
            continue
        if table is not None:
            return table
    network = "offline, and " if where.offline else ""
    ways = [*(source.wanted(where) for source in split.sources), f"pass --data {task.name}=PATH"]
    lines = [*(f"  tried: {failure}" for failure in failures), f"  {ways[0]}", *(f"  or {way}" for way in ways[1:])]
    raise DataError(f"{task.name}: {network}no data on this machine\n" + "\n".join(lines))


def _plan(table: Table, split: Split, *, circular: bool) -> tuple[Sequence[int], dict[int, Group]]:
    """Return the numbers of base rows in order, and the groups among them that have passes of their own."""
    key = next((name for name in ("index", "id") if table.column(name)), None)
    if isinstance(table, TsvTable) and table.column("index"):
        unique_keys(table)
    kept = _kept_rows(table, split)
    if not circular or key is None:
        return kept, {}
    groups = find_groups(table, key)
    if isinstance(kept, list):
        rows = set(kept)
        groups = [group for group in groups if group.base in rows]
    return [group.base for group in groups], {group.base: group for group in groups if group.rotations}


def _kept_rows(table: Table, split: Split) -> Sequence[int]:
    wanted = {name: values for name, values in split.where.items() if table.column(name)}
    if not len(table):
        raise DataError(f"{table.path}: no rows, only a header")
    if not wanted:
        return range(len(table))
    rows = list(table.scan(list(wanted)))
    allowed = list(wanted.values())
    kept = [
        number
        for number, cells in enumerate(rows)
        if all(is_absent(cell) or str(cell) in values for cell, values in zip(cells, allowed, strict=True))
    ]
    if not kept:
        found = ", ".join(sorted({str(cell) for cells in rows for cell in cells})[:10])
        need = "; ".join(f"{name} in {', '.join(values)}" for name, values in wanted.items())
        raise DataError(f"{table.path}: no row has {need}; found {found}")
    return kept

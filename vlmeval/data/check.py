"""What is in a data file, and everything that is wrong with it, before a model is asked: `vlmeval data check`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from vlmeval.data.options import DataOptions
from vlmeval.data.samples import Origin, SampleSet, open_samples
from vlmeval.data.task import Task
from vlmeval.errors import DataError
from vlmeval.types import Image, Sample

_SHOWN = 20


@dataclass
class DataCheck:
    """The findings. `problems` would stop a run; `warnings` are recorded with one."""

    task: str
    origin: Origin | None = None
    columns: tuple[str, ...] = ()
    rows: int = 0
    questions: int = 0
    samples: int = 0
    groups: int = 0
    incomplete_groups: tuple[str, ...] = ()
    images: int = 0
    distinct_images: int = 0
    formats: Counter[str] = field(default_factory=Counter)
    smallest: tuple[int, int] | None = None
    largest: tuple[int, int] | None = None
    options: Counter[int] = field(default_factory=Counter)
    golds: Counter[str] = field(default_factory=Counter)
    without_gold: int = 0
    problems: list[str] = field(default_factory=list)
    warnings: tuple[str, ...] = ()

    @property
    def sound(self) -> bool:
        """Tell whether a run would get through, with every group whole."""
        return not self.problems and not self.incomplete_groups

    def lines(self) -> list[str]:
        """Return the findings as lines for a terminal."""
        lines = [f"{self.task}: {'sound' if self.sound else 'NOT sound'}"]
        if self.origin is not None:
            lines += [
                f"data       {self.origin.path or self.origin.dataset}",
                f"digest     {self.origin.digest}",
                *([f"revision   {self.origin.revision}"] if self.origin.revision else []),
                f"licence    {self.origin.licence}",
            ]
        lines += [
            f"columns    {', '.join(self.columns)}",
            f"rows       {self.rows}; {self.questions} questions, {self.samples} samples",
        ]
        if self.groups:
            lines.append(f"groups     {self.groups} with passes in the file, {len(self.incomplete_groups)} not whole")
        if self.images:
            sizes = f", {_size(self.smallest)} to {_size(self.largest)}"
            forms = ", ".join(f"{name} {count}" for name, count in self.formats.most_common())
            lines.append(f"images     {self.images}, {self.distinct_images} distinct{sizes} ({forms})")
        if self.options:
            lines.append(f"options    {_histogram(self.options)}")
            lines.append(f"gold       {_histogram(self.golds)}")
        lines.append(f"no gold    {self.without_gold}")
        lines += _listed("warning", self.warnings) + _listed("problem", self.problems)
        return lines


def check_data(task: Task, where: DataOptions) -> DataCheck:
    """Read every sample of `task` and return what was found; a wrong row is noted, and the next one read."""
    found = DataCheck(task.name)
    try:
        samples = open_samples(task, where)
    except DataError as error:
        found.problems.append(str(error))
        return found
    with samples:
        found.columns, found.rows = samples.table.columns, len(samples.table)
        found.questions, found.groups = len(samples.base_rows), len(samples.groups)
        found.incomplete_groups = tuple(group.key for group in samples.groups if group.faults)
        _read(samples, found)
        try:
            found.origin = samples.origin
            found.warnings = samples.origin.warnings
        except DataError as error:
            found.problems.append(str(error))
    return found


def _read(samples: SampleSet, found: DataCheck) -> None:
    ids: dict[str, int] = {}
    digests: set[str] = set()
    for number in samples.base_rows:
        try:
            for sample in samples.at(number):
                if (first := ids.setdefault(sample.id, number)) != number:
                    places = f"{samples.table.where(number)} and {samples.table.where(first)}"
                    found.problems.append(f'the id "{sample.id}" is used twice: {places}')
                _count(sample, found, digests)
        except DataError as error:
            if (problem := str(error)) not in found.problems[-1:]:  # of the whole file: each row raises it again
                found.problems.append(problem)
    found.distinct_images = len(digests)


def _count(sample: Sample, found: DataCheck, digests: set[str]) -> None:
    found.samples += 1
    parts = [*sample.parts, *(part for choice in sample.choices if isinstance(choice, tuple) for part in choice)]
    for image in parts:
        if isinstance(image, Image):
            found.images += 1
            found.formats[image.format] += 1
            digests.add(image.sha256)
            size = (image.width, image.height)
            found.smallest = min(found.smallest or size, size, key=_pixels)
            found.largest = max(found.largest or size, size, key=_pixels)
    found.without_gold += not sample.references
    if sample.choices:
        found.options[len(sample.choices)] += 1
        found.golds.update(sample.references)


def _pixels(size: tuple[int, int]) -> int:
    return size[0] * size[1]


def _size(size: tuple[int, int] | None) -> str:
    return f"{size[0]}x{size[1]}" if size else ""


def _histogram(counts: Counter[int] | Counter[str]) -> str:
    return ", ".join(f"{name}: {count}" for name, count in sorted(counts.items(), key=lambda item: str(item[0])))


def _listed(noun: str, items: Sequence[str]) -> list[str]:
    more = [f"{noun}    ... and {len(items) - _SHOWN} more"] if len(items) > _SHOWN else []
    return [f"{noun}    {item}" for item in items[:_SHOWN]] + more

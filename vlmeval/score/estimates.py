"""Statistics of samples to estimates: every metric overall and on every slice, each with its interval."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from vlmeval.score.measure import Measure
from vlmeval.score.signature import Recipe
from vlmeval.stats.bootstrap import Method, Statistic, intervals
from vlmeval.stats.clusters import Floats, Integers, cluster_codes, cluster_sums, exact_total
from vlmeval.types import Estimate, Sample

Mask = NDArray[np.bool_]


@dataclass(slots=True)
class Column:
    """The statistics of one metric: `rows[i]` (k numbers) is of the sample at `places[i]`."""

    measure: Measure
    places: list[int] = field(default_factory=list)
    rows: list[tuple[float, ...]] = field(default_factory=list)

    def add(self, place: int, row: tuple[float, ...]) -> None:
        """Note the statistics of the sample at `place`."""
        self.places.append(place)
        self.rows.append(row)

    def spread(self, samples: Sequence[Sample]) -> None:
        """Have the verdicts on groups of samples entered; `samples` are those that the places count."""
        if self.rows:
            own = dict(zip(self.places, self.rows, strict=True))
            rows = self.measure.spread(samples, [own.get(place) for place in range(len(samples))])
            entered = [(place, row) for place, row in enumerate(rows) if row is not None]
            self.places, self.rows = [place for place, _ in entered], [row for _, row in entered]

    def clear(self) -> None:
        """Forget everything: the metric has no figure in this run."""
        self.places.clear()
        self.rows.clear()


def estimate_all(
    columns: Sequence[Column],
    samples: Sequence[Sample],
    slices: Sequence[str],
    recipe: Recipe,
    *,
    method: Method = "percentile",
) -> tuple[Estimate, ...]:
    """Return the estimates, metric by metric: overall, then the slices by tag as given and by value as sorted.

    A slice without samples, and a value that is undefined, is absent. `method` is how intervals are found.
    """
    codes = cluster_codes([f"cluster {one.cluster}" if one.cluster else f"sample {one.id}" for one in samples])
    found: dict[str, list[Estimate]] = {column.measure.name: [] for column in columns}
    tables = [Table.of(column, len(samples)) for column in columns if column.rows]
    for name, mask in slice_masks(samples, slices):
        for group in _alike(tables, mask):
            for estimate in _estimates(group, name, mask, codes, recipe, method):
                found[estimate.metric].append(estimate)
    return tuple(one for column in columns if not column.measure.fault for one in found[column.measure.name])


def slice_masks(samples: Sequence[Sample], slices: Sequence[str]) -> list[tuple[str, Mask]]:
    """Return (name, mask over the samples) of the whole, named "", and of each value of each tag in `slices`.

    A tag holds a value a line: a sample with several skills is in several slices.
    """
    masks = [("", np.ones(len(samples), dtype=np.bool_))]
    for tag in slices:
        members: dict[str, list[int]] = {}
        for place, sample in enumerate(samples):
            for value in set(sample.tags.get(tag, "").split("\n")) - {""}:
                members.setdefault(value, []).append(place)
        for value in sorted(members):
            mask = np.zeros(len(samples), dtype=np.bool_)
            mask[members[value]] = True
            masks.append((f"{tag}={value}", mask))
    return masks


@dataclass(frozen=True, slots=True)
class Table:
    """The statistics of one metric as arrays: `rows` (n, k), zero where `entered` (n,) is false."""

    measure: Measure
    entered: Mask
    rows: Floats

    @classmethod
    def of(cls, column: Column, samples: int) -> Table:
        """Return the arrays of `column` for a run of `samples`."""
        entered = np.zeros(samples, dtype=np.bool_)
        entered[column.places] = True
        rows = np.zeros((samples, len(column.rows[0])))
        rows[column.places] = column.rows
        return cls(column.measure, entered, rows)


def _alike(tables: Sequence[Table], mask: Mask) -> list[list[Table]]:
    """Return the tables in groups that have the same samples within `mask`: they can share the drawing of clusters."""
    groups: dict[bytes, list[Table]] = {}
    for table in tables:
        inside = table.entered & mask
        if inside.any():
            groups.setdefault(inside.tobytes(), []).append(table)
    return list(groups.values())


def _estimates(
    tables: Sequence[Table], name: str, mask: Mask, codes: Integers, recipe: Recipe, method: Method
) -> list[Estimate]:
    inside = tables[0].entered & mask
    statistics: list[Statistic] = []
    measured: list[tuple[Measure, float]] = []
    sizes = np.zeros(0, dtype=np.int64)
    for table in tables:
        rows = table.rows[inside]
        total = exact_total(rows)
        value = table.measure.value(total)
        if value is not None:
            sums, sizes = cluster_sums(rows, codes[inside])
            statistics.append(Statistic(sums, total, table.measure.values, table.measure.info.proportion))
            measured.append((table.measure, value))
    samples = int(inside.sum())
    return [
        Estimate(
            metric=measure.name,
            slice=name,
            value=value,
            low=interval.low,
            high=interval.high,
            samples=samples,
            clusters=len(sizes),
            signature=recipe.line(measure.info.signature or measure.name, samples),
        )
        for (measure, value), interval in zip(measured, intervals(statistics, sizes, method=method), strict=True)
    ]

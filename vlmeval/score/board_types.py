"""A leaderboard as values: for the page, for JSON, for CSV.

A column is one task asked in one way; a row is a model as it was set; a cell is the newest run of both. Values, bounds
and slices are on the metric's display scale.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from vlmeval.models.cards import Card
from vlmeval.types import Estimate

Standing = Literal["reproduced", "differs", "not comparable"]


class Mark(Struct, frozen=True):
    """A published figure beside a cell: how the run stands to it, in words. `difference` is ours minus theirs."""

    metric: str
    slice: str
    value: float
    source: str
    note: str
    standing: Standing
    difference: float | None
    verdict: str


class Slice(Struct, frozen=True, array_like=True):
    """A figure of all samples or of part of them, on its display scale."""

    value: float
    low: float | None
    high: float | None
    samples: int

    @classmethod
    def of(cls, estimate: Estimate, scale: float) -> Slice:
        """Return an estimate times `scale`."""
        low = None if estimate.low is None else estimate.low * scale
        high = None if estimate.high is None else estimate.high * scale
        return cls(estimate.value * scale, low, high, estimate.samples)


class Cell(Struct, frozen=True):
    """One model on one task. `coverage` is the share of samples that entered the metric.

    `tier`, `rank_low` and `rank_high` are None where the model was not ranked (alone, or its run is not complete).
    `page` is the link to the page of the run, from the board; "" without one. `others` are older runs of the same.
    """

    model: str
    column: str
    run: str
    run_id: str
    value: float | None
    low: float | None
    high: float | None
    samples: int
    clusters: int
    coverage: float
    complete: bool
    signature: str
    state: str = ""
    tier: int | None = None
    rank_low: int | None = None
    rank_high: int | None = None
    slices: dict[str, Slice] = {}
    metrics: dict[str, Slice] = {}
    published: tuple[Mark, ...] = ()
    notes: tuple[str, ...] = ()
    page: str = ""
    others: tuple[str, ...] = ()


class Column(Struct, frozen=True):
    """A task asked in one way. `way` says which, where there are several of the task.

    `top` is 100 where the metric is a share in per cent, else None: such a figure has no place in a plain average.
    `ranked` is how many samples the tiers are from.
    """

    id: str
    task: str
    title: str
    benchmark: str
    kind: str
    metric: str
    metric_title: str
    scale: float
    higher_is_better: bool
    top: float | None
    way: str
    chance: float | None
    source: str
    ranked: int = 0
    slices: tuple[str, ...] = ()


class Row(Struct, frozen=True):
    """A model. `speed` is answers a second, `memory` the peak in GiB, over its runs; None where not recorded."""

    name: str
    model: str
    card: Card | None
    speed: float | None = None
    memory: float | None = None
    hardware: str = ""


class Known(Struct, frozen=True):
    """A published figure of a model that has no run here."""

    model: str
    column: str
    value: float
    source: str
    note: str
    samples: int | None = None


class SuiteCell(Struct, frozen=True):
    """The average of a suite for one model; None where a task is `missing`."""

    model: str
    value: float | None
    low: float | None
    high: float | None
    missing: tuple[str, ...] = ()


class SuiteColumn(Struct, frozen=True):
    """A suite with its recipe, and the averages of the models that have at least one of its tasks."""

    name: str
    title: str
    recipe: str
    source: str
    notes: tuple[str, ...]
    tasks: tuple[str, ...]
    cells: tuple[SuiteCell, ...]


class Correlation(Struct, frozen=True):
    """Kendall's tau-b between human ratings and the figures of one column or suite, over `models` that have both."""

    column: str
    tau: float
    models: int


class HumanRating(Struct, frozen=True):
    """The rating of one model in a study, with its interval."""

    model: str
    rating: float
    low: float
    high: float
    tier: int | None
    votes: float


class Study(Struct, frozen=True):
    """Human ratings beside the metrics. `unmatched` are models of the study that the board does not have."""

    name: str
    method: str
    votes: int
    ratings: tuple[HumanRating, ...]
    correlations: tuple[Correlation, ...]
    unmatched: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


class Board(Struct, frozen=True):
    """Everything a leaderboard shows. `left_out` says which runs are not on it, and why."""

    title: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    cells: tuple[Cell, ...]
    suites: tuple[SuiteColumn, ...] = ()
    known: tuple[Known, ...] = ()
    studies: tuple[Study, ...] = ()
    left_out: tuple[str, ...] = ()
    vlmeval: str = ""

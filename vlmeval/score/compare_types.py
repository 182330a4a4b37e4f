"""What a comparison of runs is, as values: for the terminal, for JSON, and for a page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from vlmeval.score.compare_recipes import KeyDifference
from vlmeval.score.compare_samples import Common, Flip
from vlmeval.stats.components import Components
from vlmeval.stats.paired import Difference
from vlmeval.types import MetricInfo

Outcome = Literal["better", "worse", "none", "same"]


@dataclass(frozen=True, slots=True)
class CompareOptions:
    """How to compare.

    `metric` is another metric than each task's primary one. `difference` (on the metric's scale) is one to say the
    needed number of samples for. `alpha` bounds the chance of any false claim among all overall figures.
    """

    metric: str = ""
    allow_different: bool = False
    slices: bool = True
    difference: float | None = None
    level: float = 0.95
    alpha: float = 0.05
    resamples: int = 10_000
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Figure:
    """One comparison: a task overall (`slice` "") or one of its slices; values unscaled.

    `paired.difference` is positive where the model is better; `p` is its p-value after Holm. `gained` and `lost` count
    the flips to right (or higher) and to wrong (or lower). `detectable` is the difference that this comparison would
    have found with a chance of 80 %, `needed` the number of samples for `CompareOptions.difference`, `needed_apart`
    that for each model were the two asked different samples.
    """

    slice: str
    paired: Difference
    gained: int
    lost: int
    p: float | None = None
    detectable: float | None = None
    needed: int | None = None
    needed_apart: int | None = None
    outcome: Outcome = "none"
    verdict: str = ""


@dataclass(frozen=True, slots=True)
class TaskComparison:
    """A model against the baseline on one task. Where `refused` says why there is none, the figures are empty.

    `figures[0]` is the overall one. `epochs` are the variance components of baseline and model in shares of right
    tries, None where a run asked once. `notes` say what the runs themselves lack.
    """

    task: str
    title: str
    baseline: str
    model: str
    baseline_run: str
    model_run: str
    metric: MetricInfo
    keys: tuple[KeyDifference, ...]
    common: Common
    figures: tuple[Figure, ...] = ()
    flips: tuple[Flip, ...] = ()
    epochs: tuple[Components | None, Components | None] = (None, None)
    notes: tuple[str, ...] = ()
    refused: str = ""

    @property
    def causes(self) -> dict[str, tuple[int, int]]:
        """The numbers of flips (up, down) by cause, of the causes that occur."""
        found: dict[str, tuple[int, int]] = {}
        for flip in self.flips:
            up, down = found.get(flip.cause, (0, 0))
            found[flip.cause] = (up + flip.is_gain, down + (not flip.is_gain))
        return found


@dataclass(frozen=True, slots=True)
class Comparison:
    """All comparisons with one baseline. `unpaired` says which tasks only one side has."""

    baseline: str
    models: tuple[str, ...]
    options: CompareOptions
    tasks: tuple[TaskComparison, ...]
    unpaired: tuple[str, ...] = ()

    def worse_by(self, points: float) -> list[TaskComparison]:
        """Return those tasks on which a model is worse by more than `points` of the metric's scale, and shown to be.

        That is: the overall difference is below -`points`, and its p-value after Holm is below `alpha`.
        """
        return [
            one
            for one in self.tasks
            if one.figures
            and one.figures[0].outcome == "worse"
            and -one.figures[0].paired.difference * one.metric.scale > points
        ]

    @property
    def refused(self) -> list[TaskComparison]:
        """The pairs of runs that were not compared."""
        return [one for one in self.tasks if one.refused]

"""A metric at work in one run. A fault of a metric names the sample it fell on and costs that metric only."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence

import msgspec
import numpy as np

from vlmeval.stats.clusters import Floats
from vlmeval.types import (
    Answer,
    Batch,
    BatchMetric,
    GroupMetric,
    Metric,
    MetricInfo,
    OptionalMetric,
    RemarkingMetric,
    Request,
    Sample,
)

# What a computation raises. A metric may be anybody's code; its fault must not take the other metrics' numbers along.
FAULTS = (ArithmeticError, AssertionError, AttributeError, LookupError, TypeError, ValueError)


class Measure:
    """A metric fitted to the run's samples.

    Once `fault` is set it says why the metric has no figure in this run; `lack` is what it needs and is not here.
    """

    def __init__(self, name: str, metric: Metric, samples: Sequence[Sample]) -> None:
        self.name = name
        self.fault = ""
        self._length = 0
        self.info: MetricInfo = msgspec.structs.replace(metric.info, name=name)
        self._metric = metric
        self.lack = metric.lacks() if isinstance(metric, OptionalMetric) else ""
        if self.lack:
            return
        try:
            self._metric = metric.fit(samples)
        except FAULTS as error:
            self._blame("its references", error)

    def stats(self, sample: Sample, answers: Sequence[Answer]) -> tuple[float, ...] | None:
        """Return the sample's statistics, k finite numbers; None where it does not enter, or after a fault."""
        if self.fault or self.lack:
            return None
        try:
            return self._checked(sample, self._metric.stats(sample, answers))
        except FAULTS as error:
            self._blame(f"sample {sample.id}", error)
            return None

    def stats_many(self, batch: Batch) -> Sequence[tuple[float, ...] | None]:
        """Return the statistics of each sample of `batch`; None for those without answers."""
        if self.fault or self.lack or not isinstance(self._metric, BatchMetric):
            return [
                self.stats(sample, answers) if answers else None
                for sample, answers in zip(batch.samples, batch.answers, strict=True)
            ]
        try:
            rows = self._metric.stats_many(batch)
        except FAULTS as error:
            self._blame("all samples together", error)
            return [None] * len(batch.samples)
        return [self._checked(sample, row) for sample, row in zip(batch.samples, rows, strict=True)]

    def remarks(self, batch: Batch) -> Sequence[str]:
        """Return what must be said beside the figure of `batch`."""
        if self.fault or self.lack or not isinstance(self._metric, RemarkingMetric):
            return ()
        try:
            return tuple(self._metric.remarks(batch))
        except FAULTS as error:
            self._blame("its remarks", error)
            return ()

    def spread(
        self, samples: Sequence[Sample], rows: Sequence[tuple[float, ...] | None]
    ) -> Sequence[tuple[float, ...] | None]:
        """Return the rows to add up: as they are, or with each sample's part in the verdicts on its groups."""
        if self.fault or not isinstance(self._metric, GroupMetric):
            return rows
        try:
            spread = self._metric.spread(samples, rows)
            return [self._checked(sample, row) for sample, row in zip(samples, spread, strict=True)]
        except FAULTS as error:
            self._blame("the groups of its samples", error)
            return [None] * len(samples)

    def values(self, totals: Floats) -> Floats:
        """Return the values (...) of totals (..., k); NaN where undefined, and everywhere after a fault."""
        undefined = np.full(totals.shape[:-1], np.nan)
        if self.fault:
            return undefined
        try:
            with np.errstate(divide="ignore", invalid="ignore"):
                return np.asarray(self._metric.value(totals), dtype=np.float64)
        except FAULTS as error:
            self._blame("a sum of its statistics", error)
            return undefined

    def value(self, total: Floats) -> float | None:
        """Return the value of one total (k,), None where it is undefined. A share that lies outside 0..1 is a fault."""
        value = float(self.values(total))
        if self.info.proportion and not math.isnan(value) and not 0.0 <= value <= 1.0:
            self.fault = self._left_out(f"it is marked as a proportion and gave {value}")
        return value if math.isfinite(value) and not self.fault else None

    def decided(
        self, sample: Sample, requests: Sequence[Request], answers: Sequence[Answer], variants: Collection[str]
    ) -> bool:
        """Tell whether the sample's statistics are the same whatever `variants` turn out to be: all right, or none.

        False for a sample without references.
        """
        if not sample.references:
            return False
        right = filled(requests, answers, variants, sample.references[0])
        return self.stats(sample, right) == self.stats(sample, filled(requests, answers, variants, None))

    def _checked(self, sample: Sample, row: Sequence[float] | None) -> tuple[float, ...] | None:
        """Return the row as numbers; None, and a fault, where they are not finite or not as many as before."""
        if row is None:
            return None
        numbers = tuple(map(float, row))
        self._length = self._length or len(numbers)
        if len(numbers) == self._length and all(map(math.isfinite, numbers)):
            return numbers
        self.fault = self._left_out(f"sample {sample.id} gave {numbers}, expected {self._length} finite numbers")
        return None

    def _blame(self, where: str, error: Exception) -> None:
        self.fault = self._left_out(f"{where} raised {type(error).__name__}: {error}")

    def _left_out(self, reason: str) -> str:
        return f'metric "{self.name}" is left out: {reason}'


def filled(
    requests: Sequence[Request], answers: Sequence[Answer], variants: Collection[str], value: str | None, rule: str = ""
) -> list[Answer]:
    """Return one answer per request, in their order; those of `variants` have `value`."""
    given = {answer.variant: answer for answer in answers if answer.variant not in variants}
    order = [request.variant for request in requests] or [answer.variant for answer in answers] or [""]
    return [given.get(variant) or Answer(variant, value, rule) for variant in order]

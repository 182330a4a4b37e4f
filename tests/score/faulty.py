"""Metrics of the sort a plug-in may bring along."""

from collections.abc import Sequence
from typing import Self

import numpy as np
from numpy.typing import NDArray

from vlmeval.types import Answer, MetricInfo, Sample


class Sound:
    info = MetricInfo("sound", "Share of passes answered A", scale=100.0)

    def fit(self, samples: Sequence[Sample]) -> Self:
        return self

    def stats(self, sample: Sample, answers: Sequence[Answer]) -> tuple[float, ...] | None:
        return float(sum(answer.value == "A" for answer in answers)), float(len(answers))

    def value(self, total: NDArray[np.float64]) -> NDArray[np.float64]:
        value: NDArray[np.float64] = total[..., 0] / total[..., 1]
        return value


class RaisesOnQ7(Sound):
    def stats(self, sample: Sample, answers: Sequence[Answer]) -> tuple[float, ...] | None:
        return (1 / int(sample.id != "q7"), 1.0)


class NanOnQ7(Sound):
    def stats(self, sample: Sample, answers: Sequence[Answer]) -> tuple[float, ...] | None:
        return (float("nan") if sample.id == "q7" else 1.0, 1.0)


class LongerOnQ7(Sound):
    def stats(self, sample: Sample, answers: Sequence[Answer]) -> tuple[float, ...] | None:
        return (1.0,) * (3 if sample.id == "q7" else 2)


class RaisesOnReferences(Sound):
    def fit(self, samples: Sequence[Sample]) -> Self:
        raise KeyError("idf")


class RaisesOnSums(Sound):
    def value(self, total: NDArray[np.float64]) -> NDArray[np.float64]:
        raise IndexError("no such column")


class NoShare(Sound):
    info = MetricInfo("no_share", "A count said to be a share", proportion=True)

    def value(self, total: NDArray[np.float64]) -> NDArray[np.float64]:
        value: NDArray[np.float64] = total[..., 1]
        return value


class Undefined(Sound):
    def stats(self, sample: Sample, answers: Sequence[Answer]) -> tuple[float, ...] | None:
        return (0.0, 0.0)


class OddOnly(Sound):
    def stats(self, sample: Sample, answers: Sequence[Answer]) -> tuple[float, ...] | None:
        return super().stats(sample, answers) if int(sample.id[1:]) % 2 else None

"""Means over samples: what VQA accuracy, ANLS, exact matches and pass@k share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Self

from vlmeval.types import Answer, MetricInfo, Sample

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Mean(ABC):
    """The mean of a figure that each sample has; statistics (figure, samples)."""

    info: MetricInfo

    def fit(self, samples: Sequence[Sample]) -> Self:
        """Return this metric: it needs nothing of the other samples."""
        return self

    @abstractmethod
    def stats(self, sample: Sample, answers: Sequence[Answer]) -> tuple[float, ...] | None:
        """Return (figure, 1), or None where the sample does not enter."""

    def value(self, total: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the mean, shape (...), of sums, shape (..., 2); NaN for no samples."""
        import numpy as np

        counted = total[..., 1]
        mean: NDArray[np.float64] = np.full(counted.shape, np.nan)
        np.divide(total[..., 0], counted, out=mean, where=counted > 0)
        return mean


class MeanAccuracy(Mean):
    """The mean of an accuracy that each reply has of its own. An unparsed reply scores 0."""

    @staticmethod
    @abstractmethod
    def accuracy(reply: str, references: Sequence[str]) -> float:
        """Return the accuracy of one reply, 0..1."""

    def stats(self, sample: Sample, answers: Sequence[Answer]) -> tuple[float, ...] | None:
        """Return (accuracy, 1), or None without a reference or an answer. Several answers count by their mean."""
        if not sample.references or not answers:
            return None
        scores = [
            self.accuracy(answer.value, sample.references) if isinstance(answer.value, str) else 0.0
            for answer in answers
        ]
        return sum(scores) / len(scores), 1.0

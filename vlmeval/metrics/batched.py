"""Caption metrics of other programs and packages: all captions are handed over at once, tokenised as for the others."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Self

from vlmeval.metrics.ngrams import Tokens, caption_text, said
from vlmeval.types import Answer, Batch, MetricInfo, Sample

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Caption = tuple[str, tuple[str, ...]]
"""A caption and its references, tokens joined by blanks."""


class BatchedCaptionMetric(ABC):
    """A metric that another program computes. Of several answers (epochs), the statistics are averaged."""

    info: ClassVar[MetricInfo]
    tokens: ClassVar[Tokens] = "ptb"

    def fit(self, samples: Sequence[Sample]) -> Self:
        """Return this metric: it needs nothing of the other references."""
        return self

    @abstractmethod
    def lacks(self) -> str:
        """Return what is missing to compute it, "" for nothing."""

    def stats(self, sample: Sample, answers: Sequence[Answer]) -> tuple[float, ...] | None:
        """Return the statistics of the sample, or None without a reference or an answer."""
        return self.stats_many(Batch([sample], [answers]))[0]

    def stats_many(self, batch: Batch) -> list[tuple[float, ...] | None]:
        """Return the statistics of each sample of the batch; None without references or answers."""
        asked: list[Caption] = []
        sizes: list[int] = []
        for sample, answers in zip(batch.samples, batch.answers, strict=True):
            sizes.append(len(answers) if sample.references else 0)
            if sizes[-1]:
                references = tuple(caption_text(text, self.tokens) for text in sample.references)
                asked += [(caption_text(said(answer), self.tokens), references) for answer in answers]
        rows = iter(self._computed(asked) if asked else [])
        found: list[tuple[float, ...] | None] = []
        for size in sizes:
            own = [next(rows) for _ in range(size)]
            found.append(tuple(sum(column) / size for column in zip(*own, strict=True)) if own else None)
        return found

    @abstractmethod
    def value(self, total: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the values, shape (...), of sums of statistics, shape (..., k)."""

    @abstractmethod
    def _computed(self, captions: Sequence[Caption]) -> list[tuple[float, ...]]:
        """Return the statistics of each caption. Raises ValueError where the program fails."""


class BatchedMean(BatchedCaptionMetric):
    """The mean of a score per caption: the statistics are (score, 1)."""

    def value(self, total: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the mean score, shape (...), of sums, shape (..., 2); NaN for no captions."""
        import numpy as np

        counted = total[..., 1]
        mean: NDArray[np.float64] = np.full(counted.shape, np.nan)
        np.divide(total[..., 0], counted, out=mean, where=counted > 0)
        return mean

    def _computed(self, captions: Sequence[Caption]) -> list[tuple[float, ...]]:
        return [(score, 1.0) for score in self._each(captions)]

    @abstractmethod
    def _each(self, captions: Sequence[Caption]) -> list[float]:
        """Return the score of each caption."""

"""What BLEU, ROUGE-L and CIDEr have in common: the words of captions, their n-grams, and sums as values.

A caption is its PTB tokens joined by blanks (`vlmeval.metrics.ptb`), or with `tokens="none"` the text as it is, which
is what VLMEvalKit and nlg-eval feed to the same scorers; the two give different figures (CIDEr 18.79 and 14.23 for one
model). An unparsed reply is the empty caption.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, Self

from vlmeval.metrics.ptb import tokenize
from vlmeval.types import Answer, MetricInfo, Sample

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Tokens = Literal["ptb", "none"]
Counts = dict[tuple[str, ...], int]
LONGEST = 4


def caption_text(text: str, tokens: Tokens) -> str:
    """Return the caption as the scorers split it."""
    return tokenize(text) if tokens == "ptb" else text


def ngram_counts(caption: str) -> list[Counts]:
    """Return how often each n-gram of `caption` occurs, for n = 1..4; words end at any white space."""
    words = caption.split()
    counts: list[Counts] = []
    for order in range(1, LONGEST + 1):
        found: Counts = {}
        for ngram in zip(*(words[start:] for start in range(order)), strict=False):
            found[ngram] = found.get(ngram, 0) + 1
        counts.append(found)
    return counts


class CaptionMetric(ABC):
    """A metric of captions against references. Of several answers (epochs), the statistics are averaged."""

    info: MetricInfo

    def __init__(self, tokens: Tokens = "ptb") -> None:
        self._tokens: Tokens = tokens

    def fit(self, samples: Sequence[Sample]) -> Self:
        """Return this metric: it needs nothing of the other references."""
        return self

    def stats(self, sample: Sample, answers: Sequence[Answer]) -> tuple[float, ...] | None:
        """Return the statistics of the sample, or None without a reference or an answer."""
        if not sample.references or not answers:
            return None
        references = tuple(caption_text(text, self._tokens) for text in sample.references)
        rows = [self._row(caption_text(_said(answer), self._tokens), references) for answer in answers]
        return rows[0] if len(rows) == 1 else tuple(sum(column) / len(rows) for column in zip(*rows, strict=True))

    @abstractmethod
    def value(self, total: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the values, shape (...), of sums of statistics, shape (..., k)."""

    @abstractmethod
    def _row(self, caption: str, references: tuple[str, ...]) -> tuple[float, ...]:
        """Return the statistics of one caption."""


class MeanCaptionMetric(CaptionMetric):
    """The mean of a score per caption: the statistics are (score, 1)."""

    def value(self, total: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the mean score, shape (...), of sums, shape (..., 2); NaN for no captions."""
        import numpy as np

        counted = total[..., 1]
        mean: NDArray[np.float64] = np.full(counted.shape, np.nan)
        np.divide(total[..., 0], counted, out=mean, where=counted > 0)
        return mean


def _said(answer: Answer) -> str:
    return answer.value if isinstance(answer.value, str) else ""

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
from vlmeval.types import Answer, Batch, MetricInfo, Sample

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from vlmeval.metrics.corpus import Corpus

Tokens = Literal["ptb", "none"]
"""How captions are split: as pycocoevalcap does, or as they stand."""
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
        rows = [self._row(caption_text(said(answer), self._tokens), references) for answer in answers]
        return _mean(rows)

    def stats_many(self, batch: Batch) -> list[tuple[float, ...] | None]:
        """Return the statistics of all samples of the batch, as `stats` does; the captions are split once for all."""
        found = [self._rows(corpus) for corpus in corpora(batch, self._tokens)]
        if len(found) == 1:
            return found[0]
        return [_mean([rows[place] for rows in found]) for place in range(len(batch.samples))]

    def remarks(self, batch: Batch) -> tuple[str, ...]:
        """Return how many captions hold forms that the tokenizer may cut otherwise than the original, if any does."""
        if self._tokens != "ptb":
            return ()
        found = corpora(batch, self._tokens)[0]
        if not found.unproven:
            return ()
        return (
            f"{found.unproven} of {found.texts} captions and references hold forms (mark-up, runs of symbols, other "
            "alphabets) on which our tokenizer is not proven equal to the original's",
        )

    def _rows(self, corpus: Corpus) -> list[tuple[float, ...] | None]:
        """Return the statistics of each image of the corpus, None for one without a caption."""
        rows = self._columns(corpus).tolist()
        return [tuple(row) if known else None for row, known in zip(rows, corpus.captioned.tolist(), strict=True)]

    @abstractmethod
    def _columns(self, corpus: Corpus) -> NDArray[np.float64]:
        """Return the statistics of each image of the corpus, shape (images, k)."""

    @abstractmethod
    def value(self, total: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the values, shape (...), of sums of statistics, shape (..., k)."""

    @abstractmethod
    def _row(self, caption: str, references: tuple[str, ...]) -> tuple[float, ...]:
        """Return the statistics of one caption."""


class MeanCaptionMetric(CaptionMetric):
    """The mean of a score per caption: the statistics are (score, 1)."""

    def _columns(self, corpus: Corpus) -> NDArray[np.float64]:
        import numpy as np

        scores = self._scores(corpus)
        return np.column_stack([scores, np.ones(len(scores))])

    @abstractmethod
    def _scores(self, corpus: Corpus) -> NDArray[np.float64]:
        """Return the score of each image, shape (images,)."""

    def value(self, total: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the mean score, shape (...), of sums, shape (..., 2); NaN for no captions."""
        import numpy as np

        counted = total[..., 1]
        mean: NDArray[np.float64] = np.full(counted.shape, np.nan)
        np.divide(total[..., 0], counted, out=mean, where=counted > 0)
        return mean


def corpora(batch: Batch, tokens: Tokens) -> list[Corpus]:
    """Return the corpus of the batch, one for each of several answers (epochs); it is built once for all metrics.

    A sample without references has no place in a corpus: it raises ValueError.
    """
    from vlmeval.metrics.corpus import Corpus

    name = f"captions:{tokens}"
    if name not in batch.shared:
        references = [sample.references for sample in batch.samples]
        bare = next((sample.id for sample in batch.samples if not sample.references), None)
        if bare is not None:
            raise ValueError(f"sample {bare} has no references")
        epochs = max(map(len, batch.answers), default=0)
        batch.shared[name] = [
            Corpus([said(answers[at]) if at < len(answers) else None for answers in batch.answers], references, tokens)
            for at in range(max(1, epochs))
        ]
    found: list[Corpus] = batch.shared[name]
    return found


def _mean(rows: Sequence[tuple[float, ...] | None]) -> tuple[float, ...] | None:
    """Return the mean of the rows there are, None for none."""
    known = [row for row in rows if row is not None]
    if len(known) < 2:
        return known[0] if known else None
    return tuple(sum(column) / len(known) for column in zip(*known, strict=True))


def said(answer: Answer) -> str:
    """Return the caption that an answer is; an unparsed one is the empty caption."""
    return answer.value if isinstance(answer.value, str) else ""

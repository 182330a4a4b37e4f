"""ROUGE-L of captions: the longest common subsequence with the references, as an F-measure.

Lin, ROUGE (2004), as in pycocoevalcap 1.2 (rouge/rouge.py): beta 1.2; the best precision and the best recall may come
from different references; words end at single blanks, so that an empty caption is one empty word, which matches an
empty reference, and a no-break space does not end a word. Not the ROUGE-L of `rouge-score`, which splits words
otherwise and takes one reference.

Tolerance: equal to 1e-12, per caption and for the mean over captions. Known differences: none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rapidfuzz.distance import LCSseq

from vlmeval.metrics.ngrams import MeanCaptionMetric
from vlmeval.types import MetricInfo

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from vlmeval.metrics.corpus import Corpus

BETA = 1.2


def rouge_l(caption: str, references: tuple[str, ...]) -> float:
    """Return ROUGE-L of one caption, 0..1; words are separated by single blanks."""
    words = caption.split(" ")
    precision = recall = 0.0
    for reference in references:
        wanted = reference.split(" ")
        common = LCSseq.similarity(words, wanted)
        precision = max(precision, common / len(words))
        recall = max(recall, common / len(wanted))
    if not precision or not recall:
        return 0.0
    return (1 + BETA**2) * precision * recall / (recall + BETA**2 * precision)


class RougeL(MeanCaptionMetric):
    """The mean of ROUGE-L over captions."""

    info = MetricInfo(
        name="rouge_l",
        title="ROUGE-L",
        scale=100.0,
        source="pycocoevalcap 1.2 (Lin 2004)",
        signature="rouge_l|ptb",
    )

    def _scores(self, corpus: Corpus) -> NDArray[np.float64]:
        return corpus.rouge

    def _row(self, caption: str, references: tuple[str, ...]) -> tuple[float, ...]:
        return rouge_l(caption, references), 1.0

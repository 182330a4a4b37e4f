"""ROUGE-1, ROUGE-2 and ROUGE-L as the package `rouge-score` has them, for comparison with text summarisation.

google-research/rouge (rouge-score 0.1.2), without its stemmer: F1 of n-grams, or of the longest common subsequence,
over lower-cased runs of ASCII letters and digits. Of several references the one with the best F1 counts
(`score_multi`); of a corpus the mean over texts. Not the ROUGE-L of captions (`rouge_l`), which has other words and
another beta, and takes precision and recall from different references.

Tolerance: the package computes. Needs the extra `captions`; without it the metric is listed as not computed.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Sequence
from typing import ClassVar

from vlmeval.metrics.batched import BatchedMean, Caption
from vlmeval.types import MetricInfo


class _RougeScore(BatchedMean):
    tokens = "none"
    variant: ClassVar[str]

    def lacks(self) -> str:
        """Return what is missing to compute it, "" for nothing."""
        return "" if importlib.util.find_spec("rouge_score") else "no rouge-score"

    def _each(self, captions: Sequence[Caption]) -> list[float]:
        scorer = importlib.import_module("rouge_score.rouge_scorer").RougeScorer([self.variant])
        return [
            float(scorer.score_multi(list(references), caption)[self.variant].fmeasure)
            for caption, references in captions
        ]


def _info(name: str, title: str) -> MetricInfo:
    return MetricInfo(
        name=name,
        title=f"{title} (rouge-score)",
        scale=100.0,
        source="google-research/rouge, rouge-score 0.1.2 (Lin 2004)",
        signature=f"{name}:f1",
    )


class RougeScore1(_RougeScore):
    """The mean F1 of words."""

    variant = "rouge1"
    info = _info("rouge_score_1", "ROUGE-1")


class RougeScore2(_RougeScore):
    """The mean F1 of pairs of words."""

    variant = "rouge2"
    info = _info("rouge_score_2", "ROUGE-2")


class RougeScoreL(_RougeScore):
    """The mean F1 of the longest common subsequence."""

    variant = "rougeL"
    info = _info("rouge_score_l", "ROUGE-L")

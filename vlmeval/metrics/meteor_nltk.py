"""METEOR as nltk has it, in Python: not METEOR 1.5, and never to be compared with it.

nltk 3.9, translate/meteor_score.py, with its defaults: Banerjee and Lavie (2005) with exact, stem (Porter) and synonym
(WordNet 3) matches, alpha 0.9, beta 3, gamma 0.5; no paraphrases, no function words. Tokens are the PTB tokens of the
other caption metrics; of several references the best score counts; of a corpus the mean over captions.

Tolerance: the package computes. Needs nltk (the extra `captions`) and its data "wordnet" (`python -m nltk.downloader
wordnet`); without them the metric is listed as not computed, and nothing is downloaded.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Sequence
from typing import Any

from vlmeval.metrics.batched import BatchedMean, Caption
from vlmeval.types import MetricInfo


class MeteorNltk(BatchedMean):
    """The mean over captions of nltk's METEOR."""

    info = MetricInfo(
        name="meteor_nltk",
        title="METEOR (nltk)",
        scale=100.0,
        source="nltk 3.9, translate/meteor_score.py (Banerjee and Lavie 2005)",
        signature="meteor:nltk|ptb",
    )

    def lacks(self) -> str:
        """Return what is missing to compute it, "" for nothing."""
        if importlib.util.find_spec("nltk") is None:
            return "no nltk"
        return "" if _wordnet() is not None else "no WordNet"

    def _each(self, captions: Sequence[Caption]) -> list[float]:
        wordnet = _wordnet()
        if wordnet is None:
            raise ValueError(self.lacks())
        score = importlib.import_module("nltk.translate.meteor_score").meteor_score
        return [
            float(score([text.split() for text in references], caption.split(), wordnet=wordnet))
            for caption, references in captions
        ]


def _wordnet() -> Any:
    """Return nltk's WordNet, None where its data are not here."""
    wordnet = importlib.import_module("nltk.corpus").wordnet
    try:
        wordnet.ensure_loaded()
    except LookupError:
        return None
    return wordnet

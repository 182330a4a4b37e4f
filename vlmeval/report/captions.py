"""Captions on a run's page: each as the scorers see it, with its own scores and the n-grams that a reference has too.

Words are PTB tokens (`vlmeval.metrics.ptb`): what BLEU, ROUGE-L and CIDEr compare. A word is marked with the length, 1
to 4, of the longest n-gram through it that matches: one of the caption is in any of the references, one of a reference
is in the caption.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from vlmeval.metrics.ngrams import LONGEST
from vlmeval.metrics.ptb import tokenize
from vlmeval.store.results import ScoredSample
from vlmeval.types import Metric, Output

Mark = tuple[str, int]
LONGEST_CAPTION = 20_000
"""Characters of a caption that are shown in full words; a longer one is cut."""


def is_captioning(kind: str) -> bool:
    """Tell whether the page of a run of this kind has the view of captions."""
    return kind == "caption"


def caption_data(sample: ScoredSample, metrics: Sequence[Metric]) -> dict[str, Any] | None:
    """Return a sample's caption as the page's script shows it; None where the model gave none.

    `words` and each of `references` are runs of words with the length of their match, 0 for none; `scores` are pairs of
    a metric's title and the caption's own figure on the metric's scale. Of several replies (epochs) the first is shown,
    and the figures are their means.
    """
    said = next((one for one in sample.passes if isinstance(one.outcome, Output)), None)
    if said is None or not sample.references:
        return None
    caption = tokenize((said.value if isinstance(said.value, str) else "")[:LONGEST_CAPTION]).split()
    references = [tokenize(text[:LONGEST_CAPTION]).split() for text in sample.references]
    known = ngrams(references)
    own = ngrams([caption])
    return {
        "words": runs(caption, marks(caption, known)),
        "references": [runs(words, marks(words, own)) for words in references],
        "scores": list(own_scores(sample, metrics)),
    }


def ngrams(texts: Iterable[Sequence[str]]) -> set[tuple[str, ...]]:
    """Return the n-grams of the texts, n = 1..4."""
    return {
        tuple(words[start : start + order])
        for words in texts
        for order in range(1, LONGEST + 1)
        for start in range(len(words) - order + 1)
    }


def marks(words: Sequence[str], known: set[tuple[str, ...]]) -> list[int]:
    """Return for each word the length of the longest n-gram through it that is among `known`, 0 for none."""
    found = [0] * len(words)
    for order in range(1, LONGEST + 1):
        for start in range(len(words) - order + 1):
            if tuple(words[start : start + order]) in known:
                found[start : start + order] = [order] * order
    return found


def runs(words: Sequence[str], lengths: Sequence[int]) -> list[Mark]:
    """Return the words, joined by blanks where neighbours have one mark."""
    found: list[Mark] = []
    for word, length in zip(words, lengths, strict=True):
        if found and found[-1][1] == length:
            found[-1] = (f"{found[-1][0]} {word}", length)
        else:
            found.append((word, length))
    return found


def own_scores(sample: ScoredSample, metrics: Sequence[Metric]) -> Iterable[tuple[str, float]]:
    """Yield the title and the figure of each metric that the caption entered, where it has one."""
    for metric in metrics:
        stats: Mapping[str, tuple[float, ...]] = sample.stats
        if metric.info.name not in stats:
            continue
        value = float(metric.value(np.asarray(stats[metric.info.name], dtype=np.float64))) * metric.info.scale
        if np.isfinite(value):
            yield metric.info.title, value

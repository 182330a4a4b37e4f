"""BLEU-1..4 of captions over the whole corpus.

Papineni et al., BLEU (ACL 2002), as in pycocoevalcap 1.2 (salaniz/pycocoevalcap, bleu/bleu_scorer.py, from
tylin/coco-caption): clipped n-gram counts are summed over the corpus; of the reference lengths the closest counts, the
shorter on a tie; 1e-15 is added to what is right and 1e-9 to what was guessed, so that nothing is divided by zero.

Tolerance: equal to 1e-12, for the corpus and for single captions (the value of one sample's statistics is the
program's figure per image). Known difference: no captions at all give NaN.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from vlmeval.metrics.ngrams import LONGEST, CaptionMetric, ngram_counts
from vlmeval.types import MetricInfo

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from vlmeval.metrics.corpus import Corpus

TINY = 1e-15
SMALL = 1e-9


def bleu_counts(caption: str, references: tuple[str, ...]) -> tuple[float, ...]:
    """Return (length, closest reference length, guessed 1..4, right 1..4)."""
    counts = ngram_counts(caption)
    reference_counts = [ngram_counts(reference) for reference in references]
    length = sum(counts[0].values())
    lengths = [sum(reference[0].values()) for reference in reference_counts]
    closest = min(lengths, key=lambda other: (abs(other - length), other))
    right = [
        sum(
            min(count, max(reference[order].get(ngram, 0) for reference in reference_counts))
            for ngram, count in counts[order].items()
        )
        for order in range(LONGEST)
    ]
    guessed = [max(0, length - order) for order in range(LONGEST)]
    return tuple(map(float, (length, closest, *guessed, *right)))


class Bleu(CaptionMetric):
    """BLEU up to `order`."""

    order: ClassVar[int]

    def value(self, total: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return BLEU, shape (...), of summed counts, shape (..., 10)."""
        import numpy as np

        guessed = total[..., 2 : 2 + self.order]
        right = total[..., 2 + LONGEST : 2 + LONGEST + self.order]
        precision = np.prod((right + TINY) / (guessed + SMALL), axis=-1) ** (1 / self.order)
        ratio = (total[..., 0] + TINY) / (total[..., 1] + SMALL)
        value: NDArray[np.float64] = precision * np.exp(np.minimum(0.0, 1 - 1 / ratio))
        return np.where(total[..., 0] + total[..., 1] > 0, value, np.nan)

    def _row(self, caption: str, references: tuple[str, ...]) -> tuple[float, ...]:
        return bleu_counts(caption, references)

    def _columns(self, corpus: Corpus) -> NDArray[np.float64]:
        return corpus.bleu


def _info(order: int) -> MetricInfo:
    return MetricInfo(
        name=f"bleu_{order}",
        title=f"BLEU-{order}",
        scale=100.0,
        source="pycocoevalcap 1.2 (Papineni et al. 2002)",
        signature=f"bleu:{order}|ptb",
    )


class Bleu1(Bleu):
    """BLEU of single words."""

    order = 1
    info = _info(1)


class Bleu2(Bleu):
    """BLEU up to pairs of words."""

    order = 2
    info = _info(2)


class Bleu3(Bleu):
    """BLEU up to triples of words."""

    order = 3
    info = _info(3)


class Bleu4(Bleu):
    """BLEU up to four words, the usual one."""

    order = 4
    info = _info(4)

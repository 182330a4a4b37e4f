"""BLEU-4 as nltk's `corpus_bleu` has it, for those who compare with text summarisation and translation.

nltk 3.9, translate/bleu_score.py, with its defaults: weights 1/4, no smoothing. Words end at white space and are taken
as written, without tokenizer or lower-casing. Beside the BLEU of captions (`bleu_4`): nothing is added to the counts,
so that a text without a match of four words has 0, and a text shorter than four words still counts one guess.

Tolerance: equal to 1e-12, for the corpus and for single texts; nltk gives 2e-308 or so in place of some of these 0.
nltk itself is not needed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vlmeval.metrics.bleu import bleu_counts
from vlmeval.metrics.ngrams import LONGEST, CaptionMetric
from vlmeval.types import MetricInfo

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from vlmeval.metrics.corpus import Corpus

GUESSED, RIGHT = slice(2, 2 + LONGEST), slice(2 + LONGEST, 2 + 2 * LONGEST)


class BleuNltk(CaptionMetric):
    """BLEU-4 of nltk."""

    info = MetricInfo(
        name="bleu_nltk",
        title="BLEU-4 (nltk)",
        scale=100.0,
        source="nltk 3.9, translate/bleu_score.py (Papineni et al. 2002)",
        signature="bleu:4|nltk",
    )

    def __init__(self) -> None:
        super().__init__("none")

    def value(self, total: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return BLEU, shape (...), of summed counts, shape (..., 10)."""
        import numpy as np

        right, guessed = total[..., RIGHT], total[..., GUESSED]
        precision = np.divide(right, guessed, out=np.zeros_like(right), where=guessed > 0)
        mean = np.exp(np.log(np.where(precision > 0, precision, 1.0)).mean(axis=-1)) * (precision > 0).all(axis=-1)
        said, wanted = total[..., 0], total[..., 1]
        ratio = np.divide(wanted, said, out=np.full_like(said, np.inf), where=said > 0)
        value: NDArray[np.float64] = mean * np.exp(np.minimum(0.0, 1 - ratio))
        return np.where(said + wanted > 0, value, np.nan)

    def _row(self, caption: str, references: tuple[str, ...]) -> tuple[float, ...]:
        row = bleu_counts(caption, references)
        return (*row[:2], *(max(1.0, count) for count in row[GUESSED]), *row[RIGHT])

    def _columns(self, corpus: Corpus) -> NDArray[np.float64]:
        import numpy as np

        rows = corpus.bleu.copy()
        rows[:, GUESSED] = np.maximum(rows[:, GUESSED], 1.0)
        return rows

"""CIDEr of captions: cosine similarity of n-grams weighted by how few images have them.

Vedantam et al., CIDEr (CVPR 2015), the variant CIDEr-D, as in pycocoevalcap 1.2 (cider/cider_scorer.py): counts of
the caption are clipped to the reference's, a Gaussian penalty on the difference in length (sigma 6), times 10, the mean
over n = 1..4 and over the references. The weight of an n-gram is log(images) - log(max(1, images whose references have
it)), over the very references that are scored; the length in the penalty is the number of pairs of words.

One image alone gives 0 by definition (its n-grams are in every image, so all weights are 0), and a subset of a corpus
has other weights than the corpus: `--limit` changes every caption's figure. Slices and intervals keep the weights of
the whole run.

Tolerance: equal to 1e-9, per caption and for the mean. Known difference: images without an answer still count in the
weights (the program refuses to run).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Self

from vlmeval.metrics.ngrams import LONGEST, Counts, MeanCaptionMetric, Tokens, ngram_counts
from vlmeval.types import Batch, MetricInfo, Sample

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from vlmeval.metrics.corpus import Corpus, Frequencies

SIGMA = 6.0


class CiderD(MeanCaptionMetric):
    """The mean of CIDEr-D over captions; `fit` must have seen the references of all samples."""

    info = MetricInfo(
        name="cider",
        title="CIDEr",
        scale=100.0,
        source="pycocoevalcap 1.2 (Vedantam et al. 2015, CIDEr-D)",
        signature="cider:d|ptb",
    )

    def __init__(self, tokens: Tokens = "ptb") -> None:
        super().__init__(tokens)
        self._fitted: tuple[Sample, ...] = ()

    def fit(self, samples: Sequence[Sample]) -> Self:
        """Return the metric with the weights that the references of `samples` give; a sample is one image."""
        fitted = type(self)(self._tokens)
        fitted._fitted = tuple(sample for sample in samples if sample.references)
        return fitted

    def stats_many(self, batch: Batch) -> list[tuple[float, ...] | None]:
        """Return the statistics of all samples: at once where they are the fitted ones, else one by one."""
        if tuple(sample.id for sample in batch.samples) == tuple(sample.id for sample in self._fitted):
            return super().stats_many(batch)
        return [self.stats(sample, answers) for sample, answers in zip(batch.samples, batch.answers, strict=True)]

    @cached_property
    def _frequencies(self) -> Frequencies:
        from vlmeval.metrics.corpus import Corpus

        references = [sample.references for sample in self._fitted]
        return Corpus([None] * len(references), references, self._tokens).frequencies()

    def _scores(self, corpus: Corpus) -> NDArray[np.float64]:
        return corpus.cider

    def _row(self, caption: str, references: tuple[str, ...]) -> tuple[float, ...]:
        if not self._fitted:
            raise ValueError("CIDEr was not fitted: its weights come from all references")
        said = ngram_counts(caption)
        said_vectors = [self._vector(counts) for counts in said]
        said_norms = [_norm(vector) for vector in said_vectors]
        total = 0.0
        for reference in references:
            wanted = ngram_counts(reference)
            gap = sum(said[1].values()) - sum(wanted[1].values())
            penalty = math.exp(-(gap**2) / (2 * SIGMA**2))
            for vector, norm, counts in zip(said_vectors, said_norms, wanted, strict=True):
                total += penalty * self._similarity(vector, norm, counts)
        return 10.0 * total / LONGEST / len(references), 1.0

    def _vector(self, counts: Counts) -> dict[tuple[str, ...], float]:
        known = self._frequencies
        rarest = math.log(known.images)
        return {ngram: count * (rarest - math.log(max(1, known.count(ngram)))) for ngram, count in counts.items()}

    def _similarity(self, vector: dict[tuple[str, ...], float], norm: float, counts: Counts) -> float:
        """Return the clipped cosine of a caption's vector of one order and a reference's counts."""
        wanted = self._vector(counts)
        product = sum(min(weight, wanted[ngram]) * wanted[ngram] for ngram, weight in vector.items() if ngram in wanted)
        lengths = norm * _norm(wanted)
        return product / lengths if lengths else product


def _norm(vector: dict[tuple[str, ...], float]) -> float:
    return math.sqrt(sum(weight * weight for weight in vector.values()))

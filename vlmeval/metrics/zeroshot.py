"""Zero-shot classification: the class of an image among the first K (Radford et al. 2021, arXiv:2103.00020, 3.1).

Equal to LAION-AI/CLIP_benchmark metrics/zeroshot_classification.py (acc1, acc5, mean_per_class_recall) where no scores
are tied; a tied class has its expected rank. The answer of a sample is the rank of its best right class.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Self

from vlmeval.metrics.recall import _Recall, answer_of, mean
from vlmeval.types import Answer, MetricInfo, Sample

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SOURCE = "CLIP_benchmark zeroshot_classification"


def _info(first: int) -> MetricInfo:
    return MetricInfo(
        name=f"top_{first}",
        title=f"Top-{first} accuracy",
        scale=100.0,
        source=f"{SOURCE} (acc{first})",
        signature=f"top{first}",
        proportion=True,
    )


class Top1(_Recall):
    """The share of images whose nearest class is right."""

    first, info = 1, _info(1)


class Top5(_Recall):
    """The share of images with a right class among the five nearest."""

    first, info = 5, _info(5)


class ClassMean:
    """The mean over classes of the share of their images whose nearest class is right.

    An image counts 1 / (images of its class): of the whole run, known from the data, so that sums stay two numbers.
    Where images are left out, and in a resample, that is a weighted mean; in a slice the weights are those of the run.
    """

    info = MetricInfo(
        name="class_mean",
        title="Mean per class",
        scale=100.0,
        source=f"{SOURCE} (mean_per_class_recall)",
        signature="top1:classes",
    )

    def __init__(self, sizes: Mapping[str, int] | None = None) -> None:
        """`sizes` are the numbers of images by class; `fit` finds them."""
        self.sizes = dict(sizes or {})

    def fit(self, samples: Sequence[Sample]) -> Self:
        """Return the metric for the classes that `samples` have, by their first reference."""
        return type(self)(Counter(sample.references[0] for sample in samples if sample.references))

    def stats(self, sample: Sample, answers: Sequence[Answer]) -> tuple[float, ...] | None:
        """Return (right / size, 1 / size) of the image's class; None for an image without an answer."""
        rank = answer_of(answers, "")
        if rank is None or not sample.references:
            return None
        weight = 1 / self.sizes.get(sample.references[0], 1)
        return weight * float(rank <= 1), weight

    def value(self, total: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the weighted mean, shape (...), of sums, shape (..., 2); NaN for no images."""
        return mean(total[..., 0], total[..., 1])

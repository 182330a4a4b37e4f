"""Text, image and group score of pairs: Thrush et al. 2022, Winoground, arXiv:2204.03162, section 3.2.

Text score: each image prefers its own caption. Image score: each caption prefers its own image. Group score: both.
With one image (SugarCrepe, RAIVNLab/sugar-crepe main_eval.py) the text score is the share of images that prefer the
right caption to the hard negative. A tie is not preferred. Chance: 25, 25 and 16.67; with one image 50.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Self

from vlmeval.metrics.recall import mean
from vlmeval.types import Answer, MetricInfo, Sample

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class _PairScore:
    info: MetricInfo
    by_text: ClassVar[bool] = False
    by_image: ClassVar[bool] = False

    def fit(self, samples: Sequence[Sample]) -> Self:
        """Return this metric: it needs nothing of the other samples."""
        return self

    def stats(self, sample: Sample, answers: Sequence[Answer]) -> tuple[float, ...] | None:
        """Return (right, 1); None without similarities, and where one image alone gives no image score."""
        values = next((answer.value for answer in answers if not answer.variant), None)
        if not isinstance(values, tuple) or len(values) not in (2, 4):
            return None
        scores = [float(value) for value in values]
        if len(scores) == 2:
            return None if self.by_image else (float(scores[0] > scores[1]), 1.0)
        own_0, cross_01, cross_10, own_1 = scores  # caption 0 with image 0 and 1, caption 1 with image 0 and 1
        text = own_0 > cross_10 and own_1 > cross_01
        image = own_0 > cross_01 and own_1 > cross_10
        return float((text or not self.by_text) and (image or not self.by_image)), 1.0

    def value(self, total: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the shares, shape (...), of sums, shape (..., 2); NaN for no samples."""
        return mean(total[..., 0], total[..., 1])


def _info(name: str) -> MetricInfo:
    return MetricInfo(
        name=f"{name}_score",
        title=f"{name.capitalize()} score",
        scale=100.0,
        source="Winoground section 3.2",
        signature=f"{name}_score",
        proportion=True,
    )


class TextScore(_PairScore):
    """The share of samples whose images prefer their own captions."""

    by_text, info = True, _info("text")


class ImageScore(_PairScore):
    """The share of samples whose captions prefer their own images."""

    by_image, info = True, _info("image")


class GroupScore(_PairScore):
    """The share of samples with both."""

    by_text, by_image, info = True, True, _info("group")

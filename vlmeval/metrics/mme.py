"""MME's scores: for each category accuracy and accuracy+ (both questions about an image right), in points of 100 each.

    mme_perception   sum over the 10 categories of perception, at most 2,000
    mme_cognition    sum over the 4 categories of cognition, at most 800 (VLMEvalKit calls it reasoning)
    mme_total        their sum; within a category's slice, that category's score, at most 200

Fu et al. 2023, MME, arXiv:2306.13394, section 2.2; its eval_tool/calculation.py; VLMEvalKit's MME_rating at c03bc04.
Tolerance: equal to an independent reading of these programs to 1e-9. Known differences: they take for a pair what
stands in two lines or has one image_path, and stop (or take the first two) where it is not two questions; here such a
group is counted in accuracy and has no accuracy+. A sum that lacks a category is no figure: there is none. An answer
that is neither is wrong ("other"). How pairs fit samples that are single questions: `vlmeval.metrics.grouped`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Self

from vlmeval.metrics.grouped import Row, verdicts
from vlmeval.metrics.yesno import gold_of, quotient, share_right
from vlmeval.types import Answer, MetricInfo, Sample

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

PERCEPTION = (
    "existence", "count", "position", "color", "posters", "celebrity", "scene", "landmark", "artwork", "OCR",
)  # fmt: skip
COGNITION = ("commonsense_reasoning", "numerical_calculation", "text_translation", "code_reasoning")
QUESTIONS_AN_IMAGE = 2
COUNTS = 4
POINTS = 100.0
_SOURCE = "Fu et al. 2023, arXiv:2306.13394; MME eval_tool/calculation.py; VLMEvalKit MME_rating at c03bc04"


class _Score:
    """A sum over categories. Statistics: (right, questions, right pairs, pairs) for each of `categories`."""

    info: ClassVar[MetricInfo]
    categories: ClassVar[tuple[str, ...]]
    single: ClassVar[bool] = False

    def fit(self, samples: Sequence[Sample]) -> Self:
        """Return the metric as it is: the categories are the benchmark's."""
        return self

    def stats(self, sample: Sample, answers: Sequence[Answer]) -> tuple[float, ...] | None:
        """Return the sample's row without pairs; None where the gold is hidden or the category is none of these.

        Raises ValueError for a category that MME does not have.
        """
        category = sample.tags.get("category", "")
        if category not in PERCEPTION and category not in COGNITION:
            raise ValueError(f'"{category}" is no category of MME')
        if category not in self.categories or gold_of(sample) is None:
            return None
        return self._row(category, (share_right(sample, answers), 1.0, 0.0, 0.0))

    def spread(self, samples: Sequence[Sample], rows: Sequence[Row | None]) -> list[Row | None]:
        """Return the rows with each sample's half of the verdict on its pair."""
        keys = [(sample.tags.get("category", ""), sample.cluster or sample.id) for sample in samples]
        right = [None if row is None else sum(row[0::COUNTS]) for row in rows]
        parts = verdicts(keys, right, size=QUESTIONS_AN_IMAGE)
        return [
            None if right_one is None else self._row(category, (right_one, 1.0, *part))
            for right_one, (category, _), part in zip(right, keys, parts, strict=True)
        ]

    def value(self, total: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the sums, shape (...), of totals, shape (..., 4 x categories); NaN where a category is missing.

        Where `single`, a total of one category has that category's score.
        """
        import numpy as np

        blocks = total.reshape(*total.shape[:-1], -1, COUNTS)
        scores = POINTS * (quotient(blocks[..., 0], blocks[..., 1]) + quotient(blocks[..., 2], blocks[..., 3]))
        sums: NDArray[np.float64] = scores.sum(axis=-1)
        if not self.single:
            return sums
        there = blocks[..., 1] > 0
        alone = np.where(there, scores, 0.0).sum(axis=-1)
        return np.where(there.sum(axis=-1) == 1, alone, sums)

    def _row(self, category: str, counts: Sequence[float]) -> Row:
        row = [0.0] * (COUNTS * len(self.categories))
        place = self.categories.index(category)
        row[COUNTS * place : COUNTS * (place + 1)] = counts
        return tuple(row)


class MmePerception(_Score):
    """The sum of the ten categories of perception."""

    info = MetricInfo("mme_perception", "MME perception", source=_SOURCE, signature="mme_perception")
    categories = PERCEPTION


class MmeCognition(_Score):
    """The sum of the four categories of cognition."""

    info = MetricInfo("mme_cognition", "MME cognition", source=_SOURCE, signature="mme_cognition")
    categories = COGNITION


class MmeTotal(_Score):
    """The sum of all fourteen categories; within a category's slice, its score."""

    info = MetricInfo("mme_total", "MME total", source=_SOURCE, signature="mme_total")
    categories = (*PERCEPTION, *COGNITION)
    single = True

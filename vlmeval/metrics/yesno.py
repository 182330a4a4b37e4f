"""Yes/no questions as a detector is measured: "yes" is the positive answer, and what a model says is counted.

The statistics of a sample are (tp, fp, tn, fn, counted), so that

    yesno_accuracy   (tp + tn) / counted
    precision        tp / (tp + fp)            recall   tp / (tp + fn)         f1   2 tp / (2 tp + fp + fn)
    yes_ratio        (tp + fp) / counted: of the answers given, not of the gold (which is always near one half)
    pope_f1          the mean of the categories' F1, POPE's figure in papers (random, popular, adversarial)
    precision_no, recall_no, f1_no   the same with "no" as the positive answer: AMBER measures what a model denies

An unparsed answer is right nowhere: on a "yes" it is a miss (fn), on a "no" it is counted and nothing else, because
nothing was claimed to be there. That is also what VLMEvalKit's POPE figures do with "Unknown"; its Overall is `f1` over
samples that are a question and a category each, as the benchmark builds them.

Official programs: haotian-liu/LLaVA llava/eval/eval_pope.py; open-compass/VLMEvalKit POPE_rating at c03bc04. Tolerance:
equal on the recorded cases, per sample and to 1e-12. Known difference: where a figure is 0/0 LLaVA's program stops and
VLMEvalKit's says 0; here precision is 0 where no "yes" was given, others have no figure. Li et al. 2023, Evaluating
Object Hallucination in Large Vision-Language Models, EMNLP 2023, arXiv:2305.10355, section 5.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, Self

from vlmeval.types import Answer, MetricInfo, Sample

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

YES, NO = "yes", "no"
COUNTS = 5
_AMBER = "Wang et al. 2023, arXiv:2311.07397; junyangwang0410/AMBER inference.py"
_POPE = "Li et al. 2023, arXiv:2305.10355; haotian-liu/LLaVA llava/eval/eval_pope.py"


def gold_of(sample: Sample) -> str | None:
    """Return the gold, None where it is hidden. Raises ValueError where it is neither yes nor no."""
    if not sample.references:
        return None
    if sample.references[0] not in (YES, NO):
        raise ValueError(f'the gold is "{sample.references[0][:40]}", expected yes or no')
    return sample.references[0]


def share_right(sample: Sample, answers: Sequence[Answer]) -> float:
    """Return the share of the answers (epochs) that are the gold, 0 without any."""
    gold = gold_of(sample)
    return sum(answer.value == gold for answer in answers) / len(answers) if answers else 0.0


def confusion(sample: Sample, answers: Sequence[Answer], *, positive: str = YES) -> tuple[float, ...] | None:
    """Return (tp, fp, tn, fn, 1) of a sample, averaged over several answers; None where the gold is hidden."""
    gold = gold_of(sample)
    if gold is None:
        return None
    given = [answer.value for answer in answers] or [None]
    claimed = given.count(positive) / len(given)
    if gold == positive:
        return claimed, 0.0, 0.0, 1.0 - claimed, 1.0
    return 0.0, claimed, given.count(gold) / len(given), 0.0, 1.0


def quotient(part: NDArray[np.float64], whole: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return part / whole, NaN where the whole is 0."""
    import numpy as np

    found: NDArray[np.float64] = np.full(whole.shape, np.nan)
    np.divide(part, whole, out=found, where=whole > 0)
    return found


def f1_of(total: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return F1, shape (...), of counts, shape (..., 5); 0 without a hit, NaN where there is nothing to find or say."""
    return quotient(2 * total[..., 0], 2 * total[..., 0] + total[..., 1] + total[..., 3])


class _Detection(ABC):
    """A quotient of the counts (tp, fp, tn, fn, counted) for the `positive` answer."""

    info: ClassVar[MetricInfo]
    positive: ClassVar[str] = YES

    def fit(self, samples: Sequence[Sample]) -> Self:
        """Return the metric as it is: it needs nothing of the references as a whole."""
        return self

    def stats(self, sample: Sample, answers: Sequence[Answer]) -> tuple[float, ...] | None:
        """Return (tp, fp, tn, fn, counted), or None where the gold is hidden."""
        return confusion(sample, answers, positive=self.positive)

    @abstractmethod
    def value(self, total: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the values, shape (...), of totals, shape (..., 5)."""


class YesNoAccuracy(_Detection):
    """The share of samples answered right."""

    info = MetricInfo(
        "yesno_accuracy", "Accuracy", scale=100.0, source=_POPE, signature="yesno_accuracy", proportion=True
    )

    def value(self, total: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return (tp + tn) / counted."""
        return quotient(total[..., 0] + total[..., 2], total[..., 4])


class Precision(_Detection):
    """How many of the given "yes" are right."""

    info = MetricInfo("precision", "Precision of yes", scale=100.0, source=_POPE, signature="precision")

    def value(self, total: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return tp / (tp + fp), 0 where nothing was claimed."""
        import numpy as np

        share = quotient(total[..., 0], total[..., 0] + total[..., 1])
        return np.where(np.isnan(share) & (total[..., 4] > 0), 0.0, share)


class Recall(_Detection):
    """How many of the questions to be answered "yes" were."""

    info = MetricInfo("recall", "Recall of yes", scale=100.0, source=_POPE, signature="recall")

    def value(self, total: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return tp / (tp + fn)."""
        return quotient(total[..., 0], total[..., 0] + total[..., 3])


class F1(_Detection):
    """The harmonic mean of precision and recall, over all samples."""

    info = MetricInfo(
        "f1", "F1 of yes", scale=100.0, source=f"{_POPE}; VLMEvalKit POPE_rating at c03bc04", signature="f1"
    )

    def value(self, total: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return 2 tp / (2 tp + fp + fn)."""
        return f1_of(total)


class PrecisionNo(Precision):
    """How many of the given "no" are right."""

    info = MetricInfo("precision_no", "Precision of no", scale=100.0, source=_AMBER, signature="precision_no")
    positive = NO


class RecallNo(Recall):
    """How many of the questions to be answered "no" were."""

    info = MetricInfo("recall_no", "Recall of no", scale=100.0, source=_AMBER, signature="recall_no")
    positive = NO


class F1No(F1):
    """The harmonic mean of precision and recall of "no"; AMBER's program rounds both and adds 0.0001 to their sum."""

    info = MetricInfo("f1_no", "F1 of no", scale=100.0, source=_AMBER, signature="f1_no")
    positive = NO


class YesRatio(_Detection):
    """The share of samples that were answered "yes". Neither much nor little of it is good by itself."""

    info = MetricInfo("yes_ratio", "Share of yes among the answers", scale=100.0, source=_POPE, signature="yes_ratio")

    def value(self, total: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return (tp + fp) / counted."""
        return quotient(total[..., 0] + total[..., 1], total[..., 4])


class PopeF1:
    """The mean of the categories' F1, each category counting the same. Within a category's slice, its F1.

    Statistics: five counts a category, in the sorted order of the tag `category` over all samples; zeros but in the
    sample's own. A category without samples (in a slice, in a resample) is left out of the mean.
    """

    info = MetricInfo("pope_f1", "Mean F1 over the categories", scale=100.0, source=_POPE, signature="pope_f1")

    def __init__(self, categories: Mapping[str, int] | None = None) -> None:
        """`categories` numbers the values of the tag; `fit` finds them."""
        self.categories = dict(categories or {})

    def fit(self, samples: Sequence[Sample]) -> Self:
        """Return the metric for the categories that `samples` have; a sample without one is of the category ""."""
        found = sorted({sample.tags.get("category", "") for sample in samples})
        return type(self)({name: place for place, name in enumerate(found)})

    def stats(self, sample: Sample, answers: Sequence[Answer]) -> tuple[float, ...] | None:
        """Return 5 counts a category, or None where the gold is hidden or the category was not fitted."""
        counts, place = confusion(sample, answers), self.categories.get(sample.tags.get("category", ""))
        if counts is None or place is None:
            return None
        row = [0.0] * (COUNTS * len(self.categories))
        row[COUNTS * place : COUNTS * (place + 1)] = counts
        return tuple(row)

    def value(self, total: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the means, shape (...), of totals, shape (..., 5 x categories); NaN where a category has no F1."""
        import numpy as np

        blocks = total.reshape(*total.shape[:-1], -1, COUNTS)
        there = blocks[..., 4] > 0
        scores = np.where(there, f1_of(blocks), 0.0)
        return quotient(scores.sum(axis=-1), there.sum(axis=-1).astype(np.float64))

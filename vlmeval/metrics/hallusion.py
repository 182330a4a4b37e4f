"""HallusionBench's accuracies: of answers, of figures and of questions.

    a_acc   share of answers that are right
    f_acc   share of figures all of whose questions are answered right; a figure is (l2-category, set, figure)
    q_acc   share of questions that are answered right on every figure of their set: (l2-category, set, question)
    hallusion_mean   the mean of the three, the figure of leaderboards and model cards

Guan et al. 2024, HallusionBench, CVPR 2024, arXiv:2310.14566, section 4; open-compass/VLMEvalKit Hallusion_rating at
c03bc04. Tolerance: equal on the recorded cases, overall and by category, to 1e-12. How groups fit samples that are
single questions: `vlmeval.metrics.grouped`. Samples name their groups in the fields set_id, figure_id and question_id
and in the tag l2-category; one without them is a group of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Self

from vlmeval.metrics.grouped import Row, counted, verdict_each, verdicts
from vlmeval.metrics.yesno import gold_of, quotient, share_right
from vlmeval.types import Answer, MetricInfo, Sample

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

ANSWER: tuple[str, ...] = ()
FIGURE = ("set_id", "figure_id")
QUESTION = ("set_id", "question_id")
_SOURCE = "Guan et al. 2024, arXiv:2310.14566; open-compass/VLMEvalKit Hallusion_rating at c03bc04"


def group_key(sample: Sample, fields: Sequence[str]) -> tuple[str, ...]:
    """Return what names the group of `sample` by `fields`; its id where it lacks one of them."""
    if any(name not in sample.fields for name in fields):
        return ("", sample.id)
    return (sample.tags.get("l2-category", ""), *(sample.fields[name] for name in fields))


class _GroupAccuracy:
    """The mean, over one or more ways to group, of the share of groups that are all right.

    Statistics: (right, counted) for each way, filled in by `spread`.
    """

    info: ClassVar[MetricInfo]
    ways: ClassVar[tuple[tuple[str, ...], ...]]

    def fit(self, samples: Sequence[Sample]) -> Self:
        """Return the metric as it is: groups are known from the samples themselves."""
        return self

    def stats(self, sample: Sample, answers: Sequence[Answer]) -> tuple[float, ...] | None:
        """Return (right, 1) for each way, as if the sample were its own group; None where the gold is hidden."""
        return None if gold_of(sample) is None else (share_right(sample, answers), 1.0) * len(self.ways)

    def spread(self, samples: Sequence[Sample], rows: Sequence[Row | None]) -> list[Row | None]:
        """Return the rows with each sample's part in the verdicts on its groups."""
        right = [None if row is None else row[0] for row in rows]
        parts = [
            verdicts([group_key(sample, way) for sample in samples], right) if way else verdict_each(right)
            for way in self.ways
        ]
        return counted(tuple(number for part in own for number in part) for own in zip(*parts, strict=True))

    def value(self, total: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the means of the shares, shape (...), of totals, shape (..., 2 x ways)."""
        return quotient(total[..., 0::2], total[..., 1::2]).mean(axis=-1)  # type: ignore[no-any-return]


class AnswerAccuracy(_GroupAccuracy):
    """The share of answers that are right."""

    info = MetricInfo("a_acc", "aAcc", scale=100.0, source=_SOURCE, signature="a_acc", proportion=True)
    ways = (ANSWER,)


class FigureAccuracy(_GroupAccuracy):
    """The share of figures whose questions are all answered right."""

    info = MetricInfo("f_acc", "fAcc", scale=100.0, source=_SOURCE, signature="f_acc", proportion=True)
    ways = (FIGURE,)


class QuestionAccuracy(_GroupAccuracy):
    """The share of questions that are answered right on all figures of their set."""

    info = MetricInfo("q_acc", "qAcc", scale=100.0, source=_SOURCE, signature="q_acc", proportion=True)
    ways = (QUESTION,)


class HallusionMean(_GroupAccuracy):
    """The mean of the three accuracies."""

    info = MetricInfo(
        "hallusion_mean", "Mean of aAcc, fAcc and qAcc", scale=100.0, source=_SOURCE, signature="hallusion_mean"
    )
    ways = (ANSWER, FIGURE, QUESTION)

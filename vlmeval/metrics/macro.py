"""Means over groups of samples, each group counting the same: MMT-Bench's and BLINK's figures over sub-tasks.

The statistics of a sample are (right, counted) in the place of its group and zeros elsewhere, so sums stay sums; the
value is the mean of the shares of those groups that have a sample. Within a slice that is the mean over the groups
inside it: MMT-Bench's abilities (open-compass/VLMEvalKit, report_acc_MMT; equal on its recorded cases). In a resample
of an interval a group that was not drawn is left out of the mean.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, Self

from vlmeval.metrics.accuracy import is_right
from vlmeval.types import Answer, MetricInfo, Sample

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class MacroAccuracy:
    """The mean, over the values of one tag, of the share of samples answered right. Subclasses name the tag."""

    info: MetricInfo
    tag: ClassVar[str]

    def __init__(self, groups: Mapping[str, int] | None = None) -> None:
        """`groups` numbers the values of the tag, in any order; `fit` finds them."""
        self.groups = dict(groups or {})

    def fit(self, samples: Sequence[Sample]) -> Self:
        """Return the metric for the values of the tag that `samples` have."""
        found = sorted({sample.tags[self.tag] for sample in samples if self.tag in sample.tags})
        return type(self)({value: place for place, value in enumerate(found)})

    def stats(self, sample: Sample, answers: Sequence[Answer]) -> tuple[float, ...] | None:
        """Return 2 numbers a group, right and counted; None for a sample without gold or without the tag."""
        group = self.groups.get(sample.tags.get(self.tag, ""))
        if group is None or not sample.references:
            return None
        right = sum(is_right(sample, answer) for answer in answers)
        row = [0.0] * (2 * len(self.groups))
        row[2 * group : 2 * group + 2] = [right / len(answers) if answers else 0.0, 1.0]
        return tuple(row)

    def value(self, total: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the means, shape (...), of totals, shape (..., 2 x groups); NaN where nothing is counted."""
        import numpy as np

        # Within a slice most groups are empty in all resamples.
        live = np.flatnonzero(total.reshape(-1, total.shape[-1])[:, 1::2].any(axis=0))
        right, counted = total[..., 2 * live], total[..., 2 * live + 1]
        shares = np.divide(right, counted, out=np.zeros(right.shape), where=counted > 0)
        filled = (counted > 0).sum(axis=-1)
        means: NDArray[np.float64] = np.full(filled.shape, np.nan)
        np.divide(shares.sum(axis=-1), filled, out=means, where=filled > 0)
        return means


class MacroCategory(MacroAccuracy):
    """The mean of the accuracies of the tag `category`."""

    tag = "category"
    info = MetricInfo(
        "macro_category",
        "Mean of the categories' accuracies",
        scale=100.0,
        source="open-compass/VLMEvalKit report_acc_MMT; Fu et al., BLINK, arXiv:2404.12390",
        signature="macro_category",
    )

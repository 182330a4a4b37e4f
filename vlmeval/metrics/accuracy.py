"""Accuracies: shares of samples, or of passes, that are right.

    circular       a sample is right when every pass over its options is (CircularEval, Liu et al., arXiv:2307.06281;
                   VLMEvalKit's and the MMBench server's figure); of several epochs, the share in which it is
    vanilla        its first pass is right; of several epochs, the share
    vanilla_all    share of all passes that are right
    accuracy       its only pass is right; of several epochs, the share that is
    exact_match    the reply equals a reference, but for case, blanks and a closing full stop
    verbatim       the value is a reference, character by character: the kind has given it the gold's form (MathVista)

An unparsed answer is not right; that it was unparsed is counted elsewhere. A sample without references does not enter.
All are equal to the official programs on the recorded cases, per sample. Known difference: a group of passes that is
incomplete in the file is never a hit (VLMEvalKit takes the rows it finds for all there are).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Self

from vlmeval.data.circular import is_whole
from vlmeval.data.variants import by_epoch, pass_of
from vlmeval.metrics.open_answer import matches
from vlmeval.types import Answer, MetricInfo, Sample

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FIRST_VARIANT = "rot0"


def is_right(sample: Sample, answer: Answer) -> bool:
    """Tell whether the answer is one of the references; a free answer to an open question is compared as MMMU does."""
    if answer.value is None:
        return False
    if sample.choices or not isinstance(answer.value, str):
        return answer.value in sample.references
    return matches(answer.value, sample.references)


class Share(ABC):
    """A share: the statistics are (right, counted), the value is their quotient, NaN for nothing counted."""

    info: MetricInfo

    def fit(self, samples: Sequence[Sample]) -> Self:
        """Return the metric as it is: it needs nothing of the references as a whole."""
        return self

    def stats(self, sample: Sample, answers: Sequence[Answer]) -> tuple[float, ...] | None:
        """Return (right, counted) of the sample, or None where its gold is hidden."""
        return self._counted(sample, answers) if sample.references else None

    def value(self, total: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return right / counted, shape (...), of totals, shape (..., 2)."""
        import numpy as np

        counted = total[..., 1]
        share: NDArray[np.float64] = np.full(counted.shape, np.nan)
        np.divide(total[..., 0], counted, out=share, where=counted > 0)
        return share

    @abstractmethod
    def _counted(self, sample: Sample, answers: Sequence[Answer]) -> tuple[float, float]:
        """Return (right, counted) of a sample with gold."""


class Circular(Share):
    """A sample is right when all passes it needs were answered, and all of them right."""

    info = MetricInfo(
        "circular",
        "CircularEval accuracy",
        scale=100.0,
        source="Liu et al., MMBench, arXiv:2307.06281; open-compass/VLMEvalKit",
        signature="circular",
        proportion=True,
    )

    def _counted(self, sample: Sample, answers: Sequence[Answer]) -> tuple[float, float]:
        needed = _passes(sample)
        rounds = [[is_right(sample, answer) for answer in one] for one in by_epoch(answers)]
        hits = sum(all(right) and len(right) == needed for right in rounds)
        return (hits / len(rounds) if rounds else 0.0), 1.0


class Vanilla(Share):
    """The first pass is right. A group whose first pass is missing in the file starts at the first row it has."""

    info = MetricInfo(
        "vanilla",
        "Accuracy of the first pass",
        scale=100.0,
        source="arXiv:2307.06281",
        signature="vanilla",
        proportion=True,
    )

    def _counted(self, sample: Sample, answers: Sequence[Answer]) -> tuple[float, float]:
        rounds = by_epoch(answers)
        hits = sum(
            any(pass_of(answer.variant, FIRST_VARIANT) == FIRST_VARIANT and is_right(sample, answer) for answer in one)
            for one in rounds
        )
        return (hits / len(rounds) if rounds else 0.0), 1.0


class VanillaAll(Share):
    """The share of passes that are right. A sample counts as many passes as it has answers."""

    info = MetricInfo(
        "vanilla_all", "Accuracy over all passes", scale=100.0, source="arXiv:2307.06281", signature="vanilla_all"
    )

    def _counted(self, sample: Sample, answers: Sequence[Answer]) -> tuple[float, float]:
        return float(sum(is_right(sample, answer) for answer in answers)), float(len(answers))


class Accuracy(Share):
    """The only pass is right; of several epochs, the share of them that is."""

    info = MetricInfo("accuracy", "Accuracy", scale=100.0, signature="accuracy", proportion=True)

    def _counted(self, sample: Sample, answers: Sequence[Answer]) -> tuple[float, float]:
        right = sum(is_right(sample, answer) for answer in answers)
        return (right / len(answers) if answers else 0.0), 1.0


class ExactMatch(Share):
    """The reply equals a reference once case, runs of blanks and one closing full stop are gone."""

    info = MetricInfo("exact_match", "Exact match", scale=100.0, signature="exact_match", proportion=True)

    def _counted(self, sample: Sample, answers: Sequence[Answer]) -> tuple[float, float]:
        golds = {_folded(reference) for reference in sample.references}
        right = sum(isinstance(answer.value, str) and _folded(answer.value) in golds for answer in answers)
        return (right / len(answers) if answers else 0.0), 1.0


class Verbatim(Share):
    """The answer's value is a reference, character by character: a letter, or what the kind made of the reply."""

    info = MetricInfo(
        "verbatim",
        "Accuracy",
        scale=100.0,
        source="lupantech/MathVista evaluation/calculate_score.py",
        signature="verbatim",
        proportion=True,
    )

    def _counted(self, sample: Sample, answers: Sequence[Answer]) -> tuple[float, float]:
        right = sum(answer.value in sample.references for answer in answers)
        return (right / len(answers) if answers else 0.0), 1.0


def _passes(sample: Sample) -> int | None:
    """Return how many passes must be right: a whole group of a file, None for one with gaps, else one an option."""
    if sample.rotations:
        return len(sample.rotations) if is_whole([one.order for one in sample.rotations]) else None
    return sum(1 for choice in sample.choices if choice) or 1


def _folded(text: str) -> str:
    return " ".join(text.casefold().split()).removesuffix(".")

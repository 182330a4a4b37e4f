"""Several tries at one question: was one of k right (pass@k), and was the most frequent answer right (majority).

    pass@k = 1 - C(n - c, k) / C(n, k)    of n tries with c right

the unbiased estimate of Chen et al., Evaluating Large Language Models Trained on Code (arXiv:2107.03374), section 2.1.
A sample with fewer than k tries does not enter. The majority is Wang et al.'s self-consistency (arXiv:2203.11171):
equal answers are counted together, an unparsed one has no vote; of answers with equally many votes each counts its
share, so that nothing is drawn. Right is what `accuracy` calls right.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import comb
from typing import ClassVar

from vlmeval.metrics.accuracy import is_right
from vlmeval.metrics.mean import Mean
from vlmeval.types import Answer, MetricInfo, Sample

CHEN = "Chen et al. 2021, arXiv:2107.03374, section 2.1"


def pass_at(tries: int, right: int, k: int) -> float:
    """Return the chance that one of `k` of the `tries`, of which `right` are right, is right; 1 <= k <= tries."""
    return 1.0 - comb(tries - right, k) / comb(tries, k)


class PassAt(Mean):
    """pass@k; statistics (pass@k, samples)."""

    k: ClassVar[int]

    def stats(self, sample: Sample, answers: Sequence[Answer]) -> tuple[float, ...] | None:
        """Return (pass@k, 1), or None without a reference or with fewer than k tries."""
        if not sample.references or len(answers) < self.k:
            return None
        right = sum(is_right(sample, answer) for answer in answers)
        return pass_at(len(answers), right, self.k), 1.0


class Pass1(PassAt):
    """pass@1: the mean over tries."""

    info = MetricInfo("pass_1", "pass@1", scale=100.0, source=CHEN, signature="pass@1", proportion=True)
    k = 1


class Pass2(PassAt):
    """pass@2."""

    info = MetricInfo("pass_2", "pass@2", scale=100.0, source=CHEN, signature="pass@2", proportion=True)
    k = 2


class Pass4(PassAt):
    """pass@4."""

    info = MetricInfo("pass_4", "pass@4", scale=100.0, source=CHEN, signature="pass@4", proportion=True)
    k = 4


class Pass8(PassAt):
    """pass@8."""

    info = MetricInfo("pass_8", "pass@8", scale=100.0, source=CHEN, signature="pass@8", proportion=True)
    k = 8


class Majority(Mean):
    """Whether the most frequent answer is right; statistics (right, samples)."""

    info = MetricInfo(
        "majority",
        "Accuracy of the most frequent answer",
        scale=100.0,
        source="Wang et al. 2022, arXiv:2203.11171",
        signature="majority",
        proportion=True,
    )

    def stats(self, sample: Sample, answers: Sequence[Answer]) -> tuple[float, ...] | None:
        """Return (right, 1), or None without a reference or an answer."""
        if not sample.references or not answers:
            return None
        votes: dict[object, list[Answer]] = {}
        for answer in answers:
            if answer.value is not None:
                votes.setdefault(_ballot(answer), []).append(answer)
        most = max(map(len, votes.values()), default=0)
        leaders = [cast[0] for cast in votes.values() if len(cast) == most]
        right = sum(is_right(sample, answer) for answer in leaders)
        return (right / len(leaders) if leaders else 0.0), 1.0


def _ballot(answer: Answer) -> object:
    """Return what two equal answers share: a text but for case and blanks."""
    return " ".join(answer.value.casefold().split()) if isinstance(answer.value, str) else answer.value

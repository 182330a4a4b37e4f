"""Several tries at one question: was one of k right (pass@k), and was the most frequent answer right (majority).

    pass@k = 1 - C(n - c, k) / C(n, k)    of n tries with c right

the unbiased estimate of Chen et al., Evaluating Large Language Models Trained on Code (arXiv:2107.03374), section 2.1.
Where a try is more or less right (VQA accuracy, ANLS) it is the mean, over all k of the n tries, of the best one's
score, which is the same where scores are 0 and 1. A sample with fewer than k tries does not enter. The majority is Wang
et al.'s self-consistency (arXiv:2203.11171): equal answers are counted together, an unparsed one has no vote; of
answers with equally many votes each counts its share, so that nothing is drawn. With CircularEval a try is all passes
of an epoch, and tries are equal where they are in every pass.

How right a try is says another metric (`over`): the task's primary one, or its first one that scores single samples.
Alone it is `accuracy`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import comb
from typing import ClassVar, Self

import msgspec

from vlmeval.data.variants import by_epoch, pass_of
from vlmeval.metrics.accuracy import Accuracy, Share
from vlmeval.metrics.mean import Mean
from vlmeval.registry import METRICS
from vlmeval.types import Answer, Metric, MetricInfo, Sample

CHEN = "Chen et al. 2021, arXiv:2107.03374, section 2.1"


def best_of(scores: Sequence[float], k: int) -> float:
    """Return the mean of the best score over all choices of `k` of the `scores`; 1 <= k <= n.

    In ascending order the score at place i is the best of C(i, k - 1) choices.
    """
    return sum(score * comb(place, k - 1) for place, score in enumerate(sorted(scores))) / comb(len(scores), k)


def metrics_of_tries(epochs: int) -> tuple[str, ...]:
    """Return the names of the metrics that so many tries allow; () for one."""
    if epochs == 1:
        return ()
    return (*(f"pass_{k}" for k in (2, 4, 8) if k <= epochs), "majority")


def loaded_metric(name: str, among: Iterable[str]) -> Metric:
    """Return the metric `name`; one of several tries measures them by the first of `among` that scores single samples.

    Raises ConfigError for an unknown name.
    """
    metric: Metric = METRICS.load(name)()
    if not isinstance(metric, OfTries):
        return metric
    bases = (METRICS.load(other)() for other in among)
    base = next((one for one in bases if scores_samples(one)), None)
    return metric if base is None else metric.over(base)


def scores_samples(metric: Metric) -> bool:
    """Tell whether a metric is a mean of scores that samples have of their own, tries not compared."""
    return isinstance(metric, Mean | Share) and not isinstance(metric, OfTries)


class OfTries(Mean):
    """A mean of what the tries at each sample come to; statistics (figure, samples)."""

    def __init__(self, base: Metric | None = None) -> None:
        """`base` says how right one try is, None for `accuracy`."""
        self._base: Metric = Accuracy() if base is None else base
        own = type(self).info
        self.info = msgspec.structs.replace(own, signature=f"{own.signature}({self._base.info.signature})")

    def over(self, base: Metric) -> Self:
        """Return this metric with tries measured by `base`."""
        return type(self)(base)

    def fit(self, samples: Sequence[Sample]) -> Self:
        """Return the metric with its base fitted."""
        return type(self)(self._base.fit(samples))

    def score(self, sample: Sample, answers: Sequence[Answer]) -> float:
        """Return how right one try is, 0..1; 0 where it does not count."""
        row = self._base.stats(sample, answers)
        return row[0] / row[1] if row and row[1] else 0.0


class PassAt(OfTries):
    """pass@k; statistics (pass@k, samples)."""

    k: ClassVar[int]

    def stats(self, sample: Sample, answers: Sequence[Answer]) -> tuple[float, ...] | None:
        """Return (pass@k, 1), or None without a reference or with fewer than k tries."""
        tries = by_epoch(answers)
        if not sample.references or len(tries) < self.k:
            return None
        return best_of([self.score(sample, one) for one in tries], self.k), 1.0


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


class Majority(OfTries):
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
        votes: dict[object, list[list[Answer]]] = {}
        for one in by_epoch(answers):
            if all(answer.value is not None for answer in one):
                ballot = frozenset((pass_of(answer.variant), _worded(answer)) for answer in one)
                votes.setdefault(ballot, []).append(one)
        most = max(map(len, votes.values()), default=0)
        leaders = [cast[0] for cast in votes.values() if len(cast) == most]
        right = sum(self.score(sample, one) for one in leaders)
        return (right / len(leaders) if leaders else 0.0), 1.0


def _worded(answer: Answer) -> object:
    """Return what two equal answers share: a text but for case and blanks."""
    return " ".join(answer.value.casefold().split()) if isinstance(answer.value, str) else answer.value

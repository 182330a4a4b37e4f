"""What a judge's scores come to. In a run the metric's name ends in the judge's: `judged_score:gpt-4o`.

    judged_score   mean score in 0..1, shown as 0..100 (MM-Vet, arXiv:2308.02490)
    judged_ratio   sum of the scores of the replies / sum of those of the reference answers, shown as percent
                   (LLaVA-Bench, arXiv:2304.08485; haotian-liu/LLaVA llava/eval/summarize_gpt_review.py)

Both are sums of two statistics. A reply that no judge scored does not enter: a score made otherwise would be another
metric. Two judges' figures cannot be compared, and neither can ours with a published one: the judge's prompt is ours.

Known differences: the published MM-Vet figure is a mean over five verdicts of GPT-4 on each reply, here it is one
unless `judge_epochs` says five (a reply's score is then their mean); where the judge fails other toolkits count 0 or
-1, here the sample is left out and the score is not complete.
"""

from __future__ import annotations

from collections.abc import Sequence

from vlmeval.metrics.mean import Mean
from vlmeval.types import Answer, MetricInfo, Sample

JUDGED = "judge:"
"""What the rule of an answer begins with that a judge has scored."""


class JudgedScore(Mean):
    """The mean of a judge's scores; statistics (score, samples).

    A failed request, counted as wrong where the policy says so, scores 0.
    """

    info = MetricInfo(
        name="judged_score",
        title="Judge's score",
        scale=100.0,
        source="Yu et al. 2024, MM-Vet, arXiv:2308.02490",
    )

    def stats(self, sample: Sample, answers: Sequence[Answer]) -> tuple[float, ...] | None:
        """Return (mean score of the answers, 1), or None where one of them has no score of a judge."""
        if not answers:
            return None
        if all(answer.value is None for answer in answers):
            return 0.0, 1.0
        if not all(isinstance(answer.value, str) and answer.rule.startswith(JUDGED) for answer in answers):
            return None
        return sum(float(str(answer.value)) for answer in answers) / len(answers), 1.0


class JudgedRatio(Mean):
    """The judge's scores of the replies relative to those of the reference answers; statistics (replies, references).

    The value is a ratio of sums, not a mean of ratios. A failed request has no pair of scores and never enters, also
    where failures count as wrong: what the judge would have given the reference beside it is not known.
    """

    info = MetricInfo(
        name="judged_ratio",
        title="Score relative to the reference answers",
        scale=100.0,
        source="Liu et al. 2023, arXiv:2304.08485; haotian-liu/LLaVA llava/eval/summarize_gpt_review.py",
    )

    def stats(self, sample: Sample, answers: Sequence[Answer]) -> tuple[float, ...] | None:
        """Return (score of the reply, score of the reference), summed over the answers; None where one has none."""
        pairs = [
            (float(answer.value[1]), float(answer.value[0]))
            for answer in answers
            if isinstance(answer.value, tuple) and answer.rule.startswith(JUDGED)
        ]
        if not pairs or len(pairs) < len(answers):
            return None
        return sum(reply for reply, _ in pairs), sum(reference for _, reference in pairs)

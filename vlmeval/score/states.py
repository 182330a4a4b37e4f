"""How a sample ended. The states are exclusive, and every sample has one.

- answered: its replies decide the primary metric
- unparsed: they would, had a reply been readable; not right, and shown as such. Where a judge is what scores replies
  (`Case.unscored`): it gave no score, and the sample is left out
- judge_error: they would, had the judge read or scored a reply: its call failed, or was not made; left out
- refused: a reply was withheld by a filter, or the provider refused the request
- failed: a request ended in another failure
- missing: a request was not asked yet, or its answer belongs to another prompt
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from vlmeval.score.measure import Measure
from vlmeval.types import Answer, Failure, Outcome, Output, Request, Sample, State


def usable(outcomes: Mapping[str, Outcome]) -> dict[str, Output]:
    """Return the outcomes that hold a reply; what a filter left of one is no reply."""
    return {
        variant: outcome
        for variant, outcome in outcomes.items()
        if isinstance(outcome, Output) and outcome.finish != "filter"
    }


def state_of(
    sample: Sample,
    requests: Sequence[Request],
    outcomes: Mapping[str, Outcome],
    answers: Sequence[Answer],
    *,
    settled: bool,
    primary: Measure | None,
) -> State:
    """Return the state of a sample.

    `settled`: the kind asks no more of it. That stands while the primary metric agrees: where a judge has since read an
    unparsed reply as right, the passes left out count after all.
    """
    unread = {answer.variant for answer in answers if answer.value is None}
    absent = absent_variants(requests, answers)

    def decided(variants: set[str]) -> bool:
        return primary is not None and primary.decided(sample, requests, answers, variants)

    if not answers or (absent and not (settled and decided(absent))):
        return _worst(outcomes)
    if unread and not decided(absent | unread):
        return "unparsed"
    return "answered"


def absent_variants(requests: Sequence[Request], answers: Sequence[Answer]) -> set[str]:
    """Return the variants that were not answered. A kind gives at most one answer for each request."""
    if len(answers) == len(requests):
        return set()
    return {request.variant for request in requests} - {answer.variant for answer in answers}


def _worst(outcomes: Mapping[str, Outcome]) -> State:
    """Return the state of a sample of which some passes have no reply. What was tried says more than what was not."""
    withheld = [outcome for outcome in outcomes.values() if isinstance(outcome, Failure) or outcome.finish == "filter"]
    if any(isinstance(outcome, Output) or outcome.kind == "refused" for outcome in withheld):
        return "refused"
    return "failed" if withheld else "missing"

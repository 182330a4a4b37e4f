import itertools

import pytest

from tests.score.runs import CHOICE, FAILED, FILTERED, REFUSED, kind_of, question, right, wrong
from vlmeval.metrics.accuracy import Circular, Vanilla
from vlmeval.score.measure import Measure
from vlmeval.score.states import state_of, usable
from vlmeval.types import Answer, Failure, Metric, Outcome, Output, State

SAMPLE = question(0, gold="C", choices=3)
REQUESTS = kind_of(CHOICE).requests(SAMPLE)
HIT = [Output(right(SAMPLE, request)) for request in REQUESTS]
MISS = [Output(wrong(SAMPLE, request)) for request in REQUESTS]
UNCLEAR = Output("It depends.")


def state(*outcomes: Outcome | None, settled: bool = False, metric: Metric | None = None) -> State:
    given = {
        request.variant: outcome for request, outcome in zip(REQUESTS, outcomes, strict=True) if outcome is not None
    }
    answers = kind_of(CHOICE).answers(SAMPLE, usable(given))
    primary = Measure("primary", metric or Circular(), [SAMPLE])
    return state_of(SAMPLE, REQUESTS, given, answers, settled=settled, primary=primary)


@pytest.mark.parametrize(
    ("outcomes", "expected"),
    [
        ((HIT[0], HIT[1], HIT[2]), "answered"),
        ((HIT[0], HIT[1], UNCLEAR), "unparsed"),
        ((MISS[0], HIT[1], UNCLEAR), "answered"),
        ((HIT[0], HIT[1], None), "missing"),
        ((HIT[0], HIT[1], FAILED), "failed"),
        ((HIT[0], None, FAILED), "failed"),
        ((HIT[0], FAILED, REFUSED), "refused"),
        ((HIT[0], FAILED, FILTERED), "refused"),
        ((HIT[0], Failure("too_long", "9,000 tokens"), HIT[2]), "failed"),
        ((MISS[0], FAILED, HIT[2]), "failed"),
        ((None, None, None), "missing"),
    ],
)
def test_a_sample_has_the_state_its_passes_give_it(outcomes: tuple[Outcome | None, ...], expected: State) -> None:
    assert state(*outcomes) == expected


@pytest.mark.parametrize("outcomes", list(itertools.permutations([HIT[0], None, FAILED])))
def test_the_place_of_a_failure_does_not_matter(outcomes: tuple[Outcome | None, ...]) -> None:
    assert state(*outcomes) == "failed"


def test_a_pass_that_the_primary_metric_does_not_need_may_be_unparsed() -> None:
    assert state(HIT[0], UNCLEAR, UNCLEAR, metric=Vanilla()) == "answered"
    assert state(UNCLEAR, HIT[1], HIT[2], metric=Vanilla()) == "unparsed"


def test_a_settled_sample_needs_no_further_pass() -> None:
    assert state(MISS[0], None, None, settled=True) == "answered"
    assert state(UNCLEAR, None, None, settled=True) == "unparsed"


def test_a_settled_sample_whose_metric_is_not_decided_is_missing() -> None:
    assert state(HIT[0], None, None, settled=True) == "missing"


def test_without_gold_an_unparsed_reply_is_unparsed() -> None:
    hidden = question(0, gold="")
    answers = (Answer("rot0", None, "none"),)
    outcomes = {"rot0": UNCLEAR}
    primary = Measure("primary", Circular(), [])
    assert state_of(hidden, REQUESTS[:1], outcomes, answers, settled=False, primary=primary) == "unparsed"
    assert state_of(hidden, REQUESTS[:1], outcomes, answers, settled=False, primary=None) == "unparsed"


def test_a_sample_that_is_ranked_has_no_requests_and_is_missing_without_its_rank() -> None:
    item = question(0)
    rank = (Answer("", "2.5", "tie"),)
    assert state_of(item, (), {}, rank, settled=False, primary=None) == "answered"
    assert state_of(item, (), {}, (), settled=False, primary=None) == "missing"

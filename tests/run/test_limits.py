import pytest

from vlmeval.errors import ConfigError
from vlmeval.run.limits import CostLimit, FailureLimit, Tally, Throttle
from vlmeval.run.retry import Backoff
from vlmeval.run.settings import Prices
from vlmeval.types import Failure, Output


def throttle(most: int = 64) -> Throttle:
    return Throttle(most, Backoff())


def test_calls_are_halved_once_a_round_and_never_below_one() -> None:
    limit = throttle()
    allowed = []
    for _ in range(8):
        sent = limit.generation
        for _ in range(5):
            limit.refused(sent, 0.0, 1.0)
        allowed.append(limit.allowed)
    assert allowed == [32, 16, 8, 4, 2, 1, 1, 1]


def test_a_clean_round_allows_one_more_up_to_the_given_number() -> None:
    limit = throttle(4)
    limit.refused(limit.generation, 0.0, 0.0)
    limit.answered()
    assert limit.allowed == 2
    limit.answered()
    assert limit.allowed == 3
    for _ in range(100):
        limit.answered()
    assert limit.allowed == 4


def test_a_round_with_a_failure_is_not_clean() -> None:
    limit = throttle(4)
    limit.refused(limit.generation, 0.0, 0.0)
    for _ in range(10):
        limit.answered()
        limit.disturbed()
    assert limit.allowed == 2


def test_retry_after_holds_everybody_and_the_longest_counts() -> None:
    limit = throttle()
    limit.refused(0, 100.0, 20.0)
    limit.refused(0, 101.0, 5.0)
    assert limit.not_before == 120.0


def test_refusals_without_an_answer_between_them_wait_longer_and_longer() -> None:
    limit = Throttle(64, Backoff(base=1.0, ceiling=8.0))
    pauses = []
    for _ in range(6):
        limit.not_before = 0.0
        limit.refused(limit.generation, 0.0, None)
        pauses.append(limit.not_before)
    assert all(0 <= pause <= min(8.0, 2.0**index) for index, pause in enumerate(pauses))
    assert max(pauses[3:]) > 1.0
    limit.answered()
    limit.not_before = 0.0
    limit.refused(limit.generation, 0.0, None)
    assert limit.not_before <= 1.0


def test_32_failures_and_no_answer_are_enough_but_one_answer_is_hope() -> None:
    limit = FailureLimit()
    assert not limit.reached(Tally(failures={"transient": 31}))
    assert "first 32" in limit.reached(Tally(failures={"transient": 4, "rejected": 28}))
    assert not FailureLimit(1.0, 40).reached(Tally(failures={"rejected": 32}))
    assert not limit.reached(Tally(answered=1, failures={"transient": 500}))


@pytest.mark.parametrize(
    ("limit", "failed", "answered", "stops"),
    [
        (FailureLimit(5), 5, 1, False),
        (FailureLimit(5), 6, 1, True),
        (FailureLimit(0), 1, 1, True),
        (FailureLimit(0.1, 1000), 100, 1, False),
        (FailureLimit(0.1, 1000), 101, 1, True),
        (FailureLimit(0.1), 10, 1, False),
        (FailureLimit(0.1), 11, 1, True),
        (FailureLimit(0.1, 10), 4, 200, False),
        (FailureLimit(1.0, 10), 10, 1, False),
    ],
)
def test_a_count_or_share_of_failures_is_tolerated(
    limit: FailureLimit, failed: int, answered: int, stops: bool
) -> None:
    assert bool(limit.reached(Tally(answered=answered, failures={"rejected": failed}))) is stops


def test_cost_adds_up_over_prompt_and_reply_and_failures_are_free() -> None:
    tally = Tally()
    prices = Prices(prompt=2.0, output=8.0)
    tally.spend(Output("A", prompt_tokens=500_000, output_tokens=250_000), prices)
    tally.spend(Failure("refused", "no"), prices)
    assert tally.cost == 3.0
    tally.spend(Output("A"), None)
    assert (tally.prompt_tokens, tally.output_tokens) == (500_000, 250_000)


def test_calls_under_way_count_at_the_mean_price() -> None:
    limit = CostLimit(10.0, Prices(1.0, 1.0))
    assert not limit.reached(Tally(answered=0, cost=None), 100)
    assert not limit.reached(Tally(answered=5, cost=5.0), 4)
    assert limit.reached(Tally(answered=5, cost=5.0), 5)


def test_an_answer_without_token_counts_cannot_be_priced() -> None:
    limit = CostLimit(10.0, Prices(1.0, 1.0))
    limit.check(Failure("refused", "no"))
    limit.check(Output("A", prompt_tokens=1, output_tokens=0))
    with pytest.raises(ConfigError, match="does not say how many tokens"):
        limit.check(Output("A"))

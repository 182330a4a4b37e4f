import threading

from vlmeval.run.retry import Backoff, SystemClock
from vlmeval.types import Failure, FailureKind


def failure(kind: FailureKind = "transient", attempts: int = 1) -> Failure:
    return Failure(kind, "m", attempts)


def test_waits_are_uniform_below_a_doubling_ceiling() -> None:
    backoff = Backoff(attempts=100, base=0.5, ceiling=30.0)
    for attempt in range(1, 50):
        top = min(30.0, 0.5 * 2 ** (attempt - 1))
        draws = [backoff.jitter(attempt) for _ in range(200)]
        assert all(0 <= draw <= top for draw in draws)
        assert max(draws) > 0.8 * top
        assert min(draws) < 0.2 * top


def test_the_waits_are_those_of_the_seed() -> None:
    def draws(seed: int) -> list[float]:
        backoff = Backoff(seed=seed)
        return [backoff.jitter(attempt) for attempt in range(1, 10)]

    assert draws(1) == draws(1) != draws(2)


def test_attempts_are_bounded_and_rate_limits_have_more() -> None:
    backoff = Backoff(attempts=3, rate_limit_attempts=6)
    assert backoff.delay(failure(attempts=2), None) is not None
    assert backoff.delay(failure(attempts=3), None) is None
    assert backoff.delay(failure("rate_limit", 5), None) is not None
    assert backoff.delay(failure("rate_limit", 6), None) is None


def test_what_asking_again_does_not_mend_is_not_asked_again() -> None:
    kinds: tuple[FailureKind, ...] = ("rejected", "refused", "too_long", "crash")
    assert [Backoff().delay(failure(kind), None) for kind in kinds] == [None] * 4


def test_retry_after_is_the_least_wait_unless_it_is_too_long() -> None:
    backoff = Backoff(longest=300.0)
    assert 10.0 <= (backoff.delay(failure(), 10.0) or 0.0) <= 10.5
    assert backoff.delay(failure(), 301.0) is None


def test_the_clock_of_this_machine_goes_on_and_wakes_up() -> None:
    clock = SystemClock()
    condition = threading.Condition()
    before = clock.now()
    with condition:
        clock.wait(condition, 0.001)
    assert clock.now() > before

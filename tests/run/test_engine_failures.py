import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.run.asking import Asked, FakeClock, outcomes, run, samples
from vlmeval.errors import (
    DataError,
    ModelError,
    RejectedError,
    RetryableError,
)
from vlmeval.run.desk import Limits
from vlmeval.run.retry import Backoff
from vlmeval.types import Failure, Output, Request, Sample


def number(request: Request) -> int:
    return int(request.sample_id[1:])


def test_a_retryable_error_is_asked_again_after_jittered_growing_waits(tmp_path: Path) -> None:
    clock = FakeClock()
    left = [RetryableError("HTTP 500")] * 3

    def reply(request: Request) -> Output:
        if left:
            raise left.pop()
        return Output("A")

    model = Asked(reply)
    run(tmp_path, model, samples(2), limits=Limits(backoff=Backoff(seed=1)), clock=clock)
    assert outcomes(tmp_path) == {"s0": Output("A"), "s1": Output("A")}
    assert len(model.calls) == 5
    expected = Backoff(seed=1)
    assert clock.waits == pytest.approx([expected.jitter(attempt) for attempt in (1, 2, 3)])


def test_a_request_that_goes_on_failing_is_recorded_after_the_last_attempt(tmp_path: Path) -> None:
    def reply(request: Request) -> Output:
        if request.sample_id == "s1":
            raise RetryableError("HTTP 502")
        return Output("A")

    model = Asked(reply)
    engine = run(tmp_path, model, samples(3), limits=Limits(backoff=Backoff(attempts=4)), clock=FakeClock())
    assert outcomes(tmp_path)["s1"] == Failure("transient", "HTTP 502", 4)
    assert model.asked.count("s1/rot0") == 4
    assert (engine.tally.answered, engine.tally.failures) == (2, {"transient": 1})


def test_retry_after_is_waited_for_and_nobody_calls_before(tmp_path: Path) -> None:
    clock = FakeClock()
    times: list[float] = []

    def reply(request: Request) -> Output:
        times.append(clock.now())
        if len(times) == 1:
            raise RetryableError("HTTP 429", kind="rate_limit", retry_after=17.0)
        return Output("A")

    run(tmp_path, Asked(reply), samples(2), clock=clock)
    assert times[0] == 0.0
    assert times[1] >= 17.0


def test_a_server_that_asks_for_an_hour_is_not_waited_for(tmp_path: Path) -> None:
    clock = FakeClock()

    def reply(request: Request) -> Output:
        raise RetryableError("quota", kind="rate_limit", retry_after=3600.0)

    run(tmp_path, Asked(reply), samples(1), clock=clock)
    assert outcomes(tmp_path) == {"s0": Failure("rate_limit", "quota", 1)}
    assert clock.now() < 60


def test_a_storm_of_429_ends_with_every_answer(tmp_path: Path) -> None:
    """Tokens drip at 5 a second, 32 workers call at once."""
    clock = FakeClock()
    lock = threading.Lock()
    spent = 0

    def reply(request: Request) -> Output:
        nonlocal spent
        with lock:
            if spent > clock.now() * 5:
                raise RetryableError("HTTP 429", kind="rate_limit")
            spent += 1
        return Output("A")

    model = Asked(reply, concurrency=32)
    engine = run(
        tmp_path, model, samples(150), limits=Limits(32, backoff=Backoff(rate_limit_attempts=1000)), clock=clock
    )
    assert (engine.tally.answered, engine.tally.failed) == (150, 0)


def test_a_rejected_request_is_recorded_and_never_asked_again(tmp_path: Path) -> None:
    def reply(request: Request) -> Output:
        if request.sample_id == "s1":
            raise RejectedError("too many tokens", kind="too_long")
        return Output("A")

    model = Asked(reply)
    run(tmp_path, model, samples(3))
    run(tmp_path, model, samples(3))
    assert outcomes(tmp_path)["s1"] == Failure("too_long", "too many tokens", 1)
    assert len(model.calls) == 3


@pytest.mark.parametrize("bad", [{0}, {5}, {3, 4}, set(range(8))])
def test_a_rejected_batch_is_halved_down_to_the_requests_at_fault(tmp_path: Path, bad: set[int]) -> None:
    class Batched(Asked):
        def generate(self, requests: Sequence[Request]) -> list[Output | Failure]:
            self.calls.append([request.sample_id for request in requests])
            if any(number(request) in bad for request in requests):
                raise RejectedError("broken image")
            return [Output("A")] * len(requests)

    model = Batched(batch=8)
    run(tmp_path, model, samples(8))
    found = outcomes(tmp_path)
    assert {key for key, one in found.items() if isinstance(one, Failure)} == {f"s{n}" for n in bad}
    assert len(found) == 8
    assert len(model.calls) <= 15


def test_failures_within_a_batch_are_asked_again_alone(tmp_path: Path) -> None:
    once = {"s1", "s3"}

    def reply(request: Request) -> Output | Failure:
        if request.sample_id in once:
            once.discard(request.sample_id)
            return Failure("transient" if request.sample_id == "s1" else "rate_limit", "again")
        if request.sample_id == "s2":
            return Failure("refused", "no")
        return Output("A")

    model = Asked(reply, batch=5)
    run(tmp_path, model, samples(5), clock=FakeClock())
    assert model.calls == [[f"s{n}/rot0" for n in range(5)], ["s1/rot0", "s3/rot0"]]
    assert outcomes(tmp_path)["s2"] == Failure("refused", "no", 1)
    assert outcomes(tmp_path)["s1"] == Output("A")


def test_a_bug_of_the_model_stops_the_run_names_its_line_and_loses_nothing(tmp_path: Path) -> None:
    def reply(request: Request) -> Output:
        if request.sample_id == "s36":
            raise ValueError("no such layer")
        return Output("A")

    with pytest.raises(ModelError) as caught:
        run(tmp_path, Asked(reply), samples(100))
    line = reply.__code__.co_firstlineno + 2
    assert f"sample s36: ValueError at tests/run/test_engine_failures.py:{line}: no such layer" in str(caught.value)
    assert "36 answers are saved; mend it and run the same command again" in str(caught.value)
    assert isinstance(caught.value.__cause__, ValueError)
    assert len(outcomes(tmp_path)) == 36
    assert run(tmp_path, again := Asked(), samples(100)).tally.answered == 100
    assert len(again.calls) == 64


@pytest.mark.parametrize(
    "error", [SystemExit(3), KeyError("x"), MemoryError(), ModelError("no GPU"), DataError("image 3: not an image")]
)
def test_whatever_a_model_raises_ends_the_run_with_its_sample(tmp_path: Path, error: BaseException) -> None:
    def reply(request: Request) -> Output:
        raise error

    with pytest.raises((ModelError, DataError), match="sample s0") as caught:
        run(tmp_path, Asked(reply, concurrency=3), samples(1))
    assert isinstance(caught.value, DataError) == isinstance(error, DataError)


@pytest.mark.parametrize("given", [[], [Output("A")] * 3, ["A", "B"], None, "AB", (Output("A"), None)])
def test_a_model_that_does_not_return_one_outcome_for_each_request_is_told_so(tmp_path: Path, given: object) -> None:
    class Wrong(Asked):
        def generate(self, requests: Sequence[Request]) -> list[Output | Failure]:
            return given  # type: ignore[return-value]

    with pytest.raises(ModelError, match="the model returned"):
        run(tmp_path, Wrong(batch=2), samples(2))


def test_an_answer_that_came_before_a_bug_in_the_other_half_of_its_batch_is_saved(tmp_path: Path) -> None:
    class Batched(Asked):
        def generate(self, requests: Sequence[Request]) -> list[Output | Failure]:
            if len(requests) > 1:
                raise RejectedError("too large together")
            if requests[0].sample_id == "s1":
                raise ZeroDivisionError
            return [Output("A")]

    with pytest.raises(ModelError, match=r"sample s1: ZeroDivisionError|sample s0 .or one"):
        run(tmp_path, Batched(batch=2), samples(2))
    assert outcomes(tmp_path) == {"s0": Output("A")}


def test_an_error_of_the_data_stops_the_run_after_the_calls_under_way(tmp_path: Path) -> None:
    def data() -> Iterator[Sample]:
        yield from samples(3)
        raise DataError("row 4: no image")

    with pytest.raises(DataError, match="row 4"):
        run(tmp_path, Asked(concurrency=2), data())


def test_recorded_failures_are_asked_again_only_with_retry_errors(tmp_path: Path) -> None:
    broken = {"s2", "s5"}

    def reply(request: Request) -> Output:
        if request.sample_id in broken:
            raise RejectedError("HTTP 400")
        return Output("A")

    model = Asked(reply)
    assert run(tmp_path, model, samples(8)).tally.failures == {"rejected": 2}
    assert run(tmp_path, model, samples(8)).tally.failures == {"rejected": 2}
    assert len(model.calls) == 8
    broken.remove("s5")
    tally = run(tmp_path, model, samples(8), retry_errors=True).tally
    assert (tally.answered, tally.failures) == (7, {"rejected": 1})
    assert sorted(model.asked[8:]) == ["s2/rot0", "s5/rot0"]

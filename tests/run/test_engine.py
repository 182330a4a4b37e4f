import os
import signal
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.run.asking import PATIENCE, Asked, FakeClock, Passes, merged, outcomes, run, samples
from vlmeval.errors import (
    ConfigError,
    DataError,
    JournalError,
    ModelError,
    RejectedError,
    RetryableError,
    TooManyFailuresError,
)
from vlmeval.run.desk import Limits
from vlmeval.run.engine import Engine
from vlmeval.run.limits import CostLimit, FailureLimit
from vlmeval.run.planner import Earlier, plan
from vlmeval.run.retry import Backoff
from vlmeval.run.settings import Prices
from vlmeval.store.journal import Journal
from vlmeval.types import Failure, Output, Request, Sample


def number(request: Request) -> int:
    return int(request.sample_id[1:])


@pytest.mark.parametrize(("concurrency", "batch"), [(1, 1), (1, 8), (7, 1), (4, 3), (64, 2)])
def test_every_request_is_asked_once_whatever_the_threads_and_batches(
    tmp_path: Path, concurrency: int, batch: int
) -> None:
    model = Asked(lambda request: Output(request.sample_id), concurrency=concurrency, batch=batch)
    engine = run(tmp_path, model, samples(100), kind=Passes(3))
    assert sorted(model.asked) == sorted(f"s{n}/rot{k}" for n in range(100) for k in range(3))
    assert {key: one.outcome for key, one in merged(tmp_path / "outputs.jsonl").items()} == {
        (f"s{n}", f"rot{k}"): Output(f"s{n}") for n in range(100) for k in range(3)
    }
    assert (engine.tally.samples, engine.tally.answered, engine.tally.failed) == (100, 300, 0)
    assert max(map(len, model.calls)) <= batch
    assert engine.stopped_by == ""


def test_no_work_is_no_trouble(tmp_path: Path) -> None:
    assert run(tmp_path, Asked(), []).tally.requests == 0


def test_one_worker_asks_in_the_order_of_the_data_with_passes_together(tmp_path: Path) -> None:
    model = Asked(batch=4)
    run(tmp_path, model, samples(3), kind=Passes(4))
    assert model.calls == [[f"s{n}/rot{k}" for k in range(4)] for n in range(3)]


def test_the_first_request_is_sent_before_the_data_was_read_to_its_end(tmp_path: Path) -> None:
    called = threading.Event()

    def reply(request: Request) -> Output:
        called.set()
        return Output("A")

    def data() -> Iterator[Sample]:
        yield from samples(5)
        assert called.wait(PATIENCE)
        yield Sample("last", ("What?",))

    run(tmp_path, Asked(reply), data())
    assert len(outcomes(tmp_path)) == 6


def test_planning_stays_a_little_ahead_of_the_workers(tmp_path: Path) -> None:
    planned = 0
    ahead: list[int] = []

    def data() -> Iterator[Sample]:
        nonlocal planned
        for one in samples(500):
            planned += 1
            yield one

    model = Asked(concurrency=4)
    model._reply = lambda request: ahead.append(planned - len(model.calls)) or Output("A")  # type: ignore[func-returns-value]
    run(tmp_path, model, data())
    assert max(ahead) <= 2 * 4 + 16


def test_one_slow_request_holds_up_nobody_else(tmp_path: Path) -> None:
    others = threading.Event()
    lock = threading.Lock()
    done = 0

    def reply(request: Request) -> Output:
        nonlocal done
        if request.sample_id == "s3":
            assert others.wait(PATIENCE)
        else:
            with lock:
                done += 1
                if done == 99:
                    others.set()
        return Output("A")

    assert run(tmp_path, Asked(reply, concurrency=2), samples(100)).tally.answered == 100


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
    assert f"sample s36: ValueError at tests/run/test_engine.py:{line}: no such layer" in str(caught.value)
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


def test_a_run_stops_when_the_first_ten_requests_all_fail(tmp_path: Path) -> None:
    def reply(request: Request) -> Output:
        raise RejectedError("HTTP 401: wrong key")

    model = Asked(reply)
    with pytest.raises(TooManyFailuresError, match=r"the first 10 .*10 rejected.*HTTP 401.*\n.*--retry-errors"):
        run(tmp_path, model, samples(100))
    assert len(model.calls) == 10


@pytest.mark.parametrize(("most", "failures"), [(3, 4), (0, 1), (0.1, 21), (0.5, None)])
def test_max_failures_is_a_count_or_a_share_of_all_requests(
    tmp_path: Path, most: int | float, failures: int | None
) -> None:
    def reply(request: Request) -> Output:
        if number(request) % 4 == 3:
            raise RejectedError("no")
        return Output("A")

    limits = Limits(failures=FailureLimit(most, 200))
    model = Asked(reply)
    if failures is None:
        assert run(tmp_path, model, samples(200), limits=limits).tally.failed == 50
    else:
        with pytest.raises(TooManyFailuresError, match=f"{failures} of {4 * failures} requests failed"):
            run(tmp_path, model, samples(200), limits=limits)
        assert len(model.calls) == 4 * failures


def test_max_cost_stops_before_it_is_passed_and_a_higher_one_continues(tmp_path: Path) -> None:
    prices = Prices(prompt=1.0, output=10.0)
    model = Asked(lambda request: Output("A", prompt_tokens=100_000, output_tokens=10_000))
    engine = run(tmp_path, model, samples(20), limits=Limits(cost=CostLimit(1.0, prices), prices=prices))
    assert engine.stopped_by == "cost"
    assert engine.tally.cost == pytest.approx(1.0)
    assert len(model.calls) == 5


def test_max_cost_without_token_counts_is_refused(tmp_path: Path) -> None:
    prices = Prices(prompt=1.0, output=10.0)
    with pytest.raises(ConfigError, match="--max-cost cannot be kept"):
        run(tmp_path, Asked(), samples(20), limits=Limits(cost=CostLimit(1.0, prices), prices=prices))
    assert outcomes(tmp_path)


@pytest.mark.parametrize("concurrency", [1, 5])
def test_a_chain_asks_one_after_the_other_until_it_is_settled(tmp_path: Path, concurrency: int) -> None:
    def reply(request: Request) -> Output:
        return Output("B" if request.variant == f"rot{number(request) % 5}" else "A")

    model = Asked(reply, concurrency=concurrency)
    engine = run(tmp_path, model, samples(40), kind=Passes(4, sequential=True))
    assert sorted(model.asked) == sorted(
        f"s{n}/rot{k}" for n in range(40) for k in range(4 if n % 5 == 4 else n % 5 + 1)
    )
    assert engine.tally.samples == 40
    run(tmp_path, again := Asked(reply), samples(40), kind=Passes(4, sequential=True))
    assert again.calls == []


def test_a_chain_goes_on_where_it_was_interrupted(tmp_path: Path) -> None:
    def reply(request: Request) -> Output:
        if request.variant == "rot2":
            raise ValueError
        return Output("A")

    kind = Passes(4, sequential=True)
    with pytest.raises(ModelError):
        run(tmp_path, Asked(reply), samples(1), kind=kind)
    run(tmp_path, model := Asked(), samples(1), kind=kind)
    assert model.asked == ["s0/rot2", "s0/rot3"]


def test_ctrl_c_lets_calls_under_way_finish_and_takes_no_more(tmp_path: Path) -> None:
    started = threading.Barrier(3)
    model = Asked(concurrency=3)

    def reply(request: Request) -> Output:
        if number(request) in (10, 11, 12):
            started.wait(PATIENCE)
            if request.sample_id == "s12":
                os.kill(os.getpid(), signal.SIGINT)
                assert stopped.wait(PATIENCE)
        return Output("A")

    stopped = threading.Event()
    limits = Limits(3)
    model._reply = reply
    before = signal.getsignal(signal.SIGINT)
    said: list[str] = []

    def say(text: str) -> None:
        said.append(text)
        stopped.set()

    with Journal(tmp_path / "outputs.jsonl") as journal:
        engine = Engine(model.generate, journal, Passes(), limits, say=say)
        engine.run(plan(samples(10_000), Passes(), Earlier(tmp_path / "outputs.jsonl")))
    assert engine.stopped_by == "interrupt"
    assert "s12" in outcomes(tmp_path)
    assert len(outcomes(tmp_path)) == len(model.calls) < 10_000
    assert "press Ctrl-C again" in said[0]
    assert signal.getsignal(signal.SIGINT) is before


def test_a_call_that_does_not_end_is_left_after_the_grace(tmp_path: Path) -> None:
    forever = threading.Event()

    def reply(request: Request) -> Output:
        if request.sample_id == "s1":
            forever.wait(PATIENCE)
        elif request.sample_id == "s2":
            raise ValueError("stop")
        return Output("A")

    with pytest.raises(ModelError, match="stop"):
        run(tmp_path, Asked(reply, concurrency=3), samples(3), limits=Limits(3, grace=0.01))
    forever.set()
    assert "s1" not in outcomes(tmp_path)


def test_a_full_disk_stops_the_run_with_the_journals_message(tmp_path: Path) -> None:
    (tmp_path / "outputs.jsonl").symlink_to("/dev/full")
    with pytest.raises(JournalError, match="No space left on device"):
        run(tmp_path, Asked(concurrency=16), samples(5000))


def test_an_engine_outside_the_main_thread_needs_no_signals(tmp_path: Path) -> None:
    found: list[int] = []
    thread = threading.Thread(target=lambda: found.append(run(tmp_path, Asked(), samples(3)).tally.answered))
    thread.start()
    thread.join(PATIENCE)
    assert found == [3]

import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.run.asking import PATIENCE, Asked, Passes, merged, outcomes, run, samples
from vlmeval.errors import (
    ConfigError,
    JournalError,
    ModelError,
    RejectedError,
    TooManyFailuresError,
)
from vlmeval.run.desk import Limits
from vlmeval.run.engine import Engine
from vlmeval.run.limits import CostLimit, FailureLimit
from vlmeval.run.planner import Earlier, plan
from vlmeval.run.settings import Prices
from vlmeval.store.journal import Journal
from vlmeval.types import Output, Request, Sample


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


def test_a_run_stops_when_the_first_32_requests_all_fail(tmp_path: Path) -> None:
    def reply(request: Request) -> Output:
        raise RejectedError("HTTP 401: wrong key")

    model = Asked(reply)
    with pytest.raises(TooManyFailuresError, match=r"the first 32 .*32 rejected.*HTTP 401.*\n.*--retry-errors"):
        run(tmp_path, model, samples(100))
    assert len(model.calls) == 32


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

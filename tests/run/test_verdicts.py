"""Verdicts are known across runs, priced, bounded, and never taken from another judge."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.run.asking import TASK, Asked, Data, merged, samples
from vlmeval.errors import ConfigError
from vlmeval.run.judging import Judging, judge_run
from vlmeval.run.limits import Tally
from vlmeval.run.session import RunSettings, run_task
from vlmeval.run.settings import Prices
from vlmeval.store.journal import read_records
from vlmeval.store.layout import RunFolder
from vlmeval.store.manifest import read_manifest
from vlmeval.types import Failure, Output, Request

QUIET = RunSettings(quiet=True)
RAMBLING = "I would rather describe the animal in the picture in my own words."
PRICED = RunSettings(quiet=True, prices=Prices(prompt=10.0, output=20.0))
VERDICT = Output("B", prompt_tokens=1000, output_tokens=100)
COST = (1000 * 10 + 100 * 20) / 1e6


def asked_run(results: Path, *, seat: int = 0, text: str = RAMBLING, count: int = 4) -> RunFolder:
    """Run a model (another one for each `seat`) whose every reply is unparsed."""
    model = Asked(lambda request: Output(text), seat=seat)
    return run_task(TASK, Data(samples(count)), model, QUIET, results=results).folder


def wise(seat: int = 0) -> Asked:
    return Asked(lambda request: VERDICT, seat=seat)


def test_what_was_judged_in_one_run_is_known_in_another_and_costs_nothing_there(tmp_path: Path) -> None:
    first, second = asked_run(tmp_path), asked_run(tmp_path, seat=1)
    judge = wise()
    assert judge_run(first, judge, PRICED).tally.cost == pytest.approx(4 * COST)
    done = judge_run(second, judge, PRICED)
    assert (len(judge.calls), done.reused, done.tally.answered, done.tally.cost) == (4, 4, 4, 0.0)
    assert {key: one.outcome.text for key, one in merged(second.judge).items() if isinstance(one.outcome, Output)} == {
        (f"s{number}", "rot0"): "B" for number in range(4)
    }
    manifest = read_manifest(second)
    assert manifest.counts["judge.reused"] == 4
    assert "4 known from other runs" in done.line()


def test_another_reply_another_judge_and_another_results_folder_know_nothing(tmp_path: Path) -> None:
    judge_run(asked_run(tmp_path), wise(seat=1), QUIET)
    others = wise(seat=2)
    assert judge_run(asked_run(tmp_path, seat=1), others, QUIET).reused == 0
    said_else = asked_run(tmp_path, seat=2, text="It is hard to tell from here.")
    assert judge_run(said_else, wise(seat=1), QUIET).reused == 0
    assert judge_run(asked_run(tmp_path / "elsewhere"), wise(seat=1), QUIET).reused == 0
    assert len(others.calls) == 4


def test_a_failed_call_is_not_taken_over(tmp_path: Path) -> None:
    first, second = asked_run(tmp_path), asked_run(tmp_path, seat=1)
    down = {"s1"}

    def reply(request: Request) -> Output | Failure:
        return Failure("rejected", "HTTP 400") if request.sample_id in down else VERDICT

    judge = Asked(reply)
    judge_run(first, judge, QUIET)
    down.clear()
    done = judge_run(second, judge, QUIET)
    assert (done.reused, done.tally.answered) == (3, 4)
    assert judge.asked[-1] == "s1/rot0"


def test_a_damaged_journal_beside_costs_only_its_own_verdicts(tmp_path: Path) -> None:
    first, second, third = (asked_run(tmp_path, seat=seat) for seat in range(3))
    judge = wise()
    judge_run(first, judge, QUIET)
    first.judge.write_bytes(b"damaged\n" + first.judge.read_bytes())
    assert judge_run(second, judge, QUIET).reused == 0
    second.manifest_path.write_bytes(b"{")
    assert judge_run(third, judge, QUIET).reused == 0


def test_tokens_and_cost_stand_in_run_json_and_survive_another_session_of_the_run(tmp_path: Path) -> None:
    folder = asked_run(tmp_path)
    done = judge_run(folder, wise(), PRICED)
    usage = read_manifest(folder).usage
    assert (usage["judge.prompt_tokens"], usage["judge.output_tokens"]) == (4000, 400)
    assert usage["judge.usd"] == pytest.approx(4 * COST)
    assert done.line() == "asked: 4 verdicts, 4000 + 400 tokens, $0.0480"
    asked_run(tmp_path)
    assert read_manifest(folder).usage["judge.usd"] == pytest.approx(4 * COST)
    judge_run(folder, wise(seat=7), QUIET)
    assert "judge.usd" not in read_manifest(folder).usage


def test_a_ceiling_stops_the_judge_and_a_higher_one_goes_on(tmp_path: Path) -> None:
    folder = asked_run(tmp_path, count=20)
    judge = wise()
    bounded = RunSettings(quiet=True, prices=PRICED.prices, max_cost=5.5 * COST)
    done = judge_run(folder, judge, bounded)
    assert (done.stopped_by, len(judge.calls)) == ("cost", 5)
    assert done.tally.cost is not None
    assert done.tally.cost <= 5.5 * COST
    assert judge_run(folder, judge, bounded).stopped_by == "cost"
    assert len(judge.calls) == 5, "earlier sessions count"
    assert judge_run(folder, judge, PRICED).stopped_by == ""
    assert len(judge.calls) == 20
    assert len(list(read_records(folder.judge))) == 20


def test_a_ceiling_needs_prices_and_a_judge_that_counts_its_tokens(tmp_path: Path) -> None:
    folder = asked_run(tmp_path)
    with pytest.raises(ConfigError, match="needs the prices"):
        judge_run(folder, wise(), RunSettings(quiet=True, max_cost=1.0))
    mute = Asked(lambda request: Output("B"), seat=3)
    with pytest.raises(ConfigError, match="how many tokens"):
        judge_run(folder, mute, RunSettings(quiet=True, max_cost=1.0, prices=PRICED.prices))


def test_the_line_says_what_failed() -> None:
    assert Judging("j", Tally(answered=3, failures={"rejected": 2})).line() == "j: 3 verdicts, 2 failed"

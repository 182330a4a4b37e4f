from pathlib import Path

import msgspec

from tests.run.asking import TASK, Asked, Data, merged, samples
from vlmeval.run.judging import judge_run
from vlmeval.run.session import RunSettings, run_task
from vlmeval.store.journal import Journal
from vlmeval.store.layout import RunFolder
from vlmeval.store.manifest import read_manifest
from vlmeval.types import Failure, Output, Record, Request

QUIET = RunSettings(quiet=True)
RAMBLING = "I would rather describe the animal in the picture in my own words."


def run_with_unparsed(results: Path, unparsed: set[str]) -> RunFolder:
    model = Asked(lambda request: Output(RAMBLING if request.sample_id in unparsed else "A"))
    return run_task(TASK, Data(samples(6)), model, QUIET, results=results).folder


def test_only_unparsed_replies_go_to_the_judge_and_each_once(tmp_path: Path) -> None:
    folder = run_with_unparsed(tmp_path, {"s2", "s4"})
    judge = Asked(lambda request: Output("B"), seat=1)
    tally = judge_run(folder, judge, QUIET).tally
    assert sorted(judge.asked) == ["s2/rot0", "s4/rot0"]
    assert (tally.answered, tally.failed) == (2, 0)
    assert {key: one.outcome for key, one in merged(folder.judge).items()} == {
        ("s2", "rot0"): Output("B"),
        ("s4", "rot0"): Output("B"),
    }
    judge_run(folder, judge, QUIET)
    assert len(judge.calls) == 2
    manifest = read_manifest(folder)
    assert manifest.judge == "asked"
    assert manifest.counts["judge.answered"] == 2


def test_a_reply_that_changed_is_judged_again(tmp_path: Path) -> None:
    folder = run_with_unparsed(tmp_path, {"s2"})
    judge = Asked(lambda request: Output("B"))
    judge_run(folder, judge, QUIET)
    (record,) = [one for one in merged(folder.outputs).values() if one.sample_id == "s2"]
    with Journal(folder.outputs) as journal:
        journal.append(msgspec.structs.replace(record, outcome=Output(RAMBLING + " Truly.")))
    judge_run(folder, judge, QUIET)
    assert judge.asked == ["s2/rot0", "s2/rot0"]
    judge_run(folder, judge, QUIET)
    assert len(judge.calls) == 2


def test_a_failure_is_not_judged(tmp_path: Path) -> None:
    folder = run_with_unparsed(tmp_path, {"s2"})
    (record,) = [one for one in merged(folder.outputs).values() if one.sample_id == "s2"]
    with Journal(folder.outputs) as journal:
        journal.append(Record(record.key, "s2", "rot0", Failure("refused", RAMBLING)))
        journal.append(Record("another prompt", "s3", "rot0", Output(RAMBLING)))
    judge_run(folder, judge := Asked(), QUIET)
    assert judge.calls == []


def test_a_failed_judge_call_is_made_again_the_next_time(tmp_path: Path) -> None:
    folder = run_with_unparsed(tmp_path, {"s1", "s2"})
    down = {"s1"}

    def reply(request: Request) -> Output | Failure:
        return Failure("rejected", "HTTP 400") if request.sample_id in down else Output("B")

    judge = Asked(reply)
    assert judge_run(folder, judge, QUIET).tally.failures == {"rejected": 1}
    down.clear()
    assert judge_run(folder, judge, QUIET).tally.answered == 2
    assert judge.asked == ["s1/rot0", "s2/rot0", "s1/rot0"]


def test_another_judge_starts_anew_and_the_first_ones_verdicts_come_back_with_it(tmp_path: Path) -> None:
    folder = run_with_unparsed(tmp_path, {"s1"})
    first = Asked(lambda request: Output("A"), seat=1)
    second = Asked(lambda request: Output("B"), seat=2)
    for judge, verdict in ((first, "A"), (second, "B"), (first, "A"), (second, "B")):
        judge_run(folder, judge, QUIET)
        assert [one.outcome for one in merged(folder.judge).values()] == [Output(verdict)]
    assert (len(first.calls), len(second.calls)) == (1, 1)

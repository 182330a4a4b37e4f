"""Whole processes that die, fill the disk, meet one another: nothing that was saved is lost or asked again."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults.victim import COUNT
from tests.run.asking import PATIENCE, merged
from vlmeval.score.scorer import score_run
from vlmeval.store.layout import RunFolder, find_runs
from vlmeval.store.manifest import read_manifest

REQUESTS = 4 * COUNT
ROOT = Path(__file__).resolve().parents[2]
Command = list[str]


def command(results: Path, calls: Path, concurrency: int, fate: str = "none", at: int = 0) -> Command:
    words = (results, calls, concurrency, fate, at)
    return [sys.executable, "-m", "tests.faults.victim", *map(str, words)]


def finish(words: Command) -> subprocess.CompletedProcess[str]:
    return subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE)


def asked(calls: Path) -> list[str]:
    return calls.read_text().splitlines()


def saved(results: Path) -> set[str]:
    return {
        f"{sample}/{variant}" for outputs in results.glob("*/*/*/outputs.jsonl") for sample, variant in merged(outputs)
    }


def only_run(results: Path) -> RunFolder:
    (folder,) = find_runs([results])
    return folder


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    results = tmp_path_factory.mktemp("whole")
    done = finish(command(results, results / "calls", 4))
    assert (done.returncode, done.stdout) == (0, "complete\n"), done.stderr
    return results


def check_same(results: Path, uninterrupted: Path) -> None:
    """The records that count, and the scores to the byte, are those of a run that nothing happened to."""
    one, other = only_run(results), only_run(uninterrupted)
    assert merged(one.outputs) == merged(other.outputs)
    assert one.questions.read_bytes() == other.questions.read_bytes()
    score_run(one)
    score_run(other)
    assert one.scores.read_bytes() == other.scores.read_bytes()
    assert one.samples.read_bytes() == other.samples.read_bytes()


def test_ten_kills_with_ten_concurrencies_end_with_the_same_scores(tmp_path: Path, uninterrupted: Path) -> None:
    dice = random.Random(7)
    calls = tmp_path / "calls"
    before: set[str] = set()
    already = 0
    for concurrency in dice.sample([1, 2, 3, 5, 8, 13, 21, 34, 55, 89], 10):
        killed = finish(command(tmp_path / "r", calls, concurrency, "kill", dice.randint(10, 45)))
        assert killed.returncode in (-signal.SIGKILL, 0), killed.stderr
        assert before.isdisjoint(asked(calls)[already:])
        before, already = saved(tmp_path / "r"), len(asked(calls))
    done = finish(command(tmp_path / "r", calls, 4))
    assert done.stdout == "complete\n", done.stderr
    assert before.isdisjoint(asked(calls)[already:])
    assert len(before) > 10
    check_same(tmp_path / "r", uninterrupted)


def test_a_line_torn_by_a_crash_is_asked_again_and_nothing_else(tmp_path: Path, uninterrupted: Path) -> None:
    calls = tmp_path / "calls"
    finish(command(tmp_path / "r", calls, 4))
    outputs = only_run(tmp_path / "r").outputs
    outputs.write_bytes(outputs.read_bytes()[:-30])
    finish(command(tmp_path / "r", calls, 4))
    assert len(asked(calls)) == REQUESTS + 1
    check_same(tmp_path / "r", uninterrupted)


def test_a_disk_that_fills_up_stops_with_one_message_and_the_same_command_goes_on(
    tmp_path: Path, uninterrupted: Path
) -> None:
    calls = tmp_path / "calls"
    for size in (20_000, 25_000):
        full = finish(command(tmp_path / "r", calls, 16, "full", size))
        assert full.returncode == 2
        assert "cannot be written: File too large" in full.stderr
        assert "run the same command again" in full.stderr
        assert len(full.stderr.splitlines()) < 10
    before, already = saved(tmp_path / "r"), len(asked(calls))
    assert len(before) > 10
    done = finish(command(tmp_path / "r", calls, 2))
    assert done.stdout == "complete\n", done.stderr
    assert before.isdisjoint(asked(calls)[already:])
    check_same(tmp_path / "r", uninterrupted)


def test_a_second_process_is_refused_while_the_first_runs_on(tmp_path: Path, uninterrupted: Path) -> None:
    calls = tmp_path / "calls"
    with subprocess.Popen(
        command(tmp_path / "r", calls, 1, "wait", 30),
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == "waiting\n"
        second = finish(command(tmp_path / "r", calls, 1))
        assert second.returncode == 2
        assert f"another run is writing here (process {first.pid} " in second.stderr
        assert first.communicate()[0] == "complete\n"
    assert len(asked(calls)) == REQUESTS
    check_same(tmp_path / "r", uninterrupted)


def test_sigterm_saves_the_call_under_way_and_the_same_command_goes_on(tmp_path: Path, uninterrupted: Path) -> None:
    calls = tmp_path / "calls"
    with subprocess.Popen(
        command(tmp_path / "r", calls, 1, "wait", 30),
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as first:
        assert first.stdout is not None
        assert first.stderr is not None
        assert first.stdout.readline() == "waiting\n"
        first.send_signal(signal.SIGTERM)
        assert "stopping: calls under way (1)" in first.stderr.readline()
        _, said = first.communicate()
    assert "30 answers are saved" in said
    assert "run the same command again" in said
    assert read_manifest(only_run(tmp_path / "r")).state == "interrupted"
    assert len(saved(tmp_path / "r")) == 30
    finish(command(tmp_path / "r", calls, 8))
    assert len(asked(calls)) == REQUESTS
    check_same(tmp_path / "r", uninterrupted)

"""Shards and their merge as a person runs them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.cli.made import SEEING, mmbench_tsv
from vlmeval.cli.main import run
from vlmeval.store.journal import read_records
from vlmeval.store.layout import RunFolder

# Kills its own process at the sixth call as long as the file `deadly` is there.
DEADLY = """
import os
import signal

class Deadly(Seeing):
    concurrency = 1
    calls = 0

    def generate(self, requests):
        self.calls += 1
        if self.calls == 6 and os.path.exists("deadly"):
            os.remove("deadly")
            os.kill(os.getpid(), signal.SIGKILL)
        return super().generate(requests)
"""
LAUNCHERS = ("RANK", "WORLD_SIZE", "SLURM_ARRAY_TASK_ID", "SLURM_ARRAY_TASK_COUNT")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in LAUNCHERS:
        monkeypatch.delenv(name, raising=False)
    mmbench_tsv(tmp_path / "q.tsv", 10)
    Path("my.py").write_text(SEEING + DEADLY, "utf8")
    return tmp_path


def arguments(results: str, *more: str, model: str = "Seeing") -> list[str]:
    tasks = ("--tasks", "mmbench_dev_en", "--data", "mmbench_dev_en=q.tsv")
    return ["run", "--model", f"my.py:{model}", *tasks, "-o", results, "--no-report", "--quiet", *more]


def vlmeval(*words: str) -> int:
    with pytest.raises(SystemExit) as ended:
        run([*words])
    return int(ended.value.code or 0)


def scores(results: str) -> bytes:
    (path,) = Path(results).glob("*/*/*/scores.json")
    return path.read_bytes()


def test_three_shards_one_killed_and_continued_merge_into_the_scores_of_one_run(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert vlmeval(*arguments("whole", model="Deadly")) == 0
    for index in ("2/3", "3/3"):
        assert vlmeval(*arguments("parts", "--shard", index, model="Deadly")) == 0
    assert vlmeval("merge", "parts") == 2
    assert "of 3 shards 1/3 is missing; run what is missing (--shard 1/3)" in capsys.readouterr().err
    Path("deadly").touch()
    command = [sys.executable, "-m", "vlmeval", *arguments("parts", "--shard", "1/3", model="Deadly")]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])}
    assert subprocess.run(command, env=environment, check=False).returncode == -signal.SIGKILL
    assert vlmeval("merge", "parts") == 2
    assert "shard 1/3" in (said := capsys.readouterr().err)
    assert "is not finished" in said
    assert vlmeval(*arguments("parts", "--shard", "1/3", model="Deadly")) == 0
    assert "once all shards have run: vlmeval merge parts/mmbench_dev_en/my-Deadly" in capsys.readouterr().out
    assert vlmeval("merge", "parts/mmbench_dev_en/my-Deadly") == 0
    assert "80.0" in capsys.readouterr().out
    assert scores("parts") == scores("whole")
    joined = RunFolder(next(Path("parts").glob("*/*/*/scores.json")).parent)
    asked = Counter((record.sample_id, record.variant) for record in read_records(joined.outputs))
    assert len(asked) == 40
    assert set(asked.values()) == {1}
    assert vlmeval("merge", "parts") == 0
    assert scores("parts") == scores("whole")


def test_shards_are_not_scored_alone_nor_found_as_runs(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert vlmeval(*arguments("parts", "--shard", "1/2")) == 0
    assert not list(Path("parts").rglob("scores.json"))
    capsys.readouterr()
    assert vlmeval("score", "parts") == 2
    assert "holds shards of runs only; join them first: vlmeval merge parts" in capsys.readouterr().err


def test_the_same_command_without_a_shard_continues_the_joined_run(folder: Path) -> None:
    for index in ("1/2", "2/2"):
        vlmeval(*arguments("parts", "--shard", index))
    assert vlmeval("merge", "parts", "--no-score") == 0
    assert not list(Path("parts").rglob("scores.json"))
    before = {path: path.read_bytes() for path in Path("parts").glob("*/*/*/outputs.jsonl")}
    assert vlmeval(*arguments("parts")) == 0
    assert len(scores("parts")) > 0
    assert {path: path.read_bytes() for path in Path("parts").glob("*/*/*/outputs.jsonl")} == before


def test_the_launcher_says_which_shard_of_a_blind_run(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blind = ("--blind", "shuffled")
    assert vlmeval(*arguments("whole", *blind)) == 0
    monkeypatch.setenv("WORLD_SIZE", "2")
    for rank in ("0", "1"):
        monkeypatch.setenv("RANK", rank)
        assert vlmeval(*arguments("parts", "--shard", "auto", *blind)) == 0
    assert sorted(path.parent.name[-5:] for path in Path("parts").glob("*/*/*/run.json")) == [".1of2", ".2of2"]
    assert vlmeval("merge", "parts", "-o", "joined") == 0
    assert scores("joined") == scores("whole")


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--shard", "3/2"), "counted from 1"),
        (("--shard", "auto"), "neither torchrun"),
        (("--ray-workers", "2"), "--ray-workers goes with --executor ray"),
    ],
)
def test_wrong_use_is_told_before_anything_is_asked(
    folder: Path, capsys: pytest.CaptureFixture[str], more: tuple[str, ...], said: str
) -> None:
    assert vlmeval(*arguments("parts", *more)) == 2
    assert said in capsys.readouterr().err
    assert not Path("parts").exists()


def test_merge_says_where_nothing_is_to_be_joined(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    vlmeval(*arguments("whole"))
    assert vlmeval("merge", "whole") == 2
    assert "holds no shard of a run" in capsys.readouterr().err

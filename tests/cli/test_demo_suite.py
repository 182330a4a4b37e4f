"""The demonstration model on the real tasks' names, over the demonstration data that comes along."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from demo.build import SUITE
from vlmeval.cli.main import run
from vlmeval.data.catalog import find_task
from vlmeval.data.options import DataOptions
from vlmeval.data.samples import open_samples

Vlmeval = Callable[..., tuple[int, str, str]]
TASKS = ("mmbench", "mmmu_val", "textvqa_val", "pope")
MORE = ("mmstar", "scienceqa", "ai2d", "seedbench", "realworldqa", "chartqa", "ocrbench", "gqa")


@pytest.fixture
def vlmeval(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Vlmeval:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LMUData", str(tmp_path / "LMUData"))

    def call(*arguments: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            run([str(argument) for argument in arguments])
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    return call


def test_a_table_shows_n_interval_coverage_and_blind_gain_for_each_task(vlmeval: Vlmeval, tmp_path: Path) -> None:
    common = ("run", "--model", "demo", "--tasks", ",".join(TASKS), "--data-dir", SUITE, "--offline", "--no-report")
    status, sighted, err = vlmeval(*common, "--quiet")
    assert status == 0, err
    status, both, err = vlmeval(*common, "--quiet", "--blind", "none")
    assert status == 0, err
    for name in TASKS:
        task = find_task(name)
        (path,) = [
            path for path in (tmp_path / "results" / task.name).glob("*/*/scores.json")
            if not json.loads(path.with_name("run.json").read_bytes())["origin"]["blind"]
        ]  # fmt: skip
        scores = json.loads(path.read_bytes())
        (primary,) = [one for one in scores["estimates"] if (one["metric"], one["slice"]) == (task.primary, "")]
        assert primary["samples"] >= 30
        assert scores["coverage"]["samples"] == scores["coverage"]["answered"] + scores["coverage"]["unparsed"]
        lines = [line for line in sighted.splitlines() if line.split()[:1] == [task.name]]
        assert len(lines) == 1
        assert " % " in lines[0]
    gains = [line for line in both.splitlines() if "gain from the image" in line]
    assert len(gains) == len(TASKS)
    assert all(re.search(r"\+\d+\.\d  +\+\d+\.\d – \+\d+\.\d", line) for line in gains)


@pytest.mark.parametrize("name", [*TASKS, *MORE])
def test_every_file_of_the_suite_is_what_its_task_reads(name: str, tmp_path: Path) -> None:
    with open_samples(find_task(name), DataOptions(data_dir=SUITE, offline=True)) as samples:
        found = list(samples)
    assert Path(samples.table.path).parent == SUITE
    assert len({sample.id for sample in found}) == len(found) >= 30
    assert all(sample.references for sample in found)

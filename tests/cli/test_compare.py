"""`vlmeval compare` as a person, and as a CI job, types it."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import msgspec
import pytest

from tests.cli import test_run
from tests.cli.test_run import Vlmeval
from tests.score.compared import PLAIN, first, scored
from tests.score.runs import FAILED

vlmeval = test_run.vlmeval


@pytest.fixture
def runs(tmp_path: Path) -> tuple[Path, Path]:
    """Two runs: the second has 25 points less."""
    return scored(tmp_path / "r", "old", first(60)).path, scored(tmp_path / "r", "new", first(40)).path


def test_the_verdict_is_said_with_flips_samples_and_recipes(vlmeval: Vlmeval, runs: tuple[Path, Path]) -> None:
    status, out, err = vlmeval("compare", *runs)
    assert (status, err) == (0, "")
    assert "exam: new against old: worse by 25.0 points, 95 % interval 1" in out
    assert "p < .001 after Holm; 0 flips to right, 20 to wrong" in out
    assert "flips: reply differs 20 (+0 -20)" in out
    assert "samples: 80 of 80 common ones scored in both" in out
    assert "differs as expected: model.name" in out
    assert "accuracy category=even" in " ".join(out.split())
    assert "category" not in vlmeval("compare", *runs, "--no-slices")[1]


@pytest.mark.parametrize(("points", "expected"), [("1.0", 1), ("24.9", 1), ("25.5", 0)])
def test_ci_fails_where_a_task_is_worse_by_more_than_allowed(
    vlmeval: Vlmeval, runs: tuple[Path, Path], points: str, expected: int
) -> None:
    status, _, err = vlmeval("compare", *runs, "--fail-if-worse", points)
    assert status == expected
    assert ("--fail-if-worse" in err) == bool(expected)


def test_ci_passes_where_the_model_is_better_or_no_difference_is_shown(vlmeval: Vlmeval, tmp_path: Path) -> None:
    base, close, better = (
        scored(tmp_path, name, first(count)).path for name, count in (("a", 40), ("b", 38), ("c", 60))
    )
    assert vlmeval("compare", base, close, "--fail-if-worse", 0)[0] == 0
    assert vlmeval("compare", base, better, "--fail-if-worse", 0)[0] == 0
    assert vlmeval("compare", base, close, better, "--fail-if-worse", 0)[0] == 0
    assert vlmeval("compare", base, close, better, "--fail-if-worse", 0, "--baseline", "c")[0] == 1


def test_the_baseline_is_named_by_model_or_path(vlmeval: Vlmeval, runs: tuple[Path, Path]) -> None:
    for name in ("new", runs[1]):
        assert "old against new: better by 25.0 points" in vlmeval("compare", *runs, "--baseline", name)[1]
    status, _, err = vlmeval("compare", *runs, "--baseline", "nwe")
    assert status == 2
    assert 'did you mean "new"?' in err


def test_another_prompt_is_refused_with_its_key_unless_allowed(vlmeval: Vlmeval, tmp_path: Path) -> None:
    base = scored(tmp_path, "old", first(60)).path
    other = scored(tmp_path, "new", first(40), task=msgspec.structs.replace(PLAIN, prompt="lmms")).path
    status, out, err = vlmeval("compare", base, other)
    assert status == 2
    assert 'task.prompt.name ("vlmevalkit", here "lmms")' in err
    assert "not compared: the recipes differ in" in out
    status, out, err = vlmeval("compare", base, other, "--allow-different")
    assert (status, err) == (0, "")
    assert 'differs, allowed: task.prompt.name ("vlmevalkit", here "lmms")' in out
    assert "prompt differs 20 (+0 -20)" in out


def test_failed_samples_are_left_out_and_said(vlmeval: Vlmeval, tmp_path: Path) -> None:
    base = scored(tmp_path, "old", first(60)).path
    model = scored(tmp_path, "new", {**first(60), "q1": FAILED, "q2": FAILED}).path
    status, out, _ = vlmeval("compare", base, model)
    assert status == 0
    assert "samples: 78 of 80 common ones scored in both; left out for new: failed 2" in out
    assert "new: 2 of 80 samples failed or refused" in out


def test_csv_and_json_hold_every_figure_and_the_flips(vlmeval: Vlmeval, runs: tuple[Path, Path]) -> None:
    rows = list(csv.DictReader(io.StringIO(vlmeval("compare", *runs, "--format", "csv")[1])))
    assert [row["slice"] for row in rows] == ["", "category=even", "category=odd"]
    assert float(rows[0]["difference"]) == -25.0
    assert rows[0]["outcome"] == "worse"
    found = json.loads(vlmeval("compare", *runs, "--format", "json")[1])["comparison"]
    (one,) = found["tasks"]
    assert one["figures"][0]["paired"]["difference"] == -0.25
    assert [flip["sample_id"] for flip in one["flips"]] == [f"q{number}" for number in range(40, 60)]
    assert one["flips"][0]["cause"] == "reply differs"


def test_markdown_is_a_table_and_hostile_names_stay_in_their_cells(vlmeval: Vlmeval, tmp_path: Path) -> None:
    base = scored(tmp_path, "old", first(60)).path
    model = scored(tmp_path, "a|b <img src=x>", first(40)).path
    out = vlmeval("compare", base, model, "--format", "markdown")[1]
    table = [line for line in out.splitlines() if line.startswith("|")]
    assert len(table) == 5
    assert "a\\|b &lt;img" in table[2]
    assert "<img" not in out


def test_a_run_that_is_newer_than_its_scores_is_scored_first(vlmeval: Vlmeval, runs: tuple[Path, Path]) -> None:
    before = (runs[0] / "samples.jsonl").read_bytes()
    (runs[0] / "samples.jsonl").unlink()
    assert vlmeval("compare", *runs)[0] == 0
    assert (runs[0] / "samples.jsonl").read_bytes() == before


def test_a_damaged_run_is_named_and_nothing_is_compared(vlmeval: Vlmeval, runs: tuple[Path, Path]) -> None:
    (runs[1] / "run.json").write_bytes(b"{")
    status, out, err = vlmeval("compare", *runs)
    assert (status, out) == (2, "")
    assert str(runs[1] / "run.json") in err


def test_a_single_run_has_nothing_to_be_compared_with(vlmeval: Vlmeval, runs: tuple[Path, Path]) -> None:
    status, _, err = vlmeval("compare", runs[0])
    assert status == 2
    assert "nothing to compare with" in err


def test_samples_for_a_difference_are_planned(vlmeval: Vlmeval, runs: tuple[Path, Path]) -> None:
    assert "a difference of 2 points needs " in vlmeval("compare", *runs, "--samples-for", 2)[1]
    assert vlmeval("compare", *runs, "--samples-for", 0)[0] == 2


def test_a_run_stands_against_published_figures_of_its_model(vlmeval: Vlmeval, tmp_path: Path) -> None:
    (tmp_path / "tasks").mkdir()
    (tmp_path / "tasks" / "exam.toml").write_text(
        'name = "exam"\nbenchmark = "exam"\nsplit = "dev"\nkind = "choice"\nmetrics = ["accuracy"]\n'
        'primary = "accuracy"\nprompt = "vlmevalkit"\n[options]\ncircular = false\n'
        '[[published]]\nmodel = "Old"\nvalue = 74.0\nsource = "a paper"\n'
        '[[published]]\nmodel = "old"\nvalue = 95.0\nsource = "a blog"\nnote = "who knows"\n'
        '[[published]]\nmodel = "old"\nvalue = 75.0\nsource = "a card"\nsamples = 90\n'
    )
    run, other = scored(tmp_path / "r", "old", first(60)).path, scored(tmp_path / "r", "new", first(60)).path
    command = ("compare", run, other, "--published", "--catalog", tmp_path)
    status, out, err = vlmeval(*command)
    assert status == 0
    lines = out.splitlines()
    assert lines[0].startswith("exam accuracy: old: reproduced: 75.0, published 74 (+1.0 points, 95 % interval -")
    assert lines[0].endswith("[a paper]")
    assert lines[1].startswith("exam accuracy: old: differs by -20.0 points")
    assert lines[1].endswith("[a blog; who knows]")
    assert lines[2] == "exam accuracy: old: not comparable: n: 80 samples, published on 90 [a card]"
    assert err == "exam: no figure of new is known\n"
    rows = list(csv.DictReader(io.StringIO(vlmeval(*command, "--format", "csv")[1])))
    assert [row["standing"] for row in rows] == ["reproduced", "differs", "not comparable"]
    assert float(rows[0]["measured"]) == 75.0
    assert len(json.loads(vlmeval(*command, "--format", "json")[1])["published"]) == 3
    assert vlmeval("compare", other, "--published", "--catalog", tmp_path)[0] == 2


def test_models_of_the_demo_are_compared_from_the_command_that_ran_them(vlmeval: Vlmeval, tmp_path: Path) -> None:
    command = ("run", "--model", "demo", "--model", "demo-small", "--tasks", "demo_mmmu,demo_caption", "--no-report")
    assert vlmeval(*command, "--limit", 30, "--quiet")[0] == 0
    status, out, err = vlmeval("compare", tmp_path / "results", "--no-slices")
    assert (status, err) == (0, "")
    assert "demo_mmmu: demo-small against demo: " in out
    assert "demo_caption: demo-small against demo: " in out
    assert "p-values are adjusted after Holm over 2 comparisons" in out

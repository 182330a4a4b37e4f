"""`--scorer` and `--epochs` as a person types them."""

# ruff: noqa: F401, F811 - fixtures are imported, and named as arguments
from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.made import SEEING, base64_picture, mmbench_tsv, write_tsv
from tests.cli.test_run import Vlmeval, estimates, only_run, seeing, vlmeval

TALKING = """
class Talking:
    concurrency = 1

    def generate(self, requests):
        return ["B stands for what I see in this picture" if "1" in r.sample_id else "blue" for r in requests]
"""
CHANGING = """
class Changing:
    concurrency = 2

    def generate(self, requests):
        return [self.say(request) for request in requests]

    def say(self, request):
        assert request.sampling.seed == 5 + int(request.variant[5:6])
        return REPLIES[int(request.variant[5:6])]

REPLIES = ["{0}", "{1}", "{0}", "{1}"]
"""


def test_a_run_under_another_scorer_shows_both_figures_and_the_rows_between(
    vlmeval: Vlmeval,
    tmp_path: Path,
) -> None:
    (tmp_path / "my.py").write_text(TALKING)
    data = mmbench_tsv(tmp_path / "q.tsv", 12)
    line = ["run", "--model", "my.py:Talking", "--tasks", "mmbench", "--data", f"mmbench={data}", "--no-report"]
    status, out, err = vlmeval(*line, "--scorer", "vlmevalkit")
    assert status == 0, err
    assert "official: circular" in out
    assert "scorer:vlmevalkit|" in out
    assert "vlmevalkit against official: " in out
    folder = only_run(tmp_path)
    assert json.loads((folder / "scores.json").read_bytes())["scorer"] == "vlmevalkit"
    differing = [json.loads(row) for row in (folder / "scorers.jsonl").read_bytes().splitlines()]
    assert {row["id"] for row in differing} == {"1", "10", "11", "12"}
    assert vlmeval(*line)[0] == 0
    assert json.loads((only_run(tmp_path) / "scores.json").read_bytes())["scorer"] == "official"


def test_score_shows_both_numbers_and_which_rows_differ(vlmeval: Vlmeval, tmp_path: Path) -> None:
    (tmp_path / "my.py").write_text(TALKING)
    data = mmbench_tsv(tmp_path / "q.tsv", 12)
    line = ["run", "--model", "my.py:Talking", "--tasks", "mmbench", "--data", f"mmbench={data}", "--no-report"]
    assert vlmeval(*line)[0] == 0
    status, out, _ = vlmeval("score", "results", "--scorer", "vlmevalkit")
    assert status == 0
    assert "official: circular" in out
    assert (
        "reads B (token), scores 0; vlmevalkit reads unparsed (no_option), scores 0" in out or "read otherwise" in out
    )
    status, out, _ = vlmeval("score", "results", "--scorer", "lmms", "--format", "markdown")
    assert "official: circular" in out
    status, out, err = vlmeval("score", "results", "--scorer", "vlmeval-3")
    assert status == 2
    assert 'task mmbench_dev_en has no scorer "vlmeval-3"; it has: official, lmms, vlmeval, vlmevalkit,' in err


def test_run_refuses_a_scorer_that_a_task_has_not_before_asking(vlmeval: Vlmeval, tmp_path: Path) -> None:
    (tmp_path / "my.py").write_text(TALKING)
    status, _, err = vlmeval("run", "--model", "my.py:Talking", "--tasks", "mm_vet", "--scorer", "vlmevalkit")
    assert status == 2
    assert 'task mm_vet has no scorer "vlmevalkit"; it has: official' in err
    assert not (tmp_path / "results").exists()


def test_each_epoch_of_a_circular_task_is_asked_and_counted(
    vlmeval: Vlmeval,
    seeing: str,
    tmp_path: Path,
) -> None:
    data = mmbench_tsv(tmp_path / "q.tsv", 10)
    calls = tmp_path / "calls"
    line = ["run", "--model", seeing, "--model-args", f"log={calls}", "--tasks", "mmbench", "--data", f"mmbench={data}"]
    line += ["--no-report", "--epochs", "3"]
    status, out, err = vlmeval(*line)
    assert status == 0, err
    assert len(calls.read_text().splitlines()) == 3 * 4 * 10
    assert calls.read_text().splitlines()[0].split()[1] == "epoch0.rot0"
    found = estimates(only_run(tmp_path))
    assert found["circular", ""]["value"] == found["pass_2", ""]["value"] == found["majority", ""]["value"] == 0.8
    assert found["pass_2", ""]["low"] < 0.8 < found["pass_2", ""]["high"]
    assert "|epochs:3|" in out
    assert ("pass_4", "") not in found
    assert vlmeval(*line)[0] == 0
    assert len(calls.read_text().splitlines()) == 3 * 4 * 10


@pytest.mark.parametrize(
    ("kind", "metric", "row", "right", "wrong"),
    [
        ("choice", "accuracy", {"question": "?", "A": "cat", "B": "dog", "answer": "B"}, "B", "A"),
        ("short", "exact_match", {"question": "?", "answer": "red"}, "red", "blue"),
        ("yesno", "yesno_accuracy", {"question": "Is it?", "answer": "yes"}, "yes", "no"),
    ],
)
def test_every_kind_that_writes_can_be_asked_in_epochs(
    kind: str,
    metric: str,
    row: dict[str, str],
    right: str,
    wrong: str,
    vlmeval: Vlmeval,
    tmp_path: Path,
) -> None:
    (tmp_path / "my.py").write_text(CHANGING.format(right, wrong))
    data = tmp_path / "q.tsv"
    write_tsv(data, [{"index": str(number), "image": base64_picture("red", number), **row} for number in range(6)])
    circular = "\n[options]\ncircular = false\n" if kind == "choice" else ""
    (tmp_path / "t.toml").write_text(
        f'name = "t"\nbenchmark = "q.tsv"\nsplit = "all"\nkind = "{kind}"\nmetrics = ["{metric}"]\n'
        f'primary = "{metric}"\n{circular}'
    )
    status, out, err = vlmeval(
        "run", "--model", "my.py:Changing", "--tasks", "t.toml", "--epochs", 4, "--seed", 5, "--no-report"
    )
    assert status == 0, err + out
    found = estimates(only_run(tmp_path))
    assert found[metric, ""]["value"] == pytest.approx(0.5)
    assert found["pass_2", ""]["value"] == pytest.approx(1 - 1 / 6)
    assert found["pass_4", ""]["value"] == pytest.approx(1.0)
    assert found["majority", ""]["value"] == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--tasks", "demo_caption", "--epochs", "2"], ["--epochs", "changes nothing for demo_caption"]),
        (["--tasks", "mmbench", "--epochs", "2", "--stop-early"], ["stop_early", "several epochs"]),
        (["--tasks", "mmbench", "--epochs", "2", "--mode", "likelihood"], ["likelihood", "several epochs"]),
        (["--tasks", "mmbench", "--epochs", "0"], ["epochs"]),
    ],
)
def test_epochs_that_make_no_sense_are_refused(
    arguments: list[str],
    words: list[str],
    vlmeval: Vlmeval,
    tmp_path: Path,
) -> None:
    (tmp_path / "my.py").write_text(SEEING)
    status, out, err = vlmeval("run", "--model", "my.py:Seeing", *arguments)
    assert status == 2
    assert all(word in err + out for word in words)

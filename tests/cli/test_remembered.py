"""What a person asked for once is still there later: slices in reports, files for servers, settings of a model."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import msgspec
import pytest

from tests.cli import test_run
from tests.cli.made import mmbench_tsv
from tests.cli.test_run import Vlmeval
from tests.score.runs import FAILED, made, manifest_of
from vlmeval.data.catalog import find_task
from vlmeval.jsonio import read_json, write_json
from vlmeval.store.results import Manifest
from vlmeval.types import Output, Sample

vlmeval = test_run.vlmeval

TALKATIVE = """
class Talkative:
    def __init__(self, letter="A"):
        self.letter = letter

    def generate(self, requests):
        return [self.letter for request in requests]
"""
HIDDEN = [Sample(str(number), ("What does it say?",), cluster=str(number)) for number in range(3)]


@pytest.fixture
def line(tmp_path: Path) -> list[object]:
    (tmp_path / "my.py").write_text(TALKATIVE)
    data = mmbench_tsv(tmp_path / "q.tsv", 12)
    return ["run", "--model", "my.py:Talkative", "--tasks", "mmbench", "--data", f"mmbench={data}", "--quiet"]


def test_slices_asked_for_once_are_in_the_report(vlmeval: Vlmeval, line: list[object], tmp_path: Path) -> None:
    assert vlmeval(*line, "--no-report")[0] == 0
    assert vlmeval("score", "results", "--slice", "category")[0] == 0
    assert vlmeval("report", "results")[0] == 0
    text = (tmp_path / "reports" / "scores.md").read_text("utf8")
    assert "category=" in text
    (page,) = (tmp_path / "reports").glob("*/*/*.html")
    assert "<h2>category" in page.read_text("utf8")
    (manifest,) = (tmp_path / "results").glob("*/*/*/run.json")
    write_json(manifest, read_json(manifest, Manifest))
    assert vlmeval("report", "results")[0] == 0
    assert "category=" in (tmp_path / "reports" / "scores.md").read_text("utf8"), "scored again, as asked before"


def test_slices_of_a_run_are_in_its_tables_too(vlmeval: Vlmeval, line: list[object], tmp_path: Path) -> None:
    status, out, _ = vlmeval(*line, "--slice", "category")
    assert status == 0
    assert "category=" in out
    assert "category=" in (tmp_path / "reports" / "scores.md").read_text("utf8")


def test_score_writes_the_file_for_the_server_as_a_run_does(vlmeval: Vlmeval, tmp_path: Path) -> None:
    folder = made(tmp_path / "results", HIDDEN, lambda sample, request: Output("stop"), task=find_task("docvqa_test"))
    assert not (folder.path / "submission.json").exists()
    _, out, _ = vlmeval("score", "results")
    assert f"submit   {folder.path.relative_to(tmp_path)}/submission.json (3 answers)" in out
    assert len(json.loads((folder.path / "submission.json").read_bytes())) == 3


def test_a_table_for_a_program_holds_no_other_line(vlmeval: Vlmeval, tmp_path: Path) -> None:
    made(tmp_path / "results", HIDDEN, lambda sample, request: Output("stop"), task=find_task("docvqa_test"))
    _, out, err = vlmeval("score", "results", "--format", "csv")
    assert len({len(row) for row in csv.reader(out.splitlines())}) == 1
    assert "submit   " in err


def test_why_there_is_no_file_is_said(vlmeval: Vlmeval, tmp_path: Path) -> None:
    made(tmp_path / "results", HIDDEN, lambda sample, request: FAILED, task=find_task("docvqa_test"))
    _, _, err = vlmeval("score", "results")
    assert "no submission.json: 3 of 3 questions have no reply" in err


def test_a_replayed_run_is_not_told_to_ask_again(vlmeval: Vlmeval, tmp_path: Path) -> None:
    folder = made(tmp_path / "results", HIDDEN, lambda sample, request: FAILED, task=find_task("docvqa_test"))
    manifest = manifest_of(find_task("docvqa_test"), recipe={"model.wrapper": "replay"})
    write_json(folder.manifest_path, manifest)
    _, out, err = vlmeval("score", "results")
    assert "--retry-errors" not in out + err
    assert "--errors wrong" in err


def test_two_runs_that_differ_in_the_models_settings_are_told_apart(
    vlmeval: Vlmeval, line: list[object], tmp_path: Path
) -> None:
    for letter in "AB":
        assert vlmeval(*line, "--model-args", f"letter={letter}", "--no-report")[0] == 0
    status, out, _ = vlmeval("score", "results")
    assert status == 0
    said = "".join(out.split())
    assert "letter=A" in said
    assert "letter=B" in said
    ids = {path.parent.name for path in (tmp_path / "results").glob("*/*/*/run.json")}
    assert len(ids) == 2
    assert all(f"run {one}" in out for one in ids)
    vlmeval("report", "results")
    overview = (tmp_path / "reports" / "index.html").read_text("utf8")
    assert "letter=A" in overview
    assert "letter=B" in overview


def test_keys_of_a_judge_stay_out_of_the_run(vlmeval: Vlmeval, line: list[object], tmp_path: Path) -> None:
    vlmeval(*line, "--judge", "my.py:Talkative", "--judge-args", "letter=A", "--no-report")
    (path,) = (tmp_path / "results").glob("*/*/*/run.json")
    assert msgspec.json.decode(path.read_bytes(), type=Manifest).judge == "my-Talkative"

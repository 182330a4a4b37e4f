"""What is no plain answer is counted and said: cut off, thinking, not judged; never scored as something else."""

from __future__ import annotations

import ast
from pathlib import Path

import msgspec
import pytest

import vlmeval
from tests.score import runs
from tests.score.runs import CHOICE, FAILED, REFUSED, made, question, right
from vlmeval.data.task import Task
from vlmeval.report.page import write_run_page
from vlmeval.score.scorer import score_run
from vlmeval.score.table import csv_text, markdown, number, states
from vlmeval.store.layout import RunFolder
from vlmeval.store.results import Scores
from vlmeval.types import MetricInfo, Outcome, Output, Request, Sample

SINGLE: Task = msgspec.structs.replace(
    CHOICE, metrics=("vanilla",), primary="vanilla", options={"circular": False}, slices=()
)
QUESTIONS = [question(number) for number in range(100)]
CUT = Output("B, because the picture shows a", finish="length")


def with_replies(results: Path, special: dict[str, Outcome], **manifest: object) -> RunFolder:
    def reply(sample: Sample, request: Request) -> Outcome | str:
        return special.get(sample.id) or right(sample, request)

    return made(results, QUESTIONS, reply, task=SINGLE, **manifest)


def warned(scores: Scores) -> list[str]:
    return [note for note in scores.notes if "cut off at the limit" in note]


def test_past_one_per_cent_truncation_is_a_warning_and_before_it_a_count(tmp_path: Path) -> None:
    few = score_run(with_replies(tmp_path / "1", {"q0": CUT}))
    assert (few.coverage.truncated, warned(few)) == (1, [])
    many = score_run(with_replies(tmp_path / "2", {"q0": CUT, "q1": CUT}))
    assert many.coverage.truncated == 2
    (note,) = warned(many)
    assert note.startswith("warning: 2 of 100 samples (2.0 %) have a reply that was cut off at the limit of 64 tokens")
    assert "a higher --max-tokens" in note
    assert many.complete, "a warning is no gap"


def test_the_warning_is_on_terminal_page_and_tables(tmp_path: Path) -> None:
    folder = with_replies(tmp_path, {"q0": CUT, "q1": CUT, "q2": FAILED, "q3": REFUSED})
    scores = score_run(folder)
    assert states(scores.coverage) == "refused 1, failed 1, truncated 2"
    assert "cut off at the limit of 64 tokens" in markdown([scores])
    assert csv_text([scores]).splitlines()[0].count("truncated") == 1
    page = write_run_page(folder, tmp_path / "reports").read_text("utf8")
    assert "2 of 100 samples (2.0 %) with a reply cut off at the token limit" in page
    assert "1 of 100 samples (1.0 %) refused by the model" in page
    assert "1 of 100 samples (1.0 %) whose request failed" in page


def test_a_model_that_never_stopped_thinking_is_unparsed_and_truncated(tmp_path: Path) -> None:
    endless = Output("<think>Is it B? Or A? The answer is A", finish="length")
    scores = score_run(with_replies(tmp_path, {"q0": endless, "q1": endless}))
    assert (scores.coverage.unparsed, scores.coverage.truncated) == (2, 2)
    assert scores.coverage.rules["thinking_unfinished"] == 2
    assert scores.coverage.thinking == {"thinking_unfinished": 2}
    (headline,) = scores.estimates
    assert headline.value == 0.98


def test_the_rule_that_cut_reasoning_is_recorded_and_shown(tmp_path: Path) -> None:
    thought = Output("◁think▷A is tempting.◁/think▷B")
    folder = with_replies(tmp_path, {"q0": thought, "q1": Output("no, A?</thinking>B")})
    scores = score_run(folder)
    assert scores.coverage.thinking == {"thinking_block": 1, "thinking_closing": 1}
    assert any("reasoning was cut out of 2 replies" in note for note in scores.notes)
    assert scores.estimates[0].value == 1.0
    page = write_run_page(folder, tmp_path / "reports").read_text("utf8")
    assert "a closed block of reasoning was cut out" in page


def test_a_replayed_file_is_not_asked_again(tmp_path: Path) -> None:
    replayed = score_run(with_replies(tmp_path / "1", {"q0": FAILED}, recipe={"model.wrapper": "replay"}))
    assert "--retry-errors" not in " ".join(replayed.notes)
    assert "the replayed file has no answer to them" in replayed.notes[0]
    assert "--retry-errors" in score_run(with_replies(tmp_path / "2", {"q0": FAILED})).notes[0]


def test_an_accuracy_of_zero_is_shown_as_zero(tmp_path: Path) -> None:
    scores = score_run(made(tmp_path, QUESTIONS[:5], runs.wrong, task=SINGLE))
    assert number(MetricInfo("a", "a", scale=100.0), scores.estimates[0].value) == "0.0"
    assert "| 0.0 |" in " ".join(markdown([scores]).split())


def test_a_page_explains_each_rule(tmp_path: Path) -> None:
    folder = with_replies(tmp_path, {"q0": Output("I could not say")})
    score_run(folder)
    page = write_run_page(folder, tmp_path / "reports").read_text("utf8")
    assert "the whole reply is a letter" in page


@pytest.mark.parametrize("room", ["kinds", "metrics", "score", "stats"])
def test_no_environment_variable_changes_a_verdict(room: str) -> None:
    for path in (Path(vlmeval.__file__).parent / room).glob("*.py"):
        names = {node.attr for node in ast.walk(ast.parse(path.read_text("utf8"))) if isinstance(node, ast.Attribute)}
        assert not names & {"environ", "getenv"}, path


def test_ocrbench_marks_each_sample_right_or_wrong(tmp_path: Path) -> None:
    from vlmeval.data.catalog import find_task

    task = find_task("ocrbench")
    samples = [
        Sample(str(n), ("Word?",), ("stop",), tags={"category": "Regular Text Recognition", "group": "x"})
        for n in range(4)
    ]
    folder = made(tmp_path, samples, lambda sample, request: "STOP" if sample.id in "01" else "go", task=task)
    score_run(folder)
    lines = [msgspec.json.decode(line) for line in folder.samples.read_bytes().splitlines()]
    assert [(line["right"], line["passes"][0]["right"]) for line in lines] == [(True, True)] * 2 + [(False, False)] * 2
    page = write_run_page(folder, tmp_path / "reports").read_text("utf8")
    assert page.count('"state":"answered","right":true') == 2
    assert page.count('"state":"answered","right":false') == 2

"""Faults of metrics: named with metric and sample, and no other number is lost."""

from pathlib import Path

import msgspec
import pytest

from tests.score.runs import CHOICE, made, question, right
from vlmeval.jsonio import read_json
from vlmeval.registry import METRICS
from vlmeval.score.scorer import score_run
from vlmeval.store.results import Scores

QUESTIONS = [question(number, gold="ABCD"[number % 4]) for number in range(12)]


def scored(folder: Path, monkeypatch: pytest.MonkeyPatch, name: str, *, primary: str = "circular") -> Scores:
    """Score a run whose task has one more metric, brought by a plug-in."""
    monkeypatch.setitem(METRICS._targets, "plugin", f"tests.score.faulty:{name}")
    task = msgspec.structs.replace(CHOICE, metrics=("circular", "plugin", "vanilla"), primary=primary)
    run = made(folder, QUESTIONS, right, task=task)
    scores = score_run(run)
    assert read_json(run.scores, Scores) == scores
    assert len(run.samples.read_bytes().splitlines()) == 12
    return scores


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("RaisesOnQ7", "sample q7 raised ZeroDivisionError: division by zero"),
        ("NanOnQ7", "sample q7 gave (nan, 1.0), expected 2 finite numbers"),
        ("LongerOnQ7", "sample q7 gave (1.0, 1.0, 1.0), expected 2 finite numbers"),
        ("RaisesOnReferences", "its references raised KeyError: 'idf'"),
        ("RaisesOnSums", "a sum of its statistics raised IndexError: no such column"),
        ("NoShare", "it is marked as a proportion and gave 48.0"),
    ],
)
def test_a_fault_costs_its_metric_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, message: str
) -> None:
    scores = scored(tmp_path, monkeypatch, name)
    assert {one.metric for one in scores.estimates} == {"circular", "vanilla"}
    assert [one.value for one in scores.estimates] == [1.0, 1.0]
    assert scores.notes == (f'metric "plugin" is left out: {message}',)
    assert not scores.complete


def test_a_primary_metric_that_breaks_leaves_the_states_of_the_samples(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scores = scored(tmp_path, monkeypatch, "RaisesOnQ7", primary="plugin")
    assert scores.coverage.answered == 12
    assert {one.metric for one in scores.estimates} == {"circular", "vanilla"}
    assert not scores.complete


def test_a_value_that_is_undefined_is_absent_and_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scores = scored(tmp_path, monkeypatch, "Undefined")
    assert {one.metric for one in scores.estimates} == {"circular", "vanilla"}
    assert scores.notes == ("plugin is undefined on these samples",)


def test_a_metric_may_take_some_samples_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scores = scored(tmp_path, monkeypatch, "OddOnly")
    samples = {one.metric: one.samples for one in scores.estimates}
    assert samples == {"circular": 12, "plugin": 6, "vanilla": 12}
    assert scores.complete


def test_a_plugin_is_listed_under_the_name_it_was_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert [info.name for info in scored(tmp_path, monkeypatch, "Sound").metrics] == ["circular", "plugin", "vanilla"]

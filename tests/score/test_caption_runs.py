"""Scored caption runs: corpus metrics together, metrics that cannot be computed here, what is said beside a score."""

import csv
import io
from pathlib import Path

import pytest

from tests.score.runs import FAILED, made
from vlmeval.data.task import Task
from vlmeval.report.page import write_run_page
from vlmeval.score.scorer import score_run
from vlmeval.score.table import csv_text, markdown, rows
from vlmeval.store.results import Scores
from vlmeval.types import Outcome, Request, Sample

METRICS = ("cider", "bleu_1", "bleu_4", "rouge_l", "meteor", "chair_s")
TASK = Task("album", "album", "test", "caption", metrics=METRICS, primary="cider")
CAPTIONS = {"1": "A dog runs.", "2": "two cats sleep", "3": "a red bus"}
SAMPLES = [
    Sample("1", ("x",), ("A dog runs on grass.", "the dog is running")),
    Sample("2", ("x",), ("Two cats sleep on a bed.", "cats on a bed")),
    Sample("3", ("x",), ("a red bus in the street", "A bus.")),
]


def say(sample: Sample, request: Request) -> Outcome | str | None:
    return CAPTIONS.get(sample.id)


@pytest.fixture(autouse=True)
def without_java(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Take all programs off the path."""
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))


def values(scores: Scores) -> dict[str, float]:
    return {one.metric: one.value for one in scores.estimates if not one.slice}


def test_a_metric_that_cannot_be_computed_here_stays_in_every_table(tmp_path: Path) -> None:
    folder = made(tmp_path, SAMPLES, say, task=TASK)
    scores = score_run(folder)
    lack = scores.not_computed["meteor"]
    assert lack in ("no Java", "no pycocoevalcap")
    assert scores.complete
    assert set(values(scores)) == set(METRICS) - {"meteor"}
    line = next(row.cells for row in rows(scores, slices=False) if row.cells[2] == "meteor")
    assert line[3] == f"not computed: {lack}"
    assert f"not computed: {lack}" in markdown([scores])
    row = next(row for row in csv.DictReader(io.StringIO(csv_text([scores]))) if row["metric"] == "meteor")
    assert row["value"] == ""
    assert row["signature"] == f"not computed: {lack}"
    assert f"meteor is not computed: {lack}" in scores.notes


def test_a_primary_metric_that_cannot_be_computed_leaves_the_score_incomplete(tmp_path: Path) -> None:
    task = Task("album", "album", "test", "caption", metrics=("meteor", "cider"), primary="meteor")
    scores = score_run(made(tmp_path, SAMPLES, say, task=task))
    assert not scores.complete
    assert list(values(scores)) == ["cider"]


def test_a_reply_that_is_missing_or_failed_is_left_out_of_the_figures_and_not_of_the_weights(tmp_path: Path) -> None:
    def broken(sample: Sample, request: Request) -> Outcome | str | None:
        said: dict[str, Outcome | str] = {"1": CAPTIONS["1"], "2": FAILED}
        return said.get(sample.id)

    scores = score_run(made(tmp_path, SAMPLES, broken, task=TASK))
    assert not scores.complete
    assert (scores.coverage.answered, scores.coverage.failed, scores.coverage.missing) == (1, 1, 1)
    assert values(scores)["cider"] > 0  # one caption alone, and still weighed by three images
    assert {one.samples for one in scores.estimates if not one.slice} == {1}


def test_an_empty_caption_is_unparsed_and_scores_nothing(tmp_path: Path) -> None:
    whole = score_run(made(tmp_path / "whole", SAMPLES, say, task=TASK))
    empty = score_run(
        made(tmp_path / "empty", SAMPLES, lambda sample, _: "" if sample.id == "1" else CAPTIONS[sample.id], task=TASK)
    )
    assert empty.coverage.unparsed == 1
    for metric in ("cider", "bleu_1", "rouge_l"):
        assert values(empty)[metric] < values(whole)[metric]
    assert {one.samples for one in empty.estimates if not one.slice} == {3}


def test_an_image_without_references_is_counted_and_not_scored(tmp_path: Path) -> None:
    samples = [*SAMPLES, Sample("4", ("x",))]
    scores = score_run(made(tmp_path, samples, lambda sample, _: "a cat", task=TASK))
    assert {one.samples for one in scores.estimates if not one.slice} == {3}
    assert any("1 of 4 samples" in note for note in scores.notes)


def test_one_image_alone_is_said_to_have_no_cider(tmp_path: Path) -> None:
    scores = score_run(made(tmp_path, SAMPLES[:1], say, task=TASK))
    assert values(scores)["cider"] == 0
    assert any("cider" in note and "0 by definition" in note for note in scores.notes)


def test_captions_with_unproven_forms_are_counted_once_beside_the_score(tmp_path: Path) -> None:
    scores = score_run(made(tmp_path, SAMPLES, lambda sample, _: "a <b>dog</b>", task=TASK))
    said = [note for note in scores.notes if "not proven" in note]
    assert len(said) == 1
    assert said[0].startswith("3 of 9 captions and references")
    plain = score_run(made(tmp_path / "plain", SAMPLES, say, task=TASK))
    assert not any("not proven" in note for note in plain.notes)


def test_the_order_of_the_samples_changes_no_figure(tmp_path: Path) -> None:
    one = score_run(made(tmp_path / "one", SAMPLES, say, task=TASK))
    other = score_run(made(tmp_path / "other", SAMPLES[::-1], say, task=TASK))
    assert values(one) == pytest.approx(values(other), rel=1e-12)


def test_the_page_has_a_line_for_it(tmp_path: Path) -> None:
    folder = made(tmp_path / "results", SAMPLES, say, task=TASK)
    scores = score_run(folder)
    page = write_run_page(folder, tmp_path / "reports").read_text("utf8")
    assert f"not computed: {scores.not_computed['meteor']}" in page

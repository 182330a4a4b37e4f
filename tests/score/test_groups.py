"""Verdicts on groups of samples in whole runs: failures, slices, intervals, marks."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.score.runs import FAILED, REFUSED, made
from vlmeval.data.task import Task
from vlmeval.score.scorer import score_run
from vlmeval.store.layout import RunFolder
from vlmeval.store.results import ScoredSample, Scores
from vlmeval.types import Estimate, Outcome, Request, Sample, Sampling

HALLUSION = Task(
    name="figures", benchmark="figures", split="dev", kind="yesno", prompt="short",
    metrics=("hallusion_mean", "a_acc", "f_acc", "q_acc"), primary="hallusion_mean",
    sampling=Sampling(temperature=0.0), slices=("l2-category", "input"),
)  # fmt: skip
SETS, FIGURES, QUESTIONS = 30, 2, 3


def figures() -> list[Sample]:
    return [
        Sample(
            id=f"s{number}f{figure}q{question}",
            parts=(f"Is {question} in {figure} of {number}?",),
            references=("yes" if question else "no",),
            tags={"l2-category": "VD_a" if number < 20 else "VS_b", "input": str(figure)},
            cluster=f"s{number}",
            fields={"set_id": str(number), "figure_id": str(figure), "question_id": str(question)},
        )
        for number in range(SETS)
        for figure in range(FIGURES)
        for question in range(QUESTIONS)
    ]


def replies(**odd: Outcome | str) -> Any:
    def reply(sample: Sample, request: Request) -> Outcome | str:
        return odd.get(sample.id, sample.references[0])

    return reply


def estimate(scores: Scores, metric: str, slice_: str = "") -> Estimate:
    (found,) = [one for one in scores.estimates if (one.metric, one.slice) == (metric, slice_)]
    return found


def lines(folder: RunFolder) -> dict[str, ScoredSample]:
    rows = [msgspec.json.decode(line, type=ScoredSample) for line in folder.samples.read_bytes().splitlines()]
    return {row.id: row for row in rows}


def test_one_wrong_answer_costs_its_figure_and_its_question(tmp_path: Path) -> None:
    scores = score_run(made(tmp_path, figures(), replies(s0f0q0="yes"), task=HALLUSION))
    assert scores.complete
    assert estimate(scores, "a_acc").value == 179 / 180
    assert estimate(scores, "f_acc").value == pytest.approx(59 / 60, abs=1e-12)
    assert estimate(scores, "q_acc").value == pytest.approx(89 / 90, abs=1e-12)
    assert estimate(scores, "f_acc", "l2-category=VD_a").value == pytest.approx(39 / 40, abs=1e-12)
    assert estimate(scores, "f_acc", "l2-category=VS_b").value == 1.0


def test_an_unparsed_answer_is_wrong_in_its_groups_and_shown_as_unparsed(tmp_path: Path) -> None:
    folder = made(tmp_path, figures(), replies(s0f0q0="Maybe."), task=HALLUSION)
    scores = score_run(folder)
    assert (scores.coverage.unparsed, scores.complete) == (1, True)
    assert estimate(scores, "f_acc").value == pytest.approx(59 / 60, abs=1e-12)
    assert lines(folder)["s0f0q0"].state == "unparsed"


@pytest.mark.parametrize("failure", [FAILED, REFUSED])
def test_a_failed_request_leaves_its_groups_out_and_not_its_siblings_answers(tmp_path: Path, failure: Any) -> None:
    folder = made(tmp_path, figures(), replies(s0f0q0=failure, s0f0q1="no"), task=HALLUSION)
    scores = score_run(folder)
    assert not scores.complete
    assert estimate(scores, "a_acc").value == 178 / 179
    assert estimate(scores, "a_acc").samples == 179
    assert estimate(scores, "f_acc").value == 1.0
    assert estimate(scores, "q_acc").value == pytest.approx(88 / 89, abs=1e-12)
    assert "f_acc" not in lines(folder)["s0f0q1"].stats
    wrong = score_run(folder, errors="wrong")
    assert estimate(wrong, "f_acc").value == pytest.approx(59 / 60, abs=1e-12)


def test_a_slice_that_cuts_groups_weighs_them_by_the_members_inside(tmp_path: Path) -> None:
    scores = score_run(made(tmp_path, figures(), replies(s0f0q0="yes"), task=HALLUSION))
    assert estimate(scores, "q_acc", "input=1").value == pytest.approx(89 / 90, abs=1e-12)
    assert estimate(scores, "f_acc", "input=1").value == 1.0


def test_intervals_draw_whole_sets(tmp_path: Path) -> None:
    wrong = {f"s{number}f{figure}q0": "yes" for number in range(0, SETS, 2) for figure in range(FIGURES)}
    scores = score_run(made(tmp_path, figures(), replies(**wrong), task=HALLUSION))
    for metric in ("a_acc", "f_acc", "q_acc", "hallusion_mean"):
        found = estimate(scores, metric)
        assert found.clusters == SETS
        assert found.low is not None
        assert found.high is not None
        assert found.low < found.value < found.high
    half = estimate(scores, "f_acc")
    assert half.value == pytest.approx(0.5, abs=1e-12)
    # Figures of a set stand or fall together here: the interval is that of 30 draws, not of 60.
    assert half.low is not None
    assert half.high is not None
    assert half.high - half.low == pytest.approx(2 * 1.96 * (0.25 / SETS) ** 0.5, rel=0.15)


def test_marks_come_from_the_first_share_where_the_primary_metric_is_none(tmp_path: Path) -> None:
    folder = made(tmp_path, figures(), replies(s0f0q0="yes", s0f0q1="?"), task=HALLUSION)
    score_run(folder)
    found = lines(folder)
    assert (found["s0f0q0"].right, found["s0f0q1"].right, found["s0f0q2"].right) == (False, False, True)
    assert found["s0f0q0"].passes[0].right is False
    assert found["s0f0q2"].stats["f_acc"] == (0.0, pytest.approx(1 / 3))


def test_a_metric_that_fails_on_its_groups_costs_itself_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from vlmeval.metrics.hallusion import QuestionAccuracy

    class Broken(QuestionAccuracy):
        def spread(self, samples: Any, rows: Any) -> Any:
            return [None] * (len(rows) - 1)

    monkeypatch.setattr("vlmeval.metrics.hallusion.QuestionAccuracy", Broken)
    scores = score_run(made(tmp_path, figures(), replies(), task=HALLUSION))
    assert any(
        'metric "q_acc" is left out: the groups of its samples raised ValueError' in note for note in scores.notes
    )
    assert estimate(scores, "f_acc").value == 1.0
    assert [one for one in scores.estimates if one.metric == "q_acc"] == []

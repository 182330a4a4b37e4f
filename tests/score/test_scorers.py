"""Two scorers on one run: both figures, and which samples they differ on and why."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.score.runs import CHOICE, FAILED, made, question
from vlmeval.data.task import Scorer, Task
from vlmeval.errors import ConfigError
from vlmeval.jsonio import read_json
from vlmeval.score.scorer import score_run
from vlmeval.score.scorers import beside_row, difference_lines
from vlmeval.store.layout import RunFolder
from vlmeval.store.results import Rescored, Scores
from vlmeval.types import Estimate, Sample

SINGLE = msgspec.structs.replace(
    CHOICE,
    metrics=("accuracy",),
    primary="accuracy",
    options={"circular": False, "extractor": "vlmevalkit-2024+", "official": "vlmevalkit-2024"},
    scorers={
        "vlmevalkit": Scorer("today's rule", options={"extractor": "vlmevalkit"}),
        "lmms": Scorer("the bare letter", options={"extractor": "lmms"}),
    },
)
REPLIES = {
    "q0": "B",
    "q1": "B is the animal that I can see in it",
    "q2": "答案是B",
    "q3": "C",
    "q4": "A tall dog, or so it seems to me",
    "q5": "B \x1b[31m then\n" + 80 * "and more ",
}
SAMPLES = [question(number) for number in range(6)]


def run_of(folder: Path, task: Task = SINGLE, **replies: Any) -> RunFolder:
    said = {**REPLIES, **replies}
    return made(folder, SAMPLES, lambda sample, _: said[sample.id], task=task)


def overall(scores: Scores, metric: str = "accuracy") -> Estimate:
    (found,) = [one for one in scores.estimates if one.metric == metric and not one.slice]
    return found


def rows(folder: RunFolder) -> dict[str, Rescored]:
    found = [msgspec.json.decode(line, type=Rescored) for line in folder.scorers.read_bytes().splitlines()]
    return {row.id: row for row in found}


def test_another_scorer_gives_its_figure_with_the_defaults_beside_it(tmp_path: Path) -> None:
    folder = run_of(tmp_path)
    default = score_run(folder)
    other = score_run(folder, scorer="vlmevalkit")
    assert (overall(default).value, overall(other).value) == (4 / 6, 1 / 6)
    assert (default.scorer, default.beside, other.scorer) == ("official", None, "vlmevalkit")
    assert other.beside is not None
    assert other.beside.estimate == overall(default)
    assert (other.beside.samples, other.beside.unparsed) == (6, default.coverage.unparsed)
    assert (other.beside.rescored, other.beside.only_default, other.beside.only_other) == (3, 3, 0)
    assert "|scorer:vlmevalkit|parse:vlmevalkit|" in other.signature
    assert "scorer:" not in default.signature
    assert "|parse:vlmevalkit-2024+1|" in default.signature
    assert other.asked == "exam (scorer: vlmevalkit)"
    assert read_json(folder.scores, Scores) == other


def test_every_differing_sample_is_listed_with_value_rule_and_score_each_way(tmp_path: Path) -> None:
    folder = run_of(tmp_path)
    score_run(folder, scorer="vlmevalkit")
    found = rows(folder)
    assert set(found) == {"q1", "q2", "q4", "q5"}
    line = json.loads(folder.scorers.read_bytes().splitlines()[0])
    assert line == {
        "id": "q1",
        "references": ["B"],
        "replies": {"rot0": REPLIES["q1"]},
        "scorers": {
            "official": {"score": 1.0, "readings": {"rot0": {"value": "B", "rule": "token"}}},
            "vlmevalkit": {"score": 0.0, "readings": {"rot0": {"value": None, "rule": "no_option"}}},
        },
    }
    (second,) = found["q2"].scorers["official"].readings.values()
    assert (second.value, second.rule) == ("B", "answer")


def test_a_sample_read_otherwise_with_the_same_score_is_counted_apart(tmp_path: Path) -> None:
    folder = run_of(tmp_path)
    beside = score_run(folder, scorer="lmms").beside
    assert beside is not None
    found = rows(folder)
    same = [row.id for row in found.values() if len({one.score for one in row.scorers.values()}) == 1]
    assert same == ["q4"]
    assert (beside.reread, beside.rescored) == (1, len(found) - 1)


def test_the_differences_are_said_in_lines_that_a_terminal_does_not_obey(tmp_path: Path) -> None:
    folder = run_of(tmp_path)
    said = list(difference_lines(folder, score_run(folder, scorer="vlmevalkit")))
    assert said[0] == (
        "exam, parrot: vlmevalkit against official: 3 of 6 samples scored otherwise (3 higher by official, 0 by "
        "vlmevalkit), 1 more only read otherwise"
    )
    assert said[1] == (
        '  q1: rot0 "B is the animal that I can see in it", gold B: official reads B (token), scores 1; '
        "vlmevalkit reads unparsed (no_option), scores 0"
    )
    assert "\x1b" not in "".join(said)
    assert "\n" not in "".join(said)
    assert said[-1] == f"  all of them: {folder.scorers}"
    assert list(difference_lines(folder, score_run(folder))) == []


def test_the_defaults_figure_stands_in_the_table(tmp_path: Path) -> None:
    folder = run_of(tmp_path)
    (row,) = beside_row(score_run(folder, scorer="vlmevalkit"))
    assert row.cells[2:4] == ("official: accuracy", "66.7")
    assert beside_row(score_run(folder)) == ()


def test_scoring_by_the_default_again_leaves_nothing_of_the_other(tmp_path: Path) -> None:
    folder = run_of(tmp_path)
    before = score_run(folder)
    written = folder.scores.read_bytes()
    score_run(folder, scorer="lmms")
    assert folder.scorers.exists()
    assert score_run(folder, scorer="official") == before
    assert folder.scores.read_bytes() == written
    assert not folder.scorers.exists()


def test_an_unknown_scorer_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    folder = run_of(tmp_path)
    with pytest.raises(ConfigError, match=r'no scorer "mmlu"; it has: official, lmms, vlmevalkit'):
        score_run(folder, scorer="mmlu")
    assert not folder.scores.exists()


def test_a_scorer_with_other_metrics_compares_the_primary_ones(tmp_path: Path) -> None:
    def yes_no(number: int, gold: str) -> Sample:
        return Sample(f"q{number}", ("Is there a dog?",), (gold,), tags={"category": "random"})

    task = Task(
        "pope", "pope", "test", "yesno", ("pope_f1", "yesno_accuracy"), "pope_f1", prompt="short",
        scorers={"lmms": Scorer("exact", ("yesno_accuracy", "precision"), options={"extractor": "lmms"})},
    )  # fmt: skip
    replies = {"q0": "yes", "q1": "Yes.", "q2": "no", "q3": "maybe", "q4": "no"}
    samples = [yes_no(0, "yes"), yes_no(1, "yes"), yes_no(2, "no"), yes_no(3, "no"), yes_no(4, "yes")]
    folder = made(tmp_path, samples, lambda sample, _: replies[sample.id], task=task)
    scores = score_run(folder, scorer="lmms")
    assert scores.primary == "yesno_accuracy"
    assert overall(scores, "yesno_accuracy").value == 2 / 5
    assert scores.beside is not None
    assert scores.beside.metric.name == "pope_f1"
    assert scores.beside.estimate is not None
    assert scores.beside.estimate.value == pytest.approx(4 / 5)
    assert list(rows(folder)) == ["q1"]
    assert [one.score for one in rows(folder)["q1"].scorers.values()] == [1.0, 0.0]


def test_a_failed_request_has_no_score_by_either(tmp_path: Path) -> None:
    folder = run_of(tmp_path, q1=FAILED)
    scores = score_run(folder, scorer="vlmevalkit")
    assert "q1" not in rows(folder)
    assert not scores.complete
    assert overall(scores).samples == 5


def test_the_default_of_a_run_asked_for_under_another_scorer_is_still_the_tasks(tmp_path: Path) -> None:
    from vlmeval.data.task import with_scorer

    folder = run_of(tmp_path, with_scorer(SINGLE, "vlmevalkit"))
    scores = score_run(folder)
    assert (scores.scorer, overall(scores).value) == ("vlmevalkit", 1 / 6)
    assert scores.beside is not None
    assert scores.beside.estimate is not None
    assert scores.beside.estimate.value == 4 / 6
    assert overall(score_run(folder, scorer="official")).value == 4 / 6

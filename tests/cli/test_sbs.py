"""`vlmeval sbs rate` and `vlmeval sbs plan` as they are called."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from vlmeval.cli.main import vlmeval
from vlmeval.errors import VlmevalError
from vlmeval.jsonio import read_json
from vlmeval.sbs.board import Board
from vlmeval.sbs.simulate import Session, simulate

WINNERS = ("model_a", "tie", "model_b")


def called(*arguments: str) -> Result:
    result = CliRunner().invoke(vlmeval, ["sbs", *arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit | VlmevalError):
        raise result.exception
    return result


@pytest.fixture
def votes_csv(tmp_path: Path) -> Path:
    votes = simulate(Session((-0.5, 0.0, 0.5), 900, annotators=12, prompts=30, nu=0.4), np.random.default_rng(2))
    assert votes.annotator is not None
    assert votes.prompt is not None
    path = tmp_path / "study" / "votes.csv"
    path.parent.mkdir()
    with path.open("w", newline="", encoding="utf8") as file:
        writer = csv.writer(file)
        writer.writerow(["model_a", "model_b", "winner", "judge", "question_id", "language"])
        for vote in range(len(votes)):
            writer.writerow(
                [
                    votes.models[votes.left[vote]], votes.models[votes.right[vote]], WINNERS[votes.outcome[vote]],
                    votes.annotator.codes[vote], votes.prompt.codes[vote], ("English", "German")[vote % 2],
                ]
            )  # fmt: skip
    return path


def board_of(folder: Path) -> Board:
    return read_json(folder / "ratings.json", Board)


def test_votes_become_a_table_csv_json_and_a_page(votes_csv: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = called("rate", str(votes_csv), "-o", str(out))
    assert result.exit_code == 0
    assert "clustered by 12 annotators, 30 prompts" in result.output
    assert sorted(path.name for path in out.iterdir()) == ["index.html", "pairs.csv", "ratings.csv", "ratings.json"]
    board = board_of(out)
    assert [one.model for one in board.ratings] == ["model 03", "model 02", "model 01"]
    assert [one.name for one in board.categories] == ["English", "German"]
    assert board.study == "study"


@pytest.mark.parametrize("method", ["davidson", "bt", "rao-kupper"])
def test_method_anchor_and_scale_are_obeyed(votes_csv: Path, tmp_path: Path, method: str) -> None:
    result = called(
        "rate", str(votes_csv.parent), "--method", method, "--anchor", "model 01=1500", "--scale", "200",
        "-o", str(tmp_path),
    )  # fmt: skip
    assert result.exit_code == 0
    board = board_of(tmp_path)
    assert board.method == method
    assert board.scale == pytest.approx(200 / np.log(10))
    assert board.ratings[-1].rating == 1500


def test_one_category_can_be_rated_alone(votes_csv: Path, tmp_path: Path) -> None:
    assert called("rate", str(votes_csv), "--category", "German", "-o", str(tmp_path)).exit_code == 0
    assert board_of(tmp_path).votes == 450


def test_a_judges_file_is_compared_with_people(votes_csv: Path, tmp_path: Path) -> None:
    judge = tmp_path / "gpt.csv"
    judge.write_bytes(votes_csv.read_bytes())
    result = called("rate", str(votes_csv), "--judge-votes", str(judge), "-o", str(tmp_path / "out"))
    assert "gpt: agreement with people 100.0 %" in result.output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("rate", "nowhere"), "no such file, and no study"),
        (("rate", "VOTES", "--anchor", "model 01=high"), "expected NAME=RATING"),
        (("rate", "VOTES", "--anchor", "model 1"), "did you mean"),
        (("rate", "VOTES", "--control", "lenght"), 'no feature "lenght"'),
        (("rate", "VOTES", "--category", "French"), "there is no category"),
        (("plan", "--models", "5"), "say what is wanted"),
    ],
)
def test_wrong_use_is_said_with_the_way_out(votes_csv: Path, arguments: tuple[str, ...], said: str) -> None:
    result = called(*(str(votes_csv) if word == "VOTES" else word for word in arguments))
    assert isinstance(result.exception, VlmevalError)
    assert said in str(result.exception)


def test_a_folder_without_votes_is_named(tmp_path: Path) -> None:
    result = called("rate", str(tmp_path))
    assert "no votes.jsonl or votes.csv in it" in str(result.exception)


def test_a_plan_is_a_table_or_json() -> None:
    wish = ("plan", "--models", "4", "--width", "150", "--runs", "2", "--overlap", "1")
    assert "votes" in called(*wish).output
    found = json.loads(called(*wish, "--format", "json").output)
    assert found["point"]["width"] <= 150


def test_the_group_lists_its_commands() -> None:
    shown = called("--help").output
    assert "rate" in shown
    assert "plan" in shown

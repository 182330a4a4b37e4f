"""Vote files as they are found, and what is wrong with them."""

import gzip
import json
from pathlib import Path

import numpy as np
import pytest

from vlmeval.errors import ConfigError, DataError
from vlmeval.sbs.verdicts import read_verdicts
from vlmeval.sbs.votefile import read_votes
from vlmeval.sbs.votes import BOTH_BAD, LABELS, Votes

ARENA = """model_a,model_b,winner,judge,question_id,turn,language,length_a,length_b
x/one,x/two,model_a,ann,q1,1,English,10,20
x/two,three,tie,bob,q1,2,English,5,5
three,x/one,tie (bothbad),ann,q2,1,"中文",7,30
x/one,three,model_b,bob,q2,2,"中文",1,2
"""


def written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf8")
    return path


def rows_of(votes: Votes) -> list[tuple[str, str, str]]:
    return [
        (votes.models[one], votes.models[other], LABELS[code])
        for one, other, code in zip(votes.left.tolist(), votes.right.tolist(), votes.outcome.tolist(), strict=True)
    ]


EXPECTED = [
    ("x/one", "x/two", "left"), ("x/two", "three", "tie"), ("three", "x/one", "both bad"), ("x/one", "three", "right"),
]  # fmt: skip


def test_an_arena_file_keeps_models_outcomes_annotators_prompts_turns_and_features(tmp_path: Path) -> None:
    votes = read_votes(written(tmp_path, "votes.csv", ARENA))
    assert rows_of(votes) == EXPECTED
    assert votes.annotator is not None
    assert [votes.annotator.names[code] for code in votes.annotator.codes] == ["ann", "bob", "ann", "bob"]
    assert votes.prompt is not None
    assert votes.prompt.names == ("q1", "q2")
    assert votes.item is not None
    assert votes.item.names == ("q1/1", "q1/2", "q2/1", "q2/2")
    assert votes.category is not None
    assert votes.category.names == ("English", "中文")
    assert votes.feature_names == ("length",)
    assert votes.features_left[:, 0].tolist() == [10, 5, 7, 1]
    assert votes.outcome[2] == BOTH_BAD
    assert votes.scored[2] == 1


def test_csv_tsv_json_lines_json_and_gzip_say_the_same(tmp_path: Path) -> None:
    rows = [dict(zip(("model_a", "model_b", "winner"), row, strict=True)) for row in EXPECTED]
    lines = "\n".join(json.dumps(row) for row in rows)
    packed = tmp_path / "votes.jsonl.gz"
    packed.write_bytes(gzip.compress(lines.encode()))
    files = [
        written(tmp_path, "votes.csv", ARENA),
        written(tmp_path, "votes.tsv", ARENA.replace(",", "\t")),
        written(tmp_path, "votes.jsonl", lines.replace("left", "model_a")),
        written(tmp_path, "votes.json", json.dumps(rows)),
        packed,
    ]
    assert [rows_of(read_votes(path)) for path in files] == [EXPECTED] * len(files)


@pytest.mark.parametrize(
    ("label", "said"),
    [("modelA", 'row 3: winner is "modelA"'), ("", 'row 3: winner is "".*it is empty'), ("2", 'is "2"')],
)
@pytest.mark.parametrize("name", ["votes.csv", "votes.jsonl"])
def test_an_unknown_or_missing_outcome_is_named_with_its_row(tmp_path: Path, name: str, label: str, said: str) -> None:
    rows = [("a", "b", "tie"), ("a", "b", "model_a"), ("a", "b", label)]
    text = "model_a,model_b,winner\n" + "\n".join(",".join(row) for row in rows) + "\n"
    if name.endswith("jsonl"):
        text = "\n".join(json.dumps(dict(zip(("model_a", "model_b", "winner"), row, strict=True))) for row in rows)
    with pytest.raises(DataError, match=said):
        read_votes(written(tmp_path, name, text))


def test_a_missing_model_is_named_with_its_row(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="row 2: the name of a model is missing"):
        read_votes(written(tmp_path, "v.csv", "model_a,model_b,winner\na,b,tie\na,,tie\n"))


def test_left_right_and_worker_are_read_as_llmfao_writes_them(tmp_path: Path) -> None:
    text = "id,prompt,model_x,model_y,worker,winner,left,right\n0,8,97,98,58,tie,A,B\n0,8,97,98,14,right,A,B\n"
    votes = read_votes(written(tmp_path, "votes.csv", text))
    assert rows_of(votes) == [("A", "B", "tie"), ("A", "B", "right")]
    assert votes.annotator is not None
    assert votes.annotator.names == ("58", "14")


def test_verdicts_against_a_baseline_count_much_better_three_times(tmp_path: Path) -> None:
    lines = [
        {"model": "m", "score": ["A>>B"]}, {"model": "m", "score": ["B>A"]}, {"model": "m", "score": [None]},
        {"model": "base", "score": ["A=B"]},
    ]  # fmt: skip
    path = written(tmp_path, "games.jsonl", "\n".join(json.dumps(line) for line in lines))
    votes = read_votes(path, baseline="base")
    assert rows_of(votes) == [("base", "m", "left"), ("base", "m", "right")]
    assert votes.weights is not None
    assert votes.weights.tolist() == [3.0, 1.0]
    assert len(votes.notes) == 2
    with pytest.raises(ConfigError, match="--baseline"):
        read_votes(path)
    found = read_verdicts(path)["m"]
    assert found.counts == (0, 1, 1, 0, 1)
    assert found.win_rate == pytest.approx(1 / 3)
    assert found.reward == pytest.approx((0.5 - 1.0) / 3)


def test_tables_of_winners_and_of_pairs_are_votes(tmp_path: Path) -> None:
    winners = written(tmp_path, "wins.json", json.dumps([{"winner": "A", "loser": "B", "count": 2}]))
    assert rows_of(read_votes(winners)) == [("A", "B", "left")] * 2
    pairs = written(tmp_path, "pairs.csv", "a,b,a_wins,b_wins,ties\nA,B,1,0,2\n")
    assert rows_of(read_votes(pairs)) == [("A", "B", "left"), ("A", "B", "tie"), ("A", "B", "tie")]
    with pytest.raises(DataError, match="count must be a whole number"):
        read_votes(written(tmp_path, "w.csv", "winner,loser,count\nA,B,1.5\n"))


def test_a_result_of_one_half_is_a_tie(tmp_path: Path) -> None:
    votes = read_votes(written(tmp_path, "games.csv", "home,away,result\nA,B,1\nB,A,0.5\nA,B,0.0\n"))
    assert rows_of(votes) == [("A", "B", "left"), ("B", "A", "tie"), ("A", "B", "right")]


def test_a_winner_may_be_named_by_its_model(tmp_path: Path) -> None:
    votes = read_votes(written(tmp_path, "v.csv", "player1,player2,winner\nann,bo,bo\nbo,ann,bo\nann,bo,tie\n"))
    assert rows_of(votes) == [("ann", "bo", "right"), ("bo", "ann", "left"), ("ann", "bo", "tie")]
    with pytest.raises(DataError, match='row 2: winner is "B", the name of one model and the label of the other'):
        read_votes(written(tmp_path, "w.csv", "model_1,model_2,winner\nA,B,B\nB,A,B\n"))
    with pytest.raises(DataError, match='row 1: winner is "cy"'):
        read_votes(written(tmp_path, "x.csv", "model_1,model_2,winner\nann,bo,cy\nbo,cy,bo\n"))


def test_home_and_away_wins_are_votes_for_left_and_right(tmp_path: Path) -> None:
    path = written(tmp_path, "games.csv", "home.team,away.team,home.wins,away.wins\nDetroit,Boston,2,1\n")
    assert rows_of(read_votes(path)) == [("Detroit", "Boston", "left")] * 2 + [("Detroit", "Boston", "right")]


def test_votes_of_a_model_against_itself_are_left_out_and_said(tmp_path: Path) -> None:
    votes = read_votes(written(tmp_path, "v.csv", "model_a,model_b,winner\nA,A,tie\nA,B,tie\n"))
    assert len(votes) == 1
    assert votes.notes == ("1 votes of a model against itself are left out",)


def test_inconsistent_verdicts_are_ties_and_counted(tmp_path: Path) -> None:
    votes = read_votes(written(tmp_path, "v.csv", "model_a,model_b,winner\nA,B,tie (inconsistent)\nA,B,tie\n"))
    assert votes.scored.tolist() == [1, 1]
    assert "1 verdicts differ between the two orders" in votes.notes[0]


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("v.csv", "", "empty"),
        ("v.csv", "model_a,model_b,winner\n", "no votes"),
        ("v.csv", "x,y\n1,2\n", "expected model_a, model_b and winner"),
        ("v.csv", "model_a,model_b,winner\na,b\n", "not a table"),
        ("v.csv", "winner,winner\na,b\n", "stands there twice"),
        ("v.jsonl", "{]\n", "line 1: not a JSON object"),
        ("v.json", "{}", "expected a list"),
        ("v.xml", "<a/>", "votes are read from"),
    ],
)
def test_a_file_that_is_none_is_refused_with_its_name(tmp_path: Path, name: str, text: str, said: str) -> None:
    path = written(tmp_path, name, text)
    with pytest.raises(DataError, match=said) as raised:
        read_votes(path)
    assert str(path) in str(raised.value)


def test_an_unknown_category_kind_or_model_is_answered_with_the_nearest(tmp_path: Path) -> None:
    votes = read_votes(written(tmp_path, "votes.csv", ARENA))
    with pytest.raises(ConfigError, match='did you mean "English"'):
        votes.of_category("english")
    with pytest.raises(ConfigError, match="do not say what kind of judge"):
        votes.of_kind("human")
    with pytest.raises(ConfigError, match='did you mean "x/one"'):
        votes.place("x/on")
    with pytest.raises(ConfigError, match='no column "langage"; did you mean "language"'):
        read_votes(tmp_path / "votes.csv", category="langage")


def test_contrasts_are_shares_of_the_sum_over_their_spread(tmp_path: Path) -> None:
    votes = read_votes(written(tmp_path, "votes.csv", ARENA))
    plain = np.array([(10 - 20) / 31, 0, (7 - 30) / 38, (1 - 2) / 4])
    assert votes.contrasts(["length"])[:, 0] == pytest.approx(plain / plain.std())
    with pytest.raises(ConfigError, match="no feature"):
        votes.contrasts(["bold"])


def test_a_part_of_the_votes_keeps_models_and_drops_unused_names(tmp_path: Path) -> None:
    votes = read_votes(written(tmp_path, "votes.csv", ARENA))
    part = votes.of_category("中文")
    assert part.models == votes.models
    assert part.prompt is not None
    assert part.prompt.names == ("q2",)
    assert part.features_left.shape == (2, 1)

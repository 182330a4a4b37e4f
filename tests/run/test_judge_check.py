import json
from pathlib import Path
from typing import Any

import pytest

from tests.run.asking import Asked
from vlmeval.cli.main import run
from vlmeval.errors import DataError
from vlmeval.run.judge_check import ClassCount, check_judge, compared, read_verdicts
from vlmeval.run.settings import RunSettings
from vlmeval.types import Answer, Failure, Output, Request

QUIET = RunSettings(quiet=True)


def choice(number: int, verdict: str, **more: Any) -> dict[str, Any]:
    return {
        "question": f"Which animal is in picture {number}?", "A": "cat", "B": "dog", "reply": f"reply {number}",
        "verdict": verdict, **more,
    }  # fmt: skip


def graded(number: int, verdict: str) -> dict[str, Any]:
    return {"question": f"Question {number}?", "answer": "stop", "reply": f"reply {number}", "verdict": verdict}


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def says(words: list[str | Failure]) -> Asked:
    """Return a judge with one verdict for each row."""

    def reply(request: Request) -> Output | Failure:
        word = words[int(request.sample_id)]
        return Output(word) if isinstance(word, str) else word

    return Asked(reply)


def test_agreement_and_kappa_are_those_computed_by_hand(tmp_path: Path) -> None:
    # 20 A/A, 5 A/B, 10 B/A, 15 B/B: 35 of 50 agree, chance 0.5, kappa 0.4.
    recorded = "A" * 25 + "B" * 25
    given = "A" * 20 + "B" * 5 + "A" * 10 + "B" * 15
    items = read_verdicts(write(tmp_path / "v.jsonl", [choice(i, one) for i, one in enumerate(recorded)]))
    found = check_judge(items, says(list(given)), tmp_path / "check", QUIET)
    assert found.states == {"judged": 50}
    assert (found.agreement.value, found.kappa.value) == (0.7, pytest.approx(0.4, abs=1e-15))
    assert found.classes == (ClassCount("A", 25, 30, 20), ClassCount("B", 25, 20, 15))
    for figure in (found.agreement, found.kappa):
        assert figure.low is not None
        assert figure.high is not None
        assert figure.value is not None
        assert figure.low < figure.value < figure.high


def test_rows_without_a_verdict_are_counted_and_left_out(tmp_path: Path) -> None:
    rows = [choice(0, "A"), choice(1, "Z"), choice(2, "B"), choice(3, "A"), choice(4, "none")]
    judge = says(["A", "Z", "a fine picture", Failure("rejected", "HTTP 400"), "B"])
    found = check_judge(read_verdicts(write(tmp_path / "v.jsonl", rows)), judge, tmp_path / "check", QUIET)
    assert found.states == {"judge_error": 1, "judge_unparsed": 1, "judged": 3}
    assert (found.rows, found.judged, found.agreement.value) == (5, 3, pytest.approx(2 / 3))
    assert found.classes == (ClassCount("A", 1, 1, 1), ClassCount("B", 0, 1, 0), ClassCount("none", 2, 1, 1))


def test_the_same_check_again_asks_what_failed_only(tmp_path: Path) -> None:
    items = read_verdicts(write(tmp_path / "v.jsonl", [choice(0, "A"), choice(1, "B")]))
    words: list[str | Failure] = ["A", Failure("rejected", "HTTP 400")]
    judge = says(words)
    assert check_judge(items, judge, tmp_path / "check", QUIET).judged == 1
    words[1] = "B"
    assert check_judge(items, judge, tmp_path / "check", QUIET).judged == 2
    assert judge.asked == ["0/rot0", "1/rot0", "1/rot0"]


def test_replies_without_options_are_graded_and_equal_numbers_agree(tmp_path: Path) -> None:
    rows = [graded(0, "1"), graded(1, "0.5"), graded(2, "0")]
    judge = says(["1.0", "Grade: 0.50", "0.3"])
    found = check_judge(read_verdicts(write(tmp_path / "v.jsonl", rows)), judge, tmp_path / "check", QUIET)
    assert found.agreement.value == pytest.approx(2 / 3)
    assert [one.verdict for one in found.classes] == ["0", "0.3", "0.5", "1"]


def test_without_a_verdict_and_with_one_class_only_kappa_is_absent(tmp_path: Path) -> None:
    items = read_verdicts(write(tmp_path / "v.jsonl", [choice(0, "A"), choice(1, "A")]))
    silent = compared("judge", items, [Answer("rot0", None, "judge_error")] * 2)
    assert (silent.agreement.value, silent.kappa.value, silent.classes) == (None, None, ())
    alike = compared("judge", items, [Answer("rot0", "A", "judge")] * 2)
    assert (alike.agreement.value, alike.kappa.value) == (1.0, None)


def test_a_dead_judge_is_a_state_of_every_row(tmp_path: Path) -> None:
    items = read_verdicts(write(tmp_path / "v.jsonl", [choice(number, "A") for number in range(40)]))
    judge = Asked(lambda request: Failure("rejected", "HTTP 401"))
    found = check_judge(items, judge, tmp_path / "check", QUIET)
    assert sum(found.states.values()) == 40
    assert set(found.states) <= {"judge_error", "judge_missing"}
    assert "HTTP 401" in found.stopped


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (choice(1, "C"), r'line 1, column "verdict": "C" is no verdict; expected a letter A-B, or Z'),
        (graded(1, "good"), r'line 1, column "verdict": "good" is no verdict; expected a number from 0 to 1'),
        ({"question": "Q?", "A": "cat", "B": "dog", "reply": "A"}, 'no column "verdict"'),
        ({"question": "Q?", "A": "cat", "B": "dog", "verdict": "A"}, 'no column "reply"'),
        ({"question": "Q?", "reply": "A", "verdict": "1"}, 'no column "answer"'),
    ],
)
def test_a_row_that_cannot_be_compared_is_an_error_that_names_it(
    tmp_path: Path, row: dict[str, Any], said: str
) -> None:
    with pytest.raises(DataError, match=said):
        read_verdicts(write(tmp_path / "v.jsonl", [row]))


def test_the_command_prints_and_writes_what_it_found(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("judge.py").write_text(
        "class Always:\n    def generate(self, requests):\n        return ['B'] * len(requests)\n"
    )
    Path("v.csv").write_text("question,A,B,reply,verdict\nWho?,cat,dog,the dog I think,B\nWhat?,cat,dog,no idea,Z\n")
    with pytest.raises(SystemExit) as ended:
        run(["judge-check", "--judge", "judge.py:Always", "--verdicts", "v.csv"])
    assert not ended.value.code
    out = capsys.readouterr().out
    assert "agreement  0.500" in out
    assert "kappa      0.000" in out
    (file,) = Path("results").rglob("v.json")
    assert json.loads(file.read_bytes())["states"] == {"judged": 2}

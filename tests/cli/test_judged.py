"""Judged tasks as a person runs them: with a judge, with another, with a broken one, and with none."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.made import base64_picture, write_tsv
from vlmeval.cli.main import run

Vlmeval = Callable[..., tuple[int, str, str]]

# Answers with the number of the question; the judges are told that number by the reply under judgement.
MODELS = """
import re
from vlmeval.types import Failure, Output

def number(request):
    return int(re.search(r"(?:<reply|<answer-2) [0-9a-f]+>\\nnumber (\\d+)\\n", request.text)[1])

class Asked:
    def generate(self, requests):
        return ["number " + request.sample_id for request in requests]

class Silent:
    def generate(self, requests):
        return [Failure("rejected", "HTTP 400") if request.sample_id == "1" else "" for request in requests]

class Judge:
    def __init__(self, says="", calls=""):
        self.says, self.calls = says, calls

    def generate(self, requests):
        if self.calls:
            with open(self.calls, "a") as file:
                file.writelines(request.sample_id + "\\n" for request in requests)
        return [self.verdict(request) for request in requests]

class Constant(Judge):
    def verdict(self, request):
        return "0.5"

class Counting(Judge):
    def verdict(self, request):
        return f"Grade: {number(request) / 10}"

class Pairs(Judge):
    def verdict(self, request):
        return f"8 {number(request)}\\nBoth answers have their merits."

class Echoing(Judge):
    def verdict(self, request):
        return request.text

class Babbling(Judge):
    def verdict(self, request):
        return "0.5" if number(request) % 2 else "A good answer, I would say, and a long one."

class Failing(Judge):
    def verdict(self, request):
        return Failure("rejected", "HTTP 400: no credit")

class Moody(Judge):
    def verdict(self, request):
        from pathlib import Path
        down = Path("down").exists() and number(request) <= 2
        return Failure("rejected", "HTTP 400: no credit") if down else "0.5"
"""


@pytest.fixture
def vlmeval(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Vlmeval:
    """Return a function that runs the command line in a folder with the models: (exit status, stdout, stderr)."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LMUData", str(tmp_path / "LMUData"))
    (tmp_path / "my.py").write_text(MODELS)

    def call(*arguments: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            run([str(argument) for argument in arguments])
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    return call


def mmvet_tsv(path: Path, questions: int = 4) -> Path:
    rows = [
        {
            "index": str(number),
            "question": f"What does sign {number} say?",
            "answer": f"stop <AND> {number}",
            "category": "ocr,math" if number % 2 else "rec",
            "image": base64_picture("red", number),
        }
        for number in range(1, questions + 1)
    ]
    return write_tsv(path, rows)


def llava_tsv(path: Path) -> Path:
    rows = [
        {
            "index": str(number),
            "question": f"What happens in scene {number}?",
            "caption": "A man irons on the back of a taxi.",
            "gpt4_ans": "He irons.",
            "category": ("conv", "detail", "complex", "conv")[number - 1],
            "image": base64_picture("blue", number),
        }
        for number in range(1, 5)
    ]
    return write_tsv(path, rows)


def mmvet(tmp_path: Path, *more: object, model: str = "Asked", questions: int = 4) -> list[object]:
    data = mmvet_tsv(tmp_path / "MMVet.tsv", questions)
    return ["run", "--model", f"my.py:{model}", "--tasks", "mm-vet", "--data", f"mm-vet={data}", "--quiet", *more]


def scores(tmp_path: Path) -> dict[str, Any]:
    (found,) = (tmp_path / "results").glob("*/*/*/scores.json")
    loaded: dict[str, Any] = json.loads(found.read_bytes())
    return loaded


def values(found: dict[str, Any]) -> dict[tuple[str, str], Any]:
    return {(one["metric"], one["slice"]): pytest.approx(one["value"]) for one in found["estimates"]}


def test_mm_vet_is_the_mean_of_the_judges_grades_under_the_judges_name(vlmeval: Vlmeval, tmp_path: Path) -> None:
    status, out, err = vlmeval(*mmvet(tmp_path, "--judge", "my.py:Counting"))
    assert status == 0, err
    found = scores(tmp_path)
    metric = "judged_score:my-Counting"
    assert found["primary"] == metric
    assert values(found) == {
        (metric, ""): 0.25,
        (metric, "capability=math"): 0.2,
        (metric, "capability=ocr"): 0.2,
        (metric, "capability=rec"): 0.3,
        (metric, "integration=math, ocr"): 0.2,
        (metric, "integration=rec"): 0.3,
    }
    signature = found["signature"]
    assert f"|{metric}|" in signature
    assert "|judge:my-Counting|" in signature
    assert "|parse:mmvet-2|" in signature
    assert found["coverage"]["rules"] == {"judge:my-Counting": 4}
    assert metric in out
    (page,) = (tmp_path / "reports").glob("*/*/*.html")
    assert "Grade: 0.3" in page.read_text("utf8")


def test_llava_bench_is_the_ratio_to_the_reference_answers(vlmeval: Vlmeval, tmp_path: Path) -> None:
    data = llava_tsv(tmp_path / "LLaVABench.tsv")
    line = ["run", "--model", "my.py:Asked", "--tasks", "LLaVABench", "--data", f"LLaVABench={data}"]
    status, _, err = vlmeval(*line, "--judge", "my.py:Pairs")
    assert status == 0, err
    metric = "judged_ratio:my-Pairs"
    assert values(scores(tmp_path)) == {
        (metric, ""): 10 / 32,
        (metric, "category=complex"): 3 / 8,
        (metric, "category=conv"): 5 / 16,
        (metric, "category=detail"): 2 / 8,
    }


def test_without_a_judge_there_is_no_score_and_exit_status_1(vlmeval: Vlmeval, tmp_path: Path) -> None:
    status, out, _ = vlmeval(*mmvet(tmp_path))
    found = scores(tmp_path)
    assert status == 1
    assert found["estimates"] == []
    assert not found["complete"]
    assert found["coverage"]["answered"] == 4
    assert "needs --judge" in found["notes"][0]
    assert "needs --judge" in " ".join(out.split())


def test_allow_no_judge_accepts_that_and_still_gives_no_score(vlmeval: Vlmeval, tmp_path: Path) -> None:
    status, _, _ = vlmeval(*mmvet(tmp_path, "--allow-no-judge"))
    found = scores(tmp_path)
    assert (status, found["estimates"], found["complete"]) == (0, [], True)
    assert "needs --judge" in found["notes"][0]
    assert vlmeval("score", "results")[0] == 1
    assert vlmeval("score", "results", "--allow-no-judge")[0] == 0


def test_without_a_judge_failures_counted_as_wrong_make_no_score_either(vlmeval: Vlmeval, tmp_path: Path) -> None:
    vlmeval(*mmvet(tmp_path, "--errors", "wrong", "--allow-no-judge", model="Silent"))
    assert scores(tmp_path)["estimates"] == []


def test_an_empty_reply_is_judged_and_a_failed_one_counts_as_the_policy_says(vlmeval: Vlmeval, tmp_path: Path) -> None:
    line = mmvet(tmp_path, "--judge", "my.py:Constant", model="Silent")
    assert vlmeval(*line)[0] == 1
    metric = ("judged_score:my-Constant", "")
    assert values(scores(tmp_path))[metric] == 0.5
    assert scores(tmp_path)["coverage"]["failed"] == 1
    vlmeval(*line, "--errors", "wrong")
    assert values(scores(tmp_path))[metric] == 1.5 / 4


def test_words_without_a_grade_are_a_state_and_no_zero(vlmeval: Vlmeval, tmp_path: Path) -> None:
    status, _, _ = vlmeval(*mmvet(tmp_path, "--judge", "my.py:Babbling"))
    found = scores(tmp_path)
    assert status == 1
    assert values(found)["judged_score:my-Babbling", ""] == 0.5
    (overall,) = (one for one in found["estimates"] if not one["slice"])
    assert overall["samples"] == 2
    assert "|n:2|cov:50|" in overall["signature"]
    assert found["coverage"]["rules"] == {"judge:my-Babbling": 2, "judge_unparsed": 2}
    assert (found["coverage"]["answered"], found["coverage"]["unparsed"]) == (2, 2)
    assert found["notes"][0] == ("2 of 4 samples without a score of the judge my-Babbling (judge_unparsed 2), left out")


def test_a_judge_that_repeats_its_prompt_gives_no_grade(vlmeval: Vlmeval, tmp_path: Path) -> None:
    status, _, _ = vlmeval(*mmvet(tmp_path, "--judge", "my.py:Echoing"))
    found = scores(tmp_path)
    assert (status, found["estimates"]) == (1, [])
    assert found["coverage"]["rules"] == {"judge_unparsed": 4}


def test_a_dead_judge_leaves_states_and_no_score(vlmeval: Vlmeval, tmp_path: Path) -> None:
    status, _, err = vlmeval(*mmvet(tmp_path, "--judge", "my.py:Failing", questions=40))
    found = scores(tmp_path)
    assert status == 1
    assert found["estimates"] == []
    rules = found["coverage"]["rules"]
    assert rules["judge_error"] + rules.get("judge_missing", 0) == 40
    assert rules["judge_error"] >= 32
    assert "no credit" in err
    assert "without a score of the judge my-Failing" in found["notes"][0]


def test_a_judge_that_recovers_is_asked_again_about_the_failed_calls_only(vlmeval: Vlmeval, tmp_path: Path) -> None:
    # The judge's own file of calls would be another recipe, so the journal tells what was asked.
    line = mmvet(tmp_path, "--judge", "my.py:Moody")
    (tmp_path / "down").touch()
    assert vlmeval(*line)[0] == 1
    assert scores(tmp_path)["coverage"]["rules"] == {"judge:my-Moody": 2, "judge_error": 2}
    (journal,) = (tmp_path / "results").glob("*/*/*/judge.jsonl")
    assert len(journal.read_text().splitlines()) == 4
    (tmp_path / "down").unlink()
    assert vlmeval(*line)[0] == 0
    assert len(journal.read_text().splitlines()) == 6
    assert values(scores(tmp_path))["judged_score:my-Moody", ""] == 0.5


def test_another_judge_scores_the_same_replies_under_its_own_name(vlmeval: Vlmeval, tmp_path: Path) -> None:
    for judge, value in (("Counting", 0.25), ("Constant", 0.5), ("Counting", 0.25)):
        assert vlmeval(*mmvet(tmp_path, "--judge", f"my.py:{judge}"))[0] == 0
        found = values(scores(tmp_path))
        assert found[f"judged_score:my-{judge}", ""] == value
        assert {metric for metric, _ in found} == {f"judged_score:my-{judge}"}
    (journal,) = (tmp_path / "results").glob("*/*/*/judge.jsonl")
    assert len(journal.read_text().splitlines()) == 4


def test_what_was_judged_is_not_judged_again(vlmeval: Vlmeval, tmp_path: Path) -> None:
    line = mmvet(tmp_path, "--judge", "my.py:Constant")
    (status, *_), (again, *_) = vlmeval(*line), vlmeval(*line)
    (journal,) = (tmp_path / "results").glob("*/*/*/judge.jsonl")
    assert (status, again, len(journal.read_text().splitlines())) == (0, 0, 4)


def test_scoring_again_reads_the_journalled_verdicts(vlmeval: Vlmeval, tmp_path: Path) -> None:
    vlmeval(*mmvet(tmp_path, "--judge", "my.py:Counting"))
    before = scores(tmp_path)
    (tmp_path / "my.py").unlink()
    assert vlmeval("score", "results")[0] == 0
    assert scores(tmp_path) == before

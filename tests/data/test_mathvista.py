"""MathVista in the hub's schema and in VLMEvalKit's, from the file to the score, sockets blocked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.data.asked import cell, read, scored, values, write_jsonl, write_parquet
from tests.data.made import b64, png, write_tsv
from tests.run.asking import Asked
from vlmeval.data.catalog import find_task
from vlmeval.data.samples import DataOptions, open_samples
from vlmeval.errors import DataError
from vlmeval.run.judging import judge_run
from vlmeval.run.session import run_task
from vlmeval.run.settings import RunSettings
from vlmeval.score.scorer import score_run
from vlmeval.types import Image, Output

pytestmark = pytest.mark.usefixtures("offline")


def mathvista_row(pid: str, answer: str, *, choices: list[str] | None = None, **more: Any) -> dict[str, Any]:
    metadata = {
        "split": "testmini", "language": "english", "source": "made", "category": "general-vqa", "task": "counting",
        "context": "table", "grade": "college", "skills": more.pop("skills", ["arithmetic reasoning"]),
        "img_width": 12, "img_height": 8,
    }  # fmt: skip
    return {
        "pid": pid, "question": "How many?", "image": "images/1.jpg", "decoded_image": cell(), "choices": choices,
        "unit": None, "precision": None, "answer": answer, "query": "unused", "metadata": metadata,
        "question_type": "multi_choice" if choices else "free_form", "answer_type": "text" if choices else "integer",
        **more,
    }  # fmt: skip


MATHVISTA = [
    mathvista_row("1", "12", unit="g", skills=["arithmetic reasoning", "numeric commonsense"]),
    mathvista_row("2", "cat", choices=["cat", "dog", "cat"]),
    mathvista_row("3", "1.5", answer_type="float", precision=1.0),
    mathvista_row("4", "[1, 2]", answer_type="list", skills=["numeric commonsense"]),
]


def test_mathvista_reads_the_hubs_schema_with_skills_and_options_worded_alike(tmp_path: Path) -> None:
    number, choice, decimal, several = read("mathvista", write_parquet(tmp_path / "m.parquet", MATHVISTA))
    assert (number.references, number.fields["unit"], number.choices) == (("12",), "g", ())
    assert (choice.references, choice.choices) == (("A", "C"), ("cat", "dog", "cat"))
    assert decimal.fields["precision"] == "1"
    assert "one decimal place" in decimal.fields["hint"]
    assert several.references == ("[1, 2]",)
    assert number.tags["skills"] == "arithmetic reasoning\nnumeric commonsense"
    assert isinstance(number.parts[0], Image)


def test_mathvista_is_scored_with_a_slice_for_every_skill(tmp_path: Path) -> None:
    path = write_parquet(tmp_path / "m.parquet", MATHVISTA)
    replies = {"1": "The answer is 12.", "2": "(C)", "3": "1.46", "4": "no idea"}
    scores = scored("mathvista_testmini", path, replies, tmp_path)
    figures = values(scores, "verbatim")
    assert figures[""] == 0.75
    assert figures["skills=arithmetic reasoning"] == 1.0
    assert figures["skills=numeric commonsense"] == 0.5
    assert scores.coverage.unparsed == 1


def test_mathvista_asks_the_same_words_whichever_file_it_reads(tmp_path: Path) -> None:
    """VLMEvalKit's TSV has the whole prompt for a question, lists spelled as literals."""
    (tmp_path / "1.png").write_bytes(png())
    query = "Hint: Please answer.\nQuestion: Which one?\nIs it near?\nChoices:\n(A) cat\n(B) dog"
    tsv = write_tsv(
        tmp_path / "MathVista_MINI.tsv",
        ("index", "image", "question", "answer", "answer_option", "choices", "answer_type", "question_type", "task",
         "skills", "precision"),
        [{"index": 7, "image": b64(png()), "question": query, "answer": "dog", "answer_option": "B",
          "choices": "['cat', 'dog']", "answer_type": "text", "question_type": "multi_choice", "task": "counting",
          "skills": "['a', 'b']"}],
    )  # fmt: skip
    row = mathvista_row("7", "dog", choices=["cat", "dog"], question="Which one?\nIs it near?", image="1.png")
    del row["decoded_image"]
    (first,), (second,) = read("mathvista", tsv), read("mathvista", write_jsonl(tmp_path / "m.jsonl", [row]))
    assert first.parts == second.parts
    assert (first.references, first.choices, first.fields) == (second.references, second.choices, second.fields)
    assert first.tags["skills"] == "a\nb"


def test_mathvista_names_the_row_whose_gold_is_no_choice_and_hides_none_on_testmini(tmp_path: Path) -> None:
    wrong = mathvista_row("2", "cow", choices=["cat", "dog"])
    with pytest.raises(DataError, match=r'row 0, column "answer": the gold "cow" is none of the 2 choices'):
        read("mathvista", write_parquet(tmp_path / "w.parquet", [wrong]))
    hidden = write_parquet(tmp_path / "h.parquet", [mathvista_row("2", "", choices=["cat", "dog"])])
    with pytest.raises(DataError, match="the cell is empty"):
        read("mathvista", hidden)
    assert read("mathvista_test", hidden)[0].references == ()


def test_a_judge_reads_what_the_rules_could_not(tmp_path: Path) -> None:
    path = write_parquet(tmp_path / "m.parquet", MATHVISTA)
    task = find_task("mathvista_testmini")
    rambling = Asked(lambda request: Output("I would say that both 7 and 12 are near, and both look fine."))
    words = {"1": "12", "2": "A", "3": "none", "4": "[1, 2]"}
    wise = Asked(lambda request: Output(words[request.sample_id]))
    with open_samples(task, DataOptions(data=path)) as samples:
        folder = run_task(task, samples, rambling, RunSettings(quiet=True), results=tmp_path / "results").folder
    assert values(score_run(folder), "verbatim")[""] == 0.0
    judge_run(folder, wise, RunSettings(quiet=True))
    scores = score_run(folder)
    assert values(scores, "verbatim")[""] == 0.75
    assert scores.coverage.rules == {"judge:asked": 3, "judge_none": 1}


def test_the_official_policy_says_where_it_took_the_nearest_option(tmp_path: Path) -> None:
    path = write_parquet(tmp_path / "m.parquet", MATHVISTA[1:2])
    honest = scored("mathvista_testmini", path, {"2": "something furry"}, tmp_path)
    official = scored("mathvista_testmini", path, {"2": "something furry"}, tmp_path, policy="official")
    assert (honest.coverage.unparsed, official.coverage.unparsed) == (1, 0)
    assert official.coverage.rules == {"official-nearest": 1}
    assert official.policy == "official"

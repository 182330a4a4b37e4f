"""Multiple-choice benchmarks on small local data in their real schemas, from the file to the score, sockets blocked."""

from __future__ import annotations

import json
import socket
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as arrow
import pyarrow.parquet as parquet
import pytest

from tests.data.made import b64, png, question, write_tsv
from tests.run.asking import Asked
from vlmeval.data.catalog import find_task, list_tasks
from vlmeval.data.samples import DataOptions, open_samples
from vlmeval.errors import DataError
from vlmeval.run.session import run_task
from vlmeval.run.settings import RunSettings
from vlmeval.score.scorer import score_run
from vlmeval.store.results import Scores
from vlmeval.types import Image, Output, Request, Sample

HOSTILE = "__import__('os').system('touch /tmp/x')"


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def refuse(*arguments: object, **more: object) -> None:
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setenv("LMUData", str(tmp_path / "LMUData"))


def cell(number: int = 0) -> dict[str, Any]:
    """Return an image as the `datasets` library writes it."""
    return {"bytes": png((number, 9, 9)), "path": None}


def write_parquet(path: Path, rows: Sequence[Mapping[str, Any]]) -> Path:
    parquet.write_table(arrow.Table.from_pylist(list(rows)), path)
    return path


def write_jsonl(path: Path, rows: Sequence[Mapping[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf8")
    return path


def read(task: str, path: Path) -> list[Sample]:
    with open_samples(find_task(task), DataOptions(data=path)) as samples:
        return list(samples)


def scored(task: str, path: Path, replies: Mapping[str, str], tmp_path: Path, policy: str | None = None) -> Scores:
    """Ask a model that answers by sample id, and score the run."""

    def reply(request: Request) -> Output:
        return Output(replies[request.sample_id])

    with open_samples(find_task(task), DataOptions(data=path)) as samples:
        result = run_task(
            find_task(task), samples, Asked(reply), RunSettings(quiet=True), results=tmp_path / "results"
        )
    return score_run(result.folder, policy=policy)


def values(scores: Scores, metric: str) -> dict[str, float]:
    return {one.slice: one.value for one in scores.estimates if one.metric == metric}


# --- MathVista


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


# --- MMMU-Pro


def pro_row(number: int, options: Sequence[str], answer: str, **more: Any) -> dict[str, Any]:
    images = {f"image_{place}": None for place in range(1, 8)}
    return {
        "id": f"test_Art_Theory_{number}", "question": "Look at <image 1>: and <image 2>.", "options": repr(options),
        "explanation": "", **images, "image_1": cell(1), "image_2": cell(2), "img_type": "[]", "answer": answer,
        "topic_difficulty": "Hard", "subject": "Art_Theory", **more,
    }  # fmt: skip


TEN = [f"option {place}" for place in range(8)] + ["<image 1>", "none of\nA. these"]


def test_mmmu_pro_keeps_the_places_of_images_in_question_and_options(tmp_path: Path) -> None:
    path = write_parquet(tmp_path / "p.parquet", [pro_row(1, TEN, "J")])
    (sample,) = read("mmmu_pro_standard10", path)
    texts = [part if isinstance(part, str) else "IMAGE" for part in sample.parts]
    assert texts == ["Look at ", "IMAGE", ": and ", "IMAGE", "."]
    assert (len(sample.choices), sample.references) == (10, ("J",))
    assert sample.choices[8] == (sample.parts[1],)
    assert sample.tags == {
        "domain": "Art & Design", "subject": "Art_Theory", "difficulty": "Hard", "question_type": "multiple-choice",
    }  # fmt: skip


def test_mmmu_pro_is_asked_in_the_words_of_its_authors(tmp_path: Path) -> None:
    path = write_parquet(tmp_path / "p.parquet", [pro_row(1, ["x", "y"], "B", question="Which? <image 1>")])
    asked = Asked(lambda request: Output(f"Answer: {'B' if len(request.images) == 1 else 'A'}"))
    texts = {}
    for name in ("mmmu_pro_standard4", "mmmu_pro_standard4_cot"):
        task = find_task(name)
        with open_samples(task, DataOptions(data=path)) as samples:
            run = run_task(task, samples, asked, RunSettings(quiet=True), results=tmp_path / name)
            from vlmeval.registry import KINDS

            (request,) = KINDS.load(task.kind)(task).requests(next(iter(samples)))
        texts[name] = request.text
        assert values(score_run(run.folder), "accuracy")["domain=Art & Design"] == 1.0
    direct = "Which? \nA. x\nB. y\nAnswer with the option letter from the given choices directly."
    assert texts["mmmu_pro_standard4"] == direct
    assert texts["mmmu_pro_standard4_cot"].endswith(
        "B. y\nAnswer the preceding multiple choice question. The last line of your response should be of the following "
        "format: 'Answer: $LETTER' (without quotes) where LETTER is one of options. Think step by step before answering."
    )


def test_mmmu_pro_vision_is_one_image_and_the_instruction(tmp_path: Path) -> None:
    row = {"id": "test_Math_3", "image": cell(), "options": repr(TEN[:4]), "answer": "C", "subject": "Math"}
    path = write_parquet(tmp_path / "v.parquet", [row])
    (sample,) = read("mmmu_pro_vision", path)
    assert (len(sample.parts), sample.references, sample.tags["domain"]) == (1, ("C",), "Science")
    scores = scored("mmmu_pro_vision", path, {"test_Math_3": "Answer: C"}, tmp_path)
    assert values(scores, "accuracy")["subject=Math"] == 1.0


def test_mmmu_pro_names_the_row_of_a_placeholder_without_image(tmp_path: Path) -> None:
    path = write_parquet(tmp_path / "p.parquet", [pro_row(1, ["x", "<image 5>"], "A")])
    with pytest.raises(DataError, match="the text names <image 5>, but the row has no image 5"):
        read("mmmu_pro_standard10", path)


# --- BLINK, A-OKVQA, MMT-Bench, ScienceQA


def blink_row(number: int, task: str, answer: str, images: int) -> dict[str, Any]:
    cells = {f"image_{place}": cell(place) if place <= images else None for place in range(1, 5)}
    prompt = "A point is marked REF. Which is it?\nSelect from the following choices.\n(A) left\n(B) right"
    return {
        "idx": f"val_{task}_{number}", "sub_task": task, "question": "Which?", "prompt": prompt, **cells,
        "choices": ["left", "right"], "answer": answer, "explanation": "",
    }  # fmt: skip


def test_blink_is_the_mean_of_its_tasks_with_all_images_in_front_of_the_data_sets_own_prompt(tmp_path: Path) -> None:
    rows = [*(blink_row(number, "Jigsaw", "(A)", 2) for number in range(3)), blink_row(1, "Counting", "(B)", 1)]
    path = write_parquet(tmp_path / "b.parquet", rows)
    found = read("blink_val", path)
    assert [sum(isinstance(part, Image) for part in sample.parts) for sample in found] == [2, 2, 2, 1]
    from vlmeval.registry import KINDS

    task = find_task("BLINK")
    (request,) = KINDS.load(task.kind)(task).requests(found[0])
    assert request.text == rows[0]["prompt"]
    scores = scored("blink_val", path, {sample.id: "(A)" for sample in found}, tmp_path)
    assert values(scores, "macro_category") == {"": 0.5, "category=Counting": 0.0, "category=Jigsaw": 1.0}
    assert values(scores, "accuracy")[""] == 0.75


def test_blink_hides_its_gold_on_test_only(tmp_path: Path) -> None:
    path = write_parquet(tmp_path / "b.parquet", [blink_row(1, "Jigsaw", "(hidden)", 1)])
    assert read("blink_test", path)[0].references == ()
    with pytest.raises(DataError, match="the cell is empty"):
        read("blink_val", path)


def test_aokvqa_reads_positions_and_refuses_one_past_the_options(tmp_path: Path) -> None:
    row = {
        "image": cell(), "question_id": "q7", "question": "What is it for?", "choices": ["a", "b", "c", "d"],
        "correct_choice_idx": 2, "direct_answers": "['c']", "difficult_direct_answer": False, "rationales": ["r"],
    }  # fmt: skip
    path = write_parquet(tmp_path / "a.parquet", [row])
    assert [(one.id, one.references) for one in read("aokvqa", path)] == [("q7", ("C",))]
    assert values(scored("aokvqa_val", path, {"q7": "C"}, tmp_path), "accuracy")[""] == 1.0
    with pytest.raises(DataError, match="'4' is no position from 0 to 3"):
        read("aokvqa", write_parquet(tmp_path / "b.parquet", [{**row, "correct_choice_idx": 4}]))


def test_mmtbench_takes_nine_options_and_averages_its_sub_tasks_by_ability(tmp_path: Path) -> None:
    letters = "ABCDEFGHI"
    rows = [
        {"index": number, "question": f"Q{number}?", "image": b64(png((number, 1, 1))), "answer": "I",
         "category": task, "l2-category": "ability", "split": "VAL", **{letter: f"o {letter}" for letter in letters}}
        for number, task in enumerate(("one", "one", "one", "two"))
    ]  # fmt: skip
    path = write_tsv(tmp_path / "MMT-Bench_VAL.tsv", tuple(rows[0]), rows)
    assert read("mmt_val", path)[0].choices == tuple(f"o {letter}" for letter in letters)
    scores = scored("MMT-Bench_VAL", path, {"0": "A", "1": "A", "2": "A", "3": "I"}, tmp_path)
    assert values(scores, "macro_category")["l2-category=ability"] == 0.5
    assert values(scores, "accuracy")["l2-category=ability"] == 0.25


def test_scienceqa_reads_questions_without_image_and_slices_by_it(tmp_path: Path) -> None:
    shared = {"answer": 1, "grade": "grade3", "subject": "natural science", "topic": "biology", "category": "Plants"}
    rows = [
        {"image": cell(), "question": "Which?", "choices": ["moss", "oak"], "hint": "Look.", **shared},
        {"image": None, "question": "What?", "choices": ["x", "y", "z"], "hint": "", **shared},
    ]
    path = write_parquet(tmp_path / "s.parquet", rows)
    with_image, without = read("scienceqa_full", path)
    assert (with_image.tags["image"], without.tags["image"]) == ("with image", "without image")
    from vlmeval.registry import KINDS

    task = find_task("scienceqa_full")
    (request,) = KINDS.load(task.kind)(task).requests(with_image)
    assert request.text == (
        "Context: Look.\nWhich?\nA. moss\nB. oak\nAnswer with the option's letter from the given choices directly."
    )
    scores = scored("scienceqa_all_test", path, {with_image.id: "B", without.id: "E"}, tmp_path)
    assert values(scores, "accuracy")["image=with image"] == 1.0
    assert values(scores, "accuracy")["image=without image"] == 0.0


# --- hostile cells, any task


def test_hostile_duplicate_and_many_lined_options_are_text_and_nothing_runs(tmp_path: Path) -> None:
    options = [HOSTILE, "two\nlines\nA. trap", "same", "same"]
    rows = [question(1, options, "B"), question(2, options, "C", question=HOSTILE)]
    path = write_tsv(tmp_path / "MyBench.tsv", ("index", "question", "A", "B", "C", "D", "answer", "image"), rows)
    first, second = read(str(path), path)
    assert first.choices == tuple(options)
    scores = scored(str(path), path, {"1": "B", "2": "same"}, tmp_path)
    assert values(scores, "accuracy")[""] == 0.5
    assert scores.coverage.unparsed == 1
    assert not Path("/tmp/x").exists()
    assert second.parts[-1] == HOSTILE


def test_a_hostile_gold_is_an_error_that_names_file_and_row(tmp_path: Path) -> None:
    rows = [question(1, ["x", "y"], "A"), question(2, ["x", "y"], HOSTILE)]
    path = write_tsv(tmp_path / "MyBench.tsv", ("index", "question", "A", "B", "answer", "image"), rows)
    with pytest.raises(DataError, match=r"MyBench\.tsv, line 3.*is none of the options A-B"):
        read(str(path), path)
    assert not Path("/tmp/x").exists()


def test_any_tsv_of_choices_is_a_task_and_official_draws_are_labelled(tmp_path: Path) -> None:
    rows = [question(number, ["yes", "no"], "A", category="sharpness") for number in range(4)]
    path = write_tsv(
        tmp_path / "Q-Bench9_VAL.tsv", ("index", "question", "A", "B", "answer", "category", "image"), rows
    )
    replies = {"0": "A", "1": "B", "2": "hm", "3": "hm"}
    honest = scored(str(path), path, replies, tmp_path)
    official = scored(str(path), path, replies, tmp_path, policy="official")
    assert (honest.task, honest.coverage.unparsed) == ("Q-Bench9_VAL", 2)
    assert values(honest, "accuracy")["category=sharpness"] == 0.25
    assert official.coverage.rules["official-random"] == 2
    assert official.estimates == scored(str(path), path, replies, tmp_path, policy="official").estimates


def test_both_families_of_names_lead_to_one_task() -> None:
    pairs = {
        "MMBench_DEV_EN": "mmbench_en_dev", "MMBench_DEV_CN": "mmbench_cn_dev", "MMBench_TEST_EN": "mmbench_en_test",
        "MMBench_TEST_CN": "mmbench_cn_test", "CCBench": "mmbench_cc", "MMMU_DEV_VAL": "mmmu_val",
        "MMMU_TEST": "mmmu_test", "MMMU_Pro_10c": "mmmu_pro_standard", "MMMU_Pro_V": "mmmu_pro_vision",
        "MMMU_Pro_10c_COT": "mmmu_pro_standard_cot", "MMMU_Pro_V_COT": "mmmu_pro_vision_cot",
        "MathVista_MINI": "mathvista_testmini", "AI2D_TEST": "ai2d", "AI2D_TEST_NO_MASK": "ai2d_no_mask",
        "ScienceQA_TEST": "scienceqa_img", "ScienceQA_VAL": "scienceqa_img_val", "SEEDBench_IMG": "seedbench",
        "MMT-Bench_VAL": "mmt_val", "MMT-Bench_VAL_MI": "mmt_mi_val", "A-OKVQA": "aokvqa", "BLINK": "blink_val",
        "MMStar": "mmstar", "RealWorldQA": "realworldqa", "Q-Bench1_VAL": "qbench_dev",
    }  # fmt: skip
    for kit, harness in pairs.items():
        assert find_task(kit).name == find_task(harness).name, (kit, harness)


def test_no_alias_stands_for_two_tasks() -> None:
    owners: dict[str, str] = {}
    for task in list_tasks():
        for name in {alias.lower().replace("-", "_") for alias in (task.name, *task.aliases)}:
            assert owners.setdefault(name, task.name) == task.name, name

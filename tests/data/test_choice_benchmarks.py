"""Multiple-choice benchmarks on small local data in their real schemas, from the file to the score, sockets blocked."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from benchmarks.blink import BENCHMARK
from tests.data.asked import cell, read, scored, values, write_parquet
from tests.data.made import b64, png, write_tsv
from tests.run.asking import Asked
from vlmeval.data.catalog import find_task
from vlmeval.data.samples import DataOptions, open_samples
from vlmeval.data.sources import Hub
from vlmeval.errors import DataError
from vlmeval.registry import KINDS
from vlmeval.run.session import run_task
from vlmeval.run.settings import RunSettings
from vlmeval.score.scorer import score_run
from vlmeval.types import Image, Output, Sample

pytestmark = pytest.mark.usefixtures("offline")


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
            (request,) = KINDS.load(task.kind)(task).requests(next(iter(samples)))
        texts[name] = request.text
        assert values(score_run(run.folder), "accuracy")["domain=Art & Design"] == 1.0
    direct = "Which? \nA. x\nB. y\nAnswer with the option letter from the given choices directly."
    assert texts["mmmu_pro_standard4"] == direct
    assert texts["mmmu_pro_standard4_cot"] == (
        "Which? \nA. x\nB. y\nAnswer the preceding multiple choice question. The last line of your response should "
        "be of the following format: 'Answer: $LETTER' (without quotes) where LETTER is one of options. Think step by "
        "step before answering."
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
    task = find_task("BLINK")
    (request,) = KINDS.load(task.kind)(task).requests(found[0])
    assert request.text == rows[0]["prompt"]
    scores = scored("blink_val", path, {sample.id: "(A)" for sample in found}, tmp_path)
    assert values(scores, "macro_category") == {"": 0.5, "category=Counting": 0.0, "category=Jigsaw": 1.0}
    assert values(scores, "accuracy")[""] == 0.75


def test_blink_is_read_from_all_its_configurations_on_the_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    datasets = pytest.importorskip("datasets", reason="the extra hf is not installed")
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    configs = []
    for place, task in enumerate(("Jigsaw", "Counting")):
        (tmp_path / "hub" / task).mkdir(parents=True)
        rows = [blink_row(number, task, "(A)", 2) for number in range(place + 1)]
        write_parquet(tmp_path / "hub" / task / "val-00000-of-00001.parquet", rows)
        configs.append(f"- config_name: {task}\n  data_files:\n  - split: val\n    path: {task}/val-*.parquet\n")
    (tmp_path / "hub" / "README.md").write_text(f"---\nconfigs:\n{''.join(configs)}---\n")
    name = str(tmp_path / "hub")
    source = Hub((name,), split="val", revision="main", config=("Jigsaw", "Counting"))
    table = source.open(DataOptions())
    assert table is not None
    with table:
        found = [sample for number in range(len(table)) for sample in (BENCHMARK.sample(table.row(number)),)]
        assert [one.id for one in found if isinstance(one, Sample)] == [
            "val_Jigsaw_0",
            "val_Counting_0",
            "val_Counting_1",
        ]
    assert str(source) == f"hub {name}, Jigsaw + Counting, split val, revision main"


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


def test_mmtbench_counts_the_question_that_has_one_option_and_other_files_refuse_it(tmp_path: Path) -> None:
    row = {"index": 8279, "question": "Where is it?", "image": b64(png()), "answer": "A", "category": "keypoints",
           "l2-category": "detection", "split": "VAL", "A": "[0.1, 0.2]", "B": ""}  # fmt: skip
    path = write_tsv(tmp_path / "MMT-Bench_VAL.tsv", tuple(row), [row])
    (sample,) = read("mmt_val", path)
    assert (sample.choices, sample.references) == (("[0.1, 0.2]",), ("A",))
    assert values(scored("MMT-Bench_VAL", path, {"8279": "[0.1, 0.2]"}, tmp_path), "accuracy")[""] == 1.0
    with pytest.raises(DataError, match="1 options; a choice needs two at least"):
        read("mmstar", path)


def test_scienceqa_reads_questions_without_image_and_slices_by_it(tmp_path: Path) -> None:
    shared = {"answer": 1, "grade": "grade3", "subject": "natural science", "topic": "biology", "category": "Plants"}
    rows = [
        {"image": cell(), "question": "Which?", "choices": ["moss", "oak"], "hint": "Look.", **shared},
        {"image": None, "question": "What?", "choices": ["x", "y", "z"], "hint": "", **shared},
    ]
    path = write_parquet(tmp_path / "s.parquet", rows)
    with_image, without = read("scienceqa_full", path)
    assert (with_image.tags["image"], without.tags["image"]) == ("with image", "without image")
    task = find_task("scienceqa_full")
    (request,) = KINDS.load(task.kind)(task).requests(with_image)
    assert request.text == (
        "Context: Look.\nWhich?\nA. moss\nB. oak\nAnswer with the option's letter from the given choices directly."
    )
    scores = scored("scienceqa_all_test", path, {with_image.id: "B", without.id: "E"}, tmp_path)
    assert values(scores, "accuracy")["image=with image"] == 1.0
    assert values(scores, "accuracy")["image=without image"] == 0.0

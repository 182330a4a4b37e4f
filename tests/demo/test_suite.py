import ast
import csv
import hashlib
import json
from collections import defaultdict
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from demo.build import ROTATION_STEP, SUITE, build
from demo.dice import Dice
from demo.prompts import LETTERS
from demo.scenes import draw_scene, scene_hash

LARGEST_SUITE = 1_500_000


@pytest.fixture(scope="module")
def rebuilt(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("suite")
    build(root)
    return root


@pytest.fixture(scope="module")
def choice_rows() -> list[dict[str, str]]:
    with (SUITE / "DEMO_MMBench.tsv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def test_the_suite_rebuilds_byte_for_byte(rebuilt: Path) -> None:
    names = sorted(path.relative_to(SUITE) for path in SUITE.rglob("*") if path.is_file())
    assert names == sorted(path.relative_to(rebuilt) for path in rebuilt.rglob("*") if path.is_file())
    parquet = Path("demo_mmmu") / "validation-00000-of-00001.parquet"
    same_writer = _writer(rebuilt / parquet) == _writer(SUITE / parquet)
    assert pq.read_table(rebuilt / parquet).equals(pq.read_table(SUITE / parquet))
    for name in names:
        if same_writer or name not in (parquet, Path("manifest.json")):
            assert (rebuilt / name).read_bytes() == (SUITE / name).read_bytes(), name


def _writer(path: Path) -> str:
    return str(pq.read_metadata(path).created_by)


def test_the_manifest_names_every_file_with_its_checksum() -> None:
    manifest = json.loads((SUITE / "manifest.json").read_text(encoding="utf-8"))
    files = {str(path.relative_to(SUITE)) for path in SUITE.rglob("*") if path.is_file()} - {"manifest.json"}
    assert set(manifest["sha256"]) == files
    for name, checksum in manifest["sha256"].items():
        assert hashlib.sha256((SUITE / name).read_bytes()).hexdigest() == checksum
    assert sum((SUITE / name).stat().st_size for name in files) < LARGEST_SUITE


def test_no_layout_of_the_suite_can_be_drawn_for_training() -> None:
    layouts = set(json.loads((SUITE / "manifest.json").read_text(encoding="utf-8"))["layouts"])
    dice = Dice(11)
    assert len(layouts) > 200
    assert not layouts & {scene_hash(draw_scene(dice, "train")) for _ in range(5000)}


def test_rotations_move_every_option_and_keep_the_right_one(choice_rows: list[dict[str, str]]) -> None:
    groups: dict[int, list[dict[str, str]]] = defaultdict(list)
    for row in choice_rows:
        groups[int(row["index"]) % ROTATION_STEP].append(row)
    sizes = set()
    for base, rows in groups.items():
        options = [{letter: row[letter] for letter in LETTERS if row[letter] not in ("", "nan")} for row in rows]
        sizes.add(len(rows))
        assert [int(row["index"]) for row in rows] == [base + turn * ROTATION_STEP for turn in range(len(options[0]))]
        assert len({row[row["answer"]] for row in rows}) == 1
        assert {row["answer"] for row in rows} == set(options[0])
        for letter in options[0]:
            assert len({option[letter] for option in options}) == len(rows)
        assert all(row["image"] == str(base) for row in rows[1:])
        assert len(rows[0]["image"]) > 64
    assert sizes == {2, 3, 4}


def test_exam_items_have_as_many_images_as_placeholders() -> None:
    rows = pq.read_table(SUITE / "demo_mmmu" / "validation-00000-of-00001.parquet").to_pylist()
    kinds = set()
    for row in rows:
        text = row["question"] + row["options"]
        for place in range(1, 8):
            assert (f"<image {place}>" in text) == (row[f"image_{place}"] is not None), row["id"]
        options = ast.literal_eval(row["options"])
        kinds.add(row["question_type"])
        assert (row["question_type"] == "open") == (not options)
        assert not options or row["answer"] in LETTERS[: len(options)]
    assert kinds == {"open", "multiple-choice"}


def test_every_vqa_question_has_ten_answers_and_an_image() -> None:
    folder = SUITE / "demo_vqa"
    questions = json.loads((folder / "questions.json").read_text(encoding="utf-8"))["questions"]
    annotations = json.loads((folder / "annotations.json").read_text(encoding="utf-8"))["annotations"]
    assert [item["question_id"] for item in questions] == [item["question_id"] for item in annotations]
    assert len({item["question_id"] for item in questions}) == len(questions)
    for question, annotation in zip(questions, annotations, strict=True):
        assert len(annotation["answers"]) == 10
        assert annotation["image_id"] == question["image_id"]
        assert (folder / "images" / f"COCO_val2014_{question['image_id']:012d}.png").exists()
    assert any(len({answer["answer"] for answer in item["answers"]}) > 1 for item in annotations)


def test_captions_and_sentences_come_in_fives() -> None:
    content = json.loads((SUITE / "demo_caption" / "captions_val.json").read_text(encoding="utf-8"))
    counts: dict[int, int] = defaultdict(int)
    for annotation in content["annotations"]:
        counts[annotation["image_id"]] += 1
    assert {item["id"] for item in content["images"]} == set(counts)
    assert set(counts.values()) == {5}
    images = json.loads((SUITE / "demo_retrieval" / "dataset.json").read_text(encoding="utf-8"))["images"]
    sentids = [sentid for item in images for sentid in item["sentids"]]
    assert sentids == list(range(5 * len(images)))
    for item in images:
        assert [sentence["sentid"] for sentence in item["sentences"]] == item["sentids"]
        assert (SUITE / "demo_retrieval" / item["filepath"] / item["filename"]).exists()

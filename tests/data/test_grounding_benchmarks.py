"""RefCOCO, RefCOCO+ and RefCOCOg on small local data in their real schemas, from the file to the score."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.data.asked import read, scored, values, write_jsonl, write_parquet
from tests.data.made import png
from tests.score.runs import made
from vlmeval.data.blind import Blind, BlindSet
from vlmeval.data.catalog import find_benchmark, find_task
from vlmeval.data.samples import DataOptions, open_samples
from vlmeval.errors import ConfigError, DataError
from vlmeval.registry import KINDS
from vlmeval.score.scorer import score_run
from vlmeval.types import Image, Output

pytestmark = pytest.mark.usefixtures("offline")

TASKS = [
    f"{name}_{split}"
    for name, splits in (("refcoco", "val testA testB"), ("refcoco_plus", "val testA testB"), ("refcocog", "val test"))
    for split in splits.split()
]


def copy_row(number: int, expressions: list[str], box: list[float]) -> dict[str, Any]:
    """Return a row as the copies on the hub have it."""
    return {
        "question_id": "7", "image": {"bytes": png((number, 9, 9), (200, 100)), "path": None}, "question": "Describe.",
        "answer": expressions, "segmentation": [1.0, 2.0], "bbox": box, "iscrowd": 0, "file_name": f"{number}.jpg",
    }  # fmt: skip


def lines(folder: Path, rows: list[dict[str, Any]]) -> Path:
    """Write rows as Qwen-VL's evaluation has them, images beside them."""
    for number, row in enumerate(rows):
        (folder / f"{number}.png").write_bytes(png((number, 9, 9), (200, 100)))
        row |= {"image": f"{number}.png", "width": 200, "height": 100}
    return write_jsonl(folder / "refcoco_val.jsonl", rows)


@pytest.mark.parametrize("task", TASKS)
def test_an_object_is_asked_once_for_each_expression(task: str, tmp_path: Path) -> None:
    rows = [copy_row(0, ["the dog", "left dog"], [10, 20, 40, 50]), copy_row(1, ["cat"], [0, 0, 100, 100])]
    path = write_parquet(tmp_path / "r.parquet", rows)
    found = read(task, path)
    assert [one.id for one in found] == ["7-0-0", "7-0-1", "7-1-0"]
    assert [one.references for one in found[1:]] == [("10.0,20.0,50.0,70.0",), ("0.0,0.0,100.0,100.0",)]
    assert found[0].cluster == found[1].cluster != found[2].cluster
    replies = {"7-0-0": "[0.05, 0.2, 0.25, 0.7]", "7-0-1": "[10, 20, 50, 45]", "7-1-0": "nothing"}
    scores = scored(task, path, replies, tmp_path)
    assert values(scores, "iou_50")[""] == pytest.approx(2 / 3)
    assert values(scores, "mean_iou")[""] == pytest.approx(0.5)
    (overall,) = [one for one in scores.estimates if one.metric == "iou_50" and one.slice == ""]
    assert (overall.samples, overall.clusters) == (3, 2)


def test_json_lines_of_single_expressions_have_corners(tmp_path: Path) -> None:
    path = lines(tmp_path, [{"sent": "the dog", "bbox": [10, 20, 50, 70]}, {"sent": "cat", "bbox": [0, 0, 1.5, 2]}])
    found = read("refcoco_val", path)
    assert [(one.id, one.references) for one in found] == [
        ("0-0", ("10.0,20.0,50.0,70.0",)),
        ("1-0", ("0.0,0.0,1.5,2.0",)),
    ]
    scores = scored("RefCOCO_val", path, {"0-0": "<box>(50,200),(250,700)</box>", "1-0": "[0, 0, 0, 0]"}, tmp_path)
    assert values(scores, "iou_50")[""] == 0.5


def test_the_prompt_is_that_of_lmms_eval_with_the_image_in_front(tmp_path: Path) -> None:
    (sample,) = read("refcoco_val", lines(tmp_path, [{"sent": "the dog", "bbox": [10, 20, 50, 70]}]))
    task = find_task("refcoco_val")
    (request,) = KINDS.load("grounding")(task).requests(sample)
    assert isinstance(request.parts[0], Image)
    assert request.text == (
        "Bounding box coordinates are specified in the format (top-left x, top-left y, bottom-right x, bottom-right "
        "y). All values are floating point numbers bounded between 0 and 1. Please provide the bounding box "
        "coordinate of the region this sentence describes: the dog"
    )
    (pixels,) = KINDS.load("grounding")(msgspec.structs.replace(task, prompt="pixel")).requests(sample)
    assert pixels.text.startswith("Locate the dog in this image of 200 x 100 pixels.")


def test_a_convention_changes_the_figure_and_its_signature(tmp_path: Path) -> None:
    samples = read("refcoco_val", lines(tmp_path, [{"sent": "dog", "bbox": [10, 5, 20, 10]}]))
    task = find_task("refcoco_val")
    thousand = msgspec.structs.replace(task, options={"coordinates": "0-1000"})
    found: dict[float, str] = {}
    for one in (task, thousand):
        folder = made(tmp_path / str(len(found)), samples, lambda sample, request: "[50, 50, 100, 100]", task=one)
        (share,) = [estimate for estimate in score_run(folder).estimates if estimate.metric == "iou_50"]
        found[share.value] = share.signature
    assert list(found) == [0.0, 1.0]
    assert "parse:1|" in found[0.0]
    assert "parse:1+0-1000|" in found[1.0]


def test_the_answer_is_in_pixels_with_its_rule(tmp_path: Path) -> None:
    (sample,) = read("refcoco_val", lines(tmp_path, [{"sent": "dog", "bbox": [10, 5, 20, 10]}]))
    kind = KINDS.load("grounding")(find_task("refcoco_val"))
    assert [(one.value, one.rule) for one in kind.answers(sample, {"": Output("[0.5, 0.5, 1.0, 1.0]")})] == [
        ("100.0,50.0,200.0,100.0", "list:0-1")
    ]
    assert [one.value for one in kind.answers(sample, {"": Output("a dog")})] == [None]
    assert kind.answers(sample, {}) == ()
    assert kind.settled(sample, {}) is False


@pytest.mark.parametrize("mode", ["none", "black", "noise", "shuffled"])
def test_a_blind_reply_is_measured_in_the_image_of_the_gold(mode: Blind, tmp_path: Path) -> None:
    box = [100, 50, 200, 100]
    for name, size in (("dog", (200, 100)), ("cat", (400, 400))):
        (tmp_path / f"{name}.png").write_bytes(png((5, 5, 5), size))
    rows = [{"sent": name, "bbox": box, "image": f"{name}.png"} for name in ("dog", "cat")]
    path = write_jsonl(tmp_path / "refcoco_val.jsonl", rows)
    task = find_task("refcoco_val")
    with open_samples(task, DataOptions(data=path)) as samples:
        first = next(iter(BlindSet(samples, mode)))
    kind = KINDS.load("grounding")(task)
    assert [one.value for one in kind.answers(first, {"": Output("[0.5, 0.5, 1.0, 1.0]")})] == list(first.references)


def test_an_image_of_another_size_than_the_row_says_is_refused(tmp_path: Path) -> None:
    path = lines(tmp_path, [{"sent": "dog", "bbox": [10, 5, 20, 10]}])
    (tmp_path / "0.png").write_bytes(png((5, 5, 5), (100, 50)))
    with pytest.raises(DataError, match="line 1: the image is 100 x 50, but the row says 200 x 100"):
        read("refcoco_val", path)


def test_replayed_answers_need_no_image_where_the_row_says_its_size(tmp_path: Path) -> None:
    row = {"sent": "dog", "bbox": [10, 5, 20, 10], "width": 200, "height": 100}
    path = write_jsonl(tmp_path / "r.jsonl", [row, {**row, "width": None}])
    task = find_task("refcoco_val")
    with open_samples(task, DataOptions(data=path, imageless=True)) as samples:
        known, unknown = samples
    kind = KINDS.load("grounding")(task)
    reply = {"": Output("[0.05, 0.05, 0.1, 0.1]")}
    assert kind.answers(known, reply)[0].value == "10.0,5.0,20.0,10.0"
    assert kind.answers(unknown, reply)[0].rule == "no_image_size"


def test_an_unknown_convention_is_refused_by_task_and_key() -> None:
    task = msgspec.structs.replace(find_task("refcoco_val"), options={"coordinates": "inches"})
    with pytest.raises(ConfigError, match=r"task refcoco_val, .*coordinates"):
        KINDS.load("grounding")(task)


@pytest.mark.parametrize(
    ("box", "message"),
    [
        ([1, 2, 3], "expected four numbers"),
        (["a", 2, 3, 4], "expected four numbers"),
        ([30, 20, 10, 40], "is no box in the form x1, y1, x2, y2"),
        (None, "the cell is empty"),
    ],
)
def test_a_gold_that_is_no_box_names_row_and_column(box: Any, message: str, tmp_path: Path) -> None:
    path = lines(tmp_path, [{"sent": "dog", "bbox": [1, 2, 3, 4]}, {"sent": "cat", "bbox": box}])
    with pytest.raises(DataError, match=rf'line 2, column "bbox".*{message}'):
        read("refcoco_val", path)


def test_a_row_without_expressions_is_an_error(tmp_path: Path) -> None:
    path = write_parquet(tmp_path / "r.parquet", [copy_row(0, ["x"], [1, 2, 3, 4]), copy_row(1, [], [1, 2, 3, 4])])
    with pytest.raises(DataError, match="row 1, column"):
        read("refcoco_val", path)


def test_each_benchmark_names_its_copy_on_the_hub() -> None:
    for name, copy in (("refcoco", "RefCOCO"), ("refcoco_plus", "RefCOCOplus"), ("refcocog", "RefCOCOg")):
        sources = find_benchmark(name).split("val").sources
        assert str(sources[1]) == f"hub lmms-lab/{copy}, split val, revision main"

import json
from pathlib import Path
from typing import Any

import pytest

from tests.data.made import b64, png
from vlmeval.benchmark import (
    Row,
    choice_sample,
    gold_letter,
    interleave,
    placeholder_sample,
    retrieval_count,
    retrieval_samples,
    row_answers,
    row_choices,
    short_sample,
)
from vlmeval.data.images import ImageFolders, probe
from vlmeval.data.sources import open_table
from vlmeval.errors import DataError
from vlmeval.types import Image

PICTURES = {number: probe(png((number, 0, 0)), "x") for number in range(1, 4)}


def row_of(folder: Path, record: dict[str, Any], *, hidden: bool = False) -> Row:
    path = folder / "t.json"
    path.write_text(json.dumps([record]), "utf8")
    row = open_table(path, ImageFolders.beside(path)).row(0)
    row.hidden = hidden
    return row


def picture(number: int) -> str:
    return b64(png((number, 0, 0), padding=200))


@pytest.mark.parametrize(
    ("record", "choices"),
    [
        ({"A": "x", "B": "y", "C": ""}, ("x", "y")),
        ({"options": ["x", "y"]}, ("x", "y")),
        ({"options": "['x', 'y']"}, ("x", "y")),
        ({"choices": '["x", "y"]'}, ("x", "y")),
        ({"choice_a": "x", "choice_b": "y"}, ("x", "y")),
        ({"options": ["None", "nan", 3]}, ("None", "nan", "3")),
    ],
)
def test_options_are_read_from_columns_and_lists(
    tmp_path: Path, record: dict[str, Any], choices: tuple[str, ...]
) -> None:
    assert row_choices(row_of(tmp_path, record)) == choices


@pytest.mark.parametrize(
    ("answer", "indexed", "letter"),
    [("B", False, "B"), ("(B)", False, "B"), ("b", False, "B"), ("dog", False, "B"), ("1", True, "B"), (1, True, "B"),
     (0, True, "A"), ("B.", False, "B")],
)  # fmt: skip
def test_the_gold_is_a_letter_a_position_or_an_options_text(
    tmp_path: Path, answer: object, indexed: bool, letter: str
) -> None:
    assert gold_letter(row_of(tmp_path, {"answer": answer}), ("cat", "dog"), indexed=indexed) == (letter,)


@pytest.mark.parametrize(
    ("answer", "indexed"),
    [("C", False), ("2", True), ("-1", True), ("--1", True), ("9" * 5000, True), ("bird", False), ("1", False)],
)
def test_a_gold_that_is_no_option_is_an_error(tmp_path: Path, answer: object, indexed: bool) -> None:
    with pytest.raises(DataError, match=r'column "answer": the gold ".*" is none of the options A-B'):
        gold_letter(row_of(tmp_path, {"answer": answer}), ("cat", "dog"), indexed=indexed)


@pytest.mark.parametrize("answer", ["", "?", None, "(hidden)"])
def test_a_missing_gold_is_hidden_only_where_the_split_hides_it(tmp_path: Path, answer: object) -> None:
    assert gold_letter(row_of(tmp_path, {"answer": answer}, hidden=True), ("a", "b")) == ()
    with pytest.raises(DataError, match='column "answer": the cell is empty'):
        gold_letter(row_of(tmp_path, {"answer": answer}), ("a", "b"))


def test_a_choice_keeps_hint_and_tags_and_leaves_out_what_is_absent(tmp_path: Path) -> None:
    record = {"index": 3, "question": "Q?", "hint": "nan", "A": "a", "B": "b", "answer": "A", "category": "c",
              "L2-category": "d", "image": picture(1)}  # fmt: skip
    tags = {"category": ["category"], "l2-category": ["l2_category"], "grade": ["grade"]}
    sample = choice_sample(row_of(tmp_path, record), tags=tags)
    assert (sample.id, sample.fields, sample.tags) == ("3", {}, {"category": "c", "l2-category": "d"})
    assert isinstance(sample.parts[0], Image)
    assert sample.parts[1] == "Q?"
    broken = choice_sample(row_of(tmp_path, {**record, "category": "c\nd"}), tags=tags)
    assert broken.tags["category"] == "c d", "a line break would make it two slices"
    assert choice_sample(row_of(tmp_path, {**record, "hint": "None"})).fields == {}
    assert choice_sample(row_of(tmp_path, {**record, "hint": "Look!"})).fields == {"hint": "Look!"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"question": ""}, 'column "question": the cell is empty'),
        ({"image": ""}, 'column "image": the cell is empty'),
        ({"B": ""}, "1 options; a choice needs two"),
        ({"index": ""}, 'column "index": the cell is empty'),
        ({"options": str(["x"] * 26 + ["y"])}, "27 options; there are letters for 26 at most"),
    ],
)
def test_a_row_that_lacks_what_a_choice_needs_is_an_error(tmp_path: Path, change: dict[str, str], message: str) -> None:
    record = {"index": 3, "question": "Q?", "A": "a", "B": "b", "answer": "A", "image": picture(1)}
    if "options" in change:
        del record["A"], record["B"]
    with pytest.raises(DataError, match=message):
        choice_sample(row_of(tmp_path, record | change))


def test_a_file_that_lacks_a_column_between_two_options_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="option columns A, C: one between them is missing"):
        row_choices(row_of(tmp_path, {"A": "x", "C": "y"}))


def test_a_file_without_an_image_column_is_not_asked_as_text(tmp_path: Path) -> None:
    with pytest.raises(DataError, match='no column "image" or "images" or "image_path"'):
        choice_sample(row_of(tmp_path, {"index": 3, "question": "Q?", "A": "a", "B": "b", "answer": "A"}))


def test_interleaving_keeps_order_repeats_and_all_text() -> None:
    one, two = PICTURES[1], PICTURES[2]
    assert interleave("See <image 2>, then <image 1> and <image 2>.", PICTURES, "x") == (
        "See ", two, ", then ", one, " and ", two, "."
    )  # fmt: skip
    assert interleave("<image 1><image 1>", PICTURES, "x") == (one, one)
    assert interleave("no image", PICTURES, "x") == ("no image",)


def test_a_placeholder_without_its_image_is_an_error() -> None:
    with pytest.raises(DataError, match="f, row 1: the text names <image 7>, but the row has no image 7"):
        interleave("<image 7>", PICTURES, "f, row 1")


def test_placeholders_in_options_become_images_there(tmp_path: Path) -> None:
    options = "['<image 1>', 'the <image 2> one', 'no']"
    record = {"id": "validation_Art_1", "question": "Which is red? <image 3>", "options": options, "answer": "B"}
    record |= {f"image_{number}": picture(number) for number in (1, 2, 3)}
    sample = placeholder_sample(row_of(tmp_path, record), tags={"subject": "Art"})
    one, two, three = (probe(png((n, 0, 0), padding=200), "x") for n in (1, 2, 3))
    assert sample.parts == ("Which is red? ", three)
    assert sample.choices == ((one,), ("the ", two, " one"), "no")
    assert sample.references == ("B",)
    assert sample.tags == {"subject": "Art", "question_type": "multiple-choice"}


def test_an_open_question_has_all_its_golds_and_no_choices(tmp_path: Path) -> None:
    record = {"id": "validation_Math_2", "question": "How many? <image 1>", "options": "[]",
              "answer": "['24/7', '3.429']", "question_type": "open", "image_1": picture(1)}  # fmt: skip
    sample = placeholder_sample(row_of(tmp_path, record))
    assert (sample.choices, sample.references, sample.tags) == ((), ("24/7", "3.429"), {"question_type": "open"})
    assert placeholder_sample(row_of(tmp_path, {**record, "answer": "[0, 1)"})).references == ("[0, 1)",)


def test_images_without_any_placeholder_stand_in_front(tmp_path: Path) -> None:
    record = {"id": "1", "question": "What?", "A": "a", "B": "b", "answer": "A", "image": [picture(1), picture(2)]}
    sample = placeholder_sample(row_of(tmp_path, record))
    assert [isinstance(part, Image) for part in sample.parts] == [True, True, False]


@pytest.mark.parametrize(
    ("record", "answers"),
    [
        ({"answers": [{"answer": "a", "answer_id": 1}, {"answer": "b"}]}, ("a", "b")),
        ({"answers": ["a", "b", "a"]}, ("a", "b", "a")),
        ({"answer": "['a', 'b']"}, ("a", "b")),
        ({"answer": "plain, text"}, ("plain, text",)),
        ({"answer": 7}, ("7",)),
    ],
)
def test_short_answers_are_kept_as_given(tmp_path: Path, record: dict[str, Any], answers: tuple[str, ...]) -> None:
    assert row_answers(row_of(tmp_path, record)) == answers


def test_questions_about_one_image_are_one_cluster(tmp_path: Path) -> None:
    record = {"question_id": 5, "image_id": 9, "question": "Q?", "answers": ["x"], "image": picture(1)}
    assert short_sample(row_of(tmp_path, record)).cluster == "9"
    options = {"id": 5, "question": "Q?", "A": "a", "B": "b", "answer": "A", "image": picture(1)}
    first, again, other = (
        choice_sample(row_of(tmp_path, {**options, "id": number, "image": picture(seen)}))
        for number, seen in ((1, 1), (2, 1), (3, 2))
    )
    assert first.cluster == again.cluster != other.cluster


def test_retrieval_asks_both_ways(tmp_path: Path) -> None:
    record = {"image_id": 9, "image": picture(1), "captions": ["a cat", "a dog"], "caption_ids": [4, 5]}
    row = row_of(tmp_path, record)
    samples = list(retrieval_samples(row))
    assert retrieval_count(row) == len(samples) == 3
    assert [(sample.id, sample.references, sample.cluster) for sample in samples] == [
        ("i2t:9", ("4", "5"), "9"), ("t2i:4", ("9",), "9"), ("t2i:5", ("9",), "9"),
    ]  # fmt: skip
    assert samples[1].parts == ("a cat",)

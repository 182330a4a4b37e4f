import io
import re
from collections import Counter

import numpy as np
import pytest
from PIL import Image

from demo.dice import Dice
from demo.exams import draw_question
from demo.png import encode_png
from demo.questions import ASKERS, captions, relation_between
from demo.scenes import SHAPES, SIDE, Digit, Item, Scene, draw_scene, render, scene_hash, split_of


def test_the_same_seed_draws_the_same_scenes() -> None:
    one, two = Dice(9), Dice(9)
    assert [draw_scene(one, "test") for _ in range(20)] == [draw_scene(two, "test") for _ in range(20)]


def test_jitter_and_background_never_move_a_scene_to_another_split() -> None:
    dice = Dice(1)
    for _ in range(100):
        scene = draw_scene(dice, "train")
        moved = tuple(Item(item.shape, item.color, item.cell, 2, -2, 12) for item in scene.items)
        digit = None if scene.digit is None else Digit(scene.digit.value, scene.digit.cell, 1, 1)
        other = Scene(moved, digit, (scene.background + 1) % 4)
        assert (scene_hash(other), split_of(other)) == (scene_hash(scene), "train")


def test_scenes_of_different_splits_never_share_a_layout() -> None:
    dice = Dice(2)
    drawn = {split: {draw_scene(dice, split).layout for _ in range(1000)} for split in ("train", "validation", "test")}
    assert not drawn["train"] & drawn["test"]
    assert not drawn["train"] & drawn["validation"]
    assert not drawn["validation"] & drawn["test"]


def test_a_png_decodes_to_the_rendered_pixels() -> None:
    dice = Dice(3)
    for _ in range(10):
        pixels = render(draw_scene(dice, "test"))
        image = Image.open(io.BytesIO(encode_png(pixels)))
        image.load()
        assert np.array_equal(np.asarray(image.convert("RGB")), pixels)


def test_a_png_of_noise_decodes_too() -> None:
    palette = np.array([[value, 255 - value, value // 2] for value in range(0, 256, 16)], dtype=np.uint8)
    pixels = palette[np.random.default_rng(0).integers(0, 16, size=(40, 64))]
    image = Image.open(io.BytesIO(encode_png(pixels)))
    assert np.array_equal(np.asarray(image.convert("RGB")), pixels)


def test_a_png_of_too_many_colours_is_refused() -> None:
    pixels = np.arange(32 * 32 * 3, dtype=np.uint32).astype(np.uint8).reshape(32, 32, 3)
    with pytest.raises(ValueError, match="at most 16 colours"):
        encode_png(pixels)


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_stays_inside_its_cell(shape: str) -> None:
    for dx, dy in ((-2, -2), (2, 2)):
        pixels = render(Scene((Item(shape, "red", 4, dx, dy, 12),), None, 0))
        outside = pixels.copy()
        outside[SIDE // 3 : 2 * SIDE // 3, SIDE // 3 : 2 * SIDE // 3] = 255
        assert (outside == 255).all()
        assert (pixels != 255).any()


@pytest.mark.parametrize("skill", sorted(ASKERS))
def test_distractors_are_wrong_and_differ(skill: str) -> None:
    dice = Dice(4)
    asked = [ASKERS[skill](draw_scene(dice, "validation"), dice) for _ in range(200)]
    questions = [question for question in asked if question is not None]
    assert questions
    for question in questions:
        assert question.answer not in question.distractors
        assert len(set(question.distractors)) == len(question.distractors)


def test_the_words_of_held_out_descriptions_do_not_tell_the_right_one() -> None:
    dice = Dice(6)
    pattern = re.compile(r"an? (\w+) (\w+) in the (.+)")
    for _ in range(100):
        question, _ = draw_question(dice, "test", "matching")
        matches = [pattern.fullmatch(phrase) for phrase in (question.answer, *question.distractors)]
        columns = list(zip(*(match.groups() for match in matches if match), strict=True))
        assert sorted(sorted(Counter(column).values()) for column in columns) == [[2, 2], [2, 2], [4]]


def test_answers_of_a_known_scene() -> None:
    scene = Scene((Item("circle", "red", 0, 0, 0, 10), Item("star", "blue", 2, 0, 0, 10)), Digit(7, 4, 0, 0), 0)
    dice = Dice(5)
    answers = {}
    for skill in ASKERS:
        for _ in range(60):
            question = ASKERS[skill](scene, dice)
            if question is not None:
                answers[question.text] = question.answer
    assert answers["What color is the circle?"] == "red"
    assert answers["Which shape is blue?"] == "star"
    assert answers["How many shapes are in the picture?"] == "2"
    assert answers["Where in the picture is the blue star?"] == "top right"
    assert answers["Which digit is shown in the picture?"] == "7"
    assert answers["Where is the red circle relative to the blue star?"] == "left"
    assert answers["What is the sum of the digit and the number of shapes?"] == "9"
    assert answers["Are there more circles than squares in the picture?"] == "yes"
    assert captions(scene)[0] == "a red circle and a blue star with the digit 7."


def test_relations_need_a_common_row_or_column() -> None:
    top_left, center = Item("circle", "red", 0, 0, 0, 10), Item("star", "blue", 4, 0, 0, 10)
    bottom_center = Item("square", "green", 7, 0, 0, 10)
    assert relation_between(top_left, center) is None
    assert relation_between(center, bottom_center) == "above"
    assert relation_between(bottom_center, center) == "below"

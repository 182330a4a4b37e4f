"""Exam items in MMMU's manner: several images, placeholders in the text, sometimes images as options.

Used for the suite and for training alike, on scenes of different splits.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from demo.dice import Dice
from demo.prompts import LETTERS
from demo.questions import ASKERS, HELD_OUT_ASKERS, Question, with_article
from demo.scenes import Scene, Split, draw_scene

SUBJECTS: Final[dict[str, tuple[str, ...]]] = {
    "Shapes": ("color", "shape", "matching", "which picture"),
    "Numbers": ("count", "digit", "sum", "together"),
    "Layout": ("position", "relation", "existence", "more shapes"),
}


@dataclass(frozen=True, slots=True)
class Exam:
    """One item; image N of the text is `scenes[N-1]`; `options` is None for an open question.

    `answer` is the option's letter, or the answer itself for an open question; `words` is what a model may say: the
    option's text, or its letter where the options are images.
    """

    skill: str
    question: str
    options: tuple[str, ...] | None
    answer: str
    words: str
    scenes: tuple[Scene, ...]


def draw_exam(dice: Dice, split: Split, skill: str, *, is_open: bool = False) -> Exam:
    """Draw scenes of `split` until one fits a question of `skill` (see `SUBJECTS`)."""
    drawers: dict[str, Callable[[Dice, Split, bool], Exam]] = {
        "which picture": _draw_which_picture,
        "together": _draw_together,
        "more shapes": _draw_more_shapes,
    }
    if skill in drawers:
        return drawers[skill](dice, split, is_open)
    question, scene = draw_question(dice, split, skill)
    text = dice.pick(
        (
            f"<image 1> {question.text}",
            f"{question.text} <image 1>",
            f"Look at the picture: <image 1>\n{question.text}",
        )
    )
    if is_open:
        return Exam(skill, text, None, question.answer, question.answer, (scene,))
    return _with_options(dice, skill, text, question.answer, question.distractors, (scene,))


def draw_question(dice: Dice, split: Split, skill: str) -> tuple[Question, Scene]:
    """Draw scenes of `split` until one fits a question of `skill` (see `demo.questions.ASKERS`)."""
    asker = (ASKERS if split == "train" else HELD_OUT_ASKERS)[skill]
    while True:
        scene = draw_scene(dice, split)
        question = asker(scene, dice)
        if question is not None and question.distractors:
            return question, scene


def choose_options(dice: Dice, answer: str, distractors: tuple[str, ...], count: int) -> list[str]:
    """Return the answer and up to `count` - 1 distractors, in random order."""
    return dice.shuffled([answer, *distractors[: count - 1]])


def _with_options(
    dice: Dice, skill: str, text: str, answer: str, distractors: tuple[str, ...], scenes: tuple[Scene, ...]
) -> Exam:
    options = choose_options(dice, answer, distractors, 4)
    return Exam(skill, text, tuple(options), LETTERS[options.index(answer)], answer, scenes)


def _draw_which_picture(dice: Dice, split: Split, is_open: bool) -> Exam:
    """Which picture shows a red circle? The options are the pictures; there is no open form."""
    del is_open
    count = dice.pick((2, 3, 4))
    while True:
        scenes = tuple(draw_scene(dice, split) for _ in range(count))
        right = dice.below(count)
        name = dice.pick(scenes[right].items).name
        if sum(any(item.name == name for item in scene.items) for scene in scenes) == 1:
            break
    options = tuple(f"<image {number + 1}>" for number in range(count))
    letter = LETTERS[right]
    return Exam("which picture", f"Which picture shows {with_article(name)}?", options, letter, letter, scenes)


def _draw_together(dice: Dice, split: Split, is_open: bool) -> Exam:
    """How many shapes are in both pictures together?"""
    scenes = (draw_scene(dice, split), draw_scene(dice, split))
    total = sum(len(scene.items) for scene in scenes)
    text = "How many shapes are in <image 1> and <image 2> together?"
    if is_open:
        return Exam("together", text, None, str(total), str(total), scenes)
    wrong = tuple(dice.shuffled([str(number) for number in range(2, 9) if number != total]))
    return _with_options(dice, "together", text, str(total), wrong, scenes)


def _draw_more_shapes(dice: Dice, split: Split, is_open: bool) -> Exam:
    """Which of two pictures has more shapes?"""
    scenes = (draw_scene(dice, split), draw_scene(dice, split))
    first, second = (len(scene.items) for scene in scenes)
    words = ["the first", "the second", "neither"]
    answer = words[0] if first > second else words[1] if second > first else words[2]
    text = "Which picture has more shapes, <image 1> or <image 2>?"
    if is_open:
        return Exam("more shapes", text, None, answer, answer, scenes)
    return _with_options(dice, "more shapes", text, answer, tuple(w for w in words if w != answer), scenes)

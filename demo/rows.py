"""Training rows: a prompt in one of the wordings of `demo.prompts`, its images and the answer to learn.

Multiple-choice rows are answered with the option's text, except where the options are images: those have no text, and
the answer is the letter.
"""

from dataclasses import dataclass
from typing import Final

from demo.dice import Dice
from demo.exams import SUBJECTS, choose_options, draw_exam, draw_question
from demo.prompts import (
    CAPTION_PROMPT,
    Parts,
    choice_prompt,
    exam_prompt,
    images_first,
    in_place,
    letter_prompt,
    short_prompt,
)
from demo.questions import ASKERS, captions
from demo.scenes import Scene, Split, draw_scene

HINTS: Final = (
    "The picture shows shapes on a grid.",
    "The grid has three rows and three columns.",
    "A digit is not a shape.",
    "Every shape has one color.",
    "Positions are named from the point of view of the viewer.",
    "There are at most four shapes in a picture.",
)
_HINT_SHARE: Final = 0.25
_STRIP_SHARE: Final = 0.25
_OTHER_CAPTION_REQUESTS: Final = ("Describe the image briefly.", "Please describe this image in general.")


@dataclass(frozen=True, slots=True)
class Row:
    """One exercise; `parts` number the `scenes` as images."""

    skill: str
    parts: Parts
    answer: str
    scenes: tuple[Scene, ...]


def draw_short(dice: Dice, split: Split, skill: str) -> Row:
    """Draw a question with a short answer."""
    question, scene = draw_question(dice, split, skill)
    return Row(skill, [0, short_prompt(question.text)], question.answer, (scene,))


def draw_caption(dice: Dice, split: Split) -> Row:
    """Draw a caption request."""
    scene = draw_scene(dice, split)
    prompt = CAPTION_PROMPT if dice.chance(0.8) else dice.pick(_OTHER_CAPTION_REQUESTS)
    return Row("caption", [0, prompt], captions(scene)[0], (scene,))


def draw_choice(dice: Dice, split: Split, skill: str) -> Row:
    """Draw a multiple-choice question of one image, with 2 to 4 options in random order."""
    question, scene = draw_question(dice, split, skill)
    options = choose_options(dice, question.answer, question.distractors, dice.pick((2, 3, 4, 4, 4)))
    hint = dice.pick(HINTS) if dice.chance(_HINT_SHARE) else None
    if dice.chance(0.6):
        prompt = choice_prompt(question.text, options, hint)
        prompt = prompt.rstrip() if dice.chance(_STRIP_SHARE) else prompt
    else:
        prompt = letter_prompt(question.text, options, hint)
    return Row(skill, [0, prompt], question.answer, (scene,))


def draw_exam_row(dice: Dice, split: Split) -> Row:
    """Draw an exam item of any subject and skill, a quarter of them open."""
    skill = dice.pick([skill for skills in SUBJECTS.values() for skill in skills])
    exam = draw_exam(dice, split, skill, is_open=dice.chance(0.25))
    prompt = exam_prompt(exam.question, None if exam.options is None else list(exam.options))
    parts = in_place(prompt) if dice.chance(0.7) else images_first(prompt, len(exam.scenes))
    return Row(exam.skill, parts, exam.words, exam.scenes)


def draw_plain(dice: Dice, split: Split) -> Row:
    """Draw a bare question without any request, or (1/8) a caption: the shortest rows, to learn to see from."""
    if dice.chance(0.125):
        return draw_caption(dice, split)
    question, scene = draw_question(dice, split, dice.pick(tuple(ASKERS)))
    return Row(question.skill, [0, question.text], question.answer, (scene,))


def draw_mixed(dice: Dice, split: Split) -> Row:
    """Draw a row of any kind: captions 1/8, short answers 1/4, exam items 1/8, single-image choices the rest."""
    kind = dice.below(8)
    if kind == 0:
        return draw_caption(dice, split)
    if kind == 1:
        return draw_exam_row(dice, split)
    skill = dice.pick(tuple(ASKERS))
    return draw_short(dice, split, skill) if kind < 4 else draw_choice(dice, split, skill)

"""Files of real benchmarks' names and schemas over demonstration scenes, for `vlmeval run --data-dir demo/suite`.

Each is a TSV as VLMEvalKit publishes it, where the task of that name looks for it: a whole evaluation can be tried
without a download. The column `source` says "demo", and a run notes that the number of questions is not the catalog's.
"""

import base64
import csv
import io
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from demo.build import Suite, annotation, choice_row, exam_row, rotate
from demo.dice import Dice
from demo.exams import SUBJECTS, choose_options, draw_exam, draw_question
from demo.prompts import LETTERS
from demo.questions import ASKERS, Question, with_article
from demo.scenes import COLORS, SHAPES, Scene, draw_scene

CHOICES: Final = {
    "MMStar": ("color", "count", "position", "relation"),
    "AI2D_TEST": ("shape", "position", "matching"),
    "ScienceQA_TEST": ("color", "comparison", "sum"),
    "SEEDBench_IMG": ("color", "shape", "count", "relation"),
    "RealWorldQA": ("position", "relation", "count"),
}
"""Single-choice files, asked once each, with the skills they draw from."""

_ROTATED: Final = ("color", "shape", "digit", "position", "existence", "count", "relation", "comparison")
_QUESTIONS: Final = 32
_EXAMS: Final = 3
_POPE_SCENES: Final = 12
_POPE: Final = ("random", "popular", "adversarial")
_OCR_KINDS: Final = {"digit": "Digit String Recognition", "sum": "Scene Text-centric VQA"}


def build_benchmarks(suite: Suite, dice: Dice) -> None:
    """Write all of them."""
    rotated = choices(suite, dice, _ROTATED)
    for turn in range(1, len(LETTERS)):
        rotated += [rotate(row, turn) for row in rotated[:_QUESTIONS] if turn < sum(is_option(row, x) for x in LETTERS)]
    write_tsv(suite, "MMBench_DEV_EN", rotated)
    for name, skills in CHOICES.items():
        write_tsv(suite, name, choices(suite, dice, skills))
    write_tsv(suite, "MMMU_DEV_VAL", exams(suite, dice))
    for name, skills in {
        "TextVQA_VAL": ("digit", "sum"),
        "GQA_TestDev_Balanced": ("color", "shape", "existence"),
    }.items():
        write_tsv(suite, name, [short(suite, dice, number, skills, name) for number in range(_QUESTIONS)])
    write_tsv(suite, "ChartQA_TEST", [short(suite, dice, number, ("count",), "") for number in range(_QUESTIONS)])
    write_tsv(suite, "OCRBench", [ocr(suite, dice, number) for number in range(_QUESTIONS)])
    write_tsv(suite, "POPE", [row for place in range(_POPE_SCENES) for row in pope(suite, dice, place)])


def write_tsv(suite: Suite, name: str, rows: Sequence[Mapping[str, str]]) -> None:
    """Write rows under the columns of the first, cells quoted where they must be."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(rows[0]), delimiter="\t", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    suite.write(f"{name}.tsv", text.getvalue().encode())


def picture(suite: Suite, scene: Scene) -> str:
    """Return the scene as base64."""
    return base64.b64encode(suite.picture(scene)).decode()


def is_option(row: Mapping[str, str], letter: str) -> bool:
    """Tell whether a row has an option of this letter."""
    return row[letter] not in ("", "nan")


def choices(suite: Suite, dice: Dice, skills: Sequence[str]) -> list[dict[str, str]]:
    """Return choice questions in MMBench's columns, the skills in turn."""
    rows = []
    for index in range(_QUESTIONS):
        question, scene = draw_question(dice, "test", skills[index % len(skills)])
        options = choose_options(dice, question.answer, question.distractors, 4)
        rows.append({**choice_row(index, question, options, dice), "image": picture(suite, scene)})
    return rows


def exams(suite: Suite, dice: Dice) -> list[dict[str, str]]:
    """Return questions with several images as VLMEvalKit writes MMMU: a list of base64, an empty option for none."""
    rows: list[dict[str, str]] = []
    for subject, skills in SUBJECTS.items():
        for number, skill in enumerate(skill for skill in skills for _ in range(_EXAMS)):
            exam = draw_exam(dice, "test", skill, is_open=number == 0 and skill not in ("which picture", "matching"))
            row: dict[str, Any] = exam_row(suite, subject, number + 1, exam, dice.pick(("Easy", "Medium", "Hard")))
            images = [
                base64.b64encode(row[f"image_{place}"]["bytes"]).decode() for place in range(1, len(exam.scenes) + 1)
            ]
            rows.append(
                {
                    "index": str(len(rows)), "id": row["id"], "image": json.dumps(images), "question": row["question"],
                    **dict.fromkeys(LETTERS, ""), **dict(zip(LETTERS, exam.options or (), strict=False)),
                    "answer": row["answer"], "category": subject, "l2-category": "Demonstration",
                    "split": "validation", "topic_difficulty": row["topic_difficulty"],
                    "question_type": row["question_type"], "source": "demo",
                }
            )  # fmt: skip
    return rows


def short(suite: Suite, dice: Dice, number: int, skills: Sequence[str], people: str) -> dict[str, str]:
    """Return a question with one short answer, or with ten people's where the benchmark has them (TextVQA)."""
    question, scene = ask(dice, skills[number % len(skills)])
    answer = question.answer
    if people == "TextVQA_VAL":
        answer = json.dumps([one["answer"] for one in annotation(question, {}, dice)["answers"]])
    row = {"index": str(number), "image": picture(suite, scene), "question": question.text, "answer": answer}
    halves = {} if people else {"split": ("test_human", "test_augmented")[number % 2]}
    return {**row, **halves, "category": question.skill, "source": "demo"}


def ocr(suite: Suite, dice: Dice, number: int) -> dict[str, str]:
    """Return a question in OCRBench's columns, the accepted answers as a list."""
    skill = tuple(_OCR_KINDS)[number % len(_OCR_KINDS)]
    question, scene = ask(dice, skill)
    return {
        "index": str(number), "image": picture(suite, scene), "question": question.text,
        "answer": json.dumps([question.answer]), "category": _OCR_KINDS[skill], "source": "demo",
    }  # fmt: skip


def pope(suite: Suite, dice: Dice, place: int) -> list[dict[str, str]]:
    """Return three questions about what is in a picture and one of each category about what is not.

    A question about what is there is in all categories. Adversarial objects have the colour of one that is there.
    """
    scene = draw_scene(dice, "test")
    there = [item.name for item in scene.items]
    wrong = {
        "random": [f"{color} {shape}" for color in COLORS for shape in SHAPES],
        "popular": [f"red {shape}" for shape in SHAPES],
        "adversarial": [f"{item.color} {shape}" for item in scene.items for shape in SHAPES],
    }
    asked = [(dice.pick(there), "yes", ",".join(_POPE))]
    asked += [(dice.pick([name for name in wrong[kind] if name not in there]), "no", kind) for kind in _POPE]
    return [
        {
            "index": str(10 * place + number), "image": picture(suite, scene),
            "question": f"Is there {with_article(name)} in the picture?", "answer": answer, "category": category,
            "source": "demo",
        }
        for number, (name, answer, category) in enumerate(asked)
    ]  # fmt: skip


def ask(dice: Dice, skill: str) -> tuple[Question, Scene]:
    """Return a question of this skill and the scene it fits."""
    while True:
        scene = draw_scene(dice, "test")
        question = ASKERS[skill](scene, dice)
        if question is not None:
            return question, scene

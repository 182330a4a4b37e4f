"""Writes the held-out suite: `python demo/build.py`. The same seed gives the same bytes.

Five small benchmarks in the published formats of the real ones, and small files under real names (`benchmarks.py`),
all on test-split scenes, which no model is trained on:
an MMBench TSV with circular rotations, an MMMU parquet file, VQA v2 questions and annotations, COCO captions, and a
Karpathy-style retrieval set. `manifest.json` lists every scene's layout and every file's SHA-256.
"""

import argparse
import base64
import hashlib
import json
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import pyarrow as pa
import pyarrow.parquet as pq

from demo.dice import Dice
from demo.exams import SUBJECTS, Exam, choose_options, draw_exam, draw_question
from demo.png import encode_png
from demo.prompts import LETTERS
from demo.questions import ASKERS, NUMBER_WORDS, Question, captions, listing, with_article
from demo.rows import HINTS
from demo.scenes import Item, Scene, draw_scene, render, scene_hash, split_of

SEED: Final = 4
SUITE: Final = Path(__file__).resolve().parent / "suite"
ROTATION_STEP: Final = 1_000_000

_CHOICE_CATEGORIES: Final = {
    "color": ("color recognition", "finegrained_perception (instance-level)"),
    "shape": ("shape recognition", "finegrained_perception (instance-level)"),
    "digit": ("digit recognition", "finegrained_perception (instance-level)"),
    "position": ("object localization", "finegrained_perception (instance-level)"),
    "existence": ("existence", "coarse_perception"),
    "count": ("object counting", "coarse_perception"),
    "matching": ("image-text matching", "coarse_perception"),
    "relation": ("spatial relation", "finegrained_perception (cross-instance)"),
    "comparison": ("quantity comparison", "finegrained_perception (cross-instance)"),
    "sum": ("arithmetic", "logic_reasoning"),
}
_CHOICE_PER_SKILL: Final = 12
_CHOICE_COLUMNS: Final = (
    "index",
    "question",
    "hint",
    "A",
    "B",
    "C",
    "D",
    "answer",
    "category",
    "image",
    "source",
    "l2-category",
    "comment",
    "split",
)
_EXAMS_PER_SKILL: Final = 5
_EXAM_IMAGES: Final = 7
_VQA_IMAGES: Final = 40
_VQA_QUESTIONS: Final = 150
_ANNOTATORS: Final = 10
_CAPTION_IMAGES: Final = 60
_VAGUE_CAPTIONS: Final = 0.9
_VAGUE_SENTENCES: Final = 0.4
_STYLES: Final = 5
_RETRIEVAL_IMAGES: Final = 100


@dataclass
class Suite:
    """The files written so far and the scenes they show."""

    root: Path
    layouts: set[str] = field(default_factory=set)
    files: dict[str, str] = field(default_factory=dict)

    def write(self, name: str, content: bytes) -> None:
        """Write one file and note its SHA-256."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        self.files[name] = hashlib.sha256(content).hexdigest()

    def write_json(self, name: str, content: Any) -> None:
        """Write one JSON file."""
        self.write(name, (json.dumps(content, ensure_ascii=False, separators=(",", ":")) + "\n").encode())

    def picture(self, scene: Scene) -> bytes:
        """Return the scene as a PNG file and note its layout, which must belong to the test split."""
        if split_of(scene) != "test":
            raise ValueError(f"scene {scene.layout} is not of the test split")
        self.layouts.add(scene_hash(scene))
        return encode_png(render(scene))


def build(root: Path, seed: int = SEED) -> Suite:
    """Write the whole suite under `root`."""
    from demo.benchmarks import build_benchmarks  # which is built on this module

    suite = Suite(root)
    build_choice(suite, Dice(seed))
    build_exam(suite, Dice(seed + 1))
    build_vqa(suite, Dice(seed + 2))
    build_captions(suite, Dice(seed + 3))
    build_benchmarks(suite, Dice(seed + 4))
    suite.write_json("manifest.json", {"seed": seed, "layouts": sorted(suite.layouts), "sha256": suite.files})
    return suite


def build_choice(suite: Suite, dice: Dice) -> None:
    """Write the MMBench-like TSV: base rows first, then the rows of each rotation."""
    skills = [skill for skill in _CHOICE_CATEGORIES for _ in range(_CHOICE_PER_SKILL)]
    base: list[dict[str, str]] = []
    counts: list[int] = []
    for index, skill in enumerate(dice.shuffled(skills)):
        question, scene = draw_question(dice, "test", skill)
        options = choose_options(dice, question.answer, question.distractors, dice.pick((3, 4, 4, 4, 4)))
        row = choice_row(index, question, options, dice)
        row["image"] = base64.b64encode(suite.picture(scene)).decode()
        base.append(row)
        counts.append(len(options))
    rows = list(base)
    for turn in range(1, len(LETTERS)):
        rows += [rotate(row, turn) for row, count in zip(base, counts, strict=True) if turn < count]
    lines = ["\t".join(_CHOICE_COLUMNS), *("\t".join(row[name] for name in _CHOICE_COLUMNS) for row in rows)]
    suite.write("DEMO_MMBench.tsv", ("\n".join(lines) + "\n").encode())


def choice_row(index: int, question: Question, options: list[str], dice: Dice) -> dict[str, str]:
    """Return a question in MMBench's columns, its image left out."""
    category, group = _CHOICE_CATEGORIES[question.skill]
    absent = dice.pick(("nan", ""))
    cells = dict.fromkeys(LETTERS, absent) | dict(zip(LETTERS, options, strict=False))
    return {
        "index": str(index),
        "question": question.text,
        "hint": dice.pick(HINTS) if dice.chance(0.25) else dice.pick(("nan", "")),
        **cells,
        "answer": LETTERS[options.index(question.answer)],
        "category": category,
        "source": "demo",
        "l2-category": group,
        "comment": "nan",
        "split": "dev",
    }


def rotate(row: dict[str, str], turn: int) -> dict[str, str]:
    """Return rotation `turn` of a base row: every option moves `turn` letters on, and the image is a reference."""
    letters = [letter for letter in LETTERS if row[letter] not in ("", "nan")]
    moved = {letters[(place + turn) % len(letters)]: row[letter] for place, letter in enumerate(letters)}
    answer = letters[(letters.index(row["answer"]) + turn) % len(letters)]
    index = int(row["index"]) + turn * ROTATION_STEP
    return {**row, **moved, "index": str(index), "answer": answer, "image": row["index"]}


def build_exam(suite: Suite, dice: Dice) -> None:
    """Write the MMMU-like parquet file, its Image columns declared for the `datasets` library."""
    rows: list[dict[str, Any]] = []
    for subject, skills in SUBJECTS.items():
        drawn = [
            draw_exam(dice, "test", skill, is_open=number == 0 and skill != "which picture" and skill != "matching")
            for skill in skills
            for number in range(_EXAMS_PER_SKILL)
        ]
        rows += [
            exam_row(suite, subject, number, exam, dice.pick(("Easy", "Medium", "Hard")))
            for number, exam in enumerate(dice.shuffled(drawn), start=1)
        ]
    image = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    names = list(rows[0])
    types = [image if name.startswith("image_") else pa.string() for name in names]
    features = {
        name: {"_type": "Image"} if name.startswith("image_") else {"dtype": "string", "_type": "Value"}
        for name in names
    }
    metadata = {"huggingface": json.dumps({"info": {"features": features}})}
    schema = pa.schema(list(zip(names, types, strict=True)), metadata=metadata)
    table = pa.Table.from_pylist(rows, schema=schema)
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="snappy")
    suite.write("demo_mmmu/validation-00000-of-00001.parquet", sink.getvalue().to_pybytes())


def exam_row(suite: Suite, subject: str, number: int, exam: Exam, difficulty: str) -> dict[str, Any]:
    """Return an exam item in MMMU's columns, its image cells as the `datasets` library writes them."""
    pictures: list[dict[str, Any] | None] = [
        {"bytes": suite.picture(scene), "path": f"validation_{subject}_{number}_{place}.png"}
        for place, scene in enumerate(exam.scenes, start=1)
    ]
    pictures += [None] * (_EXAM_IMAGES - len(pictures))
    return {
        "id": f"validation_{subject}_{number}",
        "question": exam.question,
        "options": str(list(exam.options or ())),
        "explanation": "",
        **{f"image_{place}": item for place, item in enumerate(pictures, start=1)},
        "img_type": "['Diagrams']",
        "answer": exam.answer,
        "topic_difficulty": difficulty,
        "question_type": "open" if exam.options is None else "multiple-choice",
        "subfield": exam.skill.capitalize(),
    }


def build_vqa(suite: Suite, dice: Dice) -> None:
    """Write VQA v2 question and annotation files; the ten annotators of a question do not always agree."""
    skills = [skill for skill in ASKERS if skill not in ("matching", "sum")]
    scenes = [draw_scene(dice, "test") for _ in range(_VQA_IMAGES)]
    questions: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    asked: set[tuple[int, str]] = set()
    for place, scene in enumerate(scenes):
        suite.write(f"demo_vqa/images/COCO_val2014_{place + 1:012d}.png", suite.picture(scene))
    while len(questions) < _VQA_QUESTIONS:
        place = len(questions) % _VQA_IMAGES
        question = ASKERS[dice.pick(skills)](scenes[place], dice)
        if question is None or (place, question.text) in asked:
            continue
        asked.add((place, question.text))
        key = {"image_id": place + 1, "question_id": (place + 1) * 1000 + len(questions) // _VQA_IMAGES}
        questions.append({"image_id": key["image_id"], "question": question.text, "question_id": key["question_id"]})
        annotations.append(annotation(question, key, dice))
    common = {
        "info": {"description": "Demonstration questions in the VQA v2 format", "version": "1.0"},
        "license": {"name": "generated data", "url": ""},
        "data_type": "mscoco",
        "data_subtype": "val2014",
    }
    suite.write_json("demo_vqa/questions.json", {**common, "task_type": "Open-Ended", "questions": questions})
    suite.write_json("demo_vqa/annotations.json", {**common, "annotations": annotations})


def annotation(question: Question, key: dict[str, int], dice: Dice) -> dict[str, Any]:
    """Return a question's ten answers in the form of VQA v2's annotations."""
    wrong_share = dice.pick((0.0, 0.05, 0.1, 0.3))
    answers = []
    for number in range(1, _ANNOTATORS + 1):
        errs = dice.chance(wrong_share)
        answers.append(
            {
                "answer": dice.pick(question.distractors[:2]) if errs else _spoken(question, dice),
                "answer_confidence": dice.pick(("maybe", "no")) if errs else dice.pick(("yes", "yes", "yes", "maybe")),
                "answer_id": number,
            }
        )
    given = [str(answer["answer"]) for answer in answers]
    return {
        "question_type": _question_type(question.text),
        "multiple_choice_answer": max(given, key=lambda answer: (given.count(answer), answer)),
        "answers": answers,
        "answer_type": question.answer_type,
        **key,
    }


def _spoken(question: Question, dice: Dice) -> str:
    """Return the right answer as one annotator of several might word it."""
    answer = question.answer
    if question.skill == "shape" and dice.chance(0.1):
        return f"{answer} shape"
    if question.skill == "position" and dice.chance(0.15):
        return f"in {answer}"
    if question.skill == "relation" and dice.chance(0.1):
        return f"on {answer}"
    return answer


def _question_type(text: str) -> str:
    for start in ("How many", "What color is the", "Is there a", "Are there", "Which", "Where is the", "Where in the"):
        if text.startswith(start):
            return start.lower()
    return "none of the above"


def build_captions(suite: Suite, dice: Dice) -> None:
    """Write the COCO caption file and the retrieval set, which shows the same scenes and more."""
    scenes = _different_scenes(dice, _RETRIEVAL_IMAGES)
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    retrieval: list[dict[str, Any]] = []
    for place, scene in enumerate(scenes):
        image_id = place + 1
        name = f"COCO_val2014_{image_id:012d}.png"
        content = suite.picture(scene)
        suite.write(f"demo_retrieval/images/{name}", content)
        texts = [_retold(scene, style, dice, _VAGUE_SENTENCES) for style in range(_STYLES)]
        first = _STYLES * place
        if place < _CAPTION_IMAGES:
            suite.write(f"demo_caption/images/{name}", content)
            images.append({"id": image_id, "file_name": name, "height": 96, "width": 96})
            annotations += [
                {"image_id": image_id, "id": first + number, "caption": _retold(scene, number, dice, _VAGUE_CAPTIONS)}
                for number in range(_STYLES)
            ]
        sentences = [
            {
                "tokens": text.lower().replace(".", "").replace(",", "").replace(":", "").split(),
                "raw": text,
                "imgid": place,
                "sentid": first + number,
            }
            for number, text in enumerate(texts)
        ]
        sentids = [sentence["sentid"] for sentence in sentences]
        retrieval.append(
            {
                "filepath": "images",
                "filename": name,
                "imgid": place,
                "cocoid": image_id,
                "split": "test",
                "sentids": sentids,
                "sentences": sentences,
            }
        )
    description = {"description": "Demonstration captions in the COCO format", "version": "1.0"}
    suite.write_json(
        "demo_caption/captions_val.json",
        {"info": description, "licenses": [], "images": images, "annotations": annotations},
    )
    suite.write_json("demo_retrieval/dataset.json", {"dataset": "demo", "images": retrieval})


def _retold(scene: Scene, style: int, dice: Dice, vague_share: float) -> str:
    """Return a caption as a person may give it: vague, or with shapes in any order and the digit at times left out."""
    items = dice.shuffled(scene.items)
    if dice.chance(vague_share):
        return _sentence(dice.pick(_vague_captions(items)))
    digit = None if dice.chance(0.3) else scene.digit
    return _sentence(captions(Scene(tuple(items), digit, scene.background))[style])


def _vague_captions(items: list[Item]) -> list[str]:
    number, first = NUMBER_WORDS[len(items)], items[0]
    noun = "shape" if len(items) == 1 else "shapes"
    colors = list(dict.fromkeys(item.color for item in items))
    return [
        f"{number} colored {noun} on a plain background.",
        f"{listing([with_article(item.shape) for item in items])} drawn on a grid.",
        f"{listing(colors)} {noun} scattered around.",
        f"I see {with_article(first.shape)} near the {first.position}.",
        f"simple geometry, mostly {first.color}, against a light backdrop.",
    ]


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:]


def _different_scenes(dice: Dice, count: int) -> list[Scene]:
    """Draw test scenes with different layouts: two pictures with one layout could not be told apart by captions."""
    scenes: dict[str, Scene] = {}
    while len(scenes) < count:
        scene = draw_scene(dice, "test")
        scenes.setdefault(scene.layout, scene)
    return list(scenes.values())


def main() -> None:
    """Build the suite and say how large it is."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=SUITE, help="folder to write (default: demo/suite)")
    arguments = parser.parse_args()
    suite = build(arguments.output)
    size = sum((arguments.output / name).stat().st_size for name in suite.files)
    print(f"{len(suite.files)} files, {size} bytes, {len(suite.layouts)} layouts")


if __name__ == "__main__":
    main()

"""Asks the demonstration's models: held-out accuracies per skill for the record, and a quick look at the suite.

`python demo/evaluate.py demo` prints the suite's scores with the plainest scoring there is (an answer counts when it is
the option's text or letter, the reference answer, one of the captions). It exists to check the checkpoints by
themselves; reported scores come from the harness.
"""

import argparse
import ast
import base64
import csv
import io
import json
import sys
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import pyarrow.parquet as pq
import torch
from PIL import Image
from transformers import AutoModel, AutoModelForImageTextToText, AutoProcessor

from demo.dice import Dice
from demo.prompts import CAPTION_PROMPT, LETTERS, Parts, choice_prompt, exam_prompt, in_place, short_prompt
from demo.questions import ASKERS, captions
from demo.rows import Row, draw_caption, draw_choice, draw_exam_row, draw_short
from demo.scenes import Scene, draw_scene, render

HERE: Final = Path(__file__).resolve().parent
SUITE: Final = HERE / "suite"
_VALIDATION_SEED: Final = 77
_PER_SKILL: Final = 100
_RETRIEVAL_IMAGES: Final = 500
_BATCH: Final = 32


class Answerer:
    """A vision-language checkpoint that answers greedily, in left-padded batches."""

    def __init__(self, folder: Path) -> None:
        self._processor: Any = AutoProcessor.from_pretrained(folder)
        self._model: Any = AutoModelForImageTextToText.from_pretrained(folder, dtype=torch.float32).eval()

    def answer(self, asked: Sequence[tuple[Parts, Sequence[Image.Image]]], *, batch_size: int = _BATCH) -> list[str]:
        """Return the answers, stripped, in the order of `asked`: pairs of a message and all its sample's images."""
        order = sorted(range(len(asked)), key=lambda place: len(str(asked[place][0])))
        answers = [""] * len(asked)
        for start in range(0, len(order), batch_size):
            places = order[start : start + batch_size]
            for place, text in zip(places, self._answer_batch([asked[place] for place in places]), strict=True):
                answers[place] = text
        return answers

    def _answer_batch(self, asked: Sequence[tuple[Parts, Sequence[Image.Image]]]) -> list[str]:
        texts = [
            self._processor.apply_chat_template(
                [{"role": "user", "content": [_content(part) for part in parts]}],
                add_generation_prompt=True,
                tokenize=False,
            )
            for parts, _ in asked
        ]
        images = [[pictures[part] for part in parts if isinstance(part, int)] for parts, pictures in asked]
        inputs = self._processor(text=texts, images=images, padding=True, return_tensors="pt")
        with torch.inference_mode():
            output = self._model.generate(**inputs)
        generated = output[:, inputs["input_ids"].shape[1] :]
        return [text.strip() for text in self._processor.batch_decode(generated, skip_special_tokens=True)]


def _content(part: str | int) -> dict[str, str]:
    return {"type": "image"} if isinstance(part, int) else {"type": "text", "text": part}


def picture(scene: Scene) -> Image.Image:
    """Return the scene as a PIL image."""
    return Image.fromarray(render(scene))


def heldout_skills(folder: Path) -> dict[str, float]:
    """Return the share of exact answers per skill and prompt, on scenes of the validation split."""
    dice = Dice(_VALIDATION_SEED)
    rows: dict[str, list[Row]] = {"caption": [draw_caption(dice, "validation") for _ in range(_PER_SKILL)]}
    for skill in ASKERS:
        rows[f"{skill}, short"] = [draw_short(dice, "validation", skill) for _ in range(_PER_SKILL)]
        rows[f"{skill}, choice"] = [draw_choice(dice, "validation", skill) for _ in range(_PER_SKILL)]
    rows["exam"] = [draw_exam_row(dice, "validation") for _ in range(_PER_SKILL)]
    everything = [row for group in rows.values() for row in group]
    answerer = Answerer(folder)
    answers = iter(answerer.answer([(row.parts, [picture(scene) for scene in row.scenes]) for row in everything]))
    return {name: _mean(next(answers) == row.answer for row in group) for name, group in rows.items()}


def heldout_retrieval(folder: Path) -> dict[str, float]:
    """Return Recall@1 both ways for 500 validation scenes, one random caption each."""
    dice = Dice(_VALIDATION_SEED)
    scenes = [draw_scene(dice, "validation") for _ in range(_RETRIEVAL_IMAGES)]
    texts = [dice.pick(captions(scene)) for scene in scenes]
    logits = similarities(folder, [picture(scene) for scene in scenes], texts)
    target = torch.arange(len(scenes))
    return {
        "image to text R@1": _mean((logits.argmax(1) == target).tolist()),
        "text to image R@1": _mean((logits.argmax(0) == target).tolist()),
    }


def similarities(folder: Path, images: Sequence[Image.Image], texts: Sequence[str]) -> torch.Tensor:
    """Return CLIP's logits, of shape (images, texts)."""
    processor: Any = AutoProcessor.from_pretrained(folder)
    model: Any = AutoModel.from_pretrained(folder, dtype=torch.float32).eval()
    inputs = processor(text=list(texts), images=list(images), padding=True, return_tensors="pt")
    with torch.inference_mode():
        logits: torch.Tensor = model(**inputs).logits_per_image
    return logits


def suite_hashes() -> set[str]:
    """Return the layouts of the suite as its manifest lists them; empty before the suite is built."""
    manifest = SUITE / "manifest.json"
    if not manifest.exists():
        return set()
    return set(json.loads(manifest.read_text(encoding="utf-8"))["layouts"])


def _mean(values: Iterable[bool | float]) -> float:
    numbers = [float(value) for value in values]
    return round(sum(numbers) / len(numbers), 4)


def suite_scores(folder: Path, suite: Path = SUITE) -> dict[str, float]:
    """Return the plain scores (0..100) of a pair of models in `folder`/vlm and `folder`/clip on all five tasks."""
    answerer = Answerer(folder / "vlm")
    scores = choice_scores(answerer, suite)
    scores |= exam_scores(answerer, suite)
    scores |= vqa_scores(answerer, suite)
    scores |= caption_scores(answerer, suite)
    scores |= retrieval_scores(folder / "clip", suite)
    return {name: round(100 * score, 1) for name, score in scores.items()}


def choice_scores(answerer: Answerer, suite: Path) -> dict[str, float]:
    """MMBench: accuracy of base rows, circular accuracy (all rotations right), and the latter by category."""
    with (suite / "DEMO_MMBench.tsv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    cells = {row["index"]: row["image"] for row in rows}
    asked: list[tuple[Parts, Sequence[Image.Image]]] = []
    for row in rows:
        cell = row["image"] if len(row["image"]) > 64 else cells[row["image"]]
        options = [row[letter] for letter in LETTERS if row[letter] not in ("", "nan")]
        hint = None if row["hint"] in ("", "nan") else row["hint"]
        asked.append(([0, choice_prompt(row["question"], options, hint)], [_decoded(base64.b64decode(cell))]))
    passes: dict[int, list[bool]] = defaultdict(list)
    categories: dict[int, str] = {}
    base: list[bool] = []
    for row, text in zip(rows, answerer.answer(asked), strict=True):
        index, right = int(row["index"]), text in (row[row["answer"]], row["answer"])
        passes[index % 1_000_000].append(right)
        categories[index % 1_000_000] = row["category"]
        if index < 1_000_000:
            base.append(right)
    by_category: dict[str, list[bool]] = defaultdict(list)
    for index, hits in passes.items():
        by_category[categories[index]].append(all(hits))
    return {
        "mmbench base rows": _mean(base),
        "mmbench circular": _mean(all(hits) for hits in passes.values()),
        **{f"mmbench circular, {name}": _mean(hits) for name, hits in sorted(by_category.items())},
    }


def exam_scores(answerer: Answerer, suite: Path) -> dict[str, float]:
    """MMMU: accuracy overall and by subject, images in their places."""
    rows = pq.read_table(suite / "demo_mmmu" / "validation-00000-of-00001.parquet").to_pylist()
    asked: list[tuple[Parts, Sequence[Image.Image]]] = []
    wanted: list[tuple[str, str, str]] = []
    for row in rows:
        options: list[str] = ast.literal_eval(row["options"])
        cells = [row[f"image_{place}"] for place in range(1, 8)]
        pictures = [_decoded(cell["bytes"]) for cell in cells if cell is not None]
        asked.append((in_place(exam_prompt(row["question"], options or None)), pictures))
        words = options[LETTERS.index(row["answer"])] if options else row["answer"]
        wanted.append((row["id"].split("_")[1], row["answer"], words))
    by_subject: dict[str, list[bool]] = defaultdict(list)
    for (subject, *right), text in zip(wanted, answerer.answer(asked), strict=True):
        by_subject[subject].append(text in right)
    return {
        "mmmu": _mean(hit for hits in by_subject.values() for hit in hits),
        **{f"mmmu, {name}": _mean(hits) for name, hits in by_subject.items()},
    }


def vqa_scores(answerer: Answerer, suite: Path) -> dict[str, float]:
    """VQA: mean of min(1, matching annotators / 3), without answer normalisation; and by answer type."""
    folder = suite / "demo_vqa"
    questions = _read_json(folder / "questions.json")["questions"]
    annotations = {item["question_id"]: item for item in _read_json(folder / "annotations.json")["annotations"]}
    asked: list[tuple[Parts, Sequence[Image.Image]]] = [
        ([0, short_prompt(item["question"])], [_opened(folder / "images", item["image_id"])]) for item in questions
    ]
    by_type: dict[str, list[float]] = defaultdict(list)
    for item, text in zip(questions, answerer.answer(asked), strict=True):
        annotation = annotations[item["question_id"]]
        matches = sum(answer["answer"] == text for answer in annotation["answers"])
        by_type[annotation["answer_type"]].append(min(1.0, matches / 3))
    return {
        "vqa": _mean(score for scores in by_type.values() for score in scores),
        **{f"vqa, {name}": _mean(scores) for name, scores in sorted(by_type.items())},
    }


def caption_scores(answerer: Answerer, suite: Path) -> dict[str, float]:
    """Captions: the share that equals one of the references, letter case aside; few list shapes in order."""
    folder = suite / "demo_caption"
    content = _read_json(folder / "captions_val.json")
    references: dict[int, set[str]] = defaultdict(set)
    for item in content["annotations"]:
        references[item["image_id"]].add(item["caption"].lower())
    ids = [item["id"] for item in content["images"]]
    answers = answerer.answer([([0, CAPTION_PROMPT], [_opened(folder / "images", number)]) for number in ids])
    return {
        "captions, exact": _mean(text.lower() in references[number] for number, text in zip(ids, answers, strict=True))
    }


def retrieval_scores(folder: Path, suite: Path) -> dict[str, float]:
    """Retrieval: Recall@1 and Recall@5 both ways, five captions an image."""
    content = _read_json(suite / "demo_retrieval" / "dataset.json")["images"]
    images = [_opened(suite / "demo_retrieval" / "images", item["cocoid"]) for item in content]
    texts = [sentence["raw"] for item in content for sentence in item["sentences"]]
    owner = torch.tensor([place for place, item in enumerate(content) for _ in item["sentences"]])
    logits = similarities(folder, images, texts)
    scores = {}
    for depth in (1, 5):
        found = owner[logits.topk(depth, dim=1).indices] == torch.arange(len(images))[:, None]
        ranked = logits.T.topk(depth, dim=1).indices == owner[:, None]
        scores[f"retrieval, image to text R@{depth}"] = _mean(found.any(1).tolist())
        scores[f"retrieval, text to image R@{depth}"] = _mean(ranked.any(1).tolist())
    return scores


def _decoded(content: bytes) -> Image.Image:
    return Image.open(io.BytesIO(content)).convert("RGB")


def _opened(folder: Path, image_id: int) -> Image.Image:
    return _decoded((folder / f"COCO_val2014_{image_id:012d}.png").read_bytes())


def _write_json(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def _read_json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def main() -> None:
    """Print the suite's scores for one pair of models."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", help="folder under --models, as in demo or demo-small")
    parser.add_argument("--models", type=Path, default=HERE / "models", help="folder of model folders")
    parser.add_argument(
        "--record",
        action="store_true",
        help="write the scores to scores.json in that folder and refresh the held-out figures of its training.json",
    )
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    folder = arguments.models / arguments.name
    scores = suite_scores(folder)
    for task, score in scores.items():
        print(f"{score:6.1f}  {task}")
    if arguments.record:
        _write_json(folder / "scores.json", scores)
        for kind, heldout in (("vlm", heldout_skills), ("clip", heldout_retrieval)):
            path = folder / kind / "training.json"
            _write_json(path, {**_read_json(path), "heldout_validation": heldout(folder / kind)})


if __name__ == "__main__":
    main()

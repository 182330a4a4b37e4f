import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from transformers import AutoModel, AutoProcessor

from demo.card import CARD, card
from demo.dice import Dice
from demo.evaluate import HERE, Answerer, choice_scores, picture, similarities
from demo.exams import draw_exam
from demo.prompts import CAPTION_PROMPT, Parts, chat_text, exam_prompt, in_place, short_prompt
from demo.questions import captions
from demo.rows import Row, draw_mixed
from demo.scenes import Digit, Item, Scene, draw_scene

MODELS = HERE / "models"
LARGEST_WEIGHTS = 5_000_000
NAMES = ("demo", "demo-small")

Asked = tuple[Parts, list[Image.Image]]


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def demo() -> Answerer:
    return Answerer(MODELS / "demo" / "vlm")


@pytest.fixture(scope="module")
def small() -> Answerer:
    return Answerer(MODELS / "demo-small" / "vlm")


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    dice = Dice(21)
    return [draw_mixed(dice, "test") for _ in range(32)]


def _asked(rows: list[Row]) -> list[Asked]:
    return [(row.parts, [picture(scene) for scene in row.scenes]) for row in rows]


def test_all_weights_together_stay_small() -> None:
    weights = list(MODELS.rglob("*.safetensors"))
    assert len(weights) == 4
    assert sum(path.stat().st_size for path in weights) <= LARGEST_WEIGHTS


def test_the_demo_model_sees_shapes_and_colors(demo: Answerer) -> None:
    scene = Scene((Item("circle", "red", 0, 0, 0, 11), Item("star", "blue", 5, 1, -1, 10)), Digit(7, 7, 0, 0), 1)
    prompts = [short_prompt("What color is the circle?"), short_prompt("Which shape is blue?"), CAPTION_PROMPT]
    answers = demo.answer([([0, prompt], [picture(scene)]) for prompt in prompts])
    assert answers == ["red", "star", captions(scene)[0]]


@pytest.mark.parametrize("name", NAMES)
def test_batches_of_eight_answer_as_single_samples_do(name: str, rows: list[Row], request: Any) -> None:
    answerer: Answerer = request.getfixturevalue("demo" if name == "demo" else "small")
    asked = _asked(rows)
    assert answerer.answer(asked, batch_size=8) == answerer.answer(asked, batch_size=1)


def test_the_small_model_answers_fewer_questions(demo: Answerer, small: Answerer, rows: list[Row]) -> None:
    asked = _asked(rows)
    hits = [sum(map(str.__eq__, model.answer(asked), (row.answer for row in rows))) for model in (demo, small)]
    assert hits[0] > hits[1] > 0


def test_the_chat_template_is_the_wording_of_training() -> None:
    processor: Any = AutoProcessor.from_pretrained(MODELS / "demo" / "vlm")
    content = [{"type": "text", "text": "Is "}, {"type": "image"}, {"type": "text", "text": " or "}, {"type": "image"}]
    messages = [{"role": "user", "content": content}]
    text = processor.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)
    assert text == chat_text(["Is ", 0, " or ", 1])
    assert processor.tokenizer.padding_side == "left"


def test_the_chat_template_takes_system_text_and_earlier_turns() -> None:
    processor: Any = AutoProcessor.from_pretrained(MODELS / "demo" / "vlm")
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "Which shape is red?"}]},
        {"role": "assistant", "content": [{"type": "text", "text": "star"}]},
        {"role": "user", "content": "Which shape is blue?"},
    ]
    text = processor.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)
    expected = (
        "SYSTEM: Be brief. USER: <image>Which shape is red? ASSISTANT: star</s>USER: Which shape is blue? ASSISTANT:"
    )
    assert text == expected


def test_messages_with_several_images_are_answered(demo: Answerer) -> None:
    dice = Dice(22)
    exams = [draw_exam(dice, "test", skill) for skill in ("which picture", "together", "more shapes") for _ in range(3)]
    asked = [
        (in_place(exam_prompt(exam.question, list(exam.options or ()))), [picture(scene) for scene in exam.scenes])
        for exam in exams
    ]
    assert all(demo.answer(asked))


def test_captions_find_their_pictures() -> None:
    dice = Dice(23)
    scenes = [draw_scene(dice, "test") for _ in range(50)]
    images, texts = [picture(scene) for scene in scenes], [captions(scene)[3] for scene in scenes]
    found = {}
    for name in NAMES:
        logits = similarities(MODELS / name / "clip", images, texts)
        found[name] = (logits.argmax(1) == torch.arange(50)).float().mean().item()
    assert found["demo"] > 0.6
    assert found["demo"] > found["demo-small"] > 1 / 50


def test_texts_of_any_length_give_finite_embeddings() -> None:
    folder = MODELS / "demo" / "clip"
    processor: Any = AutoProcessor.from_pretrained(folder)
    model: Any = AutoModel.from_pretrained(folder, dtype=torch.float32).eval()
    inputs = processor(text=["", "näive words " * 100], padding=True, truncation=True, return_tensors="pt")
    with torch.inference_mode():
        features = model.get_text_features(**inputs).pooler_output
    assert torch.isfinite(features).all()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", ["vlm", "clip"])
def test_the_record_shows_that_no_suite_scene_was_trained_on(name: str, kind: str) -> None:
    record = json.loads((MODELS / name / kind / "training.json").read_text(encoding="utf-8"))
    assert record["suite_layouts"] > 200
    assert record["suite_layouts_seen_in_training"] == 0


def test_the_model_card_shows_the_recorded_figures() -> None:
    assert CARD.read_text(encoding="utf-8") == card()


@pytest.mark.slow
def test_recorded_scores_of_the_choice_task_can_be_reached_again(demo: Answerer) -> None:
    recorded = json.loads((MODELS / "demo" / "scores.json").read_text(encoding="utf-8"))
    again = choice_scores(demo, HERE / "suite")
    assert round(100 * again["mmbench circular"], 1) == pytest.approx(recorded["mmbench circular"], abs=1.0)


def test_checkpoint_folders_hold_no_code() -> None:
    names = {path.suffix for path in MODELS.rglob("*") if path.is_file()}
    assert names <= {".json", ".jinja", ".safetensors", ".md"}
    assert not [path for path in Path(MODELS).rglob("*") if path.is_file() and "auto_map" in _text(path)]


def _text(path: Path) -> str:
    return "" if path.suffix == ".safetensors" else path.read_text(encoding="utf-8")

"""Captions: how an image is given, and what of the reply is the caption."""

import pytest

from vlmeval.data.task import PromptStyle, Task
from vlmeval.errors import ConfigError
from vlmeval.kinds.caption import PLAIN, CaptionKind
from vlmeval.registry import KINDS
from vlmeval.types import Answer, Failure, Image, Output, Sample, Sampling

IMAGE = Image("ab" * 32, 4, 3, "png")
SAMPLE = Sample("7", (IMAGE,), ("A dog.",))


def task(**changes: object) -> Task:
    return Task("captions", "coco", "test", "caption", ("cider",), "cider", **changes)  # type: ignore[arg-type]


def test_the_image_stands_before_the_prompt() -> None:
    kind = CaptionKind(task(sampling=Sampling(temperature=0.0), system="Be brief."))
    (request,) = kind.requests(SAMPLE)
    assert request.parts == (IMAGE, PLAIN.text.removeprefix("{question}"))
    assert (request.sample_id, request.variant, request.system) == ("7", "", "Be brief.")
    assert request.sampling.temperature == 0.0
    assert request.key


def test_a_task_brings_its_own_prompt() -> None:
    kind = CaptionKind(task(prompt="blip", prompts={"blip": PromptStyle("a picture of")}))
    assert kind.requests(SAMPLE)[0].parts == (IMAGE, "a picture of")


@pytest.mark.parametrize(
    ("reply", "value", "rule"),
    [
        (" A dog.\n", "A dog.", "text"),
        ("<think>a cat?</think>\nA dog.", "A dog.", "text"),
        ("<think>a cat", None, "thinking_unfinished"),
        ("  ", None, "empty"),
    ],
)
def test_the_caption_is_the_reply_without_its_reasoning(reply: str, value: str | None, rule: str) -> None:
    assert CaptionKind(task()).answers(SAMPLE, {"": Output(reply)}) == (Answer("", value, rule),)


def test_a_failure_is_no_caption() -> None:
    kind = CaptionKind(task())
    assert kind.answers(SAMPLE, {"": Failure("crash", "gone")}) == ()
    assert kind.answers(SAMPLE, {}) == ()
    assert not kind.settled(SAMPLE, {})


def test_the_registry_knows_the_kind_and_the_kind_its_options() -> None:
    assert KINDS.load("caption") is CaptionKind
    with pytest.raises(ConfigError, match=r"task captions.*circular"):
        CaptionKind(task(options={"circular": True}))
    with pytest.raises(ConfigError, match="unknown prompt style"):
        CaptionKind(task(prompt="plian"))

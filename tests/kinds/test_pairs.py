"""Pairs of Winoground and SugarCrepe: what is embedded, and the three scores."""

import pytest

from vlmeval.data.task import Task
from vlmeval.errors import ConfigError, DataError
from vlmeval.kinds.pairs import PairsKind
from vlmeval.metrics.pairs import GroupScore, ImageScore, TextScore
from vlmeval.types import Answer, Image, Part, Sample

LEFT, RIGHT = (Image(f"{number:064x}", 1, 1, "png") for number in (1, 2))


def task(**given: object) -> Task:
    return Task("w", "b", "test", "pairs", ("group_score",), "group_score", **given)  # type: ignore[arg-type]


def sample(*parts: Part) -> Sample:
    return Sample("7", parts, ("x",))


def test_each_image_and_caption_is_embedded_by_itself() -> None:
    items = PairsKind(task()).items(sample(LEFT, RIGHT, "a", "b"))
    assert [(item.id, item.parts[0]) for item in items] == [
        ("7#i0", LEFT), ("7#i1", RIGHT), ("7#c0", "a"), ("7#c1", "b"),
    ]  # fmt: skip


@pytest.mark.parametrize("parts", [(LEFT, "a"), ("a", "b"), (LEFT, RIGHT, LEFT, "a", "b"), (LEFT, "a", "b", "c")])
def test_other_numbers_of_images_and_captions_are_refused(parts: tuple[Part, ...]) -> None:
    with pytest.raises(DataError, match=r"sample 7: .* expected one or two images and two captions"):
        PairsKind(task()).requests(sample(*parts))


def test_prompts_are_refused() -> None:
    with pytest.raises(ConfigError, match="prompt has no meaning in pairs"):
        PairsKind(task(prompt="plain"))


@pytest.mark.parametrize(
    ("scores", "text", "image", "group"),
    [
        ((0.9, 0.1, 0.2, 0.8), 1, 1, 1),
        ((0.9, 0.85, 0.2, 0.8), 0, 1, 0),  # image 1 prefers caption 0
        ((0.9, 0.1, 0.85, 0.8), 1, 0, 0),  # caption 1 prefers image 0
        ((0.1, 0.9, 0.8, 0.2), 0, 0, 0),
        ((0.5, 0.5, 0.5, 0.5), 0, 0, 0),
    ],
)
def test_scores_of_two_images(scores: tuple[float, ...], text: int, image: int, group: int) -> None:
    answers = (Answer("", tuple(map(repr, scores)), "similarity"),)
    given = [metric.stats(sample(), answers) for metric in (TextScore(), ImageScore(), GroupScore())]
    assert given == [(text, 1), (image, 1), (group, 1)]


def test_one_image_has_a_text_score_only() -> None:
    answers = (Answer("", ("0.4", "0.3"), "similarity"),)
    assert TextScore().stats(sample(), answers) == (1.0, 1.0)
    assert ImageScore().stats(sample(), answers) is None
    assert TextScore().stats(sample(), (Answer("", ("0.3", "0.3"), "similarity"),)) == (0.0, 1.0)
    assert GroupScore().stats(sample(), ()) is None

"""Objects that captions name, and those that the image does not show."""

import numpy as np
import pytest

from vlmeval.metrics.chair import ChairI, ChairRecall, ChairS, mentions, plural, shown
from vlmeval.metrics.coco_objects import CATEGORIES, NOT_OBJECTS, WORDS
from vlmeval.types import Answer, Sample

IMAGE = Sample("1", (), ("A man with his puppy.",), fields={"objects": "person\ndog\nDining  Table"})


def stats(metric: object, caption: str | None, sample: Sample = IMAGE) -> tuple[float, ...] | None:
    return metric.stats(sample, [Answer("", caption, "text")])  # type: ignore[attr-defined, no-any-return]


def test_there_are_eighty_categories_and_a_word_names_one() -> None:
    names = [name for words in WORDS.values() for name in words]
    assert len(CATEGORIES) == 80
    assert len(names) == len(set(names))
    assert not set(names) & CATEGORIES
    assert not (set(names) | CATEGORIES) & set(NOT_OBJECTS)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Two teddy-bears beside a hot dog", ["teddy bear", "hot dog"]),
        ("Children ride bikes by the train tracks", ["person", "bicycle"]),
        ("women's knives, buses, benches", ["person", "knife", "bus", "bench"]),
        ("a baby elephant and a baby", ["elephant", "person"]),
        ("a passenger train", ["train"]),
        ("carrot cake on home plate", []),
        ("a catalogue of dogmas", []),
        ("", []),
    ],
)
def test_the_objects_of_a_text_are_found(text: str, found: list[str]) -> None:
    assert list(mentions(text)) == found


@pytest.mark.parametrize(
    ("name", "many"), [("knife", "knives"), ("baseball bat", "baseball bats"), ("bus", "buses"), ("puppy", "puppies"),
                       ("fireman", "firemen"), ("sheep", "sheep"), ("couch", "couches"), ("toy", "toys")],
)  # fmt: skip
def test_plurals(name: str, many: str) -> None:
    assert plural(name) == many


def test_the_image_shows_what_annotations_and_references_name() -> None:
    assert shown(IMAGE) == frozenset(("person", "dog", "dining table"))
    assert shown(Sample("2", (), ("a cat",))) == frozenset(["cat"])
    assert shown(Sample("3", ())) is None
    assert shown(Sample("4", (), fields={"objects": ""})) == frozenset()


def test_an_object_that_is_none_of_cocos_is_an_error() -> None:
    with pytest.raises(ValueError, match='sample 5: object "dragon"'):
        shown(Sample("5", (), fields={"objects": "dragon"}))


def test_every_mention_counts_and_one_wrong_object_marks_the_caption() -> None:
    caption = "A man and a woman at the table with a cat and cats."
    assert stats(ChairI(), caption) == (2, 5)
    assert stats(ChairS(), caption) == (1, 1)
    assert stats(ChairRecall(), caption) == (2, 3)


def test_a_caption_without_objects_is_right_and_recalls_nothing() -> None:
    for caption in ("", None, "something green"):
        assert stats(ChairI(), caption) == (0, 0)
        assert stats(ChairS(), caption) == (0, 1)
        assert stats(ChairRecall(), caption) == (0, 3)


def test_epochs_count_by_their_mean_and_unknown_images_do_not_enter() -> None:
    answers = [Answer("epoch0", "a cat", "text"), Answer("epoch1", "a dog", "text")]
    assert ChairI().stats(IMAGE, answers) == (0.5, 1)
    assert stats(ChairS(), "a cat", Sample("3", ())) is None
    assert ChairS().stats(IMAGE, []) is None


def test_the_value_is_a_share_of_sums_and_nothing_is_undefined() -> None:
    assert ChairI().value(np.array([[2.0, 5.0], [0.0, 4.0]])).tolist() == [0.4, 0.0]
    assert np.isnan(ChairI().value(np.zeros(2)))
    assert not ChairI.info.higher_is_better
    assert ChairRecall.info.higher_is_better

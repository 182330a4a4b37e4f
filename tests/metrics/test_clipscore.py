"""CLIPScore and RefCLIPScore from cosines: the formulas of the paper, worked by hand."""

import numpy as np
import pytest

from vlmeval.errors import DataError
from vlmeval.metrics.clipscore import NO_ENCODER, PREFIX, ClipScore, RefClipScore, Similarity, image_item, text_items
from vlmeval.types import Answer, Image, Sample

IMAGE = Image("0" * 64, 8, 8, "png")
SAMPLE = Sample("1", (IMAGE, "Describe it."), ("a cat", "one cat"))


def scores(*cosines: tuple[float, float]) -> tuple[float, float]:
    """Return both figures of captions "0", "1", ... with these cosines, over epochs of one sample."""
    known = {("1", str(place)): Similarity(*pair) for place, pair in enumerate(cosines)}
    answers = [Answer("", str(place), "text") for place in range(len(cosines))]
    rows = [metric(known).stats(SAMPLE, answers) for metric in (ClipScore, RefClipScore)]
    assert all(row is not None and row[1] == 1.0 for row in rows)
    return tuple(row[0] for row in rows if row is not None)  # type: ignore[return-value]


def test_clipscore_is_two_and_a_half_times_the_cosine_and_refclipscore_the_harmonic_mean() -> None:
    plain, with_references = scores((0.3, 0.8))
    assert plain == pytest.approx(0.75, abs=1e-15)
    assert with_references == pytest.approx(2 * 0.75 * 0.8 / (0.75 + 0.8), abs=1e-15)


@pytest.mark.parametrize("cosines", [(-0.2, 0.8), (0.0, 0.8)])
def test_a_cosine_below_zero_counts_as_zero_in_both(cosines: tuple[float, float]) -> None:
    assert scores(cosines) == (0.0, 0.0)


def test_references_that_point_elsewhere_leave_clipscore_alone() -> None:
    assert scores((0.4, -0.1)) == (1.0, 0.0)


def test_scores_of_several_epochs_are_averaged_not_their_cosines() -> None:
    plain, with_references = scores((0.4, 0.9), (-0.4, 0.9))
    assert plain == 0.5
    assert with_references == pytest.approx(0.5 * 2 * 1.0 * 0.9 / 1.9)


def test_an_unparsed_reply_scores_nothing_and_a_caption_without_vectors_does_not_enter() -> None:
    metric = ClipScore({("1", "a cat"): Similarity(0.4, 0.5)})
    assert metric.stats(SAMPLE, [Answer("", None, "unparsed")]) == (0.0, 1.0)
    assert metric.stats(SAMPLE, [Answer("", "a dog", "text")]) is None
    assert metric.stats(SAMPLE, []) is None
    bare = Sample("1", (IMAGE,))
    assert metric.stats(bare, [Answer("", "a cat", "text")]) is None


def test_without_an_encoder_or_with_captions_it_has_not_seen_it_says_so() -> None:
    assert ClipScore().lacks() == NO_ENCODER
    assert RefClipScore({}).lacks() == ""
    assert "2 captions without vectors" in ClipScore({}, unseen=2).lacks()


def test_the_value_is_the_mean_over_captions() -> None:
    values = ClipScore().value(np.array([[1.5, 2.0], [0.0, 0.0]]))
    assert values[0] == 0.75
    assert np.isnan(values[1])


def test_texts_are_embedded_as_written_after_the_prefix_and_the_image_alone() -> None:
    assert [one.parts for one in text_items(SAMPLE, ["A Cat."])] == [("A photo depicts A Cat.",)]
    assert PREFIX == "A photo depicts "
    assert image_item(SAMPLE).parts == (IMAGE,)


@pytest.mark.parametrize("parts", [("no image",), (IMAGE, IMAGE)])
def test_a_sample_without_its_one_image_is_refused_by_name(parts: tuple[Image | str, ...]) -> None:
    with pytest.raises(DataError, match=r"sample 7: [02] images"):
        image_item(Sample("7", parts))

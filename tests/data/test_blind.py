from __future__ import annotations

import io
import random
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar, get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some
from PIL import Image as PIL_Image

from tests.cli.made import mmbench_tsv
from vlmeval.data.blind import IMAGE_OPTION, Blind, BlindSet, black, derangement, images_of, noise, png
from vlmeval.data.images import probe
from vlmeval.data.options import DataOptions
from vlmeval.data.samples import Origin, open_samples
from vlmeval.data.task import Task
from vlmeval.errors import DataError
from vlmeval.types import Image, Sample

TASK = Task(name="t", benchmark="mmbench", split="dev_en", kind="choice", metrics=("circular",), primary="circular")
SIZES = [(1, 1), (1, 700), (700, 1), (3, 5), (64, 48)]


class Rows:
    """Samples by row, kept in memory."""

    def __init__(self, *samples: Sample) -> None:
        self._samples = samples
        self.origin = Origin("rows", "0", warnings=("one",))
        self.base_rows: Sequence[int] = range(len(samples))

    def __len__(self) -> int:
        return len(self._samples)

    def __iter__(self) -> Iterator[Sample]:
        return iter(self._samples)

    def at(self, number: int) -> Iterable[Sample]:
        return (self._samples[number],)


def picture(colour: str, size: tuple[int, int] = (4, 4)) -> Image:
    buffer = io.BytesIO()
    PIL_Image.new("RGB", size, colour).save(buffer, "PNG")
    data = buffer.getvalue()
    return probe(data, "test").with_reader(lambda: data)


Thing = TypeVar("Thing")


def only(things: Iterable[Thing]) -> Thing:
    (thing,) = things
    return thing


@pytest.mark.parametrize("size", SIZES)
def test_black_is_black_in_every_pixel_at_any_size(size: tuple[int, int]) -> None:
    shown = black(picture("red", size))
    assert (shown.width, shown.height) == size
    assert probe(shown.read(), "black") == shown
    assert not np.asarray(shown.open()).any()


@pytest.mark.parametrize("size", SIZES)
def test_noise_has_the_size_and_is_equal_for_equal_images_only(size: tuple[int, int]) -> None:
    shown = noise(picture("red", size))
    assert probe(shown.read(), "noise") == shown
    assert shown == noise(picture("red", size))
    assert shown != noise(picture("blue", size))
    assert np.array_equal(np.asarray(shown.open()), np.asarray(noise(picture("red", size)).open()))


def test_noise_is_uniform_over_all_values_of_a_channel() -> None:
    pixels = np.asarray(noise(picture("red", (200, 200))).open())
    counts = np.bincount(pixels.ravel(), minlength=256)
    expected = pixels.size / 256
    assert ((counts - expected) ** 2 / expected).sum() < 400
    assert abs(np.corrcoef(pixels[..., 0].ravel(), pixels[..., 1].ravel())[0, 1]) < 0.03


def test_noise_does_not_change_with_a_release() -> None:
    assert noise(Image("00", 2, 1, "png")).open().tobytes().hex() == "3ea397a51312"


def test_a_png_holds_the_rows_it_was_given() -> None:
    rows = [bytes([10, 20, 30, 40, 50, 60]), bytes([1, 2, 3, 4, 5, 6])]
    assert PIL_Image.open(io.BytesIO(png(2, 2, rows, level=9))).tobytes() == b"".join(rows)


def test_none_leaves_the_text_and_keeps_the_number_of_options() -> None:
    sample = Sample(
        "1",
        ("Look: ", picture("red"), " which?"),
        ("A",),
        choices=((picture("blue"),), ("see ", picture("green")), "text", ""),
        tags={"a": "b"},
        cluster="c",
    )
    shown = only(BlindSet(Rows(sample), "none"))
    assert shown.parts == ("Look: ", " which?")
    assert shown.choices == ((IMAGE_OPTION,), ("see ",), "text", "")
    assert (shown.id, shown.references, shown.tags, shown.cluster) == ("1", ("A",), {"a": "b"}, "c")


@pytest.mark.parametrize("mode", ["black", "noise"])
def test_images_of_options_are_replaced_in_their_places(mode: Blind) -> None:
    sample = Sample("1", (picture("red"), "which?", picture("red", (9, 2))), choices=((picture("blue"),), "text"))
    shown = only(BlindSet(Rows(sample), mode))
    assert [type(part) for part in shown.parts] == [Image, str, Image]
    assert [(one.width, one.height) for one in images_of(shown)] == [(4, 4), (9, 2), (4, 4)]
    assert not {one.sha256 for one in images_of(shown)} & {one.sha256 for one in images_of(sample)}


@pytest.mark.parametrize("mode", get_args(Blind))
def test_text_questions_stay_as_they_are(mode: Blind) -> None:
    sample = Sample("1", ("What is 2 + 2?",), ("A",), choices=("4", "5"))
    assert only(BlindSet(Rows(sample), mode)) == sample


@pytest.mark.parametrize("mode", get_args(Blind))
def test_the_mode_is_in_the_origin_and_the_rest_of_it_stays(mode: Blind) -> None:
    origin = BlindSet(Rows(Sample("1", ("?",))), mode).origin
    assert (origin.blind, origin.dataset, origin.digest, origin.warnings) == (mode, "rows", "0", ("one",))


def test_shuffled_shows_bytes_of_another_sample_from_the_file(tmp_path: Path) -> None:
    with open_samples(TASK, DataOptions(data=mmbench_tsv(tmp_path / "q.tsv", 20))) as samples:
        sighted = {sample.id: only(images_of(sample)) for sample in samples}
        shown = {sample.id: only(images_of(sample)) for sample in BlindSet(samples, "shuffled")}
        again = {sample.id: only(images_of(sample)) for sample in BlindSet(samples, "shuffled")}
        assert shown == again
        assert {one.sha256 for one in shown.values()} == {one.sha256 for one in sighted.values()}
        for key, image in shown.items():
            assert image != sighted[key]
            assert probe(image.read(), key) == image


def test_questions_on_one_image_get_one_other_image() -> None:
    red, blue = picture("red"), picture("blue")
    rows = Rows(Sample("1", (red, "a")), Sample("2", (red, "b")), Sample("3", (blue, "a")))
    assert [only(images_of(one)) for one in BlindSet(rows, "shuffled")] == [blue, blue, red]


def test_shuffled_with_a_single_image_says_what_to_do() -> None:
    with pytest.raises(DataError, match=r"1 of the 1 distinct images.*--blind black"):
        list(BlindSet(Rows(Sample("1", (picture("red"), "?"))), "shuffled"))


names = some.text("abcdef0123456789", min_size=1, max_size=4)


@given(some.lists(some.lists(names, min_size=1, max_size=3), min_size=1, max_size=30), some.randoms())
def test_a_derangement_moves_every_image_out_of_its_sample(groups: list[list[str]], order: random.Random) -> None:
    try:
        moved = derangement(groups)
    except DataError:
        return
    everything = {name for group in groups for name in group}
    assert set(moved) == set(moved.values()) == everything
    for group in groups:
        assert not {moved[name] for name in group} & set(group)
    order.shuffle(groups)
    assert derangement(groups) == moved


@given(some.sets(names, min_size=2))
def test_two_images_are_enough_where_each_stands_alone(members: set[str]) -> None:
    moved = derangement([[name] for name in members])
    assert set(moved.values()) == members
    assert all(name != other for name, other in moved.items())


def test_a_derangement_does_not_change_with_a_release() -> None:
    assert derangement([["a"], ["b"], ["c"], ["d"]]) == {"a": "c", "c": "d", "d": "b", "b": "a"}


def test_a_group_larger_than_half_is_refused() -> None:
    assert derangement([]) == {}
    with pytest.raises(DataError, match="3 of the 5"):
        derangement([["a", "b"], ["b", "c"], ["d"], ["e"]])

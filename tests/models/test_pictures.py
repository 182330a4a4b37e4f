"""Pictures decoded ahead. Nothing sleeps: readers and devices wait for one another's events, or the test fails."""

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from tests.models.parts import picture  # noqa: E402
from vlmeval.errors import DataError  # noqa: E402
from vlmeval.models.pictures import Pictures  # noqa: E402
from vlmeval.models.transformers import open_transformers  # noqa: E402
from vlmeval.types import Image, Output, Request, Sampling  # noqa: E402

PATIENCE = 60.0


def watched(seed: int, before: Callable[[], object]) -> Image:
    """Return a picture whose reader calls `before` first."""
    image = picture(24, 24, seed)
    data = image.read()

    def read() -> bytes:
        before()
        return data

    return image.with_reader(read)


def test_announced_images_are_decoded_in_other_threads_while_nobody_waits() -> None:
    pictures = Pictures(workers=2)
    together = threading.Barrier(3)
    images = [watched(seed, lambda: together.wait(PATIENCE)) for seed in (1, 2)]
    pictures.expect(images)
    together.wait(PATIENCE)  # met only when both are being decoded at once, and this thread is free
    assert [pictures.get(image).size for image in images] == [(24, 24), (24, 24)]
    pictures.close()


def test_an_image_is_decoded_once_for_all_questions_about_it() -> None:
    reads: list[int] = []
    image = watched(1, lambda: reads.append(1))
    pictures = Pictures()
    pictures.expect([image, image])
    assert pictures.get(image) is pictures.get(image)
    assert pictures.get(image).tobytes() == image.open().tobytes()
    assert len(reads) == 2  # one of them is this test's own


def test_no_more_than_the_most_are_on_their_way_and_every_one_can_be_had() -> None:
    release = threading.Event()
    started: list[int] = []

    def held(seed: int) -> Image:
        def before() -> None:
            started.append(seed)
            assert release.wait(PATIENCE)

        return watched(seed, before)

    images = [held(seed) for seed in range(6)]
    pictures = Pictures(most=3, workers=1)
    pictures.expect(images)
    release.set()
    assert [pictures.get(image).size for image in images] == [(24, 24)] * 6
    assert sorted(started) == list(range(6))
    assert len(pictures._found) <= 3
    pictures.close()
    assert pictures.get(images[0]).size == (24, 24)


def test_an_image_that_cannot_be_decoded_fails_where_it_is_wanted_and_only_there() -> None:
    broken = Image("0" * 64, 8, 8, "png").with_reader(lambda: b"no picture")
    whole = picture(16, 16, 1)
    pictures = Pictures()
    pictures.expect([broken, whole])
    assert pictures.get(whole).size == (16, 16)
    for _ in range(2):
        with pytest.raises(DataError, match="cannot be decoded"):
            pictures.get(broken)
    mended = Image("0" * 64, 16, 16, "png").with_reader(whole.read)
    assert pictures.get(mended).size == (16, 16)
    pictures.close()


def test_the_next_images_are_decoded_while_the_device_works(checkpoints: dict[str, Path]) -> None:
    model = open_transformers(str(checkpoints["llava"]), {"batch": 1})
    begun = [threading.Event() for _ in range(4)]
    asked = [
        Request(str(seed), "", (watched(seed, begun[seed].set), "What?"), Sampling(max_tokens=2)) for seed in range(4)
    ]
    alone = [model.generate([request])[0] for request in asked]
    model.encoder.pictures.close()
    for event in begun:
        event.clear()
    overlaps: list[int] = []

    def device(*inputs: object) -> None:
        """While the first prompt is on the device, wait until all the others are being decoded."""
        if not overlaps:
            overlaps.extend(seed for seed in (1, 2, 3) if begun[seed].wait(PATIENCE))

    model.model.register_forward_pre_hook(device)
    model.expect(asked)
    found = [model.generate([request])[0] for request in asked]
    assert overlaps == [1, 2, 3]
    assert all(isinstance(outcome, Output) for outcome in found)
    assert [outcome.text for outcome in found if isinstance(outcome, Output)] == [
        outcome.text for outcome in alone if isinstance(outcome, Output)
    ]
    model.close()

"""What is embedded of a run for CLIPScore."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.data.made import png
from tests.score.runs import FAILED, FILTERED, made
from vlmeval.data.task import Task
from vlmeval.errors import ConfigError, DataError
from vlmeval.run.clipscore import embed_captions
from vlmeval.run.settings import RunSettings
from vlmeval.store.images import ImageStore
from vlmeval.store.manifest import read_manifest
from vlmeval.store.results import Origin
from vlmeval.types import Image, Outcome, Part, Request, Sample

TASK = Task("album", "album", "test", "caption", metrics=("rouge_l",), primary="rouge_l")
QUIET = RunSettings(quiet=True)


class Encoder:
    """Notes what it is given; cuts the texts of more than 40 characters."""

    name = "mine"
    batch = 2

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.images = 0
        self.cut = 0

    def recipe(self) -> dict[str, object]:
        return {"wrapper": "mine"}

    def conditions(self) -> dict[str, object]:
        return {"truncated_texts": self.cut}

    def close(self) -> None:
        pass

    def embed(self, items: Sequence[Part]) -> NDArray[np.float32]:
        for item in items:
            if isinstance(item, str):
                self.texts.append(item)
                self.cut += len(item) > 40
            else:
                item.open()
                self.images += 1
        return np.tile(np.array([1.0, 0.0], dtype=np.float32), (len(items), 1))


def picture(results: Path, shade: int) -> Image:
    """Store a picture and return it as a journal has it, without its bytes."""
    data = png((shade, 0, 0))
    image = Image(hashlib.sha256(data).hexdigest(), 8, 8, "png")
    store = ImageStore(results, "r1")
    store.add(image.with_reader(lambda: data))
    store.close()
    return image


def test_only_captions_that_count_are_embedded_with_their_image_and_references(tmp_path: Path) -> None:
    samples = [Sample(str(n), (picture(tmp_path, n), "Say."), (f"reference {n}",)) for n in range(5)]
    samples[1] = Sample("1", samples[1].parts)
    said: dict[str, Outcome | str] = {"0": "a cat", "1": "no references", "2": FAILED, "3": FILTERED, "4": ""}

    def reply(sample: Sample, request: Request) -> Outcome | str | None:
        return said[sample.id]

    folder = made(tmp_path, samples, reply, task=TASK)
    encoder = Encoder()
    found = embed_captions(folder, encoder, QUIET)
    assert sorted(encoder.texts) == ["A photo depicts a cat", "A photo depicts reference 0"]
    assert encoder.images == 1
    assert (found.items, found.earlier, found.cut) == (3, 0, 0)
    assert list(read_manifest(folder).encoders) == ["mine"]


def test_cut_texts_are_those_of_this_run_and_what_was_embedded_is_not_again(tmp_path: Path) -> None:
    samples = [Sample("1", (picture(tmp_path, 1),), ("a reference of very many words, it goes on and on",))]
    encoder = Encoder()
    encoder.cut = 7
    folder = made(tmp_path, samples, lambda sample, request: "a cat", task=TASK)
    assert embed_captions(folder, encoder, QUIET).cut == 1
    again = embed_captions(folder, encoder, QUIET)
    assert again.line() == "mine: 3 images and texts (3 embedded before)"
    assert (len(encoder.texts), encoder.images) == (2, 1)


@pytest.mark.parametrize("parts", [("no picture",), (Image("1" * 64, 8, 8, "png"),) * 2])
def test_a_caption_without_its_one_picture_is_an_error_that_names_it(tmp_path: Path, parts: tuple[Part, ...]) -> None:
    folder = made(tmp_path, [Sample("7", parts, ("x",))], lambda sample, request: "a cat", task=TASK)
    with pytest.raises(DataError, match="sample 7"):
        embed_captions(folder, Encoder(), QUIET)
    assert read_manifest(folder).encoders == {}


def test_a_run_without_captions_or_without_sight_is_refused(tmp_path: Path) -> None:
    sample = Sample("1", ("What?",), ("x",))
    folder = made(tmp_path, [sample], lambda sample, request: "x", task=Task("s", "s", "t", "short", ("anls",), "anls"))
    with pytest.raises(ConfigError, match="is of kind short"):
        embed_captions(folder, Encoder(), QUIET)
    blind = made(tmp_path, [sample], lambda sample, request: "x", task=TASK, origin=Origin("s", "0", blind="black"))
    with pytest.raises(ConfigError, match="not shown to the model"):
        embed_captions(blind, Encoder(), QUIET)

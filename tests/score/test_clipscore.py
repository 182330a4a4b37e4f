"""CLIPScore of a run, from vectors made by hand."""

from pathlib import Path

import numpy as np
import pytest

from tests.score.runs import made
from vlmeval.data.task import Task
from vlmeval.metrics.clipscore import image_item, text_items
from vlmeval.score.scorer import score_run
from vlmeval.store.embeddings import EmbeddingWriter, item_key
from vlmeval.store.layout import RunFolder
from vlmeval.store.results import Scores
from vlmeval.types import Image, Sample

TASK = Task("album", "album", "test", "caption", metrics=("rouge_l",), primary="rouge_l", slices=("place",))
SAMPLES = [
    Sample("1", (Image("1" * 64, 8, 8, "png"),), ("near", "far"), tags={"place": "home"}, cluster="a"),
    Sample("2", (Image("2" * 64, 8, 8, "png"),), ("near",), tags={"place": "away"}, cluster="b"),
]
SAID = {"1": "first", "2": "second"}
IMAGES = {"1": (0.6, 0.8), "2": (-1.0, 0.0)}
"""The vectors of the images; those of captions are (1, 0)."""


def embedded(folder: RunFolder, *, length: float = 1.0, left_out: str = "") -> RunFolder:
    """Have an encoder "mine" embed the captions, the vectors not quite of unit length."""
    items: dict[str, tuple[Sample, tuple[float, float]]] = {}
    for sample in SAMPLES:
        texts = {SAID[sample.id]: (1.0, 0.0), "near": (0.8, 0.6), "far": (0.0, 1.0)}
        for text in (SAID[sample.id], *sample.references):
            (item,) = text_items(sample, [text])
            if text != left_out:
                items[f"{sample.id} {text}"] = item, texts[text]
        items[sample.id] = image_item(sample), IMAGES[sample.id]
    with_vectors = list(items.values())
    place = folder.encoded("abcdef012345")
    place.path.mkdir(parents=True)
    with EmbeddingWriter(place.path) as writer:
        for item, vector in with_vectors:
            key = item_key(item)
            new = [] if writer.has_vector(key) else [key]
            vectors = length * np.array([vector], dtype=np.float32)
            writer.add([item], new, vectors if new else np.zeros((0, 0), dtype=np.float32))
    return folder


def run(root: Path, **more: str) -> RunFolder:
    return made(root, SAMPLES, lambda sample, _: more.get(sample.id, SAID[sample.id]), task=TASK, encoders=ENCODERS)


ENCODERS = {"mine": "abcdef012345"}


def values(scores: Scores) -> dict[str, float]:
    return {f"{one.metric} {one.slice}".strip(): one.value for one in scores.estimates}


@pytest.mark.parametrize("length", [1.0, 0.995])
def test_both_scores_are_of_cosines_and_of_the_nearest_reference(tmp_path: Path, length: float) -> None:
    scores = score_run(embedded(run(tmp_path), length=length))
    found = values(scores)
    assert found["clipscore:mine place=home"] == pytest.approx(1.5, abs=1e-6)
    assert found["refclipscore:mine place=home"] == pytest.approx(2 * 1.5 * 0.8 / 2.3, abs=1e-6)
    assert found["clipscore:mine place=away"] == found["refclipscore:mine place=away"] == 0.0
    assert found["clipscore:mine"] == pytest.approx(0.75, abs=1e-6)
    assert scores.complete
    assert scores.primary == "rouge_l"
    (line,) = [one for one in scores.estimates if one.metric == "clipscore:mine" and not one.slice]
    assert "clipscore:2.5|encoder:mine@abcd|" in line.signature


@pytest.mark.parametrize("left_out", ["second", "far"])
def test_a_vector_that_is_missing_leaves_both_scores_out_and_no_other(tmp_path: Path, left_out: str) -> None:
    scores = score_run(embedded(run(tmp_path), left_out=left_out))
    assert scores.not_computed.keys() == {"clipscore:mine", "refclipscore:mine"}
    assert scores.not_computed["clipscore:mine"].startswith("1 captions without vectors")
    assert "rouge_l" in values(scores)
    assert scores.complete


def test_an_unparsed_reply_needs_no_vector_and_scores_nothing(tmp_path: Path) -> None:
    scores = score_run(embedded(run(tmp_path, **{"1": ""}), left_out="first"))
    assert values(scores)["clipscore:mine"] == 0.0
    assert {one.samples for one in scores.estimates if not one.slice} == {2}

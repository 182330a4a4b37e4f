"""BLIP as a dual encoder and as the matcher that ranks the first candidates again, from a tiny random checkpoint."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
hf = pytest.importorskip("transformers")

from tests.models.parts import picture  # noqa: E402
from tests.models.tiny_encoders import save_blip, save_encoder  # noqa: E402
from vlmeval.errors import ConfigError  # noqa: E402
from vlmeval.models.blip_itm import BlipMatcher, open_blip_itm  # noqa: E402
from vlmeval.run.rerank import Reranker  # noqa: E402
from vlmeval.types import Embedder, Part  # noqa: E402

hf.utils.logging.disable_progress_bar()
PICTURES = [picture(24, 24, seed) for seed in range(3)]
TEXTS: list[Part] = ["a cat", "two dogs", "tea"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_blip(tmp_path_factory.mktemp("blip") / "blip")


@pytest.fixture(scope="module")
def blip(folder: Path) -> BlipMatcher:
    return open_blip_itm(str(folder), {"device": "cpu", "top": 2, "batch": 2})


def documented(folder: Path, image: Any, text: str, *, matching: bool) -> float:
    """Return the score as the class' own forward gives it."""
    model = hf.BlipForImageTextRetrieval.from_pretrained(folder).eval()
    pixels = hf.AutoImageProcessor.from_pretrained(folder)([image.open()], return_tensors="pt")["pixel_values"]
    tokens = hf.AutoTokenizer.from_pretrained(folder)([text], return_tensors="pt")
    with torch.no_grad():
        found = model(tokens["input_ids"], pixels, use_itm_head=matching, attention_mask=tokens["attention_mask"])
    return float(found.itm_score[0, 1] if matching else found.itm_score[0, 0])


def test_similarity_and_matching_are_those_of_the_class(folder: Path, blip: BlipMatcher) -> None:
    vectors = blip.embed([*TEXTS, *PICTURES])
    assert isinstance(blip, Embedder)
    assert isinstance(blip, Reranker)
    assert vectors.shape == (6, 12)
    similarity = vectors[:3] @ vectors[3:].T
    assert similarity[0, 1] == pytest.approx(documented(folder, PICTURES[1], "a cat", matching=False), abs=1e-5)
    matched = blip.match(PICTURES[0], TEXTS)
    for text, score in zip(TEXTS, matched, strict=True):
        assert score == pytest.approx(documented(folder, PICTURES[0], str(text), matching=True), abs=1e-4)
    assert blip.match("tea", PICTURES)[0] == pytest.approx(matched[2], abs=1e-4)
    assert np.ptp(matched) > 1e-4


def test_what_is_matched_is_part_of_the_recipe_and_texts_are_cut(blip: BlipMatcher) -> None:
    recipe = blip.recipe()
    assert (recipe["wrapper"], recipe["class"], recipe["rerank_top"]) == ("blip_itm", "BlipForImageTextRetrieval", 2)
    assert recipe["text"]["max_length"] == 24
    before = blip.truncated_texts
    blip.embed(["x" * 100])
    assert blip.truncated_texts == before + 1


def test_another_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is a clip model, not BLIP"):
        open_blip_itm(str(save_encoder("clip", tmp_path / "clip")), {})

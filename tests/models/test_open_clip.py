"""open_clip by its interface: `create_model_and_transforms`, `get_tokenizer`, `encode_image`, `encode_text`.

Where the package is installed the tests run on it, with a tiny architecture of random weights; else on a stand-in
module with the same functions.
"""

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from tests.models.parts import picture  # noqa: E402
from vlmeval.errors import ConfigError, RejectedError  # noqa: E402
from vlmeval.models.open_clip import OpenClipEncoder, open_open_clip, split_target  # noqa: E402
from vlmeval.types import Embedder, Image, Model, Part  # noqa: E402

REAL = importlib.util.find_spec("open_clip") is not None
LENGTH = 16
CONFIG = {
    "embed_dim": 16,
    "vision_cfg": {"image_size": 32, "layers": 1, "width": 64, "head_width": 32, "patch_size": 16},
    "text_cfg": {"context_length": LENGTH, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 1},
}


class Tokenizer:
    """One token a letter, padded with zeros and cut."""

    context_length = LENGTH

    def __call__(self, texts: list[str], context_length: int | None = None) -> Any:
        length = context_length or self.context_length
        rows = [[1 + ord(letter) % 90 for letter in text][:length] for text in texts]
        return torch.tensor([row + [0] * (length - len(row)) for row in rows])


class Tower(torch.nn.Module):  # type: ignore[misc, name-defined]
    def __init__(self) -> None:
        super().__init__()
        self.words = torch.nn.Embedding(100, 16)
        self.pixels = torch.nn.Linear(3 * 8 * 8, 16)

    def encode_text(self, tokens: Any, normalize: bool = False) -> Any:
        return self.words(tokens).mean(dim=1)

    def encode_image(self, images: Any, normalize: bool = False) -> Any:
        return self.pixels(images.flatten(1))


def pixels(image: Any) -> Any:
    values = np.asarray(image.resize((8, 8)), dtype=np.float32) / 255
    return torch.from_numpy(values).permute(2, 0, 1)


def stand_in(architectures: dict[str, Path]) -> ModuleType:
    module = ModuleType("open_clip")

    def create_model_and_transforms(name: str, pretrained: str | None = None, **given: Any) -> tuple[Any, Any, Any]:
        assert set(given) == {"precision", "device", "force_quick_gelu", "cache_dir"}
        if name not in architectures:
            raise RuntimeError(f"Model config for {name} not found.")
        model = Tower()
        if pretrained:
            model.load_state_dict(torch.load(pretrained, weights_only=True))
        return model, pixels, pixels

    module.create_model_and_transforms = create_model_and_transforms  # type: ignore[attr-defined]
    module.get_tokenizer = lambda name: Tokenizer()  # type: ignore[attr-defined]
    return module


@pytest.fixture
def target(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "tiny-vit.json").write_text(json.dumps(CONFIG), encoding="utf8")
    if REAL:
        package: Any = importlib.import_module("open_clip")
        package.add_model_config(tmp_path)
    else:
        package = stand_in({"tiny-vit": tmp_path})
        monkeypatch.setitem(sys.modules, "open_clip", package)
    model, _, _ = package.create_model_and_transforms(
        "tiny-vit", pretrained=None, precision="fp32", device="cpu", force_quick_gelu=False, cache_dir=None
    )
    torch.save(model.state_dict(), tmp_path / "tiny.pt")
    return f"tiny-vit/{tmp_path / 'tiny.pt'}"


def opened(target: str, **options: Any) -> OpenClipEncoder:
    return open_open_clip(target, {"device": "cpu", **options})


def test_texts_and_images_become_unit_vectors_in_order(target: str) -> None:
    encoder = opened(target, batch=2)
    items: list[Part] = ["a cat", picture(40, 24, 1), "a dog", picture(20, 60, 2)]
    vectors = encoder.embed(items)
    assert isinstance(encoder, Embedder)
    assert isinstance(encoder, Model)
    assert vectors.shape == (4, 16)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(4), abs=1e-6)
    alone = np.concatenate([encoder.embed([item]) for item in items])
    assert vectors == pytest.approx(alone, abs=1e-5)
    encoder.close()
    assert encoder.embed(items[:1]) == pytest.approx(vectors[:1], abs=1e-6)


def test_cut_texts_are_counted_and_the_recipe_says_how_a_text_is_written(target: str) -> None:
    encoder = opened(target, lowercase=True, template="a photo of {text}")
    encoder.embed(["x", "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen"])
    assert encoder.conditions()["truncated_texts"] == (1 if REAL else 2 if len("a photo of x") > LENGTH else 1)
    recipe = encoder.recipe()
    assert recipe["text"] | {"tokenizer": ""} == {
        "tokenizer": "", "max_length": LENGTH, "lowercase": True, "template": "a photo of {text}",
    }  # fmt: skip
    assert (recipe["architecture"], recipe["pretrained"]) == ("tiny-vit", "tiny.pt")
    assert len(recipe["pretrained_sha256"]) == 64
    assert encoder.embed(["A CAT"]) == pytest.approx(encoder.embed(["a cat"]), abs=1e-6)


def test_wrong_names_and_bad_images_are_said(target: str) -> None:
    with pytest.raises(ConfigError, match="no-such-model"):
        opened("no-such-model/openai").embed(["a"])
    with pytest.raises(RejectedError):
        opened(target).embed([Image("0" * 64, 1, 1, "png").with_reader(lambda: b"nothing")])


@pytest.mark.parametrize("name", ["ViT-B-32", "/openai", "ViT-B-32/"])
def test_a_model_without_weights_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="expected ARCHITECTURE/PRETRAINED"):
        split_target(name)


def test_a_name_has_its_two_parts() -> None:
    assert split_target("ViT-B-32/laion2b_s34b_b79k") == ("ViT-B-32", "laion2b_s34b_b79k")
    assert split_target("hf-hub:org/name") == ("hf-hub:org/name", "")

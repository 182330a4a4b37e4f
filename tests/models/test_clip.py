from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
hf = pytest.importorskip("transformers")

from tests.models.parts import encoded, picture  # noqa: E402
from tests.models.tiny_encoders import ENCODERS, save_encoder  # noqa: E402
from vlmeval.errors import ConfigError, ModelError, RejectedError  # noqa: E402
from vlmeval.models.clip import DualEncoder, open_clip  # noqa: E402
from vlmeval.types import Embedder, Image, Model  # noqa: E402

hf.utils.logging.disable_progress_bar()
ITEMS: list[str | Image] = [
    "a red square",
    picture(40, 24, 1),
    "two circles above a text that is far too long and is cut",
    picture(20, 64, 2),
    "",
]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("encoders")
    return {kind: save_encoder(kind, root / kind) for kind in ENCODERS}


@pytest.fixture(scope="module")
def encoders(folders: dict[str, Path]) -> dict[str, DualEncoder]:
    return {kind: open_clip(str(folder), {"device": "cpu"}) for kind, folder in folders.items()}


@pytest.mark.parametrize("kind", ENCODERS)
def test_texts_and_images_become_unit_vectors_in_order_alone_or_together(
    kind: str, encoders: dict[str, DualEncoder]
) -> None:
    encoder = encoders[kind]
    vectors = encoder.embed(ITEMS)
    assert vectors.dtype == np.float32
    assert vectors.shape == (5, {"clip": 12}.get(kind, 16))
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(5), abs=1e-6)
    alone = np.concatenate([encoder.embed([item]) for item in ITEMS])
    assert vectors == pytest.approx(alone, abs=1e-5)
    assert np.abs(vectors[1] - vectors[3]).max() > 0.01


def documented_inputs(kind: str, folder: Path, texts: list[str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the tensors as the model cards make them."""
    tokenizer = hf.AutoTokenizer.from_pretrained(folder)
    images = hf.AutoImageProcessor.from_pretrained(folder)
    pictures = images([item.open() for item in ITEMS if isinstance(item, Image)], return_tensors="pt")
    if kind in ("siglip", "siglip2"):
        written = [text.lower() for text in texts] if kind == "siglip2" else texts
        ids = tokenizer(written, padding="max_length", max_length=24, truncation=True, return_tensors="pt")
        return {"input_ids": ids["input_ids"]}, dict(pictures)
    return dict(tokenizer(texts, padding=True, truncation=True, max_length=24, return_tensors="pt")), dict(pictures)


@pytest.mark.parametrize("kind", ENCODERS)
def test_vectors_are_those_of_the_documented_call(
    kind: str, folders: dict[str, Path], encoders: dict[str, DualEncoder]
) -> None:
    texts = [item for item in ITEMS if isinstance(item, str)] + ["Upper CASE"]
    text_inputs, image_inputs = documented_inputs(kind, folders[kind], texts)
    with torch.no_grad():
        model = encoders[kind].model
        for inputs, features, items in (
            (text_inputs, model.get_text_features, texts),
            (image_inputs, model.get_image_features, [item for item in ITEMS if isinstance(item, Image)]),
        ):
            expected = features(**inputs)
            vectors = getattr(expected, "pooler_output", expected)
            vectors = vectors / vectors.norm(dim=-1, keepdim=True)
            assert encoders[kind].embed(items) == pytest.approx(vectors.numpy(), abs=1e-5)


def test_siglip_2_keeps_the_patches_that_were_saved(folders: dict[str, Path]) -> None:
    ours = open_clip(str(folders["siglip2"]), {})
    assert ours.images([picture(40, 24, 1).open()], return_tensors="pt")["pixel_values"].shape[1:] == (9, 8 * 8 * 3)
    assert ours.recipe()["processor"]["max_num_patches"] == 9


def test_padding_and_case_are_as_in_training_and_recorded(encoders: dict[str, DualEncoder]) -> None:
    text = {kind: encoder.recipe()["text"] for kind, encoder in encoders.items()}
    assert text["clip"] == {"padding": "longest", "max_length": 24, "lowercase": False, "template": "{text}"}
    assert text["siglip"] == {"padding": "max_length", "max_length": 24, "lowercase": False, "template": "{text}"}
    assert text["siglip2"] == {"padding": "max_length", "max_length": 24, "lowercase": True, "template": "{text}"}


def test_case_counts_unless_it_is_said_not_to(folders: dict[str, Path], encoders: dict[str, DualEncoder]) -> None:
    assert np.abs(np.subtract(*encoders["clip"].embed(["A CAT", "a cat"]))).max() > 1e-3
    lower = open_clip(str(folders["clip"]), {"lowercase": True})
    assert np.abs(np.subtract(*lower.embed(["A CAT", "a cat"]))).max() < 1e-6
    assert lower.recipe()["text"]["lowercase"] is True


def test_texts_that_were_cut_are_counted(folders: dict[str, Path]) -> None:
    encoder = open_clip(str(folders["clip"]), {})
    encoder.embed(["x" * 23, "x" * 24, "x" * 200])
    assert encoder.conditions()["truncated_texts"] == 2


def test_nothing_to_embed_gives_no_rows(encoders: dict[str, DualEncoder]) -> None:
    assert encoders["clip"].embed([]).shape[0] == 0


def test_an_image_that_cannot_be_read_is_named(encoders: dict[str, DualEncoder]) -> None:
    bad = encoded(b"nothing", 1, 1)
    with pytest.raises(RejectedError, match=bad.sha256[:12]):
        encoders["clip"].embed(["fine", bad])


def test_a_vector_that_is_not_finite_is_an_error(folders: dict[str, Path]) -> None:
    encoder = open_clip(str(folders["clip"]), {})
    with torch.no_grad():
        encoder.model.text_projection.weight.fill_(float("nan"))
    with pytest.raises(ModelError, match=r"the vector of the text 'fine' is zero or not finite"):
        encoder.embed([picture(16, 16, 1), "fine"])


def test_out_of_memory_halves_the_batch_and_changes_no_vector(
    folders: dict[str, Path], encoders: dict[str, DualEncoder]
) -> None:
    class SmallMemory(hf.CLIPModel):  # type: ignore[misc]
        def get_image_features(self, pixel_values: Any, **inputs: Any) -> Any:
            if len(pixel_values) > 2:
                raise torch.OutOfMemoryError("CUDA out of memory.")
            return super().get_image_features(pixel_values, **inputs)

    encoder = open_clip(str(folders["clip"]), {"batch": 8})
    encoder.model.__class__ = SmallMemory
    pictures = [picture(24, 24, seed) for seed in range(5)]
    assert encoder.embed(pictures) == pytest.approx(encoders["clip"].embed(pictures), abs=1e-6)
    assert encoder.conditions()["batch_halved_to"] == [2]


def test_a_model_embeds_again_after_it_was_closed(folders: dict[str, Path]) -> None:
    encoder = open_clip(str(folders["clip"]), {})
    before = encoder.embed(["a"])
    encoder.close()
    assert np.array_equal(encoder.embed(["a"]), before)


def test_the_encoder_is_what_the_engine_expects(encoders: dict[str, DualEncoder]) -> None:
    assert isinstance(encoders["clip"], Model)
    assert isinstance(encoders["clip"], Embedder)
    assert encoders["clip"].name == "clip"


def test_wrong_options_are_named(folders: dict[str, Path]) -> None:
    with pytest.raises(ConfigError, match=r'unknown option "lowercas"; did you mean "lowercase"'):
        open_clip(str(folders["clip"]), {"lowercas": True})
    with pytest.raises(ConfigError, match="takes no patch_size"):
        open_clip(str(folders["clip"]), {"processor_patch_size": 3})
    with pytest.raises(ConfigError, match="batch must be at least 1"):
        open_clip(str(folders["clip"]), {"batch": 0})

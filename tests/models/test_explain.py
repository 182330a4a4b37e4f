"""Heat maps: on tiny checkpoints of every family whose grid is known, and on the demo model, which knows places."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from vlmeval.data.catalog import find_task
from vlmeval.data.samples import DataOptions, open_samples
from vlmeval.errors import ConfigError, RejectedError
from vlmeval.registry import KINDS
from vlmeval.types import Image, Request, TaskKind

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from tests.models.parts import picture  # noqa: E402
from vlmeval.models.explain import explain, passed_on, speaker_of  # noqa: E402
from vlmeval.models.spec import open_model  # noqa: E402
from vlmeval.models.transformers import TransformersModel  # noqa: E402

pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"
)
METHODS = ("gradient", "rollout", "attention")
GRIDS = {
    "llava": (2, 2), "llava_next": (2, 2), "paligemma": (2, 2), "qwen2_vl": (3, 5), "qwen2_5_vl": (3, 5),
    "qwen3_vl": (3, 5),
}  # fmt: skip
WIDE = picture(40, 24, 1)


def ask(*parts: str | Image) -> Request:
    return Request("a", "", parts)


@pytest.fixture(scope="module")
def demo() -> Iterator[Any]:
    model = open_model("demo", {})
    yield model
    model.close()


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("kind", GRIDS)
def test_a_map_is_a_distribution_over_the_patches_of_its_image(
    models: dict[str, TransformersModel], kind: str, method: Any
) -> None:
    found = explain(models[kind], ask(WIDE, "What colour?"), "red", method=method)
    (one,) = found.maps
    assert one.weights.shape == GRIDS[kind]
    assert np.isfinite(one.weights).all()
    assert (one.weights >= 0).all()
    assert one.weights.sum() == pytest.approx(1, abs=1e-5)
    assert 0 < one.share < 1
    assert found.words == "red"


@pytest.mark.parametrize("kind", ["llava", "qwen2_vl"])
def test_the_map_follows_the_image_and_is_the_same_twice(models: dict[str, TransformersModel], kind: str) -> None:
    first, again, other = (
        explain(models[kind], ask(shown, "What colour?"), "red").maps[0].weights
        for shown in (WIDE, WIDE, picture(40, 24, 7))
    )
    assert (first == again).all()
    assert np.abs(first - other).max() > 1e-4


def test_each_of_two_images_has_its_own_map_also_where_their_tokens_touch(models: dict[str, TransformersModel]) -> None:
    two = picture(32, 32, 4), picture(48, 32, 5)
    for kind, shapes in (("qwen2_vl", [(4, 4), (3, 4)]), ("llava", [(2, 2), (2, 2)])):
        for parts in ((two[0], two[1], "differ?"), ("First", two[0], "then", two[1], "differ?")):
            maps = explain(models[kind], ask(*parts), "yes").maps
            assert [one.weights.shape for one in maps] == shapes
            assert sum(one.share for one in maps) < 1


def test_a_processor_that_cuts_the_middle_out_leaves_the_margins_without_weight(
    models: dict[str, TransformersModel],
) -> None:
    assert explain(models["llava"], ask(WIDE, "?"), "red").maps[0].region == (8, 0, 32, 24)
    assert explain(models["llava_next"], ask(WIDE, "?"), "red").maps[0].region == (0, 0, 40, 24)


def test_the_model_answers_afterwards_as_before(models: dict[str, TransformersModel]) -> None:
    model = models["llava"]
    before = model.generate([ask(WIDE, "What colour?")])[0]
    used = model.model.config._attn_implementation
    explain(model, ask(WIDE, "What colour?"), "red")
    after = model.generate([ask(WIDE, "What colour?")])[0]
    assert model.model.config._attn_implementation == used
    assert getattr(before, "text", "failed") == getattr(after, "text", "also failed")


def test_attention_passed_on_by_hand() -> None:
    layer = torch.tensor([[[[1.0, 0.0], [0.5, 0.5]]]])
    rolled = passed_on([layer, layer], None)
    once = torch.tensor([[1.0, 0.0], [0.25, 0.75]])
    assert torch.allclose(rolled, once @ once)
    weights = torch.tensor([[[[1.0, 0.0], [0.5, 0.5]]]], requires_grad=True)
    target = 3 * weights[0, 0, 1, 0] - weights[0, 0, 1, 1]
    assert torch.allclose(passed_on([weights], target), torch.tensor([[0.0, 0.0], [1.5, 0.0]]))


@pytest.mark.parametrize("kind", ["llava_onevision", "pixtral", "idefics3", "mllama", "gemma3", "internvl"])
def test_a_family_without_a_known_grid_is_refused_with_those_that_have_one(
    models: dict[str, TransformersModel], kind: str
) -> None:
    with pytest.raises(ConfigError, match="heat maps are for llava, llava_next, paligemma, qwen2_5_vl"):
        explain(models[kind], ask(WIDE, "What colour?"), "red")


def test_an_encoder_decoder_and_a_model_elsewhere_are_refused(models: dict[str, TransformersModel]) -> None:
    with pytest.raises(ConfigError, match="encoder-decoder"):
        speaker_of(models["florence2"])
    with pytest.raises(ConfigError, match="its attention cannot be seen"):
        speaker_of(open_model("openai:gpt", {"base_url": "http://127.0.0.1:9/v1"}))


def test_no_image_or_no_reply_leaves_nothing_to_explain(models: dict[str, TransformersModel]) -> None:
    with pytest.raises(RejectedError, match="shows no image"):
        explain(models["llava"], ask("What colour?"), "red")
    with pytest.raises(RejectedError, match="empty reply"):
        explain(models["llava"], ask(WIDE, "What colour?"), "")
    with pytest.raises(RejectedError, match="do not fit the grids of 2 images"):
        explain(models["llava_next"], ask(picture(32, 32, 4), picture(48, 32, 5), "?"), "red")


def test_the_demo_model_looks_where_the_question_points(demo: Any) -> None:
    """Asked for the shape in the top left, its reply rests on that cell of the 3 x 3 grid more than on any other."""
    task = find_task("demo_mmbench")
    kind: TaskKind = KINDS.load(task.kind)(task)
    hits = []
    with open_samples(task, DataOptions()) as samples:
        for sample in samples:
            words = " ".join(part for part in sample.parts if isinstance(part, str))
            if not words.startswith("Which shape is in the "):
                continue
            place = words.removeprefix("Which shape is in the ").rstrip("?")
            request = kind.requests(sample)[0]
            (output,) = demo.generate([request])
            (one,) = explain(demo, request, output.text).maps
            assert one.weights.shape == (3, 3)
            hits.append(CELLS[int(one.weights.argmax())] == place)
    assert len(hits) >= 5
    assert sum(hits) >= 0.8 * len(hits)


CELLS = (
    "top left", "top center", "top right", "middle left", "center", "middle right", "bottom left", "bottom center",
    "bottom right",
)  # fmt: skip

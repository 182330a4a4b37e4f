import json
import sys
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
hf = pytest.importorskip("transformers")

from tests.models import tiny  # noqa: E402
from tests.models.parts import picture  # noqa: E402
from vlmeval.errors import ConfigError  # noqa: E402
from vlmeval.models.transformers import open_transformers  # noqa: E402
from vlmeval.types import Output, Request, Sampling  # noqa: E402


def ask(name: str, *parts: Any, sampling: Sampling = Sampling(max_tokens=8)) -> Request:  # noqa: B008
    return Request(name, "", parts, sampling)


def test_the_recipe_is_told_without_weights_and_names_all_that_defines_an_answer(
    checkpoints: dict[str, Path], tmp_path: Path
) -> None:
    model = open_transformers(str(checkpoints["qwen2_vl"]), {"max_pixels": 256, "attention": "eager"})
    model.auto = None
    recipe = model.recipe()
    assert recipe["class"] == "Qwen2VLForConditionalGeneration"
    assert recipe["dtype"] == ("bfloat16" if torch.cuda.is_available() else "float32")
    assert recipe["attention"] == "eager"
    assert recipe["processor"]["class"] == "Qwen2VLProcessor"
    assert recipe["processor"]["images"]["size"] == {"longest_edge": 1024, "shortest_edge": 64}
    assert recipe["processor"]["overridden"] == {"size": {"longest_edge": 256, "shortest_edge": 64}}
    assert len(recipe["template_sha256"]) == len(recipe["checkpoint"]["files"]["model.safetensors"]) == 64
    assert recipe["transformers"] == hf.__version__
    assert str(checkpoints["qwen2_vl"].parent) not in json.dumps(recipe)
    other = open_transformers(str(tiny.save("qwen2_vl", tmp_path / "qwen2_vl", seed=1)), {})
    assert other.recipe()["checkpoint"]["files"] != recipe["checkpoint"]["files"]


def test_pixels_and_tiles_change_the_number_of_image_tokens(checkpoints: dict[str, Path]) -> None:
    def tokens(kind: str, options: dict[str, Any], height: int = 64) -> int:
        model = open_transformers(str(checkpoints[kind]), options)
        outcome = model.generate([ask("s", picture(64, height, 1), "?", sampling=Sampling(max_tokens=1))])[0]
        assert isinstance(outcome, Output)
        assert outcome.prompt_tokens is not None
        return outcome.prompt_tokens

    assert tokens("qwen2_vl", {}) - tokens("qwen2_vl", {"max_pixels": 256}) == (1024 - 256) // 64
    assert tokens("qwen2_vl", {"min_pixels": 128, "max_pixels": 256}) == tokens("qwen2_vl", {"max_pixels": 256})
    assert tokens("internvl", {"processor_crop_to_patches": False}, 24) < tokens("internvl", {}, 24)
    assert tokens("idefics3", {"longest_edge": 16}) < tokens("idefics3", {})
    assert tokens("smolvlm", {"processor_do_image_splitting": False}) < tokens("smolvlm", {})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_pixel": 4}, r'unknown option "max_pixel"; did you mean "max_pixels"'),
        ({"max_pixels": 4}, "CLIPImageProcessorPil takes no max_pixels|CLIPImageProcessor takes no max_pixels"),
        ({"processor_crop_sise": 4}, 'takes no crop_sise; did you mean "crop_size"'),
        ({"dtype": "float8"}, "Invalid enum value 'float8'"),
        ({"batch": 0}, "batch and max_tokens must be at least 1"),
        ({"template": "USER:"}, "template must hold"),
        ({"device": "warp"}, "device=warp: torch knows no such device"),
    ],
)
def test_a_wrong_option_is_named(checkpoints: dict[str, Path], options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        open_transformers(str(checkpoints["llava"]), options)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_missing_gpu_is_named_before_anything_is_loaded(checkpoints: dict[str, Path]) -> None:
    with pytest.raises(ConfigError, match=r"device=cuda: torch .* sees no GPU here; use device=cpu"):
        open_transformers(str(checkpoints["llava"]), {"device": "cuda"})


def test_a_missing_bitsandbytes_is_named_with_its_command(
    checkpoints: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "bitsandbytes", None)
    with pytest.raises(ConfigError, match="pip install bitsandbytes"):
        open_transformers(str(checkpoints["llava"]), {"quantize": "4bit"})


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "auto"])
def test_the_dtype_asked_for_is_the_dtype_of_the_weights(checkpoints: dict[str, Path], dtype: str) -> None:
    model = open_transformers(str(checkpoints["llava"]), {"dtype": dtype})
    expected = "float32" if dtype == "auto" else dtype
    assert str(model.model.dtype) == f"torch.{expected}"
    assert model.recipe()["dtype"] == expected
    assert isinstance(model.generate([ask("s", picture(24, 24, 1), "?")])[0], Output)


def test_attention_is_recorded_as_asked_and_as_used(checkpoints: dict[str, Path]) -> None:
    request = ask("s", picture(24, 24, 1), "?")
    default = open_transformers(str(checkpoints["llava"]), {})
    eager = open_transformers(str(checkpoints["llava"]), {"attention": "eager"})
    said = [model.generate([request])[0] for model in (default, eager)]
    assert all(isinstance(outcome, Output) for outcome in said)
    assert said[0].text == said[1].text  # type: ignore[union-attr]
    assert (default.recipe()["attention"], default.conditions()["attention"]) == ("sdpa", "sdpa")
    assert (eager.recipe()["attention"], eager.conditions()["attention"]) == ("eager", "eager")

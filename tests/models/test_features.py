import importlib
from pathlib import Path
from typing import Any

import msgspec
import pytest

torch = pytest.importorskip("torch")

from tests.models import tiny  # noqa: E402
from tests.models.parts import picture  # noqa: E402
from vlmeval.models.transformers import TransformersModel, open_transformers  # noqa: E402
from vlmeval.types import Failure, Output, Request, Sampling  # noqa: E402

pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"
)
IMAGES = [picture(40, 24, 1), picture(24, 40, 2)]
QUESTIONS = ("What colour is it?", "How many are there?", "Who?")
OPTIONS = ("A", "B2", "a long option")
KEPT = [
    kind
    for kind in tiny.KINDS
    if kind
    in (
        "llava", "llava_next", "llava_onevision", "pixtral", "mistral3", "qwen2_vl", "qwen2_5_vl", "glm4v", "gemma3",
        "internvl", "idefics3", "smolvlm", "paligemma",
    )
]  # fmt: skip


def asked() -> list[Request]:
    """Return three questions about each of two pictures, the question before the picture."""
    sampling = Sampling(temperature=0.0, max_tokens=6)
    pairs = [(image, question) for image in IMAGES for question in QUESTIONS]
    return [
        Request(str(number), "rot0", (f"{question}\n", image, "\nAnswer."), sampling=sampling).keyed()
        for number, (image, question) in enumerate(pairs)
    ]


def texts(outcomes: list[Output | Failure]) -> list[str]:
    assert all(isinstance(outcome, Output) for outcome in outcomes), outcomes
    return [outcome.text for outcome in outcomes if isinstance(outcome, Output)]


def encoded(model: TransformersModel) -> list[int]:
    """Return a list that grows with every image that goes through the vision tower."""
    seen: list[int] = []
    model.model.model.get_image_features = counted(model.model.model.get_image_features, seen)
    return seen


def counted(function: Any, seen: list[int]) -> Any:
    import functools

    @functools.wraps(function)
    def call(*given: Any, **named: Any) -> Any:
        seen.append(1)
        return function(*given, **named)

    return call


@pytest.mark.parametrize("kind", KEPT)
def test_answers_and_scores_from_kept_features_are_those_from_pixels(kind: str, tmp_path: Path) -> None:
    folder = str(tiny.save(kind, tmp_path))
    plain, kept = open_transformers(folder, {"share_prefix": False}), open_transformers(folder, {})
    requests = asked()
    expected = texts(plain.generate(requests))
    assert texts(kept.generate(requests)) == expected
    assert texts(kept.generate(requests[1:4])) == expected[1:4]
    weighed = [msgspec.structs.replace(request, options=OPTIONS).keyed() for request in requests]
    assert [pytest.approx(row, abs=1e-4) for row in plain.choose(weighed)] == kept.choose(weighed)
    assert kept.conditions()["vision_features_kept"] == "on, checked"
    assert kept.features.hits >= 6
    assert plain.conditions()["vision_features_kept"] == "off"


def test_an_image_goes_through_the_vision_tower_once(tmp_path: Path) -> None:
    model = open_transformers(str(tiny.save("llava", tmp_path)), {})
    model.generate(asked()[:2])  # the first time both ways are compared
    model.features.forget()
    seen = encoded(model)
    model.generate(asked())
    model.generate(asked()[:3])
    assert len(seen) == 2


def test_images_that_come_once_are_not_kept(tmp_path: Path) -> None:
    model = open_transformers(str(tiny.save("llava", tmp_path)), {})
    model.generate([asked()[0], asked()[3]])
    assert model.features.hits == 0
    assert model.conditions()["vision_features_kept"] == "on"


def test_a_class_without_the_argument_is_asked_with_pixels(tmp_path: Path) -> None:
    folder = str(tiny.save("mllama", tmp_path))
    plain, kept = open_transformers(folder, {"share_prefix": False}), open_transformers(folder, {})
    assert texts(kept.generate(asked())) == texts(plain.generate(asked()))
    assert kept.conditions()["vision_features_kept"].startswith("not for Mllama")


def test_features_that_change_the_logits_are_found_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = str(tiny.save("llava", tmp_path))
    plain, kept = open_transformers(folder, {"share_prefix": False}), open_transformers(folder, {})
    module = importlib.import_module("vlmeval.models.features")
    real = module.FeatureCache._encoded

    def other(self: Any, model: Any, item: Any) -> Any:
        output = real(self, model, item)
        output.pooler_output = tuple(2 * part for part in output.pooler_output)
        return output

    monkeypatch.setattr(module.FeatureCache, "_encoded", other)
    assert texts(kept.generate(asked())) == texts(plain.generate(asked()))
    assert kept.conditions()["vision_features_kept"].startswith("off: logits differ by")


def test_no_more_is_kept_than_the_bytes_allow(tmp_path: Path) -> None:
    model = open_transformers(str(tiny.save("llava", tmp_path)), {})
    model.features._kept_bytes = 1
    model.generate(asked())
    assert len(model.features._kept) == 1
    model.close()
    assert not model.features._kept

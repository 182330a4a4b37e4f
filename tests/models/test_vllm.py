"""The vLLM wrapper against the engine's API surface, and that surface against the real package where it is there."""

import dataclasses
import importlib.util
import inspect
import json
import math
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.models import vllm_surface as surface
from tests.models.parts import picture
from vlmeval.errors import ConfigError, RejectedError
from vlmeval.models.options import Scalar
from vlmeval.models.spec import open_model
from vlmeval.models.vllm import VllmModel, open_vllm
from vlmeval.types import Failure, Image, Output, Request, Sampling

ONE, TWO = picture(16, 16, 1), picture(24, 16, 2)


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> type[surface.LLM]:
    return surface.install(monkeypatch)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "config.json").write_text(json.dumps({"architectures": ["Qwen2VLForConditionalGeneration"]}))
    (tmp_path / "generation_config.json").write_text(json.dumps({"repetition_penalty": 1.05, "temperature": 0.7}))
    return tmp_path


def opened(folder: Path, **options: Scalar) -> VllmModel:
    return open_vllm(str(folder), options)


def ask(name: str, *parts: str | Image, **given: Any) -> Request:
    return Request(name, "rot0", parts, **given).keyed()


def test_answers_come_in_the_order_of_the_requests_with_their_counts_and_times(
    engine: type[surface.LLM], folder: Path
) -> None:
    model = opened(folder)
    outcomes = model.generate([ask("b", TWO, "What? yes"), ask("a", ONE, "What? no"), ask("c", TWO, "Who?")])
    assert [outcome.text for outcome in outcomes if isinstance(outcome, Output)] == [
        "sey ?tah",
        "on ?tahW",
        "?ohW\n>re",
    ]
    first = outcomes[0]
    assert isinstance(first, Output)
    assert (first.finish, first.output_tokens, first.seconds, first.first_token_seconds) == ("stop", 8, 1.0, 0.25)
    assert first.prompt_tokens == len(b"<user>\nWhat? yes</>\n<assistant>\n") + surface.IMAGE_TOKENS
    assert model.conditions()["prompt_tokens_from_cache"] == 24


def test_prompts_that_begin_alike_follow_one_another_in_the_engine(engine: type[surface.LLM], folder: Path) -> None:
    model = opened(folder)
    model.generate([ask(str(n), (ONE, TWO)[n % 2], f"Which? {'AB'[n // 2]}") for n in range(4)])
    (call,) = engine.made[0].calls
    sent = [(message[0]["content"][0]["uuid"], message[0]["content"][1]["text"][-1]) for message in call]
    assert sent == sorted(sent)


def test_a_prompt_keeps_its_images_and_texts_in_reading_order(engine: type[surface.LLM], folder: Path) -> None:
    model = opened(folder)
    model.generate([ask("s", "First ", ONE, " second ", TWO, "?", system="Be brief.")])
    system, user = engine.made[0].calls[0][0]
    assert system == {"role": "system", "content": "Be brief."}
    assert [part["type"] for part in user["content"]] == ["text", "image_url", "text", "image_url", "text"]
    assert [part.get("uuid") for part in user["content"]] == [None, ONE.sha256, None, TWO.sha256, None]


def test_the_engine_is_started_once_with_prefix_caching_and_room_for_images(
    engine: type[surface.LLM], folder: Path
) -> None:
    model = opened(folder, images=3, tensor_parallel_size=2, dtype="bfloat16", quantize="4bit", max_pixels=401408)
    model.generate([ask("s", ONE, "?")])
    model.generate([ask("s", ONE, "?")])
    (made,) = engine.made
    wanted = {
        "enable_prefix_caching": True, "limit_mm_per_prompt": {"image": 3}, "tensor_parallel_size": 2,
        "dtype": "bfloat16", "quantization": "bitsandbytes", "mm_processor_kwargs": {"max_pixels": 401408},
        "generation_config": "vllm",
    }  # fmt: skip
    assert wanted.items() <= made.arguments.items()
    model.close()
    model.generate([ask("s", ONE, "?")])
    assert len(engine.made) == 2


def test_sampling_is_what_the_request_says_and_greedy_where_it_says_nothing(
    engine: type[surface.LLM], folder: Path
) -> None:
    model = opened(folder, max_tokens=77)
    sampled = Sampling(temperature=0.6, top_p=0.9, top_k=20, max_tokens=5, seed=3, stop=("\n",))
    asked = [ask("1", "a?", sampling=sampled), ask("2", "b?", sampling=sampled), ask("3", "c?")]
    outcomes = model.generate(asked)
    one, two, plain = engine.made[0].params
    assert (one.temperature, one.top_p, one.top_k, one.max_tokens, one.stop) == (0.6, 0.9, 20, 5, ["\n"])
    assert one.seed is not None
    assert one.seed != two.seed
    assert plain == surface.SamplingParams(temperature=0.0, max_tokens=77, repetition_penalty=1.05)
    assert [outcome.finish for outcome in outcomes if isinstance(outcome, Output)] == ["length", "length", "stop"]
    model.generate(asked[1:])
    assert engine.made[0].params[3].seed == two.seed
    recipe = model.recipe()
    assert recipe["sampling"] == {"without_temperature": "greedy", "repetition_penalty": 1.05}
    assert opened(folder, repetition_penalty=1.0).recipe()["sampling"]["repetition_penalty"] == 1.0


def test_a_prompt_that_vllm_refuses_is_a_failure_of_its_own(engine: type[surface.LLM], folder: Path) -> None:
    model = opened(folder, max_model_len=200, images=1)
    unreadable = Image("0" * 64, 4, 4, "bmp").with_reader(lambda: b"no picture")
    asked = [
        ask("fine", ONE, "What?"),
        ask("long", "x" * 300),
        ask("no", "refuse this"),
        ask("many", ONE, TWO, "?"),
        ask("broken", unreadable, "?"),
        ask("stopped", "abort"),
        ask("also", "Who?"),
    ]
    outcomes = model.generate(asked)
    kinds = [outcome.kind if isinstance(outcome, Failure) else "answer" for outcome in outcomes]
    assert kinds == ["answer", "too_long", "rejected", "rejected", "rejected", "crash", "answer"]
    for request, outcome in zip(asked, outcomes, strict=True):
        assert isinstance(outcome, Output) or outcome.message.startswith(f"sample {request.sample_id}: ")
    many = outcomes[3]
    assert isinstance(many, Failure)
    assert "images=1 is the most" in many.message


def test_an_option_is_weighed_by_the_tokens_it_adds_to_the_prompt(engine: type[surface.LLM], folder: Path) -> None:
    model = opened(folder)
    asked = [ask("1", ONE, "Which?", options=("A", "Bo")), ask("2", TWO, "Who?", options=("me",))]
    scores = model.choose(asked)

    def expected(option: str) -> float:
        row = [ord("\n"), *option.encode()]
        return math.fsum(surface.logprob(*pair) for pair in zip(row, row[1:], strict=False))  # noqa: RUF007

    assert scores == [[expected("A"), expected("Bo")], [expected("me")]]
    assert model.option_tokens(asked) == [[1, 2], [2]]
    assert len(engine.made[0].calls) == 2
    assert all(params.repetition_penalty == 1.0 for params in engine.made[0].params if params.prompt_logprobs)
    assert model.option_tokens([asked[1]]) == [[2]]


def test_options_that_cannot_be_weighed_name_the_sample(engine: type[surface.LLM], folder: Path) -> None:
    model = opened(folder, max_model_len=100)
    with pytest.raises(RejectedError, match="sample s: the option '' adds no token"):
        model.choose([ask("s", "?", options=("A", ""))])
    with pytest.raises(RejectedError, match="sample s: vLLM refuses it: The prompt is longer") as refused:
        model.choose([ask("s", "x" * 100, options=("A",))])
    assert refused.value.kind == "too_long"


def test_the_recipe_holds_the_checkpoint_and_its_own_quantization_but_no_path(folder: Path) -> None:
    config = {
        "architectures": ["LlavaForConditionalGeneration"],
        "quantization_config": {"quant_method": "awq", "bits": 4},
    }
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.MonkeyPatch.context() as patch:
        surface.install(patch)
        model = open_model(f"vllm:{folder}", {"max_model_len": 2048})
        recipe = model.recipe()
    assert recipe["quantized"] == {"quant_method": "awq", "bits": 4}
    assert recipe["class"] == "LlavaForConditionalGeneration"
    assert recipe["max_model_len"] == 2048
    assert str(folder) not in json.dumps(recipe)
    assert not surface.LLM.made


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"tensor_parallel": 2}, 'unknown option "tensor_parallel"; did you mean "tensor_parallel_size"'),
        ({"dtype": "int3"}, "Invalid enum value 'int3'"),
        ({"images": 0}, "must be at least 1"),
        ({"quantize": "no-such"}, "cannot be used: unknown quantization method"),
    ],
)
def test_a_wrong_option_is_named(
    engine: type[surface.LLM], folder: Path, options: dict[str, Scalar], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        opened(folder, **options).generate([ask("s", "?")])


def test_a_missing_package_or_checkpoint_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, engine: type[surface.LLM]
) -> None:
    with pytest.raises(ConfigError, match=r"config.json cannot be read"):
        open_model(f"vllm:{tmp_path}", {})
    with pytest.raises(ConfigError, match="there is no such folder"):
        open_model("vllm:./nowhere", {})
    monkeypatch.setitem(sys.modules, "vllm", None)
    with pytest.raises(ConfigError, match=r"pip install 'vlmeval\[vllm\]'"):
        open_model(f"vllm:{tmp_path}", {})


def installed() -> bool:
    try:
        return importlib.util.find_spec("vllm") is not None
    except ValueError:
        return False


@pytest.mark.skipif(not installed(), reason="vLLM is not installed here")
def test_the_surface_is_that_of_the_installed_vllm() -> None:
    import vllm
    from vllm.outputs import CompletionOutput, RequestOutput

    def names(function: Any) -> set[str]:
        return set(inspect.signature(function).parameters)

    engine = names(vllm.LLM.__init__) | {one.name for one in dataclasses.fields(vllm.EngineArgs)}
    assert names(surface.LLM.__init__) <= engine
    assert names(surface.LLM.chat) <= names(vllm.LLM.chat)
    assert {one.name for one in dataclasses.fields(surface.SamplingParams)} <= names(vllm.SamplingParams)
    assert {one.name for one in dataclasses.fields(surface.RequestOutput)} <= names(RequestOutput.__init__)
    assert {one.name for one in dataclasses.fields(surface.CompletionOutput)} <= names(CompletionOutput)

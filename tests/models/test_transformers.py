import functools
import json
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
hf = pytest.importorskip("transformers")

from tests.models import tiny  # noqa: E402
from vlmeval.errors import ConfigError, RejectedError  # noqa: E402
from vlmeval.models.transformers import TransformersModel, open_transformers  # noqa: E402
from vlmeval.types import Chooser, Failure, Generator, Image, Model, Output, Request, Sampling  # noqa: E402

hf.utils.logging.disable_progress_bar()
# GLM-4V's processor hands tensors to numpy 2 (transformers 5.23).
pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"
)
GREEDY = Sampling(temperature=0, max_tokens=8)
ONE_IMAGE = {"blip_2", "blip_2_t5", "instructblip", "florence2"}
PLAIN = {*ONE_IMAGE, "paligemma"}
CHAT = sorted(set(tiny.KINDS) - PLAIN)


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("checkpoints")
    return {kind: tiny.save(kind, root / kind) for kind in tiny.KINDS}


@pytest.fixture(scope="module")
def models(checkpoints: dict[str, Path]) -> dict[str, TransformersModel]:
    return {kind: open_transformers(str(path), {"device": "cpu"}) for kind, path in checkpoints.items()}


@pytest.fixture
def llava(models: dict[str, TransformersModel]) -> TransformersModel:
    return models["llava"]


def ask(name: str, *parts: str | Image, sampling: Sampling = GREEDY, **fields: Any) -> Request:
    return Request(name, "", parts, sampling, **fields)


def questions(kind: str) -> list[Request]:
    """Return questions of different lengths over images of different sizes, in mixed numbers where the model can."""
    asked = [
        ask("wide", tiny.picture(40, 24, 1), "What colour?"),
        ask("tall", tiny.picture(20, 64, 2), "How many red squares are to the left of the blue one?"),
        ask("short", tiny.picture(64, 20, 3), "Hi", sampling=Sampling(max_tokens=3)),
    ]
    if kind not in ONE_IMAGE:
        asked.insert(1, ask("two", "First", tiny.picture(32, 32, 4), "then", tiny.picture(48, 32, 5), "differ?"))
    if kind not in PLAIN:
        asked.insert(2, ask("none", "No image here"))
    return asked


def texts(outcomes: list[Output | Failure]) -> list[str]:
    assert all(isinstance(outcome, Output) for outcome in outcomes), outcomes
    return [outcome.text for outcome in outcomes if isinstance(outcome, Output)]


@pytest.mark.parametrize("kind", tiny.KINDS)
def test_every_architecture_answers_the_same_alone_and_in_a_mixed_batch(
    kind: str, models: dict[str, TransformersModel]
) -> None:
    model, asked = models[kind], questions(kind)
    together = model.generate(asked)
    alone = [model.generate([request])[0] for request in asked]
    backwards = model.generate(asked[::-1])[::-1]
    assert texts(together) == texts(alone) == texts(backwards)
    assert len(set(texts(together))) > 1
    for outcome, one in zip(together, alone, strict=True):
        assert isinstance(outcome, Output)
        assert isinstance(one, Output)
        assert (outcome.finish, outcome.prompt_tokens, outcome.output_tokens) == (
            one.finish,
            one.prompt_tokens,
            one.output_tokens,
        )


@pytest.mark.parametrize("kind", CHAT)
def test_the_answer_is_the_one_of_transformers_own_documented_call(
    kind: str, models: dict[str, TransformersModel]
) -> None:
    model = models[kind]
    processor = model.encoder.processor
    for request in questions(kind):
        if not request.images:
            continue
        content = [
            {"type": "text", "text": part} if isinstance(part, str) else {"type": "image", "image": part.open()}
            for part in request.parts
        ]
        inputs = processor.apply_chat_template(
            [{"role": "user", "content": content}],
            add_generation_prompt=True,
            tokenize=True,
            return_dict=True,
            return_tensors="pt",
        )
        limit = request.sampling.max_tokens
        tokens = model.model.generate(**inputs, max_new_tokens=limit, do_sample=False)
        expected = processor.tokenizer.decode(tokens[0, inputs["input_ids"].shape[1] :], skip_special_tokens=True)
        assert texts(model.generate([request])) == [expected]


@pytest.mark.parametrize("kind", tiny.KINDS)
def test_option_scores_equal_one_forward_for_each_option(kind: str, models: dict[str, TransformersModel]) -> None:
    model = models[kind]
    options = ("A", "B2", "a long option")
    asked = [
        Request(request.sample_id, "", request.parts, options=options)
        for request in questions(kind)
        if len(request.images) == 1
    ]
    scores = model.choose(asked)
    for request, row in zip(asked, scores, strict=True):
        assert row == pytest.approx([naive_score(model, request, option) for option in options], abs=1e-4)
        assert row[2] < row[0] < 0


@torch.no_grad()  # type: ignore[untyped-decorator]
def naive_score(model: TransformersModel, request: Request, option: str) -> float:
    """Return the log-likelihood token by token, from the prompt's own tensors: no padding, no batch, no cache."""
    encoder = model.encoder
    inputs = dict(encoder.encode([encoder.prepare(request)]))
    score = 0.0
    ids = encoder.tokenizer(option, add_special_tokens=False)["input_ids"]
    if encoder.encoder_decoder:
        written = [0, 1] if model.checkpoint.config.model_type == "blip-2" else [2, 1]
        for token in ids:
            logits = model.model(**inputs, decoder_input_ids=torch.tensor([written])).logits
            score += float(logits[0, -1].double().log_softmax(-1)[token])
            written.append(token)
        return score
    causal_type = 1 if model.checkpoint.config.model_type == "paligemma" else 0
    for token in ids:
        score += float(model.model(**inputs).logits[0, -1].double().log_softmax(-1)[token])
        for name, value in (("input_ids", token), ("attention_mask", 1), ("mm_token_type_ids", 0)):
            if name in inputs:
                inputs[name] = torch.cat([inputs[name], torch.tensor([[value]])], dim=1)
        if "token_type_ids" in inputs:
            inputs["token_type_ids"] = torch.cat([inputs["token_type_ids"], torch.tensor([[causal_type]])], dim=1)
        if "cross_attention_mask" in inputs:
            mask = inputs["cross_attention_mask"]
            inputs["cross_attention_mask"] = torch.cat([mask, mask[:, -1:]], dim=1)
    return score


def test_the_model_is_what_the_engine_expects(llava: TransformersModel) -> None:
    assert isinstance(llava, Model)
    assert isinstance(llava, Generator)
    assert isinstance(llava, Chooser)
    assert (llava.name, llava.batch, llava.concurrency) == ("llava", 8, 1)


def test_a_sampled_answer_depends_on_its_seed_and_never_on_its_batch(llava: TransformersModel) -> None:
    def sampled(seed: int | None, temperature: float = 1.0) -> Sampling:
        return Sampling(temperature=temperature, top_p=0.9, top_k=50, max_tokens=8, seed=seed)

    asked = [ask(name, tiny.picture(24, 24, 1), name, sampling=sampled(7)) for name in ("a", "bb", "ccc")]
    first = texts(llava.generate(asked))
    assert first == [texts(llava.generate([request]))[0] for request in asked]
    other = [ask(request.sample_id, *request.parts, sampling=sampled(8)) for request in asked]
    assert texts(llava.generate(other)) != first
    unseeded = [ask(request.sample_id, *request.parts, sampling=sampled(None)) for request in asked]
    assert texts(llava.generate(unseeded)) == texts(llava.generate(unseeded))
    cold = [ask(request.sample_id, *request.parts, sampling=sampled(7, 0.001)) for request in asked]
    greedy = [ask(request.sample_id, *request.parts) for request in asked]
    assert texts(llava.generate(cold)) == texts(llava.generate(greedy))


def test_an_answer_ends_at_the_end_token_or_says_that_its_length_was_cut(
    checkpoints: dict[str, Path], tmp_path: Path
) -> None:
    request = ask("s", tiny.picture(20, 64, 2), "How many?")
    model = open_transformers(str(checkpoints["llava"]), {})
    full = model.generate([request])[0]
    assert isinstance(full, Output)
    assert (full.finish, full.output_tokens) == ("length", 8)
    tokens = [token for token in tokens_of(model, request) if token != 2]
    end = tokens[3]
    target = tiny.save("llava", tmp_path / "ending")
    path = target / "generation_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "eos_token_id": [2, end]}))
    cut = open_transformers(str(target), {}).generate([request])[0]
    assert isinstance(cut, Output)
    assert cut.finish == "stop"
    assert cut.output_tokens == tokens.index(end) + 1
    assert full.text.startswith(cut.text.rstrip("\ufffd"))


def tokens_of(model: TransformersModel, request: Request) -> list[int]:
    inputs = model.encoder.encode([model.encoder.prepare(request)])
    tokens = model.model.generate(**inputs, max_new_tokens=8, do_sample=False)
    return list(tokens[0, inputs["input_ids"].shape[1] :].tolist())


def test_stop_strings_cut_each_row_where_it_meets_one(llava: TransformersModel) -> None:
    asked = [ask(name, tiny.picture(24, 24, seed), name) for seed, name in enumerate(("a", "bb", "ccc"))]
    full = texts(llava.generate(asked))
    letters = [letter for letter in full[1] if letter.isprintable() and letter != "\ufffd"]
    stop = Sampling(max_tokens=8, stop=("never there", letters[-1]))
    stopped = llava.generate([ask(request.sample_id, *request.parts, sampling=stop) for request in asked])
    for before, outcome in zip(full, stopped, strict=True):
        assert isinstance(outcome, Output)
        assert outcome.text == before.split(letters[-1])[0]
        assert outcome.finish == ("stop" if letters[-1] in before else "length")


def test_the_default_limit_is_used_where_a_request_sets_none_and_is_recorded(checkpoints: dict[str, Path]) -> None:
    model = open_transformers(str(checkpoints["llava"]), {"max_tokens": 5})
    outcome = model.generate([ask("s", tiny.picture(16, 16, 1), "?", sampling=Sampling())])[0]
    assert isinstance(outcome, Output)
    assert outcome.output_tokens == 5
    assert model.recipe()["max_tokens"] == 5


def test_a_prompt_longer_than_the_model_is_a_failure_of_its_own(llava: TransformersModel) -> None:
    asked = [ask("long", tiny.picture(16, 16, 1), "x" * 1100), ask("fits", tiny.picture(16, 16, 1), "x")]
    long, fits = llava.generate(asked)
    assert isinstance(long, Failure)
    assert long.kind == "too_long"
    assert "sample long" in long.message
    assert isinstance(fits, Output)


def test_an_answer_never_runs_past_the_last_position(llava: TransformersModel) -> None:
    outcome = llava.generate([ask("s", tiny.picture(16, 16, 1), "x" * 970, sampling=Sampling(max_tokens=500))])[0]
    assert isinstance(outcome, Output)
    assert outcome.prompt_tokens is not None
    assert outcome.output_tokens == 1024 - outcome.prompt_tokens
    assert outcome.finish == "length"


def test_an_unreadable_image_fails_alone_and_is_named(llava: TransformersModel) -> None:
    data = tiny.picture(64, 64, 1).read()
    half, noise = tiny.encoded(data[: len(data) // 2], 64, 64), tiny.encoded(b"not an image", 1, 1)
    good = tiny.picture(16, 16, 2)
    outcomes = llava.generate([ask("half", half, "?"), ask("good", good, "?"), ask("noise", noise, "?")])
    assert isinstance(outcomes[1], Output)
    for outcome, name, image in ((outcomes[0], "half", half), (outcomes[2], "noise", noise)):
        assert isinstance(outcome, Failure)
        assert outcome.kind == "rejected"
        assert f"sample {name}" in outcome.message
        assert image.sha256[:12] in outcome.message
    with pytest.raises(RejectedError, match=f"sample half.*{half.sha256[:12]}"):
        llava.choose([Request("half", "", (half, "?"), options=("A",))])


def test_a_placeholder_in_the_question_is_refused_for_that_sample_alone(llava: TransformersModel) -> None:
    outcomes = llava.generate(
        [ask("odd", tiny.picture(16, 16, 1), "<image>?"), ask("ok", tiny.picture(16, 16, 1), "?")]
    )
    assert isinstance(outcomes[0], Failure)
    assert "sample odd" in outcomes[0].message
    assert isinstance(outcomes[1], Output)


def test_an_image_no_processor_can_resize_is_refused_for_that_sample_alone(
    models: dict[str, TransformersModel],
) -> None:
    line = tiny.picture(2000, 4, 1)
    outcomes = models["qwen2_vl"].generate([ask("line", line, "?"), ask("ok", tiny.picture(16, 16, 1), "?")])
    assert isinstance(outcomes[0], Failure)
    assert "sample line: the processor refuses it: absolute aspect ratio" in outcomes[0].message
    assert isinstance(outcomes[1], Output)


@pytest.mark.parametrize("kind", sorted(ONE_IMAGE))
def test_a_model_for_one_image_refuses_two(kind: str, models: dict[str, TransformersModel]) -> None:
    two = ask("two", tiny.picture(16, 16, 1), tiny.picture(16, 16, 2), "?")
    outcome = models[kind].generate([two])[0]
    assert isinstance(outcome, Failure)
    assert "sample two: 2 images" in outcome.message


def small_memory(rows: int, error: Exception) -> Any:
    """Return LLaVA with memory for `rows` rows, which raises `error` above."""

    class SmallMemory(hf.LlavaForConditionalGeneration):  # type: ignore[misc]
        @classmethod
        def from_pretrained(cls, *source: Any, **options: Any) -> Any:
            model, report = hf.LlavaForConditionalGeneration.from_pretrained(*source, **options)
            model.__class__ = cls
            return model, report

        @functools.wraps(hf.LlavaForConditionalGeneration.forward)
        def forward(self, input_ids: Any = None, **inputs: Any) -> Any:
            if input_ids.shape[0] > rows:
                raise error
            return super().forward(input_ids=input_ids, **inputs)

    return SmallMemory


OUT_OF_MEMORY = [
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
    RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 4 bytes"),
]


@pytest.mark.parametrize("error", OUT_OF_MEMORY, ids=["gpu", "cpu"])
def test_out_of_memory_halves_the_batch_and_changes_no_answer(
    checkpoints: dict[str, Path], models: dict[str, TransformersModel], error: Exception
) -> None:
    asked = [ask(str(seed), tiny.picture(24, 24, seed), "What" * seed) for seed in range(1, 8)]
    model = open_transformers(str(checkpoints["llava"]), {"batch": 7})
    model.auto = small_memory(2, error)
    assert texts(model.generate(asked)) == texts(models["llava"].generate(asked))
    assert model.batch == 1
    assert model.conditions()["batch_halved_to"] == [3, 1]
    weighed = [Request(request.sample_id, "", request.parts, options=("A", "no")) for request in asked]
    for row, expected in zip(model.choose(weighed), models["llava"].choose(weighed), strict=True):
        assert row == pytest.approx(expected, abs=1e-4)


def test_a_sample_that_fits_no_way_is_a_failure_and_the_others_are_answered(checkpoints: dict[str, Path]) -> None:
    model = open_transformers(str(checkpoints["llava"]), {"batch": 4})
    model.auto = small_memory(0, OUT_OF_MEMORY[0])
    outcome = model.generate([ask("huge", tiny.picture(24, 24, 1), "?")])[0]
    assert isinstance(outcome, Failure)
    assert outcome.kind == "crash"
    assert "sample huge: out of memory" in outcome.message


def test_another_runtime_error_of_the_model_is_not_taken_for_memory(checkpoints: dict[str, Path]) -> None:
    model = open_transformers(str(checkpoints["llava"]), {})
    model.auto = small_memory(0, RuntimeError("shapes do not fit"))
    with pytest.raises(RuntimeError, match="shapes do not fit"):
        model.generate([ask("s", tiny.picture(24, 24, 1), "?")])


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
        outcome = model.generate([ask("s", tiny.picture(64, height, 1), "?", sampling=Sampling(max_tokens=1))])[0]
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
    monkeypatch.setitem(__import__("sys").modules, "bitsandbytes", None)
    with pytest.raises(ConfigError, match="pip install bitsandbytes"):
        open_transformers(str(checkpoints["llava"]), {"quantize": "4bit"})


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "auto"])
def test_the_dtype_asked_for_is_the_dtype_of_the_weights(checkpoints: dict[str, Path], dtype: str) -> None:
    model = open_transformers(str(checkpoints["llava"]), {"dtype": dtype})
    expected = "float32" if dtype == "auto" else dtype
    assert str(model.model.dtype) == f"torch.{expected}"
    assert model.recipe()["dtype"] == expected
    assert isinstance(model.generate([ask("s", tiny.picture(24, 24, 1), "?")])[0], Output)


def test_attention_is_recorded_as_asked_and_as_used(checkpoints: dict[str, Path]) -> None:
    request = ask("s", tiny.picture(24, 24, 1), "?")
    default = open_transformers(str(checkpoints["llava"]), {})
    eager = open_transformers(str(checkpoints["llava"]), {"attention": "eager"})
    assert texts(default.generate([request])) == texts(eager.generate([request]))
    assert (default.recipe()["attention"], default.conditions()["attention"]) == ("sdpa", "sdpa")
    assert (eager.recipe()["attention"], eager.conditions()["attention"]) == ("eager", "eager")


def test_a_closed_model_loads_again_when_asked(checkpoints: dict[str, Path]) -> None:
    model = open_transformers(str(checkpoints["llava"]), {})
    request = ask("s", tiny.picture(24, 24, 1), "?")
    before = texts(model.generate([request]))
    model.close()
    assert "attention" not in model.conditions()
    assert texts(model.generate([request])) == before

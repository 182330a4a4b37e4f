import json
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
hf = pytest.importorskip("transformers")

from tests.models import tiny  # noqa: E402
from tests.models.parts import encoded, picture  # noqa: E402
from vlmeval.errors import RejectedError  # noqa: E402
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


@pytest.fixture
def llava(models: dict[str, TransformersModel]) -> TransformersModel:
    return models["llava"]


def ask(name: str, *parts: str | Image, sampling: Sampling = GREEDY, **fields: Any) -> Request:
    return Request(name, "", parts, sampling, **fields)


def questions(kind: str) -> list[Request]:
    """Return questions of different lengths over images of different sizes, in mixed numbers where the model can."""
    asked = [
        ask("wide", picture(40, 24, 1), "What colour?"),
        ask("tall", picture(20, 64, 2), "How many red squares are to the left of the blue one?"),
        ask("short", picture(64, 20, 3), "Hi", sampling=Sampling(max_tokens=3)),
    ]
    if kind not in ONE_IMAGE:
        asked.insert(1, ask("two", "First", picture(32, 32, 4), "then", picture(48, 32, 5), "differ?"))
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

    asked = [ask(name, picture(24, 24, 1), name, sampling=sampled(7)) for name in ("a", "bb", "ccc")]
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
    request = ask("s", picture(20, 64, 2), "How many?")
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
    asked = [ask(name, picture(24, 24, seed), name) for seed, name in enumerate(("a", "bb", "ccc"))]
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
    outcome = model.generate([ask("s", picture(16, 16, 1), "?", sampling=Sampling())])[0]
    assert isinstance(outcome, Output)
    assert outcome.output_tokens == 5
    assert model.recipe()["max_tokens"] == 5


def test_a_prompt_longer_than_the_model_is_a_failure_of_its_own(llava: TransformersModel) -> None:
    asked = [ask("long", picture(16, 16, 1), "x" * 1100), ask("fits", picture(16, 16, 1), "x")]
    long, fits = llava.generate(asked)
    assert isinstance(long, Failure)
    assert long.kind == "too_long"
    assert "sample long" in long.message
    assert isinstance(fits, Output)


def test_an_answer_never_runs_past_the_last_position(llava: TransformersModel) -> None:
    outcome = llava.generate([ask("s", picture(16, 16, 1), "x" * 970, sampling=Sampling(max_tokens=500))])[0]
    assert isinstance(outcome, Output)
    assert outcome.prompt_tokens is not None
    assert outcome.output_tokens == 1024 - outcome.prompt_tokens
    assert outcome.finish == "length"


def test_an_unreadable_image_fails_alone_and_is_named(llava: TransformersModel) -> None:
    data = picture(64, 64, 1).read()
    half, noise = encoded(data[: len(data) // 2], 64, 64), encoded(b"not an image", 1, 1)
    good = picture(16, 16, 2)
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
    outcomes = llava.generate([ask("odd", picture(16, 16, 1), "<image>?"), ask("ok", picture(16, 16, 1), "?")])
    assert isinstance(outcomes[0], Failure)
    assert "sample odd" in outcomes[0].message
    assert isinstance(outcomes[1], Output)


def test_an_image_no_processor_can_resize_is_refused_for_that_sample_alone(
    models: dict[str, TransformersModel],
) -> None:
    line = picture(2000, 4, 1)
    outcomes = models["qwen2_vl"].generate([ask("line", line, "?"), ask("ok", picture(16, 16, 1), "?")])
    assert isinstance(outcomes[0], Failure)
    assert "sample line: the processor refuses it: absolute aspect ratio" in outcomes[0].message
    assert isinstance(outcomes[1], Output)


@pytest.mark.parametrize("kind", sorted(ONE_IMAGE))
def test_a_model_for_one_image_refuses_two(kind: str, models: dict[str, TransformersModel]) -> None:
    two = ask("two", picture(16, 16, 1), picture(16, 16, 2), "?")
    outcome = models[kind].generate([two])[0]
    assert isinstance(outcome, Failure)
    assert "sample two: 2 images" in outcome.message


def test_a_closed_model_loads_again_when_asked(checkpoints: dict[str, Path]) -> None:
    model = open_transformers(str(checkpoints["llava"]), {})
    request = ask("s", picture(24, 24, 1), "?")
    before = texts(model.generate([request]))
    model.close()
    assert "attention" not in model.conditions()
    assert texts(model.generate([request])) == before

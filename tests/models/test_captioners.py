from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
hf = pytest.importorskip("transformers")

from tests.models.parts import ID, picture  # noqa: E402
from tests.models.tiny_captioners import CAPTIONERS, DECODER_START, save_captioner  # noqa: E402
from vlmeval.errors import ConfigError  # noqa: E402
from vlmeval.models.aliases import find_alias  # noqa: E402
from vlmeval.models.transformers import TransformersModel, open_transformers  # noqa: E402
from vlmeval.types import Failure, Output, Request, Sampling  # noqa: E402

hf.utils.logging.disable_progress_bar()
BEAMS = {"num_beams": 3, "min_new_tokens": 3, "max_new_tokens": 6, "length_penalty": 0.6, "repetition_penalty": 1.2}
INSTRUCTION = "Provide a one-sentence caption for the provided image."


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("captioners")
    return {kind: save_captioner(kind, root / kind) for kind in CAPTIONERS}


def captioner(folder: Path, **options: Any) -> TransformersModel:
    return open_transformers(str(folder), {"device": "cpu", **options})


def asked(count: int = 3, *, words: str = INSTRUCTION, tokens: int | None = 8, **sampling: Any) -> list[Request]:
    settings = Sampling(max_tokens=tokens, **sampling)
    return [Request(f"s{n}", "", (picture(24 + 8 * n, 40, n), words), settings) for n in range(count)]


def texts(outcomes: list[Output | Failure]) -> list[str]:
    assert all(isinstance(outcome, Output) for outcome in outcomes), outcomes
    return [outcome.text for outcome in outcomes if isinstance(outcome, Output)]


@torch.no_grad()  # type: ignore[untyped-decorator]
def documented(model: TransformersModel, request: Request, prefix: str, **settings: Any) -> str:
    """Return the caption of the call that transformers' documentation shows for each model, without the prefix."""
    kind, processor = model.checkpoint.config.model_type, model.encoder.processor
    inputs = dict(processor(images=request.images[0].open(), text=prefix, return_tensors="pt"))
    if kind == "git":
        words = processor.tokenizer(prefix, add_special_tokens=False)["input_ids"]
        inputs = {"pixel_values": inputs["pixel_values"], "input_ids": torch.tensor([[ID["<s>"], *words]])}
    written = inputs["input_ids"].shape[1] - (kind == "blip")
    eos = {} if kind == "blip" else {"eos_token_id": ID["</s>"], "pad_token_id": 0}
    tokens = model.model.generate(**inputs, do_sample=False, **eos, **settings)
    caption = processor.tokenizer.decode(
        tokens[0, written:], skip_special_tokens=True, clean_up_tokenization_spaces=False
    )
    return str(caption)


@pytest.mark.parametrize("prefix", ["", "a picture of"])
@pytest.mark.parametrize("kind", CAPTIONERS)
def test_a_caption_is_that_of_transformers_documented_call(kind: str, prefix: str, folders: dict[str, Path]) -> None:
    greedy = captioner(folders[kind], caption_prefix=prefix)
    searched = captioner(folders[kind], caption_prefix=prefix, **BEAMS)
    requests = asked()
    found = texts(greedy.generate(requests)), texts(searched.generate(requests))
    wanted = (
        [documented(greedy, request, prefix, max_new_tokens=8) for request in requests],
        [documented(searched, request, prefix, **BEAMS) for request in requests],
    )
    assert found == wanted
    assert found[0] != found[1]


@pytest.mark.parametrize("options", [{}, BEAMS], ids=["greedy", "beams"])
@pytest.mark.parametrize("kind", CAPTIONERS)
def test_prompts_of_different_lengths_and_limits_do_not_change_one_another(
    kind: str, options: dict[str, Any], folders: dict[str, Path]
) -> None:
    model = captioner(folders[kind], **options)
    requests = [*asked(2), *asked(2, words="Hi", tokens=4), *asked(1, words="A longer question than the others?")]
    together = model.generate(requests)
    assert texts(together) == texts([model.generate([request])[0] for request in requests])
    assert all(outcome.output_tokens <= 8 for outcome in together if isinstance(outcome, Output))  # type: ignore[operator]


@pytest.mark.parametrize("kind", CAPTIONERS)
def test_the_prefix_stands_in_place_of_the_instruction_and_is_no_part_of_the_caption(
    kind: str, folders: dict[str, Path]
) -> None:
    model = captioner(folders[kind], caption_prefix="a picture of")
    one, other = asked(1), asked(1, words="What is this?")
    assert model.render(one[0]) == model.render(other[0]) == "a picture of"
    assert texts(model.generate(one)) == texts(model.generate(other))
    assert not texts(model.generate(one))[0].startswith("a picture of")
    with pytest.raises(ConfigError, match="takes no system prompt"):
        model.render(Request("s", "", one[0].parts, system="Be brief."))


def test_the_recipe_names_prefix_and_search_and_is_as_it_was_without_them(folders: dict[str, Path]) -> None:
    plain = captioner(folders["blip"]).recipe()
    told = captioner(folders["blip"], caption_prefix="a picture of", **BEAMS).recipe()
    assert "search" not in plain
    assert plain["template"] == "{question}"
    assert (told["prompt"], told["template"], told["search"]) == ("prefix", "a picture of", BEAMS)


def test_blip_ends_a_caption_at_its_separator(folders: dict[str, Path]) -> None:
    model = captioner(folders["blip"], caption_prefix="a")
    with torch.no_grad():
        model.model.text_decoder.cls.predictions.bias[ID["</s>"]] = 1e4
    for outcome in [*model.generate(asked(1)), *captioned_with_beams(model)]:
        assert isinstance(outcome, Output)
        assert (outcome.text, outcome.finish, outcome.output_tokens) == ("", "stop", 1)


def captioned_with_beams(model: TransformersModel) -> list[Output | Failure]:
    searched = open_transformers(model.checkpoint.source, {"device": "cpu", "caption_prefix": "a", "num_beams": 2})
    searched._model = model.model
    return searched.generate(asked(1))


@pytest.mark.parametrize("options", [{}, {"num_beams": 2}], ids=["greedy", "beams"])
def test_a_stop_string_cuts_a_caption(folders: dict[str, Path], options: dict[str, Any]) -> None:
    model = captioner(folders["git"], caption_prefix="", **options)
    whole = texts(model.generate(asked(1)))[0]
    middle = whole[len(whole) // 2]
    outcome = model.generate(asked(1, stop=(middle,)))[0]
    assert isinstance(outcome, Output)
    assert (outcome.text, outcome.finish) == (whole[: whole.index(middle)], "stop")


@pytest.mark.parametrize("kind", ["blip", "git"])
def test_options_are_weighed_as_the_decoder_sees_them(kind: str, folders: dict[str, Path]) -> None:
    model = captioner(folders[kind])
    options = ("A", "BB", "a long option")
    requests = [
        Request(f"s{n}", "", (picture(24, 24, n), words), options=options)
        for n, words in enumerate(["Which?", "Which of these three?"])
    ]
    start = DECODER_START if kind == "blip" else ID["<s>"]
    tokenizer = model.encoder.tokenizer
    for request, scores in zip(requests, model.choose(requests), strict=True):
        pixels = model.encoder.processor.image_processor(request.images[0].open(), return_tensors="pt")["pixel_values"]
        for option, score in zip(options, scores, strict=True):
            prompt, added = (tokenizer(text, add_special_tokens=False)["input_ids"] for text in (request.text, option))
            ids = torch.tensor([[start, *prompt, *added]])
            with torch.no_grad():
                logits = model.model(pixel_values=pixels, input_ids=ids, attention_mask=torch.ones_like(ids)).logits
            logs = logits[0, -len(added) - 1 : -1].log_softmax(dim=-1)
            assert score == pytest.approx(float(logs[range(len(added)), added].sum()), abs=1e-4)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_beams": 0}, "num_beams and max_new_tokens must be at least 1"),
        ({"max_new_tokens": 0}, "max_new_tokens must be at least 1"),
        ({"min_new_tokens": 9, "max_new_tokens": 8}, "min_new_tokens=9 is more than max_new_tokens=8"),
        ({"repetition_penalty": 0}, "repetition_penalty must be above 0"),
        ({"length_penalty": 2}, "length_penalty ranks beams; give num_beams too"),
        ({"num_beam": 2}, 'unknown option "num_beam"; did you mean "num_beams"'),
    ],
)
def test_a_search_that_cannot_be_made_is_named(folders: dict[str, Path], options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        captioner(folders["blip"], **options)


def test_a_chat_model_refuses_a_prefix(checkpoints: dict[str, Path]) -> None:
    with pytest.raises(ConfigError, match="caption_prefix is for captioners"):
        captioner(checkpoints["llava"], caption_prefix="a photo of")


def test_a_chat_model_searches_with_beams_too(checkpoints: dict[str, Path]) -> None:
    model = captioner(checkpoints["llava"], **BEAMS)
    requests = asked(4)
    assert texts(model.generate(requests)) == texts([model.generate([request])[0] for request in requests])
    assert model.recipe()["search"] == BEAMS


def test_beams_do_not_draw(folders: dict[str, Path]) -> None:
    outcome = captioner(folders["git"], num_beams=3).generate(asked(1, temperature=0.7))[0]
    assert isinstance(outcome, Failure)
    assert outcome.kind == "rejected"
    assert "num_beams=3 looks for the likeliest text, temperature 0.7 draws one" in outcome.message


@pytest.mark.parametrize("name", ["blip-base", "blip-large", "blip2-opt-2.7b", "git-base-coco", "git-large-coco"])
def test_the_aliases_carry_the_published_settings_as_options_that_exist(name: str, folders: dict[str, Path]) -> None:
    alias = find_alias(name)
    assert alias is not None
    assert alias.published
    assert alias.options["num_beams"] == {"blip-": 3, "blip2": 5, "git-b": 4, "git-l": 4}[name[:5]]
    kind = {"blip-": "blip", "blip2": "blip_2"}.get(name[:5], "git")
    told = captioner(folders[kind], **alias.options).recipe()
    assert told["template"] == alias.options["caption_prefix"]
    assert told["search"]["max_new_tokens"] == alias.options["max_new_tokens"]

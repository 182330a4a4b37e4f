import dataclasses
from pathlib import Path

import msgspec
import pytest

torch = pytest.importorskip("torch")

from tests.models import tiny  # noqa: E402
from tests.models.parts import picture  # noqa: E402
from vlmeval.models import sharing  # noqa: E402
from vlmeval.models.prefix import shared_length  # noqa: E402
from vlmeval.models.transformers import TransformersModel, open_transformers  # noqa: E402
from vlmeval.types import Failure, Output, Request, Sampling  # noqa: E402

pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"
)
IMAGES = [picture(40, 24, 1), picture(24, 40, 2), picture(30, 30, 3)]
QUESTIONS = (
    "What colour is it?\nA. red\nB. blue\nAnswer:",
    "What colour is it?\nA. blue\nB. red or green\nAnswer:",
    "How many?",
)
OPTIONS = ("A", "B2", "a long option", "B", "a long one")
SHARED = [kind for kind in tiny.KINDS if kind in {*sharing.SHARING, "pixtral"} and kind != "gemma3"]


def asked(*, tokens: int = 8) -> list[Request]:
    """Return three questions about each of two pictures, one about a third."""
    sampling = Sampling(temperature=0.0, max_tokens=tokens)
    pairs = [(image, question) for image in IMAGES[:2] for question in QUESTIONS] + [(IMAGES[2], QUESTIONS[0])]
    return [Request(str(n), "rot0", pair, sampling=sampling).keyed() for n, pair in enumerate(pairs)]


def both(folder: Path) -> tuple[TransformersModel, TransformersModel]:
    """Return the checkpoint asked plainly, and with shared prefixes."""
    return open_transformers(str(folder), {"share_prefix": False}), open_transformers(str(folder), {})


def texts(outcomes: list[Output | Failure]) -> list[tuple[str, str, int | None]]:
    return [(item.text, item.finish, item.prompt_tokens) for item in outcomes if isinstance(item, Output)]


def forwards(model: TransformersModel) -> list[int]:
    """Return a list that grows with the number of tokens of each pass of the language model."""
    seen: list[int] = []
    text = model.model.model.language_model
    text.register_forward_pre_hook(
        lambda module, positional, named: seen.append(
            (named["inputs_embeds"] if named.get("inputs_embeds") is not None else named["input_ids"]).shape[:2].numel()
        ),
        with_kwargs=True,
    )
    return seen


@pytest.mark.parametrize("kind", SHARED)
def test_answers_with_a_shared_prefix_are_those_without(kind: str, tmp_path: Path) -> None:
    plain, shared = both(tiny.save(kind, tmp_path))
    expected = texts(plain.generate(asked()))
    assert texts(shared.generate(asked())) == expected
    assert shared.conditions()["prefix_sharing"].startswith("on, checked")
    assert plain.conditions()["prefix_sharing"] == "off"
    assert len(set(expected)) > 3


@pytest.mark.parametrize("kind", SHARED)
def test_option_scores_with_a_shared_prefix_are_those_without(kind: str, tmp_path: Path) -> None:
    plain, shared = both(tiny.save(kind, tmp_path))
    requests = [msgspec.structs.replace(request, options=OPTIONS).keyed() for request in asked()]
    assert shared.sharing.active
    assert [pytest.approx(row, abs=1e-4) for row in plain.choose(requests)] == shared.choose(requests)


def test_gemma_3_shares_as_far_as_its_window_reaches(tmp_path: Path) -> None:
    made = tiny.gemma3()
    config = made.config
    config.text_config.sliding_window = 256
    tiny.write(dataclasses.replace(made, config=config), tmp_path / "wide")
    plain, shared = both(tmp_path / "wide")
    assert texts(shared.generate(asked())) == texts(plain.generate(asked()))
    assert shared.conditions()["prefix_sharing"].startswith("on, checked")
    narrow = both(tiny.save("gemma3", tmp_path / "narrow"))
    assert texts(narrow[1].generate(asked())) == texts(narrow[0].generate(asked()))
    assert narrow[1].sharing.difference is None


def test_the_image_and_the_common_text_are_run_once(tmp_path: Path) -> None:
    plain, shared = both(tiny.save("llava", tmp_path))
    requests = asked(tokens=1)[:3]
    shared.generate(requests)  # the first time both ways are compared
    shared.sharing.forget()
    counts = {}
    for name, model in (("plain", plain), ("shared", shared)):
        seen = forwards(model)
        model.generate(requests)
        counts[name] = list(seen)
    lengths = [output.prompt_tokens or 0 for output in plain.generate(requests) if isinstance(output, Output)]
    ids = [tuple(row["input_ids"][0].tolist()) for row in map(alone(plain), requests)]
    prefix = shared_length(ids)
    assert counts["plain"] == [3 * max(lengths)]
    assert counts["shared"] == [prefix, 3 * (max(lengths) - prefix)]


def alone(model: TransformersModel):  # type: ignore[no-untyped-def]
    return lambda request: model.encoder.encode([model.encoder.prepare(request)])


def test_a_prefix_is_kept_for_the_next_call(tmp_path: Path) -> None:
    plain, shared = both(tiny.save("qwen2_vl", tmp_path))
    requests = asked(tokens=1)
    expected = texts(plain.generate(requests))
    shared.generate(requests[:2])
    seen = forwards(shared)
    assert texts(shared.generate([requests[2]])) == [expected[2]]
    assert sum(seen) < (expected[2][2] or 0)
    shared.close()
    assert texts(shared.generate([requests[2]])) == [expected[2]]


def test_options_that_differ_in_their_last_token_are_one_row(tmp_path: Path) -> None:
    model = open_transformers(str(tiny.save("llava", tmp_path)), {"share_prefix": False})
    seen = forwards(model)
    request = msgspec.structs.replace(asked()[0], options=("A", "B", "C", "D")).keyed()
    model.choose([request])
    ids = alone(model)(request)["input_ids"]
    assert seen == [ids.numel()]


def test_an_architecture_that_looks_back_from_its_prefix_is_found_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sharing, "SHARING", sharing.SHARING | {"paligemma"})
    plain, shared = both(tiny.save("paligemma", tmp_path))
    assert texts(shared.generate(asked())) == texts(plain.generate(asked()))
    assert shared.conditions()["prefix_sharing"].startswith("off: logits differ by")


@pytest.mark.parametrize("kind", ["paligemma", "blip_2", "florence2"])
def test_other_architectures_are_asked_plainly(kind: str, tmp_path: Path) -> None:
    plain, shared = both(tiny.save(kind, tmp_path))
    assert texts(shared.generate(asked())) == texts(plain.generate(asked()))
    assert shared.conditions()["prefix_sharing"].startswith("not for")


def test_text_before_the_image_leaves_nothing_to_share(tmp_path: Path) -> None:
    plain, shared = both(tiny.save("llava", tmp_path))
    sampling = Sampling(temperature=0.0, max_tokens=6)
    requests = [
        Request(str(n), "rot0", (question, IMAGES[0], "Answer."), sampling=sampling).keyed()
        for n, question in enumerate(QUESTIONS)
    ]
    assert texts(shared.generate(requests)) == texts(plain.generate(requests))
    assert shared.sharing.difference is None


def test_a_prompt_too_long_is_refused_alone(tmp_path: Path) -> None:
    _, shared = both(tiny.save("llava", tmp_path))
    long = Request("long", "rot0", (IMAGES[0], "x" * 1100), sampling=Sampling(max_tokens=4)).keyed()
    outcomes = shared.generate([*asked()[:2], long])
    assert [type(outcome) for outcome in outcomes] == [Output, Output, Failure]
    assert isinstance(outcomes[2], Failure)
    assert outcomes[2].kind == "too_long"


def test_sampled_answers_are_the_same_with_a_shared_prefix(tmp_path: Path) -> None:
    plain, shared = both(tiny.save("qwen2_5_vl", tmp_path))
    sampling = Sampling(temperature=0.8, top_p=0.95, max_tokens=8, seed=3)
    requests = [msgspec.structs.replace(request, sampling=sampling).keyed() for request in asked()]
    assert texts(shared.generate(requests)) == texts(plain.generate(requests))

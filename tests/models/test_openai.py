"""What the openai wrapper makes of replies and settings, against a real server."""

from __future__ import annotations

import pytest

from tests.fakes import FakeServer, Reply, completion
from tests.models.asking import KEY, ask, error_of, model_of, question
from vlmeval.errors import ConfigError, RetryableError
from vlmeval.models.openai import endpoint, open_openai
from vlmeval.types import Failure, Generator, Model, Output, Sampling


def test_an_answer_carries_text_tokens_and_seconds() -> None:
    output = ask(Reply.ok("B. a cat"))
    assert isinstance(output, Output)
    assert (output.text, output.finish) == ("B. a cat", "stop")
    assert (output.prompt_tokens, output.output_tokens) == (12, 3)
    assert output.seconds is not None
    assert 0 < output.seconds < 10


def test_it_is_a_model_and_a_generator(server: FakeServer) -> None:
    model = model_of(server)
    assert isinstance(model, Model)
    assert isinstance(model, Generator)
    assert (model.name, model.concurrency, model.batch) == ("m", 32, 1)
    model.close()


def test_outcomes_come_in_the_order_of_requests() -> None:
    with FakeServer(answer=lambda seen: Reply.ok(seen.text.upper())) as server:
        model = model_of(server)
        outputs = model.generate([question("a"), question("b"), question("c")])
        model.close()
    assert [output.text for output in outputs if isinstance(output, Output)] == ["A", "B", "C"]


def test_text_cut_by_the_token_limit_is_marked() -> None:
    output = ask(Reply.truncated())
    assert isinstance(output, Output)
    assert output.finish == "length"


def test_empty_text_is_an_answer_that_says_nothing() -> None:
    output = ask(Reply.empty())
    assert isinstance(output, Output)
    assert output.text == ""


def test_thinking_outside_the_content_is_not_part_of_the_text() -> None:
    output = ask(Reply.of(completion("C", reasoning_content="A? B? C.", reasoning="...")))
    assert isinstance(output, Output)
    assert output.text == "C"


def test_content_in_parts_is_the_text_parts_joined() -> None:
    parts = [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}, {"type": "text", "text": "D"}]
    output = ask(Reply.of(completion(parts)))  # type: ignore[arg-type]
    assert isinstance(output, Output)
    assert output.text == "D"


def test_missing_usage_is_absent_not_zero() -> None:
    output = ask(Reply.of({"choices": [{"message": {"content": "A"}}]}))
    assert isinstance(output, Output)
    assert (output.prompt_tokens, output.output_tokens) == (None, None)


@pytest.mark.parametrize(
    "reply",
    [
        Reply.filtered(),
        Reply.refusal(),
        *(Reply.of(completion(None, finish=reason)) for reason in ("SAFETY", "PROHIBITED_CONTENT", "RECITATION")),
    ],
)
def test_filters_and_refusals_are_refused_not_answers(reply: Reply) -> None:
    outcome = ask(reply)
    assert isinstance(outcome, Failure)
    assert outcome.kind == "refused"


def test_null_content_is_never_text() -> None:
    error = error_of(Reply.null())
    assert isinstance(error, RetryableError)
    assert error.kind == "transient"
    assert "null" in str(error)


def test_null_content_of_a_thinker_out_of_tokens_is_an_empty_cut_answer() -> None:
    output = ask(Reply.of(completion(None, finish="length", reasoning_content="let me think")))
    assert isinstance(output, Output)
    assert (output.text, output.finish) == ("", "length")


def test_no_choices_is_retried_but_means_a_blocked_prompt_at_gemini(monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(error_of(Reply.of({"choices": []})), RetryableError)
    monkeypatch.setenv("GEMINI_API_KEY", KEY)
    outcome = ask(Reply.of({"choices": None, "usage": None}), preset="gemini")
    assert isinstance(outcome, Failure)
    assert outcome.kind == "refused"


def test_azure_has_its_deployment_in_the_path_and_its_own_header(
    monkeypatch: pytest.MonkeyPatch, server: FakeServer
) -> None:
    monkeypatch.setenv("AZURE_OPENAI_API_KEY", KEY)
    model = open_openai("my gpt", {"preset": "azure", "base_url": server.root, "api_version": "2025-01-01"})
    model.generate([question()])
    model.close()
    assert server.requests[0].target == "/openai/deployments/my%20gpt/chat/completions?api-version=2025-01-01"
    assert server.requests[0].headers["api-key"] == KEY
    assert "authorization" not in server.requests[0].headers
    assert model.recipe()["api_version"] == "2025-01-01"
    assert endpoint("azure", "https://n.openai.azure.com/openai/v1/", "m", "x") == (
        "https://n.openai.azure.com/openai/v1/chat/completions"
    )
    with pytest.raises(ConfigError, match="--base-url"):
        open_openai("m", {"preset": "azure"})


@pytest.mark.parametrize(
    ("base", "expected"),
    [
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000/v1/chat/completions"),
        ("http://127.0.0.1:8000/v1/", "http://127.0.0.1:8000/v1/chat/completions"),
        ("https://host/a/v1/chat/completions", "https://host/a/v1/chat/completions"),
    ],
)
def test_a_base_url_is_taken_in_the_forms_people_type(base: str, expected: str) -> None:
    assert endpoint("compatible", base, "m", "") == expected


@pytest.mark.parametrize("base", ["localhost:8000", "ftp://x/v1", "https://user:pw@host/v1", "https://host/v1?key=abc"])
def test_what_is_no_base_url_is_refused_without_showing_a_secret(base: str) -> None:
    with pytest.raises(ConfigError, match="base-url") as caught:
        open_openai("m", {"base_url": base})
    assert "pw@" not in str(caught.value)
    assert "abc" not in str(caught.value)


@pytest.mark.parametrize("base", ["http://x:port/v1", "http://x/a b/v1", "http://x:99999/v1"])
def test_an_address_that_cannot_be_is_refused(base: str) -> None:
    with pytest.raises(ConfigError, match="not an address"):
        open_openai("m", {"base_url": base})


def test_unknown_options_and_presets_name_the_nearest() -> None:
    with pytest.raises(ConfigError, match='did you mean "temperature"'):
        open_openai("m", {"temprature": 0.5})
    with pytest.raises(ConfigError, match='did you mean "gemini"'):
        open_openai("m", {"preset": "gemni"})
    with pytest.raises(ConfigError, match="timeout"):
        open_openai("m", {"timeout": "long"})
    with pytest.raises(ConfigError, match="detail"):
        open_openai("m", {"detail": "medium"})
    with pytest.raises(ConfigError, match="needs the name of a model"):
        open_openai("", {})


def test_the_recipe_holds_what_defines_the_answers_and_no_address(server: FakeServer) -> None:
    model = model_of(server, detail="low", temperature="0.5", omit="seed", max_pixels=1_000_000, extra_body='{"a":1}')
    recipe, conditions = model.recipe(), model.conditions()
    model.close()
    assert recipe["model"] == "m"
    assert recipe["sampling"] == {"temperature": 0.5}
    assert recipe["not_sent"] == ["seed"]
    assert (recipe["detail"], recipe["max_pixels"], recipe["extra_body"]) == ("low", 1_000_000, {"a": 1})
    assert "127.0.0.1" not in str(recipe)
    assert conditions["url"] == f"{server.url}/chat/completions"


def test_settings_are_sent_by_the_server_s_names_and_none_is_not_sent(
    monkeypatch: pytest.MonkeyPatch, server: FakeServer
) -> None:
    sampling = Sampling(temperature=0.0, max_tokens=64, seed=7, top_k=1, stop=("\n",))
    plain = model_of(server)
    plain.generate([question(sampling=sampling), question()])
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    official = model_of(server, preset="openai")
    official.generate([question(sampling=sampling)])
    thinking = model_of(server, max_tokens=9000, omit="temperature+stop")
    thinking.generate([question(sampling=sampling)])
    bodies = [{k: v for k, v in seen.json.items() if k not in ("model", "messages")} for seen in server.requests]
    assert bodies == [
        {"temperature": 0.0, "top_k": 1, "max_tokens": 64, "seed": 7, "stop": ["\n"]},
        {},
        {"temperature": 0.0, "max_completion_tokens": 64, "seed": 7, "stop": ["\n"]},
        {"top_k": 1, "max_tokens": 9000, "seed": 7},
    ]
    for model in (plain, official, thinking):
        model.close()


@pytest.mark.parametrize("text", ["[1]", "{", '{"messages":[]}', '{"temperature":1}'])
def test_an_extra_body_that_is_none_or_meddles_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="extra_body"):
        open_openai("m", {"base_url": "http://127.0.0.1:1", "extra_body": text})

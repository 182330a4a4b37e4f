"""The openai wrapper against a real server that misbehaves as told."""

from __future__ import annotations

import email.utils
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.fakes import FakeServer, Reply, Seen, completion
from vlmeval.errors import ConfigError, ModelError, RejectedError, RetryableError
from vlmeval.models import transport
from vlmeval.models.openai import OpenAIModel, endpoint, open_openai
from vlmeval.models.presets import PRESETS
from vlmeval.types import Failure, Generator, Model, Output, Request, Sampling

KEY = "sk-very-secret-0123456789"


@pytest.fixture(autouse=True)
def _no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for preset in PRESETS.values():
        monkeypatch.delenv(preset.key, raising=False)
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def server() -> Iterator[FakeServer]:
    with FakeServer() as running:
        yield running


def model_of(server: FakeServer, **options: Any) -> OpenAIModel:
    return open_openai("m", {"base_url": server.url, "timeout": 10, **options})


def question(text: str = "Which?", **given: Any) -> Request:
    return Request("s1", "rot0", (text,), **given)


def ask(reply: Reply, **options: Any) -> Output | Failure:
    with FakeServer([reply]) as server:
        model = model_of(server, **options)
        try:
            return model.generate([question()])[0]
        finally:
            model.close()


def error_of(reply: Reply, **options: Any) -> ModelError:
    with pytest.raises(ModelError) as caught:
        ask(reply, **options)
    return caught.value


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


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("3", 3.0), ("0.25", 0.25), ("soon", None), ("-1", None), ("nan", None), (None, None)],
)
def test_retry_after_is_read_in_seconds(header: str | None, seconds: float | None) -> None:
    error = error_of(Reply.rate_limited(header))
    assert isinstance(error, RetryableError)
    assert (error.kind, error.retry_after) == ("rate_limit", seconds)


def test_retry_after_is_read_as_a_date() -> None:
    error = error_of(Reply.rate_limited(email.utils.formatdate(time.time() + 60, usegmt=True)))
    assert isinstance(error, RetryableError)
    assert error.retry_after is not None
    assert 50 < error.retry_after <= 60
    past = error_of(Reply.rate_limited("Wed, 21 Oct 2015 07:28:00 GMT"))
    assert isinstance(past, RetryableError)
    assert past.retry_after == 0


def test_milliseconds_of_retry_after_are_honoured() -> None:
    error = error_of(Reply.error(429, Retry_After_Ms="1500", Retry_After="9"))
    assert isinstance(error, RetryableError)
    assert error.retry_after == 1.5


@pytest.mark.parametrize("status", [408, 409, 500, 502, 503, 504])
def test_server_errors_may_be_asked_again(status: int) -> None:
    error = error_of(Reply.error(status, "overloaded", Retry_After="2"))
    assert isinstance(error, RetryableError)
    assert (error.kind, error.retry_after) == ("transient", 2.0)
    assert str(status) in str(error)
    assert "overloaded" in str(error)


@pytest.mark.parametrize("reply", [Reply.cut_off(), Reply.bad_json(), Reply.dropped(), Reply(body=b""), Reply.of([1])])
def test_broken_replies_may_be_asked_again(reply: Reply) -> None:
    error = error_of(reply)
    assert isinstance(error, RetryableError)
    assert error.kind == "transient"


def test_a_slow_reply_is_a_timeout_that_may_be_asked_again() -> None:
    error = error_of(Reply.slow(), timeout=0.2)
    assert isinstance(error, RetryableError)
    assert "timeout" in str(error)


def test_a_server_that_is_not_there_is_named() -> None:
    with FakeServer() as gone:
        url = gone.url
    model = open_openai("m", {"base_url": url})
    with pytest.raises(RetryableError, match=f"{url}/chat/completions: no connection: .*refused"):
        model.generate([question()])
    model.close()


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (Reply.error(400, "bad request"), "rejected"),
        (Reply.error(422, "unprocessable"), "rejected"),
        (Reply.error(403, "not allowed"), "rejected"),
        (Reply.error(400, "x", code="context_length_exceeded"), "too_long"),
        (
            Reply.error(400, "This model's maximum context length is 4096 tokens. However, you requested 5000"),
            "too_long",
        ),
        (Reply.error(400, "prompt is too long: 208310 tokens > 200000 maximum"), "too_long"),
        (
            Reply.error(400, "The decoder prompt (length 9000) is longer than the maximum model length of 8192."),
            "too_long",
        ),
        (Reply.error(413, "too large"), "too_long"),
        (Reply.error(400, "x", code="content_policy_violation"), "refused"),
        (Reply.error(400, "The response was filtered due to Azure's content management policy"), "refused"),
        (
            Reply.of([{"error": {"code": 400, "message": "image not valid", "status": "INVALID"}}], status=400),
            "rejected",
        ),
        (Reply.of({"detail": "no such field"}, status=422), "rejected"),
        (Reply.of({"error": "model needs more memory"}, status=400), "rejected"),
        (Reply(400, b"<html>Bad Request</html>"), "rejected"),
    ],
)
def test_other_client_errors_are_rejected_with_the_right_kind(reply: Reply, kind: str) -> None:
    error = error_of(reply)
    assert isinstance(error, RejectedError)
    assert error.kind == kind


def test_the_server_s_words_are_in_the_message() -> None:
    assert "image not valid" in str(error_of(Reply.of([{"error": {"message": "image not valid"}}], status=400)))
    assert "no such field" in str(error_of(Reply.of({"detail": "no such field"}, status=422)))
    assert "needs more memory" in str(error_of(Reply.of({"error": "model needs more memory"}, status=400)))


@pytest.mark.parametrize(
    "reply",
    [
        Reply.error(401, "Incorrect API key provided"),
        Reply.error(404, "The model `m` does not exist"),
        Reply.error(429, "You exceeded your current quota", code="insufficient_quota"),
        Reply.error(307, "moved", Location="https://elsewhere.example/v1"),
    ],
)
def test_what_no_request_can_survive_is_an_error_of_the_model(reply: Reply) -> None:
    assert type(error_of(reply)) is ModelError


def test_a_redirect_is_not_followed_so_that_no_key_leaves() -> None:
    with FakeServer([Reply.error(308, "moved", Location="http://127.0.0.1:1/v1")]) as server:
        model = model_of(server)
        with pytest.raises(ModelError, match=r"http://127\.0\.0\.1:1/v1: give that as --base-url"):
            model.generate([question()])
        assert len(server.requests) == 1
        model.close()


@pytest.mark.parametrize(("code", "expected"), [(502, RetryableError), (429, RetryableError), (403, RejectedError)])
def test_an_error_inside_a_good_status_is_an_error(code: int, expected: type[ModelError]) -> None:
    error = error_of(Reply.of({"error": {"message": "provider failed", "code": code}}))
    assert type(error) is expected
    assert "provider failed" in str(error)


def test_nothing_is_repeated_by_the_wrapper(server: FakeServer) -> None:
    server.script = iter([Reply.broken(), Reply.ok()])
    model = model_of(server)
    with pytest.raises(RetryableError):
        model.generate([question()])
    assert len(server.requests) == 1
    model.close()


def test_ten_megabytes_of_text_arrive_whole() -> None:
    output = ask(Reply.huge())
    assert isinstance(output, Output)
    assert len(output.text) == 10_000_000


def test_a_reply_above_the_cap_is_rejected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "MAX_REPLY_BYTES", 2**20)
    with FakeServer([Reply.huge(2**20), Reply.ok()]) as server:
        model = model_of(server)
        with pytest.raises(RejectedError, match="longer than 1 MiB"):
            model.generate([question()])
        assert isinstance(model.generate([question()])[0], Output)
        model.close()


def test_connections_are_reused_and_never_more_than_threads() -> None:
    with FakeServer(latency=0.002) as server:
        model = model_of(server)
        with ThreadPoolExecutor(8) as pool:
            outcomes = list(pool.map(lambda _: model.generate([question()])[0], range(200)))
        model.close()
    assert len(outcomes) == 200
    assert server.connections <= 8


def test_a_connection_that_the_server_closed_while_idle_is_replaced() -> None:
    with FakeServer() as server:
        model = model_of(server)
        model.generate([question()])
        server.hang_up()
        assert isinstance(model.generate([question()])[0], Output)
        assert server.connections == 2
        model.close()


def test_the_key_is_sent_and_shown_nowhere(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    monkeypatch.setenv("OPENAI_API_KEY", f" {KEY}\n")

    def echo(seen: Seen) -> Reply:
        return Reply.error(400, f"bad header: {seen.headers['authorization']}" + "." * 500)

    with FakeServer([Reply.ok(f"your key is {KEY}!"), Reply.of(completion(None, refusal=KEY))], answer=echo) as server:
        model = model_of(server)
        output, refused = model.generate([question(), question()])
        with pytest.raises(RejectedError) as caught:
            model.generate([question()])
        assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"
        shown = [model.recipe(), model.conditions(), output, refused, str(caught.value), repr(model), caplog.text]
        model.close()
    assert KEY not in str(shown)
    assert isinstance(output, Output)
    assert output.text == "your key is [key]!"
    assert "[key]" in str(caught.value)


def test_a_key_is_redacted_before_a_long_message_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    assert "sk-very" not in str(error_of(Reply.error(400, "." * 290 + KEY)))


def test_a_missing_key_is_named_before_anything_is_sent() -> None:
    with pytest.raises(ConfigError, match="OPENAI_API_KEY"):
        open_openai("gpt-4o", {})
    with pytest.raises(ConfigError, match="ANTHROPIC_API_KEY"):
        open_openai("claude", {"preset": "anthropic"})


def test_a_local_server_needs_no_key(server: FakeServer) -> None:
    model = model_of(server)
    model.generate([question()])
    assert "authorization" not in server.requests[0].headers
    model.close()


def test_a_key_that_no_header_may_have_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-1\r\nX-Evil: 1")
    with pytest.raises(ConfigError, match="OPENAI_API_KEY") as caught:
        open_openai("gpt-4o", {})
    assert "sk-1" not in str(caught.value)


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


def test_a_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    with FakeServer() as proxy:
        monkeypatch.setenv("http_proxy", f"http://me:word@127.0.0.1:{proxy.port}")
        model = open_openai("m", {"base_url": "http://inference.example/v1"})
        model.generate([question()])
        model.close()
    assert proxy.requests[0].target == "http://inference.example/v1/chat/completions"
    assert proxy.requests[0].headers["proxy-authorization"].startswith("Basic ")


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

"""Statuses, broken connections, keys, TLS and proxies, against a real server that misbehaves as told."""

from __future__ import annotations

import email.utils
import json
import shutil
import socket
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.fakes import FakeServer, Reply, Seen, completion
from tests.models.asking import KEY, ask, error_of, model_of, question
from vlmeval.errors import ConfigError, ModelError, RejectedError, RetryableError
from vlmeval.models import transport
from vlmeval.models.openai import open_openai
from vlmeval.types import Output


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
    with pytest.raises(RetryableError, match=f"{url}/chat/completions: the connection failed: .*refused"):
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


def test_an_answer_that_comes_before_the_whole_body_is_sent_is_read() -> None:
    said = json.dumps({"error": {"message": "body too large"}}).encode()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            connection.recv(1024)
            connection.sendall(b"HTTP/1.1 413 Too Large\r\nContent-Length: %d\r\n\r\n" % len(said) + said)
            connection.close()

        thread = threading.Thread(target=serve)
        thread.start()
        model = open_openai("m", {"base_url": f"http://127.0.0.1:{listener.getsockname()[1]}/v1"})
        with pytest.raises(RejectedError, match="body too large") as caught:
            model.generate([question("x" * 20_000_000)])
        thread.join()
        model.close()
    assert caught.value.kind == "too_long"


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("needs the openssl command to make a certificate")
    path = tmp_path / "certificate.pem"
    settings = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost"
    subprocess.run(
        [openssl, *settings.split(), "-addext", "subjectAltName=DNS:localhost", "-keyout", path, "-out", f"{path}.crt"],
        check=True,
        capture_output=True,
    )
    path.write_text(path.read_text() + Path(f"{path}.crt").read_text())
    return path


def test_a_certificate_nobody_vouches_for_is_refused(certificate: Path) -> None:
    with FakeServer(certificate=certificate) as server:
        model = open_openai("m", {"base_url": f"https://localhost:{server.port}/v1"})
        with pytest.raises(ModelError, match=r"the certificate is not trusted: self.signed"):
            model.generate([question()])
        model.close()
    assert server.requests == []


def test_a_trusted_certificate_is_verified_by_name(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with FakeServer(certificate=certificate) as server:
        right, wrong = (
            open_openai("m", {"base_url": f"https://{host}:{server.port}/v1"}) for host in ("localhost", "127.0.0.1")
        )
        assert [type(outcome) for outcome in right.generate([question()] * 2)] == [Output, Output]
        assert server.connections == 1
        with pytest.raises(ModelError, match=r"not valid for '127\.0\.0\.1'"):
            wrong.generate([question()])
        right.close()
        wrong.close()


def test_tls_goes_through_a_proxy_as_a_tunnel(monkeypatch: pytest.MonkeyPatch) -> None:
    with FakeServer([Reply.error(407, "who are you")]) as proxy:
        monkeypatch.setenv("https_proxy", f"http://me:word@127.0.0.1:{proxy.port}")
        model = open_openai("m", {"base_url": "https://inference.example/v1"})
        with pytest.raises(RetryableError, match="407"):
            model.generate([question()])
    assert (proxy.requests[0].method, proxy.requests[0].target) == ("CONNECT", "inference.example:443")
    assert proxy.requests[0].headers["proxy-authorization"] == "Basic bWU6d29yZA=="


def test_a_proxy_of_an_unknown_kind_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "socks5://127.0.0.1:1")
    with pytest.raises(ConfigError, match="http_proxy"):
        open_openai("m", {"base_url": "http://inference.example/v1"})


def test_a_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    with FakeServer() as proxy:
        monkeypatch.setenv("http_proxy", f"http://me:word@127.0.0.1:{proxy.port}")
        model = open_openai("m", {"base_url": "http://inference.example/v1"})
        model.generate([question()])
        model.close()
    assert proxy.requests[0].target == "http://inference.example/v1/chat/completions"
    assert proxy.requests[0].headers["proxy-authorization"].startswith("Basic ")

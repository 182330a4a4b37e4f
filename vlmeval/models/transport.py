"""One JSON request over HTTP and its reply, or the error that it means: pooled connections, verified TLS, no SDK.

urllib3 with a pool costs 0.25-0.35 ms of CPU a request, the openai SDK 3 ms, httpx more. Threads call `post` at the
same time. Nothing here repeats a request: the engine owns retries, and two layers of them multiply.
"""

from __future__ import annotations

import ssl
import time
import urllib.request
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from urllib.parse import unquote, urlsplit

import msgspec
import urllib3
from msgspec import Struct

from vlmeval.errors import ConfigError, ModelError, RejectedError, RetryableError

MAX_REPLY_BYTES = 64 * 1024 * 1024
"""The longest reply that is read. A reply above it is rejected: a server that never stops must not fill the memory."""

_CONNECTIONS = 1024
"""Idle connections kept. Each thread that asks holds one, so the engine's concurrency is what bounds them."""

_SHORTEST_SECRET = 8
"""Shorter keys are placeholders such as "EMPTY", whose letters stand in ordinary words too."""

_EXCERPT = 300
_NO_RETRIES = urllib3.Retry(total=False, redirect=False)
_TOO_LONG = (
    "context length",
    "context_length",
    "context window",
    "maximum model length",
    "prompt is too long",
    "input token count",
    "too many tokens",
    "maximum number of tokens",
)
_REFUSED = ("content_policy", "content_filter", "content management policy", "responsibleaipolicy", "safety system")


class ErrorBody(Struct, frozen=True):
    """What a server says of its error: a sentence and, with luck, a code."""

    message: str
    code: str


class Transport:
    """POSTs to one address. `headers` are sent as they are; `secrets` are never shown again."""

    def __init__(self, url: str, headers: Mapping[str, str], *, timeout: float, secrets: tuple[str, ...] = ()) -> None:
        self.url = url
        self._secrets = tuple(secret for secret in secrets if len(secret) >= _SHORTEST_SECRET)
        self._headers = urllib3.HTTPHeaderDict({"Content-Type": "application/json", "Accept": "application/json"})
        self._headers.update(headers)
        try:
            self._pool, self._target = _pool(url, timeout)
        except (urllib3.exceptions.HTTPError, ValueError) as error:
            raise ConfigError(f"{url}: cannot be reached: {error}") from error

    def post(self, body: bytes) -> bytes:
        """Return the body of a reply with status 2xx. Raises RetryableError, RejectedError, or ModelError (bad key)."""
        try:
            response = self._pool.urlopen(
                "POST",
                self._target,
                body,
                self._headers,
                retries=_NO_RETRIES,
                redirect=False,
                assert_same_host=False,
                preload_content=False,
            )
            data = response.read(MAX_REPLY_BYTES + 1)
        except urllib3.exceptions.SSLError as error:
            if isinstance(error.args[0], ssl.SSLCertVerificationError):
                raise ModelError(
                    f"{self.url}: the certificate is not trusted: {error}; SSL_CERT_FILE may name yours"
                ) from error
            raise RetryableError(f"{self.url}: TLS failed: {error}") from error
        except urllib3.exceptions.HTTPError as error:
            raise RetryableError(f"{self.url}: {_plain(error)}") from error
        if len(data) > MAX_REPLY_BYTES:
            response.close()
            raise RejectedError(f"{self.url}: the reply is longer than {MAX_REPLY_BYTES // 2**20} MiB")
        response.release_conn()
        if 200 <= response.status < 300:
            return data
        raise self._error(response.status, response.headers, data)

    def redact(self, text: str) -> str:
        """Return `text` without the keys that were sent."""
        for secret in self._secrets:
            if secret in text:
                text = text.replace(secret, "[key]")
        return text

    def close(self) -> None:
        """Close all connections."""
        self._pool.close()

    def _error(self, status: int, headers: Mapping[str, str], data: bytes) -> ModelError:
        """Return what a reply with this status means."""
        body = read_error(data)
        said = self.redact(body.message)[:_EXCERPT] or "no explanation"
        message = f"{self.url}: status {status}: {said}"
        if status == 429 and "insufficient_quota" in body.code:
            return ModelError(message)
        if status in (429, 529):
            return RetryableError(message, kind="rate_limit", retry_after=retry_after(headers))
        if status >= 500 or status in (408, 409, 425):
            return RetryableError(message, retry_after=retry_after(headers))
        if status in (401, 402):
            return ModelError(f"{message}; check the key and the account behind it")
        if status in (404, 405):
            return ModelError(f"{message}; check the model's name and --base-url")
        if 300 <= status < 400:
            return ModelError(
                f"{message}; it sends us to {self.redact(headers.get('location', '?'))}: give that as --base-url"
            )
        return rejection(message, f"{body.code} {body.message}", status=status)


def rejection(message: str, said: str, *, status: int = 0) -> RejectedError:
    """Return the rejection that a server's words mean: too long, refused, or plainly rejected."""
    said = said.lower()
    if status == 413 or any(words in said for words in _TOO_LONG):
        return RejectedError(message, kind="too_long")
    if any(words in said for words in _REFUSED):
        return RejectedError(message, kind="refused")
    return RejectedError(message)


def read_error(data: bytes) -> ErrorBody:
    """Return what the body of an error says, in any of the shapes in use; the raw text where it has none of them.

    OpenAI and most: {"error": {"message", "code"}}; Gemini: a list of one such; Ollama: {"error": "..."}; vLLM of old:
    {"message", "code"}; FastAPI: {"detail": ...}.
    """
    text = data.decode("utf8", "replace").strip()
    try:
        value = msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ErrorBody(text, "")
    if isinstance(value, list) and value:
        value = value[0]
    if isinstance(value, dict):
        value = value.get("error") or value
    if isinstance(value, str):
        return ErrorBody(value, "")
    if not isinstance(value, dict):
        return ErrorBody(text, "")
    message = value.get("message") or value.get("detail")
    codes = [value.get("code"), value.get("type"), value.get("innererror")]
    return ErrorBody(message if isinstance(message, str) else text, " ".join(str(code) for code in codes if code))


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that a server asks to wait (`Retry-After-Ms`; `Retry-After`, a number or a date), or None."""
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        value = headers.get(name, "").strip()
        if value.replace(".", "", 1).isdecimal():
            return float(value) * unit
    try:
        return max(0.0, parsedate_to_datetime(headers.get("retry-after", "")).timestamp() - time.time())
    except (ValueError, OverflowError):
        return None


def _plain(error: urllib3.exceptions.HTTPError) -> str:
    """Return what happened, without the memory addresses that urllib3 puts in front."""
    if isinstance(error, urllib3.exceptions.NewConnectionError):
        return f"no connection: {str(error).rpartition(': ')[2]}; is the server up?"
    if isinstance(error, urllib3.exceptions.TimeoutError):
        return "no reply in time; --model-args timeout=SECONDS allows more"
    return f"the connection broke: {str(error).removeprefix('Connection aborted.: ')}"


def _pool(url: str, timeout: float) -> tuple[urllib3.HTTPConnectionPool, str]:
    """Return the pool for `url` and the request target in it, through the proxy that the environment names."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    # Made once: loading the certificates for every connection costs more than a request.
    context = ssl.create_default_context() if parts.scheme == "https" else None
    waits = urllib3.Timeout(connect=min(timeout, 20.0), read=timeout)
    local = host in ("localhost", "::1") or host.startswith("127.")
    proxy = None if local or urllib.request.proxy_bypass(host) else urllib.request.getproxies().get(parts.scheme)
    if proxy is None:
        manager = urllib3.PoolManager(timeout=waits, maxsize=_CONNECTIONS, block=False, ssl_context=context)
        return manager.connection_from_url(url), target
    login = urllib3.util.parse_url(proxy).auth
    headers = urllib3.make_headers(proxy_basic_auth=unquote(login)) if login else None
    manager = urllib3.ProxyManager(
        proxy, proxy_headers=headers, timeout=waits, maxsize=_CONNECTIONS, block=False, ssl_context=context
    )
    return manager.connection_from_url(url), target if parts.scheme == "https" else url

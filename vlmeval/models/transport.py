"""One JSON request over HTTP and its reply, or the error that it means: kept-alive connections, verified TLS, no SDK.

Threads call `post` at the same time. A request costs 0.1 ms of CPU here; urllib3's pool costs three times that, httpx
and the openai SDK twenty times, and a sample has 0.6 ms for everything. Nothing here repeats a request: the engine owns
retries, and two layers of them multiply.
"""

from __future__ import annotations

import http.client
import ssl
import time
from collections.abc import Mapping, Sequence
from email.utils import parsedate_to_datetime

import msgspec
from msgspec import Struct

from vlmeval.errors import ModelError, RejectedError, RetryableError
from vlmeval.models.route import find_route, readable
from vlmeval.models.wire import Answer, Link

MAX_REPLY_BYTES = 64 * 1024 * 1024
"""The longest reply that is read. A reply above it is rejected: a server that never stops must not fill the memory."""

_CONNECT_SECONDS = 20.0
_SHORTEST_SECRET = 8
"""Shorter keys are placeholders such as "EMPTY", whose letters stand in ordinary words too."""

_EXCERPT = 300
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
    """POSTs to one address. `headers` are sent as they are; `secrets` are never shown again.

    A connection serves one thread at a time and waits in `_idle` between requests (a list's append and pop are atomic),
    so there are never more of them than threads that ask at once. `timeout` is in seconds without a byte.
    """

    def __init__(self, url: str, headers: Mapping[str, str], *, timeout: float, secrets: tuple[str, ...] = ()) -> None:
        self.url = url
        self._secrets = tuple(secret for secret in secrets if len(secret) >= _SHORTEST_SECRET)
        self._timeout = timeout
        self._route = find_route(url)
        headers = {
            "Host": self._route.authority,
            "Accept": "application/json",
            "Accept-Encoding": "identity",
            **headers,
            **self._route.headers,
        }
        self._headers = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        self._idle: list[Link] = []

    def post(self, body: bytes | Sequence[bytes], *, content_type: str = "application/json") -> bytes:
        """Return the body of a reply with status 2xx. Raises RetryableError, RejectedError, or ModelError (bad key).

        A body in pieces is sent as they are, one after the other.
        """
        pieces = [body] if isinstance(body, bytes) else body
        length = sum(map(len, pieces))
        head = f"{self._headers}Content-Type: {content_type}\r\nContent-Length: {length}\r\n\r\n"
        return self._ask([f"POST {self._route.target} HTTP/1.1\r\n{head}".encode("latin1"), *pieces])

    def get(self, *, most: int = MAX_REPLY_BYTES) -> bytes:
        """Return what the address holds, at most `most` bytes. Raises like `post`."""
        return self._ask([f"GET {self._route.target} HTTP/1.1\r\n{self._headers}\r\n".encode("latin1")], most)

    def _ask(self, buffers: Sequence[bytes], most: int | None = None) -> bytes:
        most = MAX_REPLY_BYTES if most is None else most
        try:
            answer = self._exchange(buffers, most)
        except ssl.SSLCertVerificationError as error:
            raise ModelError(
                f"{self.url}: the certificate is not trusted: {error.verify_message}; SSL_CERT_FILE may name your own"
            ) from error
        except TimeoutError as error:
            raise RetryableError(
                f"{self.url}: no reply in {self._timeout:g} s; --model-args timeout=SECONDS allows more"
            ) from error
        except (OSError, http.client.HTTPException) as error:
            raise RetryableError(f"{self.url}: the connection failed: {_words(error)}") from error
        if len(answer.data) > most:
            raise RejectedError(f"{self.url}: the reply is longer than {most // 2**20} MiB")
        if 200 <= answer.status < 300:
            return answer.data
        raise self.error(answer.status, answer.headers, answer.data)

    def _exchange(self, buffers: Sequence[bytes], most: int) -> Answer:
        """Return a reply, at most one byte of its body above `most`. The connection is kept where it may be."""
        link = self._link()
        kept = False
        try:
            whole = True
            try:
                link.send(buffers)
            except (BrokenPipeError, ConnectionResetError):
                # A server may answer (413) and close before it has read the whole body; its words are then waiting.
                whole = False
            answer = link.receive(most)
            kept = whole and answer.kept
        finally:
            if kept:
                self._idle.append(link)
            else:
                link.close()
        return answer

    def _link(self) -> Link:
        """Return an idle connection that the server has not closed meanwhile, else a new one."""
        while self._idle:
            try:
                link = self._idle.pop()
            except IndexError:
                break
            if not readable(link.fileno()):
                return link
            link.close()
        connection = self._route.connection(min(_CONNECT_SECONDS, self._timeout))
        try:
            connection.connect()
        except BaseException:
            connection.close()
            raise
        connection.sock.settimeout(self._timeout)
        return Link(connection)

    def redact(self, text: str) -> str:
        """Return `text` without the keys that were sent."""
        for secret in self._secrets:
            if secret in text:
                text = text.replace(secret, "[key]")
        return text

    def close(self) -> None:
        """Close the idle connections."""
        while self._idle:
            self._idle.pop().close()

    def error(self, status: int, headers: Mapping[str, str], data: bytes) -> ModelError:
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


def _words(error: OSError | http.client.HTTPException) -> str:
    """Return what happened, in words."""
    if isinstance(error, http.client.IncompleteRead):
        return "the reply is cut off"
    words = (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__
    return f"{words}; is the server up?" if isinstance(error, ConnectionRefusedError) else words

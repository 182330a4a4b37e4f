"""A real OpenAI-compatible server on 127.0.0.1 that answers as told, and counts.

In a thread:  `with FakeServer([Reply.rate_limited("1"), Reply.ok("B")]) as server: ... server.url, server.requests`.
In a process: `with FakeProcess(latency=0.2) as server: ... server.url, server.counts()` (for measuring CPU and rates).

A script is used up reply by reply, in order of arrival; after its end `answer` speaks (default: always "A"). It is a
plain protocol on asyncio, so that 128 connections cost little.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import ssl
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Self

HUGE = 10_000_000


@dataclass(frozen=True)
class Seen:
    """A request as it arrived."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @cached_property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def content(self) -> Any:
        """The content of the last message: a string, or a list of parts."""
        return self.json["messages"][-1]["content"]

    @property
    def text(self) -> str:
        if isinstance(self.content, str):
            return self.content
        return "".join(part["text"] for part in self.content if part["type"] == "text")

    @property
    def images(self) -> list[bytes]:
        """The decoded bytes of the images, in order."""
        urls = [part["image_url"]["url"] for part in self.content if part["type"] == "image_url"]
        return [base64.b64decode(url.partition(",")[2], validate=True) for url in urls]


def completion(text: str | None = "A", *, finish: str | None = "stop", **message: Any) -> dict[str, Any]:
    """Return the JSON of a chat completion."""
    return {
        "id": "fake",
        "object": "chat.completion",
        "created": 0,
        "model": "fake",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": text, **message},
                "finish_reason": finish,
                "logprobs": None,
            }
        ],
        "usage": {"prompt_tokens": 12, "completion_tokens": 3, "total_tokens": 15},
    }


@dataclass(frozen=True)
class Reply:
    """What the server does with one request. `cut` sends only so many bytes of the body, then hangs up."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    cut: int | None = None
    drop: bool = False
    latency: float | None = None

    @classmethod
    def of(cls, value: object, **given: Any) -> Self:
        return cls(body=json.dumps(value, ensure_ascii=False).encode(), **given)

    @classmethod
    def ok(cls, text: str = "A", *, finish: str = "stop", **given: Any) -> Self:
        return cls.of(completion(text, finish=finish), **given)

    @classmethod
    def error(cls, status: int, message: str = "no", *, code: str | None = None, **headers: str) -> Self:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return cls.of({"error": {"message": message, "type": "error", "code": code}}, status=status, headers=named)

    @classmethod
    def rate_limited(cls, retry_after: str | None = None) -> Self:
        return cls.error(429, "slow down", **({"Retry_After": retry_after} if retry_after is not None else {}))

    @classmethod
    def broken(cls, status: int = 500) -> Self:
        return cls.error(status, "internal error")

    @classmethod
    def cut_off(cls) -> Self:
        """The declared length is longer than what comes before the server hangs up."""
        return cls.of(completion("cut off"), cut=40)

    @classmethod
    def bad_json(cls) -> Self:
        """A body that is complete for HTTP and half a JSON."""
        return cls(body=json.dumps(completion("half")).encode()[:60])

    @classmethod
    def dropped(cls) -> Self:
        return cls(drop=True)

    @classmethod
    def filtered(cls) -> Self:
        return cls.of(completion("I", finish="content_filter"))

    @classmethod
    def refusal(cls) -> Self:
        return cls.of(completion(None, refusal="I cannot help with that."))

    @classmethod
    def null(cls) -> Self:
        return cls.of(completion(None))

    @classmethod
    def empty(cls) -> Self:
        return cls.ok("")

    @classmethod
    def truncated(cls) -> Self:
        return cls.ok("A long", finish="length")

    @classmethod
    def huge(cls, letters: int = HUGE) -> Self:
        return cls.ok("x" * letters)

    @classmethod
    def slow(cls, seconds: float = 30.0) -> Self:
        return cls.ok(latency=seconds)


REPLIES: dict[str, Callable[[], Reply]] = {
    "ok": Reply.ok,
    "429": Reply.rate_limited,
    "429-1": lambda: Reply.rate_limited("1"),
    "400": lambda: Reply.error(400, "bad request"),
    "500": Reply.broken,
    "cut": Reply.cut_off,
    "bad-json": Reply.bad_json,
    "drop": Reply.dropped,
    "filter": Reply.filtered,
    "refusal": Reply.refusal,
    "null": Reply.null,
    "empty": Reply.empty,
    "length": Reply.truncated,
    "huge": Reply.huge,
    "slow": Reply.slow,
}


def _encoded(reply: Reply) -> bytes:
    """Return the response as bytes on the wire."""
    headers = {"Content-Type": "application/json", "Content-Length": str(len(reply.body)), **reply.headers}
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    body = reply.body if reply.cut is None else reply.body[: reply.cut]
    return f"HTTP/1.1 {reply.status} Fake\r\n{head}\r\n".encode() + body


class _Connection(asyncio.Protocol):
    """One connection: requests with a Content-Length, one after the other."""

    def __init__(self, server: FakeServer) -> None:
        self._server = server
        self._chunks: list[bytes] = []
        self._size = 0
        self._needed = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._server.connections += 1
        self._server.open_connections.add(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._server.open_connections.discard(self._transport)

    def data_received(self, data: bytes) -> None:
        self._chunks.append(data)
        self._size += len(data)
        if self._size < self._needed:
            return
        whole = b"".join(self._chunks)
        self._chunks = [whole]
        end = whole.find(b"\r\n\r\n")
        if end < 0:
            return
        length = 0
        place = whole[:end].lower().find(b"content-length:")
        if place >= 0:
            length = int(whole[place + 15 : end].split(b"\r\n", 1)[0])
        self._needed = end + 4 + length
        if self._size < self._needed:
            return
        self._chunks, self._size, self._needed = [], 0, 0
        self._answer(whole[:end], whole[end + 4 :])

    def _answer(self, head: bytes, body: bytes) -> None:
        server = self._server
        if head.startswith(b"GET /counts"):
            self._transport.write(_encoded(Reply.of(server.counts())))
            return
        server.answered += 1
        server.in_flight += 1
        server.peak = max(server.peak, server.in_flight)
        reply = next(server.script, None)
        if server.keep:
            seen = _seen(head, body)
            server.requests.append(seen)
            reply = reply or server.answer(seen)
        wire, latency, hang_up = server.default, server.latency, False
        if reply:
            hang_up = reply.drop or reply.cut is not None
            wire = b"" if reply.drop else _encoded(reply)
            latency = server.latency if reply.latency is None else reply.latency
        if latency:
            asyncio.get_running_loop().call_later(latency, self._send, wire, hang_up)
        else:
            self._send(wire, hang_up)

    def _send(self, wire: bytes, hang_up: bool) -> None:
        self._server.in_flight -= 1
        if self._transport.is_closing():
            return
        self._transport.write(wire)
        if hang_up:
            self._transport.close()


def _seen(head: bytes, body: bytes) -> Seen:
    first, *lines = head.decode("latin1").split("\r\n")
    method, target, _ = first.split(" ", 2)
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return Seen(method, target, headers, body)


class FakeServer:
    """The server in a thread of this process; a context manager.

    `peak` is the largest number of requests under way at once, `connections` how many were ever opened.
    `requests` holds every request in order of arrival unless `keep` is off (then only counts are kept, and `answer` is
    not asked: for measurements). `certificate` (certificate and key, PEM) makes it speak TLS.
    """

    def __init__(
        self,
        script: Iterable[Reply] = (),
        *,
        answer: Callable[[Seen], Reply] | None = None,
        latency: float = 0.0,
        keep: bool = True,
        certificate: Path | None = None,
    ) -> None:
        self._context: ssl.SSLContext | None = None
        if certificate:
            self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._context.load_cert_chain(certificate)
        self.script = iter(script)
        self.latency = latency
        self.keep = keep
        self.default = _encoded(Reply.ok())
        self.answer = answer or (lambda _: Reply.ok())
        self.requests: list[Seen] = []
        self.connections = 0
        self.open_connections: set[asyncio.Transport] = set()
        self.answered = 0
        self.in_flight = 0
        self.peak = 0
        self.port = 0

    @property
    def root(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        """The base URL that a model is given."""
        return f"{self.root}/v1"

    def counts(self) -> dict[str, int]:
        return {"requests": self.answered, "connections": self.connections, "peak": self.peak}

    def __enter__(self) -> Self:
        self._loop = asyncio.new_event_loop()
        server = self._loop.run_until_complete(
            self._loop.create_server(lambda: _Connection(self), "127.0.0.1", 0, backlog=1024, ssl=self._context)
        )
        self._listener = server
        self.port = server.sockets[0].getsockname()[1]
        self._thread = threading.Thread(target=self._loop.run_forever, name="fake server", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        asyncio.run_coroutine_threadsafe(self._shut(), self._loop).result(timeout=10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=10)
        self._loop.close()

    def hang_up(self) -> None:
        """Close every open connection, as a server does with idle ones; return when they are closed."""

        async def close_all() -> None:
            for transport in list(self.open_connections):
                transport.close()
            while self.open_connections:
                await asyncio.sleep(0)

        asyncio.run_coroutine_threadsafe(close_all(), self._loop).result(timeout=10)

    async def _shut(self) -> None:
        self._listener.close()
        for transport in list(self.open_connections):
            transport.abort()
        await asyncio.sleep(0)


class FakeProcess:
    """The server in a process of its own. `script` names replies of REPLIES, separated by commas."""

    def __init__(self, *, latency: float = 0.0, script: str = "") -> None:
        self._command = [sys.executable, str(Path(__file__).resolve()), "--latency", str(latency), "--script", script]

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.root = f"http://127.0.0.1:{int(self._process.stdout.readline())}"
        self.url = f"{self.root}/v1"
        return self

    def __exit__(self, *exception: object) -> None:
        self._process.communicate(timeout=10)

    def counts(self) -> dict[str, int]:
        with urllib.request.urlopen(f"{self.root}/counts", timeout=10) as response:  # noqa: S310
            counts: dict[str, int] = json.load(response)
        return counts


def main() -> None:
    """Serve until standard input closes, so that no server outlives the process that started it."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--latency", type=float, default=0.0)
    parser.add_argument("--script", default="", help=f"comma-separated: {', '.join(REPLIES)}")
    given = parser.parse_args()
    script = [REPLIES[name]() for name in given.script.split(",") if name]
    with FakeServer(script, latency=given.latency, keep=False) as server:
        print(server.port, flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()

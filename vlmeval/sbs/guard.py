"""What stands before every route: hosts, origins, sizes and rates are checked, and headers put on every answer.

A POST must come from a page of this server: its `Origin` names the host that was asked (browsers send it for forms as
long as the referrer policy lets a page of ours be named to us). The cookie is SameSite=Strict
beside it. On a loopback address only loopback names are served, so that no page of the web reaches it by rebinding.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from urllib.parse import urlsplit

import msgspec
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vlmeval.sbs.limits import Limiter

MOST_BODY_BYTES = 64 * 1024
PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
IMAGE_POLICY = "default-src 'none'; sandbox"
HEADERS = {
    "content-security-policy": PAGE_POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "cache-control": "no-store",
}
RAW_HEADERS = [(name.encode(), value.encode()) for name, value in HEADERS.items()]
LOOPBACK = {"localhost", "127.0.0.1", "::1"}


class Guard:
    """The ASGI middleware. `origin` is the address that people use, where it is not the one that is bound (a proxy)."""

    def __init__(
        self, app: ASGIApp, *, loopback: bool, origin: str | None, addresses: Limiter, clock: Callable[[], float]
    ) -> None:  # fmt: skip
        self._app = app
        self._loopback = loopback
        self._origin = origin
        self._addresses = addresses
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse the request, or pass it on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def sender(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = {name for name, _ in message["headers"]}
                message["headers"] += [pair for pair in RAW_HEADERS if pair[0] not in given]
            await send(message)

        refused = self._refusal(scope)
        await (refused or self._app)(scope, receive, sender)

    def _refusal(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        address = scope["client"][0] if scope.get("client") else ""
        wait = self._addresses.wait(address, self._clock())
        if wait:
            return refusal(429, "too_many", "Too many requests from this address.", wait=wait)
        if self._loopback and self._origin is None and _name(host) not in LOOPBACK:
            return refusal(421, "wrong_host", "This server answers on 127.0.0.1 and localhost only.")
        if scope["method"] not in ("GET", "HEAD", "POST"):
            return refusal(405, "method", "Only GET and POST are served here.")
        if scope["method"] == "POST":
            if not self._same_origin(headers, scope["scheme"], host):
                return refusal(403, "wrong_origin", "This request did not come from a page of this server.")
            length = headers.get("content-length", "")
            if not length.isdecimal() or int(length) > MOST_BODY_BYTES:
                return refusal(413, "too_large", f"A request holds at most {MOST_BODY_BYTES} bytes, and says how many.")
        return None

    def _same_origin(self, headers: Headers, scheme: str, host: str) -> bool:
        own = self._origin or f"{scheme}://{host}"
        return headers.get("origin") == own


def refusal(status: int, error: str, message: str, *, wait: float = 0.0) -> Response:
    """Return a refusal as JSON with a name for programs and a sentence for people."""
    headers = {"retry-after": str(math.ceil(wait))} if wait else {}
    body = msgspec.json.encode({"error": error, "message": message})
    return Response(body, status, headers, media_type="application/json")


def _name(host: str) -> str:
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""

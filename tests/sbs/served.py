"""A study served by the real server on a loopback port of its own, with a clock that tests set."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import urllib3
from PIL import Image, ImageDraw

pytest.importorskip("starlette", reason="the extra sbs is not installed")
pytest.importorskip("nh3", reason="the extra sbs is not installed")

import uvicorn
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vlmeval.sbs.app import build
from vlmeval.sbs.content import Content, Entry, GoldEntry, Setting
from vlmeval.sbs.desk import Desk, Door, Rules
from vlmeval.sbs.records import Shown
from vlmeval.sbs.sessions import Sessions, token_digest
from vlmeval.sbs.store import StudyStore
from vlmeval.sbs.study import IMAGES, make_study, open_study, pictures

MODELS = ("zephyrine-vl-7b", "quokkanet-13b", "marmoset-2")
"""Names that occur nowhere else, so that a search for them in what was sent says something."""
ADMIN = "admin-token-of-the-tests"
RECRUIT = "recruit-token-of-the-tests"
OPEN = Door(annotator_rate=1e6, address_rate=1e6)
EVIL = (
    "# Heading\n<script>window.owned = 1</script> <img src=x onerror='window.owned = 2'> "
    "[link](javascript:window.owned=3) ![remote](http://127.0.0.1:9/track.png)\n\n"
    "<style>body { display: none }</style> <iframe src='http://127.0.0.1:9/'></iframe>"
)
MATHS = "Then $\\frac{a}{b} = \\sqrt{x^2}$ and\n\n$$\\sum_{i=1}^n i = \\frac{n(n+1)}{2}$$\n\nbroken: $\\frac{1$ end"
TABLE = "| animal | legs |\n|---|---|\n| dog | 4 |\n| stork | 2 |\n\n- **bold** point\n- `code`"
RIGHT_TO_LEFT = "الصورة تُظهر كلبًا على أريكة حمراء."
CJK = "照片里有一只坐在红色沙发上的狗。" * 6
LONG = "\n\n".join(f"Paragraph {n}: the dog sits on the sofa and looks at the window." for n in range(30))
ANSWERS = ("The dog sits on a **red** sofa.", EVIL, MATHS, TABLE, RIGHT_TO_LEFT, CJK, LONG, "")


@dataclass
class Clock:
    """Seconds since 1970, as the test says."""

    now: float = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


def drawn(number: int) -> bytes:
    """Return a picture as PNG."""
    picture = Image.new("RGB", (640, 420), (236, 226, 208))
    draw = ImageDraw.Draw(picture)
    draw.rectangle((60, 220, 580, 380), fill=(176, 48, 48))
    draw.ellipse((220 + 10 * number, 120, 380 + 10 * number, 290), fill=(120, 84, 52))
    for line in range(0, 640, 40):
        draw.line((line, 0, line, 420), fill=(200, 190, 175))
    draw.text((20, 20), f"picture {number}", fill=(20, 20, 20), font_size=28)
    data = BytesIO()
    picture.save(data, "PNG")
    return data.getvalue()


def content(folder: Path, *, prompts: int = 8, gold: int = 0) -> Content:
    """Return prompts with a picture each and answers of three models, some of them hostile."""
    shelf = pictures(folder)
    entries = []
    for number in range(prompts):
        shown = (shelf.add(drawn(number), f"picture {number}"), Shown(text=f"What is on picture {number}, and where?"))
        answers = {model: ANSWERS[(number + place) % len(ANSWERS)] for place, model in enumerate(MODELS)}
        states: dict[str, Any] = dict.fromkeys(MODELS, "answered")
        entries.append(Entry(f"prompt-{number}", shown, answers, states))
    checks = tuple(GoldEntry(f"check-{n}", (Shown(text="Which is 2 + 2?"),), "4", "A banana.") for n in range(gold))
    return Content(MODELS, tuple(entries), checks)


class Wire:
    """The application, and every byte that left it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.sent: list[bytes] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def sender(message: Message) -> None:
            self.sent += [part for pair in message.get("headers", ()) for part in pair]
            self.sent.append(message.get("body", b""))
            await send(message)

        await self._app(scope, receive, sender)


@dataclass
class Served:
    """A running server. `requests` holds no cookie; `signed_in` gives clients that do."""

    address: str
    store: StudyStore
    clock: Clock
    folder: Path
    desk: Desk
    wire: Wire
    pool: urllib3.PoolManager = field(default_factory=lambda: urllib3.PoolManager(retries=False))

    def enter(self, name: str) -> Client:
        """Add an annotator, and return their client."""
        token = f"token-of-{name}".ljust(24, "x")
        self.store.add_annotator(name, token_digest(token), self.clock())
        return self.client(token)

    def client(self, token: str, *, admin: bool = False) -> Client:
        """Return the client of somebody with a token."""
        client = Client(self)
        reply = client.form("/admin/enter" if admin else "/enter", {"token": token})
        assert reply.status == 303, reply.data
        return client


@dataclass
class Client:
    """One browser's worth of cookies."""

    served: Served
    cookie: str = ""

    def get(self, path: str, **headers: str) -> urllib3.BaseHTTPResponse:
        return self.send("GET", path, None, headers)

    def post(self, path: str, value: Any, **headers: str) -> urllib3.BaseHTTPResponse:
        return self.send("POST", path, json.dumps(value).encode(), {"content-type": "application/json", **headers})

    def form(self, path: str, values: dict[str, str], **headers: str) -> urllib3.BaseHTTPResponse:
        body = urlencode(values).encode()
        reply = self.send("POST", path, body, {"content-type": "application/x-www-form-urlencoded", **headers})
        if "set-cookie" in reply.headers:
            self.cookie = reply.headers["set-cookie"].split(";")[0]
        return reply

    def send(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> urllib3.BaseHTTPResponse:
        own = {"origin": self.served.address, "cookie": self.cookie}
        given = {name: value for name, value in {**own, **headers}.items() if value}
        return self.served.pool.request(method, self.served.address + path, body=body, headers=given, redirect=False)


@contextmanager
def serving(
    folder: Path, *, rules: Rules | None = None, door: Door | None = None, setting: Setting | None = None,
    made: Content | None = None,
) -> Iterator[Served]:  # fmt: skip
    """Serve a new study until the end of the block."""
    clock = Clock()
    make_study(
        folder, made or content(folder), setting or Setting(overlap=2), task="read", sources=(),
        now=clock(), created="", version="",
        guidelines="## How to judge\nPrefer the *correct* answer.",
    )  # fmt: skip
    with open_study(folder) as store:
        rules = rules or Rules(
            admin=token_digest(ADMIN), recruit=token_digest(RECRUIT), guidelines="Prefer the *correct*."
        )
        desk = Desk(folder.name, store, folder / IMAGES, Sessions(folder), rules, door or OPEN, clock)
        wire = Wire(build(desk))
        config = uvicorn.Config(wire, host="127.0.0.1", port=0, log_level="warning", access_log=False)
        server = uvicorn.Server(config)
        ready = threading.Event()
        started = server.startup

        async def startup(sockets: Any = None) -> None:
            await started(sockets)
            ready.set()

        server.startup = startup  # type: ignore[method-assign]
        thread = threading.Thread(target=server.run)
        thread.start()
        assert ready.wait(20)
        port = server.servers[0].sockets[0].getsockname()[1]
        try:
            yield Served(f"http://127.0.0.1:{port}", store, clock, folder, desk, wire)
        finally:
            server.should_exit = True
            thread.join()

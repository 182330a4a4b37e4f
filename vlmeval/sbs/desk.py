"""What all routes of the judging application share: the study's store, who is signed in, limits, pages, the clock."""

from __future__ import annotations

import asyncio
import hmac
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from starlette.requests import Request

from vlmeval.sbs.judging import Judging
from vlmeval.sbs.limits import Limiter
from vlmeval.sbs.records import Annotator
from vlmeval.sbs.sessions import Session, Sessions, token_digest
from vlmeval.sbs.store import StudyStore

T = TypeVar("T")
COOKIES = {"annotator": "sbs", "admin": "sbs_admin"}
SEEN_SECONDS = 5.0
"""So long an annotator is taken for let in without asking the store again; shutting out here shows at once."""


@dataclass(frozen=True)
class Rules:
    """What a session asks of annotators.

    `each` ends it after so many votes of an annotator; `completion` is the code shown then, None for one of their own.
    `names` lets people in by a name alone (loopback); `admin` and `recruit` are sha256 digests of tokens.
    """

    admin: str
    recruit: str | None = None
    names: bool = False
    each: int | None = None
    completion: str | None = None
    guidelines: str = ""


@dataclass(frozen=True)
class Door:
    """Where the server stands: `loopback` binding, `origin` people use behind a proxy, rates a second and bursts."""

    loopback: bool = True
    origin: str | None = None
    annotator_rate: float = 5.0
    address_rate: float = 50.0
    burst_seconds: float = 10.0

    @property
    def secure(self) -> bool:
        """Tell whether cookies go over TLS only."""
        return self.origin is not None and self.origin.startswith("https://")


@dataclass
class Desk:
    """One served study. `study` is the name for the organiser; annotators never see it, it may name a model."""

    study: str
    store: StudyStore
    images: Path
    sessions: Sessions
    rules: Rules
    door: Door = Door()
    clock: Callable[[], float] = time.time
    _seen: dict[str, tuple[float, Annotator | None]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        door = self.door
        self.addresses = Limiter(door.address_rate, door.address_rate * door.burst_seconds)
        self.annotators = Limiter(door.annotator_rate, door.annotator_rate * door.burst_seconds)
        self.attempts = Limiter(0.5, 20)

    async def write(self, operation: Callable[[Judging], T]) -> T:
        """Run an operation in the store's writer, without holding up other requests; return after its COMMIT."""
        return await asyncio.wrap_future(self.store.submit(operation))

    def annotator(self, request: Request) -> tuple[Session, Annotator] | None:
        """Return who is signed in and let in, None for nobody."""
        now = self.clock()
        session = self.sessions.read(request.cookies.get(COOKIES["annotator"]), "annotator", now)
        if session is None:
            return None
        seen = self._seen.get(session.digest)
        if seen is None or not 0 <= now - seen[0] < SEEN_SECONDS:
            seen = (now, self.store.annotator(session.digest))
            self._seen[session.digest] = seen
        return None if seen[1] is None else (session, seen[1])

    def forget(self) -> None:
        """Ask the store again who is let in."""
        self._seen.clear()

    def admin(self, request: Request) -> Session | None:
        """Return the organiser's session, None for anybody else."""
        session = self.sessions.read(request.cookies.get(COOKIES["admin"]), "admin", self.clock())
        return session if session is not None and hmac.compare_digest(session.digest, self.rules.admin) else None

    def is_admin_token(self, token: str) -> bool:
        """Tell whether this is the organiser's token, in constant time."""
        return hmac.compare_digest(token_digest(token), self.rules.admin)

    def is_recruit_token(self, token: str) -> bool:
        """Tell whether this token recruits, in constant time."""
        return self.rules.recruit is not None and hmac.compare_digest(token_digest(token), self.rules.recruit)

    def code(self, digest: str) -> str:
        """Return the completion code of an annotator."""
        return self.rules.completion or self.sessions.code(digest)

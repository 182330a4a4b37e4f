"""The organiser's page: live ratings, agreement, speed, flagged annotators, pause, exports. Its own token and cookie.

Ratings follow every vote; what needs a fit over all annotators is worked out in a thread, and again only after new
votes and a while.
"""

from __future__ import annotations

import statistics
from typing import Any, NamedTuple, TypeVar

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse

from vlmeval.errors import DataError
from vlmeval.jsonio import encode
from vlmeval.sbs.board import Agreement
from vlmeval.sbs.consensus import agreement_of
from vlmeval.sbs.desk import COOKIES, Desk
from vlmeval.sbs.entrance import TOO_MANY, WRONG_TOKEN, fields, signed_in, wrong_attempt
from vlmeval.sbs.export import Format, exported, lines
from vlmeval.sbs.guard import refusal
from vlmeval.sbs.pages import page
from vlmeval.sbs.rate import rate
from vlmeval.sbs.records import Conduct, UnknownAssignmentError
from vlmeval.sbs.sessions import token_digest
from vlmeval.sbs.strengths import Recipe
from vlmeval.sbs.tables import csv_text

STUDY_SECONDS = 10.0
"""The least time between two looks at all annotators."""
RECENT_SECONDS = 3600.0
FORMATS: dict[str, Format] = {"votes.jsonl": "jsonl", "votes.csv": "csv", "votes_arena.json": "arena"}
T = TypeVar("T")


class Pause(msgspec.Struct, forbid_unknown_fields=True):
    """A pause, with what annotators are told."""

    reason: str = ""


class Admission(msgspec.Struct, forbid_unknown_fields=True):
    """Whether an annotator is let in."""

    annotator: int
    active: bool


class Look(NamedTuple):
    """What was found out about all annotators, when, and from how many votes."""

    at: float
    votes: int
    agreement: Agreement | None
    people: tuple[Conduct, ...]


class Admin:
    """The routes of one desk."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._look: Look | None = None

    async def home(self, request: Request) -> Response:
        """GET /admin: the page, or the form to sign in."""
        if self._desk.admin(request) is None:
            return self._form()
        return page("admin.html", study=self._desk.study)

    async def enter(self, request: Request) -> Response:
        """POST: check the organiser's token."""
        token = (await fields(request)).get("token", "").strip()
        if not self._desk.is_admin_token(token):
            many = wrong_attempt(self._desk, request)
            return self._form(TOO_MANY if many else WRONG_TOKEN, status=429 if many else 403)
        return signed_in(self._desk, "admin", token_digest(token), "/admin")

    async def leave(self, request: Request) -> Response:
        """POST: end the organiser's session."""
        session = self._desk.admin(request)
        if session is not None:
            self._desk.sessions.end(session)
        gone = RedirectResponse("/admin", 303)
        gone.delete_cookie(COOKIES["admin"], path="/")
        return gone

    async def data(self, request: Request) -> Response:
        """GET: everything the page shows, now."""
        if self._desk.admin(request) is None:
            return forbidden()
        found = await run_in_threadpool(self._data, self._desk.clock())
        return Response(encode(found), media_type="application/json")

    async def pause(self, request: Request) -> Response:
        """POST: give out no pair and take no vote."""
        body = await self._asked(request, Pause)
        if isinstance(body, Response):
            return body
        await self._desk.write(lambda judging: judging.pause(self._desk.clock(), reason=body.reason.strip()[:300]))
        return done()

    async def resume(self, request: Request) -> Response:
        """POST: end the pause."""
        if self._desk.admin(request) is None:
            return forbidden()
        await self._desk.write(lambda judging: judging.resume(self._desk.clock()))
        return done()

    async def admit(self, request: Request) -> Response:
        """POST: let an annotator in, or shut them out; their votes stay."""
        body = await self._asked(request, Admission)
        if isinstance(body, Response):
            return body
        try:
            await self._desk.write(
                lambda judging: judging.set_active(body.annotator, self._desk.clock(), active=body.active)
            )
        except UnknownAssignmentError:
            return refusal(404, "unknown_annotator", "There is no such annotator.")
        self._desk.forget()
        self._look = None
        return done()

    async def export(self, request: Request) -> Response:
        """GET: the votes in three formats, ratings as JSON and CSV, the audit log; annotators are a1, a2, ..."""
        name = request.path_params["name"]
        if self._desk.admin(request) is None:
            return forbidden()
        headers = {"content-disposition": f'attachment; filename="{name}"'}
        if name in FORMATS:
            text = await run_in_threadpool(self._votes, FORMATS[name])
            return Response(text, media_type=media_type(name), headers=headers)
        if name == "events.jsonl":
            events = (encode(event) + b"\n" for event in self._desk.store.events())
            return StreamingResponse(events, media_type=media_type(name), headers=headers)
        if name in ("ratings.json", "ratings.csv"):
            try:
                text = await run_in_threadpool(self._ratings, as_csv=name.endswith("csv"))
            except DataError as error:
                return refusal(409, "no_ratings", str(error))
            return Response(text, media_type=media_type(name), headers=headers)
        return refusal(404, "unknown_export", "There is no such export.")

    async def _asked(self, request: Request, kind: type[T]) -> T | Response:
        if self._desk.admin(request) is None:
            return forbidden()
        try:
            return msgspec.json.decode(await request.body(), type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            return refusal(400, "malformed", str(error))

    def _data(self, now: float) -> dict[str, Any]:
        store = self._desk.store
        counts = store.counts()
        look = self._studied(counts["voted"], now)
        speeds = [one.seconds for one in look.people if one.seconds is not None]
        recent = [one for one in look.people if one.last_seen is not None and now - one.last_seen < RECENT_SECONDS]
        return {
            "counts": counts,
            "paused": store.paused,
            "ratings": [one._asdict() for one in store.live()],
            "agreement": look.agreement,
            "seconds": statistics.median(speeds) if speeds else None,
            "recent": len(recent),
            "annotators": [self._person(one, now) for one in look.people],
        }

    def _person(self, one: Conduct, now: float) -> dict[str, Any]:
        return {
            "id": one.annotator.id, "name": one.annotator.name, "active": one.annotator.active, "votes": one.votes,
            "skips": one.skips, "gold": one.gold, "gold_right": one.gold_right, "seconds": one.seconds,
            "idle": None if one.last_seen is None else max(0.0, now - one.last_seen), "flags": one.flags,
        }  # fmt: skip

    def _studied(self, votes: int, now: float) -> Look:
        look = self._look
        if look is not None and (look.votes == votes or now - look.at < STUDY_SECONDS):
            return look
        flags = {one.annotator.id: one.flags for one in self._desk.store.flagged()}
        people = tuple(
            msgspec.structs.replace(one, flags=flags.get(one.annotator.id, ())) for one in self._desk.store.annotators()
        )
        try:
            agreement = agreement_of(self._desk.store.votes())
        except DataError:
            agreement = None
        self._look = Look(now, votes, agreement, people)
        return self._look

    def _votes(self, form: Format) -> bytes:
        texts = self._desk.store.texts()
        return exported(lines(self._desk.store.ballots(), texts), form, texts)

    def _ratings(self, *, as_csv: bool) -> bytes:
        board = rate(self._desk.store.votes(), Recipe(), study=self._desk.study)
        return csv_text(board).encode() if as_csv else msgspec.json.format(encode(board), indent=1)

    def _form(self, message: str = "", *, status: int = 200) -> Response:
        return page(
            "enter.html", status=status, message=message, names=False, key="", participant="", action="/admin/enter",
            organiser=True,
        )  # fmt: skip


def media_type(name: str) -> str:
    """Return the content type of an export."""
    return {"csv": "text/csv; charset=utf-8", "json": "application/json"}.get(name.rpartition(".")[2], "text/plain")


def forbidden() -> Response:
    """Return the refusal for anybody but the organiser."""
    return refusal(401, "sign_in", "Sign in with the organiser's token at /admin.")


def done() -> Response:
    """Return that it was done."""
    return Response(b'{"done":true}', media_type="application/json")

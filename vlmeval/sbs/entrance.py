"""The way in and out: a token or, on a loopback address, a name; a participant id from a recruiting service; leaving.

A token travels in the body of a POST, or in the fragment of a link, which browsers do not send: it is in no log.
"""

from __future__ import annotations

import re
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from vlmeval.sbs.desk import COOKIES, Desk
from vlmeval.sbs.pages import page
from vlmeval.sbs.records import ConflictError
from vlmeval.sbs.render import answer_html
from vlmeval.sbs.sessions import SESSION_SECONDS, Role, token_digest
from vlmeval.sbs.tokens import NAME

PARTICIPANT = re.compile(r"[A-Za-z0-9_-]{4,64}")
WRONG_TOKEN = "This token is not known here, or it was withdrawn. Copy the whole link that you were given."  # noqa: S105
TOO_MANY = "Too many wrong tokens from this address. Wait a minute."
RESULT_PAGE = "https://app.prolific.com/submissions/complete?cc="


class Entrance:
    """The routes of one desk."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def start(self, request: Request) -> Response:
        """GET /: the form to sign in, or the judging page for who is signed in already."""
        if self._desk.annotator(request) is not None:
            return RedirectResponse("/judge", 303)
        return self._form()

    async def join(self, request: Request) -> Response:
        """GET /join: where a recruiting service sends people, with their id and the study's recruiting token."""
        participant = request.query_params.get("PROLIFIC_PID", "") or request.query_params.get("participant", "")
        return self._form(key=request.query_params.get("key", ""), participant=participant)

    async def enter(self, request: Request) -> Response:
        """POST: check the token, set the cookie, go to the pairs."""
        form = await fields(request)
        token, participant = form.get("token", "").strip(), form.get("participant", "").strip()
        if participant or form.get("key"):
            return await self._recruited(request, form.get("key", ""), participant)
        if self._desk.rules.names and not token:
            return await self._named(form.get("name", "").strip())
        digest = token_digest(token)
        if self._desk.store.annotator(digest) is None:
            return self._wrong(request)
        return self._signed_in(digest)

    async def leave(self, request: Request) -> Response:
        """POST: end the session; a copy of its cookie is refused from now on."""
        who = self._desk.annotator(request)
        if who is not None:
            self._desk.sessions.end(who[0])
        gone = self._form("You are signed out.")
        gone.delete_cookie(COOKIES["annotator"], path="/")
        return gone

    async def judge(self, request: Request) -> Response:
        """GET /judge: the page that shows pairs."""
        who = self._desk.annotator(request)
        if who is None:
            return self._form(status=401)
        return page(
            "judge.html",
            guidelines=answer_html(self._desk.rules.guidelines),
            drawer=token_digest(f"drawer.{who[0].digest}")[:12],
            recruited=who[1].name.startswith("participant ") and self._desk.rules.completion is not None,
            result_page=RESULT_PAGE + (self._desk.rules.completion or ""),
        )

    def _wrong(self, request: Request) -> Response:
        if wrong_attempt(self._desk, request):
            return self._form(TOO_MANY, status=429)
        return self._form(WRONG_TOKEN, status=403)

    async def _recruited(self, request: Request, key: str, participant: str) -> Response:
        """Let somebody in by a participant id: the same annotator each time."""
        if not self._desk.is_recruit_token(key):
            return self._wrong(request)
        if not PARTICIPANT.fullmatch(participant):
            return self._form("A participant id has 4 to 64 letters and digits.", key=key, status=400)
        return await self._known(f"participant {participant}", token_digest(f"{key}.{participant}"))

    async def _named(self, name: str) -> Response:
        """Let somebody in by a name, where the server is on a loopback address and has no tokens."""
        if not NAME.fullmatch(name):
            return self._form("A name has 1 to 64 letters, digits, blanks, . @ + - _.", status=400)
        return await self._known(name, token_digest(f"name.{name}"))

    async def _known(self, name: str, digest: str) -> Response:
        if self._desk.store.annotator(digest) is None:
            try:
                await self._desk.write(lambda judging: judging.add_annotator(name, digest, self._desk.clock()))
            except ConflictError:
                return self._form("This name is taken. Choose another, or ask the organiser.", status=403)
            self._desk.forget()
        return self._signed_in(digest)

    def _signed_in(self, digest: str) -> Response:
        return signed_in(self._desk, "annotator", digest, "/judge")

    def _form(self, message: str = "", *, key: str = "", participant: str = "", status: int = 200) -> Response:
        return page(
            "enter.html", status=status, message=message, names=self._desk.rules.names, key=key,
            participant=participant, action="/enter", organiser=False,
        )  # fmt: skip


def signed_in(desk: Desk, role: Role, digest: str, target: str) -> Response:
    """Return the way to `target` with the cookie of a new session."""
    found = RedirectResponse(target, 303)
    found.set_cookie(
        COOKIES[role], desk.sessions.open(role, digest, desk.clock()), max_age=int(SESSION_SECONDS), path="/",
        httponly=True, samesite="strict", secure=desk.door.secure,
    )  # fmt: skip
    return found


async def fields(request: Request) -> dict[str, str]:
    """Return the fields of a form sent as application/x-www-form-urlencoded, each once."""
    text = (await request.body()).decode("utf8", "replace")
    return {name: values[-1] for name, values in parse_qs(text, keep_blank_values=True, max_num_fields=20).items()}


def wrong_attempt(desk: Desk, request: Request) -> bool:
    """Count a wrong token against its address; tell whether there were too many. Right ones are never held up."""
    return bool(desk.attempts.wait(request.client.host if request.client else "", desk.clock()))

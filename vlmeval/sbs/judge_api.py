"""What the judging page asks for: pairs, votes, skips, undo, images. Nothing here names a model.

The answer to a judgement brings the pair after the next, so that the page always holds one ahead. Refusals have fixed
sentences: those of the store are for the organiser, and could say what annotators must not know.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import FileResponse, Response

from vlmeval.errors import DataError
from vlmeval.sbs.desk import Desk
from vlmeval.sbs.guard import IMAGE_POLICY, refusal
from vlmeval.sbs.judging import Judging
from vlmeval.sbs.records import Annotator, ConflictError, Lease, PausedError, Shown, UnknownAssignmentError, VoteResult
from vlmeval.sbs.render import answer_html
from vlmeval.sbs.sessions import Session

AHEAD = 2
"""Pairs that a page holds: the one being judged, and the next."""
UUID = r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"
IMAGE_NAME = re.compile(r"[A-Za-z0-9_-]{1,128}\.(png|jpg|jpeg|webp|gif)")
IMAGE_TYPES = {"png": "image/png", "jpg": "image/jpeg", "jpeg": "image/jpeg", "webp": "image/webp", "gif": "image/gif"}
SIGN_IN = "You are not signed in, or no longer. Open your link again; votes not yet sent are kept in this browser."
JUDGED = (
    "This pair was judged already (in another tab?), or its time ran out and somebody else has it. This vote is not "
    "counted; all others are."
)
Identifier = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
T = TypeVar("T")


class Held(msgspec.Struct, forbid_unknown_fields=True):
    """The assignments that a page holds already."""

    have: list[Identifier] = []


class Judgement(msgspec.Struct, forbid_unknown_fields=True):
    """A vote, or a skip with its reason. `key` is the page's UUID for it, the same in every repetition."""

    assignment: Identifier
    key: str
    outcome: Literal["left", "right", "tie", "both_bad", "skip"]
    seconds: float | None = None
    reason: str = ""
    have: list[Identifier] = []


class Undo(msgspec.Struct, forbid_unknown_fields=True):
    """The wish to take the last judgement back."""

    key: str
    have: list[Identifier] = []


Who = tuple[Session, Annotator]


class JudgeApi:
    """The routes of one desk."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def pairs(self, request: Request) -> Response:
        """POST: return the open pairs, and how far the annotator is."""
        who, body = await self._asked(request, Held)
        if not isinstance(body, Held):
            return body
        now = self._desk.clock()
        count = self._wanted(who)
        try:
            leases = await self._desk.write(lambda judging: judging.leases(who[1].id, now, count=count))
        except DataError as error:
            return self._failure(error)
        return self._answer(who, leases, body.have, now, progress=True)

    async def judge(self, request: Request) -> Response:
        """POST: keep a vote or a skip, and return the pairs to judge after it."""
        who, body = await self._asked(request, Judgement)
        if not isinstance(body, Judgement):
            return body
        if not re.fullmatch(UUID, body.key) or (body.outcome == "skip") != bool(body.reason.strip()):
            return refusal(400, "malformed", "A judgement has a UUID; a skip has a reason, and a vote has none.")
        now, annotator = self._desk.clock(), who[1].id
        ahead = AHEAD if self._desk.rules.each is None else None

        def keep(judging: Judging) -> tuple[VoteResult, tuple[Lease, ...]]:
            if body.outcome == "skip":
                kept = judging.skip(
                    annotator, body.assignment, body.key, reason=body.reason.strip(), now=now, seconds=body.seconds
                )
            else:
                kept = judging.vote(
                    annotator, body.assignment, body.key, body.outcome, seconds=body.seconds, now=now
                )  # fmt: skip
            # Where an annotator has a quota, pairs ahead are counted after the commit.
            return kept, judging.leases(annotator, now, count=ahead) if ahead else ()

        try:
            kept, leases = await self._desk.write(keep)
            if ahead is None:
                count = self._wanted(who)
                leases = await self._desk.write(lambda judging: judging.leases(annotator, now, count=count))
        except DataError as error:
            return self._failure(error)
        return self._answer(who, leases, body.have, now, kept=kept)

    async def undo(self, request: Request) -> Response:
        """POST: take the last judgement back and return its pair first."""
        who, body = await self._asked(request, Undo)
        if not isinstance(body, Undo):
            return body
        if not re.fullmatch(UUID, body.key):
            return refusal(400, "malformed", "An undo has a UUID.")
        now, annotator = self._desk.clock(), who[1].id

        def take_back(judging: Judging) -> tuple[Lease, ...] | None:
            lease = judging.undo(annotator, now, key=body.key)
            if lease is None:
                return None
            others = judging.leases(annotator, now, count=AHEAD + 1)
            return (lease, *(one for one in others if one.assignment != lease.assignment))

        try:
            leases = await self._desk.write(take_back)
        except ConflictError:
            return refusal(409, "conflict", "The skipped pair has been given to others; it cannot be taken back.")
        except DataError as error:
            return self._failure(error)
        if leases is None:
            return refusal(409, "nothing", "There is nothing to undo.")
        return self._answer(who, leases, body.have, now, progress=True)

    async def image(self, request: Request) -> Response:
        """GET: return an image of the study, as an image and nothing else."""
        name = request.path_params["name"]
        if self._desk.annotator(request) is None and self._desk.admin(request) is None:
            return refusal(401, "sign_in", SIGN_IN)
        path = self._desk.images / name
        if not IMAGE_NAME.fullmatch(name) or not path.is_file():
            return refusal(404, "unknown_image", "There is no such image.")
        headers = {
            "content-security-policy": IMAGE_POLICY,
            "cache-control": "private, max-age=86400, immutable",
            "content-disposition": "inline",
        }
        return FileResponse(path, headers=headers, media_type=IMAGE_TYPES[name.rpartition(".")[2]])

    async def _asked(self, request: Request, kind: type[T]) -> tuple[Who, T | Response]:
        """Return who asks, and what; or the refusal in its place."""
        nobody = (Session("annotator", "", 0.0, ""), Annotator(0, ""))
        who = self._desk.annotator(request)
        if who is None:
            return nobody, refusal(401, "sign_in", SIGN_IN)
        wait = self._desk.annotators.wait(who[0].digest, self._desk.clock())
        if wait:
            return nobody, refusal(429, "too_many", "Too many requests; the page tries again by itself.", wait=wait)
        try:
            return who, msgspec.json.decode(await request.body(), type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return nobody, refusal(400, "malformed", "This request is not what the page sends.")

    def _wanted(self, who: Who) -> int:
        """Return how many pairs this annotator may hold: fewer towards the end of a quota."""
        each = self._desk.rules.each
        return AHEAD if each is None else max(0, min(AHEAD, each - self._desk.store.progress(who[1].id).voted))

    def _answer(
        self, who: Who, leases: tuple[Lease, ...], have: list[int], now: float, *,
        kept: VoteResult | None = None, progress: bool = False,
    ) -> Response:  # fmt: skip
        held = set(have)
        data: dict[str, Any] = {
            "open": [lease.assignment for lease in leases],
            "pairs": [pair_data(lease, now) for lease in leases if lease.assignment not in held],
        }
        if kept is not None:
            data["kept"] = kept
        if not leases:
            data["code"] = self._desk.code(who[0].digest)
        if progress or not leases:
            so_far = self._desk.store.progress(who[1].id)
            each = self._desk.rules.each
            left = so_far.left if each is None else min(so_far.left, max(0, each - so_far.voted))
            data["progress"] = {"voted": so_far.voted, "left": left}
        return Response(msgspec.json.encode(data), media_type="application/json")

    def _failure(self, error: DataError) -> Response:
        """Return the refusal for an error of the store."""
        if isinstance(error, PausedError):
            reason = self._desk.store.paused
            text = f"The study is paused{': ' + reason if reason else ''}. Nothing is lost; the page goes on later."
            return refusal(503, "paused", text, wait=15)
        if isinstance(error, UnknownAssignmentError):
            return refusal(404, "unknown_assignment", "There is no such pair for you.")
        if isinstance(error, ConflictError):
            return refusal(409, "conflict", JUDGED)
        return refusal(400, "malformed", "This request is not what the page sends.")


def pair_data(lease: Lease, now: float) -> dict[str, Any]:
    """Return a pair as the page shows it; `seconds` is how long it stays this annotator's."""
    return {
        "assignment": lease.assignment,
        "seconds": max(0.0, round(lease.expires - now, 1)),
        "prompt": [part_data(part) for part in lease.prompt],
        "left": {"html": answer_html(lease.left), "images": [image_url(name) for name in lease.left_images]},
        "right": {"html": answer_html(lease.right), "images": [image_url(name) for name in lease.right_images]},
    }


def part_data(part: Shown) -> dict[str, Any]:
    """Return one part of a prompt."""
    if part.image:
        return {"image": image_url(part.image), "width": part.width, "height": part.height}
    return {"text": part.text}


def image_url(name: str) -> str:
    """Return the address of an image; its name is a digest."""
    return f"/image/{name}"

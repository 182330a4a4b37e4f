"""The judging application: routes, and the work between them. `vlmeval sbs serve` runs it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from vlmeval.errors import JournalError
from vlmeval.sbs.admin import Admin
from vlmeval.sbs.desk import Desk
from vlmeval.sbs.entrance import Entrance
from vlmeval.sbs.guard import Guard, refusal
from vlmeval.sbs.judge_api import JudgeApi
from vlmeval.sbs.pages import asset_response

EXPIRY_SECONDS = 20.0
LOG = logging.getLogger("vlmeval.sbs")


def build(desk: Desk) -> Starlette:
    """Return the ASGI application of one desk. While it runs, leases that ran out give their slots back."""
    entrance, judging, admin = Entrance(desk), JudgeApi(desk), Admin(desk)
    routes = [
        Route("/api/judgements", judging.judge, methods=["POST"]),
        Route("/api/pairs", judging.pairs, methods=["POST"]),
        Route("/api/undo", judging.undo, methods=["POST"]),
        Route("/image/{name}", judging.image),
        Route("/assets/{digest}/{name}", asset_of),
        Route("/", entrance.start),
        Route("/join", entrance.join),
        Route("/enter", entrance.enter, methods=["POST"]),
        Route("/leave", entrance.leave, methods=["POST"]),
        Route("/judge", entrance.judge),
        Route("/admin", admin.home),
        Route("/admin/enter", admin.enter, methods=["POST"]),
        Route("/admin/leave", admin.leave, methods=["POST"]),
        Route("/admin/data", admin.data),
        Route("/admin/pause", admin.pause, methods=["POST"]),
        Route("/admin/resume", admin.resume, methods=["POST"]),
        Route("/admin/annotator", admin.admit, methods=["POST"]),
        Route("/admin/export/{name}", admin.export),
        Route("/health", healthy),
        Route("/favicon.ico", no_icon),
    ]

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        task = asyncio.create_task(expiring(desk))
        yield
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    guard = Middleware(
        Guard, loopback=desk.door.loopback, origin=desk.door.origin, addresses=desk.addresses, clock=desk.clock
    )
    handlers = {404: unknown, 405: wrong_method, JournalError: broken}
    return Starlette(routes=routes, middleware=[guard], lifespan=lifespan, exception_handlers=handlers)


async def expiring(desk: Desk) -> None:
    """Give back the slots of leases that ran out, now and then, for as long as the server runs."""
    while True:
        try:
            await desk.write(lambda judging: judging.expire(desk.clock()))
        except JournalError as error:
            LOG.warning("leases that ran out could not be given back: %s", error)
        await asyncio.sleep(EXPIRY_SECONDS)


async def asset_of(request: Request) -> Response:
    """GET: return an asset."""
    gzipped = "gzip" in request.headers.get("accept-encoding", "")
    found = asset_response(request.path_params["name"], gzipped=gzipped)
    return found or refusal(404, "unknown", "There is nothing here.")


async def healthy(request: Request) -> Response:
    """GET /health: tell that the server answers."""
    return Response(b"ok\n", media_type="text/plain")


async def no_icon(request: Request) -> Response:
    """GET /favicon.ico: answer browsers that ask for one unasked."""
    return Response(status_code=204)


async def unknown(request: Request, error: Exception) -> Response:
    """Return the refusal of an address that is not served."""
    return refusal(404, "unknown", "There is nothing here.")


async def wrong_method(request: Request, error: Exception) -> Response:
    """Return the refusal of a method that an address does not know."""
    return refusal(405, "method", "This address does not take this method.")


async def broken(request: Request, error: Exception) -> Response:
    """Return that the store cannot be used just now: the page keeps what it has and tries again."""
    LOG.error("the store refuses: %s", error)
    return refusal(503, "store", "The server cannot store votes just now. This page keeps yours.", wait=5)

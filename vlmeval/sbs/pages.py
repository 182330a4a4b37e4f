"""HTML pages and assets of the judging application: Jinja's autoescape, nothing inline, nothing from outside.

An asset's address holds the digest of its bytes, so that it may be cached for ever and a new version is never missed.
"""

from __future__ import annotations

import gzip
import hashlib
from functools import lru_cache
from pathlib import Path

import jinja2
from starlette.responses import HTMLResponse, Response

FOLDER = Path(__file__).parent
ASSETS = {
    "judge.css": "text/css; charset=utf-8",
    "judge.js": "text/javascript; charset=utf-8",
    "viewer.js": "text/javascript; charset=utf-8",
    "enter.js": "text/javascript; charset=utf-8",
    "admin.js": "text/javascript; charset=utf-8",
}
FOR_EVER = "public, max-age=31536000, immutable"


@lru_cache
def asset(name: str) -> bytes:
    """Return the bytes of an asset."""
    return (FOLDER / "assets" / name).read_bytes()


@lru_cache
def asset_url(name: str) -> str:
    """Return the address of an asset."""
    return f"/assets/{hashlib.sha256(asset(name)).hexdigest()[:12]}/{name}"


@lru_cache
def packed(name: str) -> bytes:
    """Return an asset as gzip."""
    return gzip.compress(asset(name), 9, mtime=0)


def asset_response(name: str, *, gzipped: bool) -> Response | None:
    """Return the answer with an asset, None where there is none of this name."""
    if name not in ASSETS:
        return None
    headers = {"cache-control": FOR_EVER, "vary": "accept-encoding"}
    if gzipped:
        return Response(packed(name), media_type=ASSETS[name], headers={**headers, "content-encoding": "gzip"})
    return Response(asset(name), media_type=ASSETS[name], headers=headers)


@lru_cache
def environment() -> jinja2.Environment:
    """Return the templates."""
    found = jinja2.Environment(
        loader=jinja2.FileSystemLoader(FOLDER / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.globals["asset_url"] = asset_url
    return found


def page(template: str, *, status: int = 200, **context: object) -> HTMLResponse:
    """Return a page."""
    return HTMLResponse(environment().get_template(template).render(**context), status)

"""Who is signed in: a cookie signed with the study's own key, so that it outlives a restart, and can be ended.

A cookie holds the sha256 of the token that was shown, never the token: `role.digest.expires.nonce.signature`. Signing
out writes the nonce to a file before the answer goes out; a copy of the cookie is refused from then on, after a restart
too. Several hosts that serve one study share its folder, or sign out on each.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import secrets
from pathlib import Path
from typing import Literal, NamedTuple

from vlmeval.errors import JournalError

Role = Literal["annotator", "admin"]
SESSION_SECONDS = 12 * 3600.0
KEY_BYTES = 32
MOST_REMEMBERED = 10_000


class Session(NamedTuple):
    """Somebody signed in. `digest` is the sha256 (hex) of their token, `expires` in seconds since 1970."""

    role: Role
    digest: str
    expires: float
    nonce: str


def token_digest(token: str) -> str:
    """Return the sha256 (hex) under which a token is stored."""
    return hashlib.sha256(token.encode()).hexdigest()


class Sessions:
    """The sessions of a study whose key and ended sessions lie in `folder`. Raises JournalError where it refuses."""

    def __init__(self, folder: Path) -> None:
        self._ended_path = folder / "signed-out.txt"
        self._key = _key(folder / "session.key")
        self._signed: dict[str, Session] = {}
        try:
            self._ended = set(self._ended_path.read_text("ascii").split()) if self._ended_path.exists() else set()
        except (OSError, UnicodeDecodeError) as error:
            raise JournalError(f"{self._ended_path}: cannot be read: {error}") from error

    def open(self, role: Role, digest: str, now: float) -> str:
        """Return the cookie of a new session."""
        body = f"{role}.{digest}.{int(now + SESSION_SECONDS)}.{secrets.token_hex(8)}"
        return f"{body}.{self._sign(body)}"

    def read(self, cookie: str | None, role: Role, now: float) -> Session | None:
        """Return the session of a cookie; None where it is altered, of another role or study, expired or ended."""
        session = self._signed.get(cookie or "") or self._checked(cookie or "")
        if session is None or session.role != role or session.expires <= now or session.nonce in self._ended:
            return None
        return session

    def end(self, session: Session) -> None:
        """Refuse the cookie of this session from now on."""
        try:
            with open(self._ended_path, "a", encoding="ascii") as file:
                file.write(session.nonce + "\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise JournalError(f"{self._ended_path}: cannot be written: {error.strerror}") from error
        self._ended.add(session.nonce)

    def code(self, digest: str) -> str:
        """Return the completion code of an annotator: eight characters that only this study's key gives."""
        made = hmac.digest(self._key, f"completion.{digest}".encode(), "sha256")
        return base64.b32encode(made)[:8].decode()

    def _checked(self, cookie: str) -> Session | None:
        """Return what a cookie says, None where it was altered. Good signatures are remembered."""
        body, _, signature = cookie.rpartition(".")
        if not hmac.compare_digest(self._sign(body).encode(), signature.encode()):
            return None
        role, digest, expires, nonce = body.split(".")
        if len(self._signed) >= MOST_REMEMBERED:
            self._signed.clear()
        self._signed[cookie] = Session("admin" if role == "admin" else "annotator", digest, float(expires), nonce)
        return self._signed[cookie]

    def _sign(self, body: str) -> str:
        return hmac.digest(self._key, body.encode(), "sha256").hex()


def _key(path: Path) -> bytes:
    """Return the key in `path`, made where there is none, readable by its owner only."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            temporary = path.with_name(f".{path.name}.{os.getpid()}")
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(secrets.token_bytes(KEY_BYTES))
                file.flush()
                os.fsync(file.fileno())
            os.rename(temporary, path)
        key = path.read_bytes()
    except OSError as error:
        raise JournalError(f"{path}: the key of sessions cannot be read or written: {error.strerror}") from error
    if len(key) != KEY_BYTES:
        raise JournalError(f"{path}: {len(key)} bytes, not {KEY_BYTES}; delete it, and everybody signs in again")
    return key

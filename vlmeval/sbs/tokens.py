"""The file of tokens: who may judge, who may look on, and the link that recruits annotators.

    role,name,token
    admin,,Wm0u...
    recruit,,kC1x...
    annotator,ann-01,3b9L...

Tokens are 128 random bits or more; the store keeps their sha256 alone. The recruiting token lets anybody in who brings
a participant id (Prolific's `PROLIFIC_PID`), one annotator an id.
"""

from __future__ import annotations

import csv
import io
import os
import re
import secrets
from pathlib import Path
from typing import NamedTuple

from vlmeval.errors import ConfigError

HEADER = ["role", "name", "token"]
TOKEN = re.compile(r"[A-Za-z0-9_-]{22,128}")
"""22 characters of base64 are 128 bits."""
NAME = re.compile(r"[\w .@+-]{1,64}")


class Tokens(NamedTuple):
    """What the file says. `annotators` are (name, token) pairs."""

    admin: str
    recruit: str | None
    annotators: tuple[tuple[str, str], ...]


def new_token() -> str:
    """Return 128 random bits as 22 characters that need no escape in an address."""
    return secrets.token_urlsafe(16)


def make_tokens(path: Path, *, annotators: int) -> Tokens:
    """Write a file of new tokens that only its owner reads, and return it. Raises ConfigError where it cannot be."""
    made = Tokens(new_token(), new_token(), tuple((f"ann-{n:02d}", new_token()) for n in range(1, annotators + 1)))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows([HEADER, ["admin", "", made.admin], ["recruit", "", made.recruit]])
    writer.writerows(["annotator", name, token] for name, token in made.annotators)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf8") as file:
            file.write(text.getvalue())
    except OSError as error:
        raise ConfigError(f"--tokens {path}: cannot be written: {error.strerror}") from error
    return made


def read_tokens(path: Path) -> Tokens:
    """Return the tokens in `path`. Raises ConfigError that names the line."""
    try:
        with open(path, encoding="utf8", newline="") as file:
            rows = list(csv.reader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ConfigError(f"--tokens {path}: cannot be read: {error}") from error
    if not rows or rows[0] != HEADER:
        raise ConfigError(f"--tokens {path}, line 1: expected {','.join(HEADER)}")
    found: dict[str, list[tuple[str, str]]] = {"admin": [], "recruit": [], "annotator": []}
    seen: set[str] = set()
    for line, row in enumerate(rows[1:], start=2):
        where = f"--tokens {path}, line {line}"
        if not row:
            continue
        if len(row) != len(HEADER) or row[0] not in found:
            raise ConfigError(f"{where}: expected role,name,token with a role of {', '.join(found)}")
        role, name, token = row
        if not TOKEN.fullmatch(token):
            raise ConfigError(f"{where}: a token is 22 to 128 of A-Z a-z 0-9 - _, which are 128 bits or more")
        if role == "annotator" and not NAME.fullmatch(name):
            raise ConfigError(f"{where}: an annotator needs a name of 1 to 64 letters, digits, blanks, . @ + - _")
        if token in seen or (role == "annotator" and name in (one for one, _ in found[role])):
            raise ConfigError(f"{where}: this token or name stands above already; everybody has their own")
        seen.add(token)
        found[role].append((name, token))
    if len(found["admin"]) != 1 or len(found["recruit"]) > 1:
        raise ConfigError(f"--tokens {path}: expected one admin line, and at most one recruit line")
    recruit = found["recruit"][0][1] if found["recruit"] else None
    return Tokens(found["admin"][0][1], recruit, tuple(found["annotator"]))

"""A model's name as a folder."""

from __future__ import annotations

import hashlib
import re

_LONGEST = 80


def slug(name: str) -> str:
    """Return `name` with only letters, digits, `.`, `_` and `-`, never starting with a dot; cut names carry a digest.

    >>> slug("llava-hf/llava-1.5-7b-hf")
    'llava-hf-llava-1.5-7b-hf'
    """
    safe = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.") or "model"
    if len(safe) <= _LONGEST:
        return safe
    return f"{safe[: _LONGEST - 9]}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"

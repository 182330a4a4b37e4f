"""The part of a reply that is meant for the reader: reasoning blocks are cut out before anything is parsed.

A reply may hold a block `<think>..</think>`, several of them, or only the closing tag (the chat template had written
the opening one). A block that was never closed holds no answer: the model was cut off while it thought.
"""

from __future__ import annotations

import re

_OPEN = re.compile(r"<(?:think|thinking|thought|reasoning)>|◁think▷|<\|begin_of_thought\|>", re.IGNORECASE)
_CLOSE = re.compile(r"</(?:think|thinking|thought|reasoning)>|◁/think▷|<\|end_of_thought\|>", re.IGNORECASE)


def visible(reply: str) -> str | None:
    """Return the reply without its reasoning blocks, stripped; None where the last block was never closed.

    What follows the last closing tag counts; where nothing follows it, what stood before the first opening tag.
    Time is linear in the length of the reply.
    """
    if "<" not in reply and "◁" not in reply:
        return reply.strip()
    closed = max((tag.end() for tag in _CLOSE.finditer(reply)), default=0)
    rest = reply[closed:]
    if _OPEN.search(rest):
        return None
    if closed and not rest.strip():
        first_open = _OPEN.search(reply)
        rest = reply[: first_open.start()] if first_open else ""
    return rest.strip()

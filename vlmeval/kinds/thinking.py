"""The part of a reply that is meant for the reader: reasoning blocks are cut out before anything is parsed.

A reply may hold a block `<think>..</think>`, several of them, or only the closing tag (the chat template had written
the opening one). A block that was never closed holds no answer: the model was cut off while it thought. What was cut
has a rule, which scores and pages show:

    thinking_block         one or several closed blocks; what follows the last one counts, else what stood before
    thinking_closing       a closing tag without an opening one; what follows it counts
    thinking_unfinished    an opening tag after the last closing one: there is no answer, and the reply is unparsed

Tags are those of DeepSeek-R1, QwQ and GLM (think), Kimi-VL (◁think▷), Claude and LLaVA-CoT (thinking, reasoning),
Sky-T1 (begin_of_thought), Magistral ([THINK]), Seed-OSS (seed:think) and the analysis channel of gpt-oss.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Rule = Literal["", "thinking_block", "thinking_closing", "thinking_unfinished"]

_WORDS = "think|thinking|thought|thoughts|reasoning|seed:think"
_OPEN = re.compile(
    rf"<(?:{_WORDS})>|◁think▷|<\|begin_of_thought\|>|\[THINK\]|<\|channel\|>analysis<\|message\|>", re.IGNORECASE
)
_CLOSE = re.compile(
    rf"</(?:{_WORDS})>|◁/think▷|<\|end_of_thought\|>|\[/THINK\]|<\|channel\|>final<\|message\|>", re.IGNORECASE
)
# Every tag has one of these; looking for them costs a tenth of looking for tags.
_STEMS = ("think", "thought", "reasoning", "channel")


@dataclass(frozen=True, slots=True)
class Spoken:
    """What a reply says once its reasoning is cut out, None where it never came to that, and the rule that cut it."""

    text: str | None
    rule: Rule = ""


def spoken(reply: str) -> Spoken:
    """Return the reply without its reasoning blocks, stripped. Time is linear in the length of the reply."""
    folded = reply.lower()
    if not any(stem in folded for stem in _STEMS):
        return Spoken(reply.strip())
    closed = max((tag.end() for tag in _CLOSE.finditer(reply)), default=0)
    rest = reply[closed:]
    if _OPEN.search(rest):
        return Spoken(None, "thinking_unfinished")
    if not closed:
        return Spoken(reply.strip())
    first_open = _OPEN.search(reply)
    if not rest.strip():
        rest = reply[: first_open.start()] if first_open else ""
    return Spoken(rest.strip(), "thinking_block" if first_open else "thinking_closing")


def visible(reply: str) -> str | None:
    """Return the reply without its reasoning blocks, stripped; None where the last block was never closed.

    What follows the last closing tag counts; where nothing follows it, what stood before the first opening tag.
    """
    return spoken(reply).text

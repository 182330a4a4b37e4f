"""VLMEvalKit's extraction of option letters, as published figures used it (open-compass/VLMEvalKit, `can_infer`).

Two rules. `extract_2024` (commit c03bc048 and before) made the published figures; `extract_current` (commit e8e78f05)
gives what the program says today, e.g. 33.33 for 33.92 on CCBench. Both without a judge: what they cannot infer is
unmatched, which counts as wrong there. Known unsoundness kept on purpose: the article "A" counts as option A, letters
must be capitals, quotes glue to a letter ("['A']" is unmatched), "not blue" is blue.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from vlmeval.kinds.letters import LETTERS
from vlmeval.kinds.parse import Extraction

_FAILED = "Failed to obtain answer via API"
_REFUSALS = (
    "Sorry, I can't help with images of people yet.",
    "I can't process this file.",
    "I'm sorry, but without the image provided",
    "Cannot determine the answer",
)
_TO_BLANKS = str.maketrans(dict.fromkeys(".()[],:;!*#{}", " "))
_ANSWER_IS = re.compile(r"answer\s+is\s+\**([abcd])\**", re.IGNORECASE)
_LAST_TOKENS = 4


def extract_2024(reply: str, choices: Sequence[str]) -> Extraction:
    """Return the only option letter among the reply's tokens, else the only option whose text the reply contains."""
    return _extract(reply, choices, current=False)


def extract_current(reply: str, choices: Sequence[str]) -> Extraction:
    """Return the only option letter if it first stands among the last 4 tokens, else "answer is X" (A to D), else text.

    Text counts only in replies of at most twice the options' total length.
    """
    return _extract(reply, choices, current=True)


def _extract(reply: str, choices: Sequence[str], *, current: bool) -> Extraction:
    letters = "".join(letter for letter, choice in zip(LETTERS, choices, strict=False) if choice)
    if _FAILED not in reply:
        if any(phrase in reply for phrase in _REFUSALS):
            return Extraction(None, "refusal")
        found = _letter(reply, letters, last_tokens=_LAST_TOKENS if current else None)
        if found is None and current:
            stated = _ANSWER_IS.search(reply)
            if stated and stated[1].upper() in letters:
                found = Extraction(stated[1].upper(), "answer")
        if found is not None:
            return found
    folded = reply.lower()
    if current and len(folded) > 2 * sum(map(len, choices)):
        return Extraction(None, "no_option")
    contained = [
        letter for letter, choice in zip(LETTERS, choices, strict=False) if choice and choice.lower() in folded
    ]
    if len(contained) == 1:
        return Extraction(contained[0], "content")
    if contained:
        return Extraction(None, "several_options")
    several = len({*letters} & {*_tokens(reply)}) > 1
    return Extraction(None, "several_letters" if several else "no_option")


def _tokens(reply: str) -> list[str]:
    """Return the words of a reply, marks taken for blanks."""
    return reply.translate(_TO_BLANKS).split()


def _letter(reply: str, letters: str, *, last_tokens: int | None) -> Extraction | None:
    """Return the token rule's verdict; a lone token "Z" means none of the options. None where the rule is silent."""
    tokens = _tokens(reply)
    present = set(tokens)
    named = [letter for letter in letters if letter in present]
    if not named and "Z" in present:
        return Extraction(None, "none_of_them")
    if len(named) != 1 or (last_tokens is not None and tokens.index(named[0]) < len(tokens) - last_tokens):
        return None
    return Extraction(named[0], "token")

"""MMMU's official extraction of option letters (MMMU-Benchmark/MMMU, mmmu/utils/eval_utils.py at bb0b95a).

Where it finds nothing the official program draws at random; here that is unparsed, and `policy = "official"` draws.
"""

from __future__ import annotations

from collections.abc import Sequence

from vlmeval.kinds.letters import LETTERS
from vlmeval.kinds.parse import Extraction

_STRIPPED = (",", ".", "!", "?", ";", ":", "'")
_WORDS_FOR_CONTENT = 5


def extract_mmmu(reply: str, choices: Sequence[str]) -> Extraction:
    """Return the last of "(A)", else of a capital between blanks, else, past 5 words, of the options' texts."""
    for mark in _STRIPPED:
        reply = reply.strip(mark)
    padded = f" {reply} "
    offered = [(letter, choice) for letter, choice in zip(LETTERS, choices, strict=False) if choice]
    for rule, form in (("bracketed", "({})"), ("token", " {} ")):
        places = {letter: padded.rfind(form.format(letter)) for letter, _ in offered}
        if max(places.values(), default=-1) >= 0:
            return Extraction(max(places, key=lambda letter: places[letter]), rule)
    if len(padded.split()) > _WORDS_FOR_CONTENT:
        folded = padded.lower()
        places = {letter: folded.rfind(choice.lower()) for letter, choice in offered}
        if max(places.values(), default=-1) >= 0:
            return Extraction(max(places, key=lambda letter: places[letter]), "content")
    return Extraction(None, "no_option")

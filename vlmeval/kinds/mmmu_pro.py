"""MMMU-Pro's official extraction of option letters (MMMU-Benchmark/MMMU, mmmu-pro/evaluate.py at bb0b95a).

Equal to it on every recorded reply, its slips included: after "Answer:" a letter counts inside a word, and of several
letters the last is looked for between blanks only, so that letters before full stops tie and the first one wins. Where
it finds nothing the official program draws at random; here that is unparsed, and `policy = "official"` draws.
"""

from __future__ import annotations

from collections.abc import Sequence

from vlmeval.kinds.letters import LETTERS
from vlmeval.kinds.parse import Extraction

_ANSWER = "Answer:"
_STRIPPED = (",", ".", "!", "?", ";", ":", "'")
_FORMS = (("bracketed", "({})", "({})"), ("token", "{} ", " {} "), ("label", "{}.", " {} "))
_WORDS_FOR_CONTENT = 5


def extract_mmmu_pro(reply: str, choices: Sequence[str]) -> Extraction:
    """Return the only letter after the last "Answer:", else the last of "(A)", "A ", "A.", else of the options' texts.

    Texts count past 5 words only.
    """
    offered = [letter for letter, choice in zip(LETTERS, choices, strict=False) if choice]
    _, mark, tail = reply.rpartition(_ANSWER)
    named = [letter for letter in offered if letter in tail] if mark else []
    return Extraction(named[0], "answer_line") if len(named) == 1 else letter_by_form(reply, choices)


def letter_by_form(reply: str, choices: Sequence[str]) -> Extraction:
    """Return the last of "(A)", else of "A ", else of "A.", else, past 5 words, of the options' texts."""
    offered = [(letter, choice) for letter, choice in zip(LETTERS, choices, strict=False) if choice]
    for edge in _STRIPPED:
        reply = reply.strip(edge)
    padded = f" {reply} "
    for rule, form, place in _FORMS:
        found = {letter: padded.rfind(place.format(letter)) for letter, _ in offered if form.format(letter) in padded}
        if found:
            return Extraction(_last(found), rule)
    if len(padded.split()) > _WORDS_FOR_CONTENT:
        folded = padded.lower()
        found = {letter: folded.rfind(choice.lower()) for letter, choice in offered if choice.lower() in folded}
        if found:
            return Extraction(_last(found), "content")
    return Extraction(None, "no_option")


def _last(places: dict[str, int]) -> str:
    """Return the letter that stands last, the first of equals."""
    return max(places, key=lambda letter: places[letter])

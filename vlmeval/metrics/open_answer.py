"""MMMU's comparison of free answers (MMMU-Benchmark/MMMU, mmmu/utils/eval_utils.py at bb0b95a; exact on its cases).

The reply is lower-cased first, so only line ends split it. Of each piece the shortest tail after an indicator word
counts, and every number in those tails. A gold text matches as a substring of a text candidate; numbers match when
equal after rounding to 2 decimals. A gold of one character matches only beside a blank.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_INDICATORS = ("could be ", "so ", "is ", "thus ", "therefore ", "final ", "answer ", "result ")
_MARKS = (":", ",", ".", "!", "?", ";", ":", "'")
_EDGES = ("\n", ".", " ")
_EXPONENT = r"e[+-]?\d+"
_GROUPED = re.compile(r"-?(?<!\w)\d{1,3}(?:,\d{3})+(?!\w)")
_SCIENTIFIC = re.compile(rf"-?\d+(?:\.\d+)?{_EXPONENT}")
_PLAIN = re.compile(rf"-?(?:\d*\.\d+|\d+(?!\w))(?!{_EXPONENT})(?![,\d])")
_NUMBERS = (_GROUPED, _SCIENTIFIC, _PLAIN)
EXAMINED_CHARACTERS = 65_536


def matches(reply: str, golds: Sequence[str]) -> bool:
    """Tell whether one of `golds` is the answer in `reply`, of which the last 65,536 characters are read."""
    texts, numbers = candidates(reply[-EXAMINED_CHARACTERS:])
    for gold in golds:
        number = _number(gold.strip())
        if number is not None:
            if number in numbers:
                return True
            continue
        if any(form in text for form in _forms(gold.strip().lower()) for text in texts):
            return True
    return False


def candidates(reply: str) -> tuple[set[str], set[float]]:
    """Return the texts and the numbers that the reply may mean."""
    tails = _tails(reply)
    texts: set[str] = set()
    numbers: set[float] = set()
    for piece in [*tails, *(found for tail in tails for pattern in _NUMBERS for found in pattern.findall(tail))]:
        number = _number(piece.strip())
        if number is None:
            texts.update(_forms(piece.strip().lower()))
        else:
            numbers.add(number)
    return texts, numbers


def _tails(reply: str) -> list[str]:
    """Return the shortest tail after an indicator of each line that has one, else the whole reply."""
    folded = reply.strip().strip(".").lower()
    lines = folded.split("\n")
    tails = []
    for index, line in enumerate(lines):
        indicators = (*_INDICATORS, "=") if index == len(lines) - 1 else _INDICATORS
        found = [line.rsplit(indicator, 1)[1].strip() for indicator in indicators if indicator in line]
        tail = min(found, key=len) if found else ""
        if tail and tail not in _MARKS:
            tails.append(tail)
    if not tails:
        return [folded]
    for edge in _EDGES:
        tails = [tail.strip(edge) for tail in tails]
    return tails


def _number(text: str) -> float | None:
    try:
        return round(float(text.replace(",", "")), 2)
    except ValueError:
        return None


def _forms(text: str) -> tuple[str, ...]:
    return (f" {text}", f"{text} ") if len(text) == 1 else (text,)

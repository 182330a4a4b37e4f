"""Which option a wording stands for: by equality, or by being the only option named.

Longest first: "light blue" is not also a mention of "blue". Options with equal wording cannot be told apart by it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cached_property

from vlmeval.kinds.normal import compatible, loose

MENTIONS_OF_ONE_OPTION = 32

_ARTICLE = re.compile(r"^[\s\"'(]{0,3}(?:a|an|the) (?=[a-z0-9])", re.IGNORECASE)
_NEGATED = re.compile(
    r"(?:\b(?:not|never|neither|nor|without|cannot|rather than|instead of)"
    r"(?: (?:a|an|the|any|in|on|at|be|is|are|actually|really|necessarily|likely|option|show|shows|have|of))*"
    r"|不是|并非|而非|不会是|没有|不|非) ?$"
)


class OptionTexts:
    """The wordings of the displayed options; index j is the j-th letter. An empty wording is an option not offered."""

    def __init__(self, choices: Sequence[str]) -> None:
        self._choices = choices

    @cached_property
    def exact(self) -> tuple[str, ...]:
        """The options with case and blanks folded, punctuation kept."""
        return tuple(_exact(choice) for choice in self._choices)

    @cached_property
    def loose(self) -> tuple[str, ...]:
        """The options folded for comparison, without a leading article."""
        return tuple(_bare(choice) for choice in self._choices)

    def equal(self, text: str) -> int | None:
        """Return the index of the only option worded like `text`; None where none or several are."""
        for form, options in ((_exact(text), self.exact), (_bare(text), self.loose)):
            found = [index for index, option in enumerate(options) if option and option == form]
            if len(found) == 1:
                return found[0]
        return None

    def is_wording(self, text: str, index: int) -> bool:
        """Tell whether `text` is, or opens with, the wording of option `index`."""
        form, option = _bare(text), self.loose[index]
        if not option:
            return False
        return form == option or form.startswith(option + " ") or (form.startswith(option) and not option[-1].isascii())

    def mentioned(self, text: str) -> tuple[set[int], set[int]]:
        """Return the options named in `text`: affirmed, and only ever negated.

        Single ASCII letters are no names: they are option letters, articles or variables.
        """
        folded = loose(text)
        taken = bytearray(len(folded))
        affirmed: set[int] = set()
        negated: set[int] = set()
        order = sorted(range(len(self.loose)), key=lambda index: -len(self.loose[index]))
        for index in order:
            option = self.loose[index]
            if not option or (len(option) == 1 and option.isascii() and option.isalpha()):
                continue
            for start in _occurrences(folded, option):
                end = start + len(option)
                twin = any(self.loose[other] == option for other in affirmed | negated)
                if taken[start] and not twin:
                    continue
                taken[start:end] = b"\1" * len(option)
                (negated if _NEGATED.search(folded[max(0, start - 60) : start]) else affirmed).add(index)
        return affirmed, negated - affirmed


def _exact(text: str) -> str:
    return " ".join(compatible(text).casefold().split())


def _bare(text: str) -> str:
    """Fold `text` without its article; "A: cat" and "A. cat" carry a label, no article."""
    return loose(_ARTICLE.sub("", text))


def _occurrences(text: str, option: str) -> list[int]:
    """Return where `option` stands in `text` as whole words; Chinese has no blanks, so any place counts there."""
    starts: list[int] = []
    start = text.find(option)
    while start >= 0 and len(starts) < MENTIONS_OF_ONE_OPTION:
        end = start + len(option)
        before = text[start - 1] if start else " "
        after = text[end] if end < len(text) else " "
        if not (_joins(before, option[0]) or _joins(after, option[-1])):
            starts.append(start)
        start = text.find(option, start + 1)
    return starts


def _joins(neighbour: str, edge: str) -> bool:
    """Tell whether two neighbouring characters belong to one word or number."""
    if neighbour in ".,-/" and edge.isdigit():
        return True
    return neighbour.isalnum() and edge.isalnum() and neighbour.isascii() and edge.isascii()

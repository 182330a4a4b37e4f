"""Options named by their place in the list: "the second option", "option 2", 第二个选项, "the last choice"."""

from __future__ import annotations

import re

from vlmeval.kinds.letters import is_taken_back

_WORDS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")
_CHINESE = "一二三四五六七八九十"
_LAST = frozenset(("last", "最后"))
_PLACE = re.compile(
    rf"\b(?:the )?({'|'.join(_WORDS)}|last|\d{{1,2}}(?:st|nd|rd|th))"
    r"(?: (?:option|choice|answer|alternative)\b|(?= (?:or|and) (?:the )?\w{3,8} (?:option|choice)))"
    r"|\b(?:option|choice) (?:number |no\. ?|#)?(\d{1,2})\b(?![.,]\d)"
    rf"|第([{_CHINESE}]|\d{{1,2}})(?:个选项|个|项|选项)|(最后)一(?:个|项)",
    re.IGNORECASE,
)


def places(text: str, count: int, wordings: frozenset[str]) -> set[int]:
    """Return the places, from 0, named in `text` and not taken back; one past a list of `count` may be among them.

    "option 2" names nothing where "2" is the wording of an option.
    """
    found: set[int] = set()
    for match in _PLACE.finditer(text):
        word = next(group for group in match.groups() if group).lower()
        if is_taken_back(text, match.start(), match.end()) or (match[2] and word in wordings):
            continue
        found.add(count - 1 if word in _LAST else _index(word))
    return found


def _index(word: str) -> int:
    if word in _WORDS:
        return _WORDS.index(word)
    if word in _CHINESE:
        return _CHINESE.index(word)
    return max(0, int(re.sub(r"\D", "", word)) - 1)

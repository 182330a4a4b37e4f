"""Option letters as they stand in a tidied reply: which tokens are letters at all, and which are taken back.

The article "A", the pronoun "I", initials ("U.S.A"), names ("Vitamin A", "point B"), "C++" and "A's" are no answers.
A letter that is negated ("not B", "B is wrong", "B不对"), excluded or questioned ("A?") is not chosen.
"""

from __future__ import annotations

import re

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

END = (
    r"(?=[)\]}>\"']{0,3}(?:$|</|\n|[.;!:](?![A-Za-z0-9])|,(?! ?[(\[]?[A-Z][)\]]?(?![A-Za-z]))|[。,、;，；—-]|\\"
    r"| ?[(\[<\"]| (?:because|since|as|for|due|based|which|given|in|on|from|with|if|option|choice|is|was|here)\b"
    r"| ?[\u4e00-\u9fff]))(?![)\]\"'.]{0,2},? ?(?:/|&|or\b|and\b|或|和|与|及))"
)
"""What may follow a letter that concludes a statement: the end, punctuation or a reason, never a second letter."""

OPEN = r"[\s\"'(\[{<]{0,5}"

LETTER = re.compile(r"(?<![A-Za-z0-9])[A-Z](?![A-Za-z0-9])")

_VERBS = """
is was are because since as and or for if which with would should seems appears looks matches best correctly also cannot
can does shows
"""
_AFTER_LETTER = frozenset(_VERBS.split())
_WORD = re.compile(r" ([a-z]+)")
_NEGATED_BEFORE = re.compile(
    r"(?:\b(?:not|never|neither|nor|than|cannot be|exclud\w+|eliminat\w+|rul(?:e|es|ed|ing) out|reject\w*|instead of)"
    r"|(?:\bnot|n't) (?:be|choose|pick|select|say)|n't|不是|不选|不应选|不能选|排除|并非|而非|不会是)"
    r"[ (\[\"']{0,3}(?:the )?(?:option|choice|answer|letter|选项|选择)?[ (\[\"']{0,3}$",
    re.IGNORECASE,
)
_NEGATED_AFTER = re.compile(
    r"[)\]}\"']{0,3}(?: ?(?:选项|项))?(?:"
    r" ?(?:is|was|are|can be|must be|seems|looks|would be)?(?: (?:also|clearly|obviously|definitely|therefore|thus))?"
    r" ?(?:\bnot\b|isn't|wasn't|doesn't|does not|cannot|can't|don't|\bwrong\b|\bincorrect|\bfalse\b|\bexcluded"
    r"|\beliminated|\bruled out|\binvalid|\bout of the question)"
    r"|(?: ?[:-]) ?(?:wrong|incorrect|false|错误|错|不正确|不对)\b"
    r"|(?:显然|明显|也|都)?(?:是错|错|不|排除|并非|可以排除))",
    re.IGNORECASE,
)
_QUESTIONED = re.compile(r"[)\]}\"']{0,3} ?[?？]")
_INTRODUCED = re.compile(
    r"(?:^|[\s\"'(\[{:：,，。;；、=>-]|\b(?:is|be|it's|that's|was|to|with|say|option|choice|answer|letter|choose|pick|select|so|but"
    r"|therefore|thus|hence|no|yes|actually|maybe|probably|perhaps|either|or|and|as|both|between|than|think|believe|guess"
    r"|options|choices|answers|letters|from|not)|[\u4e00-\u9fff])$",
    re.IGNORECASE,
)
_PRECEDING_WORD = re.compile(r"([A-Za-z']+) ?[\"'(\[{]{0,2}$")


def is_letter(text: str, at: int) -> bool:
    """Tell whether the lone capital at `text[at]` names an option rather than being a word or part of a name."""
    following, preceding = text[at + 1 : at + 3], text[max(0, at - 2) : at]
    if following[:1] in {"'", "-", "&", ".", "_"} and following[1:2].isalnum() and following[1:2].isascii():
        return False
    if following[:1] in {"+", "#", "%", "°", "\\", "="} or preceding[-1:] in {"\\", "_", "^"}:
        return False
    if preceding[-1:] in {"-", "&", "'", "."} and preceding[:1].isalnum() and len(preceding) == 2:
        return False
    if text[at] not in "AI":
        return True
    word = _WORD.match(text, at + 1)
    return word is None or (word[1] in _AFTER_LETTER and not (text[at] == "I" and word[1] != "is"))


def is_taken_back(text: str, start: int, end: int) -> bool:
    """Tell whether `text[start:end]`, a letter or a statement that ends in one, is negated or doubted."""
    before = text[max(0, start - 48) : start]
    return bool(_NEGATED_BEFORE.search(before) or _NEGATED_AFTER.match(text, end) or _QUESTIONED.match(text, end))


def is_introduced(text: str, at: int) -> bool:
    """Tell whether the letter at `text[at]` stands as an answer may: in brackets or quotes, after "is", "option", "so".

    "Vitamin A" and "point B" name other things.
    """
    before = text[max(0, at - 24) : at]
    if not before or before[-1] in "([{<\"'\n" or "\u4e00" <= before[-1] <= "\u9fff":
        return True
    word = _PRECEDING_WORD.search(before)
    if word is None or (len(word[1]) == 1 and word[1].isupper()):  # "A B C D" is a list: each stands as the first does
        return True
    return _INTRODUCED.search(word[1]) is not None

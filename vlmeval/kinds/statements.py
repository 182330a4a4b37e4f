"""Statements by which a reply says what it chooses: "the answer is B", a box, a tag, "so C", 答案是B.

Three strengths. A statement of a stronger sort decides before any of a weaker one; within a sort the last one does,
because a reply that corrects itself does so later. Statements that are negated or doubted do not count.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from msgspec import Struct

from vlmeval.kinds.letters import END, OPEN, is_letter, is_taken_back
from vlmeval.kinds.optiontext import OptionTexts

_NOUN = r"(?:the )?(?:correct |right |final |best )?(?:option|choice|answer|letter|选项|选择)?"
_HEDGE = r"(?:(?:therefore|thus|clearly|definitely|most likely|probably|likely|indeed|simply|actually|then|now),? ?)?"
_STRONG_VERB = (
    r"(?:is|was|would be|should be|must be|will be|has to be|could be|be|seems to be|appears to be|:|=|->|=>)"
)

_ANSWER = re.compile(
    r"\b(?:answers?|conclusion|option|choice|solution|response|selection)\b['\"]?(?: to [^.\n:]{1,40})?(?: here)? ?"
    rf"(?:{_STRONG_VERB}\s{{0,2}})+{_HEDGE}{_NOUN}{OPEN}(?P<x>[A-Za-z]){END}",
    re.IGNORECASE,
)
_ANSWER_BARE = re.compile(rf"\b[Aa](?:nswer|NSWER)[\s([\"']{{1,4}}(?P<x>[A-Z]){END}")
_CORRECTION = re.compile(
    r"\b(?:wait|no|actually|rather|instead|correction|sorry|hmm)\b[,.:!-]{0,3}\s?"
    rf"(?:(?:no|wait|actually|rather)[,.]? ?)?(?:it's |it is |it must be |it should be |that's |i mean |make that )?"
    rf"{_NOUN}{OPEN}(?P<x>[A-Z]){END}",
    re.IGNORECASE,
)
_CHINESE = re.compile(
    r"(?:答案|正确的是|应为|应该是|而是|应选|应该选|应选择|故选|因此选|所以选|我选|选择|(?<!不)(?<!可)(?<!能)选(?!项))"
    r"(?:应该|应当|应|就|只能|显然)?(?:是|为|选|:|：)*\s?(?:选项|答案)?"
    rf"{OPEN}(?P<x>[A-Za-z])(?![A-Za-z0-9])(?!\s?[、,/或和与及]\s?[A-Z](?![A-Za-z]))"
)
_THEREFORE = re.compile(
    r"(?:\b(?:so|therefore|thus|hence|consequently|finally|but)\b|因此|所以|故)[,，:]? ?"
    r"(?:it's |it is |it must be |it should be |this is |that is |i (?:would )?(?:say |think |guess )|we have )?"
    rf"{_HEDGE}{_NOUN}{OPEN}(?P<x>[A-Z]){END}",
    re.IGNORECASE,
)
_CHOOSE = re.compile(
    r"\b(?:i|we|i'd|i'll|i would|would|should|must|let's|to)\b(?:(?!\bnot\b|n\'t|never)[^.\n?]){0,24}? ?"
    r"\b(?:choose|chose|select|selected|pick|go with|going with|opt for|vote for|settle on|mark|be|say)"
    rf" {_NOUN}{OPEN}(?P<x>[A-Z]){END}",
    re.IGNORECASE,
)
_IS_RIGHT = re.compile(
    r"(?<![A-Za-z0-9])(?P<x>[A-Z])[)\]\"'.:]{0,2} ?(?:选项|项)?(?: (?:is|seems|appears to be|looks|must be|would be)"
    r"(?: (?!not\b|wrong\b|in)[a-z]+)?(?: the)?(?: (?:most|best|only))? ?(?:one that is )?"
    r"(?:correct|right|best|accurate|answer|appropriate|true)\b(?! (?:only|if|about|color|size))"
    r"|\s?(?:是|为)?(?:正确|对的|最合适|最佳|最符合|符合题意))"
)
_BOX = re.compile(
    r"\\(?:boxed|fbox) ?\{([^{}]{0,400})\}|<answer> ?((?:[^<]|<(?!answer>)){0,400}?) ?</answer>",
    re.DOTALL | re.IGNORECASE,
)
_UNCLOSED_TAG = re.compile(r"<answer>([^<]{1,400})$", re.IGNORECASE)
_ANSWER_TEXT = re.compile(
    r"(?:\b(?:answers?|conclusion)\b['\"]?(?: to [^.\n:]{1,40})? ?"
    rf"(?:{_STRONG_VERB}\s{{0,2}})+|答案(?:应该|应)?(?:是|为|:|：)\s?)(?P<x>[^\n]{{1,300}})",
    re.IGNORECASE,
)
_LIST = re.compile(r"[)\]\"'.]{0,2},? ?(?:/|&|or\b|and\b)", re.IGNORECASE)
_SENTENCE_END = re.compile(r"(?<!\d)[.!;](?= |$)|(?<=\d)\.(?= |$)|[。！；]")
_BARE = re.compile(
    r"(?:(?:the )?(?:option|choice|letter|选项|选)[ :]{0,2})?"
    r"[\W_]{0,12}([A-Za-z])[\W_]{0,12}(?:选项|项)?[\W_]{0,4}",
    re.IGNORECASE,
)


class Statement(Struct, frozen=True):
    """A letter stated at a place. The letter need not be among the options."""

    at: int
    letter: str
    rule: str


def bare(text: str) -> str | None:
    """Return the letter that `text` consists of, upper-case, without decoration: "(b)", "['A']", "Option B."."""
    if len(text) > 64:
        return None
    found = _BARE.fullmatch(text)
    return found[1].upper() if found and not re.search(r"[+#%°=\d]", text) else None


def leading_wording(text: str) -> str:
    """Return the first sentence of the first line of `text`."""
    line = text.partition("\n")[0]
    end = _SENTENCE_END.search(line)
    return line[: end.start()] if end else line


def strong(text: str, texts: OptionTexts, letters: str) -> list[Statement]:
    """Return the outright statements, in reading order: answer, box, tag, correction, and an answer given in words."""
    found = [*_matches(_ANSWER, text, "answer"), *_matches(_ANSWER_BARE, text, "answer")]
    found += _matches(_CHINESE, text, "answer")
    if found or "<" in text or "\\" in text or "answer" in text.lower() or "答案" in text:
        found += _boxes(text, texts, letters)
        found += _in_words(text, texts, letters, {statement.at for statement in found})
    found += _matches(_CORRECTION, text, "correction")
    return sorted(found, key=lambda statement: statement.at)


def weak(text: str) -> list[Statement]:
    """Return the conclusions drawn in passing, in reading order: "so C", "I choose C", "C is correct"."""
    found = [*_matches(_THEREFORE, text, "therefore"), *_matches(_CHOOSE, text, "choose")]
    found += _matches(_IS_RIGHT, text, "is_right")
    return sorted(found, key=lambda statement: statement.at)


def _matches(pattern: re.Pattern[str], text: str, rule: str) -> Iterator[Statement]:
    """Yield what `pattern` states. A small letter counts only where punctuation or the end follows ("answer: b")."""
    for match in pattern.finditer(text):
        at = match.start("x")
        letter = text[at]
        if letter.islower() and (
            rule != "answer" or re.match(r"[)\]\"'}]{0,2}(?:$|[\n.。)\]])", text[at + 1 : at + 5]) is None
        ):
            continue
        if letter.isupper() and not is_letter(text, at):
            continue
        if is_taken_back(text, match.start(), at + 1) or is_taken_back(text, at, at + 1):
            continue
        yield Statement(at, letter.upper(), rule)


def _boxes(text: str, texts: OptionTexts, letters: str) -> Iterator[Statement]:
    for match in [*_BOX.finditer(text), *_UNCLOSED_TAG.finditer(text)]:
        rule = "boxed" if match[0].startswith("\\") else "tag"
        letter = _decide(next((group for group in match.groups() if group), ""), texts, letters)
        if letter is not None:
            yield Statement(match.start(), letter, rule)


def _decide(content: str, texts: OptionTexts, letters: str) -> str | None:
    """Return the letter that a box or tag holds: a letter, a labelled option, or an option's wording."""
    letter = bare(content.strip())
    if letter is not None:
        return letter
    label = re.match(r"[\s(\[\"']{0,4}([A-Za-z])(?:[)\].:,、 ]|$)", content)
    if label and label[1].upper() in letters:
        rest = content[label.end() :]
        if label[0].rstrip()[-1:] in ").]:、,:" or texts.is_wording(rest, letters.index(label[1].upper())):
            return label[1].upper()
    index = texts.equal(content)
    return letters[index] if index is not None else None


def _in_words(text: str, texts: OptionTexts, letters: str, taken: set[int]) -> Iterator[Statement]:
    """Yield the options named after "the answer is", where no letter was read there."""
    for match in _ANSWER_TEXT.finditer(text):
        if any(match.start("x") <= at < match.start("x") + 24 for at in taken):
            continue
        if is_taken_back(text, match.start(), match.start("x")):
            continue
        sentence = leading_wording(match["x"])
        index = texts.equal(sentence)
        if index is None:
            affirmed, _ = texts.mentioned(sentence)
            index = affirmed.pop() if len(affirmed) == 1 else None
        if index is not None:
            yield Statement(match.start("x"), letters[index], "answer_text")

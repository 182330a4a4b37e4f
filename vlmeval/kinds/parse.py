"""From a reply to the option it chooses, and the rule that decided.

The rules stand in `_RULES` in the order they are asked; the first that decides ends the matter. A rule may also decide
that the reply chooses nothing. Nothing is ever guessed: a reply that names several options, none, or one that was not
offered is unparsed, and the rule says why. Time is linear in the length of the reply (see `normal.region`).

The letter leads where letter and wording differ ("B. cat" is B even if option B is "dog"): the question asks for it,
and the published figures follow it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import cached_property

from msgspec import Struct

from vlmeval.kinds.letters import LETTER, LETTERS, is_introduced, is_letter, is_taken_back
from vlmeval.kinds.normal import tidy
from vlmeval.kinds.optiontext import OptionTexts
from vlmeval.kinds.ordinals import places
from vlmeval.kinds.refusals import declines, is_failure_text
from vlmeval.kinds.statements import Statement, bare, leading_wording, strong, weak
from vlmeval.kinds.thinking import visible

SHORT_REPLY = 400
LABELS_AT_EITHER_END = 32

_LABEL = re.compile(
    r"(?:^|(?<=\n)|(?<=[\s,;、]))[(\[<]?([A-Z])(?:[)\]>][.:]?|[.:、）])\s?(?=\S)|(?:^|(?<=\n))([A-Z])(?=\n|$)"
)
_LEADING_LABEL = re.compile(
    r"(?:(?:the )?(?:option|choice|answer|选项)[ :]{0,2})?[\"']?"
    r"(?:[(\[<{]\s?([A-Za-z])\s?[)\]>}][\"']?[.:,、]?(?=\s|$|[^A-Za-z0-9])|[(\[<{]\s?([A-Z])\s?[)\]>}]|([A-Za-z])[)\]、:]"
    r"|([A-Za-z])[.](?![A-Za-z]\.)|([A-Z])(?=\n|,? ?(?:because|since)\b| ?[-;]\s|, [a-z]|\s?[\u4e00-\u9fff]))",
    re.IGNORECASE,
)
_FURTHER_LETTER = re.compile(
    r"[\s,/&]{0,3}(?:(?:or|and)\b|[/&或和与及]|[(\[]?[A-Z](?:[)\],./]|$| ?(?:&|(?:or|and|are)\b|[或和与及])))"
)
_SENTENCES = re.compile(r"(?<=[.!?。！？])\s|\n")
_YES_NO = """
yes no true false correct incorrect right wrong 是 否 对 错 正确 错误 不是 有 没有
"""
_YES_OR_NO = frozenset(_YES_NO.split())


class Extraction(Struct, frozen=True):
    """The displayed letter a reply chooses, None where it chooses none, and the rule that decided."""

    letter: str | None
    rule: str


class _Reply:
    """A reply under examination: its tidied text, the letters offered and their wordings."""

    def __init__(self, raw: str, choices: Sequence[str]) -> None:
        self.raw = raw
        self.letters = LETTERS[: len(choices)]
        self.offered = frozenset(letter for letter, choice in zip(self.letters, choices, strict=False) if choice)
        self.texts = OptionTexts(choices)

    @cached_property
    def text(self) -> str:
        return tidy(self.raw)

    @cached_property
    def own_labels(self) -> list[tuple[int, str]]:
        """Place and letter of the labels that stand before their own option's wording; of many, the first and last."""
        found = list(_LABEL.finditer(self.text))
        if len(found) > 2 * LABELS_AT_EITHER_END:
            found = found[:LABELS_AT_EITHER_END] + found[-LABELS_AT_EITHER_END:]
        own = []
        for match in found:
            group = match.lastindex or 0
            index = self.letters.find(match[group])
            line = self.text[match.end() : match.end() + SHORT_REPLY].partition("\n")[0]
            if index >= 0 and self.texts.is_wording(line, index):
                own.append((match.start(group), match[group]))
        return own

    @cached_property
    def repeats_list(self) -> bool:
        """Whether the reply repeats the options from A on, each with its own wording."""
        return [letter for _, letter in self.own_labels[:2]] == ["A", "B"]

    @cached_property
    def conclusion(self) -> str:
        """The whole text of a short reply, the last sentence of a long one: names in long reasoning are no answers."""
        if len(self.text) <= SHORT_REPLY:
            return self.text
        sentences = [part for part in _SENTENCES.split(self.text[-2 * SHORT_REPLY :]) if part.strip()]
        return sentences[-1][-SHORT_REPLY:]

    def verdict(self, letter: str, rule: str) -> Extraction:
        """Return the extraction of `letter`, unparsed where it was not offered."""
        return Extraction(letter, rule) if letter in self.offered else Extraction(None, "not_offered")

    def last(self, statements: list[Statement]) -> Extraction | None:
        """Return what the last of `statements` says."""
        if not statements:
            return None
        return self.verdict(statements[-1].letter, statements[-1].rule)


def extract(reply: str, choices: Sequence[str]) -> Extraction:
    """Return the displayed letter that `reply` chooses among `choices` (A is the first), or None, with the rule.

    At most 26 choices have letters. Pure, deterministic, and the same under blanks around the reply.
    """
    seen = visible(reply)
    if seen is None:
        return Extraction(None, "thinking_unfinished")
    examined = _Reply(seen, choices)
    for rule in _RULES:
        decided = rule(examined)
        if decided is not None:
            return decided
    return Extraction(None, "no_option")


def _empty(reply: _Reply) -> Extraction | None:
    return Extraction(None, "empty") if not reply.text else None


def _failure_text(reply: _Reply) -> Extraction | None:
    """The error message of another program, taken for an answer there."""
    return Extraction(None, "failure_text") if is_failure_text(reply.raw) else None


def _letter(reply: _Reply) -> Extraction | None:
    """The whole reply is a letter, in any case and decoration."""
    letter = bare(reply.text)
    if letter is None or (letter not in reply.letters and reply.texts.equal(reply.text) is not None):
        return None
    return reply.verdict(letter, "letter")


def _wording(reply: _Reply) -> Extraction | None:
    """The whole reply is an option's wording, in other case and punctuation."""
    if len(reply.raw) > 4 * SHORT_REPLY:
        return None
    index = reply.texts.equal(reply.text)
    return None if index is None else Extraction(reply.letters[index], "wording")


def _labelled_wording(reply: _Reply) -> Extraction | None:
    """The whole reply is a letter and that option's own wording, with anything or nothing between them."""
    label = re.match(r"[(\[]?([A-Za-z])(?![A-Za-z0-9])[)\].:、,; -]{0,4}", reply.text)
    if label is None or label[1].upper() not in reply.letters:
        return None
    letter = label[1].upper()
    same = reply.texts.equal(reply.text[label.end() :]) == reply.letters.index(letter)
    return Extraction(letter, "label") if same else None


def _stated(reply: _Reply) -> Extraction | None:
    r"""The last outright statement: "the answer is B", \boxed{B}, <answer>B</answer>, 答案是B, "no, B"."""
    return reply.last(strong(reply.text, reply.texts, reply.letters))


def _closing_letter(reply: _Reply) -> Extraction | None:
    """The last line is a letter, or a label with its wording, and no list is being repeated."""
    head, _, line = reply.text.rpartition("\n")
    letter = bare(line)
    if not head or letter is None or letter not in reply.letters or not line.strip("()[] .\"'").isupper():
        return None
    others = {bare(other) for other in head.split("\n")[-8:]} - {None}
    return None if others - {letter} else Extraction(letter, "closing_letter")


def _concluded(reply: _Reply) -> Extraction | None:
    """The last conclusion in passing: "so C", "I choose C", "C is correct"."""
    return reply.last(weak(reply.text))


def _label(reply: _Reply) -> Extraction | None:
    """The reply opens with a letter as a label: "B. because ...", "(B) green", "B、猫"."""
    match = _LEADING_LABEL.match(reply.text)
    if match is None or reply.repeats_list:
        return None
    group = match.lastindex or 0
    at = match.start(group)
    letter = match[group].upper()
    rest = reply.text[match.end() :]
    own = letter in reply.letters and reply.texts.is_wording(rest.lstrip(), reply.letters.index(letter))
    if match[group].islower() and rest[:1] and not rest[0].isspace() and not own:
        return None
    if rest[:1].isalpha() and rest[0].isascii() and not own and match[0][-1] in ".:":
        return None
    if not own and is_taken_back(reply.text, at, at + 1):
        return None
    if _FURTHER_LETTER.match(rest):
        return None
    return reply.verdict(letter, "label")


def _closing_label(reply: _Reply) -> Extraction | None:
    """Exactly one option is labelled with its own wording ("... so we get" and, on a line of its own, "B. green")."""
    own = {letter for at, letter in reply.own_labels if not is_taken_back(reply.text, at, at + 1)}
    return Extraction(own.pop(), "label") if len(own) == 1 else None


def _opening_wording(reply: _Reply) -> Extraction | None:
    """The first sentence is an option's wording; for yes and no, what stands before the first comma."""
    first = leading_wording(reply.text)
    index = reply.texts.equal(first)
    if index is None:
        word = re.split(r"[,，:]", first, maxsplit=1)[0]
        index = reply.texts.equal(word) if word.strip().casefold() in _YES_OR_NO else None
    return None if index is None else Extraction(reply.letters[index], "opening_wording")


def _refusal(reply: _Reply) -> Extraction | None:
    """The reply declines, unless declining is one of the options ("Cannot be determined")."""
    if any(declines(option) for option in reply.texts.exact):
        return None
    return Extraction(None, "refusal") if declines(reply.text[:120]) or declines(reply.conclusion) else None


def _repeated_list(reply: _Reply) -> Extraction | None:
    return Extraction(None, "repeated_list") if reply.repeats_list else None


def _prose_letter(reply: _Reply) -> Extraction | None:
    """Exactly one letter stands in the prose as an answer may, and is not taken back."""
    text, kept, dropped = reply.conclusion, set(), False
    for match in LETTER.finditer(text):
        at = match.start()
        if match[0] not in reply.offered or not is_letter(text, at):
            continue
        if is_taken_back(text, at, at + 1):
            dropped = True
        elif is_introduced(text, at):
            kept.add(match[0])
    if len(kept) == 1:
        return Extraction(kept.pop(), "prose_letter")
    if kept:
        return Extraction(None, "several_letters")
    return Extraction(None, "taken_back") if dropped else None


def _ordinal(reply: _Reply) -> Extraction | None:
    """Exactly one place in the list is named: "the second option", 第二个选项; not "option 2" where 2 is a wording."""
    found = places(reply.text, len(reply.letters), frozenset(reply.texts.loose))
    if len(found) != 1:
        return Extraction(None, "several_options") if found else None
    return reply.verdict(LETTERS[min(found.pop(), len(LETTERS) - 1)], "ordinal")


def _mentioned(reply: _Reply) -> Extraction | None:
    """Exactly one option is named: in a short reply anywhere, in a long one in its last sentence."""
    affirmed, negated = reply.texts.mentioned(reply.conclusion)
    if len(affirmed) == 1:
        return Extraction(reply.letters[affirmed.pop()], "mentioned")
    if affirmed:
        return Extraction(None, "several_options")
    return Extraction(None, "taken_back") if negated else None


_RULES: tuple[Callable[[_Reply], Extraction | None], ...] = (
    _empty,
    _failure_text,
    _letter,
    _wording,
    _labelled_wording,
    _stated,
    _closing_letter,
    _concluded,
    _label,
    _closing_label,
    _opening_wording,
    _refusal,
    _repeated_list,
    _prose_letter,
    _ordinal,
    _mentioned,
)

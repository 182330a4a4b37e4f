"""From a reply to yes or no, and the rule that decided.

The rules stand in `_RULES` in the order they are asked; the first that decides ends the matter, also by saying that
the reply takes no side. Nothing is guessed: a reply that says both, neither, or that it may be either is unparsed, and
so is a sentence without yes or no, unless it restates a question of the form "Is there a dog?" ("There is no dog."). A
"no" in front of a noun is no answer by itself: else "There is no dog" would count and "There is a dog" would not, and
the ratio of yes answers would measure phrasing. Time is linear in the length of the reply (see `normal.region`).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cached_property

from msgspec import Struct

from vlmeval.kinds.normal import loose, tidy
from vlmeval.kinds.refusals import declines, is_failure_text
from vlmeval.kinds.thinking import visible

YES, NO = "yes", "no"
SHORT_REPLY = 400

_SIDES = {
    YES: "yes yeah yep yup yea true correct affirmative y 是 是的 对 对的 有 有的 正确 没错 肯定 肯定的",
    NO: (
        "no nope nah not false incorrect negative n 否 不 不是 不是的 不对 没有 没 无 错 错误 不正确 否定 否定的 并没有"
    ),
}
_SIDE_OF = {word: side for side, words in _SIDES.items() for word in words.split()}
_SPOKEN = r"(?<![\w'/-])(?P<x>yes|yeah|yep|yup|no|nope|nah)(?![\w'/-])"
_CHINESE_WORD = (
    r"(?:不是的|是的|对的|有的|没错|肯定的?|否定的?|正确|不正确|错误|不对|不是|并没有|没有|是|否|对|错|有|不|无)"
)
_CHINESE_END = r"(?=$|[\s,.;:!?，。；：！？、\"')\]}>])"

_WORD = re.compile(r"[\W_]*([^\W_]+)[\W_]*(?:\1[\W_]*){0,3}")
_OPPOSITES = re.compile(
    r"\b(?:yes(?: ?/ ?| ?\| ?|,? (?:or|and|nor) |,? )['\"]?no|no(?: ?/ ?| ?\| ?|,? (?:or|and|nor) |,? )['\"]?yes)\b"
    r"|是 ?(?:/|或者?|还是|和) ?(?:否|不是)",
    re.IGNORECASE,
)
_IDIOM = re.compile(
    r"\bno (?:doubt|question|problem|matter|wonder|worries|longer|more|less|fewer|sooner)\b|\bno\. ?\d", re.IGNORECASE
)
_HEDGED_BEFORE = re.compile(
    r"\b(?:maybe|perhaps|possibly|might be|may be|could be|can be|not sure|unsure|uncertain|unclear|whether|not|if"
    r"|either|neither|instead of|rather than)[\s:,\"'(]{0,3}(?:it is |the answer is |a )?$"
    r"|\bnot (?:[a-z]+ ){0,2}(?:to )?(?:say|be|mean|answer)[\s\"']{0,2}$|n't (?:say |be |mean )?[\"']?$",
    re.IGNORECASE,
)
_HEDGE = r"(?:(?:therefore|thus|clearly|definitely|most likely|probably|likely|simply|indeed|actually|then|now|a),? ?)?"
_SAYS = (
    r"(?:is|was|would be|should be|must be|will be|has to be|seems to be|appears to be|might be|may be|could be|:|=|->"
    r"|=>)"
)
_ANSWER = re.compile(
    rf"\b(?:answers?|conclusion|response|verdict|judge?ment)\b['\"]?(?: to [^.\n:]{{1,80}})?(?: here)? ?"
    rf"(?:{_SAYS}\s?){{1,3}}\s{{0,2}}{_HEDGE}[\s\"'(\[{{<]{{0,3}}(?P<x>yes|no|true|false)(?![\w/-])(?! ?\?)",
    re.IGNORECASE,
)
_CHINESE_ANSWER = re.compile(
    rf"(?:答案|回答|结论|判断)(?:应该|应当|应|就|显然)?(?:是|为|:)+[\s\"'(\[]{{0,3}}(?P<x>{_CHINESE_WORD}){_CHINESE_END}"
)
_BOXED = re.compile(r"\\(?:boxed|fbox) ?\{[\s\"']*(?P<x>yes|no|true|false)[\s\"'.]*\}", re.IGNORECASE)
_TAGGED = re.compile(r"<answer>[\s\"']*(?P<x>yes|no|true|false|是|否)\b[^<]{0,200}(?:</answer>|$)", re.IGNORECASE)

_LEAD = re.compile(
    rf"(?P<why>^|(?<=[.!?;。！？；])|(?<=\n)|\b(?:so|therefore|thus|hence|finally|overall|but|however|wait|actually|sorry"
    rf"|correction|rather|instead|i mean|on second thought|in conclusion)\b,?)"
    rf"(?:[\s\"'(\[>:-]|\d\.|(?:well|ok|okay|oh|hmm|um)\b,?){{0,6}}{_SPOKEN}",
    re.IGNORECASE,
)
_CHINESE_LEAD = re.compile(rf"^[\W_]*(?P<x>{_CHINESE_WORD})(?=[\s,.;:!?，。；：！？、]|$)")
_INTERJECTION = re.compile(
    r"['\")\]]{0,2}(?:$|[\n,.;:!?—–-]| -|\s(?:there|it|this|that|the|they|these|those|he|she|i|we|you|in|a|an|because"
    r"|since|as|not|based|according|is|are|both|all|each)\b)",
    re.IGNORECASE,
)
_CORRECTS = re.compile(r"(?:wait|actually|sorry|correction|rather|instead|i mean|on second thought)\b", re.IGNORECASE)
_CONCLUDES = re.compile(r"(?:so|therefore|thus|hence|finally|overall|in conclusion)\b", re.IGNORECASE)
_SAID = re.compile(
    r"(?:\b(?:say|says|said|think|believe|guess|answer|reply|respond|choose|select|is|be|it's|as|with|a|:)|[\"'(\[:])"
    r"[\s\"'(\[:,]{0,3}(?:that )?(?:a )?$",
    re.IGNORECASE,
)
_SENTENCES = re.compile(r"(?<=[.!?。！？])\s|\n")

_ARTICLE = r"(?:(?:an?|any|some|the) )?"
_PLACE = r"(?:in|on|at|of) (?:the|this) (?:image|picture|photo|photograph|figure|scene)"
_EXISTS_ASKED = re.compile(rf"(?:{_PLACE} )?(?:is|are|was|were) there {_ARTICLE}(?P<noun>.{{1,80}}?)(?: {_PLACE})?")
_EXISTS = re.compile(
    rf"(?:{_PLACE} )?there (?:is|are|was|were|does|do)(?P<not> no| not)?(?: appear to be| seem to be)?"
    rf"(?P<not2> no| not)? {_ARTICLE}(?P<noun>.+)"
)


class Reading(Struct, frozen=True):
    """The side that a reply takes, "yes", "no" or None for none, and the rule that decided."""

    side: str | None
    rule: str


class _Reply:
    """A reply under examination, tidied; `text` has idioms ("no doubt") and the words "yes or no" blanked."""

    def __init__(self, raw: str, question: str) -> None:
        self.raw = raw
        self.whole = tidy(raw)
        self.question = question
        self.offers_both = _OPPOSITES.search(self.whole) is not None
        self.text = _OPPOSITES.sub(_blank, _IDIOM.sub(_blank, self.whole))

    @cached_property
    def conclusion(self) -> str:
        """The whole text of a short reply, the last sentence of a long one."""
        if len(self.text) <= SHORT_REPLY:
            return self.text
        sentences = [part for part in _SENTENCES.split(self.text[-2 * SHORT_REPLY :]) if part.strip()]
        return sentences[-1][-SHORT_REPLY:] if sentences else ""

    @cached_property
    def asked_for(self) -> str | None:
        """What the question asks the existence of, loosely written; None for other questions."""
        found = _EXISTS_ASKED.fullmatch(loose(self.question[: 2 * SHORT_REPLY]))
        return found["noun"] if found else None


def extract(reply: str, question: str = "") -> Reading:
    """Return which side `reply` takes, or none, with the rule. `question` helps with replies that restate it."""
    seen = visible(reply)
    if seen is None:
        return Reading(None, "thinking_unfinished")
    examined = _Reply(seen, question)
    for rule in _RULES:
        decided = rule(examined)
        if decided is not None:
            return decided
    return Reading(None, "both" if examined.offers_both else "no_side")


def _blank(found: re.Match[str]) -> str:
    return " " * len(found[0])


def _side(word: str) -> str:
    folded = word.lower()
    return _SIDE_OF["no" if folded in ("nope", "nah") else folded]


def _empty(reply: _Reply) -> Reading | None:
    return Reading(None, "empty") if not reply.whole else None


def _failure_text(reply: _Reply) -> Reading | None:
    """The error message of another program, taken for an answer there."""
    return Reading(None, "failure_text") if is_failure_text(reply.raw) else None


def _word(reply: _Reply) -> Reading | None:
    """The whole reply is one word, in any decoration: "Yes.", "**no**", "False", 否."""
    found = _WORD.fullmatch(reply.whole) if len(reply.whole) <= SHORT_REPLY else None
    side = _SIDE_OF.get(found[1].lower()) if found else None
    return Reading(side, "word") if side and found and found[1].lower() != "not" else None


def _stated(reply: _Reply) -> Reading | None:
    r"""The last outright statement: "the answer is no", \boxed{yes}, <answer>no</answer>, 答案是是."""
    found: list[tuple[int, str, str]] = []
    for rule, pattern in (("answer", _ANSWER), ("answer", _CHINESE_ANSWER), ("boxed", _BOXED), ("tag", _TAGGED)):
        for match in pattern.finditer(reply.text):
            hedged = rule == "answer" and _HEDGED_BEFORE.search(reply.text[: match.start("x")][-48:])
            found.append((match.start("x"), "" if hedged else _side(match["x"]), rule))
    if not found:
        return None
    _, side, rule = max(found)
    return Reading(side, rule) if side else Reading(None, "hedged")


def _led(reply: _Reply) -> Reading | None:
    """Sentences open with yes or no: they agree, or the last one corrects or concludes ("No, wait, yes")."""
    leads = [match for match in _LEAD.finditer(reply.text) if _is_interjection(reply.text, match)]
    if not leads:
        found = _CHINESE_LEAD.match(reply.text)
        return Reading(_side(found["x"]), "opening") if found else None
    last = _side(leads[-1]["x"])
    if all(_side(lead["x"]) == last for lead in leads):
        return Reading(last, "opening" if leads[0].start("why") == 0 and not leads[0]["why"] else "conclusion")
    if _CORRECTS.match(leads[-1]["why"]):
        return Reading(last, "correction")
    return Reading(last, "conclusion") if _CONCLUDES.match(leads[-1]["why"]) else Reading(None, "both")


def _is_interjection(text: str, lead: re.Match[str]) -> bool:
    """Tell whether yes or no stands by itself; "No dogs ..." has it in front of a noun."""
    return _side(lead["x"]) == YES or _INTERJECTION.match(text, lead.end()) is not None


def _restated(reply: _Reply) -> Reading | None:
    """The question asks whether there is something, and the reply says that there is or is not: "There is no dog."

    A reply about something else ("There is a cat.") decides nothing.
    """
    noun = reply.asked_for
    if noun is None:
        return None
    sentence = loose(_SENTENCES.split(reply.whole, maxsplit=1)[0][:SHORT_REPLY])
    found = _EXISTS.fullmatch(sentence)
    if found and re.match(rf"{re.escape(noun)}\b", found["noun"]) and " but " not in sentence:
        return Reading(NO if found["not"] or found["not2"] else YES, "restated")
    if re.match(rf"no {re.escape(noun)}\b", sentence):
        return Reading(NO, "restated")
    return None


def _mentioned(reply: _Reply) -> Reading | None:
    """Yes or no is what somebody says ("I would say yes"): one side only, and not hedged."""
    sides, hedged = set(), False
    for match in re.finditer(_SPOKEN, reply.conclusion, re.IGNORECASE):
        before = reply.conclusion[: match.start()][-48:]
        if _HEDGED_BEFORE.search(before):
            hedged = True
        elif _SAID.search(before) and (_side(match["x"]) == YES or _INTERJECTION.match(reply.conclusion, match.end())):
            sides.add(_side(match["x"]))
    if len(sides) == 1 and not hedged and not reply.offers_both:
        return Reading(sides.pop(), "mentioned")
    if sides or hedged:
        return Reading(None, "both" if len(sides) > 1 else "hedged")
    return None


def _refusal(reply: _Reply) -> Reading | None:
    return Reading(None, "refusal") if declines(reply.whole[:120]) or declines(reply.conclusion) else None


_RULES: tuple[Callable[[_Reply], Reading | None], ...] = (
    _empty, _failure_text, _word, _stated, _led, _restated, _mentioned, _refusal,
)  # fmt: skip

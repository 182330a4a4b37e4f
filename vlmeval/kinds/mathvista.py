"""MathVista: choices, whole numbers, decimals and lists, read from a reply and put into the form of the gold.

Lu et al. 2024, MathVista, ICLR 2024, arXiv:2310.02255; lupantech/MathVista, evaluation/calculate_score.py and
extract_answer.py at 53d5258. There a language model extracts the answer from every reply, and the extraction is
normalised. Here rules extract it, and what they cannot read is unparsed; `extracted` takes an extraction made
elsewhere, so that the official verdicts on recorded extractions come out, one by one.

Where an extraction names no option the official program takes the option nearest to it by edit distance, so every
reply has an answer, an empty one too. Here that is unparsed; `policy = "official"` takes the nearest, under the rule
"official-nearest".
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

import msgspec
from msgspec import Struct

from vlmeval import jsonio
from vlmeval.data.task import Task
from vlmeval.data.variants import repeated
from vlmeval.errors import DataError
from vlmeval.kinds.letters import LETTERS
from vlmeval.kinds.normal import tidy
from vlmeval.kinds.parse import extract
from vlmeval.kinds.prompt import find_style, render, render_options
from vlmeval.kinds.refusals import is_failure_text
from vlmeval.kinds.rotation import NO_TEXT, displayed, order_of, wordings
from vlmeval.kinds.short import seeded
from vlmeval.kinds.thinking import visible
from vlmeval.types import Answer, Outcome, Output, Request, Sample

VARIANT = "rot0"
EXAMINED_CHARACTERS = 20_000

_FORMS = {
    "integer": "a whole number in digits",
    "float": "a decimal number in digits",
    "list": "a list of numbers in square brackets",
    "text": "a single word or phrase",
}
_BRACKETED = re.compile(r"\(([a-zA-Z])\)")
_DIGITS = r"(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d+)?"
_NUMBER = re.compile(rf"(?<![\w.,])[-\u2212]?\s?[$€£¥]?({_DIGITS}|\.\d+)")
_SIGNED = re.compile(rf"[-\u2212]?\s?[$€£¥]?(?:{_DIGITS}|\.\d+)")
_IS = r"\b[^.\n\d]{0,60}?(?:\bis\b|\bare\b|:|=|\\boxed\{)[^\S\n]{0,2}:?[^\S\n]{0,3}[$*{(]{0,4}"
_STATED = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"(?:final )?answer{_IS}|\\boxed\{{",
        rf"(?:therefore|thus|so|hence){_IS}",
        rf"(?:result|value|total){_IS}",
    )
)
_EQUALS = re.compile(rf"(?:=|\bis\b|\bequals\b)[^\S\n]?({_SIGNED.pattern})(?!\d|[.,]\d|[^\S\n]?[-+*/^×(])")
_CALCULATED = re.compile(r"[^\S\n]?(?:[a-z%°]{1,12}[^\S\n])?(?:[-+*/^×÷(=]|x \d)", re.IGNORECASE)
_LIST = re.compile(r"\[[^\[\]]{0,400}\]")


class MathVistaOptions(Struct, frozen=True, forbid_unknown_fields=True):
    """The settings of a task of kind "mathvista".

    `integers`: the published figures were made with `int(x)`, for which "2.0" is no whole number; every released
    version of the program says `int(float(x))`, for which "3.4" is 3. `policy`: what an unread choice is.
    """

    integers: Literal["released", "published"] = "released"
    policy: Literal["honest", "official"] = "honest"
    epochs: Annotated[int, msgspec.Meta(ge=1)] = 1


class MathVistaKind:
    """How a question of MathVista is asked, and what a reply means. The variants are "rot0", or "epoch0", ...

    A sample's `fields` are `answer_type` (text, integer, float, list) and, for decimals, `precision`. An answer's value
    is a letter where the sample has choices, else the number or list as text, in the form of the gold.
    """

    flags = frozenset({"epochs", "judge", "policy"})
    parser = "mathvista-1"

    def __init__(self, task: Task) -> None:
        self.options = jsonio.convert(task.options, MathVistaOptions, where=f"task {task.name}, [options]")
        self._task = task
        self._style = find_style(task, "mathvista")
        self._asked = repeated((VARIANT,), self.options.epochs)

    def requests(self, sample: Sample) -> tuple[Request, ...]:
        """Return one request for each epoch."""
        options = render_options(self._style, displayed(sample, order_of(sample, VARIANT))) if sample.choices else ()
        parts = render(self._style, {**sample.fields, "question": sample.parts, "options": options})
        sampling, system = self._task.sampling, self._task.system
        return tuple(
            Request(sample.id, variant, parts, sampling=seeded(sampling, epoch), system=system).keyed()
            for epoch, _, variant in self._asked
        )

    def answers(self, sample: Sample, outcomes: Mapping[str, Outcome]) -> tuple[Answer, ...]:
        """Return what the rules read in the reply."""
        return tuple(
            msgspec.structs.replace(self._read(sample, outcome.text), variant=variant)
            for _, _, variant in self._asked
            if isinstance(outcome := outcomes.get(variant), Output)
        )

    def settled(self, sample: Sample, outcomes: Mapping[str, Outcome]) -> bool:
        """Return False: there is nothing to leave out."""
        return False

    def shown(self, sample: Sample, variant: str) -> tuple[str, ...]:
        """Return the letters of the choices: they stand in the order of the sample."""
        return tuple(LETTERS[index] for index in order_of(sample, variant)) if sample.choices else ()

    def form(self, sample: Sample) -> str:
        """Return what a judge is to write down of a reply without choices."""
        return _FORMS[_type_of(sample)]

    def judged(self, sample: Sample, variant: str, words: str) -> Answer:
        """Return the number or list in a judge's words, in the form of the gold."""
        extraction = _found(sample, words)[0]
        value = None if extraction is None else self._normal(sample, extraction)
        return Answer(variant, value, "judge" if value is not None else "judge_none")

    def extracted(self, sample: Sample, extraction: str) -> Answer:
        """Return the answer that an extraction (a judge's, a recorded one) stands for, by the official rules."""
        if not sample.choices:
            value = self._normal(sample, extraction)
            return Answer(VARIANT, value, "extraction" if value is not None else "no_value")
        shown = wordings(sample, order_of(sample, VARIANT))
        text = extraction.strip()
        bracketed = _BRACKETED.search(text)
        name = bracketed[1].upper() if bracketed else text
        if len(name) == 1 and name in LETTERS[: len(shown)]:
            return Answer(VARIANT, name, "extraction")
        if name in shown:
            return Answer(VARIANT, LETTERS[shown.index(name)], "extraction")
        if self.options.policy == "official":
            return Answer(VARIANT, nearest(name, shown), "official-nearest")
        found = extract(text, shown)
        return Answer(VARIANT, found.letter, found.rule)

    def _read(self, sample: Sample, reply: str) -> Answer:
        if is_failure_text(reply):
            return Answer(VARIANT, None, "failure_text")
        text = visible(reply)
        if text is None:
            return Answer(VARIANT, None, "thinking_unfinished")
        if sample.choices:
            shown = wordings(sample, order_of(sample, VARIANT))
            found = extract(text, shown)
            if found.letter is None and self.options.policy == "official":
                return Answer(VARIANT, nearest(text, shown), "official-nearest")
            return Answer(VARIANT, found.letter, found.rule)
        if not text:
            return Answer(VARIANT, None, "empty")
        extraction, rule = _found(sample, text)
        value = None if extraction is None else self._normal(sample, extraction)
        return Answer(VARIANT, value, rule if value is not None or extraction is None else "no_value")

    def _normal(self, sample: Sample, extraction: str) -> str | None:
        """Return an extraction in the form of the gold, None for what is no number of the sample's type."""
        kind = _type_of(sample)
        try:
            if kind == "integer":
                return str(int(float(extraction)) if self.options.integers == "released" else int(extraction))
            if kind == "float":
                return str(round(float(extraction), int(float(sample.fields["precision"]))))
        except (ValueError, OverflowError):
            return None
        return extraction


def _found(sample: Sample, text: str) -> tuple[str | None, str]:
    return find_list(text) if _type_of(sample) == "list" else find_number(text)


def nearest(text: str, choices: Sequence[str]) -> str:
    """Return the letter of the choice with the least Levenshtein distance to `text`, the first of equals.

    Of a long text its first 20,000 characters are compared.
    """
    from rapidfuzz.distance import Levenshtein

    examined = text[:EXAMINED_CHARACTERS]
    distances = [Levenshtein.distance(examined, "" if choice == NO_TEXT else choice) for choice in choices]
    return LETTERS[distances.index(min(distances))]


def find_number(reply: str) -> tuple[str | None, str]:
    """Return the number that a reply gives, and the rule: it is the whole reply, stated last, or the only one in it.

    The answer it states counts before what it concludes ("so ..."), and that before totals and values on the way.
    Thousands separators, currency signs and a closing unit are left out. A reply with several numbers and no statement
    is unread: (None, "several_numbers").
    """
    text = tidy(reply[-EXAMINED_CHARACTERS:]).strip()
    whole = _SIGNED.match(text)
    if whole and not re.search(r"\d", text[whole.end() :]) and len(text) - whole.end() <= len(" square centimetres."):
        return _plain(whole[0]), "number"
    for pattern in _STATED:
        for statement in reversed(list(pattern.finditer(text))):
            stated = _stated(text, statement.end())
            if stated:
                return _plain(stated), "stated_number"
    numbers = {_plain(found[0]) for found in _NUMBER.finditer(text)}
    if len(numbers) == 1:
        return numbers.pop(), "only_number"
    return None, "several_numbers" if numbers else "no_number"


def _stated(text: str, at: int) -> str | None:
    """Return the number at `at`; where a calculation stands there, what its line says that it comes to."""
    first = _SIGNED.match(text, at)
    if not first:
        return None
    if not _CALCULATED.match(text, first.end()):
        return first[0]
    line = text[at:].partition("\n")[0]
    results = _EQUALS.findall(line)
    return str(results[-1]) if results else None


def find_list(reply: str) -> tuple[str | None, str]:
    """Return the last list of numbers in a reply, written as Python writes it, and the rule."""
    for found in reversed(_LIST.findall(reply[-EXAMINED_CHARACTERS:])):
        try:
            items = ast.literal_eval(found)
        except (ValueError, SyntaxError):
            continue
        if items and all(isinstance(item, (int, float)) for item in items):
            return str(items), "list"
    return None, "no_list"


def _plain(number: str) -> str:
    return re.sub(r"[,\s$€£¥]", "", number).replace("\u2212", "-")


def _type_of(sample: Sample) -> str:
    kind = sample.fields.get("answer_type", "")
    if kind not in ("integer", "float", "list", "text"):
        raise DataError(
            f'sample {sample.id}: answer_type is "{kind}", expected integer, float, list or text; is the task\'s '
            "benchmark MathVista?"
        )
    if kind == "float" and not sample.fields.get("precision"):
        raise DataError(f"sample {sample.id}: a decimal answer without a precision; expected its number of places")
    return kind

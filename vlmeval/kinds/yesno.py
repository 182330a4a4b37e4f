"""Yes/no questions (POPE, HallusionBench, MME): the answer is "yes", "no", or unparsed.

A question is asked once (variant ""), or `epochs` times: variants "epoch0", "epoch1", ...

Four programs read replies by rules that always decide, or decide oddly; they are here by name, for their
figures (`extractor` of the task):

    pope        haotian-liu/LLaVA, llava/eval/eval_pope.py: of the text before the first full stop, without commas, the
                words No, not or no mean no; everything else means yes, an empty reply and an error message, too
    mme         BradyFU/Awesome-Multimodal-Large-Language-Models, MME eval_tool/calculation.py: exactly yes or no, else
                yes, then no, anywhere in the first four characters ("know" is no, "The answer is no" is neither)
    vlmevalkit  open-compass/VLMEvalKit, vlmeval/dataset/utils/yorn.py at c03bc04: exactly one of the words yes and no
    lmms        EvolvingLMMs-Lab/lmms-eval, tasks/pope/utils.py at 2c03baf: the whole reply is yes or no, not "Yes."

The default, `vlmeval`, is our own: `polarity.extract`. It also reads, under the names with "+", what the official rule
finds no side in at all ("**Yes**" for MME's); of a reply in which that rule sees both sides nothing more is read.
Before any rule a reply loses its reasoning blocks.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Annotated, Literal

import msgspec
from msgspec import Struct

from vlmeval import jsonio
from vlmeval.data.task import Task
from vlmeval.kinds.polarity import NO, YES, Reading, extract
from vlmeval.kinds.prompt import find_style, render
from vlmeval.kinds.refusals import is_failure_text
from vlmeval.kinds.short import seeded
from vlmeval.kinds.thinking import visible
from vlmeval.types import Answer, Outcome, Output, Request, Sample

PARSER = "1"
"""Version of our own extractor: another version may read a reply differently."""

_MARKS = ';/[]"{}()=+\\_-><@`,?!'
_GROUPED_DIGITS = re.compile(r"\d,\d")
_FULL_STOP = re.compile(r"\.(?!\d)")
_FULL_STOPS_REMOVED = 32
_MME_PREFIX = 4


def extract_pope(reply: str, question: str = "") -> Reading:
    """Return the side by LLaVA's POPE script, which takes everything that does not say no for a yes."""
    words = reply.partition(".")[0].replace(",", "").split(" ")
    said_no = not {"No", "not", "no"}.isdisjoint(words)
    return Reading(NO, "no_word") if said_no else Reading(YES, "otherwise_yes")


def extract_mme(reply: str, question: str = "") -> Reading:
    """Return the side by MME's calculation.py; None is its "other"."""
    folded = reply.lower()
    if folded in (YES, NO):
        return Reading(folded, "word")
    side = next((side for side in (YES, NO) if side in folded[:_MME_PREFIX]), None)
    return Reading(side, "first_four" if side else "other")


def extract_vlmevalkit(reply: str, question: str = "") -> Reading:
    """Return the side by VLMEvalKit's YOrN_Extraction; None is its "Unknown".

    Punctuation goes as in the VQA evaluation code: a mark is deleted where it stands beside a blank somewhere or the
    text has digit, comma, digit; else it becomes a blank. Up to 32 full stops go that no digit follows.
    """
    folded = reply.lower()
    grouped = _GROUPED_DIGITS.search(folded) is not None
    text = folded
    for mark in _MARKS:
        beside = grouped or f"{mark} " in folded or f" {mark}" in folded
        text = text.replace(mark, "" if beside else " ")
    words = set(_FULL_STOP.sub("", text, _FULL_STOPS_REMOVED).split()) & {YES, NO}
    return Reading(words.pop(), "word") if len(words) == 1 else Reading(None, "both" if words else "no_word")


def extract_lmms(reply: str, question: str = "") -> Reading:
    """Return the side that is the whole reply but for case and blanks around it."""
    folded = reply.lower().strip()
    return Reading(folded, "word") if folded in (YES, NO) else Reading(None, "other")


EXTRACTORS: Mapping[str, Callable[[str, str], Reading]] = {
    "vlmeval": extract,
    "pope": extract_pope,
    "mme": extract_mme,
    "vlmevalkit": extract_vlmevalkit,
    "lmms": extract_lmms,
}
NOTHING_SEEN = frozenset({"other", "no_word"})


def read_by(name: str, reply: str, question: str) -> Reading:
    """Return the side that `reply` takes by the rule of that name."""
    if name.endswith("+") and is_failure_text(reply):
        return Reading(None, "failure_text")
    seen = visible(reply)
    if seen is None:
        return Reading(None, "thinking_unfinished")
    official = EXTRACTORS[name.removesuffix("+")]
    found = official(reply if seen == reply.strip() else seen, question)
    if not name.endswith("+") or found.rule not in NOTHING_SEEN or found.side is not None:
        return found
    return extract(reply, question)


class YesNoOptions(Struct, frozen=True, forbid_unknown_fields=True):
    """The settings of a task of kind "yesno". `extractor` names the rule that reads replies."""

    extractor: Literal["vlmeval", "pope", "mme", "mme+", "vlmevalkit", "vlmevalkit+", "lmms"] = "vlmeval"
    epochs: Annotated[int, msgspec.Meta(ge=1)] = 1


class YesNoKind:
    """How a yes/no question is asked and what a reply means. `parser` is what reads the replies, for signatures."""

    flags = frozenset({"epochs"})

    def __init__(self, task: Task) -> None:
        self.options = jsonio.convert(task.options, YesNoOptions, where=f"task {task.name}, [options]")
        name = self.options.extractor
        self.parser = PARSER if name == "vlmeval" else f"{name}{PARSER}" if name.endswith("+") else name
        self._task = task
        self._style = find_style(task, "short")
        epochs = self.options.epochs
        self._variants = [""] if epochs == 1 else [f"epoch{number}" for number in range(epochs)]

    def requests(self, sample: Sample) -> tuple[Request, ...]:
        """Return one request for each epoch."""
        parts = render(self._style, {**sample.fields, "question": sample.parts})
        return tuple(
            Request(
                sample_id=sample.id,
                variant=variant,
                parts=parts,
                sampling=seeded(self._task.sampling, number),
                system=self._task.system,
                row=sample.fields.get("row", ""),
            ).keyed()
            for number, variant in enumerate(self._variants)
        )

    def answers(self, sample: Sample, outcomes: Mapping[str, Outcome]) -> tuple[Answer, ...]:
        """Return the side that each reply takes."""
        question = " ".join(part for part in sample.parts if isinstance(part, str))
        found = []
        for variant in self._variants:
            if isinstance(outcome := outcomes.get(variant), Output):
                reading = read_by(self.options.extractor, outcome.text, question)
                found.append(Answer(variant, reading.side, reading.rule))
        return tuple(found)

    def settled(self, sample: Sample, outcomes: Mapping[str, Outcome]) -> bool:
        """Return False: there is nothing to leave out."""
        return False

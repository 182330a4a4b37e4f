"""VQA accuracy: how many of the people asked gave the model's answer.

    acc(a) = mean over the n leave-one-out subsets of min(1, matches among the others / 3), with n = 10 answers

so three agreeing people give 0.9, not 1, and a single reference always gives 0. Antol et al., VQA: Visual Question
Answering (ICCV 2015), section 4; the mean over subsets is that of the evaluation code. Before they are compared,
answers are processed in this order: punctuation and full stops; lower case, number words, articles; apostrophes.

Two official programs disagree on when, and both are here (the same replies: 49.09 against 61.25):

    vqa_v2    github.com/GT-Vision-Lab/VQA at a013f00, PythonEvaluationTools/vqaEvaluation/vqaEval.py. Nothing at all
              is processed, case included, where the ten answers are identical but for blanks around them.
    vqa_m4c   EvalAIAnswerProcessor of MMF, as in github.com/haotian-liu/LLaVA, llava/eval/m4c_evaluator.py. Everything
              is processed always; before it, commas and question marks go, and "'s" is set apart.

    vqa_vlmevalkit        VLMEvalKit's, as of its published runs (c03bc04, 2024): it processes always, without m4c's
                          first step.
    vqa_vlmevalkit_2026   the same at e8e78f0: a full stop goes only where no digit stands before it either ("3." stays)
    vqa_lmms              lmms-eval's for VQA v2 (0393078): the reply is processed always, by m4c's steps, the answers
                          where they are not all the same

Tolerance: equal per sample on the official cases. Known differences: vqa_v2's program rounds to 4 decimals, this does
not; m4c's refuses questions without exactly ten answers, this divides by as many as there are.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from vlmeval.metrics.mean import MeanAccuracy
from vlmeval.types import MetricInfo

PUNCTUATION = ';/[]"{}()=+\\_-><@`,?!'
NUMBER_WORDS = {
    "none": "0", "zero": "0", "one": "1", "two": "2", "three": "3", "four": "4", "five": "5", "six": "6",
    "seven": "7", "eight": "8", "nine": "9", "ten": "10",
}  # fmt: skip
ARTICLES = frozenset(("a", "an", "the"))
# The official table lists, for each of these, every spelling with exactly one apostrophe missing.
CONTRACTED = """
ain't aren't can't could've couldn't couldn't've didn't doesn't don't hadn't hadn't've hasn't haven't he'd he'd've he's
how'd how'll how's isn't it'd it'd've it'll ma'am mightn't mightn't've might've mustn't must've needn't not've o'clock
oughtn't 'ow's'at shan't she'd've should've shouldn't shouldn't've somebody'd've somebody'll somebody's someone'd
someone'd've someone'll someone's something'd something'd've something'll that's there'd there'd've there're there's
they'd they'd've they'll they're they've 'twas wasn't we'd've we've weren't what'll what're what's what've when's
where'd where's where've who'd who'd've who'll who's who've why'll why're why's won't would've wouldn't
wouldn't've y'all
y'all'll y'all'd've you'd you'd've you'll you're you've
"""
CONTRACTIONS = {
    form[:at] + form[at + 1 :]: form for form in CONTRACTED.split() for at, letter in enumerate(form) if letter == "'"
} | {"somebody'd": "somebodyd"}

_GROUPED_DIGITS = re.compile(r"\d,\d")
_FULL_STOP = re.compile(r"\.(?!\d)")
_LONE_FULL_STOP = re.compile(r"(?<!\d)\.(?!\d)")
# The official programs pass re.UNICODE, which is 32, where re.sub expects how many to replace.
_FULL_STOPS_REMOVED = 32
MEMO = 1 << 17


def without_punctuation(text: str, full_stop: re.Pattern[str] = _FULL_STOP) -> str:
    """Return `text` with each mark deleted or made a blank, and up to 32 full stops that no digit follows deleted.

    A mark is deleted where the original text has it beside a blank, or has a digit, a comma and a digit anywhere.
    `full_stop` finds those to delete.
    """
    grouped = _GROUPED_DIGITS.search(text) is not None
    result = text
    for mark in PUNCTUATION:
        if mark in text:
            beside = grouped or f"{mark} " in text or f" {mark}" in text
            result = result.replace(mark, "" if beside else " ")
    return full_stop.sub("", result, _FULL_STOPS_REMOVED) if "." in result else result


def plain_words(text: str) -> str:
    """Return the words of `text` in lower case, numbers as digits, articles gone, missing apostrophes put back."""
    words = (NUMBER_WORDS.get(word, word) for word in text.lower().split())
    return " ".join(CONTRACTIONS.get(word, word) for word in words if word not in ARTICLES)


@lru_cache(MEMO)
def one_line(text: str) -> str:
    """Return `text` stripped, newlines and tabs as blanks."""
    return text.replace("\n", " ").replace("\t", " ").strip()


@lru_cache(MEMO)
def processed(text: str) -> str:
    """Return `text` as the VQA code and VLMEvalKit compare it."""
    return plain_words(without_punctuation(one_line(text)))


@lru_cache(MEMO)
def processed_2026(text: str) -> str:
    """Return `text` as VLMEvalKit at e8e78f0 compares it: a full stop after a digit stays."""
    return plain_words(without_punctuation(one_line(text), _LONE_FULL_STOP))


@lru_cache(MEMO)
def processed_m4c(text: str) -> str:
    """Return `text` as the M4C evaluator compares it."""
    words = text.lower().replace(",", "").replace("?", "").replace("'s", " 's").strip()
    return plain_words(without_punctuation(one_line(words)))


@lru_cache(256)
def leave_one_out(matches: int, people: int) -> float:
    """Return the mean over the `people` leave-one-out subsets of min(1, matches left / 3). No people give 0."""
    if not people:
        return 0.0
    agreeing = matches * min(1.0, (matches - 1) / 3) if matches else 0.0
    return (agreeing + (people - matches) * min(1.0, matches / 3)) / people


def vqa_v2(reply: str, references: Sequence[str]) -> float:
    """Return the accuracy of `reply` by the VQA evaluation code, 0..1."""
    people = list(map(one_line, references))
    if people and people.count(people[0]) == len(people):
        return leave_one_out(len(people) if one_line(reply) == people[0] else 0, len(people))
    return leave_one_out(list(map(processed, people)).count(processed(reply)), len(people))


def vqa_m4c(reply: str, references: Sequence[str]) -> float:
    """Return the accuracy of `reply` by the M4C evaluator, 0..1."""
    return leave_one_out(list(map(processed_m4c, references)).count(processed_m4c(reply)), len(references))


def vqa_vlmevalkit(reply: str, references: Sequence[str]) -> float:
    """Return the accuracy of `reply` as VLMEvalKit's published runs have it, 0..1."""
    return leave_one_out(list(map(processed, references)).count(processed(reply)), len(references))


def vqa_vlmevalkit_2026(reply: str, references: Sequence[str]) -> float:
    """Return the accuracy of `reply` as VLMEvalKit has it at e8e78f0, 0..1."""
    return leave_one_out(list(map(processed_2026, references)).count(processed_2026(reply)), len(references))


def vqa_lmms(reply: str, references: Sequence[str]) -> float:
    """Return the accuracy of `reply` as lmms-eval has it for VQA v2, 0..1.

    The reply is processed even where the answers agree and are not.
    """
    people = list(map(one_line, references))
    said = processed_m4c(reply)
    if people and people.count(people[0]) == len(people):
        return leave_one_out(len(people) if said == people[0] else 0, len(people))
    return leave_one_out(list(map(processed, people)).count(processed(said)), len(people))


class VqaAccuracy(MeanAccuracy):
    """The mean of a VQA accuracy; statistics (accuracy, samples). An unparsed reply scores 0."""


class VqaV2(VqaAccuracy):
    """VQA accuracy by the original VQA evaluation code: no processing where the ten answers agree."""

    info = MetricInfo(
        name="vqa_v2",
        title="VQA accuracy (VQA v2)",
        scale=100.0,
        source="GT-Vision-Lab/VQA vqaEval.py at a013f00 (Antol et al. 2015)",
        signature="vqa:v2",
    )
    accuracy = staticmethod(vqa_v2)


class VqaM4C(VqaAccuracy):
    """VQA accuracy by the M4C evaluator of TextVQA: everything is processed, always."""

    info = MetricInfo(
        name="vqa_m4c",
        title="VQA accuracy (TextVQA)",
        scale=100.0,
        source="MMF EvalAIAnswerProcessor as in LLaVA m4c_evaluator.py (Singh et al. 2019)",
        signature="vqa:m4c",
    )
    accuracy = staticmethod(vqa_m4c)


class VqaVlmevalkit(VqaAccuracy):
    """VQA accuracy as in VLMEvalKit's published runs."""

    info = MetricInfo(
        name="vqa_vlmevalkit",
        title="VQA accuracy (VLMEvalKit)",
        scale=100.0,
        source="VLMEvalKit vqa_eval.py at c03bc04",
        signature="vqa:vlmevalkit",
    )
    accuracy = staticmethod(vqa_vlmevalkit)


class VqaVlmevalkit2026(VqaAccuracy):
    """VQA accuracy as VLMEvalKit's code has it since it keeps the full stop of "3."."""

    info = MetricInfo(
        name="vqa_vlmevalkit_2026",
        title="VQA accuracy (VLMEvalKit 2026)",
        scale=100.0,
        source="VLMEvalKit vqa_eval.py at e8e78f0",
        signature="vqa:vlmevalkit-2026",
    )
    accuracy = staticmethod(vqa_vlmevalkit_2026)


class VqaLmms(VqaAccuracy):
    """VQA accuracy as in lmms-eval's VQA v2 tasks."""

    info = MetricInfo(
        name="vqa_lmms",
        title="VQA accuracy (lmms-eval)",
        scale=100.0,
        source="lmms-eval tasks/vqav2/utils.py at 0393078",
        signature="vqa:lmms",
    )
    accuracy = staticmethod(vqa_lmms)

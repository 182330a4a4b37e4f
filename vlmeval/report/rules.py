"""What the rules mean that decided about replies: the legend of a page, in words for its reader."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

MEANINGS = {
    "": "ranked by the model's vectors",
    "answer": 'stated outright: "the answer is B"',
    "answer_line": 'the letter after the last "Answer:"',
    "answer_text": "an option's wording stated as the answer",
    "both": "names both sides: unparsed",
    "boxed": r"stands in \boxed{}",
    "bracketed": "the last letter in brackets",
    "choose": 'says what it chooses: "I choose B"',
    "closing_letter": "the last line is a letter",
    "conclusion": "concludes so, after other sentences",
    "content": "the only option whose wording it contains",
    "correction": "corrects itself, and ends so",
    "degenerate": "a box without area: unparsed",
    "empty": "an empty reply: unparsed",
    "extraction": "an answer extracted elsewhere, read by the official rules",
    "failure_text": "another program's error message in place of an answer: unparsed",
    "first_four": "yes or no in the first four characters",
    "hedged": "states it with a doubt: unparsed",
    "incomplete": "a box with numbers missing: unparsed",
    "is_right": 'calls an option right: "B is correct"',
    "judge": "read by a judge",
    "judge_error": "the judge's call failed: no score",
    "judge_missing": "the judge was not asked: no score",
    "judge_none": "the judge found that it chooses nothing",
    "judge_unparsed": "the judge's words hold no verdict",
    "label": 'opens with a letter as a label: "B. ..."',
    "letter": "the whole reply is a letter",
    "likelihood": "the letter with the highest likelihood",
    "likelihood_text": "the wording with the highest likelihood",
    "likelihood_text_bytes": "the wording with the highest likelihood for its length in bytes",
    "likelihood_text_tokens": "the wording with the highest likelihood for its length in tokens",
    "list": "the last list of numbers",
    "mentioned": "the only option or side named in its conclusion",
    "no_box": "no box in it: unparsed",
    "no_image_size": "a box in an image of unknown size: unparsed",
    "no_list": "no list of numbers in it: unparsed",
    "no_number": "no number in it: unparsed",
    "no_option": "names no option: unparsed",
    "no_scores": "the model gave no likelihood for each option: unparsed",
    "no_side": "says neither yes nor no: unparsed",
    "no_value": "what it gives is not of the kind asked for: unparsed",
    "no_word": 'by whether the word "no" (or "yes") stands in it',
    "none_of_them": "says that none of the options is right: unparsed",
    "not_offered": "chooses a letter that was not offered: unparsed",
    "number": "the whole reply is a number",
    "official-nearest": "unreadable; the option nearest by edit distance, as the official scorer takes it",
    "official-random": "unreadable; a guess, as the official scorer makes it",
    "only_number": "the only number in it",
    "opening": "opens with yes or no",
    "opening_wording": "the first sentence is an option's wording",
    "ordinal": 'names the place of an option: "the second one"',
    "other": "neither yes nor no by the official rule",
    "otherwise_yes": "does not say no, which counts as yes",
    "outside": "a box outside the image: unparsed",
    "prose_letter": "the only letter that stands in its prose as an answer",
    "rank": "the rank of the first right candidate by the model's vectors",
    "refusal": "declines to answer: unparsed",
    "repeated_list": "repeats the list of options: unparsed",
    "restated": "restates the question as a fact",
    "several": "names several boxes: unparsed",
    "several_answers": "states several answers: unparsed",
    "several_letters": "names several letters: unparsed",
    "several_numbers": "gives several numbers and states none: unparsed",
    "several_options": "names several options: unparsed",
    "stated_number": "the number it states as the answer",
    "swapped": "a box whose corners are swapped: unparsed",
    "tag": "stands in <answer> tags",
    "taken_back": "names an option and takes it back: unparsed",
    "therefore": 'concludes in passing: "so B"',
    "text": "the reply as it is, for the metric to compare",
    "thinking_block": "a closed block of reasoning was cut out",
    "thinking_closing": "what stood before a closing tag of reasoning was cut out",
    "thinking_unfinished": "cut off while it reasoned, without an answer: unparsed",
    "tie": "a right candidate tied with a wrong one: the expected rank",
    "token": "the only letter among its words",
    "unlisted": "no right candidate among those ranked",
    "word": "the whole reply is yes or no",
    "wording": "the whole reply is an option's wording",
}
"""The meaning of each rule. A test compares them with the rules that the kinds give."""

UNKNOWN = "a rule of a plug-in"


@dataclass(frozen=True)
class RuleRow:
    """A rule, how many replies it decided about, and what it means."""

    rule: str
    count: int
    meaning: str


def meaning_of(rule: str) -> str:
    """Return what a rule means; that of a judge names it, that of a box says its form."""
    if rule in MEANINGS:
        return MEANINGS[rule]
    head, colon, tail = rule.partition(":")
    if head == "judge" and colon:
        return f"read or scored by the judge {tail}"
    if colon:
        last = ", the last of several" if tail.endswith("+last") else ""
        return f"a box written as {head}, its numbers taken as {tail.removesuffix('+last')}{last}"
    return UNKNOWN


def rule_rows(counts: Mapping[str, int]) -> list[RuleRow]:
    """Return the rules with their counts, the most frequent first."""
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return [RuleRow(rule or "-", count, meaning_of(rule)) for rule, count in ordered]

"""The rules that read option letters, by the names that tasks and signatures use.

`vlmeval` is our own (`parse.extract`); the others are the official programs', for their figures. What an official
program cannot read it counts as wrong, hands to a judge, or guesses. A name with "+" reads as the program does, and
where the program finds nothing at all, neither letter nor wording, our own rule reads the reply, and leaves it unparsed
where it finds nothing either: "答案是B", "b" and "['B']" are answers, an error message is none. On every recorded reply
a rule with "+" gives the official verdict, but for replies that the official program answered by a random draw.

Before any rule a reply loses its reasoning blocks (`thinking.visible`); one that was cut off in them is unparsed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

from vlmeval.kinds import parse
from vlmeval.kinds.lmms import extract_lmms, extract_lmms_mmbench, extract_lmms_mmmu
from vlmeval.kinds.mmmu import extract_mmmu
from vlmeval.kinds.mmmu_pro import extract_mmmu_pro
from vlmeval.kinds.parse import Extraction
from vlmeval.kinds.refusals import is_failure_text
from vlmeval.kinds.scienceqa import extract_gpt3, extract_llava
from vlmeval.kinds.thinking import visible
from vlmeval.kinds.vlmevalkit import extract_2024, extract_current

Extractor = Literal[
    "vlmeval", "vlmevalkit-2024", "vlmevalkit-2024+", "vlmevalkit", "mmmu", "mmmu+", "mmmu-pro", "mmmu-pro+", "llava",
    "scienceqa-gpt3", "lmms", "lmms-mmbench", "lmms-mmmu",
]  # fmt: skip
Rule = Callable[[str, Sequence[str]], Extraction]

OWN, PARSER = "vlmeval", "1"
"""Our own rule, and its version: another version may read a reply differently."""
AND_OWN = "+"

OFFICIAL: Mapping[str, Rule] = {
    "vlmevalkit-2024": extract_2024,
    "vlmevalkit": extract_current,
    "mmmu": extract_mmmu,
    "mmmu-pro": extract_mmmu_pro,
    "llava": extract_llava,
    "scienceqa-gpt3": extract_gpt3,
    "lmms": extract_lmms,
    "lmms-mmbench": extract_lmms_mmbench,
    "lmms-mmmu": extract_lmms_mmmu,
}


def rule_of(name: Extractor) -> Rule:
    """Return the rule of that name."""
    if name == OWN:
        return parse.extract
    official = OFFICIAL[name.removesuffix(AND_OWN)]
    return with_own(official) if name.endswith(AND_OWN) else without_thinking(official)


def version_of(name: Extractor) -> str:
    """Return what signatures call the rule: its name, and the version of our own where that has a part in it."""
    return PARSER if name == OWN else f"{name}{PARSER}" if name.endswith(AND_OWN) else name


def without_thinking(official: Rule) -> Rule:
    """Return the rule on what a reply says once its reasoning is gone; a reply without any is read as it is."""

    def read(reply: str, choices: Sequence[str]) -> Extraction:
        seen = visible(reply)
        if seen is None:
            return Extraction(None, "thinking_unfinished")
        return official(reply if seen == reply.strip() else seen, choices)

    return read


def with_own(official: Rule) -> Rule:
    """Return the official rule, and our own for replies in which it finds nothing; error messages say nothing."""
    bare = without_thinking(official)

    def read(reply: str, choices: Sequence[str]) -> Extraction:
        if is_failure_text(reply):
            return Extraction(None, "failure_text")
        found = bare(reply, choices)
        return parse.extract(reply, choices) if found.rule == "no_option" else found

    return read

"""lmms-eval's rules for option letters (EvolvingLMMs-Lab/lmms-eval), for its figures; each leaves out the final guess.

`lmms` is that of ai2d and scienceqa (tasks/scienceqa/utils.py at 2f636e7): the whole reply is the letter, or it opens
with "X."; "Answer: B" is nothing. `lmms-mmbench` is tasks/mmbench/mmbench_evals.py at 161c7a1 without its judge: the
only letter of A to E among the words, unless the word "A" stands in a reply of more than three; else the only one in a
form such as "B." or "(B)"; else the only wording contained. `lmms-mmmu` is tasks/_task_utils/mmmu_mcq_utils.py at
00fa502: the last "Answer: X", else MMMU-Pro's forms, in which a letter may end a word ("It is in the USA" is A).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from vlmeval.kinds.letters import LETTERS
from vlmeval.kinds.mmmu_pro import letter_by_form
from vlmeval.kinds.parse import Extraction

_KNOWN = LETTERS[:5]
_FORMS = ("{}.", "{},", "{}:", "{})", "{}).", "({})", "({}).", ":{}", ":{},", ":{}.", ":{})", ":{}).")
_WORDS_WITH_AN_ARTICLE = 3
_MARKER = re.compile(r"answer\s*[:：]\s*[*(\[]*(?-i:([A-Z]))\b", re.IGNORECASE)


def extract_lmms(reply: str, choices: Sequence[str]) -> Extraction:
    """Return the letter that is the whole reply, else the capital before a full stop that opens it."""
    if len(reply) == 1 and reply in _offered(choices):
        return Extraction(reply, "letter")
    if len(reply) > 1 and reply[0].isupper() and reply[1] == ".":
        letter = reply[0]
        return Extraction(letter, "label") if letter in _offered(choices) else Extraction(None, "not_offered")
    return Extraction(None, "no_option")


def extract_lmms_mmbench(reply: str, choices: Sequence[str]) -> Extraction:
    """Return the only letter among the words, else the only one in a punctuated form, else the only wording."""
    words = reply.split()
    named = [letter for letter in _KNOWN if letter in words]
    if len(named) == 1 and not ("A" in words and len(words) > _WORDS_WITH_AN_ARTICLE):
        return _checked(named[0], choices, "token")
    for form in _FORMS:
        named = [letter for letter in _KNOWN if form.format(letter) in words]
        if len(named) == 1:
            return _checked(named[0], choices, "label")
    folded = reply.lower()
    contained = [
        letter for letter, choice in zip(LETTERS, choices, strict=False) if choice and choice.lower() in folded
    ]
    if len(contained) == 1:
        return Extraction(contained[0], "content")
    return Extraction(None, "several_options" if contained else "no_option")


def extract_lmms_mmmu(reply: str, choices: Sequence[str]) -> Extraction:
    """Return the last offered letter after "Answer:", else the last of "(A)", "A ", "A.", else of the wordings."""
    stated = [letter for letter in _MARKER.findall(reply) if letter in _offered(choices)]
    return Extraction(stated[-1], "answer_line") if stated else letter_by_form(reply, choices)


def _offered(choices: Sequence[str]) -> str:
    return "".join(letter for letter, choice in zip(LETTERS, choices, strict=False) if choice)


def _checked(letter: str, choices: Sequence[str], rule: str) -> Extraction:
    return Extraction(letter, rule) if letter in _offered(choices) else Extraction(None, "not_offered")

"""The two rules that ScienceQA's published figures were read with.

`extract_llava` (haotian-liu/LLaVA, llava/eval/eval_science_qa.py): what it cannot read is wrong. `extract_gpt3`
(lupantech/ScienceQA, models/run_gpt3.py): what it cannot read is drawn at random there; here it is unparsed, and
`policy = "official"` draws. Both take five letters at most, and a letter past the question's own options for none.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from vlmeval.kinds.letters import LETTERS
from vlmeval.kinds.parse import Extraction

_KNOWN = LETTERS[:5]
_ANSWER_IS = re.compile(r"The answer is ([A-Z]).")


def extract_llava(reply: str, choices: Sequence[str]) -> Extraction:
    """Return the letter that is the whole reply, else opens it as "X. ", else stands in its only "The answer is X."."""
    text = reply.strip()
    if len(text) == 1 and text in _KNOWN:
        return _offered(text, choices, "letter")
    if text[:1] and text[0] in _KNOWN and text[1:3] == ". ":
        return _offered(text[0], choices, "label")
    return extract_gpt3(text, choices)


def extract_gpt3(reply: str, choices: Sequence[str]) -> Extraction:
    """Return the letter of the only "The answer is X" that some character follows."""
    found = _ANSWER_IS.findall(reply)
    if len(found) != 1:
        return Extraction(None, "several_answers" if found else "no_option")
    return _offered(found[0], choices, "answer")


def _offered(letter: str, choices: Sequence[str], rule: str) -> Extraction:
    if letter in _KNOWN[: len(choices)] and choices[LETTERS.index(letter)]:
        return Extraction(letter, rule)
    return Extraction(None, "not_offered")

"""Rows of yes/no benchmarks: the gold in any spelling, and the question without the instruction that files append."""

from __future__ import annotations

import re

from vlmeval.data.table import Row
from vlmeval.errors import DataError

GOLDS = {"yes": "yes", "no": "no", "1": "yes", "0": "no", "true": "yes", "false": "no"}
_HIDDEN = ("", "?", "-", "hidden", "none", "null", "nan")
_INSTRUCTION = re.compile(r"\s*Please answer (?:the question (?:with|using) )?yes or no\.?\s*", re.IGNORECASE)


def folded_gold(text: str) -> str:
    """Return a gold in the form in which `GOLDS` has it."""
    return text.strip().rstrip(".").casefold()


def yes_no_gold(row: Row, *names: str) -> tuple[str, ...]:
    """Return ("yes",) or ("no",), () where the gold is hidden. Raises DataError for anything else, and for none."""
    text = row.text(*names)
    folded = folded_gold(text or "")
    if folded in GOLDS:
        return (GOLDS[folded],)
    if folded not in _HIDDEN:
        raise DataError(f'{row.at(*names)}: the gold "{text}" is neither yes nor no (nor 1, 0); mend the cell')
    if row.hidden:
        return ()
    raise row.missing(*names)


def plain_question(row: Row, *names: str) -> str:
    """Return the question without "Please answer yes or no." at its end: how to answer is the prompt style's matter.

    Some files have it in every question, others in none; left in, one style would ask twice and another differently.
    """
    text = row.required(*names)
    found = list(_INSTRUCTION.finditer(text))
    return text[: found[-1].start()] if found and found[-1].end() == len(text) else text

"""Quotations that what they quote cannot end: each prompt to a judge has a code of its own in its marks.

A reply may contain "</reply>" and go on with a verdict. The marks of a prompt therefore carry a code drawn from the
digest of all that is quoted: whoever writes a quoted text would have to foresee the digest of a text that holds it. The
code is the same each time, so that a request keeps its key.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping

CODE_DIGITS = 16
_FIELD = re.compile(r"\{(\w+)\}")


def fence_code(texts: Mapping[str, str]) -> str:
    """Return the code for the marks around `texts` (by the name of their field): 16 hexadecimal digits.

    It occurs in none of them.
    """
    quoted = hashlib.sha256()
    for name in sorted(texts):
        for text in (name, texts[name]):
            data = text.encode("utf8", "surrogatepass")
            quoted.update(len(data).to_bytes(8, "big") + data)
    code = quoted.hexdigest()[:CODE_DIGITS]
    while any(code in text for text in texts.values()):
        code = hashlib.sha256(code.encode()).hexdigest()[:CODE_DIGITS]
    return code


def fenced(template: str, texts: Mapping[str, str]) -> str:
    """Return `template` with its fields {name} filled from `texts`, {fence} by their code; an unknown one is empty.

    What was filled in is not looked at again: braces in data stay braces.
    """
    shown = {**texts, "fence": fence_code(texts)}
    return _FIELD.sub(lambda match: shown.get(match[1], ""), template)

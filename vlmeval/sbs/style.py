"""What of an answer's looks sways a judge: its length and Markdown, counted as Chatbot Arena's style control does.

Source: lmarena blog "Does style matter?" (2024): headers, list items and bold spans. Length is in characters here, not
tokens: no tokenizer is common to the models.
"""

from __future__ import annotations

import re

FEATURES = ("length", "headers", "lists", "bold")
_FENCE = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)
_HEADER = re.compile(r"^ {0,3}#{1,6}\s", re.MULTILINE)
_LIST = re.compile(r"^\s*(?:[-*+]|\d{1,9}[.)])\s", re.MULTILINE)
_BOLD = re.compile(r"\*\*[^*\n]+\*\*|__[^_\n]+__")


def style(text: str) -> tuple[int, int, int, int]:
    """Return the counts of `FEATURES`; code blocks count for the length alone."""
    prose = _FENCE.sub("", text)
    return len(text), len(_HEADER.findall(prose)), len(_LIST.findall(prose)), len(_BOLD.findall(prose))

r"""Two normal forms of text: `tidy` for finding letters and statements, `loose` for comparing wordings.

A model decorates its answer (`**B**`, `$B$`, `\text{B}`, `Ｂ`, `（B）`, end-of-turn tokens). `tidy` removes the
decoration and keeps words, case, punctuation and lines; `loose` keeps only what makes two wordings differ in meaning.
"""

from __future__ import annotations

import re
import unicodedata

HEAD_CHARACTERS = 4_096
TAIL_CHARACTERS = 8_192

_FORMAT = re.compile("[\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]")
_TOKENS = re.compile(r"<\|[a-z_]{1,30}\|>|</s>|<eos>|<end_of_turn>|<end_of_utterance>", re.IGNORECASE)
_BOX_TOKENS = re.compile(r"<\|begin_of_box\|>(.{0,400}?)<\|end_of_box\|>", re.DOTALL)
_HTML = re.compile(r"</?(?:b|i|u|strong|em|p|br|span|center)\s?/?>", re.IGNORECASE)
_MACRO = re.compile(r"\\(?:text|textbf|textrm|textit|mathbf|mathrm|mathit|bf|rm|mbox) ?\{([^{}]{0,200})\}")
_MATH = re.compile(r"\\[()\[\]]|\\[,;! ]|\$")
_MARKS = re.compile(r"\*+|`+|(?<![A-Za-z0-9])_{1,3}|_{1,3}(?![A-Za-z0-9])|~~|^[ \t]*(?:#{1,6}|>)[ \t]+", re.MULTILINE)
_QUOTES = str.maketrans({"“": '"', "”": '"', "„": '"', "«": '"', "»": '"', "‘": "'", "’": "'", "`": "'",
                         "【": "[", "】": "]", "「": '"', "」": '"', "『": '"', "』": '"', "《": "<", "》": ">",
                         "−": "-", "–": "-", "—": "-"})  # fmt: skip
_BLANKS = re.compile(r"[^\S\n]+")
_LINES = re.compile(r" ?\n[\s]*")

_NOT = re.compile(r"(?<=[a-z])n['’]t\b")
_DROPPED = re.compile(r"[^\w.,\-/+<>=]|_")
_COMMA = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_POINT = re.compile(r"(?<!\d)[.,](?!\d)|(?<=\d)[.,](?!\d)|(?<=[^\W\d])[.,](?=\d)|,")
_SIGN = re.compile(r"(?<=\w)-|-(?!\d)|(?<!\d)/|/(?!\d)")


def region(text: str) -> str:
    """Return what of `text` is examined: all of it, or its first 4,096 and last 8,192 characters.

    An answer stands at the start of a reply or concludes it; a reply of megabytes must not cost seconds.
    """
    if len(text) <= HEAD_CHARACTERS + TAIL_CHARACTERS:
        return text
    return f"{text[:HEAD_CHARACTERS]}\n…\n{text[-TAIL_CHARACTERS:]}"


def compatible(text: str) -> str:
    """Return `text` in Unicode's compatibility form without invisible characters: `Ｂ` is B, `：` is a colon."""
    if text.isascii():
        return text
    return _FORMAT.sub("", unicodedata.normalize("NFKC", text)).translate(_QUOTES)


def tidy(text: str) -> str:
    """Return `text` without mark-up, with single blanks and single line ends. At most the region is examined."""
    text = region(compatible(region(text)))
    if "<" in text:
        text = _HTML.sub("", _TOKENS.sub("", _BOX_TOKENS.sub(r"<answer>\1</answer>", text)))
    if "\\" in text:
        text = _MACRO.sub(r"\1", _MACRO.sub(r"\1", text))
    text = _MARKS.sub("", _MATH.sub("", text))
    return _LINES.sub("\n", _BLANKS.sub(" ", text)).strip()


def loose(text: str) -> str:
    """Return `text` folded for comparison: case, quotes, punctuation and blanks do not count; numbers keep their value.

    A decimal point, a leading minus, a fraction's stroke and `< > = +` stay; a thousands comma, `%`, `$` and `°` go;
    "n't" becomes "not". The empty string is possible.
    """
    text = _NOT.sub(" not", compatible(text).casefold())
    text = _COMMA.sub("", _DROPPED.sub(" ", text))
    return " ".join(_SIGN.sub(" ", _POINT.sub(" ", text)).split())

"""What a cell of a table means: absent or text, a list or its spelling.

Absent is what no person would type: a null, a floating NaN, the empty string, and the string "nan" ("NaN") that pandas
leaves behind. "None" as a string is a text, because options such as "None" exist; `options` says when it is not.
"""

from __future__ import annotations

import ast
import math
import threading
from collections.abc import Sequence
from typing import Any

import msgspec

from vlmeval.errors import DataError

# CPython's parser mixes up the recursion depths of two threads (python/cpython#106905), and images are read by many.
_PARSER = threading.Lock()
_LOST = ("", "nan", "NaN")
_WRITTEN_NULLS = ("None", "none")


def is_absent(value: object) -> bool:
    """Tell whether a cell holds nothing: None, NaN, '', 'nan' or 'NaN'."""
    if value is None:
        return True
    if isinstance(value, float):
        return math.isnan(value)
    return isinstance(value, str) and value.strip() in _LOST


def as_text(value: object, where: str) -> str | None:
    """Return a scalar cell as text, None for an absent one. Raises DataError for a list or a struct."""
    if is_absent(value):
        return None
    if isinstance(value, str):
        return value
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, (bool, int, float)):
        return str(value)
    raise DataError(f"{where}: expected text, found {type(value).__name__} {str(value)[:80]}")


def as_list(value: object, where: str) -> list[Any]:
    """Return a list cell, also where it is spelled as JSON or as a Python literal; [] for an absent one.

    Nothing is ever evaluated: only literals are read. A scalar is a list of one, and so is "[0, 1)". Raises DataError
    for what opens and closes as a list and is none.
    """
    if is_absent(value):
        return []
    if isinstance(value, (list, tuple)):
        return list(value)
    if not isinstance(value, (str, bytes)):
        return [value]
    text = value.decode("utf8", "replace") if isinstance(value, bytes) else value
    if not (text.lstrip().startswith("[") and text.rstrip().endswith("]")):
        return [text]
    # Without double quotes and escapes a Python list of texts differs from JSON in its quotes alone.
    spelled = text if '"' in text or "\\" in text else text.replace("'", '"')
    try:
        found = msgspec.json.decode(spelled)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        try:
            with _PARSER:
                found = ast.literal_eval(text.strip())
        except (ValueError, SyntaxError, MemoryError, RecursionError) as error:
            raise DataError(f"{where}: neither a JSON list nor a Python one: {text[:80]!r}") from error
    if not isinstance(found, list):
        raise DataError(f"{where}: expected a list, found {text[:80]!r}")
    return found


LOST_OPTION = "\0lost option"
"""Stands in a cell for an option that the writer of a file has lost and the model has not seen; no file can hold it."""


def options(cells: Sequence[object], where: str) -> tuple[str, ...]:
    """Return the options that the cells A, B, C, ... hold, in order.

    The options end before the trailing run of absent cells. A string "None" ("none") is an option, as in the official
    files ("None" of the above; spreadsheet readers lose it and with it a letter), but two or more of it at the end are
    written nulls: no question has the same option twice. Raises DataError where an absent cell ('nan' too) stands
    between two options: dropping it would shift the letters after it, and "nan" is nothing to choose.
    """
    texts = [_option(value, where) for value in cells]
    end = len(texts)
    while end and (texts[end - 1] or "").strip() in _LOST:
        end -= 1
    nulls = end
    while nulls and (texts[nulls - 1] or "").strip() in _WRITTEN_NULLS:
        nulls -= 1
    if end - nulls > 1:
        end = nulls
    kept: list[str] = []
    for position, text in enumerate(texts[:end]):
        if text is None or text.strip() in _LOST:
            raise DataError(
                f'{where}, column "{chr(65 + position)}": the option is absent, but "{chr(64 + end)}" is not; '
                'write its text (an option "None" is often lost by spreadsheet programs)'
            )
        kept.append("" if text == LOST_OPTION else text)
    return tuple(kept)


def _option(value: object, where: str) -> str | None:
    """Return an option cell as text, the string "nan" as well; None for '' and for real nulls."""
    if isinstance(value, str):
        return value if value.strip() else None
    return as_text(value, where)

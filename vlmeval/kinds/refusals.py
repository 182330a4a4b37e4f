"""Replies that decline to answer, and error messages that another program took for replies."""

from __future__ import annotations

import re

_FAILURE_TEXTS = ("Failed to obtain answer via API", "[LMMS_EVAL_REQUEST_FAILED")
_DECIDE = "(?:determine|answer|see|view|identify|process|assist|provide|help|tell)d?"
_DECLINES = re.compile(
    r"\b(?:i'm sorry|i am sorry|sorry,|i apologi[sz]e|as an ai\b"
    r"|(?:i|we) (?:can't|cannot|can not|am unable|am not able)|i'm (?:unable|not able)|(?:do not|don't) know"
    rf"|unable to {_DECIDE}|(?:cannot|can't) (?:be )?{_DECIDE}|not (?:possible to|enough information))"
    r"|抱歉|对不起|无法(?:确定|回答|判断|看到|识别|查看)|不能(?:确定|回答|判断)|作为一个?(?:AI|人工智能)",
    re.IGNORECASE,
)


def declines(text: str) -> bool:
    """Tell whether `text` says that it gives no answer."""
    return _DECLINES.search(text) is not None


def is_failure_text(reply: str) -> bool:
    """Tell whether `reply` is an error message of VLMEvalKit or lmms-eval, as imported runs may hold."""
    return any(text in reply[:2000] for text in _FAILURE_TEXTS)

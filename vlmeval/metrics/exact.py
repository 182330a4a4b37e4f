"""Exact matches as benchmarks define them; `exact_match` of `vlmeval.metrics.accuracy` is ours, for data of your own.

    match   equal once blanks around and case are gone: OCR-VQA and GQA in Qwen-VL's eval_mm/evaluate_vqa.py and
            VLMEvalKit's vqa_eval.py ("accuracy", at c03bc04 and e8e78f0)
    gqa     GQA's eval.py (cs.stanford.edu/people/dorarad/gqa), which compares exactly, after LLaVA's
            scripts/convert_gqa_for_eval.py: full stops at the end gone, lower case

Tolerance: equal per sample on the official cases. Known difference: none.
"""

from __future__ import annotations

from collections.abc import Sequence

from vlmeval.metrics.mean import MeanAccuracy
from vlmeval.types import MetricInfo


def match(reply: str, references: Sequence[str]) -> float:
    """Return 1 where `reply` equals a reference but for case and blanks around, else 0."""
    said = reply.strip().lower()
    return float(any(said == text.strip().lower() for text in references))


def gqa(reply: str, references: Sequence[str]) -> float:
    """Return 1 where `reply` in lower case, without full stops at its end, is a reference, else 0."""
    return float(reply.strip().rstrip(".").lower() in references)


class Match(MeanAccuracy):
    """Exact match but for case and blanks around."""

    info = MetricInfo(
        name="match",
        title="Exact match",
        scale=100.0,
        source="QwenLM/Qwen-VL eval_mm/evaluate_vqa.py; VLMEvalKit vqa_eval.py at e8e78f0",
        signature="match",
        proportion=True,
    )
    accuracy = staticmethod(match)


class Gqa(MeanAccuracy):
    """Accuracy of GQA as LLaVA's published figures have it."""

    info = MetricInfo(
        name="gqa",
        title="GQA accuracy",
        scale=100.0,
        source="GQA eval.py (Hudson and Manning 2019); LLaVA scripts/convert_gqa_for_eval.py",
        signature="gqa",
        proportion=True,
    )
    accuracy = staticmethod(gqa)

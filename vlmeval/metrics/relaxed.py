"""Relaxed accuracy of ChartQA: a number is right within 5 %, a text where it is the same but for case.

Masry et al., ChartQA (ACL 2022 Findings), section 5.1, after Methani et al., PlotQA (WACV 2020). A number is what
Python reads as one; with a per cent sign it is a hundredth ("5%" is 0.05, so it is not "5"); "1,000" and "3 km" are
texts.

    relaxed_accuracy              5 % of the gold; where the gold is 0, a number that is 0
    relaxed_accuracy_pix2struct   google-research/pix2struct, pix2struct/metrics.py: the same, but a gold of 0 is
                                  compared as text ("0.0" is not "0"); so VLMEvalKit's at e8e78f0
    relaxed_accuracy_vlmevalkit   VLMEvalKit's published runs (c03bc04, 2024): 5 % of the reply, a reply of 0 as text,
                                  and a gold spelled as a list, "[2014, 2016]", has several right answers

Tolerance: equal per sample on the official cases. A number that is not finite is compared as a text in the first
metric, and is wrong in the others, as in the programs.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Sequence

from vlmeval.metrics.mean import MeanAccuracy
from vlmeval.types import MetricInfo

TOLERANCE = 0.05
LONGEST_LIST = 65_536


def number(text: str) -> float | None:
    """Return the number that `text` spells, None for other texts."""
    try:
        return float(text.rstrip("%")) / 100.0 if text.endswith("%") else float(text)
    except ValueError:
        return None


def within(said: float, base: float) -> bool:
    """Tell whether `said` differs from `base`, which is not 0, by 5 % of it or less."""
    return abs(said - base) / abs(base) <= TOLERANCE


def same_text(reply: str, gold: str) -> bool:
    """Tell whether two texts are equal but for case."""
    return reply.lower() == gold.lower()


def relaxed(reply: str, gold: str) -> bool:
    """Tell whether `reply` is right by the paper."""
    said, base = number(reply), number(gold)
    if said is None or base is None or not math.isfinite(said) or not math.isfinite(base):
        return same_text(reply, gold)
    return within(said, base) if base else said == 0


def relaxed_pix2struct(reply: str, gold: str) -> bool:
    """Tell whether `reply` is right by pix2struct's program."""
    said, base = number(reply), number(gold)
    return within(said, base) if said is not None and base else same_text(reply, gold)


def relaxed_vlmevalkit(reply: str, gold: str) -> bool:
    """Tell whether `reply` is right by VLMEvalKit's program of 2024, which takes the two the other way round."""
    return any(relaxed_pix2struct(one, reply) for one in listed(gold))


def listed(gold: str) -> list[str]:
    """Return the items of a gold that is spelled as a Python list, else the gold itself. Nothing is evaluated."""
    if not gold.lstrip().startswith("[") or len(gold) > LONGEST_LIST:
        return [gold]
    try:
        items = ast.literal_eval(gold.strip())
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return [gold]
    return [str(item) for item in items] if isinstance(items, list) else [gold]


def relaxed_accuracy(reply: str, references: Sequence[str]) -> float:
    """Return 1 where `reply` is right by the paper for one of the references, else 0."""
    return float(any(relaxed(reply.strip(), gold.strip()) for gold in references))


def relaxed_accuracy_pix2struct(reply: str, references: Sequence[str]) -> float:
    """Return 1 where `reply` is right by pix2struct's program for one of the references, else 0."""
    return float(any(relaxed_pix2struct(reply.strip(), gold) for gold in references))


def relaxed_accuracy_vlmevalkit(reply: str, references: Sequence[str]) -> float:
    """Return 1 where `reply` is right by VLMEvalKit's program of 2024 for one of the references, else 0."""
    return float(any(relaxed_vlmevalkit(reply.strip(), gold) for gold in references))


class RelaxedAccuracy(MeanAccuracy):
    """Relaxed accuracy, 5 % of the gold."""

    info = MetricInfo(
        name="relaxed_accuracy",
        title="Relaxed accuracy",
        scale=100.0,
        source="Masry et al. 2022, section 5.1; pix2struct/metrics.py, with a gold of 0 as a number",
        signature="relaxed:0.05",
        proportion=True,
    )
    accuracy = staticmethod(relaxed_accuracy)


class RelaxedAccuracyPix2struct(MeanAccuracy):
    """Relaxed accuracy exactly as pix2struct's program has it."""

    info = MetricInfo(
        name="relaxed_accuracy_pix2struct",
        title="Relaxed accuracy (pix2struct)",
        scale=100.0,
        source="google-research/pix2struct pix2struct/metrics.py; VLMEvalKit vqa_eval.py at e8e78f0",
        signature="relaxed:pix2struct",
        proportion=True,
    )
    accuracy = staticmethod(relaxed_accuracy_pix2struct)


class RelaxedAccuracyVlmevalkit(MeanAccuracy):
    """Relaxed accuracy as in VLMEvalKit's published runs, 5 % of the reply."""

    info = MetricInfo(
        name="relaxed_accuracy_vlmevalkit",
        title="Relaxed accuracy (VLMEvalKit 2024)",
        scale=100.0,
        source="VLMEvalKit vqa_eval.py at c03bc04",
        signature="relaxed:vlmevalkit-2024",
        proportion=True,
    )
    accuracy = staticmethod(relaxed_accuracy_vlmevalkit)

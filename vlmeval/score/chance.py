"""The level of guessing: what uniform guesses among the answers offered would score, computed and not drawn.

Statistics are additive, so the statistics expected of a guess are the mean of those of every answer that could be
guessed, and the level is the metric's value on their sum. A question with nothing to choose from is never guessed
right. CircularEval's verdict falls on all passes of a question together: each must be guessed right on its own.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vlmeval.data.task import Task
from vlmeval.kinds.letters import LETTERS
from vlmeval.metrics.accuracy import FIRST_VARIANT, Circular
from vlmeval.metrics.pass_at import loaded_metric
from vlmeval.registry import METRICS
from vlmeval.score.measure import Measure
from vlmeval.types import Answer, GroupMetric, Sample

SIDES = ("no", "yes")
LETTERED = ("choice", "mathvista")
SIDED = "yesno"
"""The kinds of tasks whose questions offer answers: letters, or two sides."""


def chance_of(task: Task, samples: Sequence[Sample]) -> float | None:
    """Return the level of guessing of the primary metric, unscaled: the task's own where it names one, else computed.

    None where it is not defined: nothing is offered to choose from, or verdicts fall on groups of samples.
    """
    golden = [sample for sample in samples if sample.references]
    if task.chance is not None or task.primary not in METRICS or task.kind not in (*LETTERED, SIDED):
        return task.chance
    if not any(map(offered, golden)):
        return None
    metric = loaded_metric(task.primary, (task.primary,))
    if isinstance(metric, Circular):
        return sum(map(circular_chance, golden)) / len(golden)
    if isinstance(metric, GroupMetric):
        return None
    measure = Measure(task.primary, metric, golden)
    rows = [row for sample in golden if (row := expected(measure, sample)) is not None]
    return measure.value(np.sum(rows, axis=0)) if rows and not measure.fault else None


def offered(sample: Sample) -> tuple[str, ...]:
    """Return the answers that can be guessed: letters of the options, both sides of a yes/no question, else none."""
    if sample.choices:
        return tuple(letter for letter, choice in zip(LETTERS, sample.choices, strict=False) if choice)
    return SIDES if sample.references[0] in SIDES else ()


def expected(measure: Measure, sample: Sample) -> np.ndarray | None:
    """Return the mean of the statistics of all guesses, shape (k,); None where the sample does not enter."""
    guesses = offered(sample) or (None,)
    rows = [measure.stats(sample, [Answer(FIRST_VARIANT, guess, "guess")]) for guess in guesses]
    return None if None in rows else np.mean(np.array(rows, dtype=np.float64), axis=0)


def circular_chance(sample: Sample) -> float:
    """Return the chance that every pass over the options is guessed right; 0 without options."""
    options = len(offered(sample))
    return float(options) ** -(len(sample.rotations) or options) if options else 0.0

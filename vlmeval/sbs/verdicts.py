"""Verdicts of a judge against one baseline, as WildVision-Bench and Arena-Hard report them.

WildVision-Bench, `show_results.py`: a win rate counts verdicts for the model and takes ties for losses; the reward is
the mean of 1, 1/2, 0, -1/2, -1. A verdict that could not be read counts as a tie in both, but not in the ratings.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vlmeval.errors import DataError
from vlmeval.sbs.sheet import read_sheet

STEPS = {"b>>a": 0, "b>a": 1, "a=b": 2, "": 2, "a>b": 3, "a>>b": 4}
REWARDS = (1.0, 0.5, 0.0, -0.5, -1.0)


@dataclass(frozen=True)
class Verdicts:
    """How often a model was much better, better, equal (or unread), worse, much worse than the baseline."""

    counts: tuple[int, int, int, int, int]

    @property
    def win_rate(self) -> float:
        """The share of verdicts for the model."""
        return (self.counts[0] + self.counts[1]) / sum(self.counts)

    @property
    def reward(self) -> float:
        """The mean reward, -1..1."""
        return sum(count * reward for count, reward in zip(self.counts, REWARDS, strict=True)) / sum(self.counts)


def read_verdicts(path: Path) -> dict[str, Verdicts]:
    """Return the verdicts by model, from a file with the columns model and score (A the baseline).

    Raises DataError for another file, and with row and value for an unknown verdict.
    """
    sheet = read_sheet(path)
    if not {"model", "score"} <= set(sheet.columns):
        raise DataError(f"{path}: columns {', '.join(sheet.columns)}: expected model and score")
    models, scores = sheet.texts("model"), sheet.texts("score")
    steps = np.array([STEPS.get(_verdict(name), -1) for name in scores.names])[scores.codes]
    if (steps < 0).any():
        row = int(np.argmax(steps < 0))
        raise DataError(
            f'{path}, row {row + 1}: score is "{scores.names[int(scores.codes[row])]}"; expected A>>B to B>>A'
        )
    table = np.bincount(models.codes * len(REWARDS) + steps, minlength=len(models.names) * len(REWARDS))
    rows = table.reshape(-1, len(REWARDS)).tolist()
    return {
        name: Verdicts((row[0], row[1], row[2], row[3], row[4])) for name, row in zip(models.names, rows, strict=True)
    }


def expected_win_rate(rating: float, baseline: float, *, scale: float) -> float:
    """Return the chance to win that two ratings give, `scale` points a logit."""
    return 1.0 / (1.0 + math.exp((baseline - rating) / scale))


def _verdict(name: str) -> str:
    known = name.strip().lower()
    return "" if known in ("null", "[null]") else known

"""Ratings that follow a running session: a vote is added to the counts, and the fit goes on from the last one.

For the page of whoever runs a session. Intervals come from the information of the fit, as if votes were independent and
the model true; those of `rate` are the ones to publish.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from vlmeval.sbs.strengths import PSEUDO_VOTES, Recipe
from vlmeval.sbs.votes import BOTH_BAD
from vlmeval.stats.comparisons import OUTCOMES, TIE, Cells
from vlmeval.stats.pairwise import Fit, NoOptimumError, fit
from vlmeval.stats.student import student_t

PSEUDO = np.array([[PSEUDO_VOTES / 2], [0.0], [PSEUDO_VOTES / 2]])


class LiveRating(NamedTuple):
    """One model now."""

    model: str
    rating: float
    low: float
    high: float
    votes: int


class LiveRatings:
    """The counts of a session and its last fit. Half a pseudo-vote on each judged pair keeps every rating finite."""

    def __init__(self, models: tuple[str, ...], recipe: Recipe) -> None:
        self.models = models
        self._recipe = recipe
        first, second = np.triu_indices(len(models), 1)
        self._places = {pair: place for place, pair in enumerate(zip(first.tolist(), second.tolist(), strict=True))}
        self._first, self._second = first, second
        self._counts = np.zeros((OUTCOMES, len(first)))
        self._votes = [0] * len(models)
        self._fitted: Fit | None = None

    def add(self, left: int, right: int, outcome: int, *, votes: int = 1) -> None:
        """Count a vote between two places among the models; `votes` = -1 takes one back. Raises ValueError."""
        if left == right or not 0 <= outcome <= BOTH_BAD:
            raise ValueError(f"no vote: models {left} and {right}, outcome {outcome}")
        scored = TIE if outcome == BOTH_BAD else outcome
        place = self._places[min(left, right), max(left, right)]
        row = scored if left < right else OUTCOMES - 1 - scored
        if self._counts[row, place] + votes < 0:
            raise ValueError(f"models {left} and {right} have no such vote to take back")
        self._counts[row, place] += votes
        self._votes[left] += votes
        self._votes[right] += votes

    def ratings(self) -> list[LiveRating]:
        """Return the ratings, best first; [] until votes join all models, directly or by way of others."""
        cells = self._cells()
        try:
            self._fitted = fit(cells, self._recipe.response, start=self._fitted)
        except NoOptimumError:
            self._fitted = None
            return []
        size = len(self.models)
        errors = np.sqrt(np.maximum(np.diag(self._fitted.inverse)[:size], 0.0))
        half = student_t((1 + self._recipe.level) / 2, None) * errors * self._recipe.scale
        values = self._recipe.center + self._recipe.scale * self._fitted.theta
        shown = zip(values.tolist(), (values - half).tolist(), (values + half).tolist(), self._votes, strict=True)
        rows = [LiveRating(model, *row) for model, row in zip(self.models, shown, strict=True)]
        return sorted(rows, key=lambda row: -row.rating)

    def _cells(self) -> Cells:
        seen = self._counts.any(axis=0)
        first, second, counts = self._first, self._second, self._counts
        if not seen.all():
            first, second, counts = first[seen], second[seen], counts[:, seen]
        padded = counts + PSEUDO
        return Cells(len(self.models), first, second, padded, padded, np.zeros((len(first), 0)))

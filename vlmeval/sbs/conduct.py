"""Annotators whose votes look random, reversed, or stuck to a side: found, named, never dropped silently."""

from __future__ import annotations

import numpy as np

from vlmeval.sbs.board import Annotator
from vlmeval.sbs.strengths import PSEUDO_VOTES, Recipe
from vlmeval.sbs.votes import Votes
from vlmeval.stats.annotators import conduct
from vlmeval.stats.clusters import Floats
from vlmeval.stats.comparisons import LEFT, TIE, collapse, components
from vlmeval.stats.pairwise import NoOptimumError, fit

FEW_ANNOTATORS = 50
"""Up to here each annotator is measured against a fit without their own votes, which would hide a bad one."""


def annotators_of(votes: Votes, recipe: Recipe) -> tuple[Annotator, ...]:
    """Return the conduct of all annotators, the most suspicious first; () where votes are anonymous."""
    column = votes.annotator
    if column is None or len(column.names) < 2:
        return ()
    number = len(column.names)
    difference = np.zeros(len(votes))
    chances = np.zeros((3, len(votes)))
    if number <= FEW_ANNOTATORS:
        for place in range(number):
            own = column.codes == place
            expect(votes, recipe, votes.only(~own), own, difference, chances)
    else:
        expect(votes, recipe, votes, np.ones(len(votes), dtype=bool), difference, chances)
    found = conduct(difference, chances, votes.scored, column.codes, number)
    left, ties = (np.bincount(column.codes, votes.scored == code, number) / found.votes for code in (LEFT, TIE))
    rows = [
        Annotator(
            name,
            int(found.votes[place]),
            float(found.follows[place]),
            float(found.side[place]),
            float(left[place]),
            float(ties[place]),
            tuple(
                flag for flag, on in (("random", found.random[place]), ("one side", found.sided[place])) if on
            ),
        )
        for place, name in enumerate(column.names)
    ]  # fmt: skip
    return tuple(sorted(rows, key=lambda one: (not one.flags, min(one.follows, -abs(one.side)), one.name)))


def expect(
    votes: Votes, recipe: Recipe, basis: Votes, rows: np.ndarray[tuple[int], np.dtype[np.bool_]],
    difference: Floats, chances: Floats,
) -> None:  # fmt: skip
    """Fill in what a fit to `basis` expects of the votes in `rows`: the difference and the three probabilities.

    Half a pseudo-vote on each pair keeps every strength finite; models of which no vote is left count as equals.
    """
    theta, tie = whole_strengths(basis, recipe)
    difference[rows] = theta[votes.left[rows]] - theta[votes.right[rows]]
    chances[:, rows] = recipe.response.probabilities(difference[rows], tie)


def whole_strengths(votes: Votes, recipe: Recipe) -> tuple[Floats, float | None]:
    """Return the strengths of all models, 0 for those without votes, and the tie parameter of the largest group."""
    cells = collapse(votes.left, votes.right, votes.scored, len(votes.models), weights=votes.weights)
    padded = cells.with_pseudo_votes(PSEUDO_VOTES)
    theta = np.zeros(len(votes.models))
    tie: float | None = None
    for place, members in enumerate(components(padded.wins() > 0)):
        if len(members) < 2:
            continue
        try:
            fitted = fit(padded.within(members), recipe.response)
        except NoOptimumError:
            continue
        theta[members] = fitted.theta
        tie = fitted.tie if place == 0 else tie
    return theta, tie

"""Strengths of all models of a set of votes, group by group, with the covariance that the votes call for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from vlmeval.errors import DataError
from vlmeval.sbs.votes import Votes
from vlmeval.stats.bradley_terry import BradleyTerry
from vlmeval.stats.clusters import Floats, Integers
from vlmeval.stats.comparisons import Cells, Codes, collapse, components, one_by_one
from vlmeval.stats.davidson import Davidson
from vlmeval.stats.pairwise import Fit, NoOptimumError, NotIdentifiedError, fit
from vlmeval.stats.rao_kupper import RaoKupper
from vlmeval.stats.responses import ResponseModel
from vlmeval.stats.sandwich import Ballot, Covariance, cluster_covariance, vote_covariance

Method = Literal["davidson", "bt", "rao-kupper"]
Clustering = Literal["auto", "none", "annotator", "prompt"]
MODELS: dict[str, ResponseModel] = {"davidson": Davidson(), "bt": BradleyTerry(), "rao-kupper": RaoKupper()}
SMALL_SESSION = 50.0
"""Votes a model on average below which every observed pair gets half a pseudo-vote: it halves the error there."""
PSEUDO_VOTES = 0.5
ELO = 400.0 / float(np.log(10.0))


class Recipe(NamedTuple):
    """How votes are rated. Ratings are `center` + `scale` times the strength in logits.

    `anchor` is the model that gets exactly `center`; without one the mean of a group does. `controls` are features, and
    "side". `pseudo_votes` None is 0.5 for a small session, else 0. `cluster` "auto" is two-way by annotator and prompt
    where the votes have both.
    """

    method: Method = "davidson"
    center: float = 1000.0
    scale: float = ELO
    anchor: str | None = None
    level: float = 0.95
    cluster: Clustering = "auto"
    controls: tuple[str, ...] = ()
    pseudo_votes: float | None = None
    draws: int = 2_000
    seed: int = 0

    @property
    def response(self) -> ResponseModel:
        """The model of one vote."""
        return MODELS[self.method]

    @property
    def features(self) -> tuple[str, ...]:
        """The controls that are features."""
        return tuple(name for name in self.controls if name != "side")

    def pseudo(self, votes: Votes) -> float:
        """Return the pseudo-votes on each observed pair."""
        if self.pseudo_votes is not None:
            return self.pseudo_votes
        return PSEUDO_VOTES if len(votes) < SMALL_SESSION * len(np.union1d(votes.left, votes.right)) else 0.0


@dataclass(frozen=True, eq=False)
class Group:
    """Models that can be compared: `members` are places among the models of the votes, in the order of the fit."""

    members: Integers
    cells: Cells
    fitted: Fit
    covariance: Covariance


@dataclass(frozen=True, eq=False)
class Strengths:
    """The groups, the largest first; `alone` are the models of which no vote gives a finite strength."""

    groups: tuple[Group, ...]
    alone: tuple[int, ...]
    notes: tuple[str, ...]


def cells_of(votes: Votes, recipe: Recipe) -> Cells:
    """Return the votes as counts, or one by one where features are controlled for."""
    features = recipe.features
    if not features:
        return collapse(votes.left, votes.right, votes.scored, len(votes.models), weights=votes.weights)
    return one_by_one(
        votes.left, votes.right, votes.scored, len(votes.models),
        features=votes.contrasts(features), weights=votes.weights,
    )  # fmt: skip


def strengths(votes: Votes, recipe: Recipe) -> Strengths:
    """Return the strengths of `votes`. Raises DataError where no two models can be compared at all."""
    cells = cells_of(votes, recipe)
    pseudo = recipe.pseudo(votes)
    notes = []
    if pseudo:
        notes.append(f"a small session: {pseudo:g} pseudo-vote on each observed pair, split evenly")
        padded = cells.with_pseudo_votes(pseudo)
        beats = (padded.wins() + padded.ties()) > 0
    else:
        beats = (cells.wins() + cells.ties()) > 0
    groups, alone = [], []
    for members in components(beats):
        group = group_of(votes, cells, members, recipe, pseudo=pseudo, notes=notes) if len(members) > 1 else None
        if group is None:
            alone += members.tolist()
        else:
            groups.append(group)
    if not groups:
        raise DataError(
            f"{len(votes)} votes on {len(votes.models)} models: no two models have both won against each "
            "other or tied, directly or by way of others, so no finite rating exists; more votes, or --pseudo-votes 0.5"
        )
    if len(groups) > 1:
        notes.append(f"{len(groups)} groups of models that no chain of wins joins both ways: rated apart")
    seen = np.bincount(votes.left, minlength=len(votes.models)) + np.bincount(votes.right, minlength=len(votes.models))
    rated = [place for place in alone if seen[place]]
    if rated:
        names = ", ".join(votes.models[place] for place in rated[:5])
        notes.append(f"{len(rated)} models without a finite rating, all their votes point one way: {names}")
    return Strengths(tuple(groups), tuple(rated), tuple(dict.fromkeys(notes)))


def group_of(
    votes: Votes, cells: Cells, members: Integers, recipe: Recipe, *, pseudo: float, notes: list[str]
) -> Group | None:  # fmt: skip
    """Return the fit of some models, None where none is finite. What is given up on the way goes to `notes`."""
    own = cells.within(members)
    padded = own.with_pseudo_votes(pseudo) if pseudo else own
    fitted = fitted_group(padded, recipe, notes)
    if fitted is None:
        return None
    return Group(members, own, fitted, covariance(votes, own, members, fitted, recipe, notes))


def fitted_group(cells: Cells, recipe: Recipe, notes: list[str]) -> Fit | None:
    """Return the fit as asked for, or the nearest that exists."""
    side = "side" in recipe.controls
    try:
        return fit(cells, recipe.response, side=side)
    except NotIdentifiedError as error:
        raise DataError(
            f"--control {','.join(recipe.controls)}: {error}, so its effect cannot be told from the strengths; "
            "leave it out"
        ) from error
    except NoOptimumError as error:
        reason = str(error)
    if recipe.method == "bt" and not side:
        return None
    try:
        fitted = fit(cells, MODELS["bt"])
    except NoOptimumError:
        return None
    notes.append(f"{recipe.method}: {reason}; a tie counts as half a win each instead")
    return fitted


def covariance(
    votes: Votes, cells: Cells, members: Integers, fitted: Fit, recipe: Recipe, notes: list[str]
) -> Covariance:  # fmt: skip
    """Return the covariance clustered as asked for, as far as the votes say who gave them and on what."""
    groups: dict[str, Codes] = {}
    if recipe.cluster in ("auto", "annotator") and votes.annotator is not None:
        groups["annotators"] = votes.annotator.codes
    if recipe.cluster in ("auto", "prompt") and votes.prompt is not None:
        groups["prompts"] = votes.prompt.codes
    places = np.full(len(votes.models), -1)
    places[members] = np.arange(len(members))
    left, right = places[votes.left], places[votes.right]
    rows = (left >= 0) & (right >= 0)
    groups = {name: codes[rows] for name, codes in groups.items()}
    for name in [name for name, codes in groups.items() if int(codes.min()) == int(codes.max())]:
        notes.append(f"one of {name} only: intervals cannot be clustered by {name}")
        del groups[name]
    if not groups:
        if recipe.cluster != "none":
            notes.append("intervals take votes as independent: true only if no annotator or prompt voted often")
        return vote_covariance(fitted, cells)
    features = votes.contrasts(recipe.features)[rows] if recipe.features else None
    weights = None if votes.weights is None else votes.weights[rows]
    ballot = Ballot(left[rows], right[rows], votes.scored[rows], features, weights)
    found = cluster_covariance(fitted, ballot, groups)
    if found.few:
        few = ", ".join(f"{number} {name}" for name, number in found.clusters.items())
        notes.append(f"few clusters ({few}): intervals are wide, and still optimistic below 10")
    return found


def anchored(group: Group, place: int | None) -> tuple[Floats, Covariance]:
    """Return strengths and covariance of a group relative to the member at `place`; to the mean where it is None."""
    theta = group.fitted.theta
    size = len(theta)
    matrix = group.covariance.matrix[:size, :size]
    if place is not None:
        shift = np.eye(size)
        shift[:, place] -= 1.0
        theta = theta - theta[place]
        matrix = shift @ matrix @ shift.T
    return theta, Covariance(matrix, group.covariance.freedom, group.covariance.clusters)

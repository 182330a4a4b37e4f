"""From votes to a board: ratings, ranks, win shares, side effect, categories, agreement, conduct of annotators."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from vlmeval.errors import ConfigError, VlmevalError
from vlmeval.sbs.board import Board, Category, Effect, Pair, Rating
from vlmeval.sbs.conduct import annotators_of
from vlmeval.sbs.consensus import agreement_of, human_rows, judge_agreement, judges_of
from vlmeval.sbs.strengths import Group, Recipe, Strengths, anchored, covariance, strengths
from vlmeval.sbs.votes import BOTH_BAD, Votes
from vlmeval.stats.clusters import Floats
from vlmeval.stats.comparisons import LEFT, RIGHT, TIE
from vlmeval.stats.elo import online_elo
from vlmeval.stats.pairwise import NoOptimumError, NotIdentifiedError, fit
from vlmeval.stats.separations import Ranks, rank

FEWEST_OF_CATEGORY = 30
STANDING = ("votes", "wins", "ties", "losses", "both_bad")
MOST_FOR_ELO = 500_000
"""A display that depends on the order of votes is not worth more than a second."""


def rate(votes: Votes, recipe: Recipe, *, study: str = "votes", judges: Mapping[str, Votes] | None = None) -> Board:
    """Return the board of `votes`; `judges` are the verdicts of judges kept apart, by name, to be compared with people.

    Where the votes hold people's and judges' alike, people's are rated and the judges compared with them.
    Raises DataError where nothing can be rated, ConfigError for an anchor or control that the votes do not have.
    """
    agreements = judges_of(votes) + tuple(judge_agreement(name, votes, own) for name, own in (judges or {}).items())
    votes, notes = people_of(votes)
    if recipe.anchor is not None:
        votes.place(recipe.anchor)
    found = strengths(votes, recipe)
    if recipe.anchor is not None and votes.place(recipe.anchor) not in found.groups[0].members:
        raise ConfigError(
            f'--anchor "{recipe.anchor}" is outside the largest group of comparable models; choose another'
        )
    main = found.groups[0]
    annotators = annotators_of(votes, recipe)
    flagged = [one.name for one in annotators if one.flags]
    notes += [*votes.notes, *found.notes]
    side = side_effect(votes, main, recipe, notes)
    return Board(
        study=study,
        method=recipe.method,
        signature=signature(votes, recipe),
        level=recipe.level,
        center=recipe.center,
        scale=recipe.scale,
        anchor=recipe.anchor,
        votes=len(votes),
        models=len(np.union1d(votes.left, votes.right)),
        clusters=main.covariance.clusters,
        tie_parameter=main.fitted.tie,
        log_likelihood=main.fitted.log_likelihood,
        side=side,
        controls=control_effects(main, recipe),
        ratings=ratings_of(votes, found, recipe, elo=len(votes) <= MOST_FOR_ELO),
        pairs=pairs_of(votes, found, recipe),
        categories=categories_of(votes, recipe),
        agreement=agreement_of(votes),
        judges=agreements,
        annotators=annotators,
        without_flagged=without(votes, flagged, recipe, notes) if flagged else None,
        notes=tuple(dict.fromkeys(notes)),
    )


def people_of(votes: Votes) -> tuple[Votes, list[str]]:
    """Return the votes of people where there are others too, and what was done."""
    people = human_rows(votes)
    if votes.kind is None or people.all() or not people.any():
        return votes, []
    left = int((~people).sum())
    return votes.only(people), [f"{left} verdicts of judges are compared with people's votes, not rated (see --judge)"]


def signature(votes: Votes, recipe: Recipe) -> str:
    """Return what two boards must agree in for their numbers to be of one kind."""
    parts = [recipe.method, f"cluster:{recipe.cluster}", f"level:{recipe.level:g}", f"n:{len(votes)}"]
    parts += [f"anchor:{recipe.anchor}={recipe.center:g}" if recipe.anchor else f"mean:{recipe.center:g}"]
    parts += [f"scale:{recipe.scale:.2f}", f"pseudo:{recipe.pseudo(votes):g}"]
    parts += [f"control:{','.join(recipe.controls)}"] if recipe.controls else []
    return "|".join(parts)


def ratings_of(votes: Votes, found: Strengths, recipe: Recipe, *, elo: bool = False) -> tuple[Rating, ...]:
    """Return the ratings, groups one after the other, each best first; models without a finite one last."""
    counts = standings(votes)
    online = online_elo(votes.left, votes.right, votes.scored, len(votes.models)) if elo else None
    rows = []
    for number, group in enumerate(found.groups, start=1):
        members = group.members.tolist()
        home = None
        if recipe.anchor is not None and votes.place(recipe.anchor) in members:
            home = members.index(votes.place(recipe.anchor))
        theta, spread = anchored(group, home)
        errors = spread.errors() * recipe.scale
        half = spread.quantile(recipe.level) * errors
        values = recipe.center + recipe.scale * theta
        ranks = ranks_of(group, recipe)
        for place in np.argsort(-theta, kind="stable").tolist():
            standing = counts[members[place]].tolist()
            rows.append(
                Rating(
                    model=votes.models[members[place]],
                    group=number,
                    rating=float(values[place]),
                    low=float(values[place] - half[place]),
                    high=float(values[place] + half[place]),
                    error=float(errors[place]),
                    rank_low=int(ranks.low[place]),
                    rank_high=int(ranks.high[place]),
                    tier=int(ranks.tier[place]),
                    bound=int(ranks.bound[place]),
                    **dict(zip(STANDING, standing, strict=True)),
                    elo=None if online is None else float(online[members[place]]),
                )
            )
    return (*rows, *(unrated(votes.models[place], counts[place].tolist()) for place in found.alone))


def unrated(model: str, standing: list[float]) -> Rating:
    """Return the row of a model without a finite rating."""
    votes, wins, ties, losses, both_bad = standing
    return Rating(model, 0, None, None, None, None, None, None, None, None, votes, wins, ties, losses, both_bad)


def standings(votes: Votes) -> Floats:
    """Return, by model, (votes, wins, ties, losses, both bad), shape (M, 5), weighted."""
    size = len(votes.models)
    weights = np.ones(len(votes)) if votes.weights is None else votes.weights
    scored = votes.scored
    table = np.zeros((size, 5))
    for side, won, lost in ((votes.left, LEFT, RIGHT), (votes.right, RIGHT, LEFT)):
        for column, mask in (
            (1, scored == won),
            (2, scored == TIE),
            (3, scored == lost),
            (4, votes.outcome == BOTH_BAD),
        ):
            table[:, column] += np.bincount(side, weights * mask, size)
    table[:, 0] = table[:, 1:4].sum(axis=1)
    return table


def pairs_of(votes: Votes, found: Strengths, recipe: Recipe) -> tuple[Pair, ...]:
    """Return the observed pairs, the stronger model first."""
    rows = []
    for group in found.groups:
        above = ranks_of(group, recipe).above
        theta = group.fitted.theta
        wins, ties = group.cells.wins(), group.cells.ties()
        total = wins + wins.T + ties
        order = np.argsort(-theta, kind="stable").tolist()
        names = [votes.models[member] for member in group.members.tolist()]
        for place, one in enumerate(order):
            for other in order[place + 1 :]:
                if total[one, other]:
                    share = float((wins[one, other] + ties[one, other] / 2) / total[one, other])
                    chances = group.fitted.model.probabilities(theta[[one]] - theta[[other]], group.fitted.tie)[:, 0]
                    expected = float(chances[0] + chances[1] / 2)
                    rows.append(Pair(names[one], names[other], float(total[one, other]), share, expected,
                                     bool(above[one, other])))  # fmt: skip
    return tuple(rows)


def ranks_of(group: Group, recipe: Recipe) -> Ranks:
    """Return the simultaneous ranks of a group."""
    return rank(group.fitted.theta, group.covariance, level=recipe.level, draws=recipe.draws, seed=recipe.seed)


def side_effect(votes: Votes, main: Group, recipe: Recipe, notes: list[str]) -> Effect | None:
    """Return what being shown left is worth: its interval holds 0 where sides are random and nobody prefers one."""
    if "side" in recipe.controls:
        return effect("side", main, len(main.members), recipe)
    plain = recipe._replace(controls=())
    try:
        cells = replace(main.cells, features=np.zeros((len(main.cells.left), 0)))
        fitted = fit(cells, recipe.response, side=True)
    except NotIdentifiedError:
        notes.append("models keep their sides: an advantage of the left cannot be told from their strengths")
        return None
    except NoOptimumError:
        return None
    group = Group(main.members, cells, fitted, covariance(votes, cells, main.members, fitted, plain, []))
    return effect("side", group, len(main.members), recipe)


def control_effects(main: Group, recipe: Recipe) -> tuple[Effect, ...]:
    """Return the effects of the features controlled for, of one spread each."""
    first = len(main.members) + ("side" in recipe.controls)
    if not len(main.fitted.beta):
        return ()
    return tuple(effect(name, main, first + place, recipe) for place, name in enumerate(recipe.features))


def effect(name: str, group: Group, place: int, recipe: Recipe) -> Effect:
    """Return the parameter of a fit at `place` as an effect on the scale of the ratings."""
    side = 0 if group.fitted.side is None else 1
    extra = place - len(group.members)
    value = float(group.fitted.beta[extra - side]) if extra >= side else float(group.fitted.side or 0.0)
    error = float(group.covariance.errors()[place])
    half = group.covariance.quantile(recipe.level) * error
    low, high = value - half, value + half
    return Effect(name, value * recipe.scale, low * recipe.scale, high * recipe.scale, value / error if error else 0.0)


def categories_of(votes: Votes, recipe: Recipe) -> tuple[Category, ...]:
    """Return the ratings by category, the one with most votes first; none where there is only one."""
    if votes.category is None or len(votes.category.names) < 2:
        return ()
    counts = np.bincount(votes.category.codes, minlength=len(votes.category.names))
    found = []
    for place in np.argsort(-counts, kind="stable").tolist():
        name, number = votes.category.names[place], int(counts[place])
        if number < FEWEST_OF_CATEGORY:
            found.append(Category(name, number, (), (f"fewer than {FEWEST_OF_CATEGORY} votes: not rated",)))
            continue
        part = votes.of_category(name)
        try:
            own = strengths(part, recipe)
        except VlmevalError as error:
            found.append(Category(name, number, (), (str(error),)))
            continue
        found.append(Category(name, number, ratings_of(part, own, recipe), own.notes))
    return tuple(found)


def without(votes: Votes, flagged: list[str], recipe: Recipe, notes: list[str]) -> tuple[Rating, ...] | None:
    """Return the ratings without the votes of flagged annotators, None where too little is left."""
    if votes.annotator is None:
        return None
    out = [place for place, name in enumerate(votes.annotator.names) if name in set(flagged)]
    rest = votes.only(~np.isin(votes.annotator.codes, out))
    try:
        return ratings_of(rest, strengths(rest, recipe), recipe)
    except VlmevalError as error:
        notes.append(f"without the flagged annotators: {error}")
        return None

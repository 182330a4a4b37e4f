"""Strengths from paired comparisons, by Newton on counts.

For Bradley-Terry, Davidson and Rao-Kupper alike (Hunter 2004, Annals of Statistics 32:384-406 for existence): the
Hessian of the strengths is a graph Laplacian, singular along (1, ..., 1) only, because no vote speaks of all models at
once. Adding c 11'/M there fixes the gauge (strengths sum to 0) exactly, with no ridge that would shrink rare models or
their errors. Five to seven steps reach rounding.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vlmeval.stats.clusters import Floats
from vlmeval.stats.comparisons import TIE, Cells
from vlmeval.stats.responses import Response, ResponseModel

STEPS = 60
CLOSE = 1e-7  # Newton is quadratic: a last step of 1e-7 leaves an error of about its square
FAR = 60.0
HALVINGS = 30
NEAR, CHORDS = 0.01, 6
RANK_FLOOR = 1e-9


class NoOptimumError(ValueError):
    """The likelihood has no maximum: some strength, side effect or tie parameter runs to infinity."""


class NotIdentifiedError(ValueError):
    """A side effect or a feature cannot be told from the strengths: it differs with the pair of models only."""


@dataclass(frozen=True, eq=False)
class Fit:
    """Strengths and what belongs to them, in logits; `theta` (M,) sums to 0.

    `side` is the gain of being shown left, `beta` (k,) are the coefficients of the features, `tie` is the parameter of
    ties; None where not fitted. `inverse` (P, P) is the inverse information with the gauge projected out, its
    parameters in the order theta, side, beta, tie.
    """

    model: ResponseModel
    theta: Floats
    side: float | None
    beta: Floats
    tie: float | None
    inverse: Floats
    log_likelihood: float
    steps: int

    def difference(self, cells: Cells) -> Floats:
        """Return eta (C,): left minus right, with side effect and features."""
        eta = self.theta[cells.left] - self.theta[cells.right]
        if self.side is not None:
            eta += self.side
        return eta + cells.features @ self.beta if len(self.beta) else eta

    def response(self, cells: Cells) -> Response:
        """Return the response of the fitted model in each cell."""
        return self.model.at(self.difference(cells), self.tie)

    @property
    def extras(self) -> tuple[int, ...]:
        """The places of side and features among the parameters."""
        return tuple(range(len(self.theta), len(self.theta) + (self.side is not None) + len(self.beta)))


def fit(cells: Cells, model: ResponseModel, *, side: bool = False, start: Fit | None = None) -> Fit:
    """Return the maximum-likelihood fit; `start` is an earlier fit of the same form, to go on from.

    From a start so near that one information serves, `inverse` is that of the start: right to about four digits.

    The cells must be strongly connected (`comparisons.components`). Raises NoOptimumError where some parameter has no
    finite best value, NotIdentifiedError where side or features cannot be told from strengths.
    """
    if not cells.counts.any():
        raise NoOptimumError("there is no vote between these models")
    if not side and not cells.features.shape[1]:
        cells = cells.folded()
    search = _Search(cells, model, side=side)
    point = search.beginning(start)
    value, gradient, information = search.evaluate(point)
    search.check_identified(information)
    if start is not None and (near := search.nearby(point, gradient, information)) is not None:
        return near
    for step in range(1, STEPS + 1):
        move = search.solve(information, gradient)
        if np.abs(move).max() < CLOSE:
            # The information changes by no more than the move: it need not be evaluated once more.
            return search.result(point + move, value, search.inverse(information), step)
        fallen = 0
        while fallen < HALVINGS:
            following = point + move
            if search.allowed(following):
                new = search.evaluate(following)
                if new[0] >= value - 1e-9 * abs(value) - 1e-9:
                    break
            move, fallen = move / 2, fallen + 1
        else:
            raise NoOptimumError("the likelihood cannot be raised any more and is not at its maximum")
        point, (value, gradient, information) = following, new
        if np.abs(point).max() > FAR:
            raise NoOptimumError("a parameter runs to infinity: one model, side or outcome wins all")
    raise NoOptimumError(f"no maximum after {STEPS} Newton steps: a parameter runs to infinity")


def quadratic(
    cells: Cells, extras: Floats, own: Floats, *, tie: Floats | None = None, cross: Floats | None = None
) -> Floats:
    """Return the sum over cells of B' (own) B for the rows B = (e_left - e_right, extras), with the row of ties.

    `own`, `tie`, `cross` (C,) are the weights of the parameters of eta, of the tie parameter, and between. The
    information and the meat of the vote-level sandwich have this one form. Shape (P, P).
    """
    size, width = cells.models, extras.shape[1]
    flat: Floats = np.bincount(cells.left * size + cells.right, own, size * size).astype(np.float64)
    joint = flat.reshape(size, size)
    joint = joint + joint.T
    whole = np.zeros((size + width + (tie is not None),) * 2)
    whole[:size, :size] = np.diag(joint.sum(axis=1)) - joint
    for place in range(width):
        whole[:size, size + place] = flow(cells, own * extras[:, place])
    whole[size : size + width, size : size + width] = extras.T @ (own[:, np.newaxis] * extras)
    if tie is not None and cross is not None:
        whole[:size, -1] = flow(cells, cross)
        whole[size : size + width, -1] = extras.T @ cross
        whole[-1, -1] = tie.sum()
        whole[-1, size:-1] = whole[size:-1, -1]
    whole[size:, :size] = whole[:size, size:].T
    return whole


def flow(cells: Cells, weights: Floats) -> Floats:
    """Return, by model (M,), the weights of the cells where it stands left minus those where it stands right."""
    size = cells.models
    into = np.bincount(cells.left, weights, size) - np.bincount(cells.right, weights, size)
    return into.astype(np.float64)


def extra_columns(cells: Cells, *, side: bool) -> Floats:
    """Return the columns besides the strengths, (C, e): 1 for the side effect, then the features."""
    ones = np.ones((len(cells.left), int(side)))
    return np.hstack([ones, cells.features])


class _Search:
    """The likelihood as a function of one vector: theta, side, beta, tie."""

    def __init__(self, cells: Cells, model: ResponseModel, *, side: bool) -> None:
        self.cells, self.model, self.side = cells, model, side
        self.columns = extra_columns(cells, side=side)
        self.votes: Floats = cells.counts.sum(axis=0)
        tied = float(cells.counts[TIE].sum() / self.votes.sum())
        if model.ties and tied == 1.0:
            raise NoOptimumError("all votes are ties")
        self.has_tie = model.ties and tied > 0
        self.tied = tied

    def beginning(self, start: Fit | None) -> Floats:
        size = self.cells.models
        point = np.zeros(size + self.columns.shape[1] + self.has_tie)
        if start is not None and len(start.theta) == size:
            point[:size] = start.theta
        if self.has_tie:
            known = None if start is None else start.tie
            point[-1] = self.model.start(self.tied) if known is None else known
        return point

    def allowed(self, point: Floats) -> bool:
        return not self.has_tie or self.model.allowed(float(point[-1]))

    def nearby(self, point: Floats, gradient: Floats, information: Floats) -> Fit | None:
        """Return the optimum by steps with this one information; None where it is not near enough for that.

        After one vote more the information is right to the fourth digit: each step gains three.
        """
        inverse = self.inverse(information)
        for step in range(1, CHORDS + 1):
            move = inverse @ gradient
            point = point + move
            if np.abs(move).max() > NEAR or not self.allowed(point):
                return None
            response = self.response(point)
            if np.abs(move).max() < CLOSE:
                return self.result(point, self.value(response), inverse, step)
            gradient = self.gradient(response)
        return None

    def response(self, point: Floats) -> Response:
        cells, size, width = self.cells, self.cells.models, self.columns.shape[1]
        eta = point[cells.left] - point[cells.right]
        if width:
            eta = eta + self.columns @ point[size : size + width]
        return self.model.at(eta, float(point[-1]) if self.has_tie else None)

    def value(self, response: Response) -> float:
        likelihood = response.log_likelihood
        if not self.has_tie and self.model.ties:
            likelihood = np.where(self.cells.counts > 0, likelihood, 0.0)
        return float(np.vdot(self.cells.counts, likelihood))

    def gradient(self, response: Response) -> Floats:
        size, width = self.cells.models, self.columns.shape[1]
        slope = np.einsum("oc,oc->c", self.cells.counts, response.slope)
        found = np.zeros(size + width + self.has_tie)
        found[:size] = flow(self.cells, slope)
        found[size : size + width] = slope @ self.columns
        if response.tie_slope is not None:
            found[-1] = np.vdot(self.cells.counts, response.tie_slope)
        return found

    def evaluate(self, point: Floats) -> tuple[float, Floats, Floats]:
        response = self.response(point)
        value, gradient, own = self.value(response), self.gradient(response), self.weighted(response.bend)
        if response.tie_bend is None or response.cross_bend is None:
            return value, gradient, quadratic(self.cells, self.columns, own)
        tie, cross = self.weighted(response.tie_bend), self.weighted(response.cross_bend)
        return value, gradient, quadratic(self.cells, self.columns, own, tie=tie, cross=cross)

    def weighted(self, table: Floats) -> Floats:
        """Return the sum over outcomes of the counts times a table (3, C), or (1, C) for one that has no outcome."""
        if len(table) == 1:
            plain: Floats = self.votes * table[0]
            return plain
        summed: Floats = np.einsum("oc,oc->c", self.cells.counts, table)
        return summed

    def gauged(self, information: Floats) -> tuple[Floats, float]:
        """Return the information with c 11'/M added to the strengths, and c."""
        size = self.cells.models
        weight = float(np.trace(information[:size, :size])) / size
        fixed = information.copy()
        fixed[:size, :size] += weight / size
        return fixed, weight

    def solve(self, information: Floats, gradient: Floats) -> Floats:
        fixed, _ = self.gauged(information)
        try:
            move: Floats = np.linalg.solve(fixed, gradient).astype(np.float64)
        except np.linalg.LinAlgError as error:
            raise NoOptimumError("the information is singular: a parameter runs to infinity") from error
        size = self.cells.models
        move[:size] -= move[:size].mean()
        return move

    def check_identified(self, information: Floats) -> None:
        size, width = self.cells.models, self.columns.shape[1]
        if not width:
            return
        fixed, _ = self.gauged(information)
        inside = slice(size, size + width)
        explained = fixed[inside, :size] @ np.linalg.solve(fixed[:size, :size], fixed[:size, inside])
        scale = np.sqrt(np.maximum(np.diag(fixed[inside, inside]), np.finfo(float).tiny))
        left_over = (fixed[inside, inside] - explained) / np.outer(scale, scale)
        if float(np.linalg.eigvalsh(left_over)[0]) < RANK_FLOOR:
            raise NotIdentifiedError("the side or a feature is the same in all votes of a pair of models")

    def inverse(self, information: Floats) -> Floats:
        """Return the inverse information without the gauge: its rows over the strengths sum to 0."""
        size = self.cells.models
        fixed, weight = self.gauged(information)
        try:
            inverse: Floats = np.linalg.inv(fixed).astype(np.float64)
        except np.linalg.LinAlgError as error:
            raise NoOptimumError("the information is singular: a parameter runs to infinity") from error
        inverse[:size, :size] -= 1.0 / (weight * size)
        return (inverse + inverse.T) / 2

    def result(self, point: Floats, value: float, inverse: Floats, steps: int) -> Fit:
        size, width = self.cells.models, self.columns.shape[1]
        extra = point[size : size + width]
        return Fit(
            model=self.model,
            theta=point[:size],
            side=float(extra[0]) if self.side else None,
            beta=extra[int(self.side) :],
            tie=float(point[-1]) if self.has_tie else None,
            inverse=inverse,
            log_likelihood=value,
            steps=steps,
        )

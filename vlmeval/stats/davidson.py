"""Davidson (1970, JASA 65:317-328, "On Extending the Bradley-Terry Model to Accommodate Ties in Paired Comparison").

With D = eta / 2 and Z = e^D + e^-D + nu: P(left) = e^D / Z, P(right) = e^-D / Z, P(tie) = nu / Z. nu / (2 + nu) is the
share of ties between equals. The parameter here is log(nu). An exponential family: the bends depend on no outcome.
"""

from __future__ import annotations

import math

import numpy as np

from vlmeval.stats.clusters import Floats
from vlmeval.stats.responses import Response

HALVES = np.array([[0.5], [0.0], [-0.5]])
IS_TIE = np.array([[0.0], [1.0], [0.0]])


class Davidson:
    """The model with one parameter of ties, log(nu)."""

    name = "davidson"
    ties = True

    def start(self, tied: float) -> float:
        """Return log(nu) of equals who tie with this share."""
        return math.log(2.0 * tied / (1.0 - tied))

    def allowed(self, tie: float) -> bool:
        """Return True for what exp() can take."""
        return abs(tie) < 50

    def at(self, eta: Floats, tie: float | None) -> Response:
        """Return the response; a `tie` of None stands for nu = 0."""
        (left, tied, right), log_sum = _softmax(eta, tie)
        mean = 0.5 * (left - right)
        bend = (0.25 * (left + right) - mean * mean)[np.newaxis]
        likelihood = HALVES * eta
        likelihood -= log_sum
        if tie is None:
            return Response(likelihood, HALVES - mean, bend)
        likelihood[1] += tie
        return Response(
            likelihood,
            HALVES - mean,
            bend,
            IS_TIE - tied,
            (tied * (1.0 - tied))[np.newaxis],
            (-tied * mean)[np.newaxis],
        )

    def probabilities(self, eta: Floats, tie: float | None) -> Floats:
        """Return (P(left), P(tie), P(right)), shape (3, C)."""
        return _softmax(eta, tie)[0]


def _softmax(eta: Floats, tie: float | None) -> tuple[Floats, Floats]:
    """Return the probabilities (3, C) and log Z (C,)."""
    top = 0.5 * np.abs(eta)
    small = np.exp(-2.0 * top)
    nu = 0.0 if tie is None else np.exp(tie - top)
    total = 1.0 + small + nu
    ahead = eta >= 0
    p = np.empty((3, len(eta)))
    p[0] = np.where(ahead, 1.0, small)
    p[1] = nu
    p[2] = np.where(ahead, small, 1.0)
    p /= total
    return p, top + np.log(total)

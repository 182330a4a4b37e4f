"""Rao & Kupper (1967, JASA 62:194-204, "Ties in Paired-Comparison Experiments").

A vote is a tie where the difference stays below a threshold tau > 0: P(left) = 1 / (1 + exp(tau - eta)),
P(right) = 1 / (1 + exp(tau + eta)), P(tie) = (exp(2 tau) - 1) P(left) P(right). The parameter is tau; the
log-likelihood is concave in (eta, tau), as that of proportional odds.
"""

from __future__ import annotations

import math

import numpy as np

from vlmeval.stats.clusters import Floats
from vlmeval.stats.responses import Response


class RaoKupper:
    """The model with a threshold of ties, tau."""

    name = "rao-kupper"
    ties = True

    def start(self, tied: float) -> float:
        """Return the threshold of equals who tie with this share."""
        return math.log((1.0 + tied) / (1.0 - tied))

    def allowed(self, tie: float) -> bool:
        """Tell whether the threshold is positive, and what exp() can take."""
        return 0.0 < tie < 50

    def at(self, eta: Floats, tie: float | None) -> Response:
        """Return the response; a `tie` of None stands for tau = 0, Bradley-Terry without ties."""
        tau = 0.0 if tie is None else tie
        p, log_p = _logistic(eta - tau)
        q, log_q = _logistic(-eta - tau)
        bend_p, bend_q = p * (1.0 - p), q * (1.0 - q)
        slope = np.stack([1.0 - p, q - p, q - 1.0])
        bend = np.stack([bend_p, bend_p + bend_q, bend_q])
        if tie is None:
            likelihood = np.stack([log_p, np.full_like(log_p, -np.inf), log_q])
            return Response(likelihood, slope, bend)
        grown = math.expm1(2.0 * tau)
        likelihood = np.stack([log_p, log_p + log_q + math.log(grown), log_q])
        tie_slope = np.stack([p - 1.0, p + q - 2.0 + 2.0 * (1.0 + 1.0 / grown), q - 1.0])
        curve = 4.0 * (grown + 1.0) / grown**2
        tie_bend = np.stack([bend_p, bend_p + bend_q + curve, bend_q])
        cross = np.stack([-bend_p, bend_q - bend_p, bend_q])
        return Response(likelihood, slope, bend, tie_slope, tie_bend, cross)

    def probabilities(self, eta: Floats, tie: float | None) -> Floats:
        """Return (P(left), P(tie), P(right)), shape (3, C)."""
        tau = 0.0 if tie is None else tie
        p, q = _logistic(eta - tau)[0], _logistic(-eta - tau)[0]
        return np.stack([p, math.expm1(2.0 * tau) * p * q, q])


def _logistic(x: Floats) -> tuple[Floats, Floats]:
    """Return 1 / (1 + exp(-x)) and its logarithm."""
    small = np.exp(-np.abs(x))
    return np.where(x >= 0, 1.0, small) / (1.0 + small), np.minimum(x, 0.0) - np.log1p(small)

"""Bradley & Terry (1952, Biometrika 39:324-345): P(left wins) = 1 / (1 + exp(-eta)); a tie is half a win for each.

The half-win is what Chatbot Arena, arena-rank and WildVision do. It is a quasi-likelihood: where ties are many it
shrinks the scale (to 0.71 at 27 % ties); `davidson` gives ties their own parameter.
"""

from __future__ import annotations

import numpy as np

from vlmeval.stats.clusters import Floats
from vlmeval.stats.responses import Response

SHARES = np.array([[1.0], [0.5], [0.0]])


class BradleyTerry:
    """The model with ties as half a win each."""

    name = "bt"
    ties = False

    def start(self, tied: float) -> float:
        """Return 0: there is no parameter of ties."""
        return 0.0

    def allowed(self, tie: float) -> bool:
        """Return True: there is no parameter of ties."""
        return True

    def at(self, eta: Floats, tie: float | None) -> Response:
        """Return the response; `tie` changes nothing."""
        small = np.exp(-np.abs(eta))
        p = np.where(eta >= 0, 1.0, small) / (1.0 + small)
        log_sum = np.maximum(eta, 0.0) + np.log1p(small)
        return Response(SHARES * eta - log_sum, SHARES - p, (p * (1.0 - p))[np.newaxis])

    def probabilities(self, eta: Floats, tie: float | None) -> Floats:
        """Return (P(left), 0, P(right)): the model knows no tie."""
        small = np.exp(-np.abs(eta))
        p = np.where(eta >= 0, 1.0, small) / (1.0 + small)
        return np.stack([p, np.zeros_like(p), 1.0 - p])

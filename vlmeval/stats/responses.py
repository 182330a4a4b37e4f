"""The form of a model of one vote: log-probabilities of left, tie, right and their derivatives.

`eta` (C,) is the strength of the left model minus that of the right one, in logits, with side effect and covariates;
`tie` is the one parameter of ties, None for a model without.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

from vlmeval.stats.clusters import Floats


class Response(NamedTuple):
    """By outcome and cell (3, C): the log-likelihood, its slopes, and its bends, which are minus second derivatives.

    Bends that do not depend on the outcome have the shape (1, C). The slopes and bends for `tie` are None where there
    is no such parameter.
    """

    log_likelihood: Floats
    slope: Floats
    bend: Floats
    tie_slope: Floats | None = None
    tie_bend: Floats | None = None
    cross_bend: Floats | None = None


class ResponseModel(Protocol):
    """A model of one vote."""

    name: str
    ties: bool

    def start(self, tied: float) -> float:
        """Return where the search for `tie` begins when this share of votes, inside 0..1, is tied."""
        ...

    def allowed(self, tie: float) -> bool:
        """Tell whether `tie` is inside its range."""
        ...

    def at(self, eta: Floats, tie: float | None) -> Response:
        """Return the response; `tie` None leaves ties out of the model, which needs votes without ties."""
        ...

    def probabilities(self, eta: Floats, tie: float | None) -> Floats:
        """Return the probabilities of left, tie, right, (3, C); tie None gives 0 for a tie."""
        ...

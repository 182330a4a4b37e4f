"""How to run: what changes no score. Nothing here enters the fingerprint but `limit`, which names another data set."""

from __future__ import annotations

from msgspec import Struct


class Prices(Struct, frozen=True, forbid_unknown_fields=True):
    """USD for a million tokens of the prompt, and of the reply."""

    prompt: float
    output: float


class RunSettings(Struct, frozen=True, kw_only=True):
    """The settings of a run; None leaves `concurrency` and `batch` to the model.

    `max_failures`: an int is a count, a float a share of all requests. `attempts` and `rate_limit_attempts` bound how
    often one request is sent. `grace` is how many seconds calls under way may take after Ctrl-C. `seed` is that of the
    waiting times between attempts.
    """

    concurrency: int | None = None
    batch: int | None = None
    max_failures: int | float | None = None
    max_cost: float | None = None
    prices: Prices | None = None
    retry_errors: bool = False
    fresh: bool = False
    limit: int | None = None
    quiet: bool = False
    attempts: int = 5
    rate_limit_attempts: int = 8
    grace: float = 30.0
    seed: int = 0

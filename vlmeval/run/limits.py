"""Limits of a run: how many calls at once, how many failures, how much money. States only; the desk holds the lock."""

from __future__ import annotations

from dataclasses import dataclass, field

from vlmeval.errors import ConfigError
from vlmeval.run.retry import Backoff
from vlmeval.run.settings import Prices
from vlmeval.types import Failure, Outcome

FIRST_FAILURES = 32
FEWEST_FOR_SHARE = 100


def failure_kind(outcome: Outcome) -> str:
    """Return what sort of failure an outcome is, "" for an answer. What a content filter left of a reply is none."""
    if isinstance(outcome, Failure):
        return outcome.kind
    return "refused" if outcome.finish == "filter" else ""


@dataclass
class Tally:
    """What a run has done so far, earlier sessions included. `samples` counts those with nothing left to ask.

    `earlier_samples` are those of them that this session found so.
    """

    samples: int = 0
    earlier_samples: int = 0
    answered: int = 0
    failures: dict[str, int] = field(default_factory=dict)
    prompt_tokens: int = 0
    output_tokens: int = 0
    cost: float | None = None
    last_failure: str = ""

    @property
    def failed(self) -> int:
        """The requests that ended as failures."""
        return sum(self.failures.values())

    @property
    def requests(self) -> int:
        """The requests with an outcome."""
        return self.answered + self.failed

    def count(self, outcome: Outcome) -> None:
        """Count an outcome as the state of its request."""
        kind = failure_kind(outcome)
        if kind:
            self.failures[kind] = self.failures.get(kind, 0) + 1
        else:
            self.answered += 1

    def spend(self, outcome: Outcome, prices: Prices | None) -> None:
        """Count what an outcome cost, also where another one replaces it later."""
        if isinstance(outcome, Failure):
            return
        prompt, output = outcome.prompt_tokens or 0, outcome.output_tokens or 0
        self.prompt_tokens += prompt
        self.output_tokens += output
        if prices is not None:
            self.cost = (self.cost or 0.0) + (prompt * prices.prompt + output * prices.output) / 1e6


class Throttle:
    """How many calls may be under way, found out from the server: halved on a 429, one more after a clean round.

    A round is as many answers in a row as calls are allowed. Calls sent before the last halving do not halve again: one
    full server refuses all of them at once. While refusals go on without an answer between them, nobody calls for a
    while that doubles; a Retry-After holds everybody, because servers limit keys and not connections.
    """

    def __init__(self, most: int, backoff: Backoff) -> None:
        self.allowed = most
        self.not_before = float("-inf")
        self.generation = 0
        self._most = most
        self._backoff = backoff
        self._clean = 0
        self._refusals = 0

    def answered(self) -> None:
        """Note a call that came through."""
        self._refusals = 0
        self._clean += 1
        if self._clean >= self.allowed:
            self._clean = 0
            self.allowed = min(self._most, self.allowed + 1)

    def disturbed(self) -> None:
        """Note a call that failed for another reason: the round is not clean."""
        self._clean = 0

    def refused(self, generation: int, now: float, retry_after: float | None) -> None:
        """Note a 429 to a call that was sent in `generation`."""
        if retry_after is not None and retry_after <= self._backoff.longest:
            self.not_before = max(self.not_before, now + retry_after)
        if generation != self.generation:
            return
        self.generation += 1
        self.allowed = max(1, self.allowed // 2)
        self._clean = 0
        self._refusals += 1
        if retry_after is None:
            self.not_before = max(self.not_before, now + self._backoff.jitter(self._refusals))


@dataclass(frozen=True)
class FailureLimit:
    """When to give up: more failed than `most` (int: a count, float: a share); without it, the first 32 all failed.

    `expected` is how many requests the run has, None where unknown: a share then counts against those asked, and
    against 100 at least.
    """

    most: int | float | None = None
    expected: int | None = None

    def reached(self, tally: Tally) -> str:
        """Return why the run must stop, or ""."""
        failed = tally.failed
        if self.most is None:
            hopeless = failed >= FIRST_FAILURES and tally.answered == 0
            return f"the first {failed} requests all failed" if hopeless else ""
        if isinstance(self.most, int):
            return f"more than the {self.most} failures of --max-failures" if failed > self.most else ""
        total = max(tally.requests, self.expected or FEWEST_FOR_SHARE)
        if failed <= self.most * total:
            return ""
        return f"more than the share of {self.most:g} of --max-failures"


@dataclass(frozen=True)
class CostLimit:
    """A ceiling in USD. Calls under way are expected to cost the mean so far."""

    most: float
    prices: Prices

    def reached(self, tally: Tally, under_way: int) -> bool:
        """Tell whether one more call, with `under_way` others, would pass the ceiling."""
        cost = tally.cost or 0.0
        mean = cost / tally.answered if tally.answered else 0.0
        return cost + (under_way + 1) * mean > self.most

    def check(self, outcome: Outcome) -> None:
        """Raise ConfigError for a model that does not say how many tokens it used."""
        if not isinstance(outcome, Failure) and (outcome.prompt_tokens is None or outcome.output_tokens is None):
            raise ConfigError(
                "--max-cost cannot be kept: the model does not say how many tokens it used; run without --max-cost"
            )

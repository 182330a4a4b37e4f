"""When to send a request again: exponential waiting with full jitter, Retry-After honoured, bounded.

Full jitter (a uniform draw between nothing and the doubled ceiling) spreads the clients of a server that recovers:
Brooker, "Exponential Backoff and Jitter", AWS Architecture Blog, 2015. The draws are seeded, and no result.
"""

from __future__ import annotations

import random
import threading
import time
from dataclasses import dataclass, field
from typing import Protocol

from vlmeval.types import Failure

RETRIED = frozenset({"rate_limit", "transient"})


class Clock(Protocol):
    """Time, so that tests have their own."""

    def now(self) -> float:
        """Return seconds that only grow."""
        ...

    def wait(self, condition: threading.Condition, seconds: float | None) -> None:
        """Wait on a held condition until notified or `seconds` have passed."""
        ...


class SystemClock:
    """The time of this machine."""

    def now(self) -> float:
        """Return the monotonic time in seconds."""
        return time.monotonic()

    def wait(self, condition: threading.Condition, seconds: float | None) -> None:
        """Wait on a held condition until notified or `seconds` have passed."""
        condition.wait(seconds)


@dataclass
class Backoff:
    """How long to wait before the next attempt, and when to give up.

    A server that asks for more than `longest` seconds is not waited for: its limit is a quota, not a rush.
    """

    attempts: int = 5
    rate_limit_attempts: int = 8
    base: float = 0.5
    ceiling: float = 30.0
    longest: float = 300.0
    seed: int = 0
    _random: random.Random = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)  # noqa: S311 - jitter, not a secret

    def delay(self, failure: Failure, retry_after: float | None) -> float | None:
        """Return the seconds to wait after attempt number `failure.attempts`; None to record the failure instead."""
        most = self.rate_limit_attempts if failure.kind == "rate_limit" else self.attempts
        if failure.kind not in RETRIED or failure.attempts >= most or (retry_after or 0.0) > self.longest:
            return None
        return (retry_after or 0.0) + self.jitter(failure.attempts)

    def jitter(self, attempt: int) -> float:
        """Return a draw from 0 to base * 2 ** (attempt - 1), capped."""
        return self._random.uniform(0.0, min(self.ceiling, self.base * 2.0 ** min(attempt - 1, 16)))

"""The desk between the running thread and the workers: what is ready, who may call, whether to stop.

All shared state of a run is here, under one lock, and every wait is for a condition with a notification: nothing polls.
"""

from __future__ import annotations

import contextlib
import queue
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from vlmeval.errors import VlmevalError
from vlmeval.run.limits import CostLimit, FailureLimit, Tally, Throttle
from vlmeval.run.planner import Unit
from vlmeval.run.retry import Backoff, Clock
from vlmeval.run.settings import Prices
from vlmeval.types import Failure, Outcome, Request

Stop = Literal["", "interrupt", "cost"]


@dataclass(slots=True, eq=False)
class Job:
    """A request on its way, and how often it was sent."""

    unit: Unit
    request: Request
    attempts: int = 0


@dataclass
class Limits:
    """What bounds a run: sizes, patience, failures, money."""

    workers: int = 1
    batch: int = 1
    backoff: Backoff = field(default_factory=Backoff)
    failures: FailureLimit = field(default_factory=FailureLimit)
    cost: CostLimit | None = None
    prices: Prices | None = None
    grace: float = 30.0


class Desk:
    """Shared state of one run. `bell` wakes the running thread; `tally` is read and written with the lock held."""

    def __init__(self, limits: Limits, tally: Tally, clock: Clock) -> None:
        self.tally = tally
        self.stopping = False
        self.stopped_by: Stop = ""
        self.error: VlmevalError | None = None
        self.calls = 0
        self.busy = 0
        self.bell: queue.SimpleQueue[None] = queue.SimpleQueue()
        self.lock = threading.Lock()
        self._limits, self._clock = limits, clock
        self._throttle = Throttle(limits.workers, limits.backoff)
        self._work = threading.Condition(self.lock)
        self._permit = threading.Condition(self.lock)
        self._rest = threading.Condition(self.lock)
        self._ready: deque[Job] = deque()
        self._idle = 0
        self._exhausted = False
        self._wanted: Callable[[], bool] | None = None

    # For the running thread.

    def offer(self, jobs: Sequence[Job]) -> int:
        """Lay out jobs; return how many workers more than the idle ones could take what is ready."""
        with self.lock:
            self._ready.extend(jobs)
            self._work.notify(len(jobs))
            return -(-len(self._ready) // self._limits.batch) - self._idle

    def end(self) -> None:
        """Say that there will be no more offers."""
        with self.lock:
            self._exhausted = True
            self._work.notify_all()

    def holds(self, most: int) -> bool:
        """Tell whether more than `most` jobs are ready."""
        return len(self._ready) > most

    def done(self) -> bool:
        """Tell whether nothing is ready or under way."""
        return self.busy == 0 and not self._ready

    def wait_until(self, met: Callable[[], bool], seconds: float) -> bool:
        """Wait until `met`, a stop, an interrupt, or for `seconds`; return whether it is met.

        `met` is called with the lock held, by the workers too, after each change.
        """
        with self.lock:
            if met():
                return True
            self._wanted = met
        with contextlib.suppress(queue.Empty):
            self.bell.get(timeout=seconds)
        with self.lock:
            self._wanted = None
            return met()

    def stop(self, *, by: Stop = "", error: VlmevalError | None = None) -> None:
        """Have no more work taken. The first reason counts."""
        with self.lock:
            self.halt(by=by, error=error)

    def halt(self, *, by: Stop = "", error: VlmevalError | None = None) -> None:
        """Stop, with the lock held."""
        if not self.stopping:
            self.stopped_by, self.error = by, error
        self.stopping = True
        for condition in (self._work, self._permit, self._rest):
            condition.notify_all()
        self.bell.put(None)

    # For the workers.

    def take(self) -> list[Job]:
        """Return up to `batch` jobs, [] when there will be none. A batch is filled while there is more to come."""
        batch, cost = self._limits.batch, self._limits.cost
        with self.lock:
            self._idle += 1
            while not self.stopping and len(self._ready) < batch:
                if self._exhausted and (self._ready or self.busy == 0):
                    break
                self._work.wait()
            self._idle -= 1
            if self._ready and cost is not None and cost.reached(self.tally, self.busy * batch):
                self.halt(by="cost")
            if self.stopping or not self._ready:
                return []
            jobs = [self._ready.popleft() for _ in range(min(batch, len(self._ready)))]
            self.busy += 1
            self._ring()
            return jobs

    def give_back(self) -> None:
        """Say that the worker has ended what it took."""
        with self.lock:
            self.busy -= 1
            if self._exhausted and self.done():
                self._work.notify_all()
            self._ring()

    def follow(self, job: Job) -> None:
        """Lay out the next link of a chain, in front. With the lock held."""
        self._ready.appendleft(job)
        self._work.notify()

    def enter(self) -> int | None:
        """Wait for a place among the calls; return the throttle's generation, None where the run stops first."""
        with self.lock:
            while not self.stopping:
                pause = self._throttle.not_before - self._clock.now()
                if pause > 0:
                    self._clock.wait(self._permit, pause)
                elif self.calls < self._throttle.allowed:
                    self.calls += 1
                    return self._throttle.generation
                else:
                    self._clock.wait(self._permit, None)
            return None

    def leave(self, generation: int, outcomes: Sequence[Outcome], retry_after: float | None) -> None:
        """Give the place back, and let the throttle learn from what came."""
        kinds = {outcome.kind for outcome in outcomes if isinstance(outcome, Failure)}
        with self.lock:
            self.calls -= 1
            if "rate_limit" in kinds:
                self._throttle.refused(generation, self._clock.now(), retry_after)
            elif "transient" in kinds:
                self._throttle.disturbed()
            else:
                self._throttle.answered()
            self._permit.notify(2)

    def rest(self, seconds: float) -> bool:
        """Wait before another attempt, and tell whether to make it: not when the run stops."""
        with self.lock:
            end = self._clock.now() + seconds
            while not self.stopping and (left := end - self._clock.now()) > 0:
                self._clock.wait(self._rest, left)
            return not self.stopping

    def _ring(self) -> None:
        """Wake the running thread where what it waits for has come. With the lock held."""
        if self._wanted is not None and self._wanted():
            self._wanted = None
            self.bell.put(None)

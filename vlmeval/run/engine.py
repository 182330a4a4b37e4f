"""The engine: from units of work to a journal, with threads and batches.

The calling thread plans, a little ahead of the workers; each worker takes up to `batch` requests, calls the model and
appends the outcomes. Whatever order that gives, the scores are the same: they are computed from records by sample.

What may go wrong in a call, and what follows:

    RetryableError, or a Failure "rate_limit" or "transient" in a batch    sent again, bounded; then recorded
    RejectedError, or any other Failure                                   recorded, never sent again; a batch is halved
                                                                           until the request at fault stands alone
    anything else                                                         a bug of the model: the run stops, everything
                                                                           answered is saved, the error names the place
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from types import TracebackType

import msgspec

from vlmeval.errors import RejectedError, RetryableError
from vlmeval.run.blame import checked, stop_error, too_many
from vlmeval.run.desk import Desk, Job, Limits, Stop
from vlmeval.run.limits import Tally, failure_kind
from vlmeval.run.planner import Unit
from vlmeval.run.retry import Clock, SystemClock
from vlmeval.run.signals import Interrupts
from vlmeval.store.journal import Journal
from vlmeval.types import Failure, Outcome, Output, Record, Request, TaskKind

TICK_SECONDS = 0.5
FEWEST_READY = 16
Call = Callable[[Sequence[Request]], Sequence[Outcome]]
Watch = Callable[[Tally], None]
Sent = tuple[Job, Outcome, float | None]


class Engine:
    """One run of units against one model. `watch` is called from the running thread, twice a second or more often.

    After `run`, `stopped_by` is "" where every unit was worked off, "interrupt" after Ctrl-C, "cost" at `--max-cost`.
    """

    def __init__(
        self,
        call: Call,
        journal: Journal,
        kind: TaskKind,
        limits: Limits,
        *,
        tally: Tally | None = None,
        watch: Watch = lambda tally: None,
        say: Callable[[str], None] = lambda text: None,
        clock: Clock | None = None,
    ) -> None:
        self._call, self._journal, self._kind, self._limits = call, journal, kind, limits
        self._watch, self._say = watch, say
        self._clock: Clock = clock or SystemClock()
        self._desk = Desk(limits, tally or Tally(), self._clock)
        self._interrupts = Interrupts(self._desk.bell)
        self._threads: list[threading.Thread] = []

    @property
    def tally(self) -> Tally:
        """What has been done so far."""
        return self._desk.tally

    @property
    def stopped_by(self) -> Stop:
        """Why the run ended before its end, "" where it did not."""
        return self._desk.stopped_by

    def run(self, units: Iterator[Unit]) -> Tally:
        """Work off all units and return the tally.

        Raises the VlmevalError that stopped the run (a bug as ModelError, TooManyFailuresError, JournalError, whatever
        `units` raised); every outcome received before is in the journal, and calls under way had `grace` seconds.
        """
        with self._interrupts:
            try:
                self._feed(units)
                self._desk.end()
                self._until(self._desk.done)
            finally:
                self._shut()
        if self._desk.error is not None:
            raise self._desk.error
        return self.tally

    def _feed(self, units: Iterator[Unit]) -> None:
        """Plan: keep between one and two jobs ready for each place in a worker's batch."""
        most = max(2 * self._limits.workers * self._limits.batch, FEWEST_READY)
        for unit in units:
            self._offer(unit)
            if self._desk.holds(most):
                self._until(lambda: not self._desk.holds(most // 2))
            self._attend()
            if self._desk.stopping:
                return

    def _offer(self, unit: Unit) -> None:
        with self._desk.lock:
            for outcome in unit.outcomes.values():
                self.tally.count(outcome)
            self.tally.samples += not unit.requests
            self.tally.earlier_samples += not unit.requests
        if not unit.requests:
            return
        wanted = self._desk.offer([Job(unit, request) for request in unit.requests[: 1 if unit.chain else None]])
        for _ in range(min(wanted, self._limits.workers - len(self._threads))):
            thread = threading.Thread(target=self._serve, name=f"worker-{len(self._threads)}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def _until(self, met: Callable[[], bool]) -> None:
        """Wait until `met`, or until the run stops."""
        while not self._desk.stopping and not self._desk.wait_until(met, TICK_SECONDS):
            self._attend()

    def _attend(self) -> None:
        self._watch(self.tally)
        if self._interrupts.count and not self._desk.stopping:
            self._desk.stop(by="interrupt")
            self._say(
                f"stopping: calls under way ({self._desk.calls}) have {self._limits.grace:g} s to end; "
                "press Ctrl-C again to leave them"
            )

    def _shut(self) -> None:
        """Stop the workers; wait for calls under way, at most `grace` seconds, not at all after a second Ctrl-C."""
        self._desk.stop()
        end = self._clock.now() + self._limits.grace
        while self._interrupts.count < 2 and (left := end - self._clock.now()) > 0:
            if self._desk.wait_until(lambda: self._desk.busy == 0, left):
                for thread in self._threads:
                    thread.join()
                return

    def _serve(self) -> None:
        """Work as a thread until there is nothing more to do."""
        while jobs := self._desk.take():
            with _Blame(self._desk, jobs):
                self._answer(jobs)
            self._desk.give_back()

    def _answer(self, jobs: list[Job]) -> None:
        """Bring each job to its end: record outcomes as they come, send again what may be mended."""
        while jobs:
            again: list[Job] = []
            wait = 0.0
            for job, outcome, retry_after in self._send(jobs):
                job.attempts += 1
                if isinstance(outcome, Output):
                    self._record(job, outcome)
                    continue
                failure = msgspec.structs.replace(outcome, attempts=job.attempts)
                delay = self._limits.backoff.delay(failure, retry_after)
                if delay is None:
                    self._record(job, failure)
                else:
                    again.append(job)
                    wait = max(wait, delay)
            jobs = again if again and self._desk.rest(wait) else []

    def _send(self, jobs: list[Job]) -> Iterator[Sent]:
        """Yield (job, outcome, Retry-After) as they come; nothing more where the run stops first."""
        generation = self._desk.enter()
        if generation is None:
            return
        requests = [job.request for job in jobs]
        retry_after: float | None = None
        halve = False
        outcomes: Sequence[Outcome]
        try:
            outcomes = checked(self._call(requests), requests)
        except RetryableError as error:
            outcomes = [Failure(error.kind, str(error))] * len(jobs)
            retry_after = error.retry_after
        except RejectedError as error:
            outcomes = [Failure(error.kind, str(error))] * len(jobs)
            halve = len(jobs) > 1
        self._desk.leave(generation, outcomes, retry_after)
        if halve:
            middle = len(jobs) // 2
            yield from self._send(jobs[:middle])
            yield from self._send(jobs[middle:])
        else:
            yield from ((job, outcome, retry_after) for job, outcome in zip(jobs, outcomes, strict=True))

    def _record(self, job: Job, outcome: Outcome) -> None:
        """Save an outcome and see what it leads to: the next link of a chain, the end of a sample, a limit."""
        request, unit = job.request, job.unit
        self._journal.append(Record(request.key, request.sample_id, request.variant, outcome))
        if self._limits.cost is not None:
            self._limits.cost.check(outcome)
        ended, following = self._next(unit, request, outcome) if unit.chain else (False, None)
        with self._desk.lock:
            self.tally.count(outcome)
            self.tally.spend(outcome, self._limits.prices)
            if following is not None:
                self._desk.follow(following)
            if not unit.chain:
                unit.left -= 1
                ended = unit.left == 0
            self.tally.samples += ended
            if failure_kind(outcome):
                said = outcome.message if isinstance(outcome, Failure) else "cut off by a content filter"
                self.tally.last_failure = f"sample {request.sample_id}: {said}"
                reason = self._limits.failures.reached(self.tally)
                if reason:
                    self._desk.halt(error=too_many(reason, self.tally))

    def _next(self, unit: Unit, request: Request, outcome: Outcome) -> tuple[bool, Job | None]:
        """Return whether a chain has ended with this outcome, and its next job. One worker at a time has a chain."""
        unit.outcomes[request.variant] = outcome
        unit.left -= 1
        if unit.left == 0 or self._kind.settled(unit.sample, unit.outcomes):
            return True, None
        return False, Job(unit, unit.requests[len(unit.requests) - unit.left])


class _Blame:
    """The border to foreign code: whatever leaves its block stops the run, and not only a thread."""

    def __init__(self, desk: Desk, jobs: Sequence[Job]) -> None:
        self._desk, self._jobs = desk, jobs

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if error is not None:
            requests = [job.request for job in self._jobs]
            self._desk.stop(error=stop_error(error, requests, self._desk.tally.answered))
        return True

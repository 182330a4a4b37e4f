"""Real models, kinds and clocks for tests of the engine: small, deterministic, and nobody sleeps."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from vlmeval.data.task import Task
from vlmeval.run.desk import Limits
from vlmeval.run.engine import Engine
from vlmeval.run.limits import Tally
from vlmeval.run.planner import Earlier, plan
from vlmeval.run.retry import Clock
from vlmeval.store.journal import Journal, read_records
from vlmeval.store.results import Origin
from vlmeval.types import Answer, Failure, Outcome, Output, Record, Request, Sample, TaskKind

PATIENCE = 60.0
Reply = Callable[[Request], Output | Failure]


class Passes:
    """A kind that asks each sample `count` times; as a chain, it stops at the first reply that is not "A"."""

    def __init__(self, count: int = 1, *, sequential: bool = False) -> None:
        self.count = count
        self.sequential = sequential

    def requests(self, sample: Sample) -> tuple[Request, ...]:
        return tuple(
            Request(sample.id, f"rot{index}", (*sample.parts, f" ({index})")).keyed() for index in range(self.count)
        )

    def answers(self, sample: Sample, outcomes: Mapping[str, Outcome]) -> tuple[Answer, ...]:
        return tuple(Answer(variant, one.text, "text") for variant, one in outcomes.items() if isinstance(one, Output))

    def settled(self, sample: Sample, outcomes: Mapping[str, Outcome]) -> bool:
        return any(answer.value != "A" for answer in self.answers(sample, outcomes))


class FakeClock:
    """Time that passes only while somebody waits for it, and then at once. With one worker everything is determined."""

    def __init__(self) -> None:
        self.time = 0.0
        self.waits: list[float] = []

    def now(self) -> float:
        return self.time

    def wait(self, condition: threading.Condition, seconds: float | None) -> None:
        if seconds is None:
            assert condition.wait(PATIENCE)
        else:
            self.waits.append(seconds)
            self.time += seconds


class Asked:
    """A model that answers through a function and remembers what it was asked."""

    name = "asked"

    def __init__(
        self, reply: Reply = lambda request: Output("A"), *, concurrency: int = 1, batch: int = 1, **recipe: Any
    ) -> None:
        self.concurrency = concurrency
        self.batch = batch
        self.calls: list[list[str]] = []
        self._recipe = recipe
        self._reply = reply
        self._lock = threading.Lock()

    @property
    def asked(self) -> list[str]:
        """The requests sent, as "sample/variant"."""
        return [name for call in self.calls for name in call]

    def recipe(self) -> dict[str, Any]:
        return dict(self._recipe)

    def close(self) -> None:
        pass

    def generate(self, requests: Sequence[Request]) -> list[Output | Failure]:
        with self._lock:
            self.calls.append([f"{request.sample_id}/{request.variant}" for request in requests])
        return [self._reply(request) for request in requests]


class Data:
    """Samples with an origin, as `open_samples` gives them."""

    def __init__(self, samples: Iterable[Sample], count: int | None = None, digest: str = "d") -> None:
        self.samples = samples
        self.count = len(list(samples)) if count is None else count
        self.origin = Origin("made", digest, rows=self.count)

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[Sample]:
        return iter(self.samples)


TASK = Task(
    name="made",
    benchmark="made",
    split="dev",
    kind="choice",
    metrics=("vanilla",),
    primary="vanilla",
    options={"circular": False},
)


def samples(count: int) -> list[Sample]:
    return [
        Sample(f"s{number}", (f"What is in picture {number}?",), ("A",), ("cat", "dog", "bird", "fish"))
        for number in range(count)
    ]


def run(
    folder: Path,
    model: Asked,
    asked: Iterable[Sample],
    *,
    kind: TaskKind | None = None,
    limits: Limits | None = None,
    clock: Clock | None = None,
    retry_errors: bool = False,
) -> Engine:
    """Run the engine on `folder`/outputs.jsonl to its end and return it."""
    kind = kind or Passes()
    path = folder / "outputs.jsonl"
    earlier = Earlier(path, keep_texts=bool(getattr(kind, "sequential", False)))
    limits = limits or Limits(model.concurrency, model.batch)
    with Journal(path) as journal:
        engine = Engine(model.generate, journal, kind, limits, tally=earlier.spent, clock=clock)
        engine.run(plan(asked, kind, earlier, retry_errors=retry_errors))
    return engine


def merged(path: Path) -> dict[tuple[str, str], Record]:
    """Return the records that count."""
    return {(record.sample_id, record.variant): record for record in read_records(path)}


def outcomes(folder: Path) -> dict[str, Outcome]:
    """Return the outcomes of single-pass samples that count, by sample."""
    return {sample: record.outcome for (sample, _), record in merged(folder / "outputs.jsonl").items()}


__all__ = ["PATIENCE", "TASK", "Asked", "Data", "FakeClock", "Passes", "Tally", "merged", "outcomes", "run", "samples"]

"""Keeps run.json true while a run goes on, and shows it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self, runtime_checkable

import vlmeval
from vlmeval.data.task import Task
from vlmeval.run.desk import Stop
from vlmeval.run.limits import Tally
from vlmeval.run.meter import Meter
from vlmeval.run.progress import Progress
from vlmeval.store.efficiency import Efficiency, measured
from vlmeval.store.journal import read_records
from vlmeval.store.layout import RUN_ID_DIGITS, RunFolder
from vlmeval.store.manifest import fingerprint_of, write_manifest
from vlmeval.store.results import Manifest, Origin, RunState
from vlmeval.store.seals import broken, seal
from vlmeval.store.surroundings import checkpoint_commit, surroundings
from vlmeval.types import Model

SAVE_SECONDS = 5.0
CUT = "truncated_texts"
"""What a dual encoder counts in its conditions: texts that were longer than it takes."""
JUDGE = "judge."
"""What a judge's figures in run.json begin with: asking the model again does not undo them."""
LOADING = "loading_seconds"
"""The condition by which a model tells how long its weights took to load."""
CONTINUE = "run the same command again to continue"


@runtime_checkable
class Described(Protocol):
    """A model that can say how it was reached."""

    def conditions(self) -> dict[str, Any]:
        """Return device, address and the like: JSON, not part of the fingerprint."""
        ...


@dataclass(frozen=True)
class RunResult:
    """How a run ended. `stopped_by` is "cost" where `--max-cost` was reached."""

    folder: RunFolder
    state: RunState
    counts: dict[str, int]
    seconds: float
    stopped_by: Stop = ""


class Keeper:
    """Holds the manifest of a run while it is entered; leaving it writes how the run ended.

    Without a call of `ended` the run counts as interrupted. `untold` are the times of answers whose records hold none.
    """

    def __init__(
        self, folder: RunFolder, manifest: Manifest, model: Model, progress: Progress, *, fresh: bool = False
    ) -> None:
        self.folder = folder
        self.manifest = manifest
        self.progress = progress
        self.tally = Tally()
        self._model = model
        self._fresh = fresh
        self._state: RunState = "interrupted"
        self._stopped_by: Stop = ""
        self._cut = int(manifest.conditions.get(CUT, 0)) - int(self._said().get(CUT, 0))
        self._before = manifest.seconds
        self._start = self._saved = time.monotonic()
        self._meter = Meter()
        self.untold: Sequence[float] = ()

    def __enter__(self) -> Self:
        for one in (one for one in broken(self.folder, self.manifest.seals) if not one.torn):
            self.manifest.mended.append(one.words())
            self.progress.say(self.manifest.mended[-1])
        self.manifest.seals = {}
        self.manifest.state = "running"
        before, now = self.manifest.conditions.get("url"), self._reached()
        if before != now.get("url") and (answers := self.manifest.counts.get("answered", 0)):
            self.manifest.mended.append(f"the first {answers} answers came from {before}, not from {now.get('url')}")
            self.progress.say(self.manifest.mended[-1])
        self.manifest.conditions = {**surroundings(), **now}
        self.save()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.progress.close(self.tally)
        self.manifest.state = self._state
        self.manifest.ended = now()
        self.manifest.conditions |= self._reached()
        self._count(whole=self._state != "interrupted")
        self.manifest.efficiency = self._efficiency()
        self.manifest.seals = seal(self.folder)
        self.save()
        if self._stopped_by == "cost":
            self.progress.say(f"stopped by --max-cost at ${self.tally.cost or 0.0:.4g}; {CONTINUE} with a higher one")
        if self._stopped_by == "interrupt" or isinstance(error, KeyboardInterrupt):
            text = f"interrupted; {self.tally.answered} answers are saved in {self.folder.path}; {CONTINUE}"
            if self._fresh:
                text += ", without --fresh"
            raise KeyboardInterrupt(text) from error

    def watch(self, tally: Tally) -> None:
        """Show the tally, and write it where run.json is 5 s old."""
        self.tally = tally
        self.progress.show(tally)
        if time.monotonic() - self._saved >= SAVE_SECONDS:
            self._count(whole=False)
            self.save()

    def ended(self, *, failed: bool, stopped_by: Stop = "") -> None:
        """Say that the run came to its end, or was stopped on purpose."""
        self._stopped_by = stopped_by
        self._state = "interrupted" if stopped_by else "incomplete" if failed else "complete"

    def save(self) -> None:
        """Write run.json."""
        self._saved = time.monotonic()
        self.manifest.seconds = round(self._before + self._saved - self._start, 3)
        write_manifest(self.folder, self.manifest)

    def result(self) -> RunResult:
        """Return how the run ended."""
        manifest = self.manifest
        return RunResult(self.folder, manifest.state, manifest.counts, manifest.seconds, self._stopped_by)

    def _count(self, *, whole: bool) -> None:
        """Take the tally over. One that is not `whole` has not yet seen all that earlier sessions did."""
        tally = self.tally
        if not whole and tally.requests < self.manifest.counts.get("requests", 0):
            return
        self.manifest.counts = {
            "expected": self.manifest.counts.get("expected", 0),
            "samples": tally.samples,
            "requests": tally.requests,
            "answered": tally.answered,
            "failed": tally.failed,
            **{f"failed.{kind}": count for kind, count in sorted(tally.failures.items())},
            **{name: count for name, count in self.manifest.counts.items() if name.startswith(JUDGE)},
        }
        self.manifest.usage = {
            "prompt_tokens": tally.prompt_tokens,
            "output_tokens": tally.output_tokens,
            **({"usd": round(tally.cost, 6)} if tally.cost is not None else {}),
            **{name: figure for name, figure in self.manifest.usage.items() if name.startswith(JUDGE)},
        }

    def _efficiency(self) -> Efficiency | None:
        """Return what the run cost so far; a session in which nothing was answered adds nothing."""
        before = self.manifest.efficiency
        if not self.folder.outputs.exists():
            return before
        loading = self.manifest.conditions.get(LOADING, 0.0)
        earlier = Efficiency() if before is None else before
        seconds = earlier.seconds + max(0.0, time.monotonic() - self._start - loading)
        meters = self._meter.read()
        now = measured(
            read_records(self.folder.outputs),
            seconds=seconds,
            untold=self.untold,
            meters=meters if before is None else meters.after(earlier.meters),
        )
        return before if before is not None and now.requests == before.requests else now

    @property
    def truncated_texts(self) -> int:
        """How many texts of this run, earlier sessions included, were longer than its encoder takes."""
        return int(self._reached().get(CUT, 0))

    def _said(self) -> dict[str, Any]:
        """Return what the model says of how it was reached."""
        return self._model.conditions() if isinstance(self._model, Described) else {}

    def _reached(self) -> dict[str, Any]:
        """Return how the model was reached, and the commit of its checkpoint where that is a folder here.

        A model counts the texts it cut since it was opened, in other runs too; here are those of this run.
        """
        said = self._said()
        if CUT in said:
            said = {**said, CUT: said[CUT] + self._cut}
        texts = [value for value in (*said.values(), *self.manifest.recipe.values()) if isinstance(value, str)]
        folders = [Path(text) for text in texts if "/" in text and len(text) < 4096 and Path(text).is_dir()]
        commit = checkpoint_commit(folders[0]) if folders else ""
        return {**said, **({"checkpoint_commit": commit} if commit else {})}


def new_manifest(folder: RunFolder, recipe: dict[str, Any], task: Task, model_name: str, origin: Origin) -> Manifest:
    """Return the manifest of a run that begins now."""
    fingerprint = fingerprint_of(recipe)
    name = folder.path.name
    return Manifest(
        run_id=name if name.startswith(fingerprint[:RUN_ID_DIGITS]) else fingerprint[:RUN_ID_DIGITS],
        fingerprint=fingerprint,
        recipe=recipe,
        task=task,
        model=model_name,
        model_name=model_name,
        origin=origin,
        started=now(),
        vlmeval=vlmeval.__version__,
    )


def now() -> str:
    """Return the time as "2025-01-31T12:00:00Z"."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

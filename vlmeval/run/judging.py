"""A judge reads what the rules could not: same engine, its own journal (judge.jsonl).

A verdict is found again by the key of its request, which covers question, options and reply: what was judged is not
judged again, here or in another run (`verdicts`), and a reply that changed is. Verdicts of another judge are put aside
as judge.<digest>.jsonl and come back with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TextIO

from vlmeval.jsonio import digest
from vlmeval.kinds import judge
from vlmeval.registry import KINDS
from vlmeval.run.calling import Caller
from vlmeval.run.desk import Stop
from vlmeval.run.engine import Engine
from vlmeval.run.limits import Tally
from vlmeval.run.planner import Earlier, plan
from vlmeval.run.progress import open_progress
from vlmeval.run.retry import Clock
from vlmeval.run.session import limits_of
from vlmeval.run.settings import RunSettings
from vlmeval.run.verdicts import take_over
from vlmeval.store.journal import Journal, read_records
from vlmeval.store.layout import RunFolder
from vlmeval.store.lock import RunLock
from vlmeval.store.manifest import read_manifest, write_manifest
from vlmeval.store.questions import read_questions
from vlmeval.store.results import Manifest
from vlmeval.store.seals import broken, seal
from vlmeval.types import Answer, Model, Outcome, Output, Record, Request, Sample, TaskKind

JUDGE_DIGITS = 12
CONTINUE = "the same command with a higher one continues"
FIGURES = "judge."
"""What the judge's counts and costs in run.json begin with."""


@dataclass(frozen=True)
class Judging:
    """What a judge has done in a run, earlier sessions included. `reused` verdicts came from other runs, this time.

    `stopped_by` is "cost" where a ceiling was reached.
    """

    judge: str
    tally: Tally
    reused: int = 0
    stopped_by: Stop = ""

    def line(self) -> str:
        """Return it in words: "my-judge: 40 verdicts (12 known from other runs), 1 failed, 52 + 8 tokens, $0.0031"."""
        tally = self.tally
        known = f" ({self.reused} known from other runs)" if self.reused else ""
        parts = [
            f"{self.judge}: {tally.answered} verdicts{known}",
            *([f"{tally.failed} failed"] if tally.failed else []),
            *([f"{tally.prompt_tokens} + {tally.output_tokens} tokens"] if tally.prompt_tokens else []),
            *([f"${tally.cost:.4f}"] if tally.cost is not None else []),
        ]
        return ", ".join(parts)


class JudgeKind:
    """Asks a judge about the unparsed answers of a run, as if those were the task."""

    def __init__(self, kind: TaskKind, records: Mapping[str, Mapping[str, Record]]) -> None:
        self._kind = kind
        self._records = records

    def requests(self, sample: Sample) -> tuple[Request, ...]:
        """Return one request for each reply of the sample that is readable and unparsed."""
        replies = readable(self._kind, sample, self._records.get(sample.id, {}))
        return judge.requests(sample, replies, self._kind.answers(sample, replies), kind=self._kind)

    def answers(self, sample: Sample, outcomes: Mapping[str, Outcome]) -> tuple[Answer, ...]:
        """Return nothing: verdicts are read when the run is scored."""
        return ()

    def settled(self, sample: Sample, outcomes: Mapping[str, Outcome]) -> bool:
        """Return False: no verdict makes another needless."""
        return False


def judge_run(
    folder: RunFolder,
    model: Model,
    settings: RunSettings,
    *,
    stream: TextIO | None = None,
    clock: Clock | None = None,
) -> Judging:
    """Have `model` read the unparsed replies of a run, and return what it did. Calls that failed are made again.

    `settings.prices` are the judge's, and `settings.max_cost` bounds what its calls in this run cost, earlier sessions
    included. Raises the VlmevalError that stopped it, KeyboardInterrupt after Ctrl-C; verdicts received are saved in
    every case.
    """
    with RunLock(folder.path):
        manifest = read_manifest(folder)
        manifest.mended += [one.words() for one in broken(folder, manifest.seals) if one.file == folder.judge.name]
        manifest.seals.pop(folder.judge.name, None)
        _seat(folder, manifest, model)
        kind = JudgeKind(KINDS.load(manifest.task.kind)(manifest.task), latest_records(folder))
        asked = (request for sample in read_questions(folder.questions) for request in kind.requests(sample))
        reused = take_over(folder, manifest.judge_digest, asked)
        earlier = Earlier(folder.judge, prices=settings.prices)
        units = plan(read_questions(folder.questions), kind, earlier, retry_errors=True)
        caller = Caller(model, f"{manifest.task.name} (judge)")
        limits = limits_of(settings, caller, expected=None)
        label = f"{manifest.task.name} judge {model.name}"
        progress = open_progress(label, None, quiet=settings.quiet, stream=stream)
        with Journal(folder.judge) as journal:
            engine = Engine(
                caller, journal, kind, limits, tally=earlier.spent, watch=progress.show, say=progress.say, clock=clock
            )
            try:
                engine.run(unit for unit in units if unit.requests or unit.outcomes)
                if engine.stopped_by == "cost":
                    spent = engine.tally.cost or 0.0
                    progress.say(f"{label}: stopped by --max-cost or --judge-max-cost at ${spent:.4g}; {CONTINUE}")
            finally:
                progress.close(engine.tally)
                _note(manifest, engine.tally, reused)
                write_manifest(folder, manifest)
        manifest.seals |= seal(folder, [folder.judge.name])
        write_manifest(folder, manifest)
    if engine.stopped_by == "interrupt":
        raise KeyboardInterrupt(f"interrupted; the verdicts so far are saved in {folder.judge}")
    return Judging(model.name, engine.tally, reused, engine.stopped_by)


def _note(manifest: Manifest, tally: Tally, reused: int) -> None:
    """Write into `manifest` what the judge has done in this run, all sessions together."""
    reused += manifest.counts.get(f"{FIGURES}reused", 0)
    counts = {"answered": tally.answered, "failed": tally.failed, "reused": reused}
    manifest.counts |= {f"{FIGURES}{name}": count for name, count in counts.items()}
    usage = {"prompt_tokens": tally.prompt_tokens, "output_tokens": tally.output_tokens}
    manifest.usage |= {f"{FIGURES}{name}": tokens for name, tokens in usage.items()}
    if tally.cost is not None:
        manifest.usage[f"{FIGURES}usd"] = round(tally.cost, 6)


def readable(kind: TaskKind, sample: Sample, records: Mapping[str, Record]) -> dict[str, Output]:
    """Return the replies of a sample by variant: answers to its requests as they are now, that no filter cut."""
    replies: dict[str, Output] = {}
    for request in kind.requests(sample):
        record = records.get(request.variant)
        if record is None or record.key != request.key:
            continue
        if isinstance(record.outcome, Output) and record.outcome.finish != "filter":
            replies[request.variant] = record.outcome
    return replies


def latest_records(folder: RunFolder) -> dict[str, dict[str, Record]]:
    """Return the last record of each request, by sample id and variant."""
    records: dict[str, dict[str, Record]] = {}
    for record in read_records(folder.outputs):
        records.setdefault(record.sample_id, {})[record.variant] = record
    return records


def _seat(folder: RunFolder, manifest: Manifest, model: Model) -> None:
    """Make judge.jsonl that of `model`: another judge's is kept under its digest, an earlier one of its own comes back.

    run.json is written in between: whatever is lost in a crash, no verdict is read as another judge's.
    """
    before, now = manifest.judge_digest, digest({"name": model.name, **model.recipe()})[:JUDGE_DIGITS]
    if before != now:
        for figures in (manifest.counts, manifest.usage):
            for name in [name for name in figures if name.startswith(FIGURES)]:
                del figures[name]
    if before not in ("", now) and folder.judge.exists():
        folder.judge.rename(folder.judge.with_name(f"judge.{before}.jsonl"))
    manifest.judge, manifest.judge_digest = model.name, now
    write_manifest(folder, manifest)
    earlier = folder.judge.with_name(f"judge.{now}.jsonl")
    if earlier.exists() and not folder.judge.exists():
        earlier.rename(folder.judge)

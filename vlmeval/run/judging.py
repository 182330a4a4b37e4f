"""A judge reads what the rules could not: same engine, its own journal (judge.jsonl).

A verdict is found again by the key of its request, which covers question, options and reply: what was judged is not
judged again, and a reply that changed is. Verdicts of another judge are put aside as judge.<digest>.jsonl and come back
with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TextIO

from vlmeval.jsonio import digest
from vlmeval.kinds import judge
from vlmeval.registry import KINDS
from vlmeval.run.calling import Caller
from vlmeval.run.engine import Engine
from vlmeval.run.limits import Tally
from vlmeval.run.planner import Earlier, plan
from vlmeval.run.progress import open_progress
from vlmeval.run.retry import Clock
from vlmeval.run.session import limits_of
from vlmeval.run.settings import RunSettings
from vlmeval.store.journal import Journal, read_records
from vlmeval.store.layout import RunFolder
from vlmeval.store.lock import RunLock
from vlmeval.store.manifest import read_manifest, write_manifest
from vlmeval.store.questions import read_questions
from vlmeval.store.results import Manifest
from vlmeval.types import Answer, Model, Outcome, Output, Record, Request, Sample, TaskKind

JUDGE_DIGITS = 12


class JudgeKind:
    """Asks a judge about the unparsed answers of a run, as if those were the task."""

    def __init__(self, kind: TaskKind, records: Mapping[str, Mapping[str, Record]]) -> None:
        self._kind = kind
        self._records = records

    def requests(self, sample: Sample) -> tuple[Request, ...]:
        """Return one request for each reply of the sample that is readable and unparsed."""
        replies: dict[str, Output] = {}
        records = self._records.get(sample.id, {})
        for request in self._kind.requests(sample):
            record = records.get(request.variant)
            if record is None or record.key != request.key:
                continue
            if isinstance(record.outcome, Output) and record.outcome.finish != "filter":
                replies[request.variant] = record.outcome
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
) -> Tally:
    """Have `model` read the unparsed replies of a run, and return what it did. Calls that failed are made again.

    Raises the VlmevalError that stopped it, KeyboardInterrupt after Ctrl-C; verdicts received are saved in every case.
    """
    with RunLock(folder.path):
        manifest = read_manifest(folder)
        _seat(folder, manifest, model)
        kind = JudgeKind(KINDS.load(manifest.task.kind)(manifest.task), _latest(folder))
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
            finally:
                progress.close(engine.tally)
        tally = engine.tally
        manifest.counts |= {"judge.answered": tally.answered, "judge.failed": tally.failed}
        manifest.usage |= {"judge.prompt_tokens": tally.prompt_tokens, "judge.output_tokens": tally.output_tokens}
        write_manifest(folder, manifest)
    if engine.stopped_by == "interrupt":
        raise KeyboardInterrupt(f"interrupted; the verdicts so far are saved in {folder.judge}")
    return tally


def _latest(folder: RunFolder) -> dict[str, dict[str, Record]]:
    records: dict[str, dict[str, Record]] = {}
    for record in read_records(folder.outputs):
        records.setdefault(record.sample_id, {})[record.variant] = record
    return records


def _seat(folder: RunFolder, manifest: Manifest, model: Model) -> None:
    """Make judge.jsonl that of `model`: another judge's is kept under its digest, an earlier one of its own comes back.

    run.json is written in between: whatever is lost in a crash, no verdict is read as another judge's.
    """
    before, now = manifest.judge_digest, digest({"name": model.name, **model.recipe()})[:JUDGE_DIGITS]
    if before not in ("", now) and folder.judge.exists():
        folder.judge.rename(folder.judge.with_name(f"judge.{before}.jsonl"))
    manifest.judge, manifest.judge_digest = model.name, now
    write_manifest(folder, manifest)
    earlier = folder.judge.with_name(f"judge.{now}.jsonl")
    if earlier.exists() and not folder.judge.exists():
        earlier.rename(folder.judge)

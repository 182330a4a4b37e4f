"""Is a run what it says it is: every score computed again from the journal, every digest checked, each fault named.

What a run folder claims is derived from its evidence (questions, journal, verdicts, vectors), so the claims are made
anew and compared to the last digit. The evidence itself is held against what was noted when the run ended
(`store.seals`), against the requests as the recipe asks them, and the recipe against its fingerprint and, where the
catalog knows the task, against the words of the catalog's prompt. Nothing is written.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

import vlmeval
from vlmeval.data.task import DEFAULT_SCORER, Task, with_scorer
from vlmeval.errors import JournalError, VlmevalError
from vlmeval.jsonio import read_json
from vlmeval.kinds.settings import with_options
from vlmeval.registry import KINDS
from vlmeval.score.assembly import Embeds, samples_of
from vlmeval.score.lines import scored_samples
from vlmeval.score.scorer import Scored, evaluated
from vlmeval.score.scorers import rescored, summary
from vlmeval.store.journal import read_records
from vlmeval.store.layout import RunFolder
from vlmeval.store.lines import Lines
from vlmeval.store.manifest import ASKED, differences, fingerprint_of, read_manifest, recipe_of
from vlmeval.store.results import Manifest, Rescored, ScoredSample, Scores
from vlmeval.store.seals import broken
from vlmeval.types import Estimate, Sample, TaskKind

MOST_NAMED = 50
"""Faults of one sort that are named one by one; the others are counted."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is not as it must be. `line` and `sample` are "" and None where it concerns the whole file."""

    file: str
    problem: str
    line: int | None = None
    sample: str = ""

    def words(self) -> str:
        """Return 'outputs.jsonl, line 3, sample "q2": ...'."""
        place = [self.file]
        place += [f"line {self.line}"] if self.line is not None else []
        place += [f'sample "{self.sample}"'] if self.sample else []
        return f"{', '.join(place)}: {self.problem}"


@dataclass(frozen=True, slots=True)
class Validation:
    """What was found in one run. `remarks` are no faults: what could not be checked, and what a reader should know."""

    run: str
    task: str
    model: str
    samples: int
    faults: tuple[Fault, ...]
    remarks: tuple[str, ...]

    @property
    def valid(self) -> bool:
        """Whether nothing was found."""
        return not self.faults


def validate_run(folder: RunFolder, catalog: Task | None = None) -> Validation:
    """Return what is wrong with the run in `folder`; `catalog` is its task as the catalog has it, None without.

    Raises JournalError where run.json cannot be read: then nothing is known of the run.
    """
    manifest = read_manifest(folder)
    faults = [*recipe_faults(manifest), *seal_faults(folder, manifest)]
    remarks = [] if manifest.seals else ["not sealed: an edit of the journal before the last scoring cannot be seen"]
    remarks += [f"run.json: {line}" for line in manifest.mended]
    if catalog is not None:
        faults += prompt_faults(manifest.task, catalog)
        remarks += prompt_remarks(manifest.task, catalog)
    samples: list[Sample] = []
    try:
        samples = samples_of(folder)
        faults += journal_faults(folder, manifest, samples)
        found, said = score_faults(folder, manifest)
        faults += found
        remarks += said
    except VlmevalError as error:
        faults.append(Fault("", str(error)))
    return Validation(
        run=str(folder.path),
        task=manifest.task.name,
        model=manifest.model_name,
        samples=len(samples),
        faults=tuple(dict.fromkeys(faults)),
        remarks=tuple(dict.fromkeys(remarks)),
    )


def recipe_faults(manifest: Manifest) -> Iterator[Fault]:
    """Yield where run.json contradicts itself: fingerprint, run id, and what it says of task and data."""
    own = fingerprint_of(manifest.recipe)
    if manifest.fingerprint != own:
        yield Fault("run.json", f"the fingerprint is {manifest.fingerprint[:12]}, the recipe gives {own[:12]}")
    if not manifest.run_id.startswith(own[:12]):
        yield Fault("run.json", f"the run id is {manifest.run_id}, the recipe gives {own[:12]}")
    asked = recipe_of(manifest.task, manifest.model_name, {}, manifest.origin, limit=manifest.limit)
    noted = {key: value for key, value in manifest.recipe.items() if not key.startswith("model.") or key in asked}
    for line in differences(noted, asked):
        yield Fault("run.json", f"the recipe is not that of the task and data beside it: {line}")


def seal_faults(folder: RunFolder, manifest: Manifest) -> Iterator[Fault]:
    """Yield each file of evidence that is not as the run left it, by line where that can be told."""
    try:
        found = broken(folder, manifest.seals)
    except JournalError as error:
        yield Fault("seals.json", str(error))
        return
    for one in found[:MOST_NAMED]:
        yield Fault(one.file, one.problem, line=one.line)
    if len(found) > MOST_NAMED:
        yield Fault(found[-1].file, f"{len(found) - MOST_NAMED} more lines are not as the run left them")


def prompt_faults(own: Task, catalog: Task) -> Iterator[Fault]:
    """Yield where the run asked with other words than the prompt has by the name that it gives."""
    if (own.name, own.version) != (catalog.name, catalog.version):
        return
    style = own.prompt
    known = style in catalog.prompts or style == catalog.prompt
    if known and own.prompts.get(style) != catalog.prompts.get(style):
        yield Fault(
            "run.json", f'foreign prompt: the words of "{style}" are not those that the catalog has by this name'
        )
    if own.system != catalog.system:
        yield Fault("run.json", "foreign prompt: the system text is not the catalog's")


def prompt_remarks(own: Task, catalog: Task) -> Iterator[str]:
    """Yield in what else a run asks otherwise than the task does today."""
    if own.version != catalog.version:
        yield f"asked as version {own.version} of the task; the catalog has {catalog.version}"
    for key in ("prompt", *ASKED[2:3], "sampling"):
        if getattr(own, key) != getattr(catalog, key):
            one, other = (msgspec.json.encode(getattr(task, key)).decode() for task in (own, catalog))
            yield f"{key} is {one}, the task's own is {other}"


def journal_faults(folder: RunFolder, manifest: Manifest, samples: Sequence[Sample]) -> list[Fault]:
    """Return records of other questions and requests, samples without an answer, and counts that do not agree."""
    expected = manifest.counts.get("expected", len(samples))
    found = []
    if manifest.state != "running" and manifest.state != "interrupted" and len(samples) != expected:
        found.append(Fault("questions.jsonl", f"{len(samples)} samples, run.json expects {expected}"))
    kind: TaskKind = KINDS.load(manifest.task.kind)(manifest.task)
    if isinstance(kind, Embeds) and kind.embeds:
        return found
    keys: dict[str, dict[str, str]] = {}
    for sample in samples:
        requests = (one if one.key else one.keyed() for one in kind.requests(sample))
        keys[sample.id] = {one.variant: one.key for one in requests}
    heard: set[str] = set()
    foreign = []
    for number, record in enumerate(read_records(folder.outputs), start=1):
        own = keys.get(record.sample_id)
        if own is None:
            foreign.append(Fault("outputs.jsonl", "the run asked no such sample", number, record.sample_id))
        elif record.variant not in own:
            foreign.append(
                Fault("outputs.jsonl", f'the run asked no "{record.variant}" of it', number, record.sample_id)
            )
        elif own[record.variant] != record.key:
            problem = (
                "foreign prompt: this answers another request "
                f"(key {record.key[:12]}) than question and recipe make (key {own[record.variant][:12]})"
            )
            foreign.append(Fault("outputs.jsonl", problem, number, record.sample_id))
        else:
            heard.add(record.sample_id)
    found += _first(foreign, "records of other requests")
    if manifest.state in ("complete", "incomplete"):
        silent = [
            Fault("outputs.jsonl", "missing: the run has ended, and holds nothing on this sample", sample=sample.id)
            for sample in samples
            if sample.id not in heard
        ]
        found += _first(silent, "samples without a record")
    return found


def _first(faults: Sequence[Fault], noun: str) -> list[Fault]:
    """Return the first faults, and one that counts the others."""
    more = len(faults) - MOST_NAMED
    rest = [Fault(faults[0].file, f"{more} more {noun}")] if more > 0 else []
    return [*faults[:MOST_NAMED], *rest]


def score_faults(folder: RunFolder, manifest: Manifest) -> tuple[list[Fault], list[str]]:
    """Return how scores.json, samples.jsonl and scorers.jsonl differ from what the evidence gives; and remarks."""
    if not folder.scores.exists():
        return [Fault("scores.json", "there is none; score the run: vlmeval score")], []
    known = read_json(folder.scores, Scores)
    remarks = []
    if known.vlmeval != vlmeval.__version__:
        remarks.append(
            f"scored by vlmeval {known.vlmeval}, checked by {vlmeval.__version__}: a difference may be the program's"
        )
    if known.scorer != DEFAULT_SCORER:
        remarks.append(f'scored as "{known.scorer}" does, not as the task\'s default')
    if known.errors != "fail":
        remarks.append(f"failed requests count by the policy errors={known.errors}")
    found, again, differing = again_scored(folder, manifest, known)
    faults = [*claim_faults(known, again), *sample_faults(folder, found)]
    if known.scorer != DEFAULT_SCORER:
        there = list(Lines(folder.scorers, Rescored, remedy="score the run again"))
        if there != differing:
            faults.append(Fault("scorers.jsonl", "is not what the two scorers make of the journal"))
    return faults, remarks


def again_scored(folder: RunFolder, manifest: Manifest, known: Scores) -> tuple[Scored, Scores, list[Rescored]]:
    """Return the run scored again in the way of `known`, the scores to compare, and the lines of scorers.jsonl."""

    def scored(scorer: str, *, without_judge: bool) -> Scored:
        task = with_scorer(manifest.task, scorer)
        if known.policy != str(task.options.get("policy", "honest")):
            task = with_options(task, {"policy": known.policy})
        return evaluated(
            folder,
            manifest,
            task,
            errors=known.errors,
            slices=known.slices,
            allow_no_judge=without_judge,
            interval=known.interval,
        )

    found = scored(known.scorer, without_judge=False)
    if found.scores.complete != known.complete:
        # Not noted in the scores: whether replies that nobody judged may stay so.
        found = scored(known.scorer, without_judge=True)
    rows: list[Rescored] = []
    again = found.scores
    if known.scorer != DEFAULT_SCORER:
        default = scored(DEFAULT_SCORER, without_judge=False)
        rows = list(rescored((default.sheet, default.scores), (found.sheet, found.scores)))
        again = msgspec.structs.replace(again, beside=summary(default.scores, known.scorer, rows))
    return found, again, [msgspec.convert(msgspec.to_builtins(row), Rescored) for row in rows]


def claim_faults(known: Scores, again: Scores) -> Iterator[Fault]:
    """Yield each claim of scores.json that the evidence does not bear out."""
    theirs, ours = (named_estimates(scores.estimates) for scores in (known, again))
    for name in {**theirs, **ours}:
        one, other = theirs.get(name), ours.get(name)
        if one is None or other is None:
            word = "is not there" if one is None else "is a figure that the journal does not give"
            yield Fault("scores.json", f"{name} {word}")
            continue
        for key in Estimate.__struct_fields__:
            if getattr(one, key) != getattr(other, key):
                yield Fault("scores.json", f"{name}: {key} is {_said(one, key)}, the journal gives {_said(other, key)}")
    for key in Scores.__struct_fields__:
        if key != "estimates" and getattr(known, key) != getattr(again, key):
            yield Fault("scores.json", f"{key} is {_said(known, key)}, the journal gives {_said(again, key)}")


def named_estimates(estimates: Iterable[Estimate]) -> dict[str, Estimate]:
    """Return the estimates by "metric" or "metric, tag=value"."""
    return {f"{one.metric}, {one.slice}" if one.slice else one.metric: one for one in estimates}


def sample_faults(folder: RunFolder, found: Scored) -> Iterator[Fault]:
    """Yield each line of samples.jsonl that is not what the evidence gives, by sample and field."""
    remedy = "score the run again: vlmeval score"
    there: dict[str, tuple[int, ScoredSample]] = {}
    faults = []
    for number, row in enumerate(Lines(folder.samples, ScoredSample, remedy=remedy), start=1):
        if row.id in there:
            faults.append(Fault("samples.jsonl", "occurs twice", number, row.id))
        there[row.id] = (number, row)
    for fresh in scored_samples(found.sheet, found.scores.primary):
        # As it reads once it is written: lists for tuples, integers for whole floats, defaults left out.
        wanted = msgspec.convert(msgspec.to_builtins(fresh), ScoredSample)
        if wanted.id not in there:
            faults.append(Fault("samples.jsonl", "missing: the run asked this sample", sample=wanted.id))
            continue
        number, row = there.pop(wanted.id)
        if row != wanted:
            fields = [name for name in ScoredSample.__struct_fields__ if getattr(row, name) != getattr(wanted, name)]
            problem = f"{', '.join(fields)} {'is' if len(fields) == 1 else 'are'} not what the journal gives"
            faults.append(Fault("samples.jsonl", problem, number, wanted.id))
    faults += [Fault("samples.jsonl", "the run asked no such sample", at, name) for name, (at, _) in there.items()]
    yield from _first(faults, "lines that the journal does not give")


def _said(value: Any, key: str) -> str:
    text = msgspec.json.encode(getattr(value, key)).decode()
    return text if len(text) <= 80 else f"{text[:80]}..."


def summary_lines(found: Sequence[Validation]) -> Iterator[str]:
    """Yield what was found, run by run: one line for a valid run, each fault and remark indented below its run."""
    for one in found:
        verdict = "valid" if one.valid else f"NOT VALID, {len(one.faults)} faults"
        yield f"{one.run}: {verdict} ({one.task}, {one.model}, {one.samples} samples)"
        yield from (f"  {fault.words()}" for fault in one.faults)
        yield from (f"  remark: {line}" for line in one.remarks)


def as_table(found: Sequence[Validation]) -> list[Mapping[str, Any]]:
    """Return what was found as JSON has it."""
    return [{**msgspec.to_builtins(one), "valid": one.valid} for one in found]

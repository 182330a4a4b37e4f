"""`score_run`: what a run folder holds, as scores.

Nothing that failed is an answer: such samples are left out and the score is not complete, unless the policy says else.
An unparsed reply is not right, and shown as unparsed. `fail`, `exclude` and `wrong` say what a sample without its
replies counts as; a sample that was not asked to the end keeps the score incomplete under each of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import msgspec

import vlmeval
from vlmeval.data.tags import require_tags
from vlmeval.data.task import DEFAULT_SCORER, Task, with_scorer
from vlmeval.jsonio import encode_lines, read_json, write_json, write_whole
from vlmeval.kinds.settings import with_options
from vlmeval.metrics.pass_at import loaded_metric
from vlmeval.registry import KINDS
from vlmeval.score.assembly import Assembly, Parses, assemble, samples_of
from vlmeval.score.chance import chance_of
from vlmeval.score.clipscore import encoder_metrics, with_encoders
from vlmeval.score.coverage import coverage_of, verdict_on
from vlmeval.score.estimates import estimate_all
from vlmeval.score.judged import registered, under_judge
from vlmeval.score.letters import letter_bias
from vlmeval.score.lines import scored_samples
from vlmeval.score.measure import Measure
from vlmeval.score.memory import uncollected
from vlmeval.score.naming import of_model
from vlmeval.score.scorers import rescored, summary
from vlmeval.score.sheet import Sheet, fill_sheet
from vlmeval.score.signature import Recipe, as_sent, data_digest, prompt_digest
from vlmeval.score.vectors import vector_remarks
from vlmeval.stats.bootstrap import Method
from vlmeval.store.layout import RunFolder
from vlmeval.store.results import ErrorPolicy, Manifest, Scores
from vlmeval.types import Sample, TaskKind


@dataclass(frozen=True, slots=True)
class Scored:
    """A run as scored: what is written down, and the table behind it."""

    scores: Scores
    sheet: Sheet


@uncollected()
def score_run(
    folder: RunFolder,
    *,
    errors: ErrorPolicy = "fail",
    policy: str | None = None,
    slices: Sequence[str] = (),
    allow_no_judge: bool = False,
    scorer: str | None = None,
    interval: Method = "percentile",
) -> Scores:
    """Score the run in `folder`, write its samples.jsonl and scores.json, and return the scores.

    `policy` replaces the task's own for unparsed replies, where its kind has one. `slices` are tags besides the task's.
    `allow_no_judge` calls a run complete whose replies a judge is to score and none was given; it has no score all the
    same. `scorer` names one of the task's, None is that of the run; for another than the default one, the default's
    figure stands beside it, and scorers.jsonl holds the samples on which the two differ. `interval`: how bounds are
    found (see `stats.bootstrap`). Raises JournalError for a folder that cannot be read, ConfigError for a tag that no
    sample has, or a scorer that the task has not.
    """
    manifest = read_json(folder.manifest_path, Manifest)
    task = with_scorer(manifest.task, scorer or manifest.task.scorer)

    def scored_by(task: Task) -> Scored:
        if policy is not None:
            task = with_options(task, {"policy": policy})
        return evaluated(
            folder, manifest, task, errors=errors, slices=slices, allow_no_judge=allow_no_judge, interval=interval
        )

    found = scored_by(task)
    scores = found.scores
    if task.scorer == DEFAULT_SCORER:
        folder.scorers.unlink(missing_ok=True)
    else:
        default = scored_by(with_scorer(task, DEFAULT_SCORER))
        sides = (default.sheet, default.scores), (found.sheet, scores)
        rows = list(rescored(*sides))
        scores = msgspec.structs.replace(scores, beside=summary(default.scores, task.scorer, rows))
        write_whole(folder.scorers, encode_lines(rows))
    write_whole(folder.samples, encode_lines(scored_samples(found.sheet, scores.primary)))
    write_json(folder.scores, scores)
    return scores


def evaluated(
    folder: RunFolder,
    manifest: Manifest,
    task: Task,
    *,
    errors: ErrorPolicy,
    slices: Sequence[str],
    allow_no_judge: bool,
    interval: Method = "percentile",
) -> Scored:
    """Return the run in `folder` as `task` scores it; nothing is written."""
    kind: TaskKind = KINDS.load(task.kind)(task)
    task = under_judge(task, kind, manifest.judge)
    samples = samples_of(folder)
    require_tags(samples, slices)
    assembly = assemble(folder, kind, samples, judge_name=manifest.judge)
    task = with_encoders(task, manifest.encoders)
    measures = measures_of(folder, task, manifest, samples, assembly)
    sheet = fill_sheet(assembly.cases, measures, primary=task.primary, errors=errors)
    coverage = coverage_of(sheet, expected=manifest.counts.get("expected", 0))
    recipe = signed(task, kind, manifest, samples, share=sum(sheet.entered) / max(1, coverage.samples), errors=errors)
    recipe = replace(recipe, interval=interval)
    tags = list(dict.fromkeys((*task.slices, *slices)))
    estimates = estimate_all(list(sheet.columns.values()), samples, tags, recipe, method=interval)
    verdict = verdict_on(
        sheet, coverage, estimates, errors=errors, manifest=manifest, assembly=assembly, allow_no_judge=allow_no_judge
    )
    headline = next((one for one in estimates if one.metric == task.primary and not one.slice), None)
    scores = Scores(
        task=task.name,
        title=task.title,
        model=manifest.model_name,
        run_id=manifest.run_id,
        primary=task.primary,
        signature=headline.signature if headline else recipe.line(task.primary or "predictions", 0),
        complete=not verdict.gaps,
        errors=errors,
        policy=str(task.options.get("policy", "honest")),
        metrics=tuple(measure.info for measure in measures.values()),
        estimates=estimates,
        coverage=coverage,
        letters=letter_bias(assembly.cases),
        chance=chance_of(task, samples),
        notes=(*verdict.gaps, *verdict.remarks, *vector_remarks(kind, task.metrics, samples, coverage.rules)),
        data_digest=recipe.data_digest,
        vlmeval=vlmeval.__version__,
        blind=manifest.origin.blind,
        slices=tuple(slices),
        model_recipe=of_model(manifest.recipe),
        scorer=task.scorer,
        interval=interval,
        not_computed=sheet.lacks,
    )
    return Scored(scores, sheet)


def measures_of(
    folder: RunFolder, task: Task, manifest: Manifest, samples: Sequence[Sample], assembly: Assembly
) -> dict[str, Measure]:
    """Return the metrics of the task by name, fitted to the samples that have references."""
    golden = [sample for sample in samples if sample.references]
    names = [registered(name) for name in (task.primary, *task.metrics)]
    encoded = encoder_metrics(folder, manifest.encoders, assembly.cases)
    return {
        name: Measure(name, encoded.get(name) or loaded_metric(registered(name), names), golden)
        for name in task.metrics
    }


def signed(
    task: Task, kind: TaskKind, manifest: Manifest, samples: Sequence[Sample], *, share: float, errors: ErrorPolicy
) -> Recipe:
    """Return what the signatures of a run say; `share` is that of the samples that entered the primary metric."""
    return Recipe(
        task=task,
        sampling=as_sent(task.sampling, manifest.recipe),
        prompt=prompt_digest(task, kind),
        parser=kind.parser if isinstance(kind, Parses) else "",
        data_digest=data_digest(samples),
        coverage=share,
        judge=manifest.judge,
        errors=errors,
        blind=manifest.origin.blind,
    )

"""Two scored runs of one task, put side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from vlmeval.jsonio import read_json
from vlmeval.metrics.clipscore import NAMES as ENCODED
from vlmeval.metrics.pass_at import loaded_metric
from vlmeval.registry import METRICS
from vlmeval.score.assembly import samples_of
from vlmeval.score.compare_recipes import KeyDifference, data_difference, key_differences
from vlmeval.score.compare_samples import Flip, Line, common_of, flips_of, read_lines, statistics, tries
from vlmeval.score.compare_types import CompareOptions, Figure, TaskComparison
from vlmeval.score.estimates import slice_masks
from vlmeval.score.judged import registered
from vlmeval.score.measure import Measure
from vlmeval.stats.clusters import Floats, Integers, cluster_codes
from vlmeval.stats.components import components
from vlmeval.stats.paired import Pairs, paired_difference
from vlmeval.store.layout import RunFolder
from vlmeval.store.manifest import read_manifest
from vlmeval.store.results import Manifest, Scores
from vlmeval.types import MetricInfo, Sample

Rows = Mapping[str, tuple[float, ...]]


@dataclass(frozen=True, slots=True)
class Run:
    """A scored run with what a comparison reads of it."""

    label: str
    folder: RunFolder
    manifest: Manifest
    scores: Scores
    lines: dict[str, Line]
    samples: dict[str, Sample]

    @classmethod
    def of(cls, folder: RunFolder, label: str) -> Run:
        """Read a scored run. Raises JournalError where it is not scored, or damaged."""
        scores = read_json(folder.scores, Scores)
        samples = {sample.id: sample for sample in samples_of(folder)}
        return cls(label, folder, read_manifest(folder), scores, read_lines(folder), samples)

    def metric(self, asked: str) -> str:
        """Return the metric `asked` for as this run names it (under its judge); "" without it.

        An encoder that is named is meant: CLIPScores of two encoders are not compared.
        """
        names = [info.name for info in self.scores.metrics]
        if asked in names or (registered(asked) in ENCODED and asked != registered(asked)):
            return asked if asked in names else ""
        return next((name for name in names if registered(name) == registered(asked)), "")


def compare_pair(one: Run, two: Run, options: CompareOptions) -> TaskComparison:
    """Return the comparison of `two` with the baseline `one`, before p-values are adjusted and said in words."""
    asked = options.metric or one.scores.primary
    names = (one.metric(asked), two.metric(one.metric(asked) or asked))
    both = [key for key in one.lines if key in two.lines]
    entered = [key for key in both if names[0] in one.lines[key].stats and names[1] in two.lines[key].stats]
    changed = [key for key in both if one.lines[key].says() != two.lines[key].says()]
    partly = len(both) < max(len(one.lines), len(two.lines))
    keys = key_differences((one.manifest, one.scores), (two.manifest, two.scores), names)
    if changed or partly:
        other_data = data_difference(
            one.manifest,
            two.manifest,
            kind=one.manifest.task.kind,
            samples=(len(one.lines), len(two.lines)),
            common=len(both),
            changed=changed,
        )
        keys = [*other_data, *keys]
    found = TaskComparison(
        task=one.scores.task,
        title=one.scores.title,
        baseline=one.label,
        model=two.label,
        baseline_run=str(one.folder.path),
        model_run=str(two.folder.path),
        metric=next((info for info in one.scores.metrics if info.name == names[0]), MetricInfo(names[0], "")),
        keys=tuple(keys),
        common=common_of(one.lines, two.lines, both, entered, names),
        notes=tuple(
            f"{run.label}: {note}" for run in (one, two) if not run.scores.complete for note in run.scores.notes
        ),
        refused=_refusal(one, two, names, keys, entered, options),
    )
    if found.refused:
        return found
    golden = [one.samples[key] for key in both if one.samples[key].references]
    names_there = [registered(name) for name in (one.scores.primary, *(info.name for info in one.scores.metrics))]
    measure = Measure(names[0], loaded_metric(registered(names[0]), names_there), golden)
    # What a metric takes from all samples of a run must be that of the common ones.
    samples = one.samples if changed or partly else None
    rows = (
        statistics(one.lines, both, names[0], measure, samples),
        statistics(two.lines, both, names[1], measure, samples),
    )
    return _measured(found, one, two, rows, measure, options)


def _refusal(
    one: Run,
    two: Run,
    names: tuple[str, str],
    keys: Sequence[KeyDifference],
    entered: Sequence[str],
    options: CompareOptions,
) -> str:
    """Return why the two runs are not compared, "" where they are."""
    for run, name in zip((one, two), names, strict=True):
        if registered(name) not in METRICS:
            known = ", ".join(info.name for info in run.scores.metrics) or "none"
            return f'{run.label} has no metric "{options.metric or one.scores.primary}"; it has {known}'
    grave = [key.words() for key in keys if key.weight == "refused"]
    if grave and not options.allow_different:
        return f"the recipes differ in {'; '.join(grave)}: --allow-different compares them all the same"
    return "" if entered else "no sample was scored in both runs"


def _measured(
    found: TaskComparison, one: Run, two: Run, rows: tuple[Rows, Rows], measure: Measure, options: CompareOptions
) -> TaskComparison:
    """Return the comparison with its figures and flips."""
    ids = [key for key in rows[0] if key in rows[1]]
    first, second = (np.array([part[key] for key in ids], dtype=np.float64) for part in rows)
    changes = flips_of(one.lines, two.lines, ids, measure, (first, second))
    samples = [one.samples[key] for key in ids]
    codes = cluster_codes([f"cluster {each.cluster}" if each.cluster else f"sample {each.id}" for each in samples])
    asked = (tag for run in (one, two) for tag in (*run.manifest.task.slices, *run.scores.slices))
    tags = list(dict.fromkeys(asked)) if options.slices else []
    ways = _ways(changes, ids)
    figures = []
    for name, mask in slice_masks(samples, tags):
        figure = figure_of(name, first[mask], second[mask], codes[mask], ways[mask], measure, options)
        if figure is not None:
            figures.append(figure)
    both = [[run.lines[key] for key in ids] for run in (one, two)]
    if not figures or figures[0].slice:
        reason = measure.fault or f"{measure.name} is undefined on the common samples"
        return replace(found, refused=reason)
    return replace(
        found,
        figures=tuple(figures),
        flips=changes,
        epochs=(components(tries(both[0])), components(tries(both[1]))),
    )


def _ways(changes: Sequence[Flip], ids: Sequence[str]) -> Floats:
    """Return for each sample 1 for a flip up, -1 for one down, 0 for none."""
    ways = {flip.sample_id: 1.0 if flip.is_gain else -1.0 for flip in changes}
    return np.array([ways.get(key, 0.0) for key in ids])


def figure_of(
    name: str,
    first: Floats,
    second: Floats,
    codes: Integers,
    ways: Floats,
    measure: Measure,
    options: CompareOptions,
) -> Figure | None:
    """Return the comparison of two runs on some samples, by rows (n, k); None where a value is undefined.

    `codes` (n,) tell the clusters, `ways` (n,) the flips: 1 up, -1 down. What needs all figures is not in it yet.
    """
    info = measure.info
    pairs = Pairs(first, second, codes, measure.values, info.proportion, info.higher_is_better)
    paired = paired_difference(pairs, seed=options.seed, level=options.level, resamples=options.resamples)
    if paired is None:
        return None
    return Figure(slice=name, paired=paired, gained=int((ways > 0).sum()), lost=int((ways < 0).sum()))

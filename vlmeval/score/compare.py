"""Runs against a baseline, on the samples that both have: is there a difference, how large is it, and where is it from.

Each task is compared overall and slice by slice. P-values are adjusted after Holm over all tasks and models, those of
slices among themselves. What a pair of runs does not have in common is counted and said; runs whose questions, prompts
or scorers differ are not compared unless that is wanted, and the differing keys are named.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from vlmeval.errors import ConfigError
from vlmeval.score.compare_pair import Run, compare_pair
from vlmeval.score.compare_sides import Side, sides_of
from vlmeval.score.compare_types import CompareOptions, Comparison, Figure, TaskComparison
from vlmeval.score.compare_words import outcome_of, verdict
from vlmeval.stats.holm import holm
from vlmeval.stats.power import detectable, samples_for
from vlmeval.store.layout import RunFolder
from vlmeval.types import MetricInfo

__all__ = ["CompareOptions", "Comparison", "Figure", "Side", "TaskComparison", "compare_runs", "sides_of"]


def compare_runs(sides: Sequence[Side], *, baseline: int = 0, options: CompareOptions | None = None) -> Comparison:
    """Return every other side against `sides[baseline]`, on each task that both have; the runs are to be scored.

    Raises ConfigError for fewer than two sides or without a common task, JournalError for a run that cannot be read.
    """
    settings = options or CompareOptions()
    if len(sides) < 2:
        raise ConfigError("nothing to compare with: name two runs or more, or a folder with the runs of two models")
    base = sides[baseline]
    others = [side for place, side in enumerate(sides) if place != baseline]
    read: dict[RunFolder, Run] = {}
    found = []
    for side in others:
        for one, two in base.pairs(side):
            read[one] = read.get(one) or Run.of(one, base.label)
            found.append(compare_pair(read[one], Run.of(two, side.label), settings))
    unpaired = tuple(dict.fromkeys(line for side in others for line in base.unpaired(side)))
    if not found:
        raise ConfigError(f"the runs have no task in common: {'; '.join(unpaired)}")
    return Comparison(
        baseline=base.label,
        models=tuple(side.label for side in others),
        options=settings,
        tasks=tuple(concluded(found, settings)),
        unpaired=unpaired,
    )


def concluded(found: Sequence[TaskComparison], options: CompareOptions) -> list[TaskComparison]:
    """Return the comparisons with adjusted p-values, what could have been shown, and verdicts.

    What could have been shown is at the level of the first of Holm's steps: `alpha` over the number of overall figures.
    """
    places = [(task, place) for task, one in enumerate(found) for place in range(len(one.figures))]
    adjusted: dict[tuple[int, int], float] = {}
    families = ([one for one in places if one[1] == 0], [one for one in places if one[1] > 0])
    for family in families:
        tested = [(one, found[one[0]].figures[one[1]].paired.p) for one in family]
        known = [(one, p) for one, p in tested if p is not None]
        adjusted |= zip((one for one, _ in known), holm([p for _, p in known]).tolist(), strict=True)
    results = []
    for task, one in enumerate(found):
        ways = ("right", "wrong") if all(flip.to in ("right", "wrong") for flip in one.flips) else ("higher", "lower")
        figures = tuple(
            _said(figure, adjusted.get((task, place)), one.metric, options, len(families[place > 0]), ways)
            for place, figure in enumerate(one.figures)
        )
        results.append(replace(one, figures=figures))
    return results


def _said(
    figure: Figure,
    p: float | None,
    info: MetricInfo,
    options: CompareOptions,
    family: int,
    ways: tuple[str, str],
) -> Figure:
    """Return the figure with everything that follows from its statistics and its adjusted p-value."""
    paired, alpha = figure.paired, options.alpha / family
    figure = replace(figure, p=p)
    if paired.error is not None:
        figure = replace(figure, detectable=detectable(paired.error, alpha=alpha))
    if options.difference is not None:
        needed, apart = (
            None
            if error is None
            else samples_for(options.difference / info.scale, error=error, samples=paired.samples, alpha=alpha)
            for error in (paired.error, paired.error_apart)
        )
        figure = replace(figure, needed=needed, needed_apart=apart)
    figure = replace(figure, outcome=outcome_of(figure, options.alpha))
    return replace(figure, verdict=verdict(figure, info, options, ways=ways))

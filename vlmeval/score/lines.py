"""The lines of samples.jsonl: each sample with its passes, as the pages show it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from vlmeval.score.assembly import Case
from vlmeval.score.coverage import is_truncated
from vlmeval.score.sheet import Sheet
from vlmeval.store.results import Pass, ScoredSample


def scored_samples(sheet: Sheet, primary: str) -> Iterator[ScoredSample]:
    """Yield the scored samples in the order of the questions."""
    stats: list[dict[str, tuple[float, ...]]] = [{} for _ in sheet.cases]
    for name, column in sheet.columns.items():
        for place, row in zip(column.places, column.rows, strict=True):
            stats[place][name] = row
    verdicts = right_samples(sheet, primary)
    for place, case in enumerate(sheet.cases):
        sample, right = case.sample, verdicts.get(place)
        yield ScoredSample(
            id=sample.id,
            state=sheet.states[place],
            parts=sample.parts,
            passes=tuple(passes(case, right)),
            references=sample.references,
            choices=sample.choices,
            tags=sample.tags,
            cluster=sample.cluster,
            right=right,
            truncated=any(map(is_truncated, case.outcomes.values())),
            stats=stats[place],
        )


def right_samples(sheet: Sheet, primary: str) -> dict[int, bool]:
    """Return by place whether a sample is right: its own value of the primary metric is 1.

    Where the primary metric is no share of right samples (F1, a sum of scores), the first other metric that is one
    tells. Empty without any.
    """
    columns = [sheet.columns[primary]] if primary in sheet.columns else []
    columns += [column for name, column in sheet.columns.items() if name != primary]
    column = next((one for one in columns if one.rows and one.measure.info.proportion), None)
    if column is None:
        return {}
    values = column.measure.values(np.array(column.rows))
    return dict(zip(column.places, (values == 1.0).tolist(), strict=True))


def passes(case: Case, right: bool | None) -> Iterator[Pass]:
    """Yield the passes of a case in the order they are asked; `right` is the verdict on the whole sample."""
    answers = {answer.variant: answer for answer in case.answers}
    prompts = {request.variant: request for request in case.requests}
    for variant in prompts or answers:
        request, answer = prompts.get(variant), answers.get(variant)
        if answer is None or not case.sample.references:
            hit = None
        elif case.sample.choices:
            hit = answer.value in case.sample.references
        else:
            hit = right if len(answers) == 1 else None
        yield Pass(
            variant=variant,
            prompt=request.parts if request else case.sample.parts,
            outcome=case.outcomes.get(variant),
            system=request.system if request else None,
            shown=case.shown.get(variant, ()),
            value=answer.value if answer else None,
            rule=answer.rule if answer else "",
            right=hit,
            judge=case.verdicts.get(variant),
        )

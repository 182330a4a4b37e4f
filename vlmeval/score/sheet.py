"""Which samples count, and what for: states in, columns of statistics out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from vlmeval.score.assembly import Case
from vlmeval.score.estimates import Column
from vlmeval.score.measure import Measure, filled
from vlmeval.score.states import absent_variants, state_of
from vlmeval.store.results import ErrorPolicy
from vlmeval.types import Answer, State

REPLIED = ("answered", "unparsed")


@dataclass(frozen=True, slots=True)
class Sheet:
    """The run as a table. `entered[i]`: case i counts. `cut_short`: samples that lack passes, by metric."""

    cases: Sequence[Case]
    states: Sequence[State]
    entered: Sequence[bool]
    columns: Mapping[str, Column]
    cut_short: Counter[str] = field(default_factory=Counter)

    @property
    def faults(self) -> list[str]:
        """Why metrics have no figure, where one broke."""
        return [column.measure.fault for column in self.columns.values() if column.measure.fault]


def fill_sheet(cases: Sequence[Case], measures: Mapping[str, Measure], *, primary: str, errors: ErrorPolicy) -> Sheet:
    """Return the sheet of all cases.

    Under `errors="wrong"` a sample without its replies counts as not right; otherwise it is left out. A group that the
    file gives incompletely, a sample without gold, and one that a judge was to score and did not, is left out always.
    A metric for which passes left out early would have mattered gets an empty column.
    """
    judge = measures.get(primary)
    states: list[State] = [
        "unparsed"
        if case.unscored and any(answer.value is None for answer in case.answers)
        else state_of(case.sample, case.requests, case.outcomes, case.answers, settled=case.settled, primary=judge)
        for case in cases
    ]
    entered = [
        case.whole and not case.unscored and bool(case.sample.references) and (state in REPLIED or errors == "wrong")
        for case, state in zip(cases, states, strict=True)
    ]
    sheet = Sheet(cases, states, entered, {name: Column(measure) for name, measure in measures.items()})
    for place, (case, state) in enumerate(zip(cases, states, strict=True)):
        if entered[place]:
            _enter(sheet, place, case, state)
    for name in sheet.cut_short:
        sheet.columns[name].clear()
    samples = [case.sample for case in cases]
    for column in sheet.columns.values():
        column.spread(samples)
    for column in sheet.columns.values():
        if column.measure.fault:
            column.clear()
    return sheet


def _enter(sheet: Sheet, place: int, case: Case, state: State) -> None:
    absent = absent_variants(case.requests, case.answers)
    answers: Sequence[Answer] = case.answers
    if state not in REPLIED:
        answers, absent = filled(case.requests, case.answers, absent, None, rule=state), set()
    for name, column in sheet.columns.items():
        if absent and not column.measure.decided(case.sample, case.requests, case.answers, absent):
            sheet.cut_short[name] += 1
            continue
        row = column.measure.stats(case.sample, answers)
        if row is not None:
            column.add(place, row)

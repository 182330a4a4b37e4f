"""Which samples count, and what for: states in, columns of statistics out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from vlmeval.score.assembly import ERROR, NOT_ASKED, Case
from vlmeval.score.estimates import Column
from vlmeval.score.measure import Measure, filled
from vlmeval.score.states import absent_variants, state_of
from vlmeval.store.results import ErrorPolicy
from vlmeval.types import Answer, Batch, State

REPLIED = ("answered", "unparsed")
JUDGE_FAILURES = (ERROR, NOT_ASKED)


@dataclass(frozen=True, slots=True)
class Sheet:
    """The run as a table. `entered[i]`: case i counts. `cut_short`: samples that lack passes, by metric.

    `remarks` is what the metrics say beside their figures.
    """

    cases: Sequence[Case]
    states: Sequence[State]
    entered: Sequence[bool]
    columns: Mapping[str, Column]
    cut_short: Counter[str] = field(default_factory=Counter)
    remarks: list[str] = field(default_factory=list)

    @property
    def faults(self) -> list[str]:
        """Why metrics have no figure, where one broke."""
        return [column.measure.fault for column in self.columns.values() if column.measure.fault]

    @property
    def lacks(self) -> dict[str, str]:
        """What metrics need that is not here, by name: they are not computed."""
        return {name: column.measure.lack for name, column in self.columns.items() if column.measure.lack}


def fill_sheet(cases: Sequence[Case], measures: Mapping[str, Measure], *, primary: str, errors: ErrorPolicy) -> Sheet:
    """Return the sheet of all cases.

    Under `errors="wrong"` a sample without its replies counts as not right; otherwise it is left out. A group that the
    file gives incompletely, a sample without gold, and one that a judge was to score and did not, is left out always.
    A metric for which passes left out early would have mattered gets an empty column.
    """
    judge = measures.get(primary)
    states = [_state(case, judge) for case in cases]
    entered = [
        case.whole and not case.unscored and bool(case.sample.references) and (state in REPLIED or errors == "wrong")
        for case, state in zip(cases, states, strict=True)
    ]
    sheet = Sheet(cases, states, entered, {name: Column(measure) for name, measure in measures.items()})
    said = {
        place: _answers(sheet, case, state)
        for place, (case, state) in enumerate(zip(cases, states, strict=True))
        if entered[place]
    }
    _fill_columns(sheet, said)
    for name in sheet.cut_short:
        sheet.columns[name].clear()
    samples = [case.sample for case in cases]
    for column in sheet.columns.values():
        column.spread(samples)
    for column in sheet.columns.values():
        if column.measure.fault:
            column.clear()
    return sheet


def _state(case: Case, primary: Measure | None) -> State:
    """Return the state of a case; where a judge was to decide it, one of the judge's."""
    if case.unscored and any(answer.value is None for answer in case.answers):
        state: State = "unparsed"
    else:
        state = state_of(case.sample, case.requests, case.outcomes, case.answers, settled=case.settled, primary=primary)
    lost = any(answer.rule in JUDGE_FAILURES for answer in case.answers)
    return "judge_error" if state == "unparsed" and lost else state


def _answers(sheet: Sheet, case: Case, state: State) -> Sequence[Answer]:
    """Return the answers of a case that counts; note for which metrics one that was left out would have mattered."""
    absent = absent_variants(case.requests, case.answers)
    if state not in REPLIED:
        return filled(case.requests, case.answers, absent, None, rule=state)
    for name, column in sheet.columns.items():
        if absent and not column.measure.decided(case.sample, case.requests, case.answers, absent):
            sheet.cut_short[name] += 1
    return case.answers


def _fill_columns(sheet: Sheet, said: Mapping[int, Sequence[Answer]]) -> None:
    """Enter the statistics of the cases that have something to say, metric by metric.

    Samples with references and nothing to say are given too: they are part of the corpus that is scored.
    """
    places = [place for place, case in enumerate(sheet.cases) if case.sample.references]
    batch = Batch([sheet.cases[place].sample for place in places], [said.get(place, ()) for place in places])
    for column in sheet.columns.values():
        for place, row in zip(places, column.measure.stats_many(batch), strict=True):
            if row is not None:
                column.add(place, row)
    said_of_it = [remark for column in sheet.columns.values() for remark in column.measure.remarks(batch)]
    sheet.remarks.extend(dict.fromkeys(said_of_it))

"""The scored samples of two runs, side by side: which enter a comparison, which do not and why, and which flip.

A flip is a sample that one run has right and the other wrong; where the metric has no right and wrong, one whose own
value differs. Its cause is the first thing that differs on the way from the question to the verdict.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import msgspec
import numpy as np

from vlmeval.data.variants import EPOCH, by_epoch
from vlmeval.errors import JournalError
from vlmeval.score.measure import Measure
from vlmeval.stats.clusters import Floats
from vlmeval.store.layout import RunFolder
from vlmeval.store.lines import Lines
from vlmeval.types import Answer, Batch, Outcome, Output, Sample, State

Cause = Literal["prompt differs", "state differs", "reply differs", "extraction differs", "scoring differs"]
Direction = Literal["right", "wrong", "higher", "lower"]
CAUSES: tuple[Cause, ...] = (
    "prompt differs", "state differs", "reply differs", "extraction differs", "scoring differs",
)  # fmt: skip
NOTHING = msgspec.Raw(b"null")


class Seen(msgspec.Struct, frozen=True):
    """One pass of a scored sample; the prompt is kept as its JSON."""

    variant: str
    prompt: msgspec.Raw
    outcome: Outcome | None
    system: str | None = None
    shown: tuple[str, ...] = ()
    value: str | tuple[str, ...] | None = None
    rule: str = ""
    right: bool | None = None

    @property
    def reply(self) -> object:
        """The model's words, None where there are none; of vectors, which have no words, what was found with them."""
        if isinstance(self.outcome, Output):
            return self.outcome.text
        return self.value if self.outcome is None and self.rule else None


class Line(msgspec.Struct, frozen=True):
    """What a comparison needs of a line of samples.jsonl."""

    id: str
    state: State
    parts: msgspec.Raw
    passes: tuple[Seen, ...]
    references: tuple[str, ...] = ()
    choices: msgspec.Raw = NOTHING
    tags: dict[str, str] = {}
    cluster: str = ""
    right: bool | None = None
    stats: dict[str, tuple[float, ...]] = {}

    def says(self) -> tuple[object, ...]:
        """Return what the sample says: question, images by digest, choices, gold."""
        return bytes(self.parts), bytes(self.choices), self.references

    def asked(self) -> list[tuple[object, ...]]:
        """Return the prompts as sent."""
        return [(one.variant, bytes(one.prompt), one.system, one.shown) for one in self.passes]

    def answers(self) -> tuple[Answer, ...]:
        """Return one answer for each pass; one without a reply has no value."""
        return tuple(Answer(one.variant, one.value, one.rule or self.state) for one in self.passes)


@dataclass(frozen=True, slots=True)
class Flip:
    """A sample on which the model differs from the baseline. `to` is "right" or "wrong", else "higher" or "lower".

    `baseline` and `model` are what was read in the replies, a pass after the other, None for unparsed.
    """

    sample_id: str
    to: Direction
    cause: Cause
    baseline_state: State
    model_state: State
    baseline: tuple[str | None, ...]
    model: tuple[str | None, ...]

    @property
    def is_gain(self) -> bool:
        """Whether the model has what the baseline has not."""
        return self.to in ("right", "higher")


@dataclass(frozen=True, slots=True)
class Common:
    """How many samples a comparison is made on. `samples` are in both runs, `entered` scored in both.

    `only_baseline`, `only_model`: in one run only. The states count samples that are in both and were not scored there.
    """

    samples: int
    entered: int
    only_baseline: int
    only_model: int
    baseline_states: dict[str, int]
    model_states: dict[str, int]


def read_lines(folder: RunFolder) -> dict[str, Line]:
    """Return the scored samples of a run by id. Raises JournalError where it has none, or a line is damaged."""
    remedy = "score the run again: vlmeval score"
    found = {line.id: line for line in Lines(folder.samples, Line, remedy=remedy)}
    if not found:
        raise JournalError(f"{folder.samples}: no scored samples; {remedy} {folder.path}")
    return found


def statistics(
    lines: Mapping[str, Line], ids: Sequence[str], name: str, measure: Measure, samples: Mapping[str, Sample] | None
) -> dict[str, tuple[float, ...]]:
    """Return the statistics of metric `name` by sample, for those of `ids` that entered.

    With `samples` they are computed anew from the answers: what a metric takes from all samples of a run (categories,
    groups, document frequencies) is then that of `ids` alone, so that two runs over different samples can be added up.
    """
    rows = [lines[one].stats.get(name) for one in ids]
    if samples is not None:
        asked = [samples[one] for one in ids]
        answers = [() if row is None else lines[one].answers() for one, row in zip(ids, rows, strict=True)]
        rows = list(measure.spread(asked, measure.stats_many(Batch(asked, answers))))
    return {one: row for one, row in zip(ids, rows, strict=True) if row is not None}


def common_of(
    one: Mapping[str, Line],
    two: Mapping[str, Line],
    both: Sequence[str],
    entered: Sequence[str],
    names: tuple[str, str],
) -> Common:
    """Return the counts of a comparison by the metrics `names`; `both` are in both runs, `entered` of them scored."""
    return Common(
        samples=len(both),
        entered=len(entered),
        only_baseline=len(one) - len(both),
        only_model=len(two) - len(both),
        baseline_states=absent_states(one[key] for key in both if names[0] not in one[key].stats),
        model_states=absent_states(two[key] for key in both if names[1] not in two[key].stats),
    )


def absent_states(lines: Iterable[Line]) -> dict[str, int]:
    """Return how many samples ended in each state, sorted by name."""
    return dict(sorted(Counter("not scored" if line.state == "answered" else line.state for line in lines).items()))


def flips_of(
    one: Mapping[str, Line], two: Mapping[str, Line], ids: Sequence[str], measure: Measure, rows: tuple[Floats, Floats]
) -> tuple[Flip, ...]:
    """Return the flips among `ids`, whose statistics are `rows`, in their order."""
    verdicts = [(one[key].right, two[key].right) for key in ids]
    if all(first is not None and second is not None for first, second in verdicts):
        before, after = (np.array([pair[side] for pair in verdicts], dtype=np.float64) for side in (0, 1))
        names: tuple[Direction, Direction] = ("right", "wrong")
    else:
        before, after = measure.values(rows[0]), measure.values(rows[1])
        names = ("higher", "lower")
    changed = np.flatnonzero(np.isfinite(before) & np.isfinite(after) & (np.abs(after - before) > 1e-12))
    return tuple(
        Flip(
            sample_id=ids[place],
            to=names[0] if after[place] > before[place] else names[1],
            cause=cause_of(one[ids[place]], two[ids[place]]),
            baseline_state=one[ids[place]].state,
            model_state=two[ids[place]].state,
            baseline=tuple(read_value(seen.value) for seen in one[ids[place]].passes),
            model=tuple(read_value(seen.value) for seen in two[ids[place]].passes),
        )
        for place in changed.tolist()
    )


def cause_of(one: Line, two: Line) -> Cause:
    """Return why two verdicts on one sample differ.

    Equal replies to equal prompts can only have been read otherwise (extraction) or weighed otherwise (scoring: another
    gold, judge or metric). Where the replies differ and one of them left its sample unread, the state says more.
    """
    if one.asked() != two.asked():
        return "prompt differs"
    if [seen.reply for seen in one.passes] == [seen.reply for seen in two.passes]:
        same = [seen.value for seen in one.passes] == [seen.value for seen in two.passes]
        return "scoring differs" if same else "extraction differs"
    return "state differs" if one.state != two.state else "reply differs"


def read_value(value: str | tuple[str, ...] | None) -> str | None:
    """Return a parsed value as one text."""
    return ", ".join(value) if isinstance(value, tuple) else value


def tries(lines: Iterable[Line]) -> list[list[float]]:
    """Return for each sample asked in several epochs whether each try was right: all its passes; () without epochs.

    A try with an unanswered pass is left out.
    """
    found = []
    for line in lines:
        epochs = by_epoch(seen for seen in line.passes if seen.variant.startswith(EPOCH))
        own = [
            float(all(seen.right for seen in epoch))
            for epoch in epochs
            if all(seen.right is not None for seen in epoch)
        ]
        if own:
            found.append(own)
    return found

"""A run folder, put together: each sample with its requests as they are asked today, and what was answered to those.

A record counts if its key is that of the rebuilt request; else prompt, image or settings have changed since, and the
record is stale: left out and counted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import msgspec

from vlmeval.errors import JournalError
from vlmeval.kinds import judge
from vlmeval.kinds.letters import LETTERS
from vlmeval.score.states import usable
from vlmeval.store.journal import read_records
from vlmeval.store.layout import RunFolder
from vlmeval.store.questions import read_questions
from vlmeval.types import Answer, Outcome, Output, Record, Request, Sample, TaskKind

NOT_ASKED, ERROR = "judge_missing", "judge_error"
"""The rules of replies that a judge was to read or score: it was not asked about them, or its call failed."""

Journal = dict[str, dict[str, Record]]


@runtime_checkable
class Embeds(Protocol):
    """A kind whose answers come from vectors, where `embeds` is true."""

    embeds: bool


@runtime_checkable
class Displays(Protocol):
    """A kind that shows choices in an order of its own."""

    def shown(self, sample: Sample, variant: str) -> tuple[str, ...]:
        """Return the choices, as letters of the sample's order, behind the displayed letters A, B, ..."""
        ...


@runtime_checkable
class Groups(Protocol):
    """A kind whose samples are groups of passes that a file may give incompletely."""

    def expected_passes(self, sample: Sample) -> int:
        """Return how many passes the sample should have."""
        ...


DRAWN = "official-random"
"""The rule of an answer that the policy "official" guessed."""


@runtime_checkable
class Draws(Protocol):
    """A kind whose official program guesses in a stream that can be had again, in the order of the data."""

    def draws(self) -> Callable[[Sample], str] | None:
        """Return what gives the next guess for a sample, None where there is no such stream."""
        ...


@runtime_checkable
class Parses(Protocol):
    """A kind that reads replies by rules of its own; `parser` is their version, part of every signature."""

    parser: str


@dataclass(frozen=True, slots=True)
class Case:
    """A sample with the evidence on it. `outcomes`, `shown` and `verdicts` (the judge's words) are by variant.

    `unscored`: a judge is what scores its kind, and there is none, or none of its scores for a reply.
    """

    sample: Sample
    requests: tuple[Request, ...]
    outcomes: dict[str, Outcome]
    answers: tuple[Answer, ...]
    shown: dict[str, tuple[str, ...]]
    verdicts: dict[str, str]
    settled: bool
    whole: bool
    unscored: bool = False


@dataclass(frozen=True, slots=True)
class Assembly:
    """All cases, in the order of the questions; `stale` records; unparsed answers that the judge has not read.

    `scored`: a judge is what scores the kind.
    """

    cases: tuple[Case, ...]
    stale: int = 0
    unjudged: int = 0
    scored: bool = False


def samples_of(folder: RunFolder) -> list[Sample]:
    """Return the samples as asked. Raises JournalError for a damaged file or an id that occurs twice."""
    samples: dict[str, Sample] = {}
    for number, sample in enumerate(read_questions(folder.questions), start=1):
        if sample.id in samples:
            raise JournalError(
                f'{folder.questions}, line {number}: the id "{sample.id}" occurs twice; start anew with --fresh'
            )
        samples[sample.id] = sample
    return list(samples.values())


def assemble(folder: RunFolder, kind: TaskKind, samples: Sequence[Sample], *, judge_name: str | None) -> Assembly:
    """Return the cases of a run. Raises JournalError for a damaged journal."""
    if isinstance(kind, Embeds) and kind.embeds:
        from vlmeval.score.vectors import vector_answers

        found = vector_answers(folder, kind, samples)
        return Assembly(tuple(_ranked(sample, kind.requests(sample), found.get(sample.id, ())) for sample in samples))
    journal = latest(read_records(folder.outputs))
    bench = Bench(kind, latest(read_records(folder.judge)), judge_name)
    cases = tuple(bench.case(sample, journal.get(sample.id, {})) for sample in samples)
    records = sum(map(len, journal.values()))
    return Assembly(cases, records - sum(len(case.outcomes) for case in cases), bench.unjudged, bench.scored)


def latest(records: Iterable[Record]) -> Journal:
    """Return the last record of each (sample id, variant)."""
    journal: Journal = {}
    for record in records:
        journal.setdefault(record.sample_id, {})[record.variant] = record
    return journal


class Bench:
    """Rebuilds the requests of one sample after the other and hears the journal, then the judge."""

    def __init__(self, kind: TaskKind, verdicts: Journal, judge_name: str | None) -> None:
        self.unjudged = 0
        self._kind = kind
        self._displays = kind if isinstance(kind, Displays) else None
        self._groups = kind if isinstance(kind, Groups) else None
        self._verdicts = verdicts
        self._judge_name = judge_name
        self._scores = kind if isinstance(kind, judge.Scored) else None
        self._draw = kind.draws() if isinstance(kind, Draws) else None

    @property
    def scored(self) -> bool:
        """Whether a judge is what scores the kind."""
        return self._scores is not None

    def case(self, sample: Sample, records: Mapping[str, Record]) -> Case:
        """Return the case of one sample from its records by variant."""
        requests = tuple(one if one.key else one.keyed() for one in self._kind.requests(sample))
        outcomes = {
            request.variant: records[request.variant].outcome
            for request in requests
            if request.variant in records and records[request.variant].key == request.key
        }
        replies = usable(outcomes)
        answers = self._kind.answers(sample, replies)
        if self._draw is not None:
            draw = self._draw
            answers = tuple(
                msgspec.structs.replace(one, value=draw(sample)) if one.rule == DRAWN else one for one in answers
            )
        displays = self._displays
        shown = {one.variant: displays.shown(sample, one.variant) for one in requests} if displays else {}
        words: dict[str, str] = {}
        if self._judge_name and self._scores is not None:
            words, answers = self._scored(sample, replies, answers, self._scores)
        elif self._judge_name and any(answer.value is None for answer in answers):
            words, answers = self._judged(sample, replies, answers, shown)
        return Case(
            sample=sample,
            requests=requests,
            outcomes=outcomes,
            answers=answers,
            shown=shown,
            verdicts=words,
            settled=len(replies) < len(requests) and self._kind.settled(sample, replies),
            whole=self._groups is None or len(requests) >= self._groups.expected_passes(sample),
            unscored=self.scored and (not self._judge_name or any(answer.value is None for answer in answers)),
        )

    def _scored(
        self, sample: Sample, replies: Mapping[str, Output], answers: tuple[Answer, ...], kind: judge.Scored
    ) -> tuple[dict[str, str], tuple[Answer, ...]]:
        """Return the judge's words by variant, and the answers with its scores as values, None where it gave none."""
        words: dict[str, list[str]] = {}
        read: dict[str, list[Answer]] = {}
        for request in kind.judge_requests(sample, replies):
            variant = judge.reply_of(request.variant)
            said = self._said(sample, request)
            if isinstance(said, Output):
                words.setdefault(variant, []).append(said.text)
                found = kind.scored(variant, said.text)
            else:
                found = Answer(variant, None, said)
            read.setdefault(variant, []).append(found)
        scored = {variant: self._mean(variant, found) for variant, found in read.items()}
        return joined(words), tuple(scored.get(answer.variant, answer) for answer in answers)

    def _said(self, sample: Sample, request: Request) -> Output | str:
        """Return the judge's words about a request; the rule of its failure where there are none."""
        record = self._verdicts.get(sample.id, {}).get(request.variant)
        if record is None or record.key != request.key:
            return NOT_ASKED
        return usable({"": record.outcome}).get("", ERROR)

    def _mean(self, variant: str, found: Sequence[Answer]) -> Answer:
        """Return the mean of a reply's scores; the first reason where one of them is missing: no mean of fewer."""
        values = [answer.value for answer in found if answer.value is not None]
        if len(values) < len(found):
            return next(answer for answer in found if answer.value is None)
        return Answer(variant, judge.averaged(values), f"judge:{self._judge_name}")

    def _judged(
        self,
        sample: Sample,
        replies: Mapping[str, Output],
        answers: tuple[Answer, ...],
        shown: Mapping[str, tuple[str, ...]],
    ) -> tuple[dict[str, str], tuple[Answer, ...]]:
        """Return the judge's words by variant, and the answers with what it read in the unparsed ones."""
        words: dict[str, str] = {}
        read: dict[str, Answer] = {}
        for request in judge.requests(sample, replies, answers, kind=self._kind):
            said = self._said(sample, request)
            if not isinstance(said, Output):
                self.unjudged += 1
                read[request.variant] = Answer(request.variant, None, said)
                continue
            words[request.variant] = said.text
            found = self._verdict(sample, request.variant, words[request.variant], shown)
            rule = f"judge:{self._judge_name}" if found.value is not None else found.rule
            read[request.variant] = Answer(request.variant, found.value, rule)
        return words, tuple(read.get(answer.variant, answer) for answer in answers)

    def _verdict(self, sample: Sample, variant: str, words: str, shown: Mapping[str, tuple[str, ...]]) -> Answer:
        """Return what the judge's words stand for: a letter in the order of the sample, or what the kind reads."""
        if not sample.choices and isinstance(self._kind, judge.Extracted):
            return self._kind.judged(sample, variant, words)
        letters = shown[variant]
        found = judge.verdict(words, letters)
        return Answer(variant, letters[LETTERS.index(found.letter)] if found.letter else None, found.rule)


def joined(words: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Return a judge's words by reply; those of several epochs are numbered."""
    return {
        variant: said[0] if len(said) == 1 else "\n\n".join(f"[{at}] {text}" for at, text in enumerate(said, start=1))
        for variant, said in words.items()
    }


def _ranked(sample: Sample, requests: tuple[Request, ...], answers: tuple[Answer, ...]) -> Case:
    return Case(sample, requests, {}, answers, {}, {}, settled=False, whole=True)

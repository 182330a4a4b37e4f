"""Multiple choice: CircularEval, single pass, or by likelihood; and open questions among them (MMMU).

An answer's value is the letter in the order of the sample's choices, whatever letter stood there when it was asked.
What cannot be read is unparsed. `policy = "official"` turns it into a guess as official scorers do, under the rule
"official-random". Where the official program's guesses can be had again (`draws`), the scorer takes those; else the
guess depends on seed, sample and pass only, so the order of samples changes nothing.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Mapping
from typing import Annotated, Literal

import msgspec
from msgspec import Struct

from vlmeval import jsonio
from vlmeval.data.task import Task
from vlmeval.data.variants import repeated
from vlmeval.errors import ConfigError
from vlmeval.kinds.extractors import Extractor, rule_of, version_of
from vlmeval.kinds.letters import LETTERS
from vlmeval.kinds.modes import Mode
from vlmeval.kinds.prompt import find_open_style, find_style, render, render_options
from vlmeval.kinds.rotation import FIRST, Pass, displayed, expected_passes, offered, order_of, passes, wordings
from vlmeval.kinds.short import open_answer, seeded
from vlmeval.kinds.weighing import most_likely, weighed
from vlmeval.types import Answer, Outcome, Output, Part, Request, Sample


class ChoiceOptions(Struct, frozen=True, forbid_unknown_fields=True):
    """The settings of a task of kind "choice".

    `stop_early` leaves out the passes after the first wrong one: same circular score, fewer calls, no `vanilla_all`.
    `extractor` names the rule that reads replies (`kinds.extractors`); all but our own follow official programs.
    `official` is the one that `policy = "official"` reads with, "" for `extractor`.
    `epochs`: how often each question is asked, with all its passes. `mode`: whether text is asked for, or letters or
    wordings are weighed (`kinds.weighing`).
    """

    circular: bool = True
    stop_early: bool = False
    mode: Mode = "generate"
    policy: Literal["honest", "official"] = "honest"
    language: Literal["en", "zh"] = "en"
    extractor: Extractor = "vlmeval"
    official: Extractor | Literal[""] = ""
    seed: int = 42
    epochs: Annotated[int, msgspec.Meta(ge=1)] = 1


class ChoiceKind:
    """How a choice question is asked and what a reply to it means.

    `sequential`: passes are asked one after another, because the outcome of one decides whether the next is needed.
    `needs_option_tokens`: likelihoods are divided by a number of tokens, which the model must count.
    `undefined_metrics`: metrics that need passes which this task may leave out. `parser`: what reads the replies, for
    signatures.
    """

    flags = frozenset({"epochs", "judge", "mode", "policy", "stop_early"})

    def __init__(self, task: Task) -> None:
        self.options = jsonio.convert(task.options, ChoiceOptions, where=f"task {task.name}, [options]")
        self.sequential = self.options.circular and self.options.stop_early
        self.undefined_metrics: tuple[str, ...] = ("vanilla_all",) if self.sequential else ()
        self._task = task
        self._style = find_style(task, "official", language=self.options.language)
        self._open_style = find_open_style(task, "official", language=self.options.language)
        official = self.options.official if self.options.policy == "official" else ""
        self._extractor: Extractor = official or self.options.extractor
        self._extract = rule_of(self._extractor)
        self.parser = version_of(self._extractor)
        self.needs_option_tokens = self.options.mode == "likelihood-text-tokens"
        if self.options.epochs > 1 and (self.sequential or self.options.mode != "generate"):
            setting = "stop_early" if self.sequential else f'mode = "{self.options.mode}"'
            raise ConfigError(f"task {task.name}: {setting} does not go with several epochs; leave one of them out")

    def requests(self, sample: Sample) -> tuple[Request, ...]:
        """Return one request per pass and epoch. In likelihood mode a model weighs the displayed letters.

        A sample without choices is an open question: one request an epoch, "rot0".
        """
        asked = {one.variant: self._pass_request(sample, one) for one in self._passes(sample)}
        if not asked:
            asked = {
                FIRST: self._request(sample, render(self._open_style, {**sample.fields, "question": sample.parts}))
            }
        return tuple(
            msgspec.structs.replace(asked[one], variant=variant, sampling=seeded(self._task.sampling, epoch)).keyed()
            for epoch, one, variant in repeated(tuple(asked), self.options.epochs)
        )

    def answers(self, sample: Sample, outcomes: Mapping[str, Outcome]) -> tuple[Answer, ...]:
        """Return one answer for each pass with an `Output`, in the order of `requests`."""
        found = ((variant, outcomes.get(variant)) for variant in self._variants(sample))
        return tuple(
            self._answer(sample, variant, outcome) for variant, outcome in found if isinstance(outcome, Output)
        )

    def settled(self, sample: Sample, outcomes: Mapping[str, Outcome]) -> bool:
        """Tell whether a pass already went wrong, so that with `stop_early` the others need not be asked.

        A reply that was not read settles nothing: a judge may still find it right.
        """
        if not (self.sequential and sample.choices and sample.references):
            return False
        read = (answer.value for answer in self.answers(sample, outcomes) if answer.value is not None)
        return any(value not in sample.references for value in read)

    def draws(self) -> Callable[[Sample], str] | None:
        """Return the official program's own stream of guesses, to be taken in the order of the data; None without one.

        MMMU's program seeds Python's generator with 42 and draws among the letters of each question it cannot read
        (MMMU-Benchmark/MMMU mmmu/utils/eval_utils.py), so a guess depends on what was read before it.
        """
        if self.options.policy != "official" or self._extractor != "mmmu":
            return None
        generator = random.Random(self.options.seed)  # noqa: S311 the official program's generator
        return lambda sample: LETTERS[generator.choice(offered(sample))]

    def shown(self, sample: Sample, variant: str) -> tuple[str, ...]:
        """Return the choice (letter of the sample's order) behind each displayed letter A, B, ..; "" where none is."""
        if not sample.choices:
            return ()
        order = order_of(sample, variant)
        return tuple(LETTERS[index] if sample.choices[index] else "" for index in order)

    def expected_passes(self, sample: Sample) -> int:
        """Return how many passes the sample should have; a group with fewer is incomplete and never a hit."""
        return self.options.epochs * (expected_passes(sample) if self.options.circular and sample.choices else 1)

    def _passes(self, sample: Sample) -> tuple[Pass, ...]:
        return passes(sample, circular=self.options.circular) if sample.choices else ()

    def _variants(self, sample: Sample) -> list[str]:
        names = [one.variant for one in self._passes(sample)] or [FIRST]
        return [variant for _, _, variant in repeated(names, self.options.epochs)]

    def _pass_request(self, sample: Sample, one: Pass) -> Request:
        shown = displayed(sample, one.order)
        parts = render(
            self._style,
            {**sample.fields, "question": sample.parts, "options": render_options(self._style, shown)},
        )
        letters = [letter for letter, _ in shown]
        options = weighed(self.options.mode, letters, _offered_texts(sample, one.order), sample_id=sample.id)
        return self._request(sample, parts, options=options, row=one.row)

    def _request(
        self, sample: Sample, parts: tuple[Part, ...], *, options: tuple[str, ...] = (), row: str = ""
    ) -> Request:
        return Request(sample.id, "", parts, system=self._task.system, options=options, row=row)

    def _answer(self, sample: Sample, variant: str, output: Output) -> Answer:
        if not sample.choices:
            return open_answer(variant, output.text)
        order = order_of(sample, variant)
        if self.options.mode != "generate":
            letters = [letter for letter, _ in displayed(sample, order)]
            found = most_likely(output, letters, _offered_texts(sample, order), mode=self.options.mode)
        else:
            found = self._extract(output.text, wordings(sample, order))
        if found.letter is not None:
            return Answer(variant, LETTERS[order[LETTERS.index(found.letter)]], found.rule)
        if self.options.policy == "official":
            return Answer(variant, guess(sample, variant, self.options.seed), "official-random")
        return Answer(variant, None, found.rule)


def _offered_texts(sample: Sample, order: tuple[int, ...]) -> list[str]:
    """Return the wordings of the displayed options in that order."""
    return [wording for wording in wordings(sample, order) if wording]


def guess(sample: Sample, variant: str, seed: int) -> str:
    """Return a choice drawn uniformly, by the digest of seed, sample and pass: what official scorers do when lost."""
    drawn = hashlib.sha256(f"{seed}\n{sample.id}\n{variant}".encode()).digest()
    candidates = offered(sample)
    return LETTERS[candidates[int.from_bytes(drawn, "big") % len(candidates)]]

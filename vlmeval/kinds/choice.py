"""Multiple choice: CircularEval, single pass, or by likelihood; and open questions among them (MMMU).

An answer's value is the letter in the order of the sample's choices, whatever letter stood there when it was asked.
What cannot be read is unparsed. `policy = "official"` turns it into a guess as official scorers do, under the rule
"official-random". Where the official program's guesses can be had again (`draws`), the scorer takes those; else the
guess depends on seed, sample and pass only, so the order of samples changes nothing.
"""

from __future__ import annotations

import hashlib
import math
import random
from collections.abc import Callable, Mapping, Sequence
from typing import Literal

from msgspec import Struct

from vlmeval import jsonio
from vlmeval.data.task import Task
from vlmeval.kinds import parse
from vlmeval.kinds.letters import LETTERS
from vlmeval.kinds.mmmu import extract_mmmu
from vlmeval.kinds.mmmu_pro import extract_mmmu_pro
from vlmeval.kinds.parse import Extraction
from vlmeval.kinds.prompt import find_open_style, find_style, render, render_options
from vlmeval.kinds.rotation import Pass, displayed, expected_passes, offered, order_of, passes, wordings
from vlmeval.kinds.scienceqa import extract_gpt3, extract_llava
from vlmeval.kinds.short import open_answer
from vlmeval.kinds.vlmevalkit import extract_2024, extract_current
from vlmeval.types import Answer, Outcome, Output, Part, Request, Sample

Extractor = Literal["vlmeval", "vlmevalkit-2024", "vlmevalkit", "mmmu", "mmmu-pro", "llava", "scienceqa-gpt3"]

EXTRACTORS: Mapping[str, Callable[[str, Sequence[str]], Extraction]] = {
    "vlmeval": parse.extract,
    "vlmevalkit-2024": extract_2024,
    "vlmevalkit": extract_current,
    "mmmu": extract_mmmu,
    "mmmu-pro": extract_mmmu_pro,
    "llava": extract_llava,
    "scienceqa-gpt3": extract_gpt3,
}

PARSER = "1"
"""Version of our own extractor: another version may read a reply differently."""


class ChoiceOptions(Struct, frozen=True, forbid_unknown_fields=True):
    """The settings of a task of kind "choice".

    `stop_early` leaves out the passes after the first wrong one: same circular score, fewer calls, no `vanilla_all`.
    `extractor` names the rule that reads replies; all but the default are the official programs', for their figures.
    `official` is the one that `policy = "official"` reads with, "" for `extractor`.
    """

    circular: bool = True
    stop_early: bool = False
    mode: Literal["generate", "likelihood"] = "generate"
    policy: Literal["honest", "official"] = "honest"
    language: Literal["en", "zh"] = "en"
    extractor: Extractor = "vlmeval"
    official: Extractor | Literal[""] = ""
    seed: int = 42


class ChoiceKind:
    """How a choice question is asked and what a reply to it means.

    `sequential`: passes are asked one after another, because the outcome of one decides whether the next is needed.
    `undefined_metrics`: metrics that need passes which this task may leave out. `parser`: what reads the replies, for
    signatures.
    """

    flags = frozenset({"judge", "mode", "policy", "stop_early"})

    def __init__(self, task: Task) -> None:
        self.options = jsonio.convert(task.options, ChoiceOptions, where=f"task {task.name}, [options]")
        self.sequential = self.options.circular and self.options.stop_early
        self.undefined_metrics: tuple[str, ...] = ("vanilla_all",) if self.sequential else ()
        self._task = task
        self._style = find_style(task, "official", language=self.options.language)
        self._open_style = find_open_style(task, "official", language=self.options.language)
        official = self.options.official if self.options.policy == "official" else ""
        self._extractor = official or self.options.extractor
        self._extract = EXTRACTORS[self._extractor]
        self.parser = PARSER if self._extractor == "vlmeval" else self._extractor

    def requests(self, sample: Sample) -> tuple[Request, ...]:
        """Return one request per pass. In likelihood mode a model weighs the displayed letters.

        A sample without choices is an open question: one request, "rot0".
        """
        if not sample.choices:
            return (
                self._request(sample, "rot0", render(self._open_style, {**sample.fields, "question": sample.parts})),
            )
        return tuple(self._pass_request(sample, one) for one in passes(sample, circular=self.options.circular))

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
        return expected_passes(sample) if self.options.circular and sample.choices else 1

    def _variants(self, sample: Sample) -> tuple[str, ...]:
        if not sample.choices:
            return ("rot0",)
        return tuple(one.variant for one in passes(sample, circular=self.options.circular))

    def _pass_request(self, sample: Sample, one: Pass) -> Request:
        shown = displayed(sample, one.order)
        parts = render(
            self._style,
            {**sample.fields, "question": sample.parts, "options": render_options(self._style, shown)},
        )
        letters = tuple(letter for letter, _ in shown) if self.options.mode == "likelihood" else ()
        return self._request(sample, one.variant, parts, options=letters, row=one.row)

    def _request(
        self, sample: Sample, variant: str, parts: tuple[Part, ...], *, options: tuple[str, ...] = (), row: str = ""
    ) -> Request:
        return Request(
            sample_id=sample.id,
            variant=variant,
            parts=parts,
            sampling=self._task.sampling,
            system=self._task.system,
            options=options,
            row=row,
        ).keyed()

    def _answer(self, sample: Sample, variant: str, output: Output) -> Answer:
        if not sample.choices:
            return open_answer(variant, output.text)
        order = order_of(sample, variant)
        if self.options.mode == "likelihood":
            found = most_likely(output.scores, [letter for letter, _ in displayed(sample, order)])
        else:
            found = self._extract(output.text, wordings(sample, order))
        if found.letter is not None:
            return Answer(variant, LETTERS[order[LETTERS.index(found.letter)]], found.rule)
        if self.options.policy == "official":
            return Answer(variant, guess(sample, variant, self.options.seed), "official-random")
        return Answer(variant, None, found.rule)


def most_likely(scores: Sequence[float], letters: Sequence[str]) -> Extraction:
    """Return the letter with the highest log-likelihood, the first of equals; unparsed without one score per letter."""
    if len(scores) != len(letters) or any(math.isnan(score) for score in scores):
        return Extraction(None, "no_scores")
    return Extraction(letters[max(range(len(letters)), key=lambda index: scores[index])], "likelihood")


def guess(sample: Sample, variant: str, seed: int) -> str:
    """Return a choice drawn uniformly, by the digest of seed, sample and pass: what official scorers do when lost."""
    drawn = hashlib.sha256(f"{seed}\n{sample.id}\n{variant}".encode()).digest()
    candidates = offered(sample)
    return LETTERS[candidates[int.from_bytes(drawn, "big") % len(candidates)]]

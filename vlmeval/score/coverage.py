"""What a score does not cover, counted and said in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from vlmeval.kinds.thinking import spoken
from vlmeval.score.assembly import ERROR, NOT_ASKED, Assembly
from vlmeval.score.lone import lone_image
from vlmeval.score.sheet import Sheet
from vlmeval.store.results import Coverage, ErrorPolicy, Manifest
from vlmeval.types import Estimate, Failure, Output

NAMED = 5
REPLAYED = "replay-"
"""What the name of a judge whose verdicts were recorded begins with."""
TRUNCATED_SHARE = 0.01
"""The share of samples with a reply cut off at the token limit past which a score carries a warning."""
MESSAGE_CHARACTERS = 160
GUESSED = "official-"
"""What the rules of the policy "official" begin with."""
UNSCORED = (ERROR, NOT_ASKED, "judge_unparsed")
"""The rules of replies that a judge was to score and did not."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """`gaps` are the reasons why a score is not complete; `remarks` what else a reader must know."""

    gaps: tuple[str, ...]
    remarks: tuple[str, ...]


def coverage_of(sheet: Sheet, *, expected: int = 0) -> Coverage:
    """Return the counts of all samples. `requests` are those with an outcome, `rules` count answers, not samples.

    A run that was stopped has not noted all `expected` samples: the others are missing.
    """
    unnoted = max(0, expected - len(sheet.cases))
    states = Counter(sheet.states)
    outcomes = [outcome for case in sheet.cases for outcome in case.outcomes.values()]
    return Coverage(
        samples=len(sheet.cases) + unnoted,
        answered=states["answered"],
        unparsed=states["unparsed"],
        judge_error=states["judge_error"],
        refused=states["refused"],
        failed=states["failed"],
        missing=states["missing"] + unnoted,
        truncated=sum(any(map(is_truncated, case.outcomes.values())) for case in sheet.cases),
        requests=len(outcomes),
        rules=counted(answer.rule for case in sheet.cases for answer in case.answers if answer.rule),
        failures=counted(
            outcome.kind if isinstance(outcome, Failure) else "filter"
            for outcome in outcomes
            if isinstance(outcome, Failure) or outcome.finish == "filter"
        ),
        incomplete_groups=tuple(case.sample.id for case in sheet.cases if not case.whole),
        thinking=counted(
            rule
            for outcome in outcomes
            if isinstance(outcome, Output) and outcome.text and (rule := spoken(outcome.text).rule)
        ),
    )


def first_failure(sheet: Sheet) -> str:
    """Return what the first failed request of the data said, on one line."""
    for case in sheet.cases:
        for outcome in case.outcomes.values():
            if isinstance(outcome, Failure):
                message = " ".join(outcome.message.split())
                cut = f"{message[:MESSAGE_CHARACTERS]} ..." if len(message) > MESSAGE_CHARACTERS else message
                return f"the first, sample {case.sample.id}: {cut}"
    return "by a content filter"


def is_truncated(outcome: Output | Failure) -> bool:
    """Tell whether a reply was cut off at the token limit."""
    return isinstance(outcome, Output) and outcome.finish == "length"


def counted(names: Iterable[str]) -> dict[str, int]:
    """Return how often each name occurs, sorted by name: the order of the journal must not show."""
    return dict(sorted(Counter(names).items()))


def verdict_on(
    sheet: Sheet,
    coverage: Coverage,
    estimates: Sequence[Estimate],
    *,
    errors: ErrorPolicy,
    manifest: Manifest,
    assembly: Assembly,
    allow_no_judge: bool = False,
) -> Verdict:
    """Return what keeps the score from being complete, and what else is to be said.

    `allow_no_judge`: that nothing is scored for want of a judge is a remark.
    """
    gaps: list[str] = []
    remarks: list[str] = []
    if not coverage.samples:
        gaps.append("the run has no questions")
    if manifest.state in ("running", "interrupted"):
        gaps.append(f"the run has not come to its end (it is {manifest.state}): the same command continues it")
    if coverage.missing:
        gaps.append(f"{of(coverage.missing, coverage)} not asked to the end: the same command again asks the rest")
    troubled = coverage.failed + coverage.refused
    if troubled:
        kinds = ", ".join(f"{name} {count}" for name, count in coverage.failures.items())
        text = f"{of(troubled, coverage)} failed or refused (requests: {kinds}; {first_failure(sheet)})"
        if errors == "fail":
            gaps.append(f"{text}, left out: {way_out(manifest)}")
        else:
            remarks.append(f"{text}, {'left out' if errors == 'exclude' else 'counted as wrong'}")
    if coverage.incomplete_groups:
        gaps.append(
            f"{of(len(coverage.incomplete_groups), coverage)} in the data with fewer passes than choices, left out: "
            f"{listed(coverage.incomplete_groups)}"
        )
    hidden = sum(not case.sample.references for case in sheet.cases)
    if hidden and sheet.columns:
        gaps.append(f"{of(hidden, coverage)} without a known right answer, not scored")
    if lack := judge_gap(assembly, coverage, manifest.judge):
        (remarks if allow_no_judge and manifest.judge is None else gaps).append(lack)
    silent = 0 if assembly.scored else coverage.rules.get("judge_unparsed", 0)
    if silent:
        remarks.append(f"the judge {manifest.judge} gave no verdict on {silent} replies, left unparsed")
    gaps += sheet.faults
    for name, lack in sheet.lacks.items():
        (gaps if name == manifest.task.primary else remarks).append(f"{name} is not computed: {lack}")
    remarks += sheet.remarks
    known = {estimate.metric for estimate in estimates if not estimate.slice}
    for name, column in sheet.columns.items():
        if name in sheet.cut_short and not column.measure.fault:
            count = sheet.cut_short[name]
            remarks.append(f"{name} is not computed: {count} samples were settled early and lack passes it needs")
        elif name not in known and not column.measure.fault and not column.measure.lack and any(sheet.entered):
            gaps.append(f"{name} is undefined on these samples")
    guesses = sum(count for rule, count in coverage.rules.items() if rule.startswith(GUESSED))
    if guesses:
        remarks.append(f"{guesses} replies that could not be read were answered by guess, as policy official has it")
    if coverage.truncated > TRUNCATED_SHARE * coverage.samples:
        remarks.append(truncation(coverage, manifest))
    if coverage.thinking:
        kinds = ", ".join(f"{rule} {count}" for rule, count in coverage.thinking.items())
        remarks.append(f"reasoning was cut out of {sum(coverage.thinking.values())} replies before reading ({kinds})")
    remarks += lone_image(sheet)
    remarks += manifest.mended
    if assembly.stale:
        remarks.append(f"{assembly.stale} stale answers, to another prompt, image or setting, left out")
    return Verdict(tuple(gaps), tuple(remarks))


def way_out(manifest: Manifest) -> str:
    """Return what can be done about failed requests: a file that holds no answer will hold none the next time."""
    if manifest.recipe.get("model.wrapper") == "replay":
        return "the replayed file has no answer to them, and asking it again gives none; complete it, or --errors wrong"
    return "--retry-errors asks them again"


def truncation(coverage: Coverage, manifest: Manifest) -> str:
    """Return the warning about replies that were cut off at the token limit."""
    share = 100 * coverage.truncated / coverage.samples
    limit = manifest.recipe.get("model.sampling.max_tokens", manifest.task.sampling.max_tokens)
    at = f" of {limit} tokens" if limit is not None else ""
    return (
        f"warning: {of(coverage.truncated, coverage)} ({share:.1f} %) have a reply that was cut off at the limit{at} "
        "and is read as far as it goes: a higher --max-tokens lets them end"
    )


def judge_gap(assembly: Assembly, coverage: Coverage, judge: str | None) -> str:
    """Return what a judge has left unread or unscored, or that it is missing where only it scores; "" for nothing."""
    if assembly.scored and judge is None:
        return "not scored: needs --judge NAME, the model that scores these replies; without it there is no such score"
    if not assembly.scored:
        left = assembly.unjudged
        if not left:
            return ""
        why = ", ".join(f"{rule} {coverage.rules[rule]}" for rule in (ERROR, NOT_ASKED) if rule in coverage.rules)
        lack = f"{left} unparsed replies not read by the judge {judge} ({why}), left out where they decide"
        return f"{lack}{once_more(judge)}"
    rules = {rule: coverage.rules[rule] for rule in UNSCORED if rule in coverage.rules}
    if not rules:
        return ""
    kinds = ", ".join(f"{rule} {count}" for rule, count in rules.items())
    again = once_more(judge) if rules.keys() - {"judge_unparsed"} else ""
    return f"{of(sum(rules.values()), coverage)} without a score of the judge {judge} ({kinds}), left out{again}"


def once_more(judge: str | None) -> str:
    """Return what can be done about a judge's failed calls; recorded verdicts stay what they are."""
    return (
        ""
        if judge is not None and judge.startswith(REPLAYED)
        else ": the same command asks again where the call failed"
    )


def of(count: int, coverage: Coverage) -> str:
    """Return "3 of 100 samples"."""
    return f"{count} of {coverage.samples} samples"


def listed(names: Sequence[str]) -> str:
    """Return the first names, and how many more there are."""
    more = len(names) - NAMED
    return ", ".join(names[:NAMED]) + (f" and {more} more" if more > 0 else "")

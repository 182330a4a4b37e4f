"""Multiple choice against the official scorers' results on recorded outputs: per sample, overall and per category."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from string import ascii_uppercase
from typing import Any

import numpy as np
import pytest

from tests.official.cases import PANDAS_MISSING, REASON, Case, Parity, compares, found_cases, largest_difference
from vlmeval.data.catalog import find_task
from vlmeval.data.task import Task
from vlmeval.kinds import judge
from vlmeval.kinds.choice import ChoiceKind
from vlmeval.metrics.accuracy import Accuracy, Circular, Vanilla, VanillaAll
from vlmeval.metrics.macro import MacroCategory
from vlmeval.types import Answer, Metric, Output, Rotation, Sample

PASS = 1_000_000
TASKS = {
    "mmbench_dev_": "mmbench_dev_en", "ccbench_": "ccbench", "mmstar_": "mmstar", "seedbenchimg_": "seedbench_img",
    "realworldqa_": "realworldqa", "scienceqatest_": "scienceqa_img_test", "scienceqaval_": "scienceqa_img_val",
    "ai2d_": "ai2d", "mmtbenchval_": "mmtbench_val",
}  # fmt: skip
"""The task of a folder, by the prefix of its name."""
FOUND = found_cases(*TASKS)
CASE = pytest.mark.parametrize("case", FOUND, ids=[case.folder.name for case in FOUND])
pytestmark = pytest.mark.skipif(not FOUND, reason=REASON)
GROUPS = ("category", "l2-category", "l2_category")
MOST_DIFFERENCES = 0.03
"""The share of questions in which our own rule may differ on the listed folders; the tasks' default differs on none."""


@dataclass(frozen=True)
class Asked:
    """The samples of a case with the replies by sample and variant."""

    samples: list[Sample]
    replies: dict[str, dict[str, Output]]
    circular: bool

    def answers(self, extractor: str) -> dict[str, tuple[Answer, ...]]:
        options = {"circular": self.circular, "extractor": extractor}
        kind = ChoiceKind(Task("case", "case", "dev", "choice", ("circular",), "circular", options=options))
        return {sample.id: kind.answers(sample, self.replies[sample.id]) for sample in self.samples}

    def hits(self, extractor: str, metric: Metric) -> dict[str, tuple[float, ...]]:
        given = self.answers(extractor)
        found = {sample.id: metric.stats(sample, given[sample.id]) for sample in self.samples}
        return {name: stats for name, stats in found.items() if stats is not None}


def wording(cell: object) -> str:
    """Return a cell as the official program sees it: "" where pandas reads it as missing."""
    text = str(cell) if cell is not None else ""
    return "" if text in PANDAS_MISSING else text


def choices_of(row: dict[str, Any]) -> tuple[str, ...]:
    """Return the options, "" for a lost one; as many as there are letters in use, the answer's included."""
    used = [letter for letter in ascii_uppercase if wording(row.get(letter)) or letter == row["answer"]]
    return tuple(wording(row.get(letter)) for letter in ascii_uppercase[: ascii_uppercase.index(used[-1]) + 1])


def order_in(base: dict[str, Any], row: dict[str, Any]) -> tuple[int, ...]:
    """Return for each displayed option its place in the base row: the gold's first, as options may be worded alike."""
    options, shown = choices_of(base), choices_of(row)
    left = dict(enumerate(options))
    order: dict[int, int] = {}
    if row["answer"] in ascii_uppercase:
        order[ascii_uppercase.index(row["answer"])] = ascii_uppercase.index(base["answer"])
        assert shown[ascii_uppercase.index(row["answer"])] == left.pop(ascii_uppercase.index(base["answer"]))
    for place, option in enumerate(shown):
        if place not in order:
            order[place] = next(index for index, other in left.items() if other == option)
            del left[order[place]]
    return tuple(order[place] for place in range(len(shown)))


def read(case: Case) -> Asked:
    groups: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for row in sorted(case.rows, key=lambda row: int(row["index"])):
        groups[int(row["index"]) % PASS].append(row)
    samples, replies = [], {}
    for group, members in groups.items():
        base, name = members[0], str(group)
        rotations = tuple(Rotation(str(row["index"]), order_in(base, row)) for row in members)
        tags = {key: str(base[key]) for key in (*GROUPS, "bench") if key in base}
        samples.append(
            Sample(name, (str(base["question"]),), (str(base["answer"]),), choices_of(base), tags, rotations=rotations)
        )
        replies[name] = {f"rot{k}": Output(wording(row.get("prediction")) or "nan") for k, row in enumerate(members)}
    return Asked(samples, replies, any(len(members) > 1 for members in groups.values()))


def mean(stats: list[tuple[float, ...]], metric: Metric) -> float:
    return float(metric.value(np.array(stats).sum(0)))


def primary(asked: Asked) -> Metric:
    return Circular() if asked.circular else Accuracy()


def verdicts_of(case: Case) -> dict[str, int]:
    """Return `official_hits`; without any the test is skipped."""
    return official_hits(case) or pytest.skip("the folder has no verdicts per sample")


def official_hits(case: Case) -> dict[str, int]:
    """Return the official hit of each question, whatever the layout of the folder's file."""
    verdicts = case.verdicts.get("hit", case.verdicts)
    return {
        name: int(next(verdict[key] for key in ("hit", "published_hit", "correct") if key in verdict))
        if isinstance(verdict, dict)
        else int(verdict)
        for name, verdict in verdicts.items()
    }


def official_letters(case: Case) -> dict[str, str]:
    """Return the letter that the official rule read in each row, "Z" for none; {} where the folder does not say."""
    if "row_option" in case.verdicts:
        return dict(case.verdicts["row_option"])
    letters = {}
    for name, verdict in case.verdicts.items():
        if isinstance(verdict, dict) and {"opt", "rule_option"} & set(verdict):
            letters[name] = verdict.get("opt") or verdict.get("rule_option") or "Z"
    return letters


def judged_hits(case: Case) -> dict[str, int]:
    """Return the hits of the questions that the official run gave to a judge, its recorded words read by our rule.

    There the rule alone decides nothing.
    """
    samples = {sample.id: sample for sample in read(case).samples}
    hits = {}
    for name, verdict in case.verdicts.items():
        if isinstance(verdict, dict) and verdict.get("judge_used"):
            found = judge.verdict(verdict["judge_output"], [str(choice) for choice in samples[name].choices])
            hits[name] = int(found.letter in samples[name].references)
    return hits


def official_figures(case: Case) -> dict[str, float]:
    """Return overall ("Overall") and group figures, shares."""
    official = case.expected["official"]
    overall = next(official[key] for key in ("Overall", "circular_accuracy", "accuracy") if key in official)
    groups = {key: value for key, value in official.items() if isinstance(value, float)}
    for key in ("circular_accuracy", "accuracy", "vanilla_first_pass_accuracy", "row_accuracy"):
        groups.pop(key, None)
    return {**groups, "Overall": overall}


@CASE
def test_every_row_is_read_as_the_official_rule_of_the_time_read_it(case: Case) -> None:
    asked, official, wrong = read(case), official_letters(case), []
    given = asked.answers("vlmevalkit-2024")
    for sample in asked.samples:
        for answer, rotation in zip(given[sample.id], sample.rotations, strict=True):
            letter = "Z"
            if answer.value is not None:
                letter = ascii_uppercase[rotation.order.index(ascii_uppercase.index(str(answer.value)))]
            if official and letter != official[rotation.row]:
                reply = asked.replies[sample.id][answer.variant].text
                wrong.append((rotation.row, reply[:80], letter, official[rotation.row]))
    assert wrong == []


@CASE
def test_every_question_is_a_hit_where_the_official_program_has_one(case: Case) -> None:
    hits = {name: int(stats[0]) for name, stats in as_judged(case, read(case)).items()}
    assert hits == verdicts_of(case)


def as_judged(case: Case, asked: Asked, extractor: str = "vlmevalkit-2024") -> dict[str, tuple[float, ...]]:
    """Return the statistics by the official rule; where its run asked a judge, the recorded hit."""
    judged = {name: (float(hit), 1.0) for name, hit in judged_hits(case).items()}
    return asked.hits(extractor, primary(asked)) | judged


def default_extractor(case: Case) -> str:
    """Return the rule that the task of the folder reads with."""
    task = next(task for prefix, task in TASKS.items() if case.folder.name.startswith(prefix))
    return str(find_task(task).options["extractor"])


@CASE
def test_the_default_of_the_task_gives_the_official_verdict_on_every_question(case: Case) -> None:
    """But where the official rule saw nothing in the reply, which its judge reads and our own rule then does, too."""
    asked = read(case)
    hits = {name: int(stats[0]) for name, stats in as_judged(case, asked, default_extractor(case)).items()}
    official, given = verdicts_of(case), asked.answers("vlmevalkit-2024")
    seen = {name for name, answers in given.items() if all(answer.rule != "no_option" for answer in answers)}
    different = [name for name in hits if hits[name] != official[name]]
    assert [name for name in different if name in seen or case.is_listed] == []


def our_figures(case: Case) -> dict[str, float]:
    """Return overall and group figures under the names of the official ones.

    Figures of MMT-Bench under names that the file does not have (VR for visual_recognition) are its abilities: means of
    their sub-tasks' accuracies. They are paired by value, largest first.
    """
    asked, official = read(case), official_figures(case)
    stats, metric = as_judged(case, asked), primary(asked)
    ours = {"Overall": mean(list(stats.values()), metric)}
    for key in GROUPS:
        members: dict[str, list[tuple[float, ...]]] = defaultdict(list)
        for sample in asked.samples:
            if key in sample.tags:
                members[sample.tags[key]].append(stats[sample.id])
        for name, rows in members.items():
            ours.setdefault(name, mean(rows, metric))
    named = {name: value for name, value in ours.items() if name in official}
    unnamed = sorted(official.keys() - named.keys(), key=lambda name: official[name])
    return named | dict(zip(unnamed, sorted(ability_figures(asked, stats)), strict=False))


def ability_figures(asked: Asked, stats: dict[str, tuple[float, ...]]) -> list[float]:
    """Return the macro-average of each ability by the metric of the task."""
    metric = MacroCategory().fit(asked.samples)
    rows: dict[str, list[tuple[float, ...]]] = defaultdict(list)
    for sample in asked.samples:
        if "l2-category" in sample.tags and "category" in sample.tags:
            value = sample.references[0] if stats[sample.id][0] else None
            row = metric.stats(sample, [Answer("rot0", value, "")])
            assert row is not None
            rows[sample.tags["l2-category"]].append(row)
    return [mean(members, metric) for members in rows.values()]


@CASE
def test_overall_and_groups_equal_the_official_figures(case: Case) -> None:
    assert our_figures(case) == pytest.approx(official_figures(case), abs=1e-12)


@compares(*TASKS)
def lines(case: Case) -> Iterator[Parity]:
    ours, official = our_figures(case), official_figures(case)
    asked, judged = read(case), judged_hits(case)
    hits = {name: stats[0] for name, stats in as_judged(case, asked).items()}
    given = {name: float(hit) for name, hit in official_hits(case).items()}
    verdicts = largest_difference(hits, given) if given else 0.0
    title = "circular accuracy" if asked.circular else "accuracy"
    groups = f", {len(ours) - 1} groups" if len(ours) > 1 else ""
    note = f"{len(judged)} replies by the recorded judge" if judged else ""
    own = mean(list(as_judged(case, asked, default_extractor(case)).values()), primary(asked))
    largest = max(verdicts, largest_difference(ours, official))
    yield Parity(f"{title}{groups}", len(hits), official["Overall"], ours["Overall"], largest, note, own)


@CASE
def test_further_figures_of_the_folder_are_reproduced(case: Case) -> None:
    asked, official = read(case), case.expected["official"]
    further: dict[str, float] = {}
    for name, metric in (("vanilla_first_pass_accuracy", Vanilla()), ("row_accuracy", VanillaAll())):
        if name in official:
            further[name] = mean(list(asked.hits("vlmevalkit-2024", metric).values()), metric)
    if "exact_matching_only_accuracy" in case.expected:
        official = {**official, "exact_matching_only_accuracy": case.expected["exact_matching_only_accuracy"]}
        stats = asked.hits("vlmevalkit-2024", primary(asked))
        further["exact_matching_only_accuracy"] = mean(list(stats.values()), primary(asked))
    for name, source in case.expected.get("official_by_source_bench", {}).items():
        stats = asked.hits("vlmevalkit-2024", primary(asked))
        rows = [stats[sample.id] for sample in asked.samples if sample.tags["bench"] == name]
        official, further[name] = {**official, name: source["accuracy"]}, mean(rows, primary(asked))
    assert further == pytest.approx({name: official[name] for name in further}, abs=1e-12)


@CASE
def test_the_current_rule_gives_the_current_figure(case: Case) -> None:
    if "official_current_HEAD" not in case.expected:
        pytest.skip("the folder has no figure of the current program")
    asked = read(case)
    stats = asked.hits("vlmevalkit", primary(asked))
    current = case.expected["official_current_HEAD"]["Overall"]
    assert mean(list(stats.values()), primary(asked)) == pytest.approx(current, abs=1e-12)


@CASE
def test_our_own_rule_differs_on_few_questions_and_they_can_be_seen(case: Case) -> None:
    if not case.is_listed:
        pytest.skip("the bound is set on the listed folders")
    asked, official = read(case), verdicts_of(case)
    given, metric = asked.answers("vlmeval"), primary(asked)
    different = []
    for sample in asked.samples:
        stats = metric.stats(sample, given[sample.id])
        if stats is not None and int(stats[0]) != official[sample.id]:
            replies = [output.text[-60:] for output in asked.replies[sample.id].values()]
            rules = [(answer.value, answer.rule) for answer in given[sample.id]]
            different.append((sample.id, sample.references, sample.choices, replies, rules, official[sample.id]))
    listing = "\n".join(map(str, different))
    assert len(different) <= MOST_DIFFERENCES * len(asked.samples), listing

"""Runs compared pair by pair: figures, verdicts, flips, and the recipes that forbid it."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest

from tests.score.compared import PLAIN, QUESTIONS, compare, first, only, scored
from tests.score.runs import CHOICE, FAILED, question
from tests.stats.simulated import pair
from vlmeval.data.task import Task
from vlmeval.errors import ConfigError, JournalError
from vlmeval.registry import METRICS
from vlmeval.score.compare import CompareOptions, TaskComparison, compare_runs, concluded, sides_of
from vlmeval.score.compare_pair import figure_of
from vlmeval.score.compare_samples import Common
from vlmeval.score.measure import Measure
from vlmeval.stats.mcnemar import mcnemar
from vlmeval.store.results import Origin
from vlmeval.types import Output, Sampling


def test_a_better_model_is_called_so_with_interval_p_and_flips(tmp_path: Path) -> None:
    base = scored(tmp_path, "old", first(40))
    model = scored(tmp_path, "new", {**first(60), "q0": False})
    one = only(compare(base, model))
    overall = one.figures[0]
    assert (one.baseline, one.model, one.task, one.metric.name) == ("old", "new", "exam", "accuracy")
    assert (overall.paired.first, overall.paired.second) == (40 / 80, 59 / 80)
    assert (overall.gained, overall.lost, overall.outcome) == (20, 1, "better")
    assert overall.p == overall.paired.p == mcnemar(20, 1)
    assert overall.verdict.startswith("better by 23.8 points, 95 % interval 1")
    assert overall.verdict.endswith(", p < .001 after Holm; 20 flips to right, 1 to wrong")
    assert [figure.slice for figure in one.figures] == ["", "category=even", "category=odd"]
    assert sum(figure.paired.samples for figure in one.figures[1:]) == 80


def test_a_worse_model_is_called_so_and_its_interval_turned(tmp_path: Path) -> None:
    comparison = compare(scored(tmp_path, "old", first(60)), scored(tmp_path, "new", first(40)))
    overall = only(comparison).figures[0]
    assert overall.outcome == "worse"
    assert overall.verdict.startswith("worse by 25.0 points, 95 % interval 1")
    assert [len(comparison.worse_by(points)) for points in (0.0, 24.9, 25.1)] == [1, 1, 0]


def test_without_a_difference_shown_it_is_said_what_could_have_been(tmp_path: Path) -> None:
    comparison = compare(scored(tmp_path, "old", first(40)), scored(tmp_path, "new", first(42)), difference=1.0)
    overall = only(comparison).figures[0]
    assert overall.outcome == "none"
    assert overall.detectable is not None
    words = f"this comparison could have shown one of {100 * overall.detectable:.1f} points"
    assert words in overall.verdict
    assert overall.verdict.startswith("no difference shown (+2.5 points, 95 % interval -")
    assert "p = .50 after Holm" in overall.verdict
    assert overall.needed is not None
    assert f"a difference of 1 points needs {overall.needed:,} such samples" in overall.verdict
    assert not comparison.worse_by(0)


def test_equal_runs_are_the_same_and_no_interval_is_a_point(tmp_path: Path) -> None:
    one = only(compare(scored(tmp_path, "old", first(40)), scored(tmp_path, "new", first(40))))
    assert one.figures[0].outcome == "same"
    assert one.figures[0].verdict.startswith("no difference: the same on all 80 samples")
    assert one.figures[0].paired.high is not None
    assert one.figures[0].paired.high > 0
    assert one.flips == ()


def test_p_values_are_adjusted_over_all_models_and_tasks_slices_apart(tmp_path: Path) -> None:
    runs = [scored(tmp_path, name, first(count)) for name, count in (("a", 40), ("b", 46), ("c", 48), ("d", 49))]
    comparison = compare(*runs)
    raw = [one.figures[0].paired.p for one in comparison.tasks]
    assert raw == [mcnemar(6, 0), mcnemar(8, 0), mcnemar(9, 0)]
    adjusted = [one.figures[0].p for one in comparison.tasks]
    assert adjusted == pytest.approx([max(mcnemar(6, 0), 2 * mcnemar(8, 0)), 2 * mcnemar(8, 0), 3 * mcnemar(9, 0)])
    slices = [figure for one in comparison.tasks for figure in one.figures[1:]]
    assert min(figure.p for figure in slices if figure.p is not None) == 6 * min(
        figure.paired.p for figure in slices if figure.paired.p is not None
    )


def test_clusters_are_kept_together(tmp_path: Path) -> None:
    grouped = [msgspec.structs.replace(one, cluster=f"image {place // 10}") for place, one in enumerate(QUESTIONS)]
    alone = only(compare(scored(tmp_path / "a", "old", first(40)), scored(tmp_path / "a", "new", first(60))))
    together = only(
        compare(
            scored(tmp_path / "b", "old", first(40), samples=grouped),
            scored(tmp_path / "b", "new", first(60), samples=grouped),
        )
    )
    assert (alone.figures[0].paired.clusters, together.figures[0].paired.clusters) == (80, 8)
    assert together.figures[0].paired.test == "exact"
    assert together.figures[0].paired.p == pytest.approx(0.5)  # two images gained: 2 of 4 exchanges
    assert together.figures[0].outcome == "none"


def test_flips_are_grouped_by_what_differs_first(tmp_path: Path) -> None:
    half = Output("It is B or C, I think; the picture does not say.")
    base = scored(tmp_path, "old", {**first(8), "q4": half})
    model = scored(tmp_path, "new", {**first(2), "q2": half})
    one = only(compare(base, model))
    causes = {flip.sample_id: (flip.to, flip.cause) for flip in one.flips}
    assert causes["q2"] == ("wrong", "state differs")
    assert causes["q3"] == ("wrong", "reply differs")
    assert "q4" not in causes
    assert one.causes == {"state differs": (0, 1), "reply differs": (0, 4)}
    flip = next(flip for flip in one.flips if flip.sample_id == "q2")
    assert (flip.baseline_state, flip.model_state, flip.baseline, flip.model) == (
        "answered",
        "unparsed",
        ("B",),
        (None,),
    )


def test_another_prompt_or_reading_is_the_cause_where_they_are_allowed_to_differ(tmp_path: Path) -> None:
    other = msgspec.structs.replace(PLAIN, prompt="lmms")
    base, model = scored(tmp_path, "old", first(3)), scored(tmp_path, "new", {}, task=other)
    one = only(compare(base, model, allow_different=True))
    assert one.causes == {"prompt differs": (0, 3)}
    said = {"q0": Output("B and not A."), "q1": Output("B")}
    guessing = msgspec.structs.replace(PLAIN, options={**PLAIN.options, "extractor": "vlmevalkit-2024"})
    read = scored(tmp_path / "x", "old", said), scored(tmp_path / "x", "new", said, task=guessing)
    found = only(compare(*read, allow_different=True))
    assert [(flip.sample_id, flip.to, flip.cause) for flip in found.flips] == [("q0", "wrong", "extraction differs")]
    assert {key.key for key in found.keys if key.weight == "refused"} == {"score.extractor", "score.parse"}


def test_what_the_runs_do_not_share_is_counted_and_left_out(tmp_path: Path) -> None:
    base = scored(tmp_path, "old", {**first(40), "q1": FAILED})
    model = scored(tmp_path, "new", {**first(40), "q2": FAILED, "q3": FAILED}, samples=QUESTIONS[:60])
    one = only(compare(base, model))
    assert one.common == Common(60, 57, 20, 0, {"failed": 1}, {"failed": 2})
    assert one.figures[0].paired.samples == 57
    assert [key.weight for key in one.keys if key.key == "data.samples"] == ["warning"]
    assert any(note.startswith("new: 2 of 60 samples failed") for note in one.notes)


def test_failures_count_as_wrong_where_they_were_scored_so(tmp_path: Path) -> None:
    base = scored(tmp_path, "old", first(40), errors="wrong")
    model = scored(tmp_path, "new", {**first(40), "q2": FAILED}, errors="wrong")
    one = only(compare(base, model))
    assert (one.common.entered, one.figures[0].lost) == (80, 1)
    assert one.flips[0].cause == "state differs"


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"prompt": "official"}, "task.prompt.name"),
        ({"version": 2}, "task.version"),
        ({"system": "Be brief."}, "task.system"),
        ({"options": {"circular": False, "extractor": "vlmevalkit-2024"}}, "score.extractor"),
    ],
)
def test_another_recipe_is_refused_by_the_name_of_its_key(tmp_path: Path, change: dict[str, object], key: str) -> None:
    other = msgspec.structs.replace(PLAIN, **change)
    base, model = scored(tmp_path, "old", first(40)), scored(tmp_path, "new", first(60), task=other)
    one = only(compare(base, model))
    assert key in one.refused
    assert "--allow-different" in one.refused
    assert one.figures == ()
    allowed = only(compare(base, model, allow_different=True))
    assert allowed.refused == ""
    assert allowed.figures[0].outcome == "better"


def test_a_run_without_the_metric_is_refused_and_says_what_it_has(tmp_path: Path) -> None:
    other = msgspec.structs.replace(PLAIN, metrics=("verbatim",), primary="verbatim")
    base, model = scored(tmp_path, "old", first(40)), scored(tmp_path, "new", first(60), task=other)
    one = only(compare(base, model, allow_different=True))
    assert (one.refused, one.figures) == ('new has no metric "accuracy"; it has verbatim', ())
    assert 'has no metric "bleu"; it has accuracy' in only(compare(base, base, metric="bleu")).refused


def test_other_data_are_refused_and_the_first_sample_that_differs_is_named(tmp_path: Path) -> None:
    changed = [question("7", gold="C"), *QUESTIONS[:7], *QUESTIONS[8:]]
    model = scored(tmp_path, "new", first(60), samples=changed, origin=Origin("exam", "1"))
    one = only(compare(scored(tmp_path, "old", first(40)), model))
    assert "data.samples (as asked, here 1 of 80 common samples say something else, the first: q7)" in one.refused
    assert 'data.digest ("0", here "1")' in one.refused


def test_the_same_data_from_another_file_are_the_same(tmp_path: Path) -> None:
    model = scored(tmp_path, "new", first(60), origin=Origin("exam", "1", path="elsewhere.tsv"))
    one = only(compare(scored(tmp_path, "old", first(40)), model))
    assert one.refused == ""
    assert not [key for key in one.keys if key.key.startswith("data.")]


def test_scores_of_another_error_policy_are_refused(tmp_path: Path) -> None:
    one = only(compare(scored(tmp_path, "old", first(40)), scored(tmp_path, "new", first(60), errors="wrong")))
    assert 'score.errors ("fail", here "wrong")' in one.refused


def test_model_precision_and_sampling_are_expected_to_differ(tmp_path: Path) -> None:
    warm = msgspec.structs.replace(PLAIN, sampling=Sampling(temperature=0.7, max_tokens=64))
    model = scored(tmp_path, "new", first(60), task=warm, model_recipe={"dtype": "int4"})
    one = only(compare(scored(tmp_path, "old", first(40)), model))
    assert one.refused == ""
    assert {key.key: key.weight for key in one.keys} == dict.fromkeys(
        ("model.dtype", "model.name", "task.sampling.temperature"), "expected"
    )


def test_a_group_metric_over_part_of_the_samples_counts_groups_of_the_common_ones(tmp_path: Path) -> None:
    """macro_category numbers the categories of a run: of two runs with others, each row means something else."""
    task = msgspec.structs.replace(PLAIN, metrics=("macro_category",), primary="macro_category")
    samples = [question(number, category="abc"[number // 20]) for number in range(60)]
    base = scored(tmp_path, "old", first(30, samples), samples=samples, task=task)
    model = scored(tmp_path, "new", {"q45": True, **first(25, samples)}, samples=samples[20:], task=task)
    one = only(compare(base, model))
    # Of categories b and c: 10 of 20 and none against 5 of 20 and 1 of 20.
    assert (one.figures[0].paired.first, one.figures[0].paired.second) == pytest.approx((0.25, 0.15))


def test_sums_that_are_no_mean_are_compared_too_and_flips_are_up_and_down(tmp_path: Path) -> None:
    task = Task(name="read", benchmark="read", split="val", kind="short", metrics=("anls",), primary="anls")
    samples = [msgspec.structs.replace(one, references=("lighthouse",), choices=()) for one in QUESTIONS]
    said = {
        "old": {one.id: "lighthouse" if place < 40 else "a ship" for place, one in enumerate(samples)},
        "new": {one.id: "lighthous" if place < 60 else "a ship" for place, one in enumerate(samples)},
    }
    base, model = (scored(tmp_path, name, replies, samples=samples, task=task) for name, replies in said.items())
    overall = only(compare(base, model)).figures[0]
    assert (overall.gained, overall.lost) == (20, 40)
    assert overall.verdict.endswith("20 flips to higher, 40 to lower")


def test_variance_over_epochs_is_told_from_variance_over_samples(tmp_path: Path) -> None:
    task = msgspec.structs.replace(PLAIN, options={**PLAIN.options, "epochs": 2})
    base = scored(tmp_path, "old", first(40), task=task)
    one = only(compare(base, scored(tmp_path, "new", first(60), task=task)))
    assert one.epochs[0] is not None
    assert (one.epochs[0].mean, one.epochs[0].epochs) == (0.5, 0.0)
    assert one.epochs[0].samples == pytest.approx(20 / 79)
    assert only(compare(scored(tmp_path / "x", "a", first(9)), scored(tmp_path / "x", "b", first(9)))).epochs == (
        None,
        None,
    )


def test_circular_passes_decide_together(tmp_path: Path) -> None:
    base, model = (scored(tmp_path, name, first(count), task=CHOICE) for name, count in (("old", 40), ("new", 60)))
    one = only(compare(base, model))
    assert (one.metric.name, one.figures[0].gained, len(one.flips[0].model)) == ("circular", 20, 4)
    assert only(compare(base, model, metric="vanilla_all")).figures[0].paired.second == 60 / 80


def test_folders_above_runs_are_paired_by_task_and_what_only_one_has_is_said(tmp_path: Path) -> None:
    other = msgspec.structs.replace(PLAIN, name="quiz")
    for task in (PLAIN, other):
        scored(tmp_path / "a", "old", first(40), task=task)
    scored(tmp_path / "b", "new", first(60))
    comparison = compare(tmp_path / "a", tmp_path / "b")
    assert [one.task for one in comparison.tasks] == ["exam"]
    assert comparison.unpaired == ("quiz: only old has it",)


def test_of_one_folder_the_models_in_it_are_the_sides(tmp_path: Path) -> None:
    for name, count in (("a", 40), ("b", 46), ("c", 60)):
        scored(tmp_path, name, first(count))
    comparison = compare(tmp_path)
    assert (comparison.baseline, comparison.models) == ("a", ("b", "c"))


def test_two_recipes_of_a_task_on_one_side_are_an_error_the_newest_of_one_recipe_counts(tmp_path: Path) -> None:
    scored(tmp_path / "a", "old", first(40), run_id="x")
    scored(tmp_path / "a", "old", first(40), run_id="y")
    scored(tmp_path / "b", "new", first(60))
    with pytest.raises(ConfigError, match=r"several runs of exam: .*x and .*y; name one"):
        compare(tmp_path / "a", tmp_path / "b")
    newest = scored(tmp_path / "c", "new", first(50), run_id="z", started="2")
    manifest = (newest.path / "run.json").read_bytes()
    older = scored(tmp_path / "c", "new", first(60), run_id="z2", started="1")
    older.manifest_path.write_bytes(manifest.replace(b'"started": "2"', b'"started": "1"'))
    assert sides_of([tmp_path / "c", tmp_path / "b"])[0].runs["exam", ""] == newest


def test_runs_without_a_common_task_and_a_single_run_cannot_be_compared(tmp_path: Path) -> None:
    base = scored(tmp_path, "old", first(40))
    other = scored(tmp_path, "new", first(40), task=msgspec.structs.replace(PLAIN, name="quiz"))
    with pytest.raises(ConfigError, match="exam: only old has it; quiz: only new has it"):
        compare(base, other)
    with pytest.raises(ConfigError, match="nothing to compare with"):
        compare_runs(sides_of([base.path]))


def test_a_run_without_scores_says_what_to_do(tmp_path: Path) -> None:
    base, model = scored(tmp_path, "old", first(40)), scored(tmp_path, "new", first(40))
    model.samples.unlink()
    with pytest.raises(JournalError, match="vlmeval score"):
        compare(base, model)


def claimed(generator: np.random.Generator, samples: int, *, gained: float, lost: float, tasks: int = 1) -> list[str]:
    """Return what is claimed of simulated answers, by the functions that compare real ones."""
    measure, found = Measure("accuracy", METRICS.load("accuracy")(), []), []
    for place in range(tasks):
        first_rows, second_rows = pair(generator, samples, gained=gained, lost=lost)
        ways = (second_rows - first_rows)[:, 0]
        options = CompareOptions(resamples=200)
        figure = figure_of("", first_rows, second_rows, np.arange(samples), ways, measure, options)
        assert figure is not None
        common = Common(samples, samples, 0, 0, {}, {})
        found.append(TaskComparison(f"t{place}", "", "a", "b", "", "", measure.info, (), common, (figure,)))
    return [one.figures[0].outcome for one in concluded(found, CompareOptions())]


def test_two_models_of_one_truth_are_told_apart_by_6_per_cent_of_1000_seeds_at_most() -> None:
    false = sum(
        any(one in ("better", "worse") for one in claimed(np.random.default_rng(seed), 500, gained=0.08, lost=0.08))
        for seed in range(1_000)
    )
    assert false <= 60


def test_over_twenty_tasks_too_a_false_claim_is_as_rare() -> None:
    false = sum(
        any(one in ("better", "worse") for one in claimed(generator, 300, gained=0.1, lost=0.1, tasks=20))
        for generator in map(np.random.default_rng, range(100))
    )
    assert false <= 10


def test_3_points_on_2000_pairs_are_found_19_times_in_20() -> None:
    claims = [claimed(np.random.default_rng(seed), 2_000, gained=0.06, lost=0.03)[0] for seed in range(300)]
    assert claims.count("better") >= 285
    assert "worse" not in claims


def test_3_points_on_2000_questions_are_found_in_run_folders(tmp_path: Path) -> None:
    samples = [question(number) for number in range(2_000)]
    base = {one.id: place % 5 < 3 for place, one in enumerate(samples)}
    model = {**base, **{f"q{n}": not base[f"q{n}"] for n in (*range(3, 600, 5), *range(0, 300, 5))}}
    one = only(compare(scored(tmp_path, "old", base, samples=samples), scored(tmp_path, "new", model, samples=samples)))
    assert (one.figures[0].gained, one.figures[0].lost) == (120, 60)
    assert one.figures[0].verdict.startswith("better by 3.0 points, 95 % interval 1.7 to 4.3, p < .001 after Holm")

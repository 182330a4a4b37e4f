"""A sighted run against a blind one, from run folders made by hand."""

from __future__ import annotations

import random
from pathlib import Path

import msgspec
import pytest

from tests.score.runs import CHOICE, manifest_of, question, records, right, wrong
from vlmeval.data.task import Task
from vlmeval.errors import ConfigError
from vlmeval.jsonio import encode, write_json
from vlmeval.score.blind import Gain, comparable, gain_of, gain_rows, partners
from vlmeval.score.scorer import score_run
from vlmeval.store.layout import RunFolder, run_folder
from vlmeval.store.manifest import recipe_of
from vlmeval.store.results import Origin
from vlmeval.types import Failure, Outcome, Request, Sample

QUESTIONS = [question(number, category="even" if number % 2 == 0 else "odd") for number in range(60)]


def made(
    results: Path,
    replies: dict[str, bool | Outcome],
    *,
    blind: str = "",
    samples: list[Sample] = QUESTIONS,
    task: Task = CHOICE,
    started: str = "1",
) -> RunFolder:
    """Write and score a run that is right, wrong or failed where `replies` says so by id, else wrong."""

    def reply(sample: Sample, request: Request) -> Outcome | str:
        given = replies.get(sample.id, False)
        return (right if given else wrong)(sample, request) if isinstance(given, bool) else given

    origin = Origin("exam", "0", blind=blind)
    folder = run_folder(results, task.name, "parrot", f"{blind or 'sighted'}{started}")
    folder.path.mkdir(parents=True)
    recipe = recipe_of(task, "parrot", {"dtype": "float16"}, origin)
    write_json(folder.manifest_path, manifest_of(task, origin=origin, recipe=recipe, started=started))
    folder.questions.write_bytes(b"".join(encode(sample) + b"\n" for sample in samples))
    folder.outputs.write_bytes(b"".join(encode(record) + b"\n" for record in records(task, samples, reply)))
    score_run(folder)
    return folder


def first(count: int) -> dict[str, bool | Outcome]:
    return {sample.id: True for sample in QUESTIONS[:count]}


def gain(sighted: RunFolder, blind: RunFolder) -> Gain:
    found = gain_of(sighted, blind)
    assert found is not None
    return found


def test_the_gain_is_the_difference_of_the_two_accuracies(tmp_path: Path) -> None:
    found = gain(made(tmp_path, first(45)), made(tmp_path, first(15), blind="black"))
    assert (found.sighted, found.blind, found.gain) == (0.75, 0.25, 0.5)
    assert found.low is not None
    assert found.high is not None
    # 30 of 60 pairs changed: the standard error is sqrt(0.25 / 60), by the normal interval +-0.127.
    assert (found.low, found.high) == pytest.approx((0.5 - 0.127, 0.5 + 0.127), abs=0.02)
    assert (found.mode, found.samples, found.clusters, found.complete) == ("black", 60, 60, True)


def test_pairs_count_not_the_two_accuracies_alone(tmp_path: Path) -> None:
    """Equal accuracies on the same questions say more than equal accuracies on different ones."""
    sighted = made(tmp_path, first(30))
    alike = gain(sighted, made(tmp_path, first(30), blind="black"))
    others = gain(sighted, made(tmp_path, {one.id: True for one in QUESTIONS[30:]}, blind="noise"))
    assert alike.gain == others.gain == 0
    assert alike.low is not None
    assert others.low is not None
    assert -0.1 < alike.low < 0
    assert others.low < -0.2


@pytest.mark.parametrize(("seen", "unseen", "sign"), [(60, 0, 1), (0, 0, 0), (60, 60, 0), (0, 60, -1)])
def test_at_its_ends_the_interval_is_no_point(tmp_path: Path, seen: int, unseen: int, sign: int) -> None:
    found = gain(made(tmp_path, first(seen)), made(tmp_path, first(unseen), blind="black"))
    assert found.gain == sign
    assert found.low is not None
    assert found.high is not None
    assert -1 <= found.low <= sign <= found.high <= 1
    assert 0.05 < found.high - found.low < 0.2


def test_questions_on_one_image_are_drawn_together(tmp_path: Path) -> None:
    grouped = [msgspec.structs.replace(one, cluster=f"image {place // 10}") for place, one in enumerate(QUESTIONS)]
    apart = gain(made(tmp_path / "a", first(30)), made(tmp_path / "a", {}, blind="black"))
    together = gain(
        made(tmp_path / "b", first(30), samples=grouped), made(tmp_path / "b", {}, samples=grouped, blind="black")
    )
    assert (apart.clusters, together.clusters) == (60, 6)
    assert apart.low is not None
    assert apart.high is not None
    assert together.low is not None
    assert together.high is not None
    assert together.high - together.low > 2 * (apart.high - apart.low)


def test_the_interval_covers_the_truth_at_its_level(tmp_path: Path) -> None:
    dice, covered = random.Random(5), 0
    for trial in range(60):
        seen = {one.id: dice.random() < 0.7 for one in QUESTIONS}
        unseen = {key: dice.random() < (0.6 if hit else 0.2) for key, hit in seen.items()}
        found = gain(made(tmp_path / str(trial), {**seen}), made(tmp_path / str(trial), {**unseen}, blind="noise"))
        assert found.low is not None
        assert found.high is not None
        covered += found.low <= 0.7 - (0.7 * 0.6 + 0.3 * 0.2) <= found.high
    assert covered >= 52


def test_only_samples_that_entered_both_runs_count(tmp_path: Path) -> None:
    failed = Failure("transient", "HTTP 500")
    found = gain(made(tmp_path, {**first(30), "q0": failed}), made(tmp_path, {"q59": failed}, blind="black"))
    assert (found.samples, found.sighted, found.complete) == (58, 29 / 58, False)


def test_the_line_is_said_once_and_at_the_sighted_run(tmp_path: Path) -> None:
    sighted = made(tmp_path, first(45))
    bytes_before = sighted.scores.read_bytes()
    black, noise = made(tmp_path, first(15), blind="black"), made(tmp_path, first(20), blind="noise")
    assert [len(rows) for rows in gain_rows([sighted, black, noise])] == [2, 0, 0]
    assert [len(rows) for rows in gain_rows([black])] == [1]
    (row, _), *_ = gain_rows([sighted])
    assert row.cells[2:6] == ("gain from the image: 75.0, blind (black) 25.0, chance 0.4", "+50.0", row.cells[4], "60")
    assert row.cells[4].startswith("+")
    assert sighted.scores.read_bytes() == bytes_before


def test_the_chance_level_of_the_task_stands_beside(tmp_path: Path) -> None:
    task = msgspec.structs.replace(CHOICE, chance=0.25)
    sighted, _ = made(tmp_path, first(45), task=task), made(tmp_path, first(15), blind="black", task=task)
    assert "chance 25.0" in gain_rows([sighted])[0][0].cells[2]


def test_the_newest_blind_run_counts_and_other_recipes_do_not(tmp_path: Path) -> None:
    sighted = made(tmp_path, first(45))
    made(tmp_path, first(15), blind="black")
    newest = made(tmp_path, first(20), blind="black", started="2")
    other = msgspec.structs.replace(CHOICE, sampling=msgspec.structs.replace(CHOICE.sampling, max_tokens=8))
    made(tmp_path, first(20), blind="noise", task=other)
    assert partners(sighted) == {"black": RunFolder(newest.path.resolve())}


def test_runs_scored_otherwise_are_not_compared(tmp_path: Path) -> None:
    sighted, blind = made(tmp_path, first(45)), made(tmp_path, first(15), blind="black")
    score_run(blind, errors="wrong")
    assert gain_of(sighted, blind) is None
    score_run(sighted, errors="wrong")
    assert gain_of(sighted, blind) is not None


def test_a_damaged_run_beside_hides_nothing(tmp_path: Path) -> None:
    sighted, black = made(tmp_path, first(45)), made(tmp_path, first(15), blind="black")
    noise = made(tmp_path, first(15), blind="noise")
    black.manifest_path.write_bytes(b"{")
    noise.samples.write_bytes(b"damaged\n" + noise.samples.read_bytes())
    assert gain_rows([sighted]) == [[]]


def test_signatures_are_compared_but_for_what_the_images_change() -> None:
    fields = "exam:1|circular|prompt:3fa2|t:0|{}errors:wrong|n:{}|cov:{}|data:{}|vlmeval:0.1.0"
    assert comparable(fields.format("", 5, 100, "aa")) == comparable(fields.format("blind:black|", 4, 80, "bb"))
    assert comparable("exam:1|circular|t:0") != comparable("exam:1|circular|t:1")


def test_the_mode_is_in_signature_and_recipe(tmp_path: Path) -> None:
    sighted, black = made(tmp_path, first(9)), made(tmp_path, first(9), blind="black")
    scores = score_run(black)
    assert "|blind:black|" in scores.signature
    assert (scores.blind, scores.asked) == ("black", "exam (blind: black)")
    assert "blind" not in score_run(sighted).signature
    recipes = [recipe_of(CHOICE, "m", {}, Origin("exam", "0", blind=mode)) for mode in ("", "none", "black")]
    assert [recipe.get("data.blind") for recipe in recipes] == [None, "none", "black"]


def test_a_slice_by_another_tag_is_scored_beside_the_tasks_own(tmp_path: Path) -> None:
    samples = [msgspec.structs.replace(one, tags={**one.tags, "shape": "round"}) for one in QUESTIONS]
    folder = made(tmp_path, first(9), samples=samples)
    slices = {one.slice for one in score_run(folder, slices=("shape", "category")).estimates}
    assert slices == {"", "category=even", "category=odd", "shape=round"}
    with pytest.raises(ConfigError, match=r'"shap".*did you mean "shape".*known tags: category, shape'):
        score_run(folder, slices=("shap",))

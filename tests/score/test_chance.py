"""The level of guessing, against counts by hand and against simulated guesses."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from vlmeval.data.catalog import find_task
from vlmeval.score.chance import chance_of
from vlmeval.types import Rotation, Sample


def choice(number: int, options: int, category: str = "") -> Sample:
    tags = {"category": category} if category else {}
    return Sample(str(number), ("?",), ("A",), tuple(f"option {place}" for place in range(options)), tags)


def sided(number: int, gold: str, category: str = "random") -> Sample:
    return Sample(str(number), ("Is it?",), (gold,), tags={"category": category})


def test_a_single_choice_is_guessed_once_in_as_many_times_as_it_has_options() -> None:
    task = find_task("mmmu_val")
    assert chance_of(task, [choice(0, 4), choice(1, 2)]) == pytest.approx(3 / 8)
    assert chance_of(task, [choice(0, 4), Sample("open", ("?",), ("42",))]) == pytest.approx(1 / 8)


def test_an_option_that_was_lost_is_not_guessed_and_a_hidden_gold_does_not_count() -> None:
    lost = Sample("1", ("?",), ("A",), ("x", "", "z"))
    assert chance_of(find_task("scienceqa_all_test"), [lost, Sample("2", ("?",), (), ("x", "y"))]) == 0.5


def test_every_rotation_must_be_guessed_right() -> None:
    task = find_task("mmbench")
    assert chance_of(task, [choice(0, 4), choice(1, 2)]) == pytest.approx((4**-4 + 2**-2) / 2)
    twice = msgspec.structs.replace(choice(0, 4), rotations=(Rotation("1", (0, 1, 2, 3)), Rotation("2", (1, 2, 3, 0))))
    assert chance_of(task, [twice]) == pytest.approx(4**-2)


def test_groups_count_the_same_in_a_mean_over_groups() -> None:
    samples = [choice(0, 2, "a"), choice(1, 4, "b"), choice(2, 4, "b")]
    assert chance_of(find_task("blink_val"), samples) == pytest.approx((1 / 2 + 1 / 4) / 2)


def test_f1_of_a_fair_coin_is_of_the_counts_that_it_gives() -> None:
    balanced = [sided(number, gold) for number, gold in enumerate(("yes", "no") * 5)]
    rare = [sided(number + 10, "no" if number else "yes", "popular") for number in range(4)]
    assert chance_of(find_task("pope"), balanced) == pytest.approx(0.5)
    assert chance_of(find_task("pope"), balanced + rare) == pytest.approx((0.5 + 1 / (1 + 1.5 + 0.5)) / 2)
    drawn = np.random.default_rng(7)
    gold = np.array([True, False, False, False] * 50_000)
    said = drawn.random(len(gold)) < 0.5
    f1 = 2 * (gold & said).sum() / (gold.sum() + said.sum())
    assert f1 == pytest.approx(1 / 3, abs=0.01)


@pytest.mark.parametrize("name", ["textvqa_val", "mm_vet", "mme", "refcoco_val"])
def test_there_is_none_where_nothing_is_offered_or_verdicts_fall_on_groups(name: str) -> None:
    sample = sided(0, "yes", "existence") if name == "mme" else Sample("0", ("?",), ("yes",))
    assert chance_of(find_task(name), [sample]) is None


def test_a_level_that_the_task_names_stands() -> None:
    assert chance_of(find_task("seedbench_img"), [choice(0, 2)]) == 0.25

"""Runs of one model name that were set otherwise are told apart in tables."""

from __future__ import annotations

from typing import Any

from tests.score.test_table import made
from vlmeval.score.naming import labels, of_model
from vlmeval.score.table import markdown
from vlmeval.store.results import Scores


def of(model: str = "demo", task: str = "exam", run: str = "r1", **recipe: Any) -> Scores:
    return made(model=model, task=task, run_id=run, model_recipe=recipe)


def test_the_settings_that_differ_stand_beside_the_name() -> None:
    scores = [of(dtype="float16", max_tokens=32), of(run="r2", dtype="float16", max_tokens=64)]
    assert labels(scores) == ["demo (max_tokens=32)", "demo (max_tokens=64)"]
    text = markdown(scores)
    assert "| demo (max_tokens=32) |" in text
    assert "run r1`" in text
    assert "run r2`" in text


def test_a_name_is_a_name_where_nothing_differs() -> None:
    assert labels([of(dtype="float16"), of(task="other", dtype="float16"), of("else", dtype="bfloat16")]) == [
        "demo", "demo", "else",
    ]  # fmt: skip


def test_the_same_run_on_another_task_has_the_same_label() -> None:
    scores = [of(size=1), of(size=2), of(task="other", size=1), of(task="other", size=2)]
    assert labels(scores) == ["demo (size=1)", "demo (size=2)"] * 2


def test_a_setting_that_one_run_does_not_have_is_a_dash_and_a_long_one_is_cut() -> None:
    long = "x" * 100
    assert labels([of(template=long), of()]) == [f"demo (template={'x' * 24}...)", "demo (template=-)"]


def test_only_what_a_recipe_says_of_the_model_counts() -> None:
    recipe = {"model.name": "demo", "model.dtype": "float16", "task.name": "exam", "data.digest": "0"}
    assert of_model(recipe) == {"dtype": "float16"}

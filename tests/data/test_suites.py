"""Suites: named groups of tasks, and the recipe of their average."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from vlmeval.cli.main import vlmeval
from vlmeval.data.catalog import expand, find_suite, list_suites, list_tasks
from vlmeval.data.suites import Member, Suite, read_suite, suites_of
from vlmeval.errors import ConfigError


def suite_file(folder: Path, text: str, name: str = "mine") -> Path:
    path = folder / "tasks" / "suites" / f"{name}.toml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf8")
    return path


def test_every_suite_of_the_catalog_can_be_read_and_names_tasks_that_exist() -> None:
    tasks = list_tasks()
    known = {task.name for task in tasks}
    suites = {suite.name: suite for suite in list_suites()}
    assert {"open_vlm", "mmmu_pro_overall", "mmmu_pro_overall_cot", "demo"} <= set(suites)
    assert all(set(suite.names) <= known for suite in suites.values())
    _, problems = suites_of([Path(__file__).resolve().parents[2]], tasks)
    assert problems == []


def test_shares_add_up_and_the_recipe_says_how_each_figure_is_brought_to_100() -> None:
    suite = Suite("s", (Member("a", 0.5), Member("b", 0.5), Member("c", 1.0, top=1000.0)))
    assert suite.shares() == {"a": 0.25, "b": 0.25, "c": 0.5}
    assert suite.recipe() == "0.25 x a + 0.25 x b + 0.5 x (c / 10)"
    assert Suite("s", (Member("a"), Member("b"))).recipe() == "mean of a, b"


def test_the_overall_figure_of_mmmu_pro_is_the_mean_of_ten_options_and_vision() -> None:
    assert find_suite("mmmu-pro-overall").recipe() == "mean of mmmu_pro_standard10, mmmu_pro_vision"


def test_a_suite_that_only_its_tasks_name_is_a_group_without_an_average() -> None:
    suite = find_suite("demo")
    assert len(suite.tasks) == 5
    assert (suite.averaged, suite.recipe()) == (False, "")


def test_a_suite_stands_for_its_tasks_wherever_tasks_are_named() -> None:
    assert {task.name for task in expand(["open_vlm"])} == set(find_suite("open_vlm").names)


def test_show_prints_the_recipe() -> None:
    said = CliRunner().invoke(vlmeval, ["tasks", "show", "open_vlm"]).output
    assert "0.125 x (ocrbench / 10)" in said
    assert "gold is hidden" in said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('name = "other"\n[[tasks]]\ntask = "mmstar"\n', 'expected "mine"'),
        ('name = "mine"\ntasks = []\n', "names no task"),
        ('name = "mine"\n[[tasks]]\ntask = "mmstar"\nweight = 0\n', "above 0"),
        ('name = "mine"\n[[tasks]]\ntask = "mmstar"\n[[tasks]]\ntask = "mmstar"\n', "named twice"),
        ('name = "mine"\n[[tasks]]\ntaks = "mmstar"\n', "taks"),
    ],
)
def test_a_wrong_suite_is_an_error_that_names_file_and_fault(tmp_path: Path, text: str, said: str) -> None:
    path = suite_file(tmp_path, text)
    with pytest.raises(ConfigError, match=said) as raised:
        read_suite(path)
    assert str(path) in str(raised.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('name = "mine"\n[[tasks]]\ntask = "no_such_task"\n', 'no task "no_such_task"'),
        ('name = "mine"\n[[tasks]]\ntask = "mmstar"\nmetric = "cider"\n', 'no metric "cider"'),
    ],
)
def test_a_suite_of_unknown_tasks_or_metrics_is_left_out_and_said(tmp_path: Path, text: str, said: str) -> None:
    suite_file(tmp_path, text)
    found, problems = suites_of([tmp_path], list_tasks())
    assert "mine" not in found
    assert len(problems) == 1
    assert said in problems[0]
    with pytest.raises(ConfigError, match=said):
        find_suite("mine", [tmp_path])


def test_a_file_that_does_not_agree_with_its_tasks_is_said(tmp_path: Path) -> None:
    suite_file(tmp_path, 'name = "demo"\n[[tasks]]\ntask = "demo_vqa"\n', "demo")
    found, problems = suites_of([tmp_path], list_tasks())
    assert len(found["demo"].tasks) == 5
    assert "do not agree on" in problems[0]


def test_an_unknown_suite_is_answered_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match='did you mean "open_vlm"'):
        find_suite("open_vlmm")

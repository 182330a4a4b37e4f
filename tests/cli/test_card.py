"""`vlmeval tasks show`: the card of every task is whole, and says what is real and what is made up."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from demo.build import SUITE
from tests.data.made import MMBENCH, question, write_tsv
from vlmeval.cli.card import card
from vlmeval.cli.main import run
from vlmeval.data.catalog import list_tasks, search_tasks
from vlmeval.data.options import DataOptions
from vlmeval.errors import ConfigError, DataError

Vlmeval = Callable[..., tuple[int, str, str]]


@pytest.fixture(autouse=True)
def nothing_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LMUData", str(tmp_path / "LMUData"))
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    for name in ("HF_HUB_CACHE", "HF_DATASETS_CACHE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def vlmeval(capsys: pytest.CaptureFixture[str]) -> Vlmeval:
    def call(*arguments: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            run([str(argument) for argument in arguments])
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    return call


def fields(text: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in text.partition("\n\n")[0].splitlines():
        label, _, value = line.partition("  ")
        found.setdefault(label, []).append(value.strip())
    return found


@pytest.mark.parametrize("name", [task.name for task in list_tasks()])
def test_every_task_has_a_card_with_what_licence_metric_and_prompt(name: str) -> None:
    text = card(name, DataOptions(offline=True))
    found = fields(text)
    assert {"task", "what", "split", "n", "data", "kind", "metrics", "licence"} <= found.keys()
    assert "(primary)" in found["metrics"][0]
    assert len(found["what"][0]) > 20
    assert re.search(r"prompt of (a MADE-UP question|question \"), as sent:|prompt of question \".+\", as sent:", text)
    if name.startswith("demo_"):
        assert "MADE-UP" not in text
        assert " here, in " in found["n"][0]


def test_the_number_of_questions_says_whose_it_is() -> None:
    assert fields(card("textvqa", DataOptions(offline=True)))["n"] == ["5,000 questions by the catalog"]
    local = fields(card("textvqa", DataOptions(data_dir=SUITE, offline=True)))["n"]
    assert local == [f"5,000 questions by the catalog; 32 questions here, in {SUITE / 'TextVQA_VAL.tsv'}"]


def test_the_prompt_is_that_of_the_named_file(vlmeval: Vlmeval, tmp_path: Path) -> None:
    row = question(7, ["left", "right"], hint="Look closely.")
    data = write_tsv(tmp_path / "my.tsv", MMBENCH, [row])
    status, out, _ = vlmeval("tasks", "show", "mmstar", "--data", data)
    assert status == 0
    assert 'prompt of question "7", as sent:' in out
    assert "    Hint: Look closely.\n    Question: Question 7?\n    Options:\n    A. left\n    B. right\n" in out
    data.write_text("")
    with pytest.raises(DataError, match="the file is empty"):
        card("mmstar", DataOptions(data=data, offline=True))


def test_a_made_up_prompt_says_so_and_why() -> None:
    text = card("pope", DataOptions(offline=True))
    assert "prompt of a MADE-UP question, as sent:" in text
    assert text.endswith("(made up: the data of pope is not on this machine: --data PATH renders a real one)")


def test_the_card_shows_the_recorded_cases_with_their_largest_difference() -> None:
    found = fields(card("pope", DataOptions(offline=True)))
    assert found["verified"][0] == (
        "pope_llava15_13b: n 8910; mean_F1, 30 more figures: official 0.8594688091, ours 0.8594688091, largest "
        "difference < 1e-12"
    )


def test_styles_are_those_that_the_task_can_be_asked_in(vlmeval: Vlmeval) -> None:
    found = fields(card("mmbench", DataOptions(offline=True)))
    assert found["styles"] == ["official (this task's), vlmevalkit, lmms, llava, mmmu, mathvista"]
    assert fields(card("mme", DataOptions(offline=True)))["styles"][0].startswith("official (this task's), lmms, short")


def test_scorers_and_traps_are_on_the_card() -> None:
    found = fields(card("scienceqa", DataOptions(offline=True)))
    assert any("a letter past a question's own options is wrong" in line for line in found["trap"])
    assert any("(default)" in line for line in found["scorer"])


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("mmbenhc", 'did you mean "mmbench"'),
        ("scanned documents", "these speak of it: docvqa_test, docvqa_val"),
        ("qqqqqqqq", "`vlmeval tasks search WORD` looks for one"),
    ],
)
def test_an_unknown_name_is_answered_with_something_useful(vlmeval: Vlmeval, name: str, said: str) -> None:
    status, out, err = vlmeval("tasks", "show", name)
    assert (status, out) == (2, "")
    assert f'unknown task "{name}"' in err
    assert said in err


def test_a_search_finds_tasks_by_what_their_benchmarks_are_about() -> None:
    assert {task.benchmark for task in search_tasks("blind people")} >= {"vizwiz"}
    assert search_tasks("") == []
    with pytest.raises(ConfigError, match="unknown task"):
        card("", DataOptions(offline=True))

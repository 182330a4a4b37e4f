"""`vlmeval init-task`: a file of one's own becomes a task that gives the numbers the file itself gives."""

from __future__ import annotations

import csv
import json
import tomllib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from tests.data.made import b64, group, png, write_tsv
from vlmeval.cli.main import run
from vlmeval.data.catalog import find_task

Vlmeval = Callable[..., tuple[int, str, str]]
Rows = Sequence[Mapping[str, Any]]

# Says yes, and the option "blue", wherever they are offered; else a number.
FIXED = """
class Fixed:
    concurrency = 2

    def generate(self, requests):
        return ["blue" if "blue" in request.text else "yes" if "yes or no" in request.text else "3"
                for request in requests]
"""


@pytest.fixture
def vlmeval(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Vlmeval:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LMUData", str(tmp_path / "LMUData"))
    (tmp_path / "my_model.py").write_text(FIXED)

    def call(*arguments: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            run([str(argument) for argument in arguments])
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    return call


def tsv(path: Path, rows: Rows) -> None:
    write_tsv(path, list(rows[0]), rows)


def comma_separated(path: Path, rows: Rows) -> None:
    with open(path, "w", newline="", encoding="utf8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def excel(path: Path, rows: Rows) -> None:
    book = openpyxl.Workbook()
    assert book.active is not None
    for row in (list(rows[0]), *(list(row.values()) for row in rows)):
        book.active.append(row)
    book.save(path)


def json_lines(path: Path, rows: Rows) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf8")


WRITERS = {"tsv": tsv, "csv": comma_separated, "xlsx": excel, "jsonl": json_lines}


def pictures(folder: Path) -> None:
    (folder / "pictures").mkdir()
    for number in range(4):
        (folder / "pictures" / f"{number}.png").write_bytes(png((number, 9, 9)))


def choice_rows() -> Rows:
    colours = ("red", "blue", "green", "grey")
    return [
        {"index": number, "question": f"What colour is {number}?", "image_path": f"pictures/{number}.png",
         **dict(zip("ABCD", colours, strict=True)), "answer": "AB"[number % 2],
         "difficulty": "easy" if number else "hard"}
        for number in range(4)
    ]  # fmt: skip


def folder_of(root: Path, task: str) -> Path:
    (found,) = (root / "results" / task).glob("*/*/scores.json")
    return found.parent


def numbers(folder: Path) -> list[tuple[Any, ...]]:
    scores = json.loads((folder / "scores.json").read_bytes())
    keys = ("metric", "slice", "value", "low", "high", "samples", "signature")
    return [tuple(item[key] for key in keys) for item in scores["estimates"]]


@pytest.mark.parametrize("suffix", WRITERS)
def test_the_task_file_gives_the_numbers_of_the_data_file(vlmeval: Vlmeval, tmp_path: Path, suffix: str) -> None:
    pictures(tmp_path)
    data = tmp_path / f"mine.{suffix}"
    WRITERS[suffix](data, choice_rows())
    status, out, err = vlmeval("init-task", data.name)
    assert (status, err) == (0, "")
    assert "kind     choice: columns A, B, C, D are the options" in out
    assert "tags     difficulty: --slice scores by them" in out
    assert "wrote    mine.toml" in out
    found = {}
    for name in (f"./{data.name}", "./mine.toml"):
        results = tmp_path / name.rpartition(".")[2]
        asked = ("--model", "my_model.py:Fixed", "--tasks", name, "-o", results / "results", "--slice", "difficulty")
        status, _, err = vlmeval("run", *asked, "--quiet", "--no-report")
        assert status == 0, err
        assert ("kind     choice" in err) is name.endswith(suffix)
        found[name] = numbers(folder_of(results, "mine"))
    assert found[f"./{data.name}"] == found["./mine.toml"]
    assert {(metric, tag): value for metric, tag, value, *_ in found["./mine.toml"]} == {
        ("accuracy", ""): 0.5, ("accuracy", "difficulty=easy"): 2 / 3, ("accuracy", "difficulty=hard"): 0.0,
    }  # fmt: skip


def test_neither_an_existing_file_nor_the_name_of_a_built_in_task_is_taken(vlmeval: Vlmeval, tmp_path: Path) -> None:
    pictures(tmp_path)
    tsv(tmp_path / "mine.tsv", choice_rows())
    (tmp_path / "mine.toml").write_text("mine")
    status, _, err = vlmeval("init-task", "mine.tsv")
    assert status == 2
    assert "mine.toml is there already and is not overwritten" in err
    assert (tmp_path / "mine.toml").read_text() == "mine"
    status, _, err = vlmeval("init-task", "mine.tsv", "--name", "mmstar")
    assert status == 2
    assert 'a task "mmstar" comes with vlmeval' in err
    assert vlmeval("init-task", "mine.tsv", "--name", "other")[0] == 0
    assert find_task(str(tmp_path / "other.toml")).name == "other"
    status, _, err = vlmeval("init-task", "mine.tsv", "--name", "../elsewhere")
    assert (status, "a name, not a path" in err) == (2, True)


def test_a_task_file_in_another_folder_finds_its_data(vlmeval: Vlmeval, tmp_path: Path) -> None:
    pictures(tmp_path)
    tsv(tmp_path / "mine.tsv", choice_rows())
    status, _, _ = vlmeval("init-task", "mine.tsv", "-o", tmp_path / "all" / "tasks")
    assert status == 0
    assert tomllib.loads((tmp_path / "all" / "tasks" / "mine.toml").read_text())["benchmark"] == "../../mine.tsv"
    assert vlmeval("data", "check", tmp_path / "all" / "tasks" / "mine.toml")[0] == 0


@pytest.mark.parametrize(
    ("rows", "kind", "primary"),
    [
        ([{"question": "Is it red? Please answer yes or no.", "answer": "Yes"}, {"question": "Is it?", "answer": "no"}],
         "yesno", "yesno_accuracy"),
        ([{"question": "How many?", "answer": 3}, {"question": "And now?", "answer": 1}], "short", "exact_match"),
        ([{"question": "How many?", "answers": ["3"] * 10}], "short", "vqa_v2"),
        ([{"captions": ["a dog", "the dog"]}], "caption", "cider"),
        ([{"expression": "the dog", "bbox": [0, 0, 4, 4]}], "grounding", "iou_50"),
        (group(1, ["red", "blue"]), "choice", "circular"),
    ],
)  # fmt: skip
def test_the_columns_decide_the_kind_and_the_task_runs(
    vlmeval: Vlmeval, tmp_path: Path, rows: Rows, kind: str, primary: str
) -> None:
    shown = [{"image": b64(png((number, 1, 1))), **row} for number, row in enumerate(rows)]
    if kind == "choice":
        tsv(tmp_path / "mine.tsv", rows)
    else:
        json_lines(tmp_path / "mine.jsonl", shown)
    status, out, err = vlmeval("init-task", "mine.tsv" if kind == "choice" else "mine.jsonl")
    assert status == 0, err
    assert f"kind     {kind}: " in out
    task = find_task(str(tmp_path / "mine.toml"))
    assert (task.kind, task.primary) == (kind, primary)
    asked = ("--model", "my_model.py:Fixed", "--tasks", "./mine.toml", "--quiet", "--no-report")
    assert vlmeval("run", *asked)[0] in (0, 1)
    assert numbers(folder_of(tmp_path, "mine"))


def test_a_column_of_empty_answers_is_a_test_split_that_is_asked_and_not_scored(
    vlmeval: Vlmeval, tmp_path: Path
) -> None:
    pictures(tmp_path)
    tsv(tmp_path / "mine.tsv", [{**row, "answer": ""} for row in choice_rows()])
    status, out, _ = vlmeval("init-task", "mine.tsv")
    assert (status, "gold     none: a run is asked, not scored" in out) == (0, True)
    asked = ("--model", "my_model.py:Fixed", "--tasks", "./mine.toml", "--quiet", "--no-report", "--predict-only")
    assert vlmeval("run", *asked)[0] == 0


def test_a_file_that_says_nothing_or_has_a_wrong_first_row_leaves_no_task(vlmeval: Vlmeval, tmp_path: Path) -> None:
    tsv(tmp_path / "odd.tsv", [{"x": 1, "y": 2}])
    status, _, err = vlmeval("init-task", "odd.tsv")
    assert (status, "columns x, y: expected question and answer" in err) == (2, True)
    tsv(tmp_path / "wrong.tsv", choice_rows())
    status, _, err = vlmeval("init-task", "wrong.tsv")
    assert status == 2
    assert 'wrong.tsv, line 2, column "image_path": image file "pictures/0.png" is not there' in err
    status, _, err = vlmeval("init-task", "notes.txt")
    assert (status, "data files end in .tsv" in err) == (2, True)
    status, _, err = vlmeval("init-task", "missing.tsv")
    assert (status, "missing.tsv: no such file" in err) == (2, True)
    assert list(tmp_path.glob("*.toml")) == []

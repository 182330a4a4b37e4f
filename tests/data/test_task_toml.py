"""A task and the TOML that spells it are one thing."""

from pathlib import Path

import msgspec
from hypothesis import given
from hypothesis import strategies as some

from vlmeval.data.catalog import list_tasks
from vlmeval.data.task import PromptStyle, Task
from vlmeval.data.task_toml import task_toml
from vlmeval.jsonio import read_toml

TEXT = some.text(some.characters(exclude_categories=["Cs"]), max_size=20)
HARD = 'a "quoted"\\ \x7f\x00\n\t= [x] # 日本 \U0001f600'


def again(task: Task, folder: Path, head: tuple[str, ...] = ()) -> Task:
    path = folder / "t.toml"
    path.write_text(task_toml(task, head), "utf8", newline="")
    return read_toml(path, Task)


def test_every_task_of_the_catalog_survives_its_own_toml(tmp_path: Path) -> None:
    for task in list_tasks():
        assert again(task, tmp_path) == task


def test_hostile_texts_stay_texts(tmp_path: Path) -> None:
    style = PromptStyle(HARD, wrap={HARD: HARD})
    task = Task(HARD, HARD, "s", "short", ("m",), "m", prompts={HARD: style}, options={HARD: [1, 0.5, True, HARD]})
    assert again(task, tmp_path, ("two\nlines", "")) == task


@given(TEXT, TEXT, some.dictionaries(TEXT, some.booleans() | some.integers(-9, 9) | TEXT, max_size=3))
def test_any_text_survives(title: str, key: str, options: dict[str, object]) -> None:
    import tempfile

    task = msgspec.structs.replace(Task("n", "b", "s", "k", ("m",), "m"), title=title, options={**options, key: title})
    with tempfile.TemporaryDirectory() as folder:
        assert again(task, Path(folder)) == task

"""The tracked table of published figures, and files of the same columns beside results."""

from __future__ import annotations

from pathlib import Path

import pytest

from vlmeval.data.catalog import find_task, list_tasks
from vlmeval.data.published import published_files, published_text, read_published, with_published
from vlmeval.data.task import Published
from vlmeval.errors import ConfigError

TABLE = Path(__file__).resolve().parents[2] / "results" / "published" / "scores.csv"
HEAD = "task,metric,slice,model,value,samples,prompt,source,note\n"


def test_the_tracked_table_is_what_the_tasks_say() -> None:
    assert TABLE.read_text("utf8") == published_text(list_tasks())


def test_every_published_figure_has_a_source_and_a_metric_of_its_task() -> None:
    for name, rows in read_published(TABLE).items():
        task = find_task(name)
        assert all(row.source for row in rows), name
        assert {row.metric for row in rows} <= set(task.metrics), name


def test_what_is_read_back_is_what_was_published() -> None:
    task = find_task("pope")
    back = read_published(TABLE)["pope"]
    assert {(row.model, row.value, row.samples) for row in back} == {
        (row.model, row.value, row.samples) for row in task.published
    }
    assert with_published(task, back) == task


def test_another_file_adds_figures(tmp_path: Path) -> None:
    (tmp_path / "published").mkdir()
    path = tmp_path / "published" / "mine.csv"
    path.write_text(f"{HEAD}mmstar,,,my-model,41.5,1500,,my paper,\n", encoding="utf8")
    assert published_files([tmp_path]) == [path]
    rows = read_published(path)["mmstar"]
    assert rows == [Published("my-model", 41.5, "my paper", samples=1500)]
    task = find_task("mmstar")
    assert with_published(task, rows).published == (*task.published, rows[0])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"{HEAD}mmstar,,,m,many,,,s,\n", "line 2"),
        (f"{HEAD}mmstar,,,m,41,,,,\n", '"source" is empty'),
        ("task,model,value\nmmstar,m,4\n", "no column source"),
        ("task,model,value,source,score\nmmstar,m,4,s,1\n", "unknown columns score"),
    ],
)
def test_a_wrong_file_is_an_error_with_its_line(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "published.csv"
    path.write_text(text, encoding="utf8")
    with pytest.raises(ConfigError, match=said) as raised:
        read_published(path)
    assert str(path) in str(raised.value)

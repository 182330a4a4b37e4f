"""Seals: an edited, removed or added line of a run's evidence is found and named."""

from __future__ import annotations

from pathlib import Path

import pytest

from vlmeval.store.layout import RunFolder
from vlmeval.store.seals import FILE, broken, seal

LINES = [b'{"a": 1}\n', b'{"a": 2}\n', b'{"a": 3}\n']


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    found = RunFolder(tmp_path)
    found.outputs.write_bytes(b"".join(LINES))
    found.questions.write_bytes(b'{"id": "q1"}\n')
    return found


def test_an_untouched_run_is_whole(folder: RunFolder) -> None:
    noted = seal(folder)
    assert set(noted) == {"outputs.jsonl", "questions.jsonl"}
    assert broken(folder, noted) == []


def test_a_run_without_seals_has_none_that_could_be_broken(folder: RunFolder) -> None:
    assert broken(folder, {}) == []


def test_each_edited_line_is_named(folder: RunFolder) -> None:
    noted = seal(folder)
    folder.outputs.write_bytes(b'{"a": 7}\n' + LINES[1] + b'{"a": 8}\n')
    assert [(one.file, one.line) for one in broken(folder, noted)] == [("outputs.jsonl", 1), ("outputs.jsonl", 3)]
    assert broken(folder, noted)[0].words() == "outputs.jsonl, line 1: was edited after the run ended"


@pytest.mark.parametrize(
    ("lines", "line", "said"),
    [
        (LINES[:1] + LINES[2:], 2, "1 lines were removed"),
        ([*LINES, b'{"a": 4}\n'], 4, "1 lines were added"),
        (LINES[:2], 3, "1 lines were removed"),
    ],
)
def test_the_first_line_is_named_where_some_are_gone_or_new(
    folder: RunFolder, lines: list[bytes], line: int, said: str
) -> None:
    noted = seal(folder)
    folder.outputs.write_bytes(b"".join(lines))
    (found,) = broken(folder, noted)
    assert found.line == line
    assert said in found.problem


def test_a_torn_last_line_is_told_from_an_edit(folder: RunFolder) -> None:
    noted = seal(folder)
    folder.outputs.write_bytes(b"".join(LINES)[:-4])
    (found,) = broken(folder, noted)
    assert (found.line, found.torn) == (3, True)


def test_a_file_that_is_gone_is_named(folder: RunFolder) -> None:
    noted = seal(folder)
    folder.questions.unlink()
    assert [one.problem for one in broken(folder, noted)] == ["the run had this file, and it is gone"]


def test_an_edited_seal_hides_nothing(folder: RunFolder) -> None:
    noted = seal(folder)
    folder.outputs.write_bytes(b'{"a": 9}\n' + b"".join(LINES[1:]))
    seal(folder)
    (found,) = broken(folder, noted)
    assert found.file == "outputs.jsonl"
    (folder.path / FILE).unlink()
    assert broken(folder, noted)[0].file == "outputs.jsonl"


def test_sealing_one_file_leaves_the_seals_of_others(folder: RunFolder) -> None:
    noted = seal(folder)
    folder.judge.write_bytes(b'{"j": 1}\n')
    noted |= seal(folder, ["judge.jsonl"])
    folder.outputs.write_bytes(LINES[0] + b'{"a": 5}\n' + LINES[2])
    assert [(one.file, one.line) for one in broken(folder, noted)] == [("outputs.jsonl", 2)]

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vlmeval.errors import ConfigError
from vlmeval.store.layout import LONGEST_NAME, RunFolder, find_runs, last_number, numbered, run_folder, safe_name


@given(name=st.text(max_size=300))
def test_no_name_leaves_its_folder_is_hidden_or_empty(name: str) -> None:
    folder = safe_name(name)
    assert folder
    assert "/" not in folder
    assert "\x00" not in folder
    assert not folder.startswith(".")
    assert len(folder.encode()) <= LONGEST_NAME
    assert (Path("results") / folder).parent == Path("results")


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("mmbench_dev_en", "mmbench_dev_en"),
        ("Qwen/Qwen2-VL-2B-Instruct", "Qwen-Qwen2-VL-2B-Instruct"),
        ("../../etc/passwd", "etc-passwd"),
        ("images", "images_"),
        ("模型", "模型"),
    ],
)
def test_readable_names_stay_readable(name: str, folder: str) -> None:
    assert safe_name(name) == folder


def test_names_that_cannot_be_kept_stay_apart() -> None:
    assert safe_name("..") != safe_name("...")
    assert safe_name("x" * 500 + "a") != safe_name("x" * 500 + "b")


def test_a_run_knows_its_files_and_the_root_of_its_images(tmp_path: Path) -> None:
    folder = run_folder(tmp_path, "task", "org/model", "abc")
    assert folder == RunFolder(tmp_path / "task" / "org-model" / "abc")
    assert folder.results == tmp_path
    assert {folder.manifest_path.name, folder.questions.name, folder.outputs.name, folder.judge.name} == {
        "run.json",
        "questions.jsonl",
        "outputs.jsonl",
        "judge.jsonl",
    }


def make_run(folder: RunFolder) -> RunFolder:
    folder.path.mkdir(parents=True)
    folder.manifest_path.write_text("{}")
    return folder


def test_runs_of_one_fingerprint_are_numbered(tmp_path: Path) -> None:
    assert last_number(tmp_path, "t", "m", "abc") == 0
    for name in ("abc", "abc-2", "abc-10", "abcd", "abc-x"):
        make_run(run_folder(tmp_path, "t", "m", name))
    assert last_number(tmp_path, "t", "m", "abc") == 10
    assert (numbered("abc", 1), numbered("abc", 11)) == ("abc", "abc-11")


def test_runs_are_found_from_any_folder_above_once_and_sorted(tmp_path: Path) -> None:
    two = make_run(run_folder(tmp_path, "t", "m2", "b"))
    one = make_run(run_folder(tmp_path, "t", "m1", "a"))
    assert find_runs([tmp_path]) == [one, two]
    assert find_runs([tmp_path / "t", one.path, two.manifest_path]) == [one, two]
    assert find_runs([tmp_path / "t" / "m2"]) == [two]


def test_a_path_without_runs_says_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="holds no run"):
        find_runs([tmp_path])
    with pytest.raises(ConfigError, match="does not exist"):
        find_runs([tmp_path / "nowhere"])

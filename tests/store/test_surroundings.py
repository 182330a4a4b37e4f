import subprocess
from pathlib import Path

from vlmeval.jsonio import encode
from vlmeval.store.surroundings import checkpoint_commit, surroundings


def git(folder: Path, *words: str) -> str:
    identity = ["-c", "user.name=a", "-c", "user.email=a@b"]
    return subprocess.run(["git", *identity, *words], cwd=folder, check=True, capture_output=True, text=True).stdout


def test_surroundings_are_json_and_name_the_versions_that_matter() -> None:
    found = surroundings()
    assert encode(found)
    assert found["version.msgspec"]
    assert found["processors"] >= 1


def test_a_checkpoint_in_a_repository_has_its_commit(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    (tmp_path / "weights").mkdir()
    assert checkpoint_commit(tmp_path / "weights") == ""
    git(tmp_path, "commit", "-q", "--allow-empty", "-m", "x")
    commit = git(tmp_path, "rev-parse", "HEAD").strip()
    assert checkpoint_commit(tmp_path / "weights") == commit
    git(tmp_path, "pack-refs", "--all")
    assert checkpoint_commit(tmp_path / "weights") == commit
    git(tmp_path, "checkout", "-q", "--detach")
    assert checkpoint_commit(tmp_path / "weights") == commit


def test_a_hub_snapshot_has_the_commit_in_its_path(tmp_path: Path) -> None:
    folder = tmp_path / "models--a--b" / "snapshots" / ("c" * 40)
    folder.mkdir(parents=True)
    assert checkpoint_commit(folder) == "c" * 40

"""Another distribution of the same import name must never be run, or run over, without a word."""

import os
import subprocess
import sys
from pathlib import Path

import vlmeval_start

ROOT = Path(__file__).resolve().parent.parent


def test_our_own_package_is_alone() -> None:
    assert vlmeval_start.conflict(ROOT / "vlmeval") is None


def test_foreign_files_beside_ours_are_named(tmp_path: Path) -> None:
    (tmp_path / "__init__.py").write_bytes((ROOT / "vlmeval" / "__init__.py").read_bytes())
    (tmp_path / "smp").mkdir()
    problem = vlmeval_start.conflict(tmp_path)
    assert problem is not None
    assert "it holds smp" in problem
    assert "pip uninstall" in problem


def test_a_package_overwritten_by_another_is_never_imported(tmp_path: Path) -> None:
    package = tmp_path / "vlmeval"
    package.mkdir()
    (package / "__init__.py").write_text("raise SystemExit('the other package was imported')\n")
    (package / "vlm").mkdir()
    (tmp_path / "vlmeval_start.py").write_bytes((ROOT / "vlmeval_start.py").read_bytes())
    done = subprocess.run(
        [sys.executable, "-c", "import vlmeval_start; vlmeval_start.main()"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 2
    assert "not vlmeval's alone" in done.stderr
    assert "was imported" not in done.stderr

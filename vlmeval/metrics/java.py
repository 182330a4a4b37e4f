"""The Java programs that pycocoevalcap brings, where they can run."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
from pathlib import Path

PACKAGE = "pycocoevalcap"


def home() -> Path | None:
    """Return the folder of pycocoevalcap, None where it is not installed; nothing of it is imported."""
    found = importlib.util.find_spec(PACKAGE)
    if found is None or not found.submodule_search_locations:
        return None
    return Path(next(iter(found.submodule_search_locations)))


def lacks(*files: tuple[str, str]) -> str:
    """Return what is missing to run a program of pycocoevalcap, "" for nothing.

    `files` are (path in the package, what to call it): each must be there.
    """
    folder = home()
    if folder is None:
        return f"no {PACKAGE}"
    if shutil.which("java") is None:
        return "no Java"
    return next((f"no {name}" for path, name in files if not (folder / path).exists()), "")


def run_java(arguments: list[str], text: str, folder: Path) -> list[str]:
    """Return the lines that a Java program in `folder` prints for `text` on its input, UTF-8 whatever the locale.

    Raises ValueError where it fails.
    """
    command = ["java", "-Dfile.encoding=UTF-8", "-Dstdout.encoding=UTF-8", *arguments]
    done = subprocess.run(command, input=text.encode(), capture_output=True, cwd=folder, check=False)
    if done.returncode:
        said = done.stderr.decode("utf8", "replace").strip().splitlines()
        raise ValueError(f"{arguments[-1]}: java ended with {done.returncode}: {said[-1] if said else 'no message'}")
    return done.stdout.decode("utf8").splitlines()

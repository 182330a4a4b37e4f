"""The `vlmeval` command, before anything of the package `vlmeval` is imported.

VLMEvalKit and its forks install a package of the same import name. Two distributions that write into one folder
overwrite each other's files without a word, so the folder is looked at first; foreign files are named, with a way out.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

_OURS = b"numbers that can be defended"
_FOREIGN = ("smp", "vlm", "inference.py", "inference_mt.py", "config.py", "dataset")


def conflict(package: Path) -> str | None:
    """Return what is wrong with the folder of the package `vlmeval`, or None where it is ours alone."""
    foreign = [name for name in _FOREIGN if (package / name).exists()]
    try:
        ours = _OURS in (package / "__init__.py").read_bytes()
    except OSError:
        ours = False
    if ours and not foreign:
        return None
    found = f"it holds {', '.join(foreign)}" if foreign else "its __init__.py is not ours"
    return (
        f"vlmeval: the package at {package} is not vlmeval's alone: {found}.\n"
        "Another distribution (VLMEvalKit, ms-vlmeval) uses the same import name, and one has overwritten the other.\n"
        "Keep them apart, each in an environment of its own:\n"
        "    python -m venv vlmeval-env && vlmeval-env/bin/pip install 'vlmeval[hf]'\n"
        "or repair this one: pip uninstall -y vlmeval ms-vlmeval, remove what is left of that folder, install again.\n"
        "If the folder is a checkout you stand in or that PYTHONPATH names, run from elsewhere or unset PYTHONPATH."
    )


def main() -> None:
    """Run the command line, or say which other package is in the way and exit with status 2."""
    spec = importlib.util.find_spec("vlmeval")
    if spec is None or not spec.submodule_search_locations:
        sys.exit("vlmeval: the package vlmeval cannot be found; install it again")
    problem = conflict(Path(next(iter(spec.submodule_search_locations))))
    if problem:
        print(problem, file=sys.stderr)
        sys.exit(2)
    from vlmeval.cli.main import run

    run()


if __name__ == "__main__":
    main()

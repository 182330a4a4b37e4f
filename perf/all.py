"""Runs the scripts of this folder that need no GPU, one after the other, and writes what they printed to RESULTS.md.

    python perf/all.py [NAME ...]

Each script is a process of its own with one BLAS thread. Exit status 1 where a bar was missed or a script failed.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import time
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
# In the order of what a reader asks first. Scripts with arguments run at a size that fits into the ten minutes.
SCRIPTS: dict[str, tuple[str, ...]] = {
    "api": (),
    "overhead": (),
    "prefix": (),
    "scoring": (),
    "answers": (),
    "captions": (),
    "retrieval": (),
    "statistics": (),
    "sbs_ratings": (),
    "sbs_load": (),
    "ray": (),
}
PACKAGES = ("numpy", "torch", "transformers", "pyarrow", "rapidfuzz", "msgspec", "ray", "pycocoevalcap")


def machine() -> list[str]:
    """Return lines that say where and with what the figures were measured."""
    versions = []
    for package in PACKAGES:
        try:
            versions.append(f"{package} {metadata.version(package)}")
        except metadata.PackageNotFoundError:
            versions.append(f"{package} -")
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return [
        f"{datetime.now(UTC):%Y-%m-%d}, {platform.machine()}, {os.cpu_count()} cores, {memory:.0f} GiB, "
        f"{platform.system()}, Python {platform.python_version()}.",
        "",
        f"{', '.join(versions)}.",
    ]


def measured(name: str) -> tuple[str, int, float]:
    """Return what a script printed, its exit status, and its wall seconds."""
    one = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, str(FOLDER / f"{name}.py"), *SCRIPTS[name]],
        env={**os.environ, **one},
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    return done.stdout, done.returncode, time.monotonic() - began


def table(printed: str) -> list[str]:
    """Return the printed lines as a Markdown table; lines of another form follow it as they are."""
    rows = [line.split(" | ") for line in printed.splitlines() if line.count(" | ") == 4]
    others = [line for line in printed.splitlines() if line.strip() and line.count(" | ") != 4]
    cells = [f"| {' | '.join(row)} |" for row in rows]
    if cells:
        cells.insert(1, "| --- | --- | --- | --- | --- |")
    return [*cells, *(["", "```", *others, "```"] if others else [])]


def main() -> int:
    """Run the scripts, write RESULTS.md, return 1 where one failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", choices=[*SCRIPTS, []])
    names = parser.parse_args().names or [name for name in SCRIPTS if (FOLDER / f"{name}.py").exists()]
    text = [
        "# What was measured",
        "",
        "Written by `make perf`. Ratios are of one run, costs are CPU seconds; a ratio above 1 is in our favour.",
        "",
        *machine(),
    ]
    failed = []
    for name in names:
        printed, status, seconds = measured(name)
        print(f"== {name} ({seconds:.0f} s)\n{printed}", flush=True)
        failed += [name] if status else []
        note = f", exit status {status}" if status else ""
        text += ["", f"## perf/{name}.py", "", *table(printed), "", f"{seconds:.0f} s{note}"]
    (FOLDER / "RESULTS.md").write_text("\n".join(text) + "\n", encoding="utf8")
    if failed:
        print(f"bars missed: {', '.join(failed)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

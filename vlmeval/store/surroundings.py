"""Where a run took place: versions, hardware, a checkpoint's commit. Recorded with the answers, never fingerprinted.

Nothing is imported to find out: versions come from the installed distributions, GPUs from torch where the model has
loaded it already.
"""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import sys
from pathlib import Path
from typing import Any

DISTRIBUTIONS = ("torch", "transformers", "accelerate", "datasets", "vllm", "pillow", "numpy", "msgspec", "urllib3")
_COMMIT = re.compile(r"[0-9a-f]{40,64}")
_SNAPSHOT = re.compile(r"/snapshots/([0-9a-f]{40})(?:/|$)")


def surroundings() -> dict[str, Any]:
    """Return python, platform, processors, gpus, and "version.NAME" of each installed distribution that matters."""
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "processors": os.cpu_count() or 0,
        **({"gpus": gpus} if (gpus := _gpus()) else {}),
        **{f"version.{name}": version for name in DISTRIBUTIONS if (version := _version(name))},
    }


def _version(distribution: str) -> str:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return ""


def _gpus() -> list[str]:
    torch: Any = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_initialized():
        return []
    return [str(torch.cuda.get_device_name(index)) for index in range(torch.cuda.device_count())]


def checkpoint_commit(path: Path) -> str:
    """Return the commit that the hub snapshot or git repository around a checkpoint stands at, "" without either."""
    whole = path.resolve()
    snapshot = _SNAPSHOT.search(whole.as_posix())
    if snapshot:
        return snapshot[1]
    for folder in (whole, *whole.parents):
        if (folder / ".git").is_dir():
            return _head(folder / ".git")
    return ""


def _head(git: Path) -> str:
    """Return the commit of HEAD without running git, "" where it cannot be told."""
    try:
        head = (git / "HEAD").read_text("ascii").strip()
        if not head.startswith("ref: "):
            return head if _COMMIT.fullmatch(head) else ""
        name = head.removeprefix("ref: ")
        if (git / name).is_file():
            return (git / name).read_text("ascii").strip()
        packed = (git / "packed-refs").read_text("ascii").splitlines()
    except (OSError, UnicodeDecodeError):
        return ""
    return next((line.split()[0] for line in packed if line.endswith(f" {name}")), "")

"""Where things lie under `results/`: one folder per run, images once for all runs.

    results/<task>/<model>/<run-id>/   run.json, questions.jsonl, outputs.jsonl, judge.jsonl, samples.jsonl, scores.json
    results/images/<run-id>.tar           members <sha256>.<format>

Names of tasks and models come from outside (plug-ins, hub names, paths): none of them leaves `results/`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from vlmeval.errors import ConfigError

LONGEST_NAME = 96
RUN_ID_DIGITS = 12
DEPTHS = tuple("*/" * depth + "run.json" for depth in range(7))
RESERVED = frozenset({"images", "sbs", "published"})
_SHARD = re.compile(r"\.[1-9][0-9]*of[1-9][0-9]*(-[1-9][0-9]*)?$")


@dataclass(frozen=True, order=True)
class RunFolder:
    """A run on disk, by its path. Nothing is read before it is asked for."""

    path: Path

    @property
    def manifest_path(self) -> Path:
        """run.json: the recipe, counts and state."""
        return self.path / "run.json"

    @property
    def questions(self) -> Path:
        """questions.jsonl: the samples as asked."""
        return self.path / "questions.jsonl"

    @property
    def outputs(self) -> Path:
        """outputs.jsonl: the journal."""
        return self.path / "outputs.jsonl"

    @property
    def judge(self) -> Path:
        """judge.jsonl: the journal of judge calls."""
        return self.path / "judge.jsonl"

    @property
    def samples(self) -> Path:
        """samples.jsonl: the scored samples, derived."""
        return self.path / "samples.jsonl"

    @property
    def scores(self) -> Path:
        """scores.json: the estimates, derived."""
        return self.path / "scores.json"

    @property
    def scorers(self) -> Path:
        """scorers.jsonl: the samples on which two scorers differ, derived."""
        return self.path / "scorers.jsonl"

    def encoded(self, mark: str) -> RunFolder:
        """encoders/<mark>/: the vectors of captions, images and references that one encoder made."""
        return RunFolder(self.path / "encoders" / mark)

    @property
    def results(self) -> Path:
        """The root that holds the run's images."""
        return self.path.resolve().parents[2]


def safe_name(name: str) -> str:
    """Return `name` as one folder name: letters, digits and `._+=@-`, never hidden, never empty, at most 96 characters.

    Two names may share a folder; their runs differ by run id. A shortened or unusable name keeps part of its digest.
    """
    folder = re.sub(r"[^\w.+=@-]+", "-", name).strip(".-")
    if folder in RESERVED:
        folder += "_"
    if folder and len(folder.encode()) <= LONGEST_NAME:
        return folder
    mark = hashlib.sha256(name.encode("utf8", "backslashreplace")).hexdigest()[:8]
    kept = folder.encode()[: LONGEST_NAME - 9].decode("utf8", "ignore")
    return f"{kept}-{mark}".strip("-")


def run_folder(results: Path, task_name: str, model_name: str, run_id: str) -> RunFolder:
    """Return the folder of a run; it need not exist."""
    return RunFolder(results / safe_name(task_name) / safe_name(model_name) / safe_name(run_id))


def numbered(run_id: str, number: int) -> str:
    """Return the name of the `number`-th run of one fingerprint, counted from 1: "3fa2..", "3fa2..-2", "3fa2..-3"."""
    return run_id if number == 1 else f"{run_id}-{number}"


def sharded(run_id: str, index: int, count: int) -> str:
    """Return the run id of one shard: "3fa2...2of4"."""
    return f"{run_id}.{index}of{count}"


def is_shard(folder: RunFolder) -> bool:
    """Tell by its name whether a folder holds a shard of a run."""
    return _SHARD.search(folder.path.name) is not None


def last_number(results: Path, task_name: str, model_name: str, run_id: str) -> int:
    """Return the number of the newest run of `run_id`, 0 where there is none."""
    parent = run_folder(results, task_name, model_name, run_id).path.parent
    pattern = re.compile(re.escape(run_id) + r"(?:-([1-9][0-9]*))?")
    found = [pattern.fullmatch(folder.parent.name) for folder in parent.glob(f"{run_id}*/run.json")]
    return max((int(match[1] or 1) for match in found if match), default=0)


def find_runs(paths: Iterable[Path]) -> list[RunFolder]:
    """Return the runs at or below each path (a run folder, its run.json, or any folder above), each once, sorted.

    A shard is part of a run, and found only where it is named itself. Raises ConfigError for a path that is not there
    or holds no run.
    """
    runs: set[RunFolder] = set()
    for path in paths:
        start = path.parent if path.name == "run.json" else path
        every = runs_below(start)
        found = {run for run in every if run.path == start or not is_shard(run)}
        if every and not found:
            raise ConfigError(f"{path}: holds shards of runs only; join them first: vlmeval merge {path}")
        if not found:
            problem = "holds no run (no run.json in it or in its folders)" if start.exists() else "does not exist"
            raise ConfigError(f"{path}: {problem}; name a run folder, or the folder given to `vlmeval run` as -o")
        runs |= found
    return sorted(runs)


def runs_below(start: Path) -> set[RunFolder]:
    """Return the runs at or below `start`, shards included."""
    return {RunFolder(manifest.parent) for depth in DEPTHS for manifest in start.glob(depth)}

"""The sides of a comparison: which run of each model stands for a task.

A side is a run folder or a folder above runs, with one run a task. Of several runs of one recipe the newest counts;
other doubles are an error, because nobody could tell which one a figure is of.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from vlmeval.errors import ConfigError
from vlmeval.registry import did_you_mean
from vlmeval.store.layout import RunFolder, find_runs
from vlmeval.store.manifest import read_manifest
from vlmeval.store.results import Manifest

Key = tuple[str, str]
"""Task and what stands in place of its images ("" where they are shown)."""


@dataclass(frozen=True, slots=True)
class Side:
    """One model: its name on the page, where it was found, and its run of each task."""

    label: str
    path: Path
    runs: dict[Key, RunFolder]

    def pairs(self, other: Side) -> list[tuple[RunFolder, RunFolder]]:
        """Return the runs of the tasks that both have, by task; two single runs of one task go together as they are."""
        both = [(self.runs[key], other.runs[key]) for key in sorted(self.runs) if key in other.runs]
        if not both and len(self.runs) == len(other.runs) == 1 and self.tasks == other.tasks:
            return [(next(iter(self.runs.values())), next(iter(other.runs.values())))]
        return both

    def unpaired(self, other: Side) -> list[str]:
        """Return "TASK: only LABEL has it" for each task without a pair."""
        if self.pairs(other) and not self.runs.keys() & other.runs.keys():
            return []
        return [
            f"{named(key)}: only {side.label} has it"
            for key in sorted(self.runs.keys() ^ other.runs.keys())
            for side in (self, other)
            if key in side.runs
        ]

    @property
    def tasks(self) -> set[str]:
        """The names of its tasks."""
        return {task for task, _ in self.runs}


def named(key: Key) -> str:
    """Return a task as tables name it."""
    task, blind = key
    return f"{task} (blind: {blind})" if blind else task


def sides_of(paths: Sequence[Path]) -> list[Side]:
    """Return a side for each path; of a single path, one for each model below it.

    Raises ConfigError for a path without runs, and for two recipes of one task on one side.
    """
    groups: list[tuple[Path, list[tuple[RunFolder, Manifest]]]] = []
    for path in paths:
        runs = [(folder, read_manifest(folder)) for folder in find_runs([path])]
        if len(paths) > 1:
            groups.append((path, runs))
        else:
            models = sorted({manifest.model_name for _, manifest in runs})
            groups += [(path, [run for run in runs if run[1].model_name == model]) for model in models]
    names = [" + ".join(sorted({manifest.model_name for _, manifest in runs})) for _, runs in groups]
    labels: list[str] = []
    for name, (path, _) in zip(names, groups, strict=True):
        label = name if names.count(name) == 1 else f"{name} ({path})"
        same = sum(label == other.partition(" #")[0] for other in labels)
        labels.append(f"{label} #{same + 1}" if same else label)
    return [Side(label, path, one_a_task(path, runs)) for label, (path, runs) in zip(labels, groups, strict=True)]


def one_a_task(path: Path, runs: Iterable[tuple[RunFolder, Manifest]]) -> dict[Key, RunFolder]:
    """Return the run of each task. Raises ConfigError where two recipes of one task compete."""
    found: dict[Key, tuple[RunFolder, Manifest]] = {}
    for folder, manifest in runs:
        key = (manifest.task.name, manifest.origin.blind)
        before = found.get(key)
        if before is not None and before[1].fingerprint != manifest.fingerprint:
            raise ConfigError(
                f"{path} holds several runs of {named(key)}: {before[0].path} and {folder.path}; name one of them"
            )
        if before is None or before[1].started <= manifest.started:
            found[key] = (folder, manifest)
    return {key: folder for key, (folder, _) in found.items()}


def find_side(sides: Sequence[Side], name: str) -> int:
    """Return the place of the side called `name`, by label, model or path. Raises ConfigError with the nearest name."""
    for place, side in enumerate(sides):
        if name in (side.label, str(side.path)) or Path(name).absolute() == side.path.absolute():
            return place
    labels = [side.label for side in sides]
    hint = did_you_mean(name, labels) or f"; there are: {', '.join(labels)}"
    raise ConfigError(f'--baseline "{name}": none of the runs is called so{hint}')

"""Shards on disk: which there are, and whether they are one whole run, each part once, finished and as it was left."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from vlmeval.errors import ConfigError, JournalError
from vlmeval.store.layout import RunFolder, runs_below
from vlmeval.store.manifest import differences, read_manifest
from vlmeval.store.results import Manifest, Shard
from vlmeval.store.seals import broken

AGAIN = "run its command again"


@dataclass(frozen=True)
class Part:
    """A shard on disk."""

    folder: RunFolder
    manifest: Manifest
    shard: Shard

    def __str__(self) -> str:
        return f"shard {self.shard.title} ({self.folder.path})"


def find_shards(paths: Iterable[Path]) -> list[list[Part]]:
    """Return the shards at or below the paths, those of one task and model together, in their order.

    Raises ConfigError for a path that is not there or holds no shard.
    """
    groups: dict[tuple[str, str], dict[Path, Part]] = {}
    for path in paths:
        start = path.parent if path.name == "run.json" else path
        found = [(run, read_manifest(run)) for run in sorted(runs_below(start))]
        parts = [Part(run, manifest, manifest.shard) for run, manifest in found if manifest.shard is not None]
        if not parts:
            problem = "holds no shard of a run" if start.exists() else "does not exist"
            raise ConfigError(f"{path}: {problem}; shards are made by `vlmeval run --shard 1/4`")
        for part in parts:
            own = groups.setdefault((part.manifest.task.name, part.manifest.model_name), {})
            own[part.folder.path.resolve()] = part
    return [sorted(found.values(), key=lambda part: part.shard.index) for _, found in sorted(groups.items())]


def check(parts: Sequence[Part]) -> None:
    """Raise ConfigError or JournalError unless `parts` are the finished shards of one run, each once."""
    first = parts[0]
    for part in parts[1:]:
        if lines := differences(first.manifest.recipe, part.manifest.recipe):
            raise JournalError(
                f"{first} and {part} were made with different recipes:\n"
                + "".join(f"  {line}\n" for line in lines).replace("asked", "here")
                + "name the folders of shards that belong together"
            )
        if part.shard.count != first.shard.count or part.shard.samples != first.shard.samples:
            raise JournalError(
                f"{first} is of {first.shard.samples} samples and {part} of {part.shard.samples}: not parts of one "
                "division; name the folders of shards that belong together"
            )
    for one, other in itertools.pairwise(parts):
        if one.shard.index == other.shard.index:
            raise ConfigError(
                f"shard {one.shard.title} is there twice: {one.folder.path} and {other.folder.path}; name one of them"
            )
    count = first.shard.count
    there = {part.shard.index for part in parts}
    if missing := [f"{index}/{count}" for index in range(1, count + 1) if index not in there]:
        raise ConfigError(
            f"{first.manifest.task.name}, {first.manifest.model_name}: of {count} shards {', '.join(missing)} "
            f"{'is' if len(missing) == 1 else 'are'} missing; run what is missing (--shard {missing[0]}), or name its "
            "folder too"
        )
    _check_places(parts)
    for part in parts:
        _check_part(part, first)


def _check_places(parts: Sequence[Part]) -> None:
    """Raise JournalError unless each place of the data is in one shard."""
    place = 0
    for start, end, part in blocks(parts):
        if start != place:
            what = "no shard holds" if start > place else "two shards hold"
            raise JournalError(
                f"{part}: {what} the samples from place {min(start, place)} to {max(start, place)}: they were not made "
                "by one version of vlmeval; run all with one, with --fresh"
            )
        place = end
    if place != parts[0].shard.samples:
        raise JournalError(f"{parts[-1]}: the shards hold {place} samples of {parts[0].shard.samples}; {AGAIN}")


def _check_part(part: Part, first: Part) -> None:
    """Raise JournalError for a shard that is unfinished, edited, or defined or judged otherwise than the first."""
    manifest = part.manifest
    if manifest.state not in ("complete", "incomplete"):
        done, expected = (manifest.counts.get(name, 0) for name in ("samples", "expected"))
        raise JournalError(f"{part} is not finished: {done} of {expected} samples; {AGAIN} to complete it")
    if faults := broken(part.folder, manifest.seals):
        raise JournalError(
            f"{part}: {'; '.join(fault.words() for fault in faults)}; bring the file back as it was, or {AGAIN}"
        )
    one, other = (msgspec.to_builtins(each.manifest.task) for each in (first, part))
    if changed := [key for key in one if one[key] != other[key]]:
        raise JournalError(
            f"{first} and {part} were run with different definitions of {manifest.task.name} ({', '.join(changed)}): "
            "run both commands again with the same options; nothing is asked twice"
        )
    if manifest.encoders != first.manifest.encoders:
        raise JournalError(f"{first} and {part} have other --clipscore encoders; run the commands again with the same")
    if (manifest.judge, manifest.judge_digest) != (first.manifest.judge, first.manifest.judge_digest):
        judges = " and ".join(f"{each} by {each.manifest.judge or 'nobody'}" for each in (first, part))
        raise JournalError(f"the shards are not judged alike: {judges}; run the commands again with one --judge")


def blocks(parts: Sequence[Part]) -> list[tuple[int, int, Part]]:
    """Return the ranges of places of all shards, in the order of the data."""
    found = [(start, end, part) for part in parts for start, end in part.shard.blocks]
    return sorted(found, key=lambda block: block[:2])

"""Joins the shards of a run (`vlmeval run --shard 2/4`) into the run that one process would have left.

The questions stand in the order of the data again, so that the joined run is scored to the same bytes as an undivided
one. Whatever does not fit is refused before anything is written: another recipe, a part that is missing, there twice,
unfinished or edited. Merging again replaces what the last merge wrote, and nothing else.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from vlmeval.data.blind import images_of
from vlmeval.errors import ConfigError, DataError, JournalError
from vlmeval.store.efficiency import Efficiency, Meters, measured
from vlmeval.store.embeddings import FLOAT_BYTES, INDEX, VECTORS, Entry, read_entries
from vlmeval.store.images import ImageStore
from vlmeval.store.journal import read_records
from vlmeval.store.layout import (
    RUN_ID_DIGITS,
    RunFolder,
    last_number,
    numbered,
    run_folder,
    safe_name,
)
from vlmeval.store.lines import Lines
from vlmeval.store.lock import RunLock
from vlmeval.store.manifest import read_manifest, write_manifest
from vlmeval.store.questions import read_questions
from vlmeval.store.results import Manifest
from vlmeval.store.seals import seal
from vlmeval.store.shards import AGAIN, Part, blocks, check
from vlmeval.types import Record

ADDED = ("truncated_texts", "loading_seconds")
"""The conditions that add up over shards."""


@dataclass(frozen=True)
class Merged:
    """A joined run. `images_missing` were in no archive beside the shards: pages cannot show them."""

    folder: RunFolder
    manifest: Manifest
    images_missing: int = 0


def merge(parts: Sequence[Part], results: Path | None = None) -> Merged:
    """Join the shards of one run below `results` (None: where they are) and return the run, not yet scored.

    Raises ConfigError or JournalError that says which shards do not fit, and why.
    """
    check(parts)
    root = _root(parts[0]) if results is None else results
    folder = _target(root, parts[0].manifest)
    with RunLock(folder.path):
        before = read_manifest(folder) if folder.manifest_path.exists() else None
        _refuse_own_answers(folder, parts)
        manifest = _joined(folder, parts)
        if before is not None:
            _keep_later(manifest, before)
        manifest.state, state = "running", manifest.state
        write_manifest(folder, manifest)
        _write_lines(folder.questions, _questions(parts))
        _write_lines(folder.outputs, _lines(parts, "outputs"))
        if parts[0].manifest.judge:
            _write_judge(folder, parts, before)
        _write_embeddings(folder, [part.folder for part in parts])
        for mark in parts[0].manifest.encoders.values():
            _write_embeddings(folder.encoded(mark), [part.folder.encoded(mark) for part in parts])
        missing = _copy_images(folder, parts)
        manifest.efficiency = _efficiency(folder, [part.manifest for part in parts])
        manifest.state, manifest.seals = state, seal(folder)
        write_manifest(folder, manifest)
    return Merged(folder, manifest, missing)


def _root(part: Part) -> Path:
    path, manifest = part.folder.path.resolve(), part.manifest
    if (path.parent.name, path.parent.parent.name) != (safe_name(manifest.model_name), safe_name(manifest.task.name)):
        raise ConfigError(f"{part} is not in a folder of results; say where the run shall be with -o")
    return part.folder.results


def _target(results: Path, manifest: Manifest) -> RunFolder:
    """Return the folder that an earlier merge of the same run wrote, else the one that its next run would take."""
    run_id = manifest.fingerprint[:RUN_ID_DIGITS]
    last = last_number(results, manifest.task.name, manifest.model_name, run_id)
    for number in range(last, 0, -1):
        folder = run_folder(results, manifest.task.name, manifest.model_name, numbered(run_id, number))
        if folder.manifest_path.exists() and read_manifest(folder).merged:
            return folder
    return run_folder(results, manifest.task.name, manifest.model_name, numbered(run_id, last + 1))


def _refuse_own_answers(folder: RunFolder, parts: Sequence[Part]) -> None:
    """Raise JournalError where the joined run was continued since: what it was answered itself would be lost."""
    if not folder.outputs.exists():
        return
    known = {hash(line) for line in _lines(parts, "outputs")}
    own = sum(hash(line) not in known for line, _ in Lines(folder.outputs, Record, remedy=AGAIN).pairs())
    if own:
        raise JournalError(
            f"{folder.path}: {own} of its answers are in no shard (the run was continued after it was merged), and "
            "merging again would lose them; move the folder away, or choose another -o"
        )


def _joined(folder: RunFolder, parts: Sequence[Part]) -> Manifest:
    """Return the manifest of the whole: what defines it as it is, what was counted added up."""
    manifests = [part.manifest for part in parts]
    first = manifests[0]
    name, run_id = folder.path.name, first.fingerprint[:RUN_ID_DIGITS]
    return msgspec.structs.replace(
        first,
        run_id=name if name.startswith(run_id) else run_id,
        shard=None,
        merged=[f"{part.shard.title}: {part.folder.path.name}" for part in parts],
        started=min(manifest.started for manifest in manifests),
        ended=max(manifest.ended for manifest in manifests),
        seconds=round(sum(manifest.seconds for manifest in manifests), 3),
        state="complete" if all(manifest.state == "complete" for manifest in manifests) else "incomplete",
        counts=_summed([manifest.counts for manifest in manifests]),
        usage={key: _figure(total) for key, total in _summed([manifest.usage for manifest in manifests]).items()},
        conditions=_together([manifest.conditions for manifest in manifests]),
        mended=[f"shard {part.shard.title}: {line}" for part in parts for line in part.manifest.mended],
        seals={},
    )


def _summed(tables: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    keys = dict.fromkeys(key for table in tables for key in table)
    return {key: sum(table.get(key, 0) for table in tables) for key in keys}


def _figure(total: float) -> float:
    """Return a total as a run writes it: tokens whole, USD to six places."""
    return int(total) if total == int(total) else round(total, 6)


def _efficiency(folder: RunFolder, manifests: Sequence[Manifest]) -> Efficiency | None:
    """Return what all shards cost together: their times and energy added up, the highest of their peaks.

    Latencies are those that the records tell; times that a shard took itself are known to it only as percentiles.
    """
    found = [manifest.efficiency for manifest in manifests if manifest.efficiency is not None]
    if not found:
        return None
    meters = functools.reduce(Meters.after, (one.meters for one in found))
    return measured(read_records(folder.outputs), seconds=sum(one.seconds for one in found), meters=meters)


def _together(tables: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return counts added up, what is equal in all as it is, and else the list of values, None where one has none."""
    found = {key: [table.get(key) for table in tables] for table in tables for key in table}
    joined: dict[str, Any] = {}
    for key, values in found.items():
        if key in ADDED:
            joined[key] = sum(one or 0 for one in values)
        else:
            joined[key] = values[0] if all(one == values[0] for one in values) else values
    return joined


def _keep_later(manifest: Manifest, before: Manifest) -> None:
    """Keep what was added after the last merge: encoders, and the verdicts of a judge where the shards have none.

    Both belong to the content of replies and images, and hold for the same ones.
    """
    manifest.encoders = {**before.encoders, **manifest.encoders}
    if manifest.judge:
        return
    manifest.judge, manifest.judge_digest = before.judge, before.judge_digest
    manifest.counts |= {key: count for key, count in before.counts.items() if key.startswith("judge.")}
    manifest.usage |= {key: figure for key, figure in before.usage.items() if key.startswith("judge.")}


def _write_judge(folder: RunFolder, parts: Sequence[Part], before: Manifest | None) -> None:
    """Write the verdicts of all shards; those of another judge, asked after the last merge, are put aside."""
    if before is not None and before.judge_digest not in ("", parts[0].manifest.judge_digest) and folder.judge.exists():
        folder.judge.rename(folder.judge.with_name(f"judge.{before.judge_digest}.jsonl"))
    _write_lines(folder.judge, _lines(parts, "judge"))


def _questions(parts: Sequence[Part]) -> Iterator[bytes]:
    """Yield the questions of all shards in the order of the data."""
    rows = {part.folder: iter(read_questions(part.folder.questions)) for part in parts}
    for start, end, part in blocks(parts):
        for _ in range(end - start):
            sample = next(rows[part.folder], None)
            if sample is None:
                raise JournalError(f"{part.folder.questions}: ends early; {AGAIN}")
            yield msgspec.json.encode(sample)


def _lines(parts: Sequence[Part], name: str) -> Iterator[bytes]:
    """Yield the records of all shards, shard by shard; a torn last line is left out."""
    for part in parts:
        path: Path = getattr(part.folder, name)
        yield from (line for line, _ in Lines(path, Record, remedy=AGAIN).pairs())


def _write_lines(path: Path, lines: Iterable[bytes]) -> None:
    _replace(path, (line + b"\n" for line in lines))


def _replace(path: Path, pieces: Iterable[bytes]) -> None:
    """Write a file by rename, piece by piece. Raises JournalError where the disk refuses."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with open(temporary, "wb") as file:
            file.writelines(pieces)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        raise JournalError(f"{path}: cannot be written: {error.strerror}; free some space, or another -o") from error
    finally:
        temporary.unlink(missing_ok=True)


def _write_embeddings(folder: RunFolder, parts: Sequence[RunFolder]) -> None:
    """Write the vectors of all shards, each content once. Raises JournalError for shards of different dimensions."""
    entries = {part: read_entries(part.path) for part in parts}
    dimensions = {entry.dimension for found in entries.values() for entry in found}
    if not dimensions:
        return
    if len(dimensions) > 1:
        raise JournalError(
            f"{parts[0].path} and others: vectors of {sorted(dimensions)} numbers; they are not of one model"
        )
    (dimension,) = dimensions
    rows: dict[str, int] = {}
    lines: dict[tuple[str, str], bytes] = {}
    for found in entries.values():
        for entry in found:
            row = rows.setdefault(entry.key, len(rows))
            line = msgspec.json.encode(Entry(entry.sample_id, entry.key, row, dimension))
            lines.setdefault((entry.sample_id, entry.key), line)
    folder.path.mkdir(parents=True, exist_ok=True)
    (folder.path / INDEX).unlink(missing_ok=True)  # an index must never speak of other vectors
    _replace(folder.path / VECTORS, _vectors(entries, dimension))
    _write_lines(folder.path / INDEX, lines.values())


def _vectors(entries: Mapping[RunFolder, Sequence[Entry]], dimension: int) -> Iterator[bytes]:
    """Yield the vector of each content where it first comes."""
    size = dimension * FLOAT_BYTES
    seen: set[str] = set()
    for folder, found in entries.items():
        if not found:
            continue
        with open(folder.path / VECTORS, "rb") as file:
            for entry in found:
                if entry.key not in seen:
                    seen.add(entry.key)
                    file.seek(entry.row * size)
                    yield file.read(size)


def _copy_images(folder: RunFolder, parts: Sequence[Part]) -> int:
    """Bring the images of shards below other folders of results here; return how many are not to be found."""
    missing = 0
    for part in parts:
        if part.folder.results == folder.results:
            continue
        there = ImageStore(part.folder.results)
        with closing(ImageStore(folder.results, folder.path.name)) as here:
            for image in {image for sample in read_questions(part.folder.questions) for image in images_of(sample)}:
                try:
                    here.add(there.attach(image))
                except DataError:
                    missing += 1
    return missing

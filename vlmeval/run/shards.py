"""Shards: the samples of one run divided among processes that know nothing of each other (`--shard 2/4`).

Every process reads the data itself and finds the same division, so that nobody hands out work. Questions about one
image, and those of one cluster, stay together (an image is encoded once, a pair is judged whole); the groups are dealt
out in the order of the data, in blocks of nearly equal size, so that a shard reads one stretch of its file. A group
larger than a shard's part is cut: no score depends on the division, because the shards are scored as one run.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol

from vlmeval.errors import ConfigError, DataError
from vlmeval.run.planner import images_of
from vlmeval.store.results import Shard
from vlmeval.types import Sample

WAY_OUT = "expected a part and the number of parts, counted from 1: 1/4, 2/4, 3/4 and 4/4; or auto"


class RowSource(Protocol):
    """Samples by base row, and where they came from: a `SampleSet`, blind or not."""

    @property
    def origin(self) -> Any:
        """The fields of `store.results.Origin`."""
        ...

    @property
    def base_rows(self) -> Sequence[int]:
        """The numbers of the base rows."""
        ...

    def at(self, number: int) -> Iterable[Sample]:
        """Return the samples of a base row."""
        ...


class ShardSet:
    """One shard of the samples of `source`, in the order of the data; the origin stays that of the whole.

    `seen` are the samples with their own images where `source` shows others in their place: black ones are all alike.
    Every row is read once beforehand, to know its images; digests are kept, no bytes.
    """

    def __init__(self, source: RowSource, index: int, count: int, *, seen: RowSource | None = None) -> None:
        self._source = source
        rows = list(source.base_rows)
        keys, sizes = _keys(seen or source, rows)
        own = [part == index - 1 for part in divided(keys, sizes, count)]
        self._rows = [row for row, mine in zip(rows, own, strict=True) if mine]
        self.shard = Shard(index, count, _blocks(own, sizes), sum(sizes))

    @property
    def origin(self) -> Any:
        """Where the whole came from."""
        return self._source.origin

    @property
    def base_rows(self) -> Sequence[int]:
        """The numbers of the shard's base rows."""
        return self._rows

    def at(self, number: int) -> Iterable[Sample]:
        """Return the samples of a base row."""
        return self._source.at(number)

    def __len__(self) -> int:
        return sum(end - start for start, end in self.shard.blocks)

    def __iter__(self) -> Iterator[Sample]:
        for row in self._rows:
            yield from self._source.at(row)


def _keys(source: RowSource, rows: Sequence[int]) -> tuple[list[set[Hashable]], list[int]]:
    """Return what each row must share its shard over (clusters, image digests), and its number of samples.

    Raises DataError for an id that comes twice: the two might be in different shards.
    """
    keys: list[set[Hashable]] = []
    sizes: list[int] = []
    ids: set[str] = set()
    for row in rows:
        found: set[Hashable] = set()
        size = 0
        for sample in source.at(row):
            if sample.id in ids:
                raise DataError(
                    f'sample "{sample.id}" occurs twice; ids must be unique: mend or remove one of the rows'
                )
            ids.add(sample.id)
            size += 1
            found.update(image.sha256 for image in images_of(sample))
            if sample.cluster:
                found.add(("cluster", sample.cluster))
        keys.append(found)
        sizes.append(size)
    return keys, sizes


def divided(keys: Sequence[set[Hashable]], sizes: Sequence[int], count: int) -> list[int]:
    """Return the shard (from 0) of each row: rows with a common key together, groups in the order of their first row.

    A group goes where its first sample would stand if the groups were laid end to end and cut into `count` equal
    lengths; the rows of one longer than that are dealt out as if they had nothing in common.
    """
    total = sum(sizes)
    shard_of = [0] * len(keys)
    start = 0
    for group in _groups(keys):
        size = sum(sizes[row] for row in group)
        whole = size * count <= total
        place = start
        for row in group:
            shard_of[row] = min(count - 1, place * count // total) if total else 0
            place += 0 if whole else sizes[row]
        start += size
    return shard_of


def _groups(keys: Sequence[set[Hashable]]) -> list[list[int]]:
    """Return the rows that are connected by common keys, each group in order, groups by their first row."""
    above = list(range(len(keys)))

    def root(row: int) -> int:
        while above[row] != row:
            above[row] = above[above[row]]
            row = above[row]
        return row

    first: dict[Hashable, int] = {}
    for row, found in enumerate(keys):
        for key in found:
            one, other = sorted((root(row), root(first.setdefault(key, row))))
            above[other] = one
    groups: dict[int, list[int]] = {}
    for row in range(len(keys)):
        groups.setdefault(root(row), []).append(row)
    return list(groups.values())


def _blocks(own: Sequence[bool], sizes: Sequence[int]) -> tuple[tuple[int, int], ...]:
    """Return the places of the samples of the rows that are `own`, as half-open ranges."""
    blocks: list[tuple[int, int]] = []
    place = 0
    for mine, size in zip(own, sizes, strict=True):
        if mine and size:
            start = blocks.pop()[0] if blocks and blocks[-1][1] == place else place
            blocks.append((start, place + size))
        place += size
    return tuple(blocks)


def asked_shard(text: str, environment: Mapping[str, str]) -> tuple[int, int]:
    """Return what `--shard` means: "2/4" as (2, 4), "auto" by the launcher's variables in `environment`.

    Raises ConfigError for anything else, and for auto where no launcher is known, or only one task of an array runs.
    """
    if text == "auto":
        return _launched(environment)
    index, slash, count = text.partition("/")
    if not (slash and index.isdecimal() and count.isdecimal() and 1 <= int(index) <= int(count)):
        raise ConfigError(f'--shard "{text}": {WAY_OUT}')
    return int(index), int(count)


def _launched(environment: Mapping[str, str]) -> tuple[int, int]:
    """Return the shard of this process among those of torchrun, of a Slurm array, or of torchrun in each array task."""
    rank, world = _numbers(environment, "RANK", "WORLD_SIZE") or (0, 1)
    task, tasks = 0, 1
    array = _numbers(environment, "SLURM_ARRAY_TASK_ID", "SLURM_ARRAY_TASK_COUNT")
    if array is not None:
        number, tasks = array
        least, step = _numbers(environment, "SLURM_ARRAY_TASK_MIN", "SLURM_ARRAY_TASK_STEP") or (0, 1)
        task, left = divmod(number - least, step)
        if left or not 0 <= task < tasks:
            raise ConfigError(
                f"--shard auto: the ids of this Slurm array are not evenly spaced ({number} is not one of {tasks} from "
                f"{least} by {step}); say --shard I/N"
            )
    if rank >= world:
        raise ConfigError(f"--shard auto: RANK={rank} is not below WORLD_SIZE={world}; say --shard I/N")
    if world * tasks == 1:
        raise ConfigError(
            "--shard auto: neither torchrun (RANK, WORLD_SIZE) nor a Slurm array (SLURM_ARRAY_TASK_ID, "
            "SLURM_ARRAY_TASK_COUNT) of more than one process is at work; say --shard I/N"
        )
    return task * world + rank + 1, tasks * world


def _numbers(environment: Mapping[str, str], number: str, count: str) -> tuple[int, int] | None:
    found = environment.get(number), environment.get(count)
    if found[0] is None or found[1] is None:
        return None
    if not (found[0].isdecimal() and found[1].isdecimal() and int(found[1]) > 0):
        raise ConfigError(
            f"--shard auto: {number}={found[0]} and {count}={found[1]} are not two numbers; say --shard I/N"
        )
    return int(found[0]), int(found[1])

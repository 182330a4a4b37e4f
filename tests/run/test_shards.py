import hashlib
from collections import Counter
from collections.abc import Hashable
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.run.asking import TASK, Asked, FakeClock, samples
from tests.run.parts import QUIET, Table, run_shard, table
from vlmeval.data.blind import BlindSet
from vlmeval.errors import ConfigError, DataError, JournalError, ModelError
from vlmeval.run.session import run_task
from vlmeval.run.shards import ShardSet, asked_shard, divided
from vlmeval.store.layout import find_runs
from vlmeval.store.manifest import read_manifest, write_manifest
from vlmeval.types import Image, Output, Request, Sample


def picture(name: str) -> Image:
    return Image(hashlib.sha256(name.encode()).hexdigest(), 4, 4, "png")


def pictured(names: str) -> list[Sample]:
    """Return one sample a letter, about the image of that name."""
    return [Sample(f"s{number}", (picture(name), "What?")) for number, name in enumerate(names)]


def held(data: Table, count: int) -> list[list[str]]:
    return [[sample.id for sample in ShardSet(data, index, count)] for index in range(1, count + 1)]


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 12), st.integers(1, 3)), max_size=40),
    st.integers(1, 6),
)
def test_every_row_has_one_shard_and_groups_are_whole_and_even(rows: list[tuple[int, int]], count: int) -> None:
    keys: list[set[Hashable]] = [{key} for key, _ in rows]
    sizes = [size for _, size in rows]
    total = sum(sizes)
    groups: Counter[int] = Counter()
    for key, size in rows:
        groups[key] += size
    shard_of = divided(keys, sizes, count)
    assert all(0 <= shard < count for shard in shard_of)
    for key, size in groups.items():
        shards = {shard for shard, (own, _) in zip(shard_of, rows, strict=True) if own == key}
        assert len(shards) == 1 or size * count > total
    held_by = Counter(dict.fromkeys(range(count), 0))
    for shard, size in zip(shard_of, sizes, strict=True):
        held_by[shard] += size
    largest = max([size for size in groups.values() if size * count <= total] + [max(sizes, default=0)])
    assert max(held_by.values()) <= total / count + largest


def test_the_shards_are_blocks_of_the_data_and_hold_every_sample_once() -> None:
    data = table(samples(10))
    assert held(data, 3) == [["s0", "s1", "s2", "s3"], ["s4", "s5", "s6"], ["s7", "s8", "s9"]]
    assert [ShardSet(data, index, 3).shard.blocks for index in (1, 2, 3)] == [((0, 4),), ((4, 7),), ((7, 10),)]


def test_questions_about_an_image_stay_together_wherever_they_stand() -> None:
    assert held(table(pictured("abcabd")), 2) == [["s0", "s1", "s3", "s4"], ["s2", "s5"]]
    second = ShardSet(table(pictured("abcabd")), 2, 2)
    assert second.shard.blocks == ((2, 3), (5, 6))
    assert len(second) == 2
    assert second.shard.samples == 6


def test_a_cluster_stays_together_and_joins_its_images() -> None:
    found = pictured("aabcdd")
    found[5] = msgspec.structs.replace(found[5], cluster="pair")
    found[2] = msgspec.structs.replace(found[2], cluster="pair")
    assert held(table(found), 2) == [["s0", "s1", "s2", "s4", "s5"], ["s3"]]


def test_one_image_for_all_is_divided_all_the_same() -> None:
    assert [len(part) for part in held(table(pictured("aaaaaaaa")), 4)] == [2, 2, 2, 2]


def test_the_samples_of_a_row_stay_together() -> None:
    found = samples(6)
    assert held(Table([found[:3], found[3:4], found[4:]]), 2) == [["s0", "s1", "s2"], ["s3", "s4", "s5"]]


def test_black_pictures_divide_as_the_pictures_they_stand_for() -> None:
    seen = table(pictured("abcd"))
    shown = BlindSet(seen, "black")  # type: ignore[arg-type]
    parts = [[sample.id for sample in ShardSet(shown, index, 2, seen=seen)] for index in (1, 2)]
    assert parts == [["s0", "s1"], ["s2", "s3"]]
    assert next(iter(ShardSet(shown, 1, 2, seen=seen))).parts[0] != seen.rows[0][0].parts[0]


def test_a_shard_reads_its_own_rows_only_after_the_division() -> None:
    data = table(samples(10))
    second = ShardSet(data, 2, 5)
    data.read.clear()
    assert [sample.id for sample in second] == ["s2", "s3"]
    assert data.read == [2, 3]


def test_more_shards_than_samples_leave_some_empty_and_whole(tmp_path: Path) -> None:
    states = [run_shard(tmp_path, Asked(), table(samples(2)), index, 3) for index in (1, 2, 3)]
    assert [result.counts["expected"] for result in states] == [1, 1, 0]
    assert {result.state for result in states} == {"complete"}


def test_an_id_that_comes_twice_is_found_though_the_shards_differ() -> None:
    with pytest.raises(DataError, match='"s0" occurs twice'):
        ShardSet(table([*samples(5), *samples(1)]), 1, 2)


def test_a_shard_has_a_folder_of_its_own_and_the_fingerprint_of_the_whole(tmp_path: Path) -> None:
    data = table(samples(10))
    whole = run_task(TASK, data, Asked(), QUIET, results=tmp_path, clock=FakeClock()).folder
    part = run_shard(tmp_path, Asked(), data, 2, 4).folder
    assert part.path.name == f"{whole.path.name}.2of4"
    found = read_manifest(part)
    assert found.fingerprint == read_manifest(whole).fingerprint
    assert found.shard is not None
    assert (found.shard.index, found.shard.count, found.shard.samples) == (2, 4, 10)
    assert find_runs([tmp_path]) == [whole]
    assert find_runs([part.path]) == [part]


def test_a_shard_that_was_stopped_continues_where_it_was(tmp_path: Path) -> None:
    broken = ["s13"]

    def reply(request: Request) -> Output:
        if request.sample_id in broken:
            raise IndexError("list index out of range")
        return Output("A")

    model = Asked(reply)
    with pytest.raises(ModelError, match="3 answers are saved"):
        run_shard(tmp_path, model, table(samples(20)), 2, 2)
    broken.clear()
    result = run_shard(tmp_path, model, table(samples(20)), 2, 2)
    assert result.counts["answered"] == 10
    assert sorted(model.asked) == sorted([*(f"s{number}/rot0" for number in range(10, 20)), "s13/rot0"])


def test_a_shard_does_not_continue_another_run_of_the_folder(tmp_path: Path) -> None:
    part = run_shard(tmp_path, Asked(), table(samples(10)), 1, 2).folder
    with pytest.raises(JournalError, match="holds shard 1/2, asked is shard 2/2"):
        run_shard(part.path, Asked(), table(samples(10)), 2, 2)
    with pytest.raises(JournalError, match="holds shard 1/2, asked is a whole run"):
        run_task(TASK, table(samples(10)), Asked(), QUIET, results=part.path, clock=FakeClock())


def test_an_unfinished_shard_of_a_mended_model_file_is_not_taken_for_the_whole(tmp_path: Path) -> None:
    old, new = Asked(file_sha256="a" * 64), Asked(file_sha256="b" * 64)
    part = run_shard(tmp_path, old, table(samples(4)), 1, 2).folder
    manifest = read_manifest(part)
    manifest.state = "interrupted"
    write_manifest(part, manifest)
    whole = run_task(TASK, table(samples(4)), new, QUIET, results=tmp_path, clock=FakeClock())
    assert whole.folder != part
    assert whole.counts["answered"] == 4


@pytest.mark.parametrize("text", ["0/2", "3/2", "1", "a/b", "1/0", "-1/2", "1/2/3", ""])
def test_what_is_no_shard_is_refused_with_how_they_are_counted(text: str) -> None:
    with pytest.raises(ConfigError, match="counted from 1"):
        asked_shard(text, {})


ARRAY = {
    "SLURM_ARRAY_TASK_ID": "7",
    "SLURM_ARRAY_TASK_COUNT": "4",
    "SLURM_ARRAY_TASK_MIN": "1",
    "SLURM_ARRAY_TASK_STEP": "2",
}


def test_shards_by_number_by_torchrun_by_slurm_and_by_both() -> None:
    assert asked_shard("2/4", {"RANK": "3", "WORLD_SIZE": "8"}) == (2, 4)
    assert asked_shard("auto", {"RANK": "3", "WORLD_SIZE": "8"}) == (4, 8)
    assert asked_shard("auto", {"SLURM_ARRAY_TASK_ID": "0", "SLURM_ARRAY_TASK_COUNT": "3"}) == (1, 3)
    assert asked_shard("auto", ARRAY) == (4, 4)
    assert asked_shard("auto", {**ARRAY, "RANK": "1", "WORLD_SIZE": "2"}) == (8, 8)


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({}, "neither torchrun"),
        ({"RANK": "0", "WORLD_SIZE": "1"}, "more than one process"),
        ({"RANK": "2", "WORLD_SIZE": "2"}, "not below WORLD_SIZE"),
        ({"RANK": "x", "WORLD_SIZE": "2"}, "not two numbers"),
        ({**ARRAY, "SLURM_ARRAY_TASK_ID": "6"}, "not evenly spaced"),
        ({**ARRAY, "SLURM_ARRAY_TASK_ID": "9"}, "not evenly spaced"),
        ({**ARRAY, "SLURM_ARRAY_TASK_COUNT": "1", "SLURM_ARRAY_TASK_MIN": "7"}, "more than one process"),
    ],
)
def test_auto_is_refused_where_no_launcher_says_which_part(environment: dict[str, str], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        asked_shard("auto", environment)


class Matching(Asked):
    """A model that would look at candidates again."""

    def match(self, query: str, candidates: list[str]) -> list[float]:
        return [0.0] * len(candidates)


def test_a_model_that_needs_all_candidates_is_not_sharded(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="run it without --shard"):
        run_shard(tmp_path, Matching(), table(samples(4)), 1, 2)
    assert not list(tmp_path.iterdir())

import functools
import hashlib
from pathlib import Path

import msgspec
import pytest

from tests.run.asking import TASK, Asked, FakeClock, samples
from tests.run.parts import QUIET, Table, run_shard, table
from vlmeval.data.task import Task
from vlmeval.errors import ConfigError, JournalError, RejectedError, VlmevalError
from vlmeval.run.judging import judge_run
from vlmeval.run.session import RunSettings, run_task
from vlmeval.score.scorer import score_run
from vlmeval.store.embeddings import Embeddings
from vlmeval.store.images import ImageStore
from vlmeval.store.journal import read_records
from vlmeval.store.layout import RunFolder
from vlmeval.store.manifest import read_manifest, write_manifest
from vlmeval.store.merge import Merged, merge
from vlmeval.store.questions import read_questions
from vlmeval.store.seals import broken
from vlmeval.store.shards import find_shards
from vlmeval.types import Image, Output, Request, Sample


def mixed() -> list[Sample]:
    """Return samples of which the questions about one image lie apart, so that no shard is one block."""
    found = samples(12)
    return [msgspec.structs.replace(one, cluster=f"c{number % 5}") for number, one in enumerate(found)]


def reply(request: Request) -> Output:
    number = int(request.sample_id[1:])
    if number == 7:
        raise RejectedError("HTTP 400")
    return Output("I cannot tell" if number == 4 else "AB"[number % 2], prompt_tokens=10, output_tokens=1)


def shards(results: Path, data: Table | None = None, *, count: int = 3, model: Asked | None = None) -> list[RunFolder]:
    model, data = model or Asked(reply), data or table(mixed())
    return [run_shard(results, model, data, index, count).folder for index in range(1, count + 1)]


def merged(*paths: Path, results: Path | None = None) -> Merged:
    (parts,) = find_shards(paths)
    return merge(parts, results)


def whole(results: Path, model: Asked | None = None) -> RunFolder:
    return run_task(TASK, table(mixed()), model or Asked(reply), QUIET, results=results, clock=FakeClock()).folder


def test_the_scores_are_those_of_the_undivided_run_to_the_byte(tmp_path: Path) -> None:
    one = whole(tmp_path / "whole")
    shards(tmp_path / "parts")
    joined = merged(tmp_path / "parts").folder
    for folder in (one, joined):
        score_run(folder)
    assert joined.path.name == one.path.name
    assert joined.scores.read_bytes() == one.scores.read_bytes()
    assert joined.samples.read_bytes() == one.samples.read_bytes()
    assert joined.questions.read_bytes() == one.questions.read_bytes()
    assert sorted(joined.outputs.read_bytes().splitlines()) == sorted(one.outputs.read_bytes().splitlines())


def test_the_manifest_is_that_of_the_whole_with_the_shards_named(tmp_path: Path) -> None:
    one = read_manifest(whole(tmp_path / "whole"))
    folders = shards(tmp_path / "parts")
    found = merged(tmp_path / "parts").manifest
    for name in ("run_id", "fingerprint", "recipe", "task", "model", "origin", "state", "counts", "usage", "shard"):
        assert getattr(found, name) == getattr(one, name), name
    assert found.merged == [f"{number}/3: {folder.path.name}" for number, folder in enumerate(folders, 1)]
    parts = [read_manifest(folder) for folder in folders]
    assert found.started == min(part.started for part in parts)
    assert found.ended == max(part.ended for part in parts)
    assert found.efficiency is not None
    assert found.efficiency.requests == 11
    assert not broken(merged(tmp_path / "parts").folder, found.seals)


def test_merging_again_gives_the_same_files_and_takes_later_answers_in(tmp_path: Path) -> None:
    folders = shards(tmp_path)
    first = merged(tmp_path)
    kept = {path.name: path.read_bytes() for path in first.folder.path.iterdir()}
    assert merged(tmp_path).folder == first.folder
    assert {path.name: path.read_bytes() for path in first.folder.path.iterdir()} == kept
    for index in range(1, 4):
        again = RunSettings(quiet=True, retry_errors=True)
        run_shard(tmp_path, Asked(), table(mixed()), index, 3, settings=again)
    found = merged(tmp_path)
    assert found.folder == first.folder
    assert found.manifest.state == "complete"
    assert found.manifest.counts["answered"] == 12
    assert all(folder.path.exists() for folder in folders)


def test_an_undivided_run_of_the_recipe_is_left_alone(tmp_path: Path) -> None:
    one = whole(tmp_path)
    before = one.outputs.read_bytes()
    shards(tmp_path)
    joined = merged(tmp_path).folder
    assert joined.path.name == f"{one.path.name}-2"
    assert read_manifest(joined).run_id == joined.path.name
    assert merged(tmp_path).folder == joined
    assert one.outputs.read_bytes() == before


def test_a_joined_run_that_was_continued_is_not_overwritten(tmp_path: Path) -> None:
    shards(tmp_path)
    joined = merged(tmp_path).folder
    again = RunSettings(quiet=True, retry_errors=True)
    result = run_task(TASK, table(mixed()), Asked(), again, results=tmp_path, clock=FakeClock())
    assert (result.folder, result.state) == (joined, "complete")
    with pytest.raises(JournalError, match="1 of its answers are in no shard"):
        merged(tmp_path)
    assert len(list(read_records(joined.outputs))) == 13


def test_other_recipes_are_refused_with_the_key(tmp_path: Path) -> None:
    run_shard(tmp_path, Asked(dtype="float16"), table(samples(4)), 1, 2)
    run_shard(tmp_path, Asked(dtype="bfloat16"), table(samples(4)), 2, 2)
    with pytest.raises(JournalError, match=r'model\.dtype: there "float16", here "bfloat16"'):
        merged(tmp_path)


def test_missing_shards_are_named(tmp_path: Path) -> None:
    run_shard(tmp_path, Asked(), table(samples(8)), 2, 4)
    run_shard(tmp_path, Asked(), table(samples(8)), 3, 4)
    with pytest.raises(ConfigError, match="of 4 shards 1/4, 4/4 are missing"):
        merged(tmp_path)


def test_a_shard_that_is_there_twice_is_named(tmp_path: Path) -> None:
    shards(tmp_path, table(samples(8)))
    run_shard(tmp_path, Asked(reply), table(samples(8)), 2, 3, settings=RunSettings(quiet=True, fresh=True))
    with pytest.raises(ConfigError, match=r"shard 2/3 is there twice: .*\.2of3 and .*\.2of3-2"):
        merged(tmp_path)


def test_shards_of_two_divisions_are_refused(tmp_path: Path) -> None:
    run_shard(tmp_path, Asked(), table(samples(8)), 1, 2)
    run_shard(tmp_path, Asked(), table(samples(8)), 2, 4)
    with pytest.raises(JournalError, match="not parts of one division"):
        merged(tmp_path)


def test_shards_that_overlap_or_leave_a_gap_are_refused(tmp_path: Path) -> None:
    folders = shards(tmp_path, table(samples(9)))
    manifest = read_manifest(folders[1])
    assert manifest.shard is not None
    for blocks, said in ((((2, 6),), "two shards hold the samples from place 2 to 3"), (((4, 6),), "no shard holds")):
        manifest.shard = msgspec.structs.replace(manifest.shard, blocks=blocks)
        write_manifest(folders[1], manifest)
        with pytest.raises(JournalError, match=said):
            merged(tmp_path)


def bug(request: Request) -> Output:
    raise IndexError("list index out of range")


def test_an_unfinished_shard_is_refused_with_how_far_it_came(tmp_path: Path) -> None:
    shards(tmp_path, table(samples(9)), count=2)
    with pytest.raises(VlmevalError):
        run_shard(tmp_path / "b", Asked(bug), table(samples(9)), 1, 2)
    merged(tmp_path / "made")
    with pytest.raises(JournalError, match=r"shard 1/2 \(.*\) is not finished: 0 of 5 samples; run its command again"):
        merged(tmp_path / "b", next(tmp_path.glob("made/*/*.2of2")))


def test_an_edited_shard_is_refused_with_the_line(tmp_path: Path) -> None:
    folders = shards(tmp_path, table(samples(9)))
    data = folders[0].outputs.read_bytes()
    folders[0].outputs.write_bytes(data.replace(b'"text":"B"', b'"text":"A"', 1))
    with pytest.raises(JournalError, match=r"shard 1/3 .*outputs\.jsonl, line 2: was edited"):
        merged(tmp_path)


def test_shards_run_with_other_metrics_are_refused_with_the_key(tmp_path: Path) -> None:
    run_shard(tmp_path, Asked(), table(samples(4)), 1, 2)
    other: Task = msgspec.structs.replace(TASK, slices=("category",))
    run_shard(tmp_path, Asked(), table(samples(4)), 2, 2, task=other)
    with pytest.raises(JournalError, match=r"different definitions of made \(slices\)"):
        merged(tmp_path)


def test_a_folder_without_shards_is_refused(tmp_path: Path) -> None:
    whole(tmp_path)
    with pytest.raises(ConfigError, match="holds no shard"):
        find_shards([tmp_path])
    with pytest.raises(ConfigError, match="does not exist"):
        find_shards([tmp_path / "none"])


def verdict(request: Request) -> Output:
    return Output("A", prompt_tokens=20, output_tokens=2)


def test_verdicts_are_joined_and_score_as_in_the_undivided_run(tmp_path: Path) -> None:
    one = whole(tmp_path / "whole")
    judge_run(one, Asked(verdict), QUIET, clock=FakeClock())
    for folder in shards(tmp_path / "parts"):
        judge_run(folder, Asked(verdict), QUIET, clock=FakeClock())
    joined = merged(tmp_path / "parts")
    assert joined.folder.judge.read_bytes() == one.judge.read_bytes()
    assert joined.manifest.counts == read_manifest(one).counts
    for folder in (one, joined.folder):
        score_run(folder)
    assert joined.folder.scores.read_bytes() == one.scores.read_bytes()


def test_shards_that_are_not_judged_alike_are_refused(tmp_path: Path) -> None:
    judge_run(shards(tmp_path)[1], Asked(verdict), QUIET, clock=FakeClock())
    with pytest.raises(JournalError, match=r"not judged alike: shard 1/3 .* by nobody and shard 2/3 .* by asked"):
        merged(tmp_path)


def test_verdicts_on_the_joined_run_outlive_another_merge(tmp_path: Path) -> None:
    shards(tmp_path)
    joined = merged(tmp_path).folder
    judge_run(joined, Asked(verdict), QUIET, clock=FakeClock())
    kept = joined.judge.read_bytes()
    assert merged(tmp_path).manifest.judge == "asked"
    assert joined.judge.read_bytes() == kept != b""


class Encoder(Asked):
    """Embeds a text as a unit vector that depends on nothing else."""

    def embed(self, items: list[str]) -> list[list[float]]:
        return [[0.6, 0.8] if len(item) % 2 else [1.0, 0.0] for item in items]


def test_vectors_are_joined_each_content_once(tmp_path: Path) -> None:
    task = msgspec.structs.replace(TASK, kind="retrieval", options={}, metrics=("recall_1",), primary="recall_1")
    texts = ["a", "bb", "a", "ccc", "bb"]
    data = table([Sample(f"t2i:{number}", (text,)) for number, text in enumerate(texts)])
    for index in (1, 2):
        run_shard(tmp_path, Encoder(), data, index, 2, task=task)
    joined = merged(tmp_path).folder
    found = Embeddings(joined.path)
    assert found.matrix.shape == (3, 2)
    for sample in data:
        row = found.row(sample)
        assert row is not None
        assert found.matrix[row].tolist() == pytest.approx([0.6, 0.8] if len(str(sample.parts[0])) % 2 else [1.0, 0.0])


def test_shards_from_other_machines_bring_their_images(tmp_path: Path) -> None:
    bytes_of = [f"picture {number}".encode() for number in range(4)]
    pictures = [
        Image(hashlib.sha256(data).hexdigest(), 2, 2, "png").with_reader(functools.partial(bytes, data))
        for data in bytes_of
    ]
    data = table([Sample(f"s{number}", (one, "What?"), ("A",), ("a", "b")) for number, one in enumerate(pictures)])
    for index in (1, 2):
        run_shard(tmp_path / f"machine{index}", Asked(), data, index, 2)
    joined = merged(tmp_path / "machine1", tmp_path / "machine2", results=tmp_path / "all")
    assert joined.images_missing == 0
    assert joined.folder.path.is_relative_to(tmp_path / "all" / "made" / "asked")
    store = ImageStore(tmp_path / "all")
    assert [store.attach(one).read() for one in pictures] == bytes_of
    assert [sample.id for sample in read_questions(joined.folder.questions)] == ["s0", "s1", "s2", "s3"]


def test_a_shard_that_was_moved_is_known_by_its_run_json_and_wants_a_place(tmp_path: Path) -> None:
    folders = shards(tmp_path, table(samples(4)), count=2)
    moved = [folder.path.rename(tmp_path / name) for folder, name in zip(folders, "ab", strict=True)]
    with pytest.raises(ConfigError, match="say where the run shall be with -o"):
        merged(*moved)
    assert merged(*moved, results=tmp_path / "all").manifest.state == "complete"

"""Data sets of the hub from a local mirror of its cache layout: catalogue ids, pinned and moving revisions, offline."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.data.asked import cell, write_parquet
from tests.data.schemas import HUB
from tests.data.test_every_task import mapped
from tests.run.asking import Asked
from vlmeval.data.catalog import find_benchmark, find_task
from vlmeval.data.hub import open_hub
from vlmeval.data.images import ImageFolders
from vlmeval.data.samples import DataOptions, open_samples
from vlmeval.data.sources import Hub
from vlmeval.errors import DataError
from vlmeval.run.session import run_task
from vlmeval.run.settings import RunSettings
from vlmeval.types import Output

pytestmark = pytest.mark.usefixtures("offline", "cache")
FIRST, SECOND = "a" * 40, "b" * 40


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty cache of the hub, and turn the library's own cache and its network off."""
    import datasets

    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "prepared")
    return tmp_path / "hub"


def mirrored(cache: Path, source: Hub, rows: list[dict[str, Any]], commit: str, *, branch: str = "main") -> None:
    """Put a data set where `hf download` leaves it: blobs by digest, a snapshot of links, the branch's commit."""
    folder = cache / f"datasets--{source.ids[0].replace('/', '--')}"
    configs = source.config if isinstance(source.config, tuple) else (source.config or "default",)
    lines = []
    for number, config in enumerate(configs):
        blob = folder / "blobs" / f"{commit[:8]}{number}"
        blob.parent.mkdir(parents=True, exist_ok=True)
        write_parquet(blob, [mapped(row, lambda data: {"bytes": data, "path": None}) for row in rows])
        name = f"part{number}/{source.split}-00000-of-00001.parquet"
        link = folder / "snapshots" / commit / name
        link.parent.mkdir(parents=True)
        link.symlink_to(blob)
        lines.append(f"- config_name: {config}\n  data_files:\n  - split: {source.split}\n    path: {name}\n")
    (folder / "snapshots" / commit / "README.md").write_text(f"---\nconfigs:\n{''.join(lines)}---\n")
    (folder / "refs").mkdir(exist_ok=True)
    (folder / "refs" / branch).write_text(commit)


def hub_of(task: str) -> Hub:
    found = find_task(task)
    sources = find_benchmark(found.benchmark).split(found.split).sources
    return next(source for source in sources if isinstance(source, Hub))


@pytest.mark.parametrize("task", ["mmmu_val", "pope", "textvqa_val", "chartqa", "docvqa_val", "scienceqa_img_test"])
def test_a_task_is_read_from_a_mirror_under_the_catalogues_ids(task: str, cache: Path) -> None:
    source, found = hub_of(task), find_task(task)
    mirrored(cache, source, HUB[found.benchmark](), FIRST)
    with open_samples(found, DataOptions(offline=True)) as samples:
        assert (samples.origin.dataset, samples.origin.revision) == (source.ids[0], FIRST)
        assert all(sample.references for sample in samples)


def test_several_configurations_of_a_mirror_are_one_table(cache: Path) -> None:
    task, source = find_task("blink_val"), hub_of("blink_val")
    both = Hub(source.ids, split="val", revision="main", config=("Counting", "Jigsaw"))
    mirrored(cache, both, HUB["blink"]()[:1], FIRST)
    table = both.load(DataOptions(offline=True))
    assert (len(table), table.path) == (2, "BLINK-Benchmark/BLINK[Counting+Jigsaw/val]")
    assert task.benchmark == "blink"


def test_a_pinned_revision_stays_when_the_branch_moves_and_one_that_is_not_here_is_an_error(cache: Path) -> None:
    source = hub_of("chartqa")
    mirrored(cache, source, [{"question": "Old?", "answer": "1", "type": "human_test", "image": b""}], FIRST)
    mirrored(cache, source, [{"question": "New?", "answer": "1", "type": "human_test", "image": b""}], SECOND)

    def question(revision: str) -> tuple[str | None, str]:
        table = open_hub(
            source.ids, config=source.config, split="test", revision=revision, offline=True, folders=ImageFolders(())
        )
        return table.row(0).text("question"), table.revision

    assert question("main") == ("New?", SECOND)
    assert question(FIRST) == ("Old?", FIRST)
    with pytest.raises(DataError, match=r"the hub gave no data set: lmms-lab/ChartQA: .*lmms-lab-encoder/ChartQA"):
        question("c" * 40)


def test_the_second_name_of_a_data_set_that_moved_is_found(cache: Path) -> None:
    source = hub_of("pope")
    moved = Hub((source.ids[1],), split=source.split, revision="main")
    mirrored(cache, moved, HUB["pope"](), FIRST)
    with open_samples(find_task("pope"), DataOptions(offline=True)) as samples:
        assert samples.origin.dataset == "lmms-lab-encoder/POPE"


def test_another_revision_is_another_run_and_no_answer_of_the_first_is_taken_for_it(
    cache: Path, tmp_path: Path
) -> None:
    task, source = find_task("chartqa"), hub_of("chartqa")
    asked = Asked(lambda request: Output("1"))

    def run() -> tuple[str, str]:
        with open_samples(task, DataOptions(offline=True)) as samples:
            found = run_task(task, samples, asked, RunSettings(quiet=True), results=tmp_path / "results")
            return found.folder.path.name, samples.origin.revision

    row = {"question": "How many?", "answer": "1", "type": "human_test", "image": cell(1)["bytes"]}
    mirrored(cache, source, [row], FIRST)
    first = run()
    assert run() == first
    assert len(asked.asked) == 1
    mirrored(cache, source, [{**row, "answer": "2"}], SECOND)
    second = run()
    assert (first[1], second[1]) == (FIRST, SECOND)
    assert first[0] != second[0]
    assert len(asked.asked) == 2

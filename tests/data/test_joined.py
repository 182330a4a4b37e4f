"""Questions and images of one hub data set, in a local copy of its layout."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as arrow
import pyarrow.parquet as parquet
import pytest

from tests.data.made import png
from vlmeval.data.catalog import find_benchmark
from vlmeval.data.joined import JoinedHub
from vlmeval.data.options import DataOptions
from vlmeval.data.sources import Hub
from vlmeval.errors import DataError
from vlmeval.types import Image, Sample

QUESTION = {"question": "Is it overcast?", "answer": "no", "isBalanced": True}
PICTURES = [{"id": name, "image": {"bytes": png((place, 0, 0)), "path": None}} for place, name in enumerate("xyz")]


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    datasets = pytest.importorskip("datasets", reason="the extra hf is not installed")
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")


def source(folder: Path, questions: list[dict[str, Any]]) -> JoinedHub:
    """Return the source over a copy of the layout of lmms-lab/GQA."""
    configs = []
    for name, rows in (("instructions", questions), ("images", PICTURES)):
        part = folder / f"testdev_balanced_{name}"
        part.mkdir(parents=True)
        parquet.write_table(arrow.Table.from_pylist(rows), part / "testdev-00000-of-00001.parquet")
        configs.append(
            f"- config_name: {part.name}\n  data_files:\n  - split: testdev\n    path: {part.name}/*.parquet\n"
        )
    (folder / "README.md").write_text(f"---\nconfigs:\n{''.join(configs)}---\n")
    hubs = [
        Hub((str(folder),), split="testdev", revision="main", config=f"testdev_balanced_{name}")
        for name in ("instructions", "images")
    ]
    return JoinedHub(hubs[0], hubs[1], "imageId")


def test_each_question_of_gqa_gets_its_image_and_shared_ones_are_one_cluster(tmp_path: Path) -> None:
    rows = [{**QUESTION, "id": str(place), "imageId": name} for place, name in enumerate("zxz")]
    table = source(tmp_path / "hub", rows).open(DataOptions())
    assert table is not None
    build = find_benchmark("gqa").sample
    with table:
        found = [one for number in range(3) if isinstance(one := build(table.row(number)), Sample)]
        images = [one.parts[0].read() for one in found if isinstance(one.parts[0], Image)]
    assert images == [png((place, 0, 0)) for place in (2, 0, 2)]
    assert [(one.id, one.cluster, one.references) for one in found] == [
        ("0", "z", ("no",)), ("1", "x", ("no",)), ("2", "z", ("no",)),
    ]  # fmt: skip
    assert (table.dataset, table.revision) == (str(tmp_path / "hub"), "main")


def test_a_question_whose_image_is_missing_is_named(tmp_path: Path) -> None:
    rows = [{**QUESTION, "id": str(place), "imageId": name} for place, name in enumerate("xq")]
    with pytest.raises(DataError, match=r'row 1, column "imageId": image q is not in .*images'):
        source(tmp_path / "hub", rows).open(DataOptions())


def test_the_card_names_both_halves() -> None:
    shown = str(find_benchmark("gqa").split("testdev_balanced").sources[-1])
    assert "testdev_balanced_instructions, split testdev" in shown
    assert shown.endswith("with images of testdev_balanced_images")

from pathlib import Path
from typing import Any

import pyarrow as arrow
import pyarrow.parquet as parquet
import pytest

from tests.data.made import jpeg, png
from vlmeval.data.hub import encoded, open_hub
from vlmeval.data.images import ImageFolders
from vlmeval.data.sources import open_table
from vlmeval.data.table import Table
from vlmeval.data.tables import ColumnReader
from vlmeval.errors import DataError

IMAGE = arrow.struct([("bytes", arrow.binary()), ("path", arrow.string())])
SCHEMA = arrow.schema(
    [("id", arrow.int64()), ("question", arrow.string()), ("options", arrow.list_(arrow.string())), ("image", IMAGE),
     ("frames", arrow.list_(IMAGE)), ("when", arrow.timestamp("s"))]
)  # fmt: skip


def rows(count: int, padding: int = 0) -> list[dict[str, Any]]:
    return [
        {
            "id": number, "question": f"q{number}", "options": ["a", "b"],
            "image": {"bytes": png((number % 256, 0, 0), padding=padding), "path": None},
            "frames": [{"bytes": png((0, number % 256, 0)), "path": "x"}, {"bytes": jpeg(), "path": None}],
            "when": 0,
        }
        for number in range(count)
    ]  # fmt: skip


def written(path: Path, records: list[dict[str, Any]], group: int = 1000) -> Path:
    parquet.write_table(arrow.Table.from_pylist(records, schema=SCHEMA), path, row_group_size=group)
    return path


def opened(path: Path) -> Table:
    return open_table(path, ImageFolders.beside(path))


def test_parquet_rows_have_their_texts_lists_and_images(tmp_path: Path) -> None:
    with opened(written(tmp_path / "t.parquet", rows(25), group=10)) as table:
        assert len(table) == 25
        row = table.row(21)
        assert (row.text("id"), row.text("question"), row.items("options")) == ("21", "q21", ["a", "b"])
        assert row.images("image")[0].read() == png((21, 0, 0))
        assert [image.format for image in row.images("frames")] == ["png", "jpeg"]
        assert row.images("frames")[1].read() == jpeg()
        assert row.where == f"{tmp_path / 't.parquet'}, row 21"


@pytest.mark.parametrize("suffix", ["file", "stream"])
def test_arrow_files_and_streams_are_read_like_parquet(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / "t.arrow"
    table = arrow.Table.from_pylist(rows(5), schema=SCHEMA)
    with arrow.OSFile(str(path), "wb") as sink:
        writer = arrow.ipc.new_file(sink, SCHEMA) if suffix == "file" else arrow.ipc.new_stream(sink, SCHEMA)
        with writer:
            writer.write_table(table)
    with opened(path) as found:
        assert [list(cells) for cells in found.scan(["id"])] == [[number] for number in range(5)]
        assert found.row(3).images("image")[0].read() == png((3, 0, 0))


def test_a_folder_of_parquet_files_is_one_table_in_the_order_of_names(tmp_path: Path) -> None:
    data = rows(6)
    written(tmp_path / "validation-00001-of-00002.parquet", data[4:])
    written(tmp_path / "validation-00000-of-00002.parquet", data[:4])
    written(tmp_path / "test-00000-of-00001.parquet", data[:1])
    with open_table(tmp_path, ImageFolders.beside(tmp_path), split="validation") as table:
        assert [table.row(number).text("id") for number in range(len(table))] == list("012345")
        assert table.row(5).images("image")[0].read() == png((5, 0, 0))


def test_an_image_struct_without_bytes_is_a_path(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(png())
    data = rows(2)
    data[0]["image"] = {"bytes": None, "path": "a.png"}
    data[1]["image"] = {"bytes": None, "path": None}
    with opened(written(tmp_path / "t.parquet", data)) as table:
        assert table.row(0).images("image")[0].read() == png()
        with pytest.raises(DataError, match='row 1, column "image": expected an image'):
            table.row(1).images("image")


def test_an_image_of_a_large_row_group_is_read_in_a_stream_and_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vlmeval.data.tables._WHOLE_GROUP", 1000)
    monkeypatch.setattr("vlmeval.data.tables._KEPT_BYTES", 100_000)
    with opened(written(tmp_path / "t.parquet", rows(60, padding=10_000))) as table:
        images = [table.row(number).images("image")[0] for number in range(60)]
        for number in (59, 0, 30, 29, 31, 0):
            assert images[number].read() == png((number, 0, 0), padding=10_000)


def test_a_column_reader_keeps_a_bounded_number_of_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vlmeval.data.tables._KEPT_BYTES", 100_000)
    path = written(tmp_path / "t.parquet", rows(60, padding=10_000), group=20)
    with parquet.ParquetFile(path) as file:
        reader = ColumnReader(file, "image")
        for number in range(60):
            assert reader.cell(number)["bytes"] == png((number, 0, 0), padding=10_000)
            assert sum(len(value["bytes"]) for value in reader._kept.values()) <= 100_000


def test_texts_are_read_without_the_images(tmp_path: Path) -> None:
    data = rows(3)
    data[2]["image"] = {"bytes": b"no image", "path": None}
    with opened(written(tmp_path / "t.parquet", data)) as table:
        assert [cells[0] for cells in table.scan(["question"])] == ["q0", "q1", "q2"]
        with pytest.raises(DataError, match='row 2, column "image": 8 bytes that are no image'):
            table.row(2).images("image")


def test_the_digest_of_parquet_covers_the_cells_used_and_not_the_layout(tmp_path: Path) -> None:
    def digest(records: list[dict[str, Any]], numbers: list[int], group: int = 1000) -> str:
        with opened(written(tmp_path / "t.parquet", records, group)) as table:
            return table.digest(numbers)

    data = rows(4)
    base = digest(data, [0, 1])
    assert digest(data, [0, 1], group=1) == base
    assert digest(data, [0, 2]) != base
    assert digest([data[0], data[1]], [0, 1]) == base
    assert digest([data[0], {**data[1], "image": {"bytes": png((9, 9, 9)), "path": None}}], [0, 1]) != base


@pytest.mark.parametrize("name", ["t.parquet", "t.arrow"])
def test_a_cut_off_file_is_refused_with_its_name(tmp_path: Path, name: str) -> None:
    whole = written(tmp_path / "whole.parquet", rows(3)).read_bytes()
    (tmp_path / name).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match=f"{name}: no whole .* file .* fetch it again"):
        opened(tmp_path / name)


def test_files_with_other_columns_do_not_make_one_table(tmp_path: Path) -> None:
    written(tmp_path / "a.parquet", rows(1))
    parquet.write_table(arrow.table({"x": [1]}), tmp_path / "b.parquet")
    with pytest.raises(DataError, match=r"b\.parquet: other columns than a\.parquet"):
        opened(tmp_path)


def test_a_hub_data_set_is_loaded_by_the_first_name_that_works_with_images_left_encoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    datasets = pytest.importorskip("datasets", reason="the extra hf is not installed")
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    features = datasets.Features(
        {"id": datasets.Value("int64"), "image": datasets.Image(), "frames": datasets.List(datasets.Image())}
    )
    pictures = [{"bytes": png((number, 0, 0)), "path": None} for number in range(3)]
    columns = {"id": [0, 1, 2], "image": pictures, "frames": [[item, item] for item in pictures]}
    made = datasets.Dataset.from_dict(columns, features=features)
    (tmp_path / "set").mkdir()
    made.to_parquet(tmp_path / "set" / "validation-00000-of-00001.parquet")
    names = (str(tmp_path / "moved"), str(tmp_path / "set"))
    folders = ImageFolders.beside(tmp_path)
    with open_hub(names, config=None, split="validation", revision="main", offline=False, folders=folders) as table:
        assert table.dataset == names[1]
        assert table.revision == "main"
        assert table.row(2).images("image")[0].read() == png((2, 0, 0))
        assert [image.read() for image in table.row(1).images("frames")] == [png((1, 0, 0))] * 2
        assert table.digest([0]) == table.digest([0, 1])


def test_where_no_hub_name_works_all_are_named_with_the_way_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("datasets", reason="the extra hf is not installed")
    names = (str(tmp_path / "one"), str(tmp_path / "two"))
    with pytest.raises(DataError, match=r"one.*two.*fetch its files elsewhere"):
        open_hub(names, config=None, split="x", revision="main", offline=False, folders=ImageFolders.beside(tmp_path))


def test_a_selection_of_a_data_set_is_what_is_read() -> None:
    datasets = pytest.importorskip("datasets", reason="the extra hf is not installed")
    made = datasets.Dataset.from_dict({"id": [0, 1, 2]}).select([2, 0])
    assert encoded(made).data.table.column("id").to_pylist() == [2, 0]

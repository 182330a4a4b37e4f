import base64
import csv
import io
import json
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.data.made import b64, jpeg, png, write_tsv
from vlmeval.data.images import ImageFolders
from vlmeval.data.tsv import TsvTable, unique_keys
from vlmeval.data.tsv_rows import RowIndex, split_row
from vlmeval.errors import DataError

PIECES = st.lists(
    st.sampled_from(['"', "\t", "\n", "\r", "\r\n", '""', '"\t', '\t"', "a", "é", " ", "x" * 40]), max_size=40
)


def opened(path: Path) -> TsvTable:
    return TsvTable(path, ImageFolders.beside(path))


def read_all(path: Path) -> None:
    with opened(path) as table:
        for names in (["index"], ["q"]):
            list(table.scan(names))


def written(path: Path, text: str | bytes) -> Path:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


@settings(max_examples=1500, deadline=None)
@given(PIECES, st.integers(1, 9))
def test_rows_and_cells_are_those_of_the_csv_module(pieces: list[str], step: int) -> None:
    text = "".join(pieces)
    data = text.encode()
    expected = [row for row in csv.reader(io.StringIO(text, newline=""), delimiter="\t") if row]
    index = RowIndex()
    for place in range(0, len(data), step):
        index.feed(data[place : place + step])
    try:
        index.finish("x.tsv")
    except DataError:
        # The csv module takes the rest of the file as the cell; a cut-off file must not pass.
        assert text.count('"') > 0
        return
    cells = [split_row(data[start:end]) for start, end in zip(index.starts, index.ends, strict=True)]
    assert [[cell.decode() for cell in row] for row in cells] == expected


@settings(max_examples=200, deadline=None)
@given(st.lists(st.lists(st.text(max_size=12), min_size=3, max_size=3), max_size=8))
def test_what_the_csv_module_writes_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]]
) -> None:
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, delimiter="\t", lineterminator="\r\n")
    writer.writerows([["a1", "b1", "c1"], *rows])
    try:
        data = buffer.getvalue().encode()
    except UnicodeEncodeError:
        return
    path = written(tmp_path_factory.mktemp("tsv") / "t.tsv", data)
    with opened(path) as table:
        assert [list(cells) for cells in table.scan(["a1", "b1", "c1"])] == rows


def test_bom_crlf_and_a_last_line_without_its_end_are_read(tmp_path: Path) -> None:
    path = written(tmp_path / "t.tsv", '\ufeffindex\tquestion\r\n1\twhy?\r\n2\t"a\r\nb"'.encode())
    with opened(path) as table:
        assert table.columns == ("index", "question")
        assert [list(row) for row in table.scan(["index", "question"])] == [["1", "why?"], ["2", "a\r\nb"]]


def test_a_cell_has_no_size_limit_and_the_line_is_told_after_line_breaks_in_cells(tmp_path: Path) -> None:
    long = "x" * 3_000_000
    path = written(tmp_path / "t.tsv", f'index\tquestion\n1\t"two\nlines"\n2\t{long}\n')
    with opened(path) as table:
        assert table.row(1).text("question") == long
        assert table.where(1) == f"{path}, line 4"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "the file is empty"),
        (b'index\tq\n1\t"never closed\n', "line 2: a quoted cell that opens in this row is never closed"),
        (b"index\tq\n1\n", "line 2: 1 cells, but the header has 2"),
        (b"index\tq\n1\ta\tb\n", "line 2: 3 cells, but the header has 2"),
        (b"index\tq\n1\t\xff\xfe\n", "line 2: not UTF-8"),
        (b"index,question\n1,a\n", "commas and no tab"),
        ("index\tq\n".encode("utf-16"), "save the file as UTF-8"),
        (b"index\tQ-a\tq_A\n", "two columns are called"),
    ],
)
def test_a_damaged_file_is_refused_with_file_line_and_way_out(tmp_path: Path, text: bytes, message: str) -> None:
    path = written(tmp_path / "t.tsv", text)
    with pytest.raises(DataError, match=message) as caught:
        read_all(path)
    assert str(path) in str(caught.value)


def test_two_rows_with_one_index_are_refused_with_both_lines(tmp_path: Path) -> None:
    path = write_tsv(tmp_path / "t.tsv", ["index", "q"], [{"index": "7", "q": "a"}, {"index": "7.0", "q": "b"}])
    with opened(path) as table, pytest.raises(DataError, match=r"line 3, .*index 7 is already used in .*line 2"):
        unique_keys(table)


def test_an_image_cell_is_base64_a_reference_a_list_or_a_path(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "a.png").write_bytes(png((1, 2, 3)))
    two = [b64(png((1, 1, 1))), b64(jpeg())]
    rows = [
        {"index": 0, "image": b64(png())},
        {"index": 1, "image": "0"},
        {"index": 2, "image": str(two)},
        {"index": 3, "image": json.dumps(two)},
        {"index": 4, "image": "a.png"},
        {"index": 5, "image": "data:image/png;base64," + b64(png())},
        {"index": 6, "image": "\n".join(b64(png())[place : place + 40] for place in range(0, 400, 40))},
        {"index": 7, "image": ""},
    ]
    with opened(write_tsv(tmp_path / "t.tsv", ["index", "image"], rows)) as table:
        images = [table.row(number).images("image") for number in range(len(table))]
    assert images[0] == images[1] == images[5] == images[6]
    assert images[2] == images[3]
    assert [image.format for image in images[2]] == ["png", "jpeg"]
    assert (images[2][1].width, images[2][1].height) == (32, 24)
    assert images[7] == ()


def test_an_image_is_read_again_from_the_file_when_asked(tmp_path: Path) -> None:
    rows = [{"index": 0, "image": b64(png())}, {"index": 1, "image": "0"}]
    with opened(write_tsv(tmp_path / "t.tsv", ["index", "image"], rows)) as table:
        assert [table.row(number).images("image")[0].read() for number in (0, 1)] == [png(), png()]


def test_image_path_columns_are_found_in_the_data_folders_only(tmp_path: Path) -> None:
    data, images = tmp_path / "data", tmp_path / "elsewhere"
    data.mkdir()
    images.mkdir()
    (images / "x.png").write_bytes(png())
    (tmp_path / "secret.png").write_bytes(png())
    rows = [
        {"index": 0, "image_path": "x.png"},
        {"index": 1, "image_path": "../../secret.png"},
        {"index": 2, "image_path": "no"},
    ]
    path = write_tsv(data / "t.tsv", ["index", "image_path"], rows)
    with TsvTable(path, ImageFolders.beside(path, [images])) as table:
        assert table.row(0).images("image_path")[0].read() == png()
        with pytest.raises(
            DataError, match=r'line 3, column "image_path": the image path "../../secret.png" leads out'
        ):
            table.row(1).images("image_path")
        with pytest.raises(DataError, match=r'line 4, .*"no" is not there; looked in'):
            table.row(2).images("image_path")


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ("99", '"99" is no image, and no row has this index'),
        ("1", 'refers to row "1" .*line 3.*, which holds no image itself'),
        ("!" * 80, "corrupt base64"),
        (b64(png())[:-5], "corrupt base64"),
        (b64(b"no picture at all, only words" * 5), "no image"),
        (b64(png()[:50] + bytes(30)), "cannot be decoded"),
        (b64(jpeg((600, 400))[:-300]), "truncated"),
        ("[" + repr(b64(png())) + "x]", "neither a JSON list nor a Python one"),
        ("[__import__('os').system('touch /tmp/hacked')]" + " " * 64, "neither a JSON list nor a Python one"),
    ],
)
def test_a_wrong_image_cell_is_told_with_file_line_and_column(tmp_path: Path, cell: str, message: str) -> None:
    path = write_tsv(tmp_path / "t.tsv", ["index", "image"], [{"index": 0, "image": cell}, {"index": 1, "image": "0"}])
    with opened(path) as table, pytest.raises(DataError, match=message) as caught:
        table.row(0).images("image")
    assert f'{path}, line 2, column "image"' in str(caught.value)


def test_a_file_cut_short_while_it_is_read_is_an_error_not_a_crash(tmp_path: Path) -> None:
    path = write_tsv(tmp_path / "t.tsv", ["index", "image"], [{"index": 0, "image": b64(png(padding=20_000))}])
    with opened(path) as table:
        with open(path, "r+b") as file:
            file.truncate(100)
        with pytest.raises(DataError, match="became shorter"):
            table.row(0).images("image")


def test_rows_of_later_images_are_not_read_and_memory_stays_flat(tmp_path: Path) -> None:
    picture = png(padding=50_000)
    rows = [{"index": number, "question": "q", "image": b64(picture)} for number in range(300)]
    rows[250]["image"] = "corrupt" * 20
    path = write_tsv(tmp_path / "t.tsv", ["index", "question", "image"], rows)
    tracemalloc.start()
    with opened(path) as table:
        assert unique_keys(table)["299"] == 299
        images = [table.row(number).images("image")[0] for number in range(200)]
        table.digest(range(len(table)))
        peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert images[199].read
    assert path.stat().st_size > 19_000_000
    assert peak < 4_000_000


def test_the_digest_is_that_of_the_rows_used_and_of_the_rows_they_refer_to(tmp_path: Path) -> None:
    def digest(rows: list[dict[str, object]], numbers: list[int]) -> str:
        with opened(write_tsv(tmp_path / "t.tsv", ["index", "q", "image"], rows)) as table:
            return table.digest(numbers)

    first, second, third = b64(png((1, 1, 1))), b64(png((2, 2, 2))), b64(png((3, 3, 3)))
    rows: list[dict[str, object]] = [
        {"index": 0, "q": "a", "image": "2"},
        {"index": 1, "q": "b", "image": second},
        {"index": 2, "q": "c", "image": first},
    ]
    base = digest(rows, [0])
    assert digest(rows, [0]) == base
    assert digest(rows, [0, 1]) != base
    assert digest([rows[0], {**rows[1], "q": "other"}, rows[2]], [0]) == base
    assert digest([rows[0], rows[1], {**rows[2], "image": third}], [0]) != base


def test_column_names_are_found_without_case_and_with_dash_or_underscore(tmp_path: Path) -> None:
    path = write_tsv(tmp_path / "t.tsv", ["Index", "L2-category", "A"], [{"Index": 1, "L2-category": "x", "A": "y"}])
    with opened(path) as table:
        assert table.row(0).text("l2_category") == "x"
        assert table.column("a") is None
        with pytest.raises(DataError, match='no column "question"; there are: Index, L2-category, A'):
            table.row(0).required("question")


def test_base64_is_decoded_byte_for_byte(tmp_path: Path) -> None:
    data = png(padding=1000)
    path = write_tsv(tmp_path / "t.tsv", ["index", "image"], [{"index": 0, "image": base64.b64encode(data).decode()}])
    with opened(path) as table:
        assert table.row(0).images("image")[0].read() == data

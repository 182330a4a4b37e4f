from pathlib import Path

import openpyxl
import pytest

from vlmeval.data.catalog import find_task
from vlmeval.data.options import DataOptions
from vlmeval.data.samples import open_samples
from vlmeval.errors import DataError
from vlmeval.types import Sample

HEAD = ("index", "question", "A", "B", "answer")
ROWS = ((1, "What?", "None", "=1+1", "B"), (2, "Why?", "NA", "a, b", "A"))


def excel(path: Path) -> Path:
    book = openpyxl.Workbook()
    assert book.active is not None
    for row in (HEAD, *ROWS):
        book.active.append([str(cell) if isinstance(cell, str) else cell for cell in row])
    book.save(path)
    return path


def comma_separated(path: Path) -> Path:
    path.write_text('index,question,A,B,answer\n1,What?,None,=1+1,B\n2,Why?,NA,"a, b",A\n', encoding="utf-8-sig")
    return path


def read(path: Path, *, imageless: bool = True) -> list[Sample]:
    with open_samples(find_task("mmbench"), DataOptions(path, imageless=imageless)) as samples:
        return list(samples)


@pytest.mark.parametrize("write", [excel, comma_separated])
def test_words_that_spreadsheets_take_for_nothing_and_formulas_stay_text(tmp_path: Path, write: object) -> None:
    assert callable(write)
    samples = read(write(tmp_path / ("q.xlsx" if write is excel else "q.csv")))
    assert [sample.choices for sample in samples] == [("None", "=1+1"), ("NA", "a, b")]
    assert [sample.references for sample in samples] == [("B",), ("A",)]
    assert [sample.parts for sample in samples] == [("What?",), ("Why?",)]


def test_rows_without_images_are_refused_unless_answers_are_replayed(tmp_path: Path) -> None:
    with pytest.raises(DataError, match='no column "image"'):
        read(comma_separated(tmp_path / "q.csv"), imageless=False)


def test_a_row_of_another_length_is_named_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "q.csv"
    path.write_text("index,question,A,B,answer\n1,What?,a,b,A\n2,Why, really?,a,b,A\n")
    with pytest.raises(DataError, match=r"q\.csv, line 3: 6 cells, but the header has 5"):
        read(path)


def test_a_file_that_only_is_called_xlsx_is_a_data_error(tmp_path: Path) -> None:
    (tmp_path / "q.xlsx").write_bytes(b"not a zip")
    with pytest.raises(DataError, match=r"q\.xlsx"):
        read(tmp_path / "q.xlsx")

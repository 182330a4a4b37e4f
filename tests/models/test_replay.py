"""Answers from files: what is found, what is text, and what is refused."""

from __future__ import annotations

import csv
import gzip
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import openpyxl
import pytest

from vlmeval.errors import ConfigError, DataError, JournalError, VlmevalError
from vlmeval.models.replay import ReplayModel, open_replay, row_id
from vlmeval.types import Failure, Generator, Model, Output, Record, Request

CASES = Path(os.environ.get("VLMEVAL_CASES", Path(__file__).resolve().parents[2] / "../shared/cases"))
TRICKY = [
    "None",
    "NA",
    "nan",
    "null",
    "=1+1",
    "",
    "5",
    "#N/A",
    "line\nbreak\tand tab",
    '"quoted", comma',
    "TRUE",
    "é🙂",
]


def request(sample_id: str, variant: str = "", row: str = "") -> Request:
    return Request(sample_id, variant, ("?",), row=row)


def say(model: ReplayModel, *requests: Request) -> list[str]:
    """Return texts, or the message of a failure."""
    return [item.text if isinstance(item, Output) else item.message for item in model.generate(requests)]


def write(path: Path, header: Sequence[str], rows: Sequence[Sequence[Any]]) -> Path:
    """Write the rows in the form that the file's name tells."""
    if path.suffix == ".xlsx":
        book = openpyxl.Workbook()
        book.active.append(list(header))
        for row in rows:
            book.active.append(list(row))
        book.save(path)
    elif path.suffix in (".csv", ".tsv"):
        with open(path, "w", encoding="utf8", newline="") as file:
            writer = csv.writer(file, delimiter="," if path.suffix == ".csv" else "\t")
            writer.writerows([header, *rows])
    else:
        objects = [dict(zip(header, row, strict=True)) for row in rows]
        text = json.dumps(objects) if path.suffix == ".json" else "".join(json.dumps(item) + "\n" for item in objects)
        path.write_text(text, encoding="utf8")
    return path


@pytest.mark.parametrize("ending", [".jsonl", ".json", ".csv", ".tsv", ".xlsx"])
def test_text_stays_text_in_every_form(tmp_path: Path, ending: str) -> None:
    path = write(tmp_path / f"a{ending}", ["index", "prediction"], list(enumerate(TRICKY)))
    model = open_replay(str(path), {})
    assert say(model, *(request(str(index)) for index in range(len(TRICKY)))) == TRICKY
    assert isinstance(model, Model)
    assert isinstance(model, Generator)
    model.close()


@pytest.mark.parametrize("name", ["index", "id", "question_id", "sample_id"])
@pytest.mark.parametrize("text", ["prediction", "answer", "text", "response"])
def test_the_usual_columns_are_found(tmp_path: Path, name: str, text: str) -> None:
    path = write(tmp_path / "a.jsonl", ["other", name, text], [[1, "q-1", "yes"]])
    assert say(open_replay(str(path), {}), request("q-1")) == ["yes"]


def test_the_prediction_goes_before_the_gold_answer(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", ["index", "answer", "prediction"], [[1, "gold", "said"]])
    assert say(open_replay(str(path), {}), request("1")) == ["said"]


def test_other_columns_can_be_named(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", ["index", "uid", "prediction", "raw"], [[1, "x", "no", "yes"]])
    model = open_replay(str(path), {"id_column": "uid", "text_column": "raw"})
    assert say(model, request("x")) == ["yes"]
    assert model.recipe()["text_column"] == "raw"


def test_rotations_of_integer_ids_are_a_million_apart_and_a_row_goes_first() -> None:
    assert row_id(request("241", "rot0")) == "241"
    assert row_id(request("241", "rot2")) == "2000241"
    assert row_id(request("241", "rot2", row="977")) == "977"
    assert row_id(request("q", "rot0")) == "q"
    assert row_id(request("q", "rot1")) is None
    assert row_id(request("q", "epoch2")) is None


def test_no_answer_is_a_failure_that_names_file_and_key(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", ["id", "text"], [[1, "x"], [2, None], [3, float("nan")]])
    outcomes = open_replay(str(path), {}).generate([request("9", "rot1"), request("2"), request("3")])
    assert all(isinstance(outcome, Failure) and outcome.kind == "rejected" for outcome in outcomes)
    assert outcomes[0] == Failure("rejected", "a.jsonl: no answer under id 1000009 for sample 9, variant rot1")


@pytest.mark.parametrize(
    ("ending", "message"),
    [
        (".jsonl", "line 3: id 7 is also in line 1"),
        (".csv", "line 4: id 7 is also in line 2"),
        (".xlsx", "row 4: id 7 is also in row 2"),
        (".json", "entry 3: id 7 is also in entry 1"),
    ],
)
def test_an_id_that_is_there_twice_is_an_error_with_both_rows(tmp_path: Path, ending: str, message: str) -> None:
    path = write(tmp_path / f"a{ending}", ["id", "text"], [[7, "a"], [8, "b"], [7, "c"]])
    with pytest.raises(DataError, match=message):
        open_replay(str(path), {})


def test_a_line_number_counts_line_breaks_inside_cells(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", ["id", "text"], [[7, "a\nb\nc"], [7, "d"]])
    with pytest.raises(DataError, match="line 5: id 7 is also in line 2"):
        open_replay(str(path), {})


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", "id,text\n1,a\n2\n", "line 3: 1 cells, but the header has 2"),
        ("a.csv", "id,words\n1,a\n", "none of the columns prediction, .*text_column=NAME"),
        ("a.csv", "id,text\n", "holds no rows"),
        ("a.csv", "", "holds no rows"),
        ("a.csv", "id,text\n,a\n", 'line 2: column "id" holds no id'),
        ("a.jsonl", '{"id": 1, "text": "a"}\n{"id": 2,\n', "line 2: not JSON"),
        ("a.jsonl", "[1]\n", "line 1: expected an object"),
        ("a.jsonl", '{"id": 1, "text": ["a"]}\n', 'line 1: column "text" holds a list'),
        ("a.json", "3", "expected a list of objects"),
        ("a.xlsx", "no zip", "cannot be read as .xlsx"),
        ("a.pkl", "x", "not a whole pickle"),
        ("a.xls", "x", 'not from ".xls"'),
        ("a.jsonl.gz", "no gzip", "cannot be read as .jsonl"),
    ],
)
def test_a_wrong_file_is_an_error_that_says_where(tmp_path: Path, name: str, content: str, message: str) -> None:
    path = tmp_path / name
    path.write_text(content, encoding="utf8")
    with pytest.raises(DataError, match=message):
        open_replay(str(path), {})


def test_a_file_that_is_not_utf8_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"id,text\n1,\xff\n")
    with pytest.raises(DataError, match="utf-8"):
        open_replay(str(tmp_path / "a.csv"), {})


def test_wrong_columns_and_options_name_the_nearest(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", ["id", "text"], [[1, "a"]])
    with pytest.raises(DataError, match='no column "txt"; did you mean "text"'):
        open_replay(str(path), {"text_column": "txt"})
    with pytest.raises(ConfigError, match='unknown option "text_colum"; did you mean "text_column"'):
        open_replay(str(path), {"text_colum": "text"})


@pytest.mark.parametrize("target", ["", "nothing.jsonl"])
def test_a_file_that_is_not_there_is_an_error(target: str) -> None:
    with pytest.raises(ConfigError, match="no such file"):
        open_replay(target, {})


def test_packed_files_and_plain_maps_are_read(tmp_path: Path) -> None:
    with gzip.open(tmp_path / "a.jsonl.gz", "wt", encoding="utf8") as file:
        file.write('{"question_id": 1, "response": "x"}\n')
    assert say(open_replay(str(tmp_path / "a.jsonl.gz"), {}), request("1")) == ["x"]
    (tmp_path / "b.json").write_text('{"q1": "yes"}', encoding="utf8")
    assert say(open_replay(str(tmp_path / "b.json"), {}), request("q1")) == ["yes"]


def test_excel_s_cut_and_vlmevalkit_s_failed_calls_are_not_plain_answers(tmp_path: Path) -> None:
    rows = [[1, "x" * 32_767], [2, "x" * 32_766], [3, "Failed to obtain answer via API."], [4.0, True], [5, 5]]
    path = write(tmp_path / "a.xlsx", ["index", "prediction"], rows)
    cut, whole, failed, boolean, number = open_replay(str(path), {}).generate([request(str(k)) for k in range(1, 6)])
    assert isinstance(cut, Output)
    assert cut.finish == "length"
    assert isinstance(whole, Output)
    assert whole.finish == "stop"
    assert isinstance(failed, Failure)
    assert boolean == Output("True")
    assert number == Output("5")


def test_the_recipe_is_the_file_s_digest_not_its_path(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        write(tmp_path / folder / "a.csv", ["id", "text"], [[1, "a"]])
    one, two = (open_replay(str(tmp_path / folder / "a.csv"), {}) for folder in ("one", "two"))
    assert one.recipe() == two.recipe()
    assert one.name == "replay-a"
    write(tmp_path / "two" / "a.csv", ["id", "text"], [[1, "b"]])
    assert open_replay(str(tmp_path / "two" / "a.csv"), {}).recipe() != one.recipe()


def journal(path: Path, *records: Record, tail: bytes = b"") -> Path:
    path.write_bytes(b"".join(msgspec.json.encode(record) + b"\n" for record in records) + tail)
    return path


RECORDS = (
    Record("k1", "s", "rot0", Output("A", seconds=0.5)),
    Record("k2", "s", "rot1", Failure("transient", "gone", 5)),
    Record("k2", "s", "rot1", Output("B", "length")),
    Record("k3", "t", "rot0", Failure("refused", "no")),
)


def test_a_run_is_replayed_by_sample_and_variant_and_the_latest_record_wins(tmp_path: Path) -> None:
    journal(tmp_path / "outputs.jsonl", *RECORDS, tail=b'{"key":"k9","sample_id":"u\xc3')
    for target in (tmp_path, tmp_path / "outputs.jsonl"):
        model = open_replay(str(target), {})
        wanted = [request("s", "rot0"), request("s", "rot1", row="77"), request("t", "rot0"), request("u", "rot0")]
        outcomes = model.generate(wanted)
        assert outcomes[:3] == [RECORDS[0].outcome, RECORDS[2].outcome, RECORDS[3].outcome]
        assert outcomes[3] == Failure("rejected", "outputs.jsonl: no answer for sample u, variant rot0")


def test_a_journal_damaged_in_the_middle_is_an_error_with_its_line(tmp_path: Path) -> None:
    whole = msgspec.json.encode(RECORDS[0])
    path = journal(tmp_path / "outputs.jsonl", RECORDS[0], tail=whole[:20] + b"\n" + whole + b"\n")
    with pytest.raises(JournalError, match=r"outputs.jsonl, line 2: damaged"):
        open_replay(str(path), {})


def test_a_folder_without_a_journal_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(VlmevalError, match=r"no outputs\.jsonl; expected a run"):
        open_replay(str(tmp_path), {})
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "outputs.jsonl").write_text("")
    with pytest.raises(VlmevalError, match=r'no outputs\.jsonl; did you mean "replay:.*run"\?'):
        open_replay(str(tmp_path), {})


@pytest.mark.skipif(not CASES.is_dir(), reason="the reference cases are not here (VLMEVAL_CASES)")
def test_vlmevalkit_s_real_results_are_read_row_by_row() -> None:
    model = open_replay(str(CASES / "mmbench_dev_llava15_13b" / "llava-v1.5-13b.xlsx"), {})
    assert say(model, request("241", "rot0"), request("x", row="252")) == ["B", "B"]
    assert model.conditions()["answers"] == 4377

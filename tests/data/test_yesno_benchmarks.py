"""POPE, HallusionBench and MME from small files in the real schemas to scores, with sockets blocked."""

import json
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as arrow
import pyarrow.parquet as parquet
import pytest

from tests.data.made import b64, png, write_tsv
from tests.score.runs import made
from vlmeval.data.catalog import find_task
from vlmeval.data.samples import DataOptions, open_samples
from vlmeval.errors import DataError
from vlmeval.score.scorer import score_run
from vlmeval.store.results import Scores
from vlmeval.types import Request, Sample

Rows = list[dict[str, Any]]


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object, **more: object) -> None:
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def tsv(folder: Path, rows: Rows) -> Path:
    """Write rows as VLMEvalKit does: the image as base64, or the index of the row that has it."""
    return write_tsv(folder / "t.tsv", list(rows[0]), [{**row, "image": b64(row["image"])} for row in rows])


def parquet_file(folder: Path, rows: Rows) -> Path:
    """Write rows as the hub has them."""
    cells = [{**row, "image": {"bytes": row["image"], "path": None}} for row in rows]
    parquet.write_table(arrow.Table.from_pylist(cells), folder / "test-00000-of-00001.parquet")
    return folder / "test-00000-of-00001.parquet"


def jsonl(folder: Path, rows: Rows) -> Path:
    """Write rows as JSON Lines with images beside them."""
    for number, row in enumerate(rows):
        (folder / f"{number}.png").write_bytes(row["image"])
    lines = [json.dumps({**row, "image": f"{number}.png"}) for number, row in enumerate(rows)]
    (folder / "t.jsonl").write_text("\n".join(lines), "utf8")
    return folder / "t.jsonl"


FORMATS = pytest.mark.parametrize("write", [tsv, parquet_file, jsonl])
# The hub's schema has no index, so that it is no TSV.
SCHEMAS = pytest.mark.parametrize(
    ("write", "hub"), [(tsv, False), (parquet_file, False), (jsonl, False), (parquet_file, True), (jsonl, True)]
)
Writer = Callable[[Path, Rows], Path]


def picture(number: int) -> bytes:
    return png((number, 20, 30))


def pope_tsv_rows() -> Rows:
    """Return rows as VLMEvalKit publishes them: categories joined by commas."""
    joined = ("random", "adversarial,popular", "random,popular,adversarial", "popular")
    return [
        {"index": number, "image": picture(number // 2), "question": f"Is there dog {number}? Please answer yes or no.",
         "answer": "Yes" if number % 2 else "No", "category": joined[number % 4]}
        for number in range(8)
    ]  # fmt: skip


def pope_hub_rows() -> Rows:
    """Return rows as the hub has them: one category each, numbers that start again in each."""
    return [
        {"id": str(3 * number + place), "question_id": str(number), "question": f"Is there a dog {number}?",
         "answer": "no" if number % 2 else "yes", "image_source": f"COCO_val2014_{number:012}",
         "image": picture(number // 2), "category": name}
        for place, name in enumerate(("random", "popular", "adversarial"))
        for number in range(4)
    ]  # fmt: skip


def mme_rows(*, hub: bool = False) -> Rows:
    """Return two images of each category with two questions, in VLMEvalKit's columns or the hub's."""
    from vlmeval.metrics.mme import COGNITION, PERCEPTION

    rows: Rows = []
    for category in (*PERCEPTION, *COGNITION):
        for image in range(2):
            for gold in ("Yes", "No"):
                name = f"{category}/{image:04}.png"
                row = {"image": picture(image), "question": f"Is it {gold}? Please answer yes or no.", "answer": gold,
                       "category": category}  # fmt: skip
                rows.append({"question_id": name, **row} if hub else {"index": len(rows), "image_path": name, **row})
    return rows


def hallusion_rows(*, hub: bool = False) -> Rows:
    """Return one set: two questions about each of two figures, and a second category."""
    rows: Rows = []
    for category, subcategory in (("VD", "illusion"), ("VS", "map")):
        for figure in range(2):
            for question in range(2):
                gold = (figure + question) % 2
                row: dict[str, Any] = {"question": f"Is {figure} like {question}?", "image": picture(figure)}
                parts = {"category": category, "subcategory": subcategory, "visual_input": "1", "set_id": "0",
                         "figure_id": str(figure), "question_id": str(question)}  # fmt: skip
                if hub:
                    rows.append({**parts, **row, "gt_answer": str(gold), "filename": "x.png", "sample_note": ""})
                else:
                    more = {"l2-category": f"{category}_{subcategory}", "answer": "Yes" if gold else "No"}
                    rows.append({"index": "_".join(parts.values()), "category": category, **row, **more})
    return rows


def read(task: str, data: Path, limit: int | None = None) -> list[Sample]:
    with open_samples(find_task(task), DataOptions(data=data, offline=True, limit=limit)) as samples:
        found = list(samples)
        assert len(samples) == len(found)
    return found


def scored(task: str, folder: Path, data: Path, reply: Callable[[Sample, Request], str]) -> Scores:
    return score_run(made(folder, read(task, data), reply, task=find_task(task)))


def figures(scores: Scores) -> dict[str, float]:
    return {f"{one.metric} {one.slice}".strip(): one.value for one in scores.estimates}


def right(sample: Sample, request: Request) -> str:
    return sample.references[0]


def yes(sample: Sample, request: Request) -> str:
    return "Yes, there is."


@FORMATS
def test_pope_is_a_question_in_each_of_its_categories(tmp_path: Path, write: Writer) -> None:
    samples = read("pope", write(tmp_path, pope_tsv_rows()))
    assert [sample.id for sample in samples[:6]] == [
        "random:0", "popular:1", "adversarial:1", "random:2", "popular:2", "adversarial:2"
    ]  # fmt: skip
    assert len(samples) == 14
    assert samples[0].parts[1] == "Is there dog 0?"
    assert samples[1].references == ("yes",)
    assert samples[1].fields["row"] == "1"
    assert len({sample.cluster for sample in samples}) == 4
    popular = read("pope_pop", write(tmp_path, pope_tsv_rows()))
    assert [sample.id for sample in popular] == [f"popular:{number}" for number in (1, 2, 3, 5, 6, 7)]


@FORMATS
def test_pope_scores_end_to_end(tmp_path: Path, write: Writer) -> None:
    data = write(tmp_path, pope_hub_rows())
    scores = scored("pope", tmp_path, data, yes)
    found = figures(scores)
    assert scores.complete
    assert found["pope_f1"] == pytest.approx(2 / 3)
    assert found["yesno_accuracy"] == 0.5
    assert found["yes_ratio"] == 1.0
    assert found["pope_f1 category=random"] == pytest.approx(2 / 3)
    perfect = figures(scored("POPE_popular", tmp_path / "p", data, right))
    assert (perfect["f1"], perfect["yesno_accuracy"]) == (1.0, 1.0)


@SCHEMAS
def test_mme_scores_end_to_end_in_both_schemas(tmp_path: Path, write: Writer, hub: bool) -> None:
    data = write(tmp_path, mme_rows(hub=hub))
    samples = read("MME", data)
    assert len({sample.cluster for sample in samples}) == len(samples) / 2 == 28
    assert samples[0].parts[1] == "Is it Yes?"
    perfect = figures(scored("mme", tmp_path / "right", data, right))
    assert (perfect["mme_total"], perfect["mme_perception"], perfect["mme_cognition"]) == (2800.0, 2000.0, 800.0)
    assert perfect["mme_total category=OCR"] == 200.0
    always = figures(scored("mme", tmp_path / "yes", data, yes))
    assert (always["mme_total"], always["mme_total category=count"]) == (700.0, 50.0)


@SCHEMAS
def test_hallusionbench_scores_end_to_end_in_both_schemas(tmp_path: Path, write: Writer, hub: bool) -> None:
    data = write(tmp_path, hallusion_rows(hub=hub))
    samples = read("HallusionBench", data)
    assert samples[0].id == "VD_illusion_1_0_0_0"
    assert samples[0].tags == {"category": "VD", "l2-category": "VD_illusion"}
    assert samples[0].cluster == "VD_illusion_0"

    def wrong_once(sample: Sample, request: Request) -> str:
        return "yes" if sample.id == "VD_illusion_1_0_0_0" else sample.references[0]

    found = figures(scored("hallusion_bench_image", tmp_path, data, wrong_once))
    assert (found["a_acc"], found["f_acc"], found["q_acc"]) == (7 / 8, 3 / 4, 3 / 4)
    assert found["hallusion_mean"] == pytest.approx((7 / 8 + 3 / 4 + 3 / 4) / 3)
    assert (found["f_acc category=VD"], found["f_acc l2-category=VS_map"]) == (0.5, 1.0)


@pytest.mark.parametrize("gold", ["maybe", "__import__('os').system('touch /tmp/x')", "=1+1", "2"])
def test_a_gold_that_is_neither_is_an_error_with_file_and_row(tmp_path: Path, gold: str) -> None:
    rows = pope_tsv_rows()
    rows[2]["answer"] = gold
    with pytest.raises(DataError, match=r't\.tsv, line 4, column "answer": the gold .* is neither yes nor no'):
        read("pope", tsv(tmp_path, rows))


@pytest.mark.parametrize(
    ("gold", "value"), [(" YES ", "yes"), ("no.", "no"), ("1", "yes"), ("0", "no"), ("TRUE", "yes")]
)
def test_other_spellings_of_the_gold_are_understood(tmp_path: Path, gold: str, value: str) -> None:
    assert read("mme", tsv(tmp_path, [{**mme_rows()[0], "answer": gold}]))[0].references == (value,)


@pytest.mark.parametrize("gold", ["", "nan", "None", "?"])
def test_a_missing_gold_is_an_error_where_the_split_is_not_hidden(tmp_path: Path, gold: str) -> None:
    with pytest.raises(DataError, match=r'line 2, column "answer": the cell is empty'):
        read("mme", tsv(tmp_path, [{**mme_rows()[0], "answer": gold}]))


def test_an_unknown_category_and_an_odd_index_are_named(tmp_path: Path) -> None:
    rows = pope_tsv_rows()
    rows[1]["category"] = "popular,rare"
    with pytest.raises(DataError, match=r'line 3, column "category": "rare" is none of random, popular, adversarial'):
        read("pope", tsv(tmp_path, rows))
    with pytest.raises(DataError, match=r'line 2, column "index": "7" is no <category>'):
        read("hallusionbench", tsv(tmp_path, [{**hallusion_rows()[0], "index": "7"}]))


def test_an_mme_file_with_a_category_of_its_own_costs_its_figures_and_no_other(tmp_path: Path) -> None:
    rows = mme_rows()
    rows[0]["category"] = "smell"
    scores = scored("mme", tmp_path, tsv(tmp_path, rows), right)
    assert not scores.complete
    assert any('"smell" is no category of MME' in note for note in scores.notes)
    assert figures(scores)["yesno_accuracy"] == 1.0


def test_hostile_questions_stay_texts_and_huge_ones_are_read(tmp_path: Path) -> None:
    rows = mme_rows()[:3]
    hostile = ["{question}{0.__class__}", "=cmd|' /C calc'!A0\n\"x\"\tyes or no", "x" * 10_000_000]
    for row, text in zip(rows, hostile, strict=True):
        row["question"] = text
    samples = read("mme", tsv(tmp_path, rows))
    assert [sample.parts[1] for sample in samples] == hostile


def test_a_question_that_only_mentions_the_instruction_keeps_it(tmp_path: Path) -> None:
    text = "Please answer yes or no. Is the sign red?"
    assert read("mme", tsv(tmp_path, [{**mme_rows()[0], "question": text}]))[0].parts[1] == text


def test_a_limited_mme_run_shows_no_sum_that_lacks_categories(tmp_path: Path) -> None:
    samples = read("mme", tsv(tmp_path, mme_rows()), limit=7)
    scores = score_run(made(tmp_path, samples, right, task=find_task("mme")))
    found = figures(scores)
    assert "mme_total" not in found
    assert "mme_perception" not in found
    assert found["mme_total category=existence"] == 200.0
    assert any(note.startswith("mme_total is undefined") for note in scores.notes)


def test_recorded_rows_without_pictures_are_read_where_that_is_allowed(tmp_path: Path) -> None:
    for task, rows in (("pope", pope_tsv_rows()), ("mme", mme_rows()), ("hallusionbench", hallusion_rows())):
        bare = [{name: cell for name, cell in row.items() if name not in ("image", "image_path")} for row in rows]
        path = write_tsv(tmp_path / f"{task}.tsv", list(bare[0]), bare)
        with pytest.raises(DataError, match='no column "image"'):
            read(task, path)
        with open_samples(find_task(task), DataOptions(data=path, imageless=True)) as samples:
            assert all(len(sample.parts) == 1 for sample in samples)


@FORMATS
def test_amber_scores_end_to_end(tmp_path: Path, write: Writer) -> None:
    kinds = (
        "discriminative-hallucination",
        "discriminative-attribute-state",
        "discriminative-attribute-number",
        "relation",
    )
    rows = [
        {"index": number, "image": picture(number // 4), "question": f"Is there a dog {number}?", "category": kind,
         "answer": "yes" if number % 8 in (1, 3) else "no"}
        for number, kind in enumerate(kinds * 4)
    ]  # fmt: skip

    def deny(sample: Sample, request: Request) -> str:
        assert request.text.endswith(f"dog {sample.id}?\nPlease answer yes or no.")
        return "No."

    found = figures(scored("AMBER", tmp_path, write(tmp_path, rows), deny))
    assert (found["yesno_accuracy"], found["precision_no"], found["recall_no"]) == (0.75, 0.75, 1.0)
    assert found["f1_no"] == pytest.approx(2 * 0.75 / 1.75)
    assert (found["yesno_accuracy category=Existence"], found["yesno_accuracy category=Attribute"]) == (1.0, 0.75)
    assert found["macro_category"] == pytest.approx((1.0 + 0.75 + 0.5) / 3)

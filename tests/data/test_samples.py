import json
import socket
import threading
from pathlib import Path
from typing import Any

import pyarrow as arrow
import pyarrow.parquet as parquet
import pytest

from tests.data.made import MMBENCH, b64, group, mmbench_tsv, png, question, write_tsv
from tests.data.test_json import vqa
from vlmeval.data.catalog import expand, find_task, list_tasks
from vlmeval.data.samples import DataOptions, open_samples
from vlmeval.errors import ConfigError, DataError
from vlmeval.types import Image, Sample


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Everything in this file works with sockets blocked and an empty home."""

    def refuse(*arguments: object, **more: object) -> None:
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setenv("LMUData", str(tmp_path / "LMUData"))


def read(task: str, **where: Any) -> list[Sample]:
    with open_samples(find_task(task), DataOptions(**where)) as samples:
        found = list(samples)
        assert len(samples) == len(found)
    return found


def test_an_mmbench_file_gives_base_questions_with_the_files_own_passes(tmp_path: Path) -> None:
    path = mmbench_tsv(tmp_path / "t.tsv", [group(7, ["a", "b", "c"], gold=2), group(12, ["x", "y"])])
    first, second = read("mmbench", data=path)
    assert (first.id, first.choices, first.references) == ("7", ("a", "b", "c"), ("C",))
    assert [rotation.row for rotation in first.rotations] == ["7", "1000007", "2000007"]
    assert [rotation.order for rotation in first.rotations] == [(0, 1, 2), (2, 0, 1), (1, 2, 0)]
    assert first.tags == {"category": "colour", "l2-category": "fine", "source": "made"}
    assert second.id == "12"


def test_limit_counts_base_questions_and_never_cuts_a_group(tmp_path: Path) -> None:
    path = mmbench_tsv(tmp_path / "t.tsv", [group(number, ["a", "b", "c", "d"]) for number in range(5)])
    found = read("mmbench", data=path, limit=2)
    assert [len(sample.rotations) for sample in found] == [4, 4]


def test_groups_that_are_not_whole_are_warned_about(tmp_path: Path) -> None:
    path = mmbench_tsv(tmp_path / "t.tsv", [group(1, ["a", "b", "c"])[:2], group(2, ["a", "b"])])
    with open_samples(find_task("mmbench"), DataOptions(data=path)) as samples:
        first, second = samples
        assert samples.origin.warnings == ("question 1: 2 passes for 3 options",)
    assert [len(sample.rotations) for sample in (first, second)] == [2, 2]


def test_a_sample_says_the_same_wherever_its_file_lies(tmp_path: Path) -> None:
    rows = group(1, ["a", "b", "c"])
    rows[1]["question"] = "Another question?"
    first = mmbench_tsv(tmp_path / "t.tsv", [rows])
    (tmp_path / "moved").mkdir()
    before = read("mmbench", data=first)
    assert read("mmbench", data=first.rename(tmp_path / "moved" / "renamed.tsv")) == before


def test_the_digest_covers_the_rows_within_the_limit_with_all_their_passes(tmp_path: Path) -> None:
    def digest(rows: list[list[dict[str, object]]], limit: int) -> str:
        path = mmbench_tsv(tmp_path / "t.tsv", rows)
        with open_samples(find_task("mmbench"), DataOptions(data=path, limit=limit)) as samples:
            return samples.origin.digest

    one, two = group(1, ["a", "b"]), group(2, ["a", "b"])
    base = digest([one, two], 1)
    assert digest([one, group(2, ["c", "d"])], 1) == base
    assert digest([one, two], 2) != base
    assert digest([[one[0], {**one[1], "comment": "x"}], two], 1) != base


def test_a_missing_column_and_a_duplicate_index_stop_before_anything_is_asked(tmp_path: Path) -> None:
    columns = [name for name in MMBENCH if name != "question"]
    path = write_tsv(tmp_path / "t.tsv", columns, [question(1, ["a", "b"])])
    with pytest.raises(DataError, match=r't\.tsv: no column "question"; there are: index, hint'):
        read("mmbench", data=path)
    path = write_tsv(tmp_path / "u.tsv", MMBENCH, [question(1, ["a", "b"]), question(1, ["a", "b"])])
    with pytest.raises(DataError, match=r"line 3, .*index 1 is already used in .*line 2"):
        read("mmbench", data=path)


def test_a_hidden_split_is_read_without_gold(tmp_path: Path) -> None:
    columns = [name for name in MMBENCH if name != "answer"]
    path = mmbench_tsv(tmp_path / "t.tsv", [group(1, ["a", "b"])])
    rows = [question(1, ["a", "b"])]
    assert [sample.references for sample in read("mmbench_test_en", data=write_tsv(path, columns, rows))] == [()]
    with pytest.raises(DataError, match='no column "answer"'):
        read("mmbench_dev_en", data=path)


def test_lmudata_and_data_dir_are_looked_in_and_data_dir_first(tmp_path: Path) -> None:
    for folder, text in (("LMUData", "from LMUData"), ("mine", "from mine")):
        (tmp_path / folder).mkdir()
        write_tsv(tmp_path / folder / "MMBench_DEV_EN.tsv", MMBENCH, [question(1, ["a", "b"], question=text)])
    assert read("mmbench")[0].parts[1] == "from LMUData"
    assert read("mmbench", data_dir=tmp_path / "mine")[0].parts[1] == "from mine"


def test_offline_without_the_file_says_which_file_goes_where(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    with pytest.raises(
        DataError, match=r"offline, and no data on this machine\n(.*\n)*  put RealWorldQA\.tsv .*into .*LMUData"
    ):
        read("realworldqa", offline=True)


def test_the_catalogs_own_file_with_another_count_is_warned_about_not_refused(tmp_path: Path) -> None:
    (tmp_path / "LMUData").mkdir()
    path = write_tsv(tmp_path / "LMUData" / "MMStar.tsv", [*MMBENCH[:9], "image"], [question(1, ["a", "b"])])
    for data, warned in ((None, 1), (path, 0)):
        with open_samples(find_task("mmstar"), DataOptions(data=data)) as samples:
            assert len(samples.origin.warnings) == warned
            assert samples.origin.rows == 1
            assert samples.origin.path == str(path)


def hub_rows(path: Path, records: list[dict[str, Any]]) -> Path:
    parquet.write_table(arrow.Table.from_pylist(records), path)
    return path


def picture(number: int = 1) -> dict[str, object]:
    return {"bytes": png((number, 0, 0)), "path": None}


HUB_FORMS: list[tuple[str, dict[str, Any], tuple[object, ...], str]] = [
    (
        "mmbench_dev_en",
        {"index": 4, "question": "Q", "hint": "nan", "answer": "B", "A": "x", "B": "y", "C": "nan", "D": "nan",
         "category": "c", "L2-category": "l", "image": picture(), "source": "s", "split": "dev", "comment": ""},
        ("x", "y"), "B",
    ),
    ("ccbench", {"index": 4, "question": "Q", "answer": "A", "A": "x", "B": "y", "C": "z", "D": "w", "category": "c",
                 "image": picture(), "source": "s"}, ("x", "y", "z", "w"), "A"),
    ("ai2d", {"question": "Q", "options": ["x", "y"], "answer": "1", "image": picture()}, ("x", "y"), "B"),
    ("scienceqa_img_test", {"image": picture(), "question": "Q", "choices": ["x", "y", "z"], "answer": 2, "hint": "",
                            "subject": "s", "topic": "t", "grade": "g"}, ("x", "y", "z"), "C"),
    ("seedbench_img", {"question_id": "7", "question": "Q", "choice_a": "x", "choice_b": "y", "choice_c": "z",
                       "choice_d": "w", "answer": "D", "data_type": "image", "question_type_id": 3,
                       "image": [picture()]}, ("x", "y", "z", "w"), "D"),
    ("mmstar", {"index": 0, "question": "Q?\nOptions: A: one, two, B: None, C: x: y, D: last", "answer": "B",
                "image": picture(), "category": "c", "l2_category": "l"}, ("one, two", "None", "x: y", "last"), "B"),
    ("mmmu_val", {"id": "validation_Art_Theory_12", "question": "<image 1> Q", "options": "['x', 'y']", "answer": "A",
                  "question_type": "multiple-choice", "image_1": picture()}, ("x", "y"), "A"),
    ("vqav2_val", {"question_id": 3, "image_id": 1, "question": "Q", "answers": [{"answer": "red", "answer_id": 1}],
                   "answer_type": "other", "image": picture()}, (), "red"),
    ("textvqa_val", {"question_id": 3, "image_id": "ab", "question": "Q", "answers": ["red"] * 10,
                     "ocr_tokens": ["STOP", "GO"], "image": picture()}, (), "red"),
    ("coco_karpathy_test", {"cocoid": 3, "split": "test", "sentences": ["a cat", "a dog"], "image": picture()},
     (), "a cat"),
    ("flickr30k_retrieval", {"img_id": "3", "split": "test", "caption": ["a cat"], "sentids": ["9"],
                             "image": picture()}, (), "9"),
]  # fmt: skip


@pytest.mark.parametrize(("task", "record", "choices", "gold"), HUB_FORMS, ids=[form[0] for form in HUB_FORMS])
def test_the_field_names_of_the_hub_are_understood(
    tmp_path: Path, task: str, record: dict[str, Any], choices: tuple[object, ...], gold: str
) -> None:
    sample = read(task, data=hub_rows(tmp_path / "t.parquet", [record]))[0]
    assert (sample.choices, sample.references[0]) == (choices, gold)
    assert any(isinstance(part, Image) and part.read() == png((1, 0, 0)) for part in sample.parts)


def test_tags_come_from_ids_and_numbers_where_the_file_spells_them_so(tmp_path: Path) -> None:
    forms = {form[0]: form[1] for form in HUB_FORMS}
    mmmu = read("mmmu_val", data=hub_rows(tmp_path / "a.parquet", [forms["mmmu_val"]]))[0]
    assert mmmu.tags == {"subject": "Art_Theory", "domain": "Art & Design", "question_type": "multiple-choice"}
    seed = read("seedbench_img", data=hub_rows(tmp_path / "b.parquet", [forms["seedbench_img"]]))[0]
    assert seed.tags == {"category": "Instance Attributes"}
    words = read("textvqa_val", data=hub_rows(tmp_path / "c.parquet", [forms["textvqa_val"]]))[0]
    assert words.fields == {"ocr_tokens": "STOP, GO"}


def test_only_rows_of_the_split_are_taken(tmp_path: Path) -> None:
    rows = [{"img_id": str(n), "split": split, "caption": ["c"], "sentids": [str(n)], "image": picture()}
            for n, split in enumerate(("train", "test", "val", "test"))]  # fmt: skip
    found = read("flickr30k_retrieval", data=hub_rows(tmp_path / "t.parquet", rows))
    assert [sample.id for sample in found] == ["i2t:1", "t2i:1", "i2t:3", "t2i:3"]
    with pytest.raises(DataError, match="no row has split in test; found train"):
        read("flickr30k_retrieval", data=hub_rows(tmp_path / "u.parquet", rows[:1]))


def test_two_rows_of_one_id_are_told_with_both_places(tmp_path: Path) -> None:
    record = HUB_FORMS[7][1]
    with pytest.raises(DataError, match=r'row 1: the id "3" is already used in .*row 0'):
        read("vqav2_val", data=hub_rows(tmp_path / "t.parquet", [record, record]))


def test_any_format_serves_any_task(tmp_path: Path) -> None:
    questions = vqa(tmp_path / "vqa")
    assert [sample.references[0] for sample in read("vqav2_val", data=questions)] == ["red", "red"]
    image = f"data:image/png;base64,{b64(png())}"
    record = {"id": 1, "question": "Q", "options": ["x", "y"], "answer": "B", "image": image}
    (tmp_path / "t.jsonl").write_text(json.dumps(record), "utf8")
    sample = read("mmbench", data=tmp_path / "t.jsonl")[0]
    assert (sample.id, sample.references, sample.rotations) == ("1", ("B",), ())


def test_every_task_of_the_demo_suite_is_whole() -> None:
    for task in expand(["demo"]):
        with open_samples(task, DataOptions(limit=3)) as samples:
            found = list(samples)
            assert len(found) == len(samples) >= 3
            assert samples.origin.warnings == ()
            assert len(samples.origin.digest) == 64


def test_images_can_be_read_from_many_threads(tmp_path: Path) -> None:
    rows = [question(number, ["a", "b"], image=b64(png((number, 1, 1)))) for number in range(40)]
    with open_samples(find_task("mmbench"), DataOptions(data=write_tsv(tmp_path / "t.tsv", MMBENCH, rows))) as samples:
        images = [sample.parts[0] for sample in samples]
        wrong: list[int] = []

        def check() -> None:
            for number, image in enumerate(images):
                if not isinstance(image, Image) or image.read() != png((number, 1, 1)):
                    wrong.append(number)

        threads = [threading.Thread(target=check) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert wrong == []


def test_hostile_texts_stay_texts(tmp_path: Path) -> None:
    hostile = [
        "<script>alert(1)</script>",
        "{question}{0.__class__}",
        "=cmd|' /C calc'!A0",
        "\u202etxt\u2066",
        'a\tb\n"c"',
    ]
    row = question(1, hostile[:4], question=hostile[4], hint="__import__('os').system('x')", category="../../etc")
    sample = read("mmbench", data=write_tsv(tmp_path / "t.tsv", MMBENCH, [row]))[0]
    assert sample.choices == tuple(hostile[:4])
    assert (sample.parts[1], sample.fields["hint"], sample.tags["category"]) == (
        hostile[4], "__import__('os').system('x')", "../../etc"
    )  # fmt: skip


def test_an_unknown_split_is_named_with_the_known_ones() -> None:
    import msgspec

    task = msgspec.structs.replace(find_task("mmbench"), split="dev_fr")
    with pytest.raises(ConfigError, match='benchmark "mmbench" has no split "dev_fr"; did you mean'):
        open_samples(task, DataOptions())


def test_every_task_names_a_split_that_exists_and_metrics_that_are_known() -> None:
    from vlmeval.data.catalog import find_benchmark
    from vlmeval.registry import KINDS, METRICS

    for task in list_tasks():
        assert find_benchmark(task.benchmark).split(task.split)
        assert task.kind in KINDS
        assert [name for name in task.metrics if name not in METRICS] == []
        assert task.source
        assert KINDS.load(task.kind)(task)

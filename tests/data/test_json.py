import json
from pathlib import Path
from typing import Any

import pytest

from tests.data.made import b64, png
from vlmeval.data.images import ImageFolders
from vlmeval.data.sources import open_table
from vlmeval.data.table import Table
from vlmeval.errors import DataError


def opened(path: Path) -> Table:
    return open_table(path, ImageFolders.beside(path))


def written(path: Path, value: object) -> Path:
    path.write_text(json.dumps(value), "utf8")
    return path


def vqa(folder: Path, *, questions: int = 2, annotations: int = 2) -> Path:
    """Write a VQA v2 pair and its images under the official names."""
    folder.mkdir(exist_ok=True)
    asked = [{"image_id": 42, "question": f"What {n}?", "question_id": 42000 + n} for n in range(questions)]
    answers = [{"answer": "red", "answer_confidence": "yes", "answer_id": n + 1} for n in range(10)]
    given = [
        {"question_id": 42000 + n, "image_id": 42, "answer_type": "other", "question_type": "what", "answers": answers,
         "multiple_choice_answer": "red"} for n in range(annotations)
    ]  # fmt: skip
    head = {"info": {}, "license": {}, "data_type": "mscoco", "data_subtype": "val2014"}
    written(
        folder / "v2_OpenEnded_mscoco_val2014_questions.json", {**head, "task_type": "Open-Ended", "questions": asked}
    )
    written(folder / "v2_mscoco_val2014_annotations.json", {**head, "annotations": given})
    (folder / "val2014").mkdir(exist_ok=True)
    (folder / "val2014" / "COCO_val2014_000000000042.jpg").write_bytes(png())
    return folder / "v2_OpenEnded_mscoco_val2014_questions.json"


def test_json_lines_name_images_by_path_data_url_or_base64(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(png())
    records: list[dict[str, Any]] = [
        {"id": 1, "image": "a.png"},
        {"id": 2, "image": f"data:image/png;base64,{b64(png())}"},
        {"id": 3, "image": b64(png(padding=300))},
        {"id": 4, "images": ["a.png", "a.png"]},
        {"id": 5, "image": {"bytes": b64(png()), "path": None}},
    ]
    path = tmp_path / "t.jsonl"
    path.write_text("\n".join(map(json.dumps, records)) + "\n\n", "utf8")
    with opened(path) as table:
        images = [table.row(number).images("image", "images") for number in range(5)]
    assert [[image.read() for image in found] for found in images] == [
        [png()], [png()], [png(padding=300)], [png(), png()], [png()],
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"id": 1}\n{"id": 2\n', r"t\.jsonl, line 2: not JSON"),
        ('{"id": 1}\n\n[1]\n', r"t\.jsonl, line 3: expected an object, found list"),
        ("[" * 100_000, r"t\.jsonl, line 1: not JSON"),
    ],
)
def test_a_line_that_is_no_object_is_named(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "t.jsonl"
    path.write_text(text, "utf8")
    with pytest.raises(DataError, match=message):
        opened(path)


def test_paths_in_json_do_not_leave_the_data_folders(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (tmp_path / "secret.png").write_bytes(png())
    names = [str(tmp_path / "secret.png"), "../../secret.png", "a\0.png", str(tmp_path / "data/../secret.png")]
    with opened(written(data / "t.json", [{"id": n, "image": name} for n, name in enumerate(names)])) as table:
        for number in range(4):
            with pytest.raises(DataError, match=r"leads out of the data folders|is not there"):
                table.row(number).images("image")


def test_coco_captions_are_rows_of_images(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "b.png").write_bytes(png())
    path = written(tmp_path / "captions_val.json", {
        "images": [{"id": 7, "file_name": "a.png"}, {"id": 8, "file_name": "b.png"}],
        "annotations": [{"id": n, "image_id": 8 - n % 2, "caption": f"c{n}"} for n in range(4)],
    })  # fmt: skip
    with opened(path) as table:
        assert table.row(1).text("image_id") == "8"
        assert table.row(1).items("captions") == ["c0", "c2"]
        assert table.row(1).images("image")[0].read() == png()
        with pytest.raises(DataError, match=r'image 0, column "image": image file "a\.png" is not there'):
            table.row(0).images("image")


def test_karpathys_file_gives_captions_with_their_ids_and_finds_images_by_folder(tmp_path: Path) -> None:
    (tmp_path / "val2014").mkdir()
    (tmp_path / "val2014" / "x.png").write_bytes(png())
    image = {
        "filepath": "val2014", "filename": "x.png", "imgid": 3, "cocoid": 391895, "split": "test", "sentids": [5, 6],
        "sentences": [{"raw": "A cat.", "tokens": ["a", "cat"]}, {"raw": "A dog.", "tokens": ["a", "dog"]}],
    }  # fmt: skip
    with opened(written(tmp_path / "dataset_coco.json", {"images": [image], "dataset": "coco"})) as table:
        row = table.row(0)
        assert (row.text("image_id"), row.items("captions"), row.items("caption_ids")) == (
            "391895",
            ["A cat.", "A dog."],
            [5, 6],
        )
        assert row.images("image")[0].read() == png()


def test_vqa_questions_find_their_annotations_and_images(tmp_path: Path) -> None:
    path = vqa(tmp_path / "vqa")
    for place in (path, path.parent):
        with opened(place) as table:
            row = table.row(1)
            assert (row.text("question_id"), row.text("question"), row.text("answer_type")) == (
                "42001",
                "What 1?",
                "other",
            )
            assert len(row.items("answers")) == 10
            assert row.images("image")[0].read() == png()


def test_a_question_without_annotation_is_named(tmp_path: Path) -> None:
    with pytest.raises(
        DataError, match=r"question 1: question_id 42001 has no annotation in v2_mscoco_val2014_annotations"
    ):
        opened(vqa(tmp_path / "vqa", annotations=1))


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"annotations": []}, "annotations without their questions"),
        ({"x": 1}, "expected a list of objects, COCO captions"),
        ([{"a": 1}, 2], "item 1: expected an object, found int"),
        ({"images": [{"file_name": "a"}], "annotations": []}, 'image 0: no "id"; there are: file_name'),
        ({"images": [{"id": 1, "file_name": "a"}] * 2, "annotations": []}, "image id 1 is used twice"),
        (
            {"images": [], "annotations": [{"id": 1, "image_id": 3, "caption": "c"}]},
            "image_id 3 is not among the images",
        ),
    ],
)
def test_json_of_another_form_is_refused(tmp_path: Path, value: object, message: str) -> None:
    with pytest.raises(DataError, match=message):
        opened(written(tmp_path / "t.json", value))


def test_the_digest_of_json_covers_the_rows_used_and_the_sizes_of_their_images(tmp_path: Path) -> None:
    def digest(records: list[dict[str, Any]], numbers: list[int]) -> str:
        with opened(written(tmp_path / "t.json", records)) as table:
            return table.digest(numbers)

    (tmp_path / "a.png").write_bytes(png())
    records = [{"id": 1, "image": "a.png"}, {"id": 2, "image": "a.png"}]
    base = digest(records, [0])
    assert digest([records[0], {"id": 3}], [0]) == base
    assert digest(records, [1]) != base
    (tmp_path / "a.png").write_bytes(png(padding=1))
    assert digest(records, [0]) != base


def test_an_unknown_suffix_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"data files end in \.tsv, \.parquet, .* not \"\.xls\""):
        opened(Path(written(tmp_path / "t.xls", 1)))

"""CHAIR's and AMBER's annotations, joined to the images they are about."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.data.asked import read
from tests.data.caption_files import coco_file, pictures, written
from vlmeval.errors import DataError

INSTANCES: dict[str, Any] = {
    "categories": [{"id": 1, "name": "person", "supercategory": "person"}, {"id": 67, "name": "dining table"}],
    "annotations": [
        {"id": 1, "image_id": 1, "category_id": 67, "segmentation": [[1, 2]], "bbox": [0, 0, 1, 1]},
        {"id": 2, "image_id": 1, "category_id": 1},
        {"id": 3, "image_id": 1, "category_id": 1},
    ],
}


@pytest.mark.parametrize("place", ["instances_val2014.json", "annotations/instances_val2014.json"])
def test_an_image_has_the_names_of_its_objects_each_once(tmp_path: Path, place: str) -> None:
    path = coco_file(tmp_path, 2)
    written(tmp_path / place, INSTANCES)
    first, second = read("coco_chair", path)
    assert (first.fields["objects"], second.fields["objects"]) == ("dining table\nperson", "")
    assert len(first.references) == 3


def test_the_missing_file_of_instances_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"in instances_val2014\.json, which is not in .*annotations_trainval2014\.zip"):
        read("coco_chair", coco_file(tmp_path, 2))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"images": []}, "no file of COCO instances"),
        ({**INSTANCES, "categories": []}, "annotation 0: category 67 is not among the categories"),
    ],
)
def test_a_file_of_instances_of_another_form_is_named(tmp_path: Path, content: Any, message: str) -> None:
    path = coco_file(tmp_path, 2)
    written(tmp_path / "instances_val2014.json", content)
    with pytest.raises(DataError, match=message):
        read("coco_chair", path)


def amber(tmp_path: Path) -> Path:
    """Write AMBER's folder data/ with two descriptions and a yes/no question."""
    data = tmp_path / "data"
    written(data / "annotations.json", [
        {"id": 1, "type": "generative", "truth": ["sky", "person"], "hallu": ["dog"]},
        {"id": 2, "type": "generative", "truth": ["tree"], "hallu": ["cloud"]},
        {"id": 3, "type": "discriminative-hallucination", "truth": "yes"},
    ])  # fmt: skip
    relation = {"sky": [], "person": ["man", "woman"], "dog": ["puppy"], "tree": ["bush"], "cloud": []}
    written(data / "relation.json", relation)
    (data / "safe_words.txt").write_text("line\nlight\n", encoding="utf8")
    pictures(data / "query", ["AMBER_1.jpg", "AMBER_2.jpg"])
    queries = [{"id": n, "image": f"AMBER_{n}.jpg", "query": "Describe this image."} for n in (1, 2)]
    return written(data / "query" / "query_generative.json", queries)


def test_ambers_captions_have_their_words(tmp_path: Path) -> None:
    first, second = read("amber_generative", amber(tmp_path))
    assert first.references == ("sky", "person")
    assert first.fields["truth"] == "sky\nperson\tman\twoman"
    assert (second.fields["hallu"], second.fields["safe"]) == ("cloud", "line\nlight")
    assert first.fields["vocabulary"].split("\n") == [
        "sky", "person", "man", "woman", "dog", "puppy", "tree", "bush", "cloud",
    ]  # fmt: skip
    assert first.parts[-1] == "Describe this image."


def test_what_amber_lacks_is_named(tmp_path: Path) -> None:
    path = amber(tmp_path / "one")
    path.write_text(json.dumps([{"id": 9, "image": "AMBER_1.jpg", "query": "?"}]), encoding="utf8")
    with pytest.raises(DataError, match="id 9 has no generative annotation"):
        read("amber_generative", path)
    path = amber(tmp_path / "two")
    (path.parent.parent / "safe_words.txt").unlink()
    with pytest.raises(DataError, match=r"safe_words\.txt: no such file"):
        read("amber_generative", path)
    (path.parent.parent / "annotations.json").unlink()
    with pytest.raises(DataError, match=r"no annotations\.json beside or above"):
        read("amber_generative", path)

"""The caption benchmarks on small files in the forms in which they are published."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.data.asked import cell, read, write_parquet
from tests.data.caption_files import coco_annotations, coco_file, coco_images, pictures, written
from tests.data.made import png
from vlmeval.data.catalog import expand, find_task
from vlmeval.data.samples import DataOptions, open_samples
from vlmeval.errors import DataError
from vlmeval.registry import KINDS
from vlmeval.types import Image, Sample

SPLITS = ("val2014", "val2017")


def seen(sample: Sample) -> bytes:
    (image,) = (part for part in sample.parts if isinstance(part, Image))
    return image.read()


def test_references_are_found_by_image_id_in_the_order_of_the_file(tmp_path: Path) -> None:
    shuffled = coco_annotations(3)[::-1]
    found = read("coco2014_cap_val", coco_file(tmp_path, 3, annotations=shuffled))
    assert [sample.id for sample in found] == ["1", "2", "3"]
    assert found[0].references == ("The blue circle stands in the sun", "there is one blue circle, alone",
                                   "A blue circle on a table.")  # fmt: skip
    assert seen(found[2]) == png((40, 80, 160))


def test_karpathys_split_is_taken_from_his_file(tmp_path: Path) -> None:
    images = [
        {
            "filepath": "val2014", "filename": f"COCO_val2014_{number:012d}.jpg", "cocoid": number, "split": split,
            "imgid": 70 + number, "sentids": [number], "sentences": [{"raw": f"caption {number}", "sentid": number}],
        }
        for number, split in enumerate(("test", "val", "train", "test", "restval"), start=1)
    ]  # fmt: skip
    pictures(tmp_path / "val2014", [str(image["filename"]) for image in images])
    path = written(tmp_path / "dataset_coco.json", {"images": images, "dataset": "coco"})
    assert [sample.id for sample in read("coco_karpathy_test", path)] == ["1", "4"]
    assert [sample.id for sample in read("coco_karpathy_val", path)] == ["2"]
    coco_file(tmp_path, 5)
    assert [sample.id for sample in read("coco_karpathy_test", tmp_path)] == ["1", "4"]


def test_flickr30k_gives_the_1k_test_images_and_those_of_val(tmp_path: Path) -> None:
    images = [
        {"filename": f"{number}.jpg", "imgid": number, "split": split, "sentids": [number],
         "sentences": [{"raw": f"caption {number}"}]}
        for number, split in enumerate(("test", "val", "train"))
    ]  # fmt: skip
    pictures(tmp_path / "flickr30k-images", [str(image["filename"]) for image in images])
    path = written(tmp_path / "dataset_flickr30k.json", {"images": images, "dataset": "flickr30k"})
    assert [sample.references for sample in read("flickr30k_caption", path)] == [("caption 0",)]
    assert [sample.references for sample in read("flickr30k_karpathy_val", path)] == [("caption 1",)]


def nocaps(tmp_path: Path) -> Path:
    domains = ("in-domain", "near-domain", "out-domain", "near-domain")
    images = [
        {"id": n, "file_name": f"{n:016x}.jpg", "open_images_id": f"{n:016x}", "domain": domain, "license": 0,
         "coco_url": f"https://s3.amazonaws.com/nocaps/val/{n:016x}.jpg"}
        for n, domain in enumerate(domains)
    ]  # fmt: skip
    pictures(tmp_path / "images", [str(image["file_name"]) for image in images])
    annotations = [{"id": 10 * n + k, "image_id": n, "caption": f"c{n} {k}"} for n in range(4) for k in range(10)]
    return written(tmp_path / "nocaps_val_4500_captions.json", {"images": images, "annotations": annotations})


def test_nocaps_has_its_domains_as_slices_and_as_tasks(tmp_path: Path) -> None:
    path = nocaps(tmp_path)
    found = read("nocaps_val", path)
    assert [sample.tags["domain"] for sample in found] == ["in-domain", "near-domain", "out-domain", "near-domain"]
    assert all(len(sample.references) == 10 for sample in found)
    assert [[sample.id for sample in read(f"nocaps_val_{name}", path)] for name in ("in", "near", "out")] == [
        ["0"], ["1", "3"], ["2"],
    ]  # fmt: skip


def test_a_nocaps_copy_without_domains_is_no_domain(tmp_path: Path) -> None:
    rows = [{"image": cell(), "image_id": 5, "annotations_captions": ["a", "b"]}]
    path = write_parquet(tmp_path / "validation.parquet", rows)
    assert read("nocaps_val", path)[0].tags == {}
    with pytest.raises(DataError, match="no domain; take the file of"):
        read("nocaps_val_in", path)


def test_textcaps_rows_of_one_image_become_one_sample(tmp_path: Path) -> None:
    pictures(tmp_path / "train_images", ["ab12.jpg", "cd34.jpg"])
    references = [f"a sign that says {n}" for n in range(5)]
    rows: list[dict[str, Any]] = [
        {"image_id": "ab12", "image_path": "train/ab12.jpg", "caption_str": text, "reference_strs": references,
         "caption_id": n, "set_name": "val"}
        for n, text in enumerate(references)
    ]  # fmt: skip
    rows += [{"image_id": "cd34", "caption_str": text} for text in ("one", "two")]
    found = read("textcaps_val", written(tmp_path / "TextCaps_0.1_val.json", {"data": rows}))
    assert [(sample.id, sample.references) for sample in found] == [
        ("ab12", tuple(references)),
        ("cd34", ("one", "two")),
    ]


def test_vizwiz_leaves_out_rejected_and_ready_made_captions(tmp_path: Path) -> None:
    pictures(tmp_path / "val", ["VizWiz_val_00000000.jpg"])
    texts = ("A can.", "Quality issues are too severe to recognize visual content.", "spam", "A tin can.")
    annotations = [
        {"id": n, "image_id": 23431, "caption": text, "is_precanned": n == 1, "is_rejected": n == 2}
        for n, text in enumerate(texts)
    ]
    image = {"id": 23431, "file_name": "VizWiz_val_00000000.jpg", "text_detected": True}
    path = written(tmp_path / "val.json", {"images": [image], "annotations": annotations})
    with open_samples(find_task("vizwiz_caps_val"), DataOptions(data=path, image_root=tmp_path / "val")) as samples:
        assert [sample.references for sample in samples] == [("A can.", "A tin can.")]


def test_the_ready_made_caption_is_left_out_of_the_hubs_copy_unless_it_is_all_there_is(tmp_path: Path) -> None:
    ready = "Quality issues are too severe to recognize visual content."
    rows = [
        {"image": cell(), "image_id": 1, "caption": ["A can.", ready]},
        {"image": cell(1), "image_id": 2, "caption": [ready, ready]},
    ]
    found = read("vizwiz_caps_val", write_parquet(tmp_path / "val.parquet", rows))
    assert [sample.references for sample in found] == [("A can.",), (ready, ready)]


@pytest.mark.parametrize("task", ["nocaps_test", "textcaps_test", "vizwiz_caps_test"])
def test_a_hidden_split_is_a_list_of_images(tmp_path: Path, task: str) -> None:
    pictures(tmp_path / "images", ["a.jpg", "b.jpg"])
    if task == "textcaps_test":
        content: dict[str, Any] = {"data": [{"image_id": name} for name in ("a", "b")]}
    else:
        content = {"images": [{"id": n, "file_name": f"{name}.jpg"} for n, name in enumerate("ab")]}
    found = read(task, written(tmp_path / "test.json", content))
    assert [sample.references for sample in found] == [(), ()]
    assert find_task(task).submission == "coco"


@pytest.mark.parametrize("folder", SPLITS)
def test_pictures_are_found_by_the_address_in_the_file(tmp_path: Path, folder: str) -> None:
    name = "000000000009.jpg"
    pictures(tmp_path / folder, [name])
    image = {"id": 9, "file_name": name, "coco_url": f"http://images.cocodataset.org/{folder}/{name}"}
    captions = [{"id": 1, "image_id": 9, "caption": "a"}]
    path = written(tmp_path / f"captions_{folder}.json", {"images": [image], "annotations": captions})
    assert seen(read("coco2017_cap_val", path)[0]) == png((0, 80, 160))


def test_image_root_finds_pictures_by_their_bare_names(tmp_path: Path) -> None:
    path = coco_file(tmp_path / "data", 2)
    root = (tmp_path / "data" / "val2014").rename(tmp_path / "elsewhere")
    with pytest.raises(DataError, match=r"is not there; looked in .* with --image-root"):
        read("coco2014_cap_val", path)
    with open_samples(find_task("coco2014_cap_val"), DataOptions(data=path, image_root=root)) as samples:
        assert [seen(sample) for sample in samples] == [png((0, 80, 160)), png((20, 80, 160))]


def test_image_root_comes_first_and_nothing_outside_is_opened(tmp_path: Path) -> None:
    path = coco_file(tmp_path / "data", 1)
    root = pictures(tmp_path / "root", ["x.jpg", "COCO_val2014_000000000001.jpg"])
    with open_samples(find_task("coco2014_cap_val"), DataOptions(data=path, image_root=root)) as samples:
        assert [seen(sample) for sample in samples] == [png((20, 80, 160))]
    images = [{"id": 1, "file_name": "../x.jpg"}]
    path = coco_file(tmp_path / "data", 1, images=images, annotations=coco_annotations(1))
    (tmp_path / "x.jpg").write_bytes(png())
    with open_samples(find_task("coco2014_cap_val"), DataOptions(data=path, image_root=root)) as samples:
        assert [seen(sample) for sample in samples] == [png((0, 80, 160))]


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"images": [*coco_images(2), {"id": 77, "file_name": "COCO_val2014_000000000001.jpg"}]},
         r"image 2: image 77 has no caption to compare with; add its captions, or take the image out"),
        ({"images": [*coco_images(2), {"id": 2, "file_name": "x.jpg"}]},
         r"image 2: image id 2 is used twice"),
        ({"annotations": [*coco_annotations(2), {"id": 1, "image_id": 99, "caption": "a"}]},
         r"annotation 6: image_id 99 is not among the images"),
        ({"annotations": [*coco_annotations(2), {"id": 1, "image_id": 2}]}, r'annotation 6: no "caption"; there are'),
        ({"annotations": [{"id": 1, "image_id": 1, "caption": "a"}, {"id": 2, "image_id": 2, "caption": " "}]},
         r"image 1: image 2 has no caption to compare with"),
    ],
)  # fmt: skip
def test_what_is_wrong_in_a_coco_file_is_named(tmp_path: Path, parts: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        read("coco2014_cap_val", coco_file(tmp_path, 2, **parts))


def test_an_image_id_used_twice_in_a_table_is_named(tmp_path: Path) -> None:
    rows = [{"image": cell(n), "image_id": 5, "caption": ["a"]} for n in range(2)]
    with pytest.raises(DataError, match='the id "5" is already used in'):
        read("coco2014_cap_val", write_parquet(tmp_path / "val.parquet", rows))


CAPTIONS = [task.name for task in expand(
    ["coco_karpathy_test,coco_karpathy_val,coco2014_cap_val,coco2017_cap_val,COCO_VAL,nocaps,nocaps_test,nocaps_val_in",
     "caption-flickr30k,flickr30k_karpathy_val,textcaps,textcaps_test,vizwiz_caps,vizwiz_caps_test"]
)]  # fmt: skip


@pytest.mark.parametrize("name", CAPTIONS)
def test_every_style_of_a_caption_task_can_be_asked(name: str, tmp_path: Path) -> None:
    task = find_task(name)
    sample = read("coco2014_cap_val", coco_file(tmp_path, 1))[0]
    assert {"plain", "vlmevalkit", "blip", "unconditional"} <= task.prompts.keys()
    for style in task.prompts:
        (request,) = KINDS.load("caption")(msgspec.structs.replace(task, prompt=style)).requests(sample)
        assert request.text == task.prompts[style].text
        assert len(request.images) == 1

"""The JSON forms of COCO, VQA and their kin, each turned into rows with plain column names.

    COCO captions   {"images": [{"id", "file_name"}], "annotations": [{"id", "image_id", "caption"}]}
                    https://cocodataset.org/#format-data; also NoCaps (images have a "domain") and VizWiz-Captions
                    (annotations that "is_rejected" or "is_precanned" are left out, as its official program does)
    COCO images     {"images": [{"id", "file_name"}]} alone: a split whose captions are hidden
    TextCaps        {"data": [{"image_id", "image_path", "caption_str", "reference_strs": [..]}]}, a row a caption;
                    https://textvqa.org/textcaps/dataset/
    Karpathy        {"images": [{"filename", "filepath", "split", "sentids", "sentences": [{"raw"}], "cocoid"}]}
                    Karpathy and Fei-Fei 2015, https://cs.stanford.edu/people/karpathy/deepimagesent/
    VQA v2          {"questions": [{"question_id", "image_id", "question"}]} with, in a second file,
                    {"annotations": [{"question_id", "answers": [{"answer"}], "answer_type"}]}
                    https://visualqa.org/vqa_v2_challenge.html
    DocVQA, ST-VQA  {"dataset_name": .., "data": [{"questionId", "question", "image", "answers": [..]}]}; the image may
                    also be "file_path" (ST-VQA) or "image_local_name" (InfographicVQA); https://rrc.cvc.uab.es
    SugarCrepe      {"0": {"filename", "caption", "negative_caption"}}, a file for each category, its name;
                    https://github.com/RAIVNLab/sugar-crepe
    GQA             {"ID": {"question", "imageId", "answer"}}; https://cs.stanford.edu/people/dorarad/gqa

Image rows have image_id, image, captions, caption_ids; question rows question_id, image_id, image, question, answers.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from vlmeval.data.images import ImageFolders
from vlmeval.data.jsonl import FileNames, RecordTable, open_list, read_json
from vlmeval.errors import DataError

_FOLDER = re.compile(r"cocodataset\.org/((?:train|val|test)[0-9]{4})/[^/]+$")


def open_json(path: Path, folders: ImageFolders) -> RecordTable:
    """Return the rows of a JSON file, by what it holds: a list of objects, or one of the forms above."""
    found = read_json(path)
    if isinstance(found, list):
        return open_list(path, found, folders)
    if isinstance(found, dict):
        images = found.get("images")
        if isinstance(found.get("questions"), list):
            return _questions(path, found, folders)
        if isinstance(images, list) and isinstance(found.get("annotations"), list):
            return RecordTable(path, _coco(path, images, found["annotations"]), folders, noun="image")
        if isinstance(images, list) and images and not any("sentences" in image for image in map(_object, images)):
            return RecordTable(path, _coco(path, images, ()), folders, noun="image")
        if isinstance(images, list):
            return RecordTable(path, _karpathy(path, images, str(found.get("dataset") or "")), folders, noun="image")
        if isinstance(found.get("data"), list) and found["data"] and "question" not in _object(found["data"][0]):
            return RecordTable(path, _textcaps(path, found["data"]), folders, noun="image")
        if isinstance(found.get("data"), list):
            return RecordTable(path, _documents(path, found["data"]), folders, noun="question")
        if found and all(isinstance(item, dict) and "imageId" in item for item in found.values()):
            return RecordTable(path, _gqa(found), folders, noun="question")
        if found and all(isinstance(item, dict) and "negative_caption" in item for item in found.values()):
            rows = [{"id": f"{path.stem}-{key}", "category": path.stem, **item} for key, item in found.items()]
            return RecordTable(path, rows, folders, noun="pair")
        if isinstance(found.get("annotations"), list):
            raise DataError(
                f"{path}: annotations without their questions; pass the questions file, or the folder with both"
            )
    raise DataError(
        f"{path}: expected a list of objects, COCO captions (images, annotations), Karpathy's images, or questions as "
        "VQA v2, DocVQA or GQA publish them"
    )


def find_json(folder: Path) -> Path | None:
    """Return the JSON file of a folder that holds its questions or captions, None where there is none."""
    files = sorted(folder.glob("*.json"))
    for pattern in ("question", "dataset", "caption"):
        for path in files:
            if pattern in path.name.lower():
                return path
    return files[0] if len(files) == 1 else None


def _coco(path: Path, images: Sequence[Any], annotations: Sequence[Any]) -> list[dict[str, Any]]:
    rows: dict[Any, dict[str, Any]] = {}
    for place, image in enumerate(images):
        where = f"{path}, image {place}"
        key = _field(image, "id", where)
        if key in rows:
            raise DataError(f"{where}: image id {key} is used twice; give each image its own")
        names = _file_names(image, where, _published_folder(image))
        rows[key] = {"image_id": key, "image": names, "captions": [], "caption_ids": []}
        if isinstance(image.get("domain"), str):
            rows[key]["domain"] = image["domain"]
    for place, annotation in enumerate(annotations):
        where = f"{path}, annotation {place}"
        row = rows.get(_field(annotation, "image_id", where))
        if row is None:
            raise DataError(f"{where}: image_id {annotation['image_id']} is not among the images")
        if annotation.get("is_rejected") is True or annotation.get("is_precanned") is True:
            continue
        row["captions"].append(_field(annotation, "caption", where))
        row["caption_ids"].append(_field(annotation, "id", where))
    return list(rows.values())


def _textcaps(path: Path, found: Sequence[Any]) -> list[dict[str, Any]]:
    """Return a row for each image; its captions are `reference_strs`, else all `caption_str` of its rows."""
    rows: dict[str, dict[str, Any]] = {}
    for place, item in enumerate(found):
        where = f"{path}, row {place}"
        key = str(_field(item, "image_id", where))
        row = rows.get(key)
        if row is None:
            stored = [item["image_path"]] if isinstance(item.get("image_path"), str) else []
            names = [f"{key}.jpg", *stored, f"train_images/{key}.jpg", f"test_images/{key}.jpg"]
            row = rows[key] = {"image_id": key, "image": FileNames(names), "captions": []}
            row["captions"] = list(item.get("reference_strs") or ())
        if not item.get("reference_strs") and isinstance(item.get("caption_str"), str):
            row["captions"].append(item["caption_str"])
    return list(rows.values())


def _karpathy(path: Path, images: Sequence[Any], name: str) -> list[dict[str, Any]]:
    rows = []
    for place, image in enumerate(images):
        where = f"{path}, image {place}"
        sentences = _field(image, "sentences", where)
        captions = [item if isinstance(item, str) else _field(item, "raw", where) for item in sentences]
        ids = image.get("sentids") or [
            item["sentid"] for item in sentences if isinstance(item, dict) and "sentid" in item
        ]
        rows.append(
            {
                "image_id": image.get("cocoid", image.get("imgid", place)),
                "image": _file_names(image, where, f"{name}-images"),
                "filename": _field(image, "filename", where),
                "captions": captions,
                "caption_ids": list(ids),
                "split": image.get("split"),
            }
        )
    return rows


def _published_folder(image: Any) -> str:
    """Return the folder in which COCO's download has the image (val2017), told from its address; "" for no address."""
    found = _FOLDER.search(str(image.get("coco_url") or ""))
    return found[1] if found else ""


def _object(item: Any) -> dict[str, Any]:
    """Return an item that is an object, {} for any other: the reader of the form names what is wrong with it."""
    return item if isinstance(item, dict) else {}


def _file_names(image: Any, where: str, folder: str = "") -> FileNames:
    name = str(image.get("file_name") or _field(image, "filename", where))
    folders = [given for given in (image.get("filepath"), folder) if given]
    coco = [folder] if _FOLDER.search(str(image.get("coco_url") or "")) else []
    return FileNames([name, *(f"{given}/{name}" for given in folders), *(f"coco/{one}/{name}" for one in coco)])


def _questions(path: Path, found: dict[str, Any], folders: ImageFolders) -> RecordTable:
    annotations_path = _annotations_path(path)
    answers: dict[Any, dict[str, Any]] = {}
    if annotations_path is not None:
        annotated = read_json(annotations_path)
        if not isinstance(annotated, dict) or not isinstance(annotated.get("annotations"), list):
            raise DataError(f"{annotations_path}: expected an object with annotations, as VQA v2 publishes them")
        for place, item in enumerate(annotated["annotations"]):
            answers[_field(item, "question_id", f"{annotations_path}, annotation {place}")] = item
    subset = str(found.get("data_subtype") or "")
    rows = []
    for place, item in enumerate(found["questions"]):
        where = f"{path}, question {place}"
        key = _field(item, "question_id", where)
        if annotations_path is not None and key not in answers:
            raise DataError(f"{where}: question_id {key} has no annotation in {annotations_path.name}")
        row = {**answers.get(key, {}), **item, "question_id": key}
        row.setdefault("image", FileNames(_vqa_files(_field(item, "image_id", where), subset)))
        rows.append(row)
    return RecordTable(path, rows, folders, noun="question")


def _documents(path: Path, found: Sequence[Any]) -> list[dict[str, Any]]:
    rows = []
    for place, item in enumerate(found):
        _field(item, "question", f"{path}, question {place}")
        names = [item[key] for key in ("file_path", "image", "image_local_name") if isinstance(item.get(key), str)]
        rows.append({**item, "image": FileNames(names)} if names else item)
    return rows


def _gqa(found: dict[str, Any]) -> list[dict[str, Any]]:
    return [{**item, "question_id": key, "image": FileNames([f"{item['imageId']}.jpg"])} for key, item in found.items()]


def _vqa_files(image_id: Any, subset: str) -> list[str]:
    padded = f"{image_id:012d}" if isinstance(image_id, int) else str(image_id)
    return [f"{stem}.{kind}" for stem in (f"COCO_{subset}_{padded}", padded, str(image_id)) for kind in ("jpg", "png")]


def _annotations_path(path: Path) -> Path | None:
    """Return the file with the answers to a file of questions; None for a split without published answers."""
    exact = {"questions.json": "annotations.json"}.get(path.name)
    official = path.name.replace("OpenEnded_", "").replace("questions", "annotations")
    for name in (exact, official):
        if name and name != path.name and (found := path.with_name(name)).is_file():
            return found
    return None


def _field(item: Any, name: str, where: str) -> Any:
    if not isinstance(item, dict) or item.get(name) is None:
        has = ", ".join(item) if isinstance(item, dict) else type(item).__name__
        raise DataError(f'{where}: no "{name}"; there are: {has}')
    return item[name]

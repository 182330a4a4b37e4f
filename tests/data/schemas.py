"""Small data in the real schema of every benchmark, image cells as bytes: what the offline test of all tasks reads.

A schema gives rows as the hub has them, or as VLMEvalKit's TSV does where the two differ. Golds differ from row to row.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from tests.data.made import png
from vlmeval.metrics.mme import COGNITION, PERCEPTION

Row = dict[str, Any]
Rows = list[Row]
COUNT = 3
COLOURS = ("red", "green", "blue", "grey", "black", "white", "pink", "brown", "teal", "lime")


def image(number: int = 0) -> bytes:
    return png((number % 256, number // 256, 9), (40, 30))


def rows(build: Callable[[int], Row]) -> Rows:
    return [build(number) for number in range(COUNT)]


def kit(number: int, options: int = 4, **more: Any) -> Row:
    """Return a row of VLMEvalKit's TSV of choice questions; it is asked with the options in this order only."""
    return {
        "index": number + 1, "question": f"What colour is {number}?", "hint": None,
        **dict(zip("ABCDEFGHIJ", COLOURS[:options], strict=False)), "answer": "ABCD"[number % 4],
        "category": f"kind {number % 2}", "l2-category": "colours", "image": image(number), **more,
    }  # fmt: skip


def kit_rows(number: int = COUNT, **more: Any) -> Rows:
    return [kit(place, **more) for place in range(number)]


def rotated() -> Rows:
    """Return two questions of MMBench with the passes of CircularEval, images of later passes by reference."""
    found = []
    for turn in range(4):
        for number in range(2):
            turned: Row = {"ABCD"[(place + turn) % 4]: COLOURS[place] for place in range(4)}
            more: Row = {"source": "made", "comment": None, "split": "dev", "answer": "ABCD"[(number + turn) % 4]}
            found.append({**kit(number), **turned, **more, "index": number + 1 + turn * 1_000_000})
    return found


def mmmu(number: int) -> Row:
    images = {f"image_{place}": None for place in range(1, 8)}
    is_open = number == 2
    return {
        "id": f"validation_Math_{number}", "question": "Look at <image 1> and <image 2>. Which?",
        "options": "[]" if is_open else repr([*COLOURS[:3], "<image 2>"]), "explanation": "", **images,
        "image_1": image(number), "image_2": image(number + 9), "img_type": "['Diagrams']",
        "answer": "['7', 'seven']" if is_open else "AB"[number % 2], "topic_difficulty": "Easy",
        "question_type": "open" if is_open else "multiple-choice", "subfield": "Algebra",
    }  # fmt: skip


def mmmu_pro(number: int, options: int) -> Row:
    row = mmmu(number)
    del row["question_type"], row["subfield"]
    return {
        **row, "id": f"test_Math_{number}", "options": repr(list(COLOURS[:options])), "answer": "ABC"[number],
        "subject": "Math",
    }  # fmt: skip


def mmmu_vision(number: int) -> Row:
    more = {"options": repr(list(COLOURS)), "answer": "ABC"[number], "subject": "Math"}
    return {"id": f"test_Math_{number}", "image": image(number), **more}


def mathvista(number: int) -> Row:
    kinds = (("multi_choice", "text", "green"), ("free_form", "integer", "7"), ("free_form", "float", "1.5"))
    question_type, answer_type, answer = kinds[number]
    metadata = {
        "split": "testmini", "language": "english", "source": "made", "category": "general-vqa", "task": "figure",
        "context": "synthetic scene", "grade": "elementary school", "skills": ["arithmetic reasoning"],
        "img_width": 40, "img_height": 30,
    }  # fmt: skip
    return {
        "pid": str(number), "question": f"Which ({number})?", "image": f"images/{number}.jpg",
        "decoded_image": image(number), "choices": list(COLOURS[:3]) if number == 0 else None, "unit": None,
        "precision": 1.0 if number == 2 else None, "answer": answer, "question_type": question_type,
        "answer_type": answer_type, "metadata": metadata, "query": "",
    }  # fmt: skip


def mathvista_tsv(number: int) -> Row:
    row = mathvista(number)
    metadata = row.pop("metadata")
    row["image"] = row.pop("decoded_image")
    return {"index": number, **row, **{key: metadata[key] for key in ("source", "category", "task", "skills")}}


def ai2d(number: int) -> Row:
    return {
        "question": f"What is {number}?",
        "options": list(COLOURS[:4]),
        "answer": str(number),
        "image": image(number),
    }


def scienceqa(number: int) -> Row:
    return {
        "image": image(number), "question": f"Which ({number})?", "choices": list(COLOURS[: 2 + number]),
        "answer": number % 2, "hint": "", "task": "closed choice", "grade": "grade2", "subject": "natural science",
        "topic": "physics", "category": "Materials", "skill": "Compare", "lecture": "", "solution": "",
    }  # fmt: skip


def seedbench(number: int) -> Row:
    choices = {f"choice_{letter}": COLOURS[place] for place, letter in enumerate("abcd")}
    return {
        "answer": "ABC"[number], **choices, "data_id": f"{number}", "data_type": "image", "question": "Which?",
        "question_id": str(100 + number), "question_type_id": number + 1, "image": [image(number)], "segment": [],
    }  # fmt: skip


def mmstar(number: int) -> Row:
    options = ", ".join(f"{letter}: {colour}" for letter, colour in zip("ABCD", COLOURS, strict=False))
    return {
        "index": number, "question": f"Which is {number}?\nOptions: {options}", "image": image(number),
        "answer": "ABC"[number], "category": "coarse perception", "l2_category": "image style",
        "meta_info": {"source": "made", "split": "val", "image_path": f"images/{number}.jpg"},
    }  # fmt: skip


def blink(number: int) -> Row:
    cells = {f"image_{place}": image(10 * number + place) if place < 3 else None for place in range(1, 5)}
    choices = "\n".join(f"({letter}) {colour}" for letter, colour in zip("AB", COLOURS, strict=False))
    task = ("Counting", "Jigsaw")[number % 2]
    return {
        "idx": f"val_{task}_{number}", "sub_task": task, "question": "Which?",
        "prompt": f"Which ({number})?\n{choices}",
        "choices": list(COLOURS[:2]), "answer": f"({'AB'[number % 2]})", **cells, "explanation": "",
    }  # fmt: skip


def aokvqa(number: int) -> Row:
    return {
        "image": image(number), "question_id": f"q{number}", "question": f"What ({number})?",
        "choices": list(COLOURS[:4]), "correct_choice_idx": number, "direct_answers": repr(list(COLOURS)),
        "difficult_direct_answer": False, "rationales": [],
    }  # fmt: skip


def people(number: int) -> list[str]:
    return [COLOURS[number]] * 7 + ["something else"] * 3


def vqav2(number: int) -> Row:
    answers = [
        {"answer": text, "answer_confidence": "yes", "answer_id": place + 1}
        for place, text in enumerate(people(number))
    ]
    return {
        "question_type": "what", "multiple_choice_answer": COLOURS[number], "answers": answers, "image_id": number // 2,
        "answer_type": "other", "question_id": 1000 + number, "question": "What colour?", "image": image(number // 2),
    }  # fmt: skip


def okvqa(number: int) -> Row:
    more = {"question_type": "eight", "answer_type": "other", "answers": people(number)}
    return {"question_id": 1000 + number, "image": image(number), "question": "What?", **more}


def textvqa(number: int) -> Row:
    return {
        "image_id": f"img{number}", "question_id": 34600 + number, "question": "what is written?",
        "question_tokens": ["what"], "image": image(number), "image_width": 40, "image_height": 30,
        "answers": people(number), "image_classes": ["Sign"], "set_name": "val", "ocr_tokens": ["STOP", "12"],
    }  # fmt: skip


def vizwiz(number: int) -> Row:
    more = {"answers": people(number), "category": "other"}
    return {"question_id": f"VizWiz_val_{number:08}.jpg", "image": image(number), "question": "What is this?", **more}


def gqa(number: int) -> Row:
    more = {"answer": COLOURS[number], "fullAnswer": "It is.", "isBalanced": True, "image": image(number)}
    return {"id": f"20{number}", "imageId": f"n{number}", "question": "What colour is the bag?", **more}


def docvqa(number: int) -> Row:
    return {
        "questionId": str(337 + number), "question": "What is the date?", "question_types": ["form", "layout"],
        "image": image(number), "docId": number, "ucsf_document_id": "x", "ucsf_document_page_no": "1",
        "answers": [COLOURS[number], COLOURS[number].upper()], "data_split": "val",
    }  # fmt: skip


def infographicvqa(number: int) -> Row:
    more = {"answers": [COLOURS[number]], "answer_type": ["single span"], "operation/reasoning": ["counting"]}
    return {"questionId": str(number), "question": "What?", "image": image(number), "ocr": "", **more}


def chartqa(number: int) -> Row:
    more = {"type": ("human_test", "augmented_test")[number % 2], "answer": str(10 * number + 1)}
    return {"question": f"How many ({number})?", "image": image(number), **more}


def ocrvqa(number: int) -> Row:
    return {
        "index": number,
        "question": "Who wrote it?",
        "answer": COLOURS[number],
        "image": image(number),
        "category": "Law",
    }


def stvqa(number: int) -> Row:
    return {
        "question_id": number,
        "question": "What?",
        "answers": [COLOURS[number]],
        "image": image(number),
        "dataset": "coco",
    }


def ocrbench(number: int) -> Row:
    kinds = ("Regular Text Recognition", "Scene Text-centric VQA", "Handwritten Mathematical Expression Recognition")
    more = {"question_type": kinds[number], "answer": [COLOURS[number]], "image": image(number)}
    return {"dataset": "made", "question": "what is written?", **more}


def pope(category: str = "") -> Rows:
    names = (category,) if category else ("random", "popular", "adversarial")
    return [
        {"id": str(2 * place + number), "question_id": str(number), "question": f"Is there a dog ({number})?",
         "answer": ("yes", "no")[number], "image_source": f"COCO_val2014_{number:012}", "image": image(number),
         "category": name}
        for place, name in enumerate(names)
        for number in range(2)
    ]  # fmt: skip


def hallusionbench() -> Rows:
    return [
        {"category": "VD", "subcategory": "figure", "visual_input": "1", "set_id": "0", "figure_id": str(figure),
         "sample_note": "made", "question_id": str(question), "question": f"Is it so ({question})?",
         "gt_answer_details": "", "gt_answer": str((figure + question) % 2), "filename": "x.png",
         "image": image(figure)}
        for figure in range(1, 3)
        for question in range(2)
    ]  # fmt: skip


def mme() -> Rows:
    return [
        {"question_id": f"{category}/{number}.png", "image": image(16 * place + number),
         "question": f"Is it {turn}? Please answer yes or no.", "answer": ("Yes", "No")[turn], "category": category}
        for place, category in enumerate((*PERCEPTION, *COGNITION))
        for number in range(1)
        for turn in range(2)
    ]  # fmt: skip


def amber(number: int) -> Row:
    kinds = ("discriminative-hallucination", "discriminative-attribute-state", "discriminative-relation")
    more = {"answer": ("yes", "no")[number % 2], "category": kinds[number]}
    return {"index": number, "question": f"Is there a cloud ({number})?", "image": image(number), **more}


def mmvet(number: int) -> Row:
    more = {"image_source": "made", "capability": "ocr,math"}
    return {"question_id": f"v1_{number}", "image": image(number), "question": "What?", "answer": "3<OR>three", **more}


def llavabench(number: int) -> Row:
    more = {"caption": "A dog.", "gpt_answer": "It is a dog.", "category": ("conv", "detail", "complex")[number]}
    return {"question_id": number, "question": "What is it?", "image_id": f"{number}", "image": image(number), **more}


def referring(number: int) -> Row:
    return {
        "question_id": str(number), "image": image(number), "question": "Please", "answer": [f"thing {number}", "it"],
        "segmentation": [], "bbox": [2.0, 3.0, 10.0 + number, 8.0], "iscrowd": 0, "file_name": "COCO_train2014_1.jpg",
    }  # fmt: skip


def videomme(number: int) -> Row:
    return {
        "video_id": "001", "duration": "short", "domain": "Knowledge", "sub_category": "History", "url": "",
        "videoID": f"clip{number // 2}", "task_type": "Counting", "question_id": f"001-{number}",
        "question": f"How many ({number})?",
        "options": [f"{letter}. {colour}" for letter, colour in zip("ABCD", COLOURS, strict=False)],
        "answer": "ABC"[number], "frames": [image(100 * number + place) for place in range(70)],
    }  # fmt: skip


def mvbench(number: int) -> Row:
    return {
        "video": f"{number // 2}.mp4", "question": f"What ({number})?", "candidates": list(COLOURS[:3]),
        "answer": COLOURS[number], "task_type": ("Action Count", "Object Shuffle")[number % 2],
        "frames": [image(100 * number + place) for place in range(18)],
    }  # fmt: skip


def captioned(number: int) -> Row:
    captions = [f"a {COLOURS[number]} dog {place} runs" for place in range(5)]
    return {
        "image_id": number + 1, "cocoid": number + 1, "filename": f"COCO_val2014_{number + 1:012}.jpg", "split": "test",
        "sentids": [10 * number + place for place in range(5)], "sentences": captions, "image": image(number),
    }  # fmt: skip


def classified(column: str) -> Rows:
    return rows(lambda number: {"img" if column != "label" else "image": image(number), column: number})


def named(number: int) -> Row:
    return {"image": image(number), "label": ("dog", "cat", "bird")[number]}


def winoground(number: int) -> Row:
    captions = {f"caption_{place}": f"{COLOURS[place]} dog {number}" for place in range(2)}
    images = {f"image_{place}": image(2 * number + place) for place in range(2)}
    return {"id": number, **images, **captions, "tag": "Object", "collapsed_tag": "Object", "num_main_preds": 1}


def sugarcrepe(number: int) -> Row:
    captions = {"caption": f"a {COLOURS[number]} dog", "negative_caption": f"a {COLOURS[number]} cat"}
    return {"id": str(number), "filename": f"{number:012}.jpg", **captions, "image": image(number)}


def nocaps(number: int) -> Row:
    captions = [f"a {COLOURS[number]} dog {place} runs" for place in range(10)]
    more = {"image_id": number, "domain": "in-domain", "annotations_captions": captions}
    return {"image": image(number), "image_file_name": f"{number}.jpg", **more}


def amber_generative(number: int) -> Row:
    return {"id": number + 1, "image": image(number), "query": "Describe this image."}


def amber_folder(folder: Path) -> None:
    """Write what AMBER keeps beside its queries."""
    items = [{"id": number + 1, "type": "generative", "truth": ["dog"], "hallu": ["cat"]} for number in range(COUNT)]
    (folder / "annotations.json").write_text(json.dumps(items))
    (folder / "relation.json").write_text(json.dumps({"dog": ["puppy"], "cat": []}))
    (folder / "safe_words.txt").write_text("thing\n")


def coco_folder(folder: Path) -> None:
    """Write COCO's file of instances."""
    drawn = [{"image_id": number + 1, "category_id": 18} for number in range(COUNT)]
    found = {"images": [], "annotations": drawn, "categories": [{"id": 18, "name": "dog"}]}
    (folder / "instances_val2014.json").write_text(json.dumps(found))


Schema = Callable[[], Rows]

HUB: dict[str, Schema] = {
    "ai2d": lambda: rows(ai2d),
    "amber_generative": lambda: rows(amber_generative),
    "aokvqa": lambda: rows(aokvqa),
    "blink": lambda: rows(blink),
    "chartqa": lambda: rows(chartqa),
    "cifar10": lambda: classified("label"),
    "cifar100": lambda: classified("fine_label"),
    "docvqa": lambda: rows(docvqa),
    "food101": lambda: classified("label"),
    "gqa": lambda: rows(gqa),
    "hallusionbench": hallusionbench,
    "infographicvqa": lambda: rows(infographicvqa),
    "image_classes": lambda: rows(named),
    "imagenet1k": lambda: classified("label"),
    "llavabench": lambda: rows(llavabench),
    "mathvista": lambda: rows(mathvista),
    "mme": mme,
    "mmmu": lambda: rows(mmmu),
    "mmmu/pro_standard10": lambda: rows(lambda number: mmmu_pro(number, 10)),
    "mmmu/pro_standard4": lambda: rows(lambda number: mmmu_pro(number, 4)),
    "mmmu/pro_vision": lambda: rows(mmmu_vision),
    "mmstar": lambda: rows(mmstar),
    "mmvet": lambda: rows(mmvet),
    "mvbench": lambda: rows(mvbench),
    "nocaps": lambda: rows(nocaps),
    "ocrbench": lambda: rows(ocrbench),
    "okvqa": lambda: rows(okvqa),
    "pope": pope,
    **{f"pope/{name}": partial(pope, name) for name in ("random", "popular", "adversarial")},
    "refcoco": lambda: rows(referring),
    "refcoco_plus": lambda: rows(referring),
    "refcocog": lambda: rows(referring),
    "scienceqa": lambda: rows(scienceqa),
    "seedbench": lambda: rows(seedbench),
    "stvqa": lambda: rows(stvqa),
    "sugarcrepe": lambda: rows(sugarcrepe),
    "textvqa": lambda: rows(textvqa),
    "videomme": lambda: rows(videomme),
    "vizwiz": lambda: rows(vizwiz),
    "vqav2": lambda: rows(vqav2),
    "winoground": lambda: rows(winoground),
}
"""By benchmark, or benchmark/split where a split has a schema of its own."""

KIT: dict[str, Schema] = {
    **dict.fromkeys(("ai2d", "aokvqa", "blink", "mmmu/pro_standard10", "mmstar", "scienceqa", "seedbench"), kit_rows),
    **dict.fromkeys(("mmtbench", "qbench", "realworldqa"), kit_rows),
    "ccbench": lambda: [{name: cell for name, cell in row.items() if name != "hint"} for row in rotated()],
    "amber": lambda: rows(amber),
    "mathvista": lambda: rows(mathvista_tsv),
    "mmbench": rotated,
    "mmmu": lambda: kit_rows(split="validation", id=None),
    "ocrvqa": lambda: rows(ocrvqa),
}
"""The schemas of VLMEvalKit's TSV files where they differ from the hub's, or there is no copy on the hub."""

BY_KIND: dict[str, Schema] = {"caption": lambda: rows(captioned), "retrieval": lambda: rows(captioned)}

BESIDE: dict[str, Callable[[Path], None]] = {"amber_generative": amber_folder, "coco_chair": coco_folder}
"""What a benchmark keeps in files beside its questions."""

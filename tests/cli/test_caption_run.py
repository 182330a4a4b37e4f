"""Captioning from the command line: files in COCO's forms in, table, page and submission out."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.data.caption_files import WORDS, coco_annotations, coco_file, coco_images, pictures, results_file, written
from vlmeval.cli.main import run

Vlmeval = Callable[..., tuple[int, str, str]]
CAPTIONS = {number: f"a {WORDS[number % len(WORDS)]} on a table" for number in range(1, 5)}


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


def run_folder(root: Path) -> Path:
    (found,) = (root / "results").glob("*/*/*/run.json")
    return found.parent


def overall(root: Path) -> dict[str, float]:
    scores = json.loads((run_folder(root) / "scores.json").read_bytes())
    return {item["metric"]: item["value"] for item in scores["estimates"] if not item["slice"]}


def replayed(vlmeval: Vlmeval, data: Path, captions: dict[int, str], *more: object) -> tuple[int, str, str]:
    results = results_file(data.parent / "answers.json", captions)
    return vlmeval(
        "run", "--model", f"replay:{results}", "--tasks", "coco2014_cap_val", "--data", f"coco2014_cap_val={data}",
        "--quiet", *more,
    )  # fmt: skip


def test_the_demo_model_captions_a_coco_file_into_table_page_and_submission(vlmeval: Vlmeval, tmp_path: Path) -> None:
    data = coco_file(tmp_path / "coco", 3)
    status, out, err = vlmeval(
        "run", "--model", "demo", "--tasks", "coco_karpathy_test", "--data", f"coco_karpathy_test={data}",
        "--max-tokens", "8", "--quiet",
    )  # fmt: skip
    assert status == 0, err
    assert all(name in out for name in ("cider", "bleu_4", "rouge_l", "cov:100"))
    entries = json.loads((run_folder(tmp_path) / "submission.json").read_bytes())
    assert [sorted(entry) for entry in entries] == [["caption", "image_id"]] * 3
    assert [entry["image_id"] for entry in entries] == [1, 2, 3]
    (page,) = (tmp_path / "reports").glob("*/*/*.html")
    assert "blue circle on a table" in page.read_text("utf8")
    assert '"captions":true' in page.read_text("utf8")


def test_a_tiny_captioner_runs_with_the_settings_of_published_figures(vlmeval: Vlmeval, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    from tests.models.tiny_captioners import save_captioner

    folder = save_captioner("blip", tmp_path / "tiny-blip")
    data = coco_file(tmp_path / "coco", 3)
    status, _, err = vlmeval(
        "run", "--model", f"hf:{folder}", "--model-args",
        "caption_prefix=a picture of,num_beams=3,min_new_tokens=1,max_new_tokens=16", "--device", "cpu",
        "--tasks", "coco2014_cap_val", "--data", f"coco2014_cap_val={data}", "--quiet",
    )  # fmt: skip
    assert status == 0, err
    recipe = json.loads((run_folder(tmp_path) / "run.json").read_bytes())["recipe"]
    told = {key: value for key, value in recipe.items() if key.startswith("model.search")}
    assert told == {"model.search.num_beams": 3, "model.search.min_new_tokens": 1, "model.search.max_new_tokens": 16}
    assert recipe["model.template"] == "a picture of"


def test_a_results_file_scores_as_it_was_written_and_comes_out_again(vlmeval: Vlmeval, tmp_path: Path) -> None:
    status, _, err = replayed(vlmeval, coco_file(tmp_path / "coco"), CAPTIONS)
    assert status == 0, err
    assert overall(tmp_path)["bleu_4"] == pytest.approx(1.0)
    entries = json.loads((run_folder(tmp_path) / "submission.json").read_bytes())
    assert entries == [{"image_id": number, "caption": text} for number, text in CAPTIONS.items()]


def test_a_missing_caption_leaves_the_run_incomplete_and_names_the_image(vlmeval: Vlmeval, tmp_path: Path) -> None:
    captions = {number: text for number, text in CAPTIONS.items() if number != 3}
    status, out, err = replayed(vlmeval, coco_file(tmp_path / "coco"), captions)
    assert status == 1
    assert "1 of 4 samples failed or refused" in out
    assert "no answer under id 3" in out
    assert "no submission.json: 1 of 4 questions have no reply: 3" in err
    assert overall(tmp_path)["bleu_4"] == pytest.approx(1.0)


def test_an_empty_caption_counts_as_one_without_words(vlmeval: Vlmeval, tmp_path: Path) -> None:
    status, out, err = replayed(vlmeval, coco_file(tmp_path / "coco"), {**CAPTIONS, 2: ""})
    assert status == 0, err
    assert "unparsed 1" in out
    assert 0 < overall(tmp_path)["rouge_l"] < 1
    entries = json.loads((run_folder(tmp_path) / "submission.json").read_bytes())
    assert entries[1] == {"image_id": 2, "caption": ""}


def test_one_image_alone_has_no_cider_and_table_and_page_say_so(vlmeval: Vlmeval, tmp_path: Path) -> None:
    status, out, err = replayed(vlmeval, coco_file(tmp_path / "coco", 1), {1: CAPTIONS[1]})
    assert status == 0, err
    assert "cider is 0 by definition: there is one image" in out
    assert overall(tmp_path)["cider"] == 0.0
    assert overall(tmp_path)["bleu_4"] == pytest.approx(1.0)
    (page,) = (tmp_path / "reports").glob("*/*/*.html")
    assert "cider is 0 by definition: there is one image" in page.read_text("utf8")


def test_two_images_have_a_cider_and_nothing_is_said(vlmeval: Vlmeval, tmp_path: Path) -> None:
    captions = {number: CAPTIONS[number] for number in (1, 2)}
    status, out, _ = replayed(vlmeval, coco_file(tmp_path / "coco", 2), captions)
    assert status == 0
    assert "by definition" not in out
    assert overall(tmp_path)["cider"] > 0


def test_a_caption_given_twice_is_an_error_that_names_both(vlmeval: Vlmeval, tmp_path: Path) -> None:
    data = coco_file(tmp_path / "coco")
    twice = [{"image_id": 1, "caption": "a"}, {"image_id": 2, "caption": "b"}, {"image_id": 1, "caption": "c"}]
    results = written(tmp_path / "twice.json", twice)
    status, _, err = vlmeval(
        "run", "--model", f"replay:{results}", "--tasks", "coco2014_cap_val", "--data", f"coco2014_cap_val={data}"
    )
    assert status == 2
    assert "entry 3: id 1 is also in entry 1; ids must be unique" in err


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"images": [*coco_images(2), {"id": 9, "file_name": "COCO_val2014_000000000001.jpg"}]},
         "image 9 has no caption to compare with"),
        ({"images": [*coco_images(2), coco_images(1)[0]]}, "image id 1 is used twice"),
        ({"annotations": [*coco_annotations(2), {"id": 0, "image_id": 2, "caption": None}]}, 'no "caption"'),
    ],
)  # fmt: skip
def test_bad_references_stop_the_task_and_are_named(
    vlmeval: Vlmeval, tmp_path: Path, parts: dict[str, Any], message: str
) -> None:
    status, _, err = replayed(vlmeval, coco_file(tmp_path / "coco", 2, **parts), CAPTIONS)
    assert status == 2
    assert message in err
    assert not list((tmp_path / "results").glob("*/*/*/scores.json"))


def test_image_root_is_an_option_of_run_and_of_data_check(vlmeval: Vlmeval, tmp_path: Path) -> None:
    data = coco_file(tmp_path / "coco", 2)
    root = (tmp_path / "coco" / "val2014").rename(tmp_path / "pictures")
    where = ("--data", f"coco2014_cap_val={data}")
    assert vlmeval("data", "check", "coco2014_cap_val", *where)[0] == 2
    assert vlmeval("data", "check", "coco2014_cap_val", *where, "--image-root", root)[0] == 0
    line = ("run", "--model", "demo", "--tasks", "coco2014_cap_val", *where, "--max-tokens", "4", "--quiet")
    status, _, err = vlmeval(*line)
    assert status == 2
    assert "--image-root" in err
    assert vlmeval(*line, "--image-root", root)[0] == 0


def test_a_hidden_split_gives_the_file_for_the_server_and_no_score(vlmeval: Vlmeval, tmp_path: Path) -> None:
    pictures(tmp_path / "images", ["a.jpg", "b.jpg"])
    data = written(
        tmp_path / "nocaps_test_image_info.json",
        {"images": [{"id": n, "file_name": f"{name}.jpg"} for n, name in enumerate("ab")], "licenses": []},
    )
    results = results_file(tmp_path / "answers.json", {0: "a cat", 1: "a dog"})
    status, out, _ = vlmeval(
        "run", "--model", f"replay:{results}", "--tasks", "nocaps_test", "--data", f"nocaps_test={data}"
    )
    assert status == 1
    assert "without a known right answer, not scored" in out
    entries = json.loads((run_folder(tmp_path) / "submission.json").read_bytes())
    assert entries == [{"image_id": 0, "caption": "a cat"}, {"image_id": 1, "caption": "a dog"}]
    assert overall(tmp_path) == {}


def test_object_hallucination_is_counted_against_drawn_objects_and_captions(vlmeval: Vlmeval, tmp_path: Path) -> None:
    captions = [{"id": n, "image_id": n, "caption": "something on a floor"} for n in (1, 2)]
    data = coco_file(tmp_path / "coco", 2, annotations=captions)
    annotations = [{"image_id": 1, "category_id": 18}, {"image_id": 2, "category_id": 17}]
    categories = [{"id": 17, "name": "cat"}, {"id": 18, "name": "dog"}]
    written(tmp_path / "coco" / "instances_val2014.json", {"annotations": annotations, "categories": categories})
    results = results_file(tmp_path / "answers.json", {1: "a dog on a floor", 2: "a cat and two dogs"})
    status, out, err = vlmeval(
        "run", "--model", f"replay:{results}", "--tasks", "coco_chair", "--data", f"coco_chair={data}", "--quiet"
    )
    assert status == 0, err
    assert overall(tmp_path)["chair_s"] == pytest.approx(1 / 2)
    assert overall(tmp_path)["chair_i"] == pytest.approx(1 / 3)
    assert "chair_s" in out


def test_ambers_captions_end_in_its_four_figures(vlmeval: Vlmeval, tmp_path: Path) -> None:
    from tests.data.test_objects import amber

    data = amber(tmp_path / "AMBER")
    results = results_file(tmp_path / "answers.json", {1: "A man, the sky and a puppy.", 2: "Bushes."})
    status, _, err = vlmeval(
        "run", "--model", f"replay:{results}", "--tasks", "amber_generative", "--data", f"amber_generative={data}",
        "--quiet",
    )  # fmt: skip
    assert status == 0, err
    found = overall(tmp_path)
    assert found["amber_chair"] == pytest.approx(1 / 4)
    assert (found["amber_cover"], found["amber_hal"], found["amber_cog"]) == (1.0, 0.5, 0.5)

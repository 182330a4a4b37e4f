"""Retrieval, zero-shot classification and pairs from the command line, on files in the real formats."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

from tests.data.made_retrieval import COLOURS, karpathy
from tests.models.tiny_encoders import save_encoder
from vlmeval.cli.main import run
from vlmeval.jsonio import read_json
from vlmeval.store.embeddings import read_entries
from vlmeval.store.layout import RunFolder, find_runs
from vlmeval.store.results import Manifest, Scores

ENCODER = """
import hashlib
import time

import numpy as np

COLOURS = {colours!r}


class Seeing:
    batch = 4

    def __init__(self, log="", pause=0.0, broken=False):
        self.log, self.pause, self.broken = log, pause, broken

    def embed(self, items):
        if self.log:
            with open(self.log, "a") as file:
                file.write(f"{{len(items)}}\\n")
        time.sleep(self.pause)
        return [self.vector(item) for item in items]

    def vector(self, item):
        if isinstance(item, str):
            row = np.array([float(colour in item) for colour in COLOURS] + [0.1])
        else:
            from PIL import ImageColor

            pixel = item.open().getpixel((20, 20))
            row = np.array([-float(np.abs(np.subtract(pixel, ImageColor.getrgb(colour))).sum()) for colour in COLOURS])
            row = np.append(row == row.max(), 0.2).astype(float)
        return row * float("nan") if self.broken else row
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("flickr")
    karpathy(root)
    (root / "my.py").write_text(ENCODER.format(colours=COLOURS), encoding="utf8")
    return root


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_encoder("clip", tmp_path_factory.mktemp("encoders") / "tiny-clip")


def command(model: str, root: Path, *more: str, task: str = "flickr30k_retrieval", path: Path) -> list[str]:
    return [
        "run", "--model", model, "--tasks", task, "--data", f"{task}={path}", "-o", str(root / "results"), "--reports",
        str(root / "reports"), "--quiet", *more,
    ]  # fmt: skip


def the_run(root: Path) -> tuple[RunFolder, Scores, dict[str, float]]:
    (folder,) = find_runs([root / "results"])
    scores = read_json(folder.scores, Scores)
    return folder, scores, {one.metric: one.value for one in scores.estimates if not one.slice}


def status(arguments: list[str]) -> int:
    with pytest.raises(SystemExit) as ended:
        run(arguments)
    return int(ended.value.code or 0)


def test_a_tiny_clip_on_karpathys_file_ends_in_a_table_and_pages(
    tmp_path: Path, data: Path, checkpoint: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    arguments = command(f"clip:{checkpoint}", tmp_path, path=data / "dataset_flickr30k.json")
    assert status(arguments) == 0
    said = capfd.readouterr()
    for title in ("t2i_recall_1", "i2t_recall_10", "rsum", "median_rank", "mean_rank", "map"):
        assert title in said.out
    assert "texts are longer than the encoder takes" in said.err
    folder, scores, values = the_run(tmp_path)
    assert scores.complete
    assert scores.coverage.samples == 12 * 6
    assert 0 < values["rsum"] <= 6
    assert all(one.clusters == 12 for one in scores.estimates)
    recipe = read_json(folder.manifest_path, Manifest).recipe
    assert recipe["model.text.max_length"] == 24
    pages = sorted(path.name for path in (tmp_path / "reports").rglob("*.html"))
    assert f"{folder.path.name}.retrieval.html" in pages
    assert f"{folder.path.name}.html" in pages
    text = (tmp_path / "reports" / "flickr30k_retrieval" / "tiny-clip" / f"{folder.path.name}.html").read_text("utf8")
    assert f'href="{folder.path.name}.retrieval.html"' in text


def test_texts_that_were_cut_are_counted_run_by_run_and_session_by_session(
    tmp_path: Path, data: Path, checkpoint: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    other = karpathy(tmp_path / "coco", images=4, name="coco")
    arguments = command(f"clip:{checkpoint}", tmp_path, path=data / "dataset_flickr30k.json")
    arguments += ["--tasks", "coco_retrieval", "--data", f"coco_retrieval={other}"]
    for _ in range(2):
        assert status(arguments) == 0
        said = capfd.readouterr().err
        assert "60 texts are longer" in said
        assert "20 texts are longer" in said
        found = {folder.path.parts[-3]: read_json(folder.manifest_path, Manifest) for folder in find_runs([tmp_path])}
        counts = {name: manifest.conditions["truncated_texts"] for name, manifest in found.items()}
        assert counts == {"flickr30k_retrieval": 60, "coco_retrieval": 20}


def test_scoring_again_needs_no_model_and_gives_the_same_bytes(tmp_path: Path, data: Path) -> None:
    assert status(command(f"{data / 'my.py'}:Seeing", tmp_path, path=data / "dataset_flickr30k.json")) == 0
    folder, _, values = the_run(tmp_path)
    assert values["recall_1"] > 0.9
    assert values["median_rank"] == 1.0
    before = folder.scores.read_bytes()
    folder.scores.unlink()
    assert status(["score", str(folder.path)]) == 0
    assert folder.scores.read_bytes() == before
    assert status(["score", str(folder.path), "--slice", "direction"]) == 0


def test_a_killed_run_goes_on_where_it_was(tmp_path: Path, data: Path) -> None:
    log = tmp_path / "log"
    arguments = command(f"{data / 'my.py'}:Seeing", tmp_path, path=data / "dataset_flickr30k.json")
    slow = [*arguments, "--model-args", f"log={log},pause=0.05"]
    process = subprocess.Popen([sys.executable, "-m", "vlmeval", *slow], stderr=subprocess.DEVNULL)
    while process.poll() is None and (not log.exists() or len(log.read_text().splitlines()) < 5):
        pass
    process.send_signal(signal.SIGKILL)
    process.wait()
    (folder,) = find_runs([tmp_path / "results"])
    saved = len(read_entries(folder.path))
    assert 0 < saved < 72
    first = sum(map(int, log.read_text().split()))
    assert status([*arguments, "--model-args", f"log={log},pause=0.05"]) == 0
    again = sum(map(int, log.read_text().split())) - first
    assert again == 72 - saved
    assert the_run(tmp_path)[2]["recall_1"] > 0.9


def test_a_vector_that_is_not_a_number_stops_the_run_and_names_its_sample(
    tmp_path: Path, data: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    arguments = command(f"{data / 'my.py'}:Seeing", tmp_path, path=data / "dataset_flickr30k.json")
    assert status([*arguments, "--model-args", "broken=true"]) != 0
    assert "not finite" in capfd.readouterr().err


def test_few_candidates_are_said(tmp_path: Path, data: Path) -> None:
    arguments = command(f"{data / 'my.py'}:Seeing", tmp_path, "--limit", "4", path=data / "dataset_flickr30k.json")
    assert status(arguments) == 0
    notes = the_run(tmp_path)[1].notes
    assert "recall_5 text to image is 100 for any model: there are only 4 candidates" in notes
    assert not any("image to text" in note for note in notes)


def test_coco_is_ranked_in_five_folds(tmp_path: Path, data: Path) -> None:
    path = karpathy(tmp_path / "coco", images=20, name="coco")
    arguments = command(f"{data / 'my.py'}:Seeing", tmp_path, task="coco_retrieval_1k", path=path)
    assert status(arguments) == 0
    folder, _, values = the_run(tmp_path)
    assert values["recall_1_folds"] > 0.9
    assert values["mean_rank"] < 4
    lines = [json.loads(line) for line in folder.samples.read_text("utf8").splitlines()]
    assert {line["state"] for line in lines} == {"answered"}


def test_images_in_folders_of_classes_are_classified(tmp_path: Path, data: Path) -> None:
    from PIL import Image as PIL_Image

    for colour in ("red", "green", "blue"):
        (tmp_path / "mine" / colour).mkdir(parents=True)
        for number in range(3):
            shown = colour if number else "blue"
            PIL_Image.new("RGB", (32 + number, 32), shown).save(tmp_path / "mine" / colour / f"{colour}{number}.png")
    arguments = command(f"{data / 'my.py'}:Seeing", tmp_path, task="zeroshot", path=tmp_path / "mine")
    assert status(arguments) == 0
    folder, _, values = the_run(tmp_path)
    assert values == {"top_1": pytest.approx(7 / 9), "top_5": 1.0, "class_mean": pytest.approx(7 / 9)}
    assert len(read_entries(folder.path)) == 9 + 3


def test_sugarcrepe_and_winoground_are_scored_as_pairs(tmp_path: Path, data: Path) -> None:
    pictures = data / "flickr30k-images"
    rows = {
        str(number): {
            "filename": f"{1000 + number}.jpg",
            "caption": f"a {COLOURS[number]} square",
            "negative_caption": f"a {COLOURS[number + 1]} square" if number else f"a {COLOURS[0]} circle",
        }
        for number in range(4)
    }
    path = tmp_path / "replace_att.json"
    path.write_text(json.dumps(rows), encoding="utf8")
    model = f"{data / 'my.py'}:Seeing"
    more = ("--image-root", str(pictures))
    assert status(command(model, tmp_path / "one", *more, task="sugarcrepe_replace_att", path=path)) == 0
    assert the_run(tmp_path / "one")[2] == {"text_score": 0.75}
    lines = [
        {
            "id": str(number), "image_0": f"{1000 + number}.jpg", "image_1": f"{1001 + number}.jpg",
            "caption_0": f"{COLOURS[number]} first", "caption_1": f"{COLOURS[number + 1]} first", "tag": "x",
            "collapsed_tag": "Object",
        }
        for number in range(3)
    ]  # fmt: skip
    path = tmp_path / "winoground.jsonl"
    path.write_text("\n".join(map(json.dumps, lines)), encoding="utf8")
    assert status(command(model, tmp_path / "two", *more, task="winoground", path=path)) == 0
    assert the_run(tmp_path / "two")[2] == {"text_score": 1.0, "image_score": 1.0, "group_score": 1.0}


def test_an_encoder_of_one_vector_is_at_chance(tmp_path: Path, data: Path) -> None:
    (tmp_path / "flat.py").write_text(
        "import numpy as np\n\nclass Flat:\n    batch = 8\n\n    def embed(self, items):\n"
        "        return np.ones((len(items), 4))\n",
        encoding="utf8",
    )
    model = f"{tmp_path / 'flat.py'}:Flat"
    assert status(command(model, tmp_path, path=data / "dataset_flickr30k.json")) == 0
    _, scores, values = the_run(tmp_path)
    assert values["recall_1"] == 0.0
    assert values["mean_rank"] == pytest.approx(np.average([1 + 55 / 6, 6.5], weights=[12, 60]))
    assert scores.coverage.rules == {"tie": 72}
    assert any("72 queries" in note for note in scores.notes)

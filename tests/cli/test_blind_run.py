"""`vlmeval run --blind` and `--slice` as a person types them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli import test_run
from tests.cli.made import mmbench_rows, mmbench_tsv, write_tsv
from tests.cli.test_run import Vlmeval
from vlmeval.store.images import ImageStore
from vlmeval.store.layout import RunFolder, find_runs
from vlmeval.store.manifest import read_manifest
from vlmeval.store.questions import read_questions
from vlmeval.types import Image

vlmeval = test_run.vlmeval

READS = """
NAMES = {(255, 0, 0): "red", (0, 128, 0): "green", (0, 0, 255): "blue", (255, 255, 0): "yellow"}

class Reads:
    def generate(self, requests):
        replies = []
        for request in requests:
            picture = request.images[0].open()
            replies.append(NAMES.get(picture.getpixel((0, 0)), "I see nothing"))
        return replies

class Guesses:
    def generate(self, requests):
        return ["red" for request in requests]

class NeedsImage:
    def generate(self, requests):
        return [f"I saw {len(request.images)}: {request.images[0].format}" for request in requests]
"""


@pytest.fixture
def line(tmp_path: Path) -> list[object]:
    (tmp_path / "my.py").write_text(READS)
    return ["--tasks", "mmbench", "--data", f"mmbench={mmbench_tsv(tmp_path / 'q.tsv', 40)}", "--no-report"]


def runs(root: Path) -> dict[str, RunFolder]:
    return {read_manifest(folder).origin.blind: folder for folder in find_runs([root / "results"])}


def scores(folder: RunFolder) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(folder.scores.read_bytes())
    return found


def gain_line(out: str) -> str:
    """Return the words of the line on the gain, which a table folds."""
    lines = out.splitlines()
    start = next(place for place, one in enumerate(lines) if "gain from the" in one)
    return " ".join(" ".join(lines[start : start + 3]).split())


def test_a_model_that_reads_gains_all_its_points_from_the_image(
    vlmeval: Vlmeval,
    line: list[object],
    tmp_path: Path,
) -> None:
    assert vlmeval("run", "--model", "my.py:Reads", *line)[0] == 0
    before = runs(tmp_path)[""].scores.read_bytes()
    status, out, err = vlmeval("run", "--model", "my.py:Reads", *line, "--blind", "black")
    assert status == 0, err
    text = gain_line(out)
    assert "+100.0" in text
    assert "100.0, blind (black) 0.0" in text
    found = runs(tmp_path)
    assert set(found) == {"", "black"}
    assert found[""].scores.read_bytes() == before
    assert "|blind:black|" in scores(found["black"])["signature"]
    assert "blind" not in scores(found[""])["signature"]
    assert read_manifest(found["black"]).recipe["data.blind"] == "black"
    assert "data.blind" not in read_manifest(found[""]).recipe
    status, out, _ = vlmeval("run", "--model", "my.py:Reads", *line)
    assert status == 0
    assert "+100.0" in gain_line(out)
    assert found[""].scores.read_bytes() == before
    status, out, _ = vlmeval("score", tmp_path / "results")
    assert out.count("gain from the") == 1
    assert "(blind: black)" in " ".join(out.split())


def test_what_the_model_was_sent_is_black_and_is_kept(
    vlmeval: Vlmeval,
    line: list[object],
    tmp_path: Path,
) -> None:
    assert vlmeval("run", "--model", "my.py:Reads", *line, "--blind", "black")[0] == 0
    folder = runs(tmp_path)["black"]
    store = ImageStore(folder.results)
    for sample in read_questions(folder.questions):
        (image,) = [part for part in sample.parts if isinstance(part, Image)]
        kept = store.attach(image)
        assert kept.open().getextrema() == ((0, 0), (0, 0), (0, 0))


@pytest.mark.parametrize("mode", ["none", "black", "noise", "shuffled"])
def test_a_model_that_ignores_the_image_gains_nothing(
    vlmeval: Vlmeval,
    line: list[object],
    mode: str,
) -> None:
    assert vlmeval("run", "--model", "my.py:Guesses", *line)[0] == 0
    status, out, err = vlmeval("run", "--model", "my.py:Guesses", *line, "--blind", mode)
    assert status == 0, err
    words = gain_line(out).split()
    low, high = words[words.index("–") - 1], words[words.index("–") + 1]
    assert words[words.index("–") - 2] == "0.0"
    assert float(low) < 0 < float(high)


def test_shuffled_images_mislead_the_model_that_reads(
    vlmeval: Vlmeval,
    line: list[object],
    tmp_path: Path,
) -> None:
    assert vlmeval("run", "--model", "my.py:Reads", *line, "--blind", "shuffled")[0] == 0
    (headline,) = [
        one
        for one in scores(runs(tmp_path)["shuffled"])["estimates"]
        if one["metric"] == "circular" and not one["slice"]
    ]
    assert 0 < headline["value"] < 0.6


def test_a_model_that_cannot_do_without_an_image_says_so(
    vlmeval: Vlmeval,
    line: list[object],
) -> None:
    status, out, err = vlmeval("run", "--model", "my.py:NeedsImage", *line, "--blind", "none")
    assert status == 2
    assert "IndexError" in out + err


def test_other_data_makes_no_pair(vlmeval: Vlmeval, line: list[object]) -> None:
    assert vlmeval("run", "--model", "my.py:Reads", *line)[0] == 0
    _, out, _ = vlmeval("run", "--model", "my.py:Reads", *line, "--blind", "black", "--limit", 5)
    assert "gain from" not in out


def test_retrieval_and_replayed_answers_have_no_blind_baseline(
    vlmeval: Vlmeval,
    line: list[object],
    tmp_path: Path,
) -> None:
    status, _, err = vlmeval("run", "--model", "demo", "--tasks", "demo_retrieval", "--blind", "black")
    assert status == 2
    assert "--blind" in err
    assert "demo_retrieval" in err
    status, _, err = vlmeval("run", "--model", "replay:a.jsonl", *line, "--blind", "black")
    assert status == 2
    assert "replay:a.jsonl" in err
    assert not (tmp_path / "results").exists()


@pytest.mark.parametrize("task", ["demo_mmmu", "demo_vqa", "demo_caption"])
def test_every_generating_kind_can_be_asked_blind(vlmeval: Vlmeval, tmp_path: Path, task: str) -> None:
    command = ("run", "--model", "demo", "--tasks", task, "--limit", 12, "--no-report")
    assert vlmeval(*command)[0] == 0
    status, out, err = vlmeval(*command, "--blind", "shuffled")
    assert status == 0, err
    assert "gain from the" in out


def test_a_slice_by_any_tag_is_shown_with_run_and_with_score(
    vlmeval: Vlmeval,
    line: list[object],
    tmp_path: Path,
) -> None:
    rows = [{**row, "topic": "sea" if int(row["index"]) % 2 else "land"} for row in mmbench_rows(8, rotations=False)]
    (tmp_path / "my.py").write_text(READS)
    data = write_tsv(tmp_path / "t.tsv", rows)
    command = ["run", "--model", "my.py:Reads", "--tasks", "mmbench", "--data", f"mmbench={data}", "--no-report"]
    status, out, err = vlmeval(*command, "--slice", "l2-category")
    assert status == 0, err
    assert "circular l2-category=perception" in out
    status, _, err = vlmeval(*command, "--slice", "l2-categroy")
    assert status == 2
    assert 'did you mean "l2-category"?' in err
    assert "known tags: category" in err
    status, out, err = vlmeval("score", tmp_path / "results", "--slice", "category")
    assert status == 0, err
    assert "circular category=tone" in out
    assert vlmeval(*command, "--fresh")[0] == 0
    status, out, err = vlmeval("score", tmp_path / "results", "--slice", "planet")
    assert (status, out) == (2, "")
    assert err.count("known tags") == 1

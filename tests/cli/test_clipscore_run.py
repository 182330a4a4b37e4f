"""CLIPScore from the command line: captions of a run, a tiny random CLIP, and scoring again without it."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

from tests.data.caption_files import WORDS, coco_file, results_file
from tests.models.tiny_encoders import save_encoder
from vlmeval.cli.main import run
from vlmeval.models.clip import open_clip
from vlmeval.store.embeddings import VECTORS, read_entries
from vlmeval.types import Image

Vlmeval = Callable[..., tuple[int, str, str]]
CAPTIONS = {number: f"a {WORDS[number % len(WORDS)]} on a table" for number in range(1, 5)}
ENCODER = """
from pathlib import Path

import numpy as np

class Seeing:
    batch = 2

    def __init__(self, log=""):
        self.log = log

    def embed(self, items):
        with open(self.log, "a") as file:
            file.writelines((item if isinstance(item, str) else "IMAGE") + "\\n" for item in items)
        if Path("broken").exists() and any("sun" in str(item) for item in items):
            raise RuntimeError("out of order")
        return np.array([[1.0, 0.0] if isinstance(item, str) else [0.6, 0.8] for item in items])

class Writer:
    def generate(self, requests):
        return ["a cat"] * len(requests)
"""


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_encoder("clip", tmp_path_factory.mktemp("encoders") / "tiny-clip")


@pytest.fixture
def vlmeval(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Vlmeval:
    """Return a function that runs the command line in a folder with a model file: (exit status, stdout, stderr)."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LMUData", str(tmp_path / "LMUData"))
    (tmp_path / "my.py").write_text(ENCODER, encoding="utf8")

    def call(*arguments: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            run([str(argument) for argument in arguments])
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    return call


def asked(root: Path, captions: dict[int, str], *more: object) -> tuple[object, ...]:
    data = root / "coco" / "captions_val2014.json"
    if not data.exists():
        coco_file(root / "coco")
    results = results_file(root / "answers.json", captions)
    return (
        "run", "--model", f"replay:{results}", "--tasks", "coco2014_cap_val", "--data", f"coco2014_cap_val={data}",
        "--quiet", *more,
    )  # fmt: skip


def run_folder(root: Path) -> Path:
    (found,) = (root / "results").glob("*/*/*/run.json")
    return found.parent


def scores_of(root: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((run_folder(root) / "scores.json").read_bytes())
    return found


def overall(root: Path) -> dict[str, float]:
    return {item["metric"]: item["value"] for item in scores_of(root)["estimates"] if not item["slice"]}


def test_a_tiny_clip_gives_what_the_official_formula_gives_on_its_vectors(
    vlmeval: Vlmeval, tmp_path: Path, checkpoint: Path
) -> None:
    status, out, err = vlmeval(*asked(tmp_path, CAPTIONS, "--clipscore", f"clip:{checkpoint}"))
    assert status == 0, err
    assert "encoder  coco2014_cap_val: tiny-clip: 20 images and texts" in out
    model = open_clip(str(checkpoint), {})
    data = json.loads((tmp_path / "coco" / "captions_val2014.json").read_bytes())
    plain, told = [], []
    for image in data["images"]:
        path = tmp_path / "coco" / "val2014" / image["file_name"]
        picture = Image("0" * 64, 8, 8, "png").with_reader(path.read_bytes)
        references = [one["caption"] for one in data["annotations"] if one["image_id"] == image["id"]]
        texts = [f"A photo depicts {text}" for text in (CAPTIONS[image["id"]], *references)]
        seen, said, *wanted = model.embed([picture, *texts]).astype(np.float64)
        plain.append(2.5 * max(float(seen @ said), 0.0))
        best = max(0.0, *(float(said @ one) for one in wanted))
        told.append(2 * plain[-1] * best / (plain[-1] + best) if plain[-1] and best else 0.0)
    model.close()
    assert any(plain)
    found = overall(tmp_path)
    assert found["clipscore:tiny-clip"] == pytest.approx(np.mean(plain), abs=1e-6)
    assert found["refclipscore:tiny-clip"] == pytest.approx(np.mean(told), abs=1e-6)
    (line,) = [one for one in scores_of(tmp_path)["estimates"] if one["metric"] == "clipscore:tiny-clip"]
    assert (line["samples"], line["clusters"]) == (4, 4)
    assert line["low"] <= line["value"] <= line["high"]
    assert "|encoder:tiny-clip@" in line["signature"]
    (page,) = (tmp_path / "reports").glob("*/*/*.html")
    assert page.read_text("utf8").count("CLIPScore (tiny-clip)") >= 2


def test_scoring_again_needs_no_encoder_and_gives_the_same_bytes(
    vlmeval: Vlmeval, tmp_path: Path, checkpoint: Path
) -> None:
    own = shutil.copytree(checkpoint, tmp_path / "tiny-clip")
    assert vlmeval(*asked(tmp_path, CAPTIONS))[0] == 0
    assert not any("clipscore" in name for name in (*overall(tmp_path), *scores_of(tmp_path)["not_computed"]))
    status, _, err = vlmeval("score", "results", "--clipscore", f"clip:{own}")
    assert status == 0, err
    scores = run_folder(tmp_path) / "scores.json"
    before = scores.read_bytes()
    assert "clipscore:tiny-clip" in overall(tmp_path)
    shutil.rmtree(own)
    scores.unlink()
    assert vlmeval("score", "results")[0] == 0
    assert scores.read_bytes() == before
    assert vlmeval(*asked(tmp_path, CAPTIONS))[0] == 0
    assert "clipscore:tiny-clip" in overall(tmp_path)


def seeing() -> tuple[object, ...]:
    return "--clipscore", "my.py:Seeing", "--clipscore-args", "log=log.txt"


def test_an_encoder_in_15_lines_embeds_every_text_once_and_a_broken_step_goes_on(
    vlmeval: Vlmeval, tmp_path: Path
) -> None:
    (tmp_path / "broken").touch()
    status, _, err = vlmeval(*asked(tmp_path, CAPTIONS, *seeing()))
    assert status == 2
    assert "sample 1" in err
    (vectors,) = run_folder(tmp_path).glob(f"encoders/*/{VECTORS}")
    saved = [entry.key for entry in read_entries(vectors.parent)]
    assert 2 <= len(saved) < 20
    assert vlmeval("score", "results")[0] == 0
    assert not any("clipscore" in name for name in overall(tmp_path))
    (tmp_path / "log.txt").unlink()
    (tmp_path / "broken").unlink()
    assert vlmeval(*asked(tmp_path, CAPTIONS, *seeing()))[0] == 0
    items = (tmp_path / "log.txt").read_text("utf8").splitlines()
    assert items.count("IMAGE") == 4 - sum(key.startswith("image:") for key in saved) < 4
    texts = [item for item in items if item != "IMAGE"]
    assert all(item.startswith("A photo depicts ") for item in texts)
    assert len(texts) == len(set(texts))
    found = overall(tmp_path)
    assert found["clipscore:my-Seeing"] == pytest.approx(1.5, abs=1e-6)
    assert found["refclipscore:my-Seeing"] == pytest.approx(2 * 1.5 / 2.5, abs=1e-6)


def test_an_empty_caption_scores_nothing_and_a_missing_one_is_left_out(vlmeval: Vlmeval, tmp_path: Path) -> None:
    captions = {1: CAPTIONS[1], 2: "", 3: CAPTIONS[3]}
    status, _, _ = vlmeval(*asked(tmp_path, captions, *seeing()))
    assert status == 1
    (line,) = [one for one in scores_of(tmp_path)["estimates"] if one["metric"] == "clipscore:my-Seeing"]
    assert line["samples"] == 3
    assert line["value"] == pytest.approx(2 * 1.5 / 3, abs=1e-6)
    assert vlmeval("score", "results", "--errors", "wrong")[0] == 0
    assert overall(tmp_path)["clipscore:my-Seeing"] == pytest.approx(2 * 1.5 / 4, abs=1e-6)


def test_captions_that_the_encoder_has_not_seen_leave_its_scores_out_until_it_has(
    vlmeval: Vlmeval, tmp_path: Path
) -> None:
    assert vlmeval(*asked(tmp_path, CAPTIONS, *seeing()))[0] == 0
    folder = run_folder(tmp_path)
    journal = folder / "outputs.jsonl"
    journal.write_text(journal.read_text("utf8").replace(CAPTIONS[2], "another caption"), encoding="utf8")
    assert vlmeval("score", "results")[0] == 0
    lacks = scores_of(tmp_path)["not_computed"]
    assert lacks.keys() == {"clipscore:my-Seeing", "refclipscore:my-Seeing"} | (lacks.keys() & {"meteor", "spice"})
    assert lacks["clipscore:my-Seeing"].startswith("1 captions without vectors")
    assert vlmeval("score", "results", *seeing())[0] == 0
    assert overall(tmp_path)["clipscore:my-Seeing"] == pytest.approx(1.5, abs=1e-6)


def test_two_encoders_stand_side_by_side(vlmeval: Vlmeval, tmp_path: Path, checkpoint: Path) -> None:
    assert vlmeval(*asked(tmp_path, CAPTIONS, *seeing()))[0] == 0
    assert vlmeval("score", "results", "--clipscore", f"clip:{checkpoint}")[0] == 0
    names = {name for name in overall(tmp_path) if "clipscore" in name}
    assert names == {f"{kind}:{name}" for kind in ("clipscore", "refclipscore") for name in ("my-Seeing", "tiny-clip")}


def test_a_task_that_asks_for_clipscore_shows_it_as_not_computed_without_an_encoder(
    vlmeval: Vlmeval, tmp_path: Path
) -> None:
    data = coco_file(tmp_path / "coco")
    (tmp_path / "tasks").mkdir()
    (tmp_path / "tasks" / "pictured.toml").write_text(
        'name = "pictured"\ntitle = "x"\nbenchmark = "coco_caption"\nsplit = "val2014"\nkind = "caption"\n'
        'metrics = ["clipscore", "rouge_l"]\nprimary = "clipscore"\nsource = "x"\n',
        encoding="utf8",
    )
    line = (
        "run", "--model", "my.py:Writer", "--tasks", "pictured", "--catalog", tmp_path, "--data", f"pictured={data}",
        "--quiet",
    )  # fmt: skip
    status, out, err = vlmeval(*line)
    assert status == 1, err
    assert "not computed: no encoder (--clipscore MODEL)" in out
    assert vlmeval(*line, *seeing())[0] == 0
    assert scores_of(tmp_path)["primary"] == "clipscore:my-Seeing"
    assert set(overall(tmp_path)) == {"rouge_l", "clipscore:my-Seeing", "refclipscore:my-Seeing"}


def test_clipscores_are_compared_under_one_encoder_only(vlmeval: Vlmeval, tmp_path: Path, checkpoint: Path) -> None:
    assert vlmeval(*asked(tmp_path, CAPTIONS, *seeing()))[0] == 0
    worse = {**CAPTIONS, 1: ""}
    assert vlmeval(*asked(tmp_path, worse, "-o", "others", "--clipscore", f"clip:{checkpoint}"))[0] == 0
    status, _, err = vlmeval("compare", "results", "others", "--metric", "clipscore")
    assert status == 2
    assert 'has no metric "clipscore"' in err
    assert vlmeval("score", "others", *seeing())[0] == 0
    status, out, err = vlmeval("compare", "results", "others", "--metric", "clipscore")
    assert status == 0, err
    assert "clipscore:my-Seeing" in out
    assert vlmeval("compare", "results", "others", "--metric", "clipscore:tiny-clip")[0] == 2


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (("--clipscore", "my.py:Writer"), "embeds nothing"),
        (("--clipscore", "clap:x"), 'unknown model "clap:x"'),
        ((*seeing(), "--blind", "black"), "--blind does not show"),
    ],
)  # fmt: skip
def test_an_encoder_that_cannot_be_used_stops_before_anything_is_asked(
    vlmeval: Vlmeval, tmp_path: Path, more: tuple[object, ...], message: str
) -> None:
    data = coco_file(tmp_path / "coco")
    status, _, err = vlmeval(
        "run", "--model", "my.py:Writer", "--tasks", "coco2014_cap_val", "--data", f"coco2014_cap_val={data}", *more
    )
    assert status == 2
    assert message in err
    assert not (tmp_path / "results").exists()

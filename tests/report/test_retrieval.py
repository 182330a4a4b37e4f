"""The page of queries, made from a scored run and opened in Chromium: order, marks, filters, hostile words."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.report.made_run import HOSTILE, picture
from tests.report.test_page import CHROMIUM, FLAGS, opened
from vlmeval.data.task import Task
from vlmeval.jsonio import encode, write_json
from vlmeval.report import retrieval
from vlmeval.report.page import write_run_page
from vlmeval.score.scorer import score_run
from vlmeval.store.embeddings import EmbeddingWriter, item_key
from vlmeval.store.images import ImageStore, ImageWriter
from vlmeval.store.layout import RunFolder, run_folder
from vlmeval.store.results import Manifest, Origin
from vlmeval.types import Sample

COUNT = 30


def made(root: Path) -> RunFolder:
    """Return a run of 30 images, a caption each; caption 3 is hostile, and far from its image."""
    folder = run_folder(root, "flickr30k_retrieval", "enc", "abc123")
    folder.path.mkdir(parents=True)
    task = Task(
        "flickr30k_retrieval", "flickr30k", "test_retrieval", "retrieval", ("recall_1", "map"), "recall_1",
        slices=("direction",),
    )  # fmt: skip
    origin = Origin("flickr30k", "0" * 64)
    write_json(
        folder.manifest_path,
        Manifest(
            run_id="abc123", fingerprint="abc123", recipe={}, task=task, model="enc", model_name="enc", origin=origin,
            state="complete", counts={"expected": 2 * COUNT},
        ),
    )  # fmt: skip
    images = [picture(("red", "green", "blue")[n % 3], 24 + n) for n in range(COUNT)]
    samples = []
    for n in range(COUNT):
        words = HOSTILE if n == 3 else f"caption number {n}"
        samples.append(
            Sample(f"i2t:{n}", (images[n],), (f"{n}c",), tags={"direction": "image-to-text"}, cluster=str(n))
        )
        samples.append(Sample(f"t2i:{n}c", (words,), (str(n),), tags={"direction": "text-to-image"}, cluster=str(n)))
    folder.questions.write_bytes(b"".join(encode(sample) + b"\n" for sample in samples))
    with ImageWriter(ImageStore(folder.results, folder.path.name)) as writer:
        for image in images:
            writer.add(image)
    vectors = np.eye(COUNT, dtype=np.float32)[np.repeat(np.arange(COUNT), 2)]
    vectors[7] = (np.eye(COUNT)[9] - np.eye(COUNT)[3]) / 2**0.5
    with EmbeddingWriter(folder.path) as embedded:
        embedded.add(samples, [item_key(sample) for sample in samples], vectors)
    score_run(folder)
    return folder


@pytest.fixture(scope="module")
def page_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("retrieval")
    run_page = write_run_page(made(root / "results"), root / "reports")
    found = run_page.with_name("abc123.retrieval.html")
    assert f'href="{found.name}"' in run_page.read_text("utf8")
    return found


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    if CHROMIUM is None:
        pytest.skip("no chromium on this machine: apt-get install chromium")
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as running:
        found = running.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield found
        found.close()


def test_failures_come_first_with_the_right_ones_marked(browser: Any, page_path: Path) -> None:
    page, trouble = opened(browser, page_path)
    assert page.locator("#count").inner_text() == "60 queries, 25 drawn"
    first = page.locator(".query").first
    assert first.locator("h3").inner_text() in ("i2t:3", "t2i:3c")
    assert first.locator(".chip.wrong").count() == 1
    assert first.locator(".missed .answer.is-right").count() == 1
    last = page.locator(".query").nth(20)
    assert last.locator(".answer").first.get_attribute("class") == "answer is-right"
    assert page.title() != "owned"
    assert page.locator(".answer script, .answer b").count() == 0
    assert trouble == []


def test_filters_narrow_the_list_and_more_shows_the_rest(browser: Any, page_path: Path) -> None:
    page, trouble = opened(browser, page_path)
    page.click("#more")
    assert page.locator(".query").count() == 50
    page.select_option("#direction", "text-to-image")
    assert page.locator(".query").count() == 25
    page.select_option("#misses", "1")
    missed = page.locator(".query").count()
    assert 1 <= missed <= 3
    page.select_option("#misses", "0")
    page.fill("#search", "caption number 17")
    page.select_option("#order", "best")
    assert page.locator(".query h3").all_inner_texts()[0] == "t2i:17c"
    page.fill("#search", "no such words")
    assert page.locator("#queries").inner_text() == "No query fits."
    assert trouble == []


@pytest.mark.parametrize("width", [360, 1280])
def test_nothing_is_wider_than_the_window(browser: Any, page_path: Path, width: int) -> None:
    page, _ = opened(browser, page_path, width=width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_a_very_long_list_is_cut_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retrieval, "MOST_QUERIES", 7)
    folder = made(tmp_path / "results")
    page = write_run_page(folder, tmp_path / "reports").with_name("abc123.retrieval.html")
    assert "Shown are the 7 worst of 60 queries" in page.read_text("utf8")

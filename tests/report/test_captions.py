"""The view of captions: what is marked, and the page in a real browser."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.data.caption_files import WORDS, coco_annotations, coco_file
from tests.report.made_run import HOSTILE
from tests.report.test_page import FLAGS
from tests.run.asking import Asked
from vlmeval.data.catalog import find_task
from vlmeval.data.samples import DataOptions, open_samples
from vlmeval.metrics.bleu import Bleu4
from vlmeval.metrics.cider import CiderD
from vlmeval.metrics.ngrams import MeanCaptionMetric
from vlmeval.metrics.rouge import RougeL
from vlmeval.report.captions import caption_data, marks, ngrams, runs
from vlmeval.report.page import write_run_page
from vlmeval.report.submission import FORMATS
from vlmeval.run.session import run_task
from vlmeval.run.settings import RunSettings
from vlmeval.score.scorer import score_run
from vlmeval.store.layout import RunFolder
from vlmeval.store.results import Pass, ScoredSample
from vlmeval.types import Output, Request, Sample

CHROMIUM = shutil.which("chromium")
REPLIES = {"1": "A blue circle on a table.", "2": HOSTILE, "3": "", "4": "there is one black dog", "5": "nothing"}


def scored(said: str | None, references: tuple[str, ...], **stats: tuple[float, ...]) -> ScoredSample:
    outcome = Output(said) if said is not None else None
    one = Pass("", (), outcome, value=said or None, rule="text")
    return ScoredSample("1", "answered", (), (one,), references, stats=stats)


def test_a_word_is_marked_with_the_longest_ngram_through_it() -> None:
    known = ngrams([["a", "b", "c", "d", "e"], ["x", "y"]])
    assert marks(["a", "b", "c", "d", "e"], known) == [4] * 5
    assert marks(["z", "a", "b", "z", "x", "y", "c"], known) == [0, 2, 2, 0, 2, 2, 1]
    assert marks(["c", "b", "a"], known) == [1, 1, 1]
    assert marks([], known) == []
    assert runs(["z", "a", "b"], [0, 2, 2]) == [("z", 0), ("a b", 2)]


def test_words_are_those_of_the_scorers_on_both_sides() -> None:
    found = caption_data(scored("A Cat, on the mat!", ("the mat", "It isn't a dog.")), ())
    assert found is not None
    assert found["words"] == [("a", 1), ("cat on", 0), ("the mat", 2)]
    assert found["references"] == [[("the mat", 2)], [("it is n't", 0), ("a", 1), ("dog", 0)]]


def test_scores_are_the_captions_own_on_the_scale_of_each_metric() -> None:
    metrics = (CiderD(), RougeL(), Bleu4())
    found = caption_data(scored("a", ("a",), cider=(1.25, 1.0), rouge_l=(0.5, 1.0)), metrics)
    assert found is not None
    assert isinstance(metrics[0], MeanCaptionMetric)
    assert found["scores"] == [("CIDEr", 125.0), ("ROUGE-L", 50.0)]


def test_a_failed_caption_has_no_view_and_an_empty_one_has_no_words() -> None:
    assert caption_data(scored(None, ("a",)), ()) is None
    assert caption_data(scored("a", ()), ()) is None
    found = caption_data(scored("", ("a b",)), ())
    assert found is not None
    assert (found["words"], found["references"]) == ([], [[("a b", 0)]])


def captioned(root: Path) -> RunFolder:
    """Return the scored folder of a run over five images, one of whose references is hostile too."""
    annotations = coco_annotations(5)
    annotations[0]["caption"] = f"{annotations[0]['caption']} {HOSTILE}"
    data = coco_file(root / "coco", 5, annotations=annotations)
    task = find_task("coco2014_cap_val")

    def reply(request: Request) -> Output:
        return Output(REPLIES[request.sample_id])

    with open_samples(task, DataOptions(data=data)) as samples:
        result = run_task(task, samples, Asked(reply), RunSettings(quiet=True), results=root / "results")
    score_run(result.folder)
    return result.folder


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("captions")
    return write_run_page(captioned(root), root / "reports")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    if CHROMIUM is None:
        pytest.skip("no chromium on this machine: apt-get install chromium")
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as running:
        opened = running.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield opened
        opened.close()


def shown(browser: Any, path: Path, *, width: int = 1280, scheme: str = "light") -> tuple[Any, list[str]]:
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    trouble: list[str] = []
    page.on("console", lambda message: trouble.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: trouble.append(str(error)))
    page.goto(path.as_uri())
    return page, trouble


def test_captions_stand_in_the_order_of_cider_the_worst_first(browser: Any, path: Path) -> None:
    page, trouble = shown(browser, path)
    figures = [float(text) for text in page.locator(".row .id").all_inner_texts()]
    assert len(figures) == len(REPLIES)
    assert figures == sorted(figures)
    assert figures[0] < figures[-1]
    assert set(page.locator(".row .text").all_inner_texts()[-2:]) == {REPLIES["1"], REPLIES["4"]}
    assert "(no caption)" in page.locator("#list").inner_text()
    assert not trouble


def test_a_caption_shows_scores_references_and_what_they_share(browser: Any, path: Path) -> None:
    page, trouble = shown(browser, path)
    page.locator(".row", has_text=REPLIES["1"]).click()
    assert page.locator(".own-scores dt").all_inner_texts() == [
        "CIDEr", "BLEU-4", "ROUGE-L", "BLEU-1", "BLEU-2", "BLEU-3",
    ]  # fmt: skip
    assert page.locator(".caption > .words mark.ngram-4").inner_text() == "a blue circle on a table"
    assert page.locator(".caption .references li").count() == 3
    assert page.locator(".caption .references li").nth(1).locator("mark").all_inner_texts()[0] == "blue circle"
    assert not trouble


def test_hostile_captions_and_references_are_inert(browser: Any, path: Path) -> None:
    page, trouble = shown(browser, path)
    for number in range(len(REPLIES)):
        page.locator(".row").nth(number).click()
        assert page.locator("#detail script, #detail img[src='x'], #detail b.owned").count() == 0
    assert page.title() != "owned"
    assert HOSTILE[:8] in page.locator("#list").inner_text()
    assert not trouble


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_view_fits_a_phone_in_light_and_dark(browser: Any, path: Path, scheme: str) -> None:
    page, trouble = shown(browser, path, width=360, scheme=scheme)
    page.locator(".row", has_text=REPLIES["1"]).click()
    assert page.locator(".caption").is_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    mark = page.locator(".caption mark.ngram-4").first
    assert mark.evaluate("element => getComputedStyle(element).backgroundColor") != "rgba(0, 0, 0, 0)"
    assert WORDS[1] in mark.inner_text()
    assert not trouble


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("391895", 391895),
        ("COCO_val2014_000000391895.jpg", 391895),
        ("000000000009", 9),
        ("0123456789abcdef", "0123456789abcdef"),
        ("007", "007"),
    ],
)
def test_a_submission_names_images_by_cocos_number(name: str, number: int | str) -> None:
    assert FORMATS["coco"]([(Sample(name, ()), "a cat")]) == [{"image_id": number, "caption": "a cat"}]

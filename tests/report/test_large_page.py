"""The page of a run of 20,000 samples: rows in the page, everything else beside it, loaded as it is looked at."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.report import test_page
from tests.report.made_run import made_run
from tests.report.test_page import opened
from vlmeval.report.page import write_run_page
from vlmeval.report.samples import EMBEDDED_SAMPLES

browser = test_page.browser
SAMPLES = 20_000
CPU_SECONDS = 2.0


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("large")
    return write_run_page(made_run(root / "results", more=SAMPLES - 7), root / "reports")


def test_20000_samples_open_within_two_seconds_and_only_what_is_seen_is_drawn(browser: Any, large: Path) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    metrics = page.context.new_cdp_session(page)
    metrics.send("Performance.enable")
    page.goto(large.as_uri())
    page.locator("#detail .reply").first.wait_for()
    figures = {one["name"]: one["value"] for one in metrics.send("Performance.getMetrics")["metrics"]}
    assert page.locator("#found").inner_text() == "20,000 of 20,000"
    assert figures["TaskDuration"] < CPU_SECONDS
    assert page.locator("#list .row").count() < 100


def test_samples_at_the_end_are_loaded_when_they_are_asked_for(browser: Any, large: Path) -> None:
    page, trouble = opened(browser, large)
    last = f"q{SAMPLES - 8:03d}"
    page.goto(f"{large.as_uri()}#{last}")
    page.reload()
    page.locator("#detail h3", has_text=last).wait_for()
    assert page.locator("#list .row[aria-selected=true] .id").inner_text() == last
    page.fill("#search", "q1234")
    page.locator("#found", has_text="11 of 20,000").wait_for()
    page.select_option("#filter-result", "unparsed")
    assert page.locator("#found").inner_text() == "0 of 20,000"
    page.fill("#search", "")
    page.locator("#found", has_text="5 of 20,000").wait_for()
    assert trouble == []


def test_pictures_lie_once_beside_all_pages_and_are_shown(browser: Any, large: Path) -> None:
    page, trouble = opened(browser, large)
    picture = page.locator("#detail .picture img").first
    picture.wait_for()
    assert picture.get_attribute("src").startswith("../../pictures/")
    page.wait_for_function("document.querySelector('#detail .picture img').naturalWidth === 48")
    assert len(list((large.parents[2] / "pictures").iterdir())) == 3
    assert trouble == []


def test_a_page_without_its_files_says_so(browser: Any, large: Path, tmp_path: Path) -> None:
    alone = tmp_path / "alone.html"
    shutil.copy(large, alone)
    page = browser.new_page()
    page.goto(alone.as_uri())
    page.locator("#detail .notes").wait_for()
    assert "not beside the page" in page.locator("#detail").inner_text()
    assert page.locator("#found").inner_text() == "20,000 of 20,000"


def test_a_page_written_again_for_fewer_samples_leaves_no_old_pieces(tmp_path: Path) -> None:
    first = made_run(tmp_path / "first", more=2 * EMBEDDED_SAMPLES)
    page = write_run_page(first, tmp_path / "reports")
    pieces = page.with_suffix(".samples")
    before = len(list(pieces.iterdir()))
    second = made_run(tmp_path / "second", more=EMBEDDED_SAMPLES + 1)
    assert write_run_page(second, tmp_path / "reports") == page
    assert 0 < len(list(pieces.iterdir())) < before


def test_hostile_text_in_a_piece_stays_a_string(large: Path) -> None:
    piece = (large.with_suffix(".samples") / "0.js").read_text("utf8")
    assert piece.startswith('vlmevalPiece(0, "')
    assert piece.rstrip().endswith('");')
    assert "\n" not in piece.rstrip()

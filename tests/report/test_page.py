"""The pages in a real browser, opened from file:// with everything a model might say."""

from __future__ import annotations

import html
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.report.made_run import made_run
from vlmeval.jsonio import read_json
from vlmeval.report.overview import write_overview
from vlmeval.report.page import write_run_page
from vlmeval.store.results import Scores

CHROMIUM = shutil.which("chromium")
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip


@pytest.fixture(scope="module")
def page_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("pages")
    return write_run_page(made_run(root / "results"), root / "reports")


@pytest.fixture
def browser() -> Iterator[Any]:
    if CHROMIUM is None:
        pytest.skip("no chromium on this machine: apt-get install chromium")
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as running:
        opened = running.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield opened
        opened.close()


def opened(browser: Any, path: Path, *, width: int = 1280) -> tuple[Any, list[str]]:
    """Return the page and the list that fills with console errors and requests to anywhere but the file."""
    page = browser.new_page(viewport={"width": width, "height": 900})
    trouble: list[str] = []
    page.on("console", lambda message: trouble.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: trouble.append(str(error)))
    page.on(
        "request", lambda asked: trouble.append(asked.url) if not asked.url.startswith(("file:", "data:")) else None
    )
    page.goto(path.as_uri())
    return page, trouble


def test_hostile_replies_are_inert_and_the_page_asks_nobody(browser: Any, page_path: Path) -> None:
    page, trouble = opened(browser, page_path)
    for name in ("plain", "hostile", "long", "rtl", "emoji", "empty", "failed"):
        page.fill("#search", name)
        page.locator("#list .row", has_text=name).first.click()
        assert page.locator("#detail h3").inner_text() == name
    assert page.title() == "some/model on demo_mmbench"
    assert page.locator("img[src='x']").count() == 0
    assert trouble == []


def test_a_hostile_reply_is_shown_as_the_text_it_is(browser: Any, page_path: Path) -> None:
    page, _ = opened(browser, page_path)
    page.fill("#search", "hostile")
    page.locator("#list .row").first.click()
    assert '<script>document.title="owned"</script>' in page.locator("#detail .reply").first.inner_text()


def test_filters_count_what_they_leave(browser: Any, page_path: Path) -> None:
    page, _ = opened(browser, page_path)
    assert page.locator("#found").inner_text() == "47 of 47"
    page.select_option("#filter-result", "failed")
    assert page.locator("#found").inner_text() == "1 of 47"
    assert "after 5 attempt(s)" in page.locator("#detail .failure").inner_text()
    page.select_option("#filter-result", "")
    page.select_option("select[data-tag='category']", "=shape")
    assert page.locator("#found").inner_text() == "22 of 47"


def test_keys_go_on_and_a_link_leads_back_to_a_sample(browser: Any, page_path: Path) -> None:
    page, _ = opened(browser, page_path)
    page.keyboard.press("j")
    second = page.locator("#detail h3").inner_text()
    assert second == "hostile"
    page.keyboard.press("n")
    linked = page.url
    wanted = page.locator("#detail h3").inner_text()
    page.goto("about:blank")
    page.goto(linked)
    assert page.locator("#detail h3").inner_text() == wanted


def test_a_picture_can_be_enlarged_and_closed(browser: Any, page_path: Path) -> None:
    page, _ = opened(browser, page_path)
    page.locator("#detail .picture img").first.click()
    assert page.locator(".zoom img").count() == 1
    page.keyboard.press("Escape")
    assert page.locator(".zoom").count() == 0


def test_nothing_is_wider_than_a_phone(browser: Any, page_path: Path) -> None:
    page, trouble = opened(browser, page_path, width=360)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.locator("#list .row").first.click()
    assert page.locator("#detail h3").is_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.locator(".back").click()
    assert not page.locator("#detail h3").is_visible()
    assert trouble == []


def test_the_overview_links_to_its_runs(browser: Any, tmp_path: Path) -> None:
    out = tmp_path / "reports"
    folders = [made_run(tmp_path / "results", model=model) for model in ("org/a", "org/b <i>")]
    runs = [(read_json(folder.scores, Scores), write_run_page(folder, out)) for folder in folders]
    page, trouble = opened(browser, write_overview(runs, out))
    assert page.locator("thead th").all_inner_texts() == ["task", "org/a", "org/b <i>"]
    page.locator("tbody a").last.click()
    assert page.title() == "org/b <i> on demo_mmbench"
    assert trouble == []


def test_a_page_without_a_browser_holds_no_open_script_from_data(page_path: Path) -> None:
    text = page_path.read_text("utf8")
    assert text.count("<script") == 2
    assert "owned</script" not in text
    assert "default-src 'none'" in html.unescape(text)


def test_a_reply_of_a_megabyte_is_cut_in_the_page_and_says_so(page_path: Path) -> None:
    assert page_path.stat().st_size < 400_000
    assert '"cut":980000' in page_path.read_text("utf8")


def test_runs_asked_in_different_ways_never_share_a_row_of_the_overview(tmp_path: Path) -> None:
    out = tmp_path / "reports"
    runs = []
    for model, data in (("a", "data:1111"), ("b", "data:1111"), ("b", "data:2222")):
        folder = made_run(tmp_path / f"{model}{data[-1]}", model=model)
        scores = msgspec.structs.replace(
            read_json(folder.scores, Scores), complete=True, signature=f"demo_mmbench:1|circular|n:46|{data}"
        )
        runs.append((scores, write_run_page(folder, out)))
    text = html.unescape(write_overview(runs, out).read_text("utf8"))
    assert text.count("<tr>") == 3
    assert text.count("not run") == 1
    assert text.count('class="best"') == 0, "equal figures have no best one"

"""The leaderboard in a real browser, opened from file:// with everything a name might hold."""

from __future__ import annotations

import csv
import gzip
import importlib.util
import io
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.report.boards import HOSTILE, RTL, large_board, small_board
from vlmeval.report.leaderboard import write_leaderboard

CHROMIUM = shutil.which("chromium")
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
VIEWS = ("table", "scatter", "dots", "heat", "radar")
MOST_BYTES = 60_000
MOST_MILLISECONDS = 100


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_leaderboard(small_board(), tmp_path_factory.mktemp("site"))


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    if CHROMIUM is None:
        pytest.skip("no chromium on this machine: apt-get install chromium")
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as running:
        opened = running.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield opened
        opened.close()


def opened(
    browser: Any, path: Path, hash_: str = "", *, width: int = 1280, scheme: str = "light", bypass: bool = False
) -> tuple[Any, list[str]]:
    """Return the page and the list that fills with console errors, policy violations and requests to elsewhere."""
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme, bypass_csp=bypass)
    page = context.new_page()
    trouble: list[str] = []
    page.on("console", lambda message: trouble.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: trouble.append(str(error)))
    page.on("request", lambda asked: trouble.append(asked.url) if asked.url.split("#")[0] != path.as_uri() else None)
    page.add_init_script(
        "addEventListener('securitypolicyviolation', event => console.error('CSP ' + event.violatedDirective))"
    )
    page.goto(path.as_uri() + hash_)
    return page, trouble


def models(page: Any) -> list[str]:
    found: list[str] = page.locator(".lb tbody th > :first-child").all_inner_texts()
    return found


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 360])
def test_every_view_is_inert_quiet_and_no_wider_than_the_screen(
    browser: Any, site: Path, width: int, scheme: str
) -> None:
    page, trouble = opened(browser, site, width=width, scheme=scheme)
    for view in VIEWS:
        page.evaluate("view => document.getElementById('tab-' + view).click()", view)
        assert page.locator(f"#tab-{view}").get_attribute("aria-selected") == "true"
        assert page.evaluate("document.documentElement.scrollWidth") <= width, view
    assert page.title() == f"Board {HOSTILE}"
    assert page.locator("img").count() == 0
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, re.findall(r"\d+", paper)[:3])) < 150) == (scheme == "dark")
    assert trouble == []


def test_hostile_names_are_shown_as_the_text_they_are(browser: Any, site: Path) -> None:
    page, trouble = opened(browser, site, "#published=1")
    assert {HOSTILE, RTL, f"stranger {HOSTILE}"} <= set(models(page))
    page.get_by_role("button", name=HOSTILE, exact=True).click()
    assert page.locator("#detail-name").inner_text() == HOSTILE
    assert HOSTILE in page.locator("#detail .mono").first.inner_text()
    assert trouble == []


def test_a_cell_shows_value_tier_interval_n_coverage_and_what_was_published(browser: Any, site: Path) -> None:
    page, _ = opened(browser, site, "#tasks=alpha_task&q=org")
    cell = page.locator(".lb tbody td").nth(1)
    assert cell.inner_text().split("\n") == [
        "65.5T2" if "65.5T2" in cell.inner_text() else "65.5 T2", "63.5 – 67.5", "n 1,000 · 100.0 %",
        "published 66: reproduced",
    ]  # fmt: skip
    assert cell.locator("a").get_attribute("href") == "runs/alpha%20a.html"
    page, _ = opened(browser, site, "#tasks=alpha_task,beta_task")
    table = page.locator(".lb tbody").inner_text()
    assert "differs by +20.4" in table
    assert "not run" in table
    assert "n 999 · 99.9 %" in table
    assert "incomplete" in table


def test_filters_narrow_the_table_and_stay_in_the_address(browser: Any, site: Path) -> None:
    page, _ = opened(browser, site)
    assert page.locator("#found").inner_text() == "4 of 4 models"
    page.select_option("#family", "Alpha")
    assert models(page) == ["org/alpha"]
    assert "family=Alpha" in page.url
    page.select_option("#family", "")
    page.fill("#pmin", "10")
    assert models(page) == [HOSTILE]
    page.fill("#pmin", "")
    page.select_option("#access", "api")
    assert models(page) == ["beta (t=1)"]
    page.select_option("#access", "")
    page.fill("#from", "2024-06")
    assert models(page) == ["beta (t=1)"]
    page.click("#reset")
    assert page.locator("#found").inner_text() == "4 of 4 models"
    assert page.url.endswith("#")


def test_an_address_opens_what_it_was_copied_from(browser: Any, site: Path) -> None:
    page, _ = opened(browser, site, "#q=org&tasks=alpha_task,points&sort=points&dir=up")
    assert (models(page), page.input_value("#q")) == (["org/alpha"], "org")
    heads = page.locator(".lb thead th")
    assert heads.last.get_attribute("aria-sort") == "ascending"
    page.locator(".lb .open").first.click()
    linked = page.url
    page.goto("about:blank")
    page.goto(linked)
    assert page.locator("#detail-name").inner_text() == "org/alpha"
    page.keyboard.press("Escape")
    page.wait_for_url(lambda url: "model=" not in url)
    page.go_back()
    page.wait_for_selector("#detail[open]")
    assert page.locator("#detail-name").inner_text() == "org/alpha"


def test_a_head_sorts_both_ways_with_missing_figures_last(browser: Any, site: Path) -> None:
    page, _ = opened(browser, site, "#tasks=alpha_task")
    head = page.locator(".lb thead button[data-sort=alpha_task]")
    head.click()
    assert models(page) == ["beta (t=1)", HOSTILE, "org/alpha", RTL]
    head.click()
    assert models(page) == ["org/alpha", HOSTILE, "beta (t=1)", RTL]
    assert "dir=up" in page.url


def test_an_average_is_over_what_all_models_shown_have_and_says_what(browser: Any, site: Path) -> None:
    page, _ = opened(browser, site)
    assert "no task of the table is common to all 4 models" in page.locator("#average").inner_text()
    assert page.locator("[data-sort=avg]").count() == 0
    page.fill("#q", "beta")
    said = page.locator("#average").inner_text()
    assert said.startswith("Average over the 2 tasks common to the 1 model shown: Task alpha_task; Task beta_task.")
    assert page.locator(".lb tbody td").first.inner_text().split("\n")[0] == "65.7"
    page.fill("#q", "org")
    assert "Task points (no share of 100)" in page.locator("#average").inner_text()


def test_an_average_of_a_suite_is_there_for_models_that_have_all_of_it(browser: Any, site: Path) -> None:
    page, _ = opened(browser, site)
    rows = page.locator(".lb tbody tr")
    names = page.locator(".lb tbody th > :first-child").all_inner_texts()
    told = {name: rows.nth(at).locator("td").first.inner_text() for at, name in enumerate(names)}
    assert told["org/alpha"].split("\n") == ["57.8", "55.0 – 60.5", "all 2 tasks"]
    assert told[HOSTILE].split("\n") == ["—", "1 of 2 missing"]
    assert "mean of alpha_task, beta_task" in page.locator(".notes-card").inner_text()


def test_a_slice_shows_its_own_figures_and_the_tasks_without_it_go(browser: Any, site: Path) -> None:
    page, _ = opened(browser, site)
    page.select_option("#slice", "category=b")
    assert page.locator(".lb thead th").all_inner_texts()[-1].startswith("Task alpha_task")
    assert "71.0" in page.locator(".lb tbody").inner_text()
    assert page.locator(".tier").count() == 0
    assert "slice=category%3Db" in page.url


def test_picked_tasks_are_the_columns(browser: Any, site: Path) -> None:
    page, _ = opened(browser, site)
    page.locator("#picker summary").click()
    page.locator("#columns input[value=points]").uncheck()
    assert "tasks=alpha_task" in page.url
    assert "Task points" not in page.locator(".lb thead").inner_text()
    page.get_by_role("button", name="Both tasks", exact=False).first.click()
    assert page.locator("#picked").inner_text() == "(2 of 3)"


def test_keys_search_move_and_change_views(browser: Any, site: Path) -> None:
    page, _ = opened(browser, site)
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "q"
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    first = page.evaluate("document.activeElement.textContent")
    page.keyboard.press("j")
    assert first == models(page)[0]
    assert page.evaluate("document.activeElement.textContent") == models(page)[1]
    page.keyboard.press("Enter")
    assert page.locator("#detail").is_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("4")
    assert "view=heat" in page.url
    page.locator("#tab-heat").focus()
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.id") == "tab-radar"


def test_plots_say_what_they_show(browser: Any, site: Path) -> None:
    page, _ = opened(browser, site, "#view=scatter&y=alpha_task")
    assert "alpha_task: Accuracy against parameters, 2 models" in str(
        page.locator("#plot svg").get_attribute("aria-label")
    )
    assert page.locator("#plot .front").count() == 1
    assert "not known: beta (t=1)" in page.locator("#plot").inner_text()
    page.goto(f"{site.as_uri()}#view=scatter&y=alpha_task&x=speed")
    page.locator("#plot svg[aria-label*='answers']").wait_for(state="attached")
    page.goto(f"{site.as_uri()}#view=dots&y=alpha_task")
    page.wait_for_selector("#plot circle.even")
    assert page.locator("#plot circle").count() == 3
    page.goto(f"{site.as_uri()}#view=heat&heat=wins")
    page.locator("#plot svg[aria-label^='Share']").wait_for(state="attached")
    titles = page.locator("#plot title").all_text_contents()
    assert "beta (t=1) ahead of org/alpha on 2 of n = 2 common tasks" in titles
    page.goto(f"{site.as_uri()}#view=radar")
    page.wait_for_selector("#plot polygon.series")
    assert page.locator("#plot tbody tr").count() == 3


def test_human_ratings_stand_beside_the_metrics(browser: Any, site: Path) -> None:
    page, _ = opened(browser, site)
    said = page.locator("#studies").inner_text()
    assert f"Human ratings: {HOSTILE}" in said
    assert "Task alpha_task: 0.33 (3 models)" in said


def test_300_models_by_30_tasks_are_filtered_within_100_ms(browser: Any, tmp_path: Path) -> None:
    page, trouble = opened(browser, write_leaderboard(large_board(300, 30), tmp_path))
    took = page.evaluate("""() => {
      const once = (values) => {
        const start = performance.now();
        change(values);
        document.body.offsetHeight;
        return performance.now() - start;
      };
      const rounds = [];
      for (let round = 0; round < 6; round++) rounds.push([
        once({ family: "family 3" }), once({ family: "" }), once({ q: "model-1" }), once({ q: "", pmax: "7" }),
        once({ pmax: "" }),
      ]);
      return rounds;
    }""")
    quickest = [min(times) for times in zip(*took, strict=True)]
    assert max(quickest) < MOST_MILLISECONDS, took
    assert page.locator("#found").inner_text() == "300 of 300 models"
    assert trouble == []


def test_a_long_table_is_drawn_as_one_scrolls_and_whole_in_print(browser: Any, tmp_path: Path) -> None:
    page, _ = opened(browser, write_leaderboard(large_board(120, 4), tmp_path))
    page.locator(".lb tbody tr").nth(11).wait_for(state="attached")
    before = page.locator(".lb tbody tr").count()
    assert before < 120
    page.evaluate("document.getElementById('scroll').scrollTop = 1e6")
    page.locator(".lb tbody tr").nth(before).wait_for(state="attached")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.locator(".lb tbody tr").count() == 120


@pytest.mark.skipif(
    importlib.util.find_spec("axe_playwright_python") is None, reason="axe-playwright-python is not installed"
)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(browser: Any, site: Path, scheme: str) -> None:
    spec = importlib.util.find_spec("axe_playwright_python")
    assert spec is not None
    assert spec.origin is not None
    code = Path(spec.origin).with_name("axe.min.js").read_text("utf8")
    for view in (*VIEWS, "table&model=org/alpha"):
        page, _ = opened(browser, site, f"#view={view}", scheme=scheme, bypass=True)
        page.evaluate(code)
        found = page.evaluate("axe.run()")["violations"]
        grave = [(one["id"], one["nodes"][0]["html"]) for one in found if one["impact"] in ("serious", "critical")]
        assert grave == [], view


def test_the_site_without_data_is_small(tmp_path: Path) -> None:
    page = write_leaderboard(large_board(1, 1), tmp_path)
    assert len(gzip.compress(page.read_bytes())) < MOST_BYTES


def test_data_lies_beside_the_page_in_full_digits(site: Path) -> None:
    data = json.loads((site.parent / "leaderboard.json").read_text("utf8"))
    assert {row["name"] for row in data["rows"]} == {"org/alpha", "beta (t=1)", HOSTILE, RTL}
    rows = list(csv.DictReader(io.StringIO((site.parent / "leaderboard.csv").read_text("utf8"))))
    first = rows[0]
    assert (first["model"], first["value"], first["samples"], first["tier"]) == ("org/alpha", "65.5", "1000", "2")
    assert first["published"] == "66.0"
    assert [row["slice"] for row in rows if row["model"] == "org/alpha"].count("category=b") == 1
    assert any(row["metric"] == "suite" and row["value"] == "57.75" for row in rows)


def test_the_page_holds_no_open_script_from_data(site: Path) -> None:
    text = site.read_text("utf8")
    assert text.count("<script") == 2
    assert "<img src=x" not in text
    assert "default-src &#39;none&#39;" in text

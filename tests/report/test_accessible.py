"""The pages for screen readers and weak eyes: axe has no serious finding, in light and dark, wide and narrow."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.report import test_page
from tests.report.made_run import made_run, picture
from tests.report.test_run_page_parts import heat_map
from tests.score.compared import first, scored
from vlmeval.report.comparison import write_compare_page
from vlmeval.report.heatmap import write_map
from vlmeval.report.page import write_run_page
from vlmeval.score.compare import compare_runs, sides_of
from vlmeval.types import Sample

browser = test_page.browser
GRAVE = {"serious", "critical"}


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("accessible")
    run = made_run(root / "results")
    sides = sides_of([scored(root / "c", name, first(count)).path for name, count in (("a", 60), ("b", 40))])
    return {
        "heat map": write_map(run, heat_map(), Sample("q001", ("What?",), ("B",), ("red", "blue")), picture("red")),
        "run": write_run_page(run, root / "reports"),
        "comparison": write_compare_page(compare_runs(sides), root / "reports"),
    }


@pytest.mark.parametrize("width", [1280, 360])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["run", "comparison", "heat map"])
def test_axe_finds_nothing_serious(browser: Any, pages: dict[str, Path], name: str, scheme: str, width: int) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page.goto(pages[name].as_uri())
    if name != "heat map":
        page.locator("#list .row").first.click()
    found = axe.Axe().run(page).response["violations"]
    assert [(one["id"], one["nodes"][0]["html"][:120]) for one in found if one["impact"] in GRAVE] == []

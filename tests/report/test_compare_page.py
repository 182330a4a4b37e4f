"""The page of a comparison: verdicts, figures, and flips side by side, in a real browser."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.report import test_page
from tests.report.made_run import HOSTILE
from tests.report.test_page import opened
from tests.score.compared import PLAIN, QUESTIONS, first, scored
from vlmeval.report.comparison import write_compare_page
from vlmeval.report.page import write_run_page
from vlmeval.score.compare import compare_runs, sides_of
from vlmeval.types import Failure, Output

browser = test_page.browser


@pytest.fixture
def written(tmp_path: Path) -> Path:
    """A page over two models: "new" loses 20 samples, gains 2, and says hostile things."""
    replies = {**first(40), "q60": True, "q61": True, "q41": HOSTILE, "q42": Failure("refused", HOSTILE)}
    base, model = scored(tmp_path, "old", first(60)), scored(tmp_path, f"new{HOSTILE}", replies)
    write_run_page(model, tmp_path / "reports")
    return write_compare_page(compare_runs(sides_of([base.path, model.path])), tmp_path / "reports")


def test_flips_stand_side_by_side_and_nothing_in_them_is_code(browser: Any, written: Path) -> None:
    page, trouble = opened(browser, written)
    page.fill("#search", "q41")
    page.locator("#list .row").first.click()
    sides = page.locator("#detail .side")
    assert sides.count() == 2
    assert "right" in sides.first.inner_text()
    assert '<script>document.title="owned"</script>' in sides.last.locator(".reply").first.inner_text()
    assert page.title().startswith("new<script>")
    assert page.locator("img[src='x']").count() == 0
    assert trouble == []


def test_filters_by_direction_cause_and_slice_count_what_they_leave(browser: Any, written: Path) -> None:
    page, trouble = opened(browser, written)
    whole = page.locator("#found").inner_text()
    counts = {}
    for way in ("right", "wrong"):
        page.select_option("#filter-to", way)
        counts[way] = int(page.locator("#found").inner_text().split()[0])
    assert counts["right"] == 2
    assert f"{sum(counts.values())} of {sum(counts.values())}" == whole
    page.select_option("#filter-cause", "reply differs")
    page.select_option("select[data-tag='category']", "=odd")
    assert 0 < int(page.locator("#found").inner_text().split()[0]) < counts["wrong"]
    address = page.url
    page.goto("about:blank")
    page.goto(address)
    assert page.locator("#filter-to").input_value() == "wrong"
    assert page.locator("select[data-tag='category']").input_value() == "=odd"
    assert trouble == []


def test_a_flip_can_be_linked_to_and_leads_to_its_run(browser: Any, written: Path) -> None:
    page, trouble = opened(browser, written)
    page.keyboard.press("j")
    linked, name = page.url, page.locator("#detail h3").inner_text()
    page.goto("about:blank")
    page.goto(linked)
    assert page.locator("#detail h3").inner_text() == name
    page.locator("#detail .side a").click()
    page.locator("#detail h3", has_text=name).wait_for()
    assert " on " in page.title()
    assert trouble == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_fits_a_phone_in_both_lights(browser: Any, written: Path, scheme: str) -> None:
    page, trouble = opened(browser, written, width=360)
    page.emulate_media(color_scheme=scheme)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.locator("#list .row").first.click()
    assert page.locator("#detail h3").is_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert trouble == []


def test_the_verdict_stands_in_words_with_interval_n_and_each_slice(written: Path) -> None:
    text = written.read_text("utf8")
    (verdict,) = re.findall(r'<p class="verdict worse">([^<]*)</p>', text)
    assert re.match(r"worse by 2\d\.\d points, 95 % interval \d+\.\d to \d+\.\d, p &lt; \.001 after Holm", verdict)
    assert "category=even" in text
    assert "samples: 79 of 80 common ones scored in both" in text


def test_a_refused_comparison_says_why_and_has_no_figures(tmp_path: Path) -> None:
    other = msgspec.structs.replace(PLAIN, prompt="lmms")
    sides = sides_of([scored(tmp_path, "a", first(3)).path, scored(tmp_path, "b", first(5), task=other).path])
    text = write_compare_page(compare_runs(sides), tmp_path / "reports").read_text("utf8")
    assert "not compared: the recipes differ in task.prompt" in text
    assert '<table class="compared">' not in text
    assert "No sample flips." in text


def test_the_same_model_twice_has_no_flips(browser: Any, tmp_path: Path) -> None:
    sides = sides_of([scored(tmp_path, name, first(30)).path for name in ("a", "b")])
    page, trouble = opened(browser, write_compare_page(compare_runs(sides), tmp_path / "reports"))
    assert page.locator("#found").inner_text() == "0 of 0"
    assert "no difference: the same on all 80 samples" in page.locator(".verdict").inner_text()
    assert trouble == []


def test_the_answers_of_both_models_are_those_of_their_journals(tmp_path: Path) -> None:
    said = {question.id: Output(f"unread {question.id}") for question in QUESTIONS[:5]}
    sides = sides_of([scored(tmp_path, "a", first(5)).path, scored(tmp_path, "b", said).path])
    text = write_compare_page(compare_runs(sides), tmp_path / "reports").read_text("utf8")
    assert all(f'"reply":"unread q{number}"' in text for number in range(5))

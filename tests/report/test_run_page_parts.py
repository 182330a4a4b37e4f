"""The parts of a run's page: filters in the address, keys, scorers, judges, heat maps, confusion, histograms, costs."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from PIL import Image as PIL_Image

from tests.report import test_page
from tests.report.made_run import HOSTILE, made_run, picture
from tests.report.test_page import opened
from vlmeval.jsonio import encode_lines, read_json, write_json
from vlmeval.report.heatmap import fitted, overlaid, write_map
from vlmeval.report.page import read_samples, write_run_page
from vlmeval.store.explained import HeatMap, map_name, read_maps
from vlmeval.store.layout import RunFolder
from vlmeval.store.results import Beside, Manifest, Reading, Rescored, ScorerVerdict, Scores
from vlmeval.types import Estimate, MetricInfo, Sample

browser = test_page.browser


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    return made_run(tmp_path / "results")


def page_of(folder: RunFolder) -> Path:
    return write_run_page(folder, folder.results.parent / "reports")


def test_the_address_keeps_filters_and_sample_and_brings_them_back(browser: Any, run: RunFolder) -> None:
    page, trouble = opened(browser, page_of(run))
    page.select_option("#filter-result", "wrong")
    page.select_option("select[data-tag='category']", "=shape")
    page.fill("#search", "q0")
    page.keyboard.press("Escape")
    page.fill("#search", "q01")
    count, address = page.locator("#found").inner_text(), page.url
    page.locator("#list .row").nth(1).click()
    name, linked = page.locator("#detail h3").inner_text(), page.url
    for url in (address, linked):
        page.goto("about:blank")
        page.goto(url)
        assert page.locator("#filter-result").input_value() == "wrong"
        assert page.locator("#search").input_value() == "q01"
        assert page.locator("#found").inner_text() == count
    assert page.locator("#detail h3").inner_text() == name
    assert trouble == []


def test_a_link_to_a_sample_that_the_filters_hide_shows_it_all_the_same(browser: Any, run: RunFolder) -> None:
    page, trouble = opened(browser, page_of(run))
    page.goto("about:blank")
    page.goto(f"{page_of(run).as_uri()}#q001?result=failed")
    assert page.locator("#detail h3").inner_text() == "q001"
    page.goto("about:blank")
    page.goto(f"{page_of(run).as_uri()}#%E0%A4%A")
    assert page.locator("#found").inner_text() == "47 of 47"
    assert trouble == []


def test_keys_lead_to_wrong_samples_forth_and_back_and_never_to_right_ones(browser: Any, run: RunFolder) -> None:
    page, trouble = opened(browser, page_of(run))
    seen = []
    for key in ("n", "n", "n", "p"):
        page.keyboard.press(key)
        seen.append(page.locator("#detail h3").inner_text())
        assert page.locator("#detail .head .chip").first.inner_text() != "right"
    assert len(set(seen[:3])) == 3
    assert seen[3] == seen[1]
    page.focus("#list")
    page.keyboard.press("End")
    last = page.locator("#list").get_attribute("aria-activedescendant")
    assert page.locator(f"#{last}").get_attribute("aria-selected") == "true"
    assert page.locator(f"#{last}").get_attribute("aria-posinset") == "47"
    assert trouble == []


def test_the_page_has_colours_of_its_own_in_the_dark(browser: Any, run: RunFolder) -> None:
    page, trouble = opened(browser, page_of(run))
    colours = set()
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        colours.add(page.evaluate("getComputedStyle(document.body).backgroundColor"))
    page.emulate_media(color_scheme="dark", media="print")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert not page.locator("#list").is_visible()
    assert len(colours) == 2
    assert trouble == []


def test_another_scorer_stands_beside_the_default_one_and_says_what_it_read(browser: Any, run: RunFolder) -> None:
    info = MetricInfo("circular", f"Accuracy {HOSTILE}", scale=100)
    beside = Beside(
        "default", info, Estimate("circular", "", 0.5, 0.4, 0.6, 46, 46, "s"), unparsed=3, samples=47, rescored=1,
        only_default=1, only_other=0, reread=2,
    )  # fmt: skip
    scores = msgspec.structs.replace(read_json(run.scores, Scores), scorer="lmms", beside=beside)
    write_json(run.scores, scores)
    verdicts = {
        "default": ScorerVerdict(1.0, {"rot0": Reading("B", "letter")}),
        "lmms": ScorerVerdict(0.0, {"rot0": Reading(None, HOSTILE)}),
    }
    run.scorers.write_bytes(encode_lines([Rescored("q001", ("B",), {"rot0": "B"}, verdicts)]))
    page, trouble = opened(browser, page_of(run))
    card = page.locator("#variant").inner_text()
    assert "1 of 47 samples score otherwise: 1 higher by default, 0 by lmms; 2 more are only read otherwise" in card
    assert "50.0" in card
    page.fill("#search", "q001")
    words = page.locator("#detail section", has_text="Scorers differ").inner_text()
    assert "rot0 B (letter)" in words
    assert f"rot0 unparsed ({HOSTILE})" in words
    assert trouble == []


def test_a_judge_s_words_are_shown_as_words(browser: Any, run: RunFolder) -> None:
    samples = read_samples(run.samples)
    passes = tuple(msgspec.structs.replace(one, judge=f"[[B]] {HOSTILE}") for one in samples[0].passes)
    run.samples.write_bytes(encode_lines([msgspec.structs.replace(samples[0], passes=passes), *samples[1:]]))
    page, trouble = opened(browser, page_of(run))
    assert page.locator("#detail .judge .reply").first.inner_text().startswith("[[B]] <script>")
    assert trouble == []


def heat_map(**changes: Any) -> HeatMap:
    made = HeatMap(
        sample_id="q001", variant="rot0", image="0" * 64, place=0, method="gradient", of="the relevance of the prompt",
        share=0.25, weights=((0.7, 0.1), (0.1, 0.1)), region=(0, 0, 48, 48), model="m", reply=HOSTILE, word=HOSTILE,
    )  # fmt: skip
    return msgspec.structs.replace(made, **changes)


def test_a_heat_map_is_in_the_page_and_a_filter_finds_it(browser: Any, run: RunFolder) -> None:
    sample = Sample("q001", ("What?", HOSTILE), ("B",), ("red", HOSTILE))
    alone = write_map(run, heat_map(), sample, picture("red"))
    page, trouble = opened(browser, page_of(run))
    page.select_option("#filter-result", "explained")
    assert page.locator("#found").inner_text() == "1 of 47"
    assert "25.0 % of the relevance of the prompt" in page.locator("#detail .maps figcaption").inner_text()
    page.locator("#detail .maps .thumbnail").click()
    assert page.locator(".zoom img").count() == 1
    page, more = opened(browser, alone, width=360)
    assert page.locator("img").count() == 2
    assert HOSTILE in page.locator(".reply").inner_text()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert trouble == more == []


def test_the_overlay_is_strongest_where_the_weights_are_and_dims_what_was_not_seen() -> None:
    weights = np.array([[0.0, 0.0], [0.0, 1.0]])
    drawn = np.asarray(overlaid(PIL_Image.new("RGB", (80, 40), "white"), weights, (20, 0, 60, 40))).astype(int)
    red_over_blue = drawn[..., 0] - drawn[..., 2]
    assert red_over_blue[35, 55] > 60 > red_over_blue[5, 25]
    assert (drawn[:, :20] == 89).all()
    assert (drawn[:, 60:] == 89).all()


@pytest.mark.parametrize(
    ("size", "shown"), [((96, 96), (384, 384)), ((3000, 1500), (768, 384)), ((400, 500), (400, 500))]
)
def test_pictures_under_a_map_have_a_size_to_look_at(size: tuple[int, int], shown: tuple[int, int]) -> None:
    assert fitted(PIL_Image.new("RGB", size)).size == shown


def test_names_of_maps_never_leave_the_folder_and_never_meet(run: RunFolder) -> None:
    ids = ("a b", "a/b", "a-b", "../../../etc/passwd", "", "x" * 300, "." * 5)
    names = [map_name(name, variant, place) for name in ids for variant in ("", "rot0") for place in (0, 1)]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[\w.+=@-]+", name) and not name.startswith(".") and len(name) < 120 for name in names)
    for name in ids[:4]:
        write_map(run, heat_map(sample_id=name), Sample(name, ("?",)), picture("red"))
    assert {one.sample_id for one in read_maps(run)} == set(ids[:4])
    assert len(list((run.path / "explain").iterdir())) == 12


def test_the_page_draws_confusion_lengths_times_and_costs(browser: Any, run: RunFolder) -> None:
    manifest = read_json(run.manifest_path, Manifest)
    manifest.counts, manifest.usage = {"samples": 47, "requests": 94}, {"usd": 0.47, "output_tokens": 282}
    write_json(run.manifest_path, manifest)
    page, trouble = opened(browser, page_of(run))
    assert page.locator("#confusion .cell").count() == 6
    assert page.locator("#confusion .cell").all_inner_texts()[0].isdecimal()
    assert page.locator(".histogram .bars").count() == 2
    costs = page.locator("#costs").inner_text()
    assert "0.4700 USD" in costs
    assert "6.0 a sample" in costs
    assert trouble == []

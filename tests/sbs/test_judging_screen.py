"""The judging page for everybody: keyboard, zoom, narrow and magnified screens, axe; and the organiser's page."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.sbs.chromium import Seat, chromium, press, ready, stored, token, until, votes
from tests.sbs.served import ADMIN, MODELS, Served, serving


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as opened:
        yield opened


@pytest.fixture
def study(tmp_path: Path) -> Iterator[Served]:
    with serving(tmp_path / "study") as served:
        yield served


def test_every_control_is_reached_by_tab_in_reading_order(browser: Any, study: Served) -> None:
    page = Seat.of(browser, study).open(token(study, "ann"))
    page.focus("#heading")
    names = []
    for _ in range(12):
        page.keyboard.press("Tab")
        names.append(
            page.evaluate("document.activeElement.getAttribute('aria-label') || document.activeElement.innerText")
        )
    order = " | ".join(str(name).replace("\n", " ") for name in names)
    places = [
        order.index(name) for name in ("plus and minus", "Zoom out", "Zoom in", "Answer 1", "Tie", "Both bad", "Skip")
    ]
    assert places == sorted(places)
    page.focus("[data-outcome=right]")
    page.keyboard.press("Enter")
    until(page, "document.activeElement.id === 'heading'")
    stored(page)
    assert votes(study) == 1
    assert "Answer 2 is better" in page.inner_text("#status")


def test_space_zooms_arrows_move_and_two_sides_move_together(browser: Any, tmp_path: Path) -> None:
    folder = tmp_path / "sides"
    with serving(folder) as served:
        names = json.dumps([next((folder / "images").glob("*.png")).name])
        served.store.submit(lambda judging: judging.database.execute("update answer set images = ?", (names,))).result()
        page = Seat.of(browser, served).open(token(served, "ann"))
        moved = "[...document.querySelectorAll('.answer img')].map(img => img.style.transform)"
        still = page.evaluate(moved)
        assert len(still) == 2
        page.keyboard.press(" ")
        assert "scale(2.5)" in page.evaluate("document.querySelector('.prompt img').style.transform")
        page.focus("#left .frame")
        page.keyboard.press("+")
        page.keyboard.press("ArrowRight")
        one, other = page.evaluate(moved)
        assert one == other != still[0]
        box = page.locator("#right .frame").bounding_box()
        page.mouse.move(box["x"] + 90, box["y"] + 90)
        page.mouse.down()
        page.mouse.move(box["x"] + 60, box["y"] + 70)
        page.mouse.up()
        after = page.evaluate(moved)
        assert after[0] == after[1] != one
        press(page, "3")
        assert page.evaluate(moved)[0] == still[0]


@pytest.mark.parametrize(("width", "height", "scale"), [(360, 640, 1), (640, 450, 2), (1280, 900, 1)])
def test_nothing_runs_out_of_a_narrow_or_magnified_screen(
    browser: Any, study: Served, width: int, height: int, scale: int
) -> None:
    seat = Seat.of(browser, study, viewport={"width": width, "height": height}, device_scale_factor=scale)
    page = seat.open(token(study, "ann"))
    for _ in range(9):
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        for name in ("left", "right", "tie", "both_bad", "skip"):
            box = page.locator(f"[data-outcome={name}]").bounding_box()
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= width
            assert box["y"] + box["height"] <= height
            assert box["height"] >= 24
        press(page, "3")
    assert seat.trouble == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(browser: Any, study: Served, scheme: str) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed")
    seat = Seat.of(browser, study, color_scheme=scheme)
    made = token(study, "ann")
    page = seat.tab()
    found: dict[str, list[str]] = {}

    def check(name: str, on: Any) -> None:
        answer = axe.Axe().run(on).response
        found[name] = [
            f"{one['id']} ({one['impact']}): {one['nodes'][0]['html'][:120]}"
            for one in answer["violations"]
            if one["impact"] in ("serious", "critical")
        ]

    page.goto(study.address)
    check("sign in", page)
    page = seat.open(made)
    for turn in range(8):
        check(f"pair {turn}", page)
        press(page, "1")
    for button, dialog in (("#open-keys", "keys"), ("#open-guidelines", "guidelines"), ("[data-outcome=skip]", "skip")):
        page.click(button)
        page.wait_for_selector(f"#{dialog}[open]")
        check(dialog, page)
        page.keyboard.press("Escape")
    organiser = seat.tab()
    organiser.goto(f"{study.address}/admin#{ADMIN}")
    organiser.wait_for_selector("#people tbody tr")
    check("organiser", organiser)
    assert {name: faults for name, faults in found.items() if faults} == {}


def test_the_organiser_watches_pauses_and_lets_go_on(browser: Any, study: Served) -> None:
    seat = Seat.of(browser, study)
    page = seat.open(token(study, "ann"))
    for key in "1233":
        press(page, key)
    stored(page)
    organiser = seat.tab()
    organiser.goto(f"{study.address}/admin#{ADMIN}")
    organiser.wait_for_selector("#ratings tbody tr")
    assert set(organiser.locator("#ratings tbody th").all_inner_texts()) == set(MODELS)
    organiser.click("#pause")
    organiser.fill("[name=reason]", "back <b>at noon</b>")
    organiser.click("#why .primary")
    organiser.wait_for_selector("#notice:not([hidden])")
    assert "back <b>at noon</b>" in organiser.inner_text("#notice")
    page.keyboard.press("1")
    page.wait_for_selector("#notice:not([hidden])")
    assert "paused: back <b>at noon</b>" in page.inner_text("#notice")
    organiser.click("#pause")
    organiser.wait_for_selector("#notice", state="hidden")
    page.reload()
    stored(ready(page))
    assert votes(study) == 5
    assert organiser.evaluate("document.documentElement.scrollWidth <= innerWidth")

"""The judging page in a real Chromium: whole sessions, by keyboard, with everything that goes wrong."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.sbs.chromium import Seat, chromium, judged, pair_of, press, ready, until
from tests.sbs.served import ADMIN, MODELS, Served, content, serving
from vlmeval.sbs.content import Setting
from vlmeval.sbs.records import LEASE_SECONDS
from vlmeval.sbs.sessions import token_digest

PAINT_MS = 100


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as opened:
        yield opened


@pytest.fixture
def study(tmp_path: Path) -> Iterator[Served]:
    with serving(tmp_path / "study") as served:
        yield served


def token(served: Served, name: str) -> str:
    """Add an annotator and return their token."""
    made = f"token-of-{name}".ljust(24, "x")
    served.store.add_annotator(name, token_digest(made), served.clock())
    return made


def stored(page: Any) -> None:
    """Wait until nothing waits to be sent."""
    until(page, "document.getElementById('unsent').hidden")


def votes(served: Served) -> int:
    return served.store.counts()["voted"]


def test_two_annotators_judge_all_pairs_by_keyboard_and_never_see_a_name(browser: Any, tmp_path: Path) -> None:
    folder = tmp_path / MODELS[0]
    with serving(folder, made=content(folder, prompts=3, gold=1), setting=Setting(overlap=2, gold_every=4)) as served:
        seats = [Seat.of(browser, served), Seat.of(browser, served, color_scheme="dark")]
        pages = [seat.open(token(served, f"ann-{n}")) for n, seat in enumerate(seats)]
        for page in pages:
            for turn in range(30):
                ready(page)
                before = page.inner_text("#heading")
                page.keyboard.press("1234"[turn % 4])
                until(page, "document.getElementById('heading').textContent !== arg", before)
                until(page, "!document.getElementById('heading').textContent.startsWith('Waiting')")
                if page.inner_text("#heading") == "All done":
                    break
                assert page.evaluate("window.painted - window.pressed") < PAINT_MS or turn == 0
            assert page.inner_text("#heading") == "All done"
            assert len(page.inner_text("#code")) == 8
        counts = served.store.counts()
        assert (counts["voted"], counts["open"]) == (counts["need"], 0)
        assert served.store.verify() == ()
        for seat, page in zip(seats, pages, strict=True):
            assert page.evaluate("window.owned") is None
            assert page.evaluate("window.trouble") == []
            assert seat.trouble == []
            assert all(address.startswith(served.address) for address in seat.addresses)
            everything = b"\n".join([*served.wire.sent, *(address.encode() for address in seat.addresses)]).lower()
            assert b"sofa" in everything
            assert not [name for name in (*MODELS, "prompt-0", "check-0", "gold") if name.encode() in everything]


def test_the_next_pair_is_painted_within_100_ms_of_the_key(browser: Any, study: Served) -> None:
    page = Seat.of(browser, study).open(token(study, "ann"))
    taken = []
    for _ in range(10):
        stored(page)
        press(page, "3")
        taken.append(page.evaluate("window.painted - window.pressed"))
    taken.sort()
    assert taken[len(taken) // 2] < PAINT_MS
    assert taken[0] > 0


def test_reload_and_the_back_button_resume_the_same_pair_and_sides(browser: Any, study: Served) -> None:
    page = Seat.of(browser, study).open(token(study, "ann"))
    press(page, "1")
    stored(page)
    shown = pair_of(page)
    page.reload()
    assert pair_of(ready(page)) == shown
    page.goto(f"{study.address}/health")
    page.go_back()
    assert pair_of(ready(page)) == shown
    assert judged(page) == votes(study) == 1


def test_a_double_click_is_one_vote(browser: Any, study: Served) -> None:
    seat = Seat.of(browser, study)
    page = seat.open(token(study, "ann"))
    page.dblclick("[data-outcome=left]")
    stored(page)
    until(page, "document.getElementById('count').textContent.startsWith('1 ')")
    ready(page)
    assert judged(page) == votes(study) == 1
    assert len([address for address, _ in seat.asked if address.endswith("/judgements")]) == 1


def test_a_key_held_down_is_one_vote(browser: Any, study: Served) -> None:
    page = Seat.of(browser, study).open(token(study, "ann"))
    for _ in range(5):
        page.keyboard.down("2")
    page.keyboard.up("2")
    stored(page)
    ready(page)
    assert judged(page) == votes(study) == 1


def test_two_tabs_show_the_same_pair_and_judge_it_once(browser: Any, study: Served) -> None:
    seat = Seat.of(browser, study)
    one = seat.open(token(study, "ann"))
    two = seat.tab()
    two.goto(f"{study.address}/judge")
    shown = pair_of(ready(two))
    assert pair_of(one) == shown
    press(one, "1")
    stored(one)
    until(two, "document.getElementById('count').textContent.startsWith('1 ')")
    assert "another tab" in two.inner_text("#notice")
    assert pair_of(ready(two)) == pair_of(one) != shown
    assert votes(study) == 1
    assert study.store.verify() == ()


def test_votes_cast_offline_are_kept_and_sent_once(browser: Any, study: Served) -> None:
    seat = Seat.of(browser, study)
    page = seat.open(token(study, "ann"))
    seat.context.set_offline(True)
    press(page, "1")
    ready(page)
    page.keyboard.press("2")
    page.wait_for_selector("#unsent:not([hidden])")
    until(page, "document.getElementById('unsent').textContent.startsWith('2 ')")
    assert "No connection" in page.inner_text("#notice")
    assert votes(study) == 0
    page.close()
    again = seat.tab()
    seat.context.set_offline(False)
    again.goto(f"{study.address}/judge")
    ready(again)
    stored(again)
    assert votes(study) == judged(again) == 2
    sent = [json.loads(body) for address, body in seat.asked if address.endswith("/judgements")]
    assert {entry["outcome"] for entry in sent} == {"left", "right"}
    assert len({entry["key"] for entry in sent}) == 2
    assert study.store.verify() == ()


def test_an_answer_that_got_lost_is_asked_again_under_the_same_key(browser: Any, study: Served) -> None:
    seat = Seat.of(browser, study)
    page = seat.open(token(study, "ann"))
    lost: list[int] = []

    def lose(route: Any) -> None:
        if not lost:
            lost.append(route.fetch().status)
            route.abort()
        else:
            route.continue_()

    page.route("**/api/judgements", lose)
    page.keyboard.press("1")
    stored_again = "document.getElementById('unsent').hidden && document.getElementById('notice').hidden"
    page.wait_for_selector("#unsent:not([hidden])")
    until(page, stored_again)
    keys = [json.loads(body)["key"] for address, body in seat.asked if address.endswith("/judgements")]
    assert lost == [200]
    assert len(keys) >= 2
    assert len(set(keys)) == 1
    assert votes(study) == 1


def test_undo_brings_a_pair_back_before_and_after_it_was_sent(browser: Any, study: Served) -> None:
    seat = Seat.of(browser, study)
    page = seat.open(token(study, "ann"))
    first = pair_of(page)
    press(page, "4")
    stored(page)
    press(page, "u")
    assert pair_of(page) == first
    assert (judged(page), votes(study)) == (0, 0)
    press(page, "1")
    stored(page)
    seat.context.set_offline(True)
    second = pair_of(page)
    press(page, "2")
    page.wait_for_selector("#unsent:not([hidden])")
    press(page, "u")
    assert pair_of(page) == second != first
    assert page.is_hidden("#unsent")
    seat.context.set_offline(False)
    press(page, "3")
    stored(page)
    outcomes = [json.loads(body)["outcome"] for address, body in seat.asked if address.endswith("/judgements")]
    assert outcomes == ["both_bad", "left", "tie"]
    assert votes(study) == 2
    assert study.store.verify() == ()


def test_a_lease_that_ran_out_is_told_and_the_session_goes_on(browser: Any, tmp_path: Path) -> None:
    folder = tmp_path / "late"
    with serving(folder, made=content(folder, prompts=2), setting=Setting(overlap=1)) as served:
        seat = Seat.of(browser, served)
        page = seat.open(token(served, "slow"))
        served.clock.now += LEASE_SECONDS + 1
        served.store.expire(served.clock())
        quick = served.enter("quick")
        taken = json.loads(quick.post("/api/pairs", {}).data)["open"]
        for _ in range(6):
            for assignment in taken:
                key = f"{assignment:08d}-0000-4000-8000-000000000000"
                quick.post("/api/judgements", {"assignment": assignment, "key": key, "outcome": "tie"})
            taken = json.loads(quick.post("/api/pairs", {}).data)["open"]
        page.keyboard.press("1")
        page.wait_for_selector("#notice:not([hidden])")
        assert "time ran out" in page.inner_text("#notice")
        stored(page)
        assert votes(served) == 6
        assert served.store.verify() == ()


def test_the_page_itself_notices_that_a_lease_ran_out(browser: Any, study: Served) -> None:
    seat = Seat.of(browser, study)
    made = token(study, "ann")
    seat.open(made).close()
    page = seat.tab()
    page.clock.install()
    page.goto(f"{study.address}/judge")
    page.wait_for_selector("#answers:not([hidden])")
    page.clock.fast_forward(1000 * (LEASE_SECONDS + 2))
    page.wait_for_selector("#notice:not([hidden])")
    assert "ran out" in page.inner_text("#notice")
    page.wait_for_selector("#answers:not([hidden])")


def test_a_session_that_ended_keeps_the_votes(browser: Any, study: Served) -> None:
    seat = Seat.of(browser, study)
    made = token(study, "ann")
    page = seat.open(made)
    seat.context.clear_cookies()
    page.keyboard.press("1")
    page.wait_for_selector("#notice:not([hidden])")
    assert "not signed in" in page.inner_text("#notice")
    assert votes(study) == 0
    page.goto(f"{study.address}/#{made}")
    page.wait_for_url("**/judge")
    ready(page)
    stored(page)
    assert votes(study) == 1


def test_skip_asks_for_a_reason_and_keys_can_be_switched_off(browser: Any, study: Served) -> None:
    page = Seat.of(browser, study).open(token(study, "ann"))
    shown = pair_of(page)
    page.keyboard.press("0")
    page.wait_for_selector("#skip[open]")
    page.keyboard.press("Escape")
    assert pair_of(page) == shown
    page.keyboard.press("0")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_selector("#skip", state="hidden")
    stored(page)
    ready(page)
    assert study.store.counts()["skipped"] == 1
    assert pair_of(page) != shown
    page.click("#open-keys")
    page.uncheck("#shortcuts")
    page.keyboard.press("Escape")
    shown = pair_of(page)
    page.keyboard.press("1")
    assert pair_of(page) == shown
    assert votes(study) == 0


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

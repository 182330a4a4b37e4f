"""The judging page in a real Chromium: whole sessions, by keyboard, with everything that goes wrong."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.sbs.chromium import Seat, chromium, judged, pair_of, press, ready, stored, token, until, votes
from tests.sbs.served import ADMIN, MODELS, Served, content, serving
from vlmeval.sbs.content import Setting
from vlmeval.sbs.desk import Rules
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


def test_a_personal_link_works_where_a_name_would_do(browser: Any, tmp_path: Path) -> None:
    with serving(tmp_path / "names", rules=Rules(admin=token_digest(ADMIN), names=True)) as served:
        made = token(served, "ann")
        page = Seat.of(browser, served).tab()
        page.goto(f"{served.address}/#{made}")
        page.wait_for_url("**/judge")
        ready(page)
        page.click("text=Sign out")
        page.fill("[name=name]", "Ben")
        page.click("text=Begin")
        page.wait_for_url("**/judge")
        ready(page)
        assert [one.annotator.name for one in served.store.annotators()] == ["ann", "Ben"]


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

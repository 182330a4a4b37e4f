"""The judging application over HTTP: what is let in, what is refused, and what is never said."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.sbs.served import ADMIN, MODELS, RECRUIT, Client, Served, content, serving
from vlmeval.sbs.content import Setting
from vlmeval.sbs.desk import Door, Rules
from vlmeval.sbs.records import LEASE_SECONDS
from vlmeval.sbs.sessions import SESSION_SECONDS, token_digest


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("study") / f"of {MODELS[0]}", setting=Setting(overlap=3)) as served:
        yield served


@pytest.fixture
def annotator(study: Served) -> Client:
    return study.enter(f"annotator {uuid.uuid4().hex[:8]}")


def data(reply: Any) -> Any:
    return json.loads(reply.data)


def vote(client: Client, assignment: int, outcome: str = "left", *, key: str = "", **more: Any) -> Any:
    body = {"assignment": assignment, "key": key or str(uuid.uuid4()), "outcome": outcome, "seconds": 4.2, **more}
    return client.post("/api/judgements", body)


def pairs(client: Client) -> Any:
    return data(client.post("/api/pairs", {}))


def test_a_vote_is_kept_once_and_brings_the_pair_after_the_next(study: Served, annotator: Client) -> None:
    before = pairs(annotator)
    assert len(before["open"]) == len(before["pairs"]) == 2
    assert pairs(annotator)["open"] == before["open"]
    voted = study.store.counts()["voted"]
    key = str(uuid.uuid4())
    first = vote(annotator, before["open"][0], key=key, have=before["open"])
    again = vote(annotator, before["open"][0], key=key, have=before["open"])
    assert (first.status, again.status) == (200, 200)
    assert data(first)["kept"] == data(again)["kept"]
    assert data(first)["open"][0] == before["open"][1]
    assert [pair["assignment"] for pair in data(first)["pairs"]] == data(first)["open"][1:]
    assert study.store.counts()["voted"] == voted + 1
    other = vote(annotator, before["open"][0])
    assert (other.status, data(other)["error"]) == (409, "conflict")


def test_undo_brings_the_same_pair_and_sides_back(annotator: Client) -> None:
    before = pairs(annotator)
    vote(annotator, before["open"][0], "tie")
    key = str(uuid.uuid4())
    back = data(annotator.post("/api/undo", {"key": key}))
    assert back["open"][:2] == before["open"]
    assert back["pairs"][0]["left"] == before["pairs"][0]["left"]
    assert data(annotator.post("/api/undo", {"key": key}))["open"][0] == before["open"][0]
    reply = annotator.post("/api/undo", {"key": str(uuid.uuid4())})
    assert (reply.status, data(reply)["error"]) == (409, "nothing")


def test_a_skip_has_a_reason_and_gives_the_pair_back(study: Served, annotator: Client) -> None:
    first = pairs(annotator)["open"][0]
    assert vote(annotator, first, "skip").status == 400
    assert vote(annotator, first, "left", reason="because").status == 400
    skipped = study.store.counts()["skipped"]
    assert vote(annotator, first, "skip", reason="language").status == 200
    assert study.store.counts()["skipped"] == skipped + 1
    assert first not in pairs(annotator)["open"]


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"[]", b'{"assignment": "1"}', b'{"assignment": 1, "key": "short", "outcome": "left"}',
        b'{"assignment": 1, "key": "11111111-1111-1111-1111-111111111111", "outcome": "best"}',
        b'{"assignment": 1, "key": "11111111-1111-1111-1111-111111111111", "outcome": "left", "seconds": -1}',
        b'{"assignment": 1, "key": "11111111-1111-1111-1111-111111111111", "outcome": "left", "more": 1}',
        b'{"assignment": 99999999999999999999, "key": "11111111-1111-1111-1111-111111111111", "outcome": "left"}',
        b"\xff",
    ],
)  # fmt: skip
def test_what_the_page_does_not_send_is_refused(annotator: Client, body: bytes) -> None:
    pairs(annotator)
    reply = annotator.send("POST", "/api/judgements", body, {"content-type": "application/json"})
    assert (reply.status, data(reply)["error"]) in ((400, "malformed"), (404, "unknown_assignment"))


def test_an_unknown_assignment_and_somebody_elses_look_the_same(study: Served, annotator: Client) -> None:
    other = pairs(study.enter("somebody else"))["open"][0]
    for assignment in (other, 10**9):
        reply = vote(annotator, assignment)
        assert (reply.status, data(reply)["error"]) == (404, "unknown_assignment")


def test_without_a_session_nothing_is_shown(study: Served) -> None:
    nobody = Client(study)
    for path in ("/api/pairs", "/api/judgements", "/api/undo"):
        assert nobody.post(path, {}).status == 401
    image = next((study.folder / "images").iterdir()).name
    assert nobody.get(f"/image/{image}").status == 401
    assert nobody.get("/judge").status == 401
    assert nobody.get("/admin/data").status == 401
    assert nobody.get("/").status == 200


def test_a_wrong_token_is_refused_clearly(study: Served) -> None:
    nobody = Client(study)
    reply = nobody.form("/enter", {"token": "wrong"})
    assert reply.status == 403
    assert b"not known here" in reply.data
    assert nobody.cookie == ""
    assert nobody.form("/enter", {"name": "me"}).status == 403
    assert nobody.form("/admin/enter", {"token": "wrong"}).status == 403


def test_a_cookie_replayed_after_signing_out_is_refused(annotator: Client) -> None:
    old = annotator.cookie
    assert annotator.get("/judge").status == 200
    reply = annotator.form("/leave", {})
    assert 'sbs=""' in reply.headers["set-cookie"]
    annotator.cookie = old
    reply = annotator.post("/api/pairs", {})
    assert (reply.status, data(reply)["error"]) == (401, "sign_in")


def test_a_cookie_ends_with_its_time_and_with_its_owner(study: Served) -> None:
    client = study.enter("owner")
    (owner,) = [one.annotator for one in study.store.annotators() if one.annotator.name == "owner"]
    organiser = study.client(ADMIN, admin=True)
    assert organiser.post("/admin/annotator", {"annotator": owner.id, "active": False}).status == 200
    assert client.post("/api/pairs", {}).status == 401
    assert organiser.post("/admin/annotator", {"annotator": owner.id, "active": True}).status == 200
    assert client.post("/api/pairs", {}).status == 200
    study.clock.now += SESSION_SECONDS
    assert client.post("/api/pairs", {}).status == 401


def test_cookies_are_out_of_reach_of_scripts_and_other_sites(study: Served) -> None:
    study.store.add_annotator("cookie", token_digest("c" * 24), study.clock())
    for path, token in (("/enter", "c" * 24), ("/admin/enter", ADMIN)):
        header = Client(study).form(path, {"token": token}).headers["set-cookie"]
        assert "HttpOnly" in header
        assert "SameSite=strict" in header
        assert token not in header


def test_an_annotators_cookie_opens_nothing_of_the_organiser(study: Served, annotator: Client) -> None:
    annotator.cookie = annotator.cookie.replace("sbs=", "sbs_admin=")
    assert annotator.get("/admin/data").status == 401
    for path in ("/admin/pause", "/admin/resume", "/admin/annotator"):
        assert annotator.post(path, {}).status == 401
    assert annotator.get("/admin/export/votes.csv").status == 401


@pytest.mark.parametrize("origin", ["", "null", "http://evil.example", "https://127.0.0.1"])
def test_a_post_from_another_page_is_refused(annotator: Client, origin: str) -> None:
    for path in ("/api/pairs", "/leave", "/enter", "/admin/pause"):
        reply = annotator.post(path, {}, origin=origin)
        assert (reply.status, data(reply)["error"]) == (403, "wrong_origin")


def test_names_that_are_not_loopback_are_refused_on_loopback(annotator: Client) -> None:
    reply = annotator.get("/judge", host="rebound.example")
    assert (reply.status, data(reply)["error"]) == (421, "wrong_host")


def test_large_bodies_and_other_methods_are_refused(study: Served, annotator: Client) -> None:
    assert annotator.send("POST", "/api/pairs", b" " * 70_000, {}).status == 413
    assert annotator.send("PUT", "/api/pairs", b"{}", {}).status == 405
    assert annotator.get("/api/pairs").status == 405
    assert annotator.get("/nothing").status == 404


def test_images_are_images_and_nothing_else(study: Served, annotator: Client) -> None:
    address = pairs(annotator)["pairs"][0]["prompt"][0]["image"]
    reply = annotator.get(address)
    assert reply.status == 200
    assert reply.headers["content-type"] == "image/png"
    assert reply.headers["x-content-type-options"] == "nosniff"
    assert reply.headers["content-security-policy"] == "default-src 'none'; sandbox"
    assert reply.data.startswith(b"\x89PNG")
    for path in (
        "/image/..%2Fstudy.json",
        "/image/../study.db",
        "/image/nothing.png",
        "/image/x.svg",
        "/assets/x/..%2Fapp.py",
    ):
        assert annotator.get(path).status == 404
    (study.folder / "images" / "script.svg").write_text("<svg/>")
    assert annotator.get("/image/script.svg").status == 404


def test_pages_allow_nothing_inline_and_nothing_from_elsewhere(annotator: Client) -> None:
    for path in ("/", "/judge", "/admin", "/join?key=k&PROLIFIC_PID=p"):
        reply = annotator.get(path)
        policy = reply.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
        assert "unsafe" not in policy
        assert b"<style" not in reply.data
        assert b" style=" not in reply.data
        assert b"<script>" not in reply.data
        assert b"http" not in reply.data.replace(b"https://app.prolific.com", b"")


def test_no_byte_names_a_model_or_the_study_before_the_vote(study: Served, annotator: Client) -> None:
    seen = [annotator.get("/judge"), annotator.get("/"), annotator.get("/nothing")]
    for _ in range(4):
        shown = annotator.post("/api/pairs", {})
        seen += [shown, vote(annotator, data(shown)["open"][0]), vote(annotator, data(shown)["open"][0])]
        seen += [
            annotator.get(part["image"]) for pair in data(shown)["pairs"] for part in pair["prompt"] if "image" in part
        ]
    for reply in seen:
        everything = (repr(reply.headers.items()) + repr(reply.data)).lower()
        for name in (*MODELS, "prompt-0", "gold"):
            assert name not in everything


def test_a_pause_stops_pairs_and_votes_and_says_why(study: Served, annotator: Client) -> None:
    first = pairs(annotator)["open"][0]
    organiser = study.client(ADMIN, admin=True)
    organiser.post("/admin/pause", {"reason": "back at noon"})
    for reply in (annotator.post("/api/pairs", {}), vote(annotator, first)):
        assert (reply.status, data(reply)["error"]) == (503, "paused")
        assert "back at noon" in data(reply)["message"]
        assert int(reply.headers["retry-after"]) > 0
    assert data(organiser.get("/admin/data"))["paused"] == "back at noon"
    organiser.post("/admin/resume", {})
    assert vote(annotator, first).status == 200


def test_a_lease_that_ran_out_goes_to_somebody_else_and_the_late_vote_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "late"
    with serving(folder, made=content(folder, prompts=1), setting=Setting(overlap=1)) as served:
        late, quick = served.enter("late"), served.enter("quick")
        mine = pairs(late)["open"]
        served.clock.now += LEASE_SECONDS + 1
        served.store.expire(served.clock())
        for _ in range(3):
            for assignment in pairs(quick)["open"]:
                assert vote(quick, assignment).status == 200
        reply = vote(late, mine[0])
        assert (reply.status, data(reply)["error"]) == (409, "conflict")
        assert served.store.counts()["voted"] == served.store.counts()["need"] == 3
        assert served.store.verify() == ()


def test_a_quota_ends_the_session_with_a_code(tmp_path: Path) -> None:
    with serving(tmp_path / "quota", rules=Rules(admin=token_digest(ADMIN), each=2, completion="C0DE")) as served:
        client = served.enter("ann")
        first = pairs(client)
        assert first["progress"] == {"voted": 0, "left": 2}
        one = data(vote(client, first["open"][0]))
        assert one["open"] == first["open"][1:]
        two = data(vote(client, one["open"][0]))
        assert (two["open"], two["code"]) == ([], "C0DE")
        assert two["progress"] == {"voted": 2, "left": 0}


def test_a_participant_comes_in_by_id_and_is_the_same_one_again(study: Served) -> None:
    client = Client(study)
    page = client.get(f"/join?key={RECRUIT}&PROLIFIC_PID=5f1e")
    assert b'value="5f1e"' in page.data
    assert client.form("/enter", {"key": RECRUIT, "participant": "5f1e"}).status == 303
    known = [one.annotator.name for one in study.store.annotators()]
    mine = pairs(client)["open"]
    again = Client(study)
    assert again.form("/enter", {"key": RECRUIT, "participant": "5f1e"}).status == 303
    assert pairs(again)["open"] == mine
    assert [one.annotator.name for one in study.store.annotators()] == known
    assert Client(study).form("/enter", {"key": "wrong", "participant": "5f1e"}).status == 403
    assert Client(study).form("/enter", {"key": RECRUIT, "participant": "<b>"}).status == 400


def test_one_machine_without_tokens_lets_people_in_by_name(tmp_path: Path) -> None:
    with serving(tmp_path / "names", rules=Rules(admin=token_digest(ADMIN), names=True)) as served:
        client = Client(served)
        assert b'name="name"' in client.get("/").data
        assert client.form("/enter", {"name": "Ann"}).status == 303
        assert len(pairs(client)["open"]) == 2
        assert client.get("/").headers["location"] == "/judge"
        assert Client(served).form("/enter", {"name": "<script>"}).status == 400


def test_too_many_requests_are_refused_and_told_when_to_come_back(tmp_path: Path) -> None:
    with serving(tmp_path / "rates", door=Door(annotator_rate=1.0, address_rate=20.0, burst_seconds=5.0)) as served:
        client = served.enter("ann")
        replies = [client.post("/api/pairs", {}) for _ in range(6)]
        assert [reply.status for reply in replies] == [200] * 5 + [429]
        assert replies[-1].headers["retry-after"] == "1"
        served.clock.now += 2
        assert client.post("/api/pairs", {}).status == 200
        statuses = [client.get("/health").status for _ in range(150)]
        assert statuses[0] == 200
        assert statuses[-1] == 429
        served.clock.now += 60
        attempts = [Client(served).form("/enter", {"token": "guess"}).status for _ in range(30)]
        assert attempts[0] == 403
        assert attempts[-1] == 429


def test_the_organiser_sees_ratings_agreement_speed_and_exports(tmp_path: Path) -> None:
    folder = tmp_path / "whole"
    with serving(folder, made=content(folder, prompts=4, gold=2), setting=Setting(overlap=2, gold_every=3)) as served:
        clients = [served.enter(f"ann {n}") for n in range(2)]
        for turn in range(10):
            for client in clients:
                found = pairs(client)
                if found["open"]:
                    vote(client, found["open"][0], ("left", "right", "tie", "both_bad")[turn % 4])
        organiser = served.client(ADMIN, admin=True)
        shown = data(organiser.get("/admin/data"))
        assert {one["model"] for one in shown["ratings"]} == set(MODELS)
        assert sum(one["votes"] for one in shown["annotators"]) == 20
        assert shown["counts"]["voted"] == 20 - sum(one["gold"] for one in shown["annotators"])
        assert shown["seconds"] == 4.2
        assert all(one["gold"] > 0 for one in shown["annotators"])
        for name in ("votes.jsonl", "votes.csv", "votes_arena.json", "ratings.json", "ratings.csv", "events.jsonl"):
            reply = organiser.get(f"/admin/export/{name}")
            assert reply.status == 200, name
            assert reply.headers["content-disposition"] == f'attachment; filename="{name}"'
            assert b"ann 0" not in reply.data
        assert organiser.get("/admin/export/study.db").status == 404
        assert organiser.form("/admin/leave", {}).status == 303


def test_ratings_without_votes_are_refused_with_the_reason(tmp_path: Path) -> None:
    with serving(tmp_path / "empty") as served:
        organiser = served.client(ADMIN, admin=True)
        reply = organiser.get("/admin/export/ratings.json")
        assert (reply.status, data(reply)["error"]) == (409, "no_ratings")
        assert data(organiser.get("/admin/data"))["ratings"] == []

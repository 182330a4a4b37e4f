"""Limits, sessions and tokens, each alone."""

import os
from pathlib import Path

import pytest

from vlmeval.errors import ConfigError, JournalError
from vlmeval.sbs import limits
from vlmeval.sbs.limits import Limiter
from vlmeval.sbs.sessions import SESSION_SECONDS, Sessions, token_digest
from vlmeval.sbs.tokens import HEADER, make_tokens, new_token, read_tokens

DIGEST = token_digest("somebody")


def test_a_bucket_lets_a_burst_through_and_then_its_rate() -> None:
    limiter = Limiter(2.0, 3)
    assert [limiter.wait("a", 0.0) for _ in range(4)] == [0, 0, 0, 0.5]
    assert limiter.wait("b", 0.0) == 0
    assert limiter.wait("a", 0.5) == 0
    assert limiter.wait("a", 0.5) == pytest.approx(0.5)
    assert [limiter.wait("a", 100.0) for _ in range(4)] == [0, 0, 0, 0.5]


def test_a_clock_that_goes_back_gives_no_tokens() -> None:
    limiter = Limiter(1.0, 1)
    assert limiter.wait("a", 10.0) == 0
    assert limiter.wait("a", 5.0) == 1


def test_many_addresses_do_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MOST_KEYS", 100)
    limiter = Limiter(1.0, 10)
    for number in range(1000):
        assert limiter.wait(str(number), 0.0) == 0
    assert len(limiter._buckets) <= 100


@pytest.mark.parametrize(("rate", "burst"), [(0.0, 1.0), (1.0, 0.5)])
def test_a_bucket_that_never_opens_is_refused(rate: float, burst: float) -> None:
    with pytest.raises(ValueError, match="expected above 0"):
        Limiter(rate, burst)


def test_a_session_outlives_a_restart_and_ends_for_good(tmp_path: Path) -> None:
    first = Sessions(tmp_path)
    cookie = first.open("annotator", DIGEST, 100.0)
    again = Sessions(tmp_path)
    session = again.read(cookie, "annotator", 200.0)
    assert session is not None
    assert session.digest == DIGEST
    again.end(session)
    assert again.read(cookie, "annotator", 200.0) is None
    assert Sessions(tmp_path).read(cookie, "annotator", 200.0) is None
    assert Sessions(tmp_path).read(first.open("annotator", DIGEST, 100.0), "annotator", 200.0) is not None


def test_a_cookie_is_refused_altered_expired_of_another_role_or_study(tmp_path: Path) -> None:
    sessions = Sessions(tmp_path / "one")
    cookie = sessions.open("annotator", DIGEST, 100.0)
    other = token_digest("other")
    for wrong in (
        cookie.replace(DIGEST, other),
        cookie.replace("annotator", "admin"),
        cookie[:-1],
        "",
        ".",
        "a.b.c.d.e",
        "é",
    ):
        assert sessions.read(wrong, "annotator", 200.0) is None
    assert sessions.read(None, "annotator", 200.0) is None
    assert sessions.read(cookie, "admin", 200.0) is None
    assert sessions.read(cookie, "annotator", 100.0 + SESSION_SECONDS) is None
    assert Sessions(tmp_path / "two").read(cookie, "annotator", 200.0) is None


def test_only_the_owner_reads_the_key_and_a_torn_one_is_named(tmp_path: Path) -> None:
    Sessions(tmp_path)
    assert (tmp_path / "session.key").stat().st_mode & 0o777 == 0o600
    (tmp_path / "session.key").write_bytes(b"short")
    with pytest.raises(JournalError, match=r"session\.key: 5 bytes, not 32; delete it"):
        Sessions(tmp_path)


def test_completion_codes_are_of_one_annotator_and_study(tmp_path: Path) -> None:
    one, two = Sessions(tmp_path / "one"), Sessions(tmp_path / "two")
    assert one.code(DIGEST) == Sessions(tmp_path / "one").code(DIGEST)
    assert len({one.code(DIGEST), two.code(DIGEST), one.code(token_digest("other"))}) == 3
    assert len(one.code(DIGEST)) == 8


def test_tokens_are_made_private_and_read_back(tmp_path: Path) -> None:
    path = tmp_path / "tokens.csv"
    made = make_tokens(path, annotators=3)
    assert read_tokens(path) == made
    assert path.stat().st_mode & 0o777 == 0o600
    assert [name for name, _ in made.annotators] == ["ann-01", "ann-02", "ann-03"]
    assert len({made.admin, made.recruit, *(token for _, token in made.annotators)}) == 5
    with pytest.raises(ConfigError, match="cannot be written"):
        make_tokens(path, annotators=1)


GOOD = f"admin,,{new_token()}"


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["name,token"], "line 1: expected role,name,token"),
        ([], "line 1: expected role,name,token"),
        ([",".join(HEADER), GOOD, "annotator,ann,short"], "line 3: a token is 22 to 128"),
        ([",".join(HEADER), GOOD, f"judge,ann,{new_token()}"], "line 3: expected role,name,token with a role of"),
        ([",".join(HEADER), GOOD, f"annotator,,{new_token()}"], "line 3: an annotator needs a name"),
        ([",".join(HEADER), GOOD, GOOD], "line 3: this token or name stands above already"),
        ([",".join(HEADER), f"annotator,ann,{new_token()}"], "expected one admin line"),
    ],
)
def test_a_bad_file_of_tokens_is_refused_with_its_line(tmp_path: Path, lines: list[str], message: str) -> None:
    path = tmp_path / "tokens.csv"
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(ConfigError, match=message):
        read_tokens(path)


def test_an_unreadable_file_of_tokens_is_named(tmp_path: Path) -> None:
    path = tmp_path / "tokens.csv"
    path.write_bytes(b"\xff\xfe" + os.urandom(4))
    with pytest.raises(ConfigError, match=r"tokens\.csv: cannot be read"):
        read_tokens(path)

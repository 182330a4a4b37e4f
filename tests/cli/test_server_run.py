"""`vlmeval run` against a server that misbehaves in every way: states are right and nothing of it is scored."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.cli.made import mmbench_tsv
from tests.fakes import FakeServer, Reply, Seen
from vlmeval.cli.main import run

BAD = {
    1: Reply.rate_limited("0"),
    2: Reply.broken(500),
    3: Reply.cut_off(),
    4: Reply.refusal(),
    5: Reply.filtered(),
    6: Reply.empty(),
    7: Reply.huge(),
    8: Reply.error(400, "bad request"),
    9: Reply.bad_json(),
    10: Reply.dropped(),
    11: Reply.null(),
    12: Reply.error(400, "maximum context length is 10 tokens", code="context_length_exceeded"),
}
STATES = {
    **dict.fromkeys((1, 2, 3, 8, 9, 10, 11, 12), "failed"),
    **dict.fromkeys((4, 5), "refused"),
    **dict.fromkeys((6, 7), "unparsed"),
}
COLOURS = ("red", "green", "blue", "yellow")


def number(seen: Seen) -> int:
    return int(seen.text.partition("picture ")[2].partition("?")[0])


def vlmeval(*arguments: object) -> int:
    with pytest.raises(SystemExit) as ended:
        run([str(argument) for argument in arguments])
    return int(ended.value.code or 0)


def samples(folder: Path) -> dict[int, dict[str, Any]]:
    lines = (json.loads(line) for line in (folder / "samples.jsonl").read_bytes().splitlines())
    return {int(line["id"]): line for line in lines}


def test_every_misbehaviour_is_a_state_and_only_the_failed_are_asked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    data = mmbench_tsv(tmp_path / "q.tsv", 30)
    asked: Counter[int] = Counter()
    healthy = False

    def answer(seen: Seen) -> Reply:
        asked[number(seen)] += 1
        bad = None if healthy else BAD.get(number(seen))
        return bad or Reply.ok(f"The answer is {COLOURS[number(seen) % 4]}.")

    with FakeServer(answer=answer) as server:
        line = ["run", "--model", "openai:m", "--base-url", server.url, "--tasks", "mmbench", "--data"]
        line += [f"mmbench={data}", "--attempts", "2", "--max-failures", "1.0", "--concurrency", "4"]
        assert vlmeval(*line) == 1
        (path,) = (tmp_path / "results").glob("*/*/*/samples.jsonl")
        folder = path.parent
        found = samples(folder)
        assert {key: found[key]["state"] for key in BAD} == STATES
        assert all(found[key]["state"] == "answered" and found[key]["right"] for key in range(13, 31))
        scores = json.loads((folder / "scores.json").read_bytes())
        assert scores["complete"] is False
        overall = next(item for item in scores["estimates"] if item["metric"] == "circular" and not item["slice"])
        assert (overall["value"], overall["samples"]) == (18 / 20, 20)
        assert asked[8] == 4, "a rejected request is asked once a pass"
        assert asked[2] == 8, "a server error is asked twice a pass"

        before = Counter(asked)
        assert vlmeval(*line) == 1
        assert asked == before, "without --retry-errors nothing is asked again"

        healthy = True
        assert vlmeval(*line, "--retry-errors") == 0
        again = asked - before
        assert set(again) == {key for key, state in STATES.items() if state in ("failed", "refused")}
        assert set(again.values()) == {4}
        scores = json.loads((folder / "scores.json").read_bytes())
        overall = next(item for item in scores["estimates"] if item["metric"] == "circular" and not item["slice"])
        assert (overall["value"], overall["samples"]) == (28 / 30, 30)


def test_a_server_that_is_not_there_is_exit_status_3_named_and_never_a_score(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    data = mmbench_tsv(tmp_path / "q.tsv", 3)
    with FakeServer() as server:
        url = server.url
    line = ["run", "--model", "openai:m", "--base-url", url, "--tasks", "mmbench", "--data", f"mmbench={data}"]
    assert vlmeval(*line, "--attempts", "1") == 3
    said = capsys.readouterr()
    assert url.split("/")[2] in said.err + said.out
    (scores,) = (tmp_path / "results").rglob("scores.json")
    assert json.loads(scores.read_bytes())["estimates"] == []


def test_the_executor_batch_is_for_servers_only(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = mmbench_tsv(tmp_path / "q.tsv", 4)
    arguments = ("--tasks", "mmbench_dev_en", "--data", f"mmbench_dev_en={data}", "-o", tmp_path / "results")
    assert vlmeval("run", "--model", "demo", "--executor", "batch", *arguments) == 2
    assert "OpenAI-compatible" in capsys.readouterr().err

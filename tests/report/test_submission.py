"""The files for official servers: their exact form, and that nothing is made up for a question without a reply."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.data.made import b64, png, write_tsv
from tests.score.runs import FAILED, made
from vlmeval.cli.main import run
from vlmeval.data.catalog import find_task, list_tasks
from vlmeval.errors import ConfigError, JournalError
from vlmeval.report.submission import FORMATS, write_submission
from vlmeval.types import Outcome, Request, Sample


def written(task: str, results: Path, replies: dict[str, Outcome | str | None], **more: Any) -> Sequence[Any]:
    """Return what is in the file of a run in which `replies` were given, by question."""
    samples = [Sample(key, ("?",)) for key in replies]

    def reply(sample: Sample, request: Request) -> Outcome | str | None:
        return replies[sample.id]

    errors = more.pop("errors", "fail")
    folder = made(results, samples, reply, task=find_task(task), **more)
    found = write_submission(folder, errors=errors)
    assert found.path == folder.path / "submission.json"
    entries = json.loads(found.path.read_bytes())
    assert found.answers == len(entries)
    assert isinstance(entries, list)
    return entries


@pytest.mark.parametrize(
    ("task", "key", "reply", "entry"),
    [
        ("vqav2_testdev", "262144000", "The Red bus.", {"question_id": 262144000, "answer": "red bus"}),
        ("vizwiz_test", "VizWiz_test_00000000", "Two", {"image": "VizWiz_test_00000000.jpg", "answer": "2"}),
        ("docvqa_test", "57344", " The Red bus. ", {"questionId": 57344, "answer": "The Red bus."}),
        ("infographicvqa_test", "1", "3,5 %", {"questionId": 1, "answer": "3,5 %"}),
        ("textvqa_test", "34602", " Nous les Gosses ", {"question_id": 34602, "answer": "Nous les Gosses"}),
        ("stvqa_test", "007", "東京", {"question_id": "007", "answer": "東京"}),
        ("stvqa_test", "9" * 40, "x", {"question_id": "9" * 40, "answer": "x"}),
    ],
)
def test_every_server_gets_its_own_form(task: str, key: str, reply: str, entry: object, tmp_path: Path) -> None:
    assert written(task, tmp_path, {key: reply}) == [entry]


def test_choices_are_sent_by_id_as_text_or_letter(tmp_path: Path) -> None:
    samples = [Sample(key, ("?",), (), ("red", "blue")) for key in ("q1", "q2")]

    def reply(sample: Sample, request: Request) -> str:
        return "B" if sample.id == "q1" else "who knows"

    found = {}
    for task in ("aokvqa_test", "mmmu_test"):
        folder = made(tmp_path / task, samples, reply, task=find_task(task))
        found[task] = json.loads(write_submission(folder).path.read_bytes())
    assert found["aokvqa_test"] == {"q1": {"multiple_choice": "blue"}, "q2": {"multiple_choice": ""}}
    assert found["mmmu_test"] == {"q1": "B", "q2": ""}


def test_answers_keep_the_order_of_the_questions_and_an_unreadable_reply_is_empty(tmp_path: Path) -> None:
    replies: dict[str, Outcome | str | None] = {"9": "a", "1": "<think>what", "5": "  "}
    entries = written("docvqa_test", tmp_path, replies)
    assert entries == [
        {"questionId": 9, "answer": "a"}, {"questionId": 1, "answer": ""}, {"questionId": 5, "answer": ""},
    ]  # fmt: skip


@pytest.mark.parametrize("lost", [FAILED, None])
def test_a_question_without_a_reply_is_not_made_up(lost: Outcome | None, tmp_path: Path) -> None:
    with pytest.raises(JournalError, match=r"no submission.json: 1 of 2 questions have no reply: 2; .*--retry-errors"):
        written("docvqa_test", tmp_path, {"1": "a", "2": lost})
    assert not list(tmp_path.rglob("submission.json"))
    entries = written("docvqa_test", tmp_path, {"1": "a", "2": lost}, errors="wrong")
    assert entries[1] == {"questionId": 2, "answer": ""}


def test_questions_that_were_never_noted_are_missing_whatever_the_policy(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="3 of 4 questions have no reply;"):
        written("docvqa_test", tmp_path, {"1": "a"}, counts={"expected": 4}, errors="wrong")


def test_a_part_of_the_questions_is_called_a_part(tmp_path: Path) -> None:
    folder = made(tmp_path, [Sample("1", ("?",))], lambda *_: "", task=find_task("docvqa_test"), limit=1)
    assert (
        write_submission(folder)
        .line()
        .endswith("submission.json (1 answers, 1 of them empty, a part only (--limit 1), which servers refuse)")
    )


def test_a_format_that_is_not_known_and_several_answers_a_question_are_refused(tmp_path: Path) -> None:
    task = find_task("docvqa_test")
    for change, message in (
        ({"submission": "docvaq"}, 'no submission format "docvaq"; did you mean "docvqa"'),
        ({"options": {"epochs": 2}}, "question 1: 2 replies, and a server takes one"),
    ):
        changed = msgspec.structs.replace(task, **change)
        folder = made(tmp_path / changed.submission, [Sample("1", ("?",))], lambda *_: "a", task=changed)
        with pytest.raises(ConfigError, match=message):
            write_submission(folder)


def test_every_task_that_names_a_format_names_a_known_one() -> None:
    named = {task.name: task.submission for task in list_tasks() if task.submission}
    assert set(named.values()) <= set(FORMATS)
    assert {"vqav2_testdev", "vizwiz_test", "docvqa_test", "infographicvqa_test", "stvqa_test"} <= set(named)


def test_a_run_of_a_hidden_split_writes_the_file_and_says_where(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LMUData", str(tmp_path / "LMUData"))
    rows = [{"index": place, "question": "Who?", "image": b64(png((place, 0, 0)))} for place in range(3)]
    data = write_tsv(tmp_path / "t.tsv", list(rows[0]), rows)
    (tmp_path / "my.py").write_text(
        "class Parrot:\n    def generate(self, requests):\n        return ['Me.' for _ in requests]\n", "utf8"
    )
    arguments = ["--model", "my.py:Parrot", "--tasks", "docvqa_test", "--data", f"docvqa_test={data}", "--no-report"]
    with pytest.raises(SystemExit):
        run(["run", *arguments, "--quiet"])
    (path,) = tmp_path.rglob("submission.json")
    assert json.loads(path.read_bytes()) == [{"questionId": place, "answer": "Me."} for place in range(3)]
    assert f"submit   {path.relative_to(tmp_path)} (3 answers)" in capsys.readouterr().out

from pathlib import Path

import msgspec
import pytest

from vlmeval.errors import DataError, JournalError
from vlmeval.store.questions import QuestionLog, read_questions
from vlmeval.types import Image, Rotation, Sample

IMAGE = Image("ab" * 32, 10, 20, "png")


def sample(number: int, text: str = "What?") -> Sample:
    return Sample(
        f"s{number}",
        (IMAGE, text),
        ("A",),
        ("cat", ("a ", IMAGE)),
        tags={"category": "x"},
        rotations=(Rotation("r", (1, 0)),),
    )


def note(path: Path, samples: list[Sample], *, whole: bool = True) -> None:
    log = QuestionLog(path)
    try:
        for one in samples:
            log.add(one)
        if whole:
            log.finish()
    finally:
        log.close()


def test_questions_are_written_once_and_read_back(tmp_path: Path) -> None:
    path = tmp_path / "questions.jsonl"
    samples = [sample(number) for number in range(5)]
    note(path, samples[:2], whole=False)
    note(path, samples)
    note(path, samples)
    assert list(read_questions(path)) == samples


def test_a_question_is_in_the_file_once_it_is_flushed(tmp_path: Path) -> None:
    log = QuestionLog(tmp_path / "q.jsonl")
    log.add(sample(1))
    log.flush()
    assert list(read_questions(tmp_path / "q.jsonl")) == [sample(1)]
    log.close()


def test_a_torn_question_is_written_again(tmp_path: Path) -> None:
    path = tmp_path / "q.jsonl"
    note(path, [sample(1), sample(2)])
    path.write_bytes(path.read_bytes()[:-20])
    note(path, [sample(1), sample(2), sample(3)])
    assert list(read_questions(path)) == [sample(1), sample(2), sample(3)]


def test_the_same_sample_in_another_spelling_is_the_same(tmp_path: Path) -> None:
    path = tmp_path / "q.jsonl"
    path.write_bytes(msgspec.json.format(msgspec.json.encode(sample(1)), indent=0).replace(b"\n", b" ") + b"\n")
    note(path, [sample(1)])


def test_a_row_that_changed_is_refused_with_its_sample_and_what_changed(tmp_path: Path) -> None:
    path = tmp_path / "q.jsonl"
    note(path, [sample(1), sample(2)])
    with pytest.raises(JournalError, match=r'line 2: sample "s2" has changed.*\(parts\).*--fresh'):
        note(path, [sample(1), sample(2, "Which?")])


def test_another_order_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "q.jsonl"
    note(path, [sample(1), sample(2)])
    with pytest.raises(JournalError, match=r'was sample "s1", now the data has "s2"'):
        note(path, [sample(2), sample(1)])


def test_data_that_ends_early_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "q.jsonl"
    note(path, [sample(1), sample(2)])
    with pytest.raises(JournalError, match=r'"s2" was asked, but the data ends'):
        note(path, [sample(1)])


def test_an_id_that_occurs_twice_is_refused_with_both_places(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r'"s1" occurs twice, as questions 1 and 3'):
        note(tmp_path / "q.jsonl", [sample(1), sample(2), sample(1)])


def test_half_a_surrogate_pair_is_refused_with_its_sample(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r'sample "s1": its text holds half a surrogate pair'):
        note(tmp_path / "q.jsonl", [sample(1, "\ud83d")])

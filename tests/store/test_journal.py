import os
import resource
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vlmeval.errors import JournalError, ModelError
from vlmeval.store.journal import MOST_AT_RISK, Journal, read_records
from vlmeval.types import Failure, Output, Record

LONG = 60.0


def record(number: int, text: str = "A") -> Record:
    return Record(f"{number:064x}", f"sample {number}", "rot0", Output(text))


def written(path: Path, count: int) -> list[Record]:
    records = [record(number) for number in range(count)]
    with Journal(path) as journal:
        for one in records:
            journal.append(one)
    return records


def test_records_are_read_back_in_the_order_they_were_appended(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "outputs.jsonl"
    records = written(path, 3)
    failed = Record("k", "sample 3", "", Failure("transient", "HTTP 500", 5))
    with Journal(path) as journal:
        journal.append(failed)
    assert list(read_records(path)) == [*records, failed]


def test_a_missing_journal_holds_no_records(tmp_path: Path) -> None:
    assert list(read_records(tmp_path / "none.jsonl")) == []


def test_flush_does_not_wait_for_company_and_acknowledges_everything_before_it(tmp_path: Path) -> None:
    with Journal(tmp_path / "o.jsonl", commit_seconds=LONG) as journal:
        journal.append(record(1))
        journal.flush()
        assert journal.acknowledged == 1
        assert list(read_records(tmp_path / "o.jsonl")) == [record(1)]


def test_no_more_than_256_records_wait_for_the_disk(tmp_path: Path) -> None:
    with Journal(tmp_path / "o.jsonl", commit_seconds=LONG) as journal:
        for number in range(2 * MOST_AT_RISK + 1):
            journal.append(record(number))
            assert number + 1 - journal.acknowledged <= MOST_AT_RISK


def test_any_number_of_threads_may_append(tmp_path: Path) -> None:
    with Journal(tmp_path / "o.jsonl") as journal:

        def append(first: int) -> None:
            for number in range(first, first + 50):
                journal.append(record(number))

        threads = [threading.Thread(target=append, args=(50 * index,)) for index in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert {one.sample_id for one in read_records(tmp_path / "o.jsonl")} == {f"sample {n}" for n in range(1000)}


@given(cut=st.integers(0, 400), more=st.integers(0, 3))
def test_a_journal_cut_anywhere_reads_as_its_whole_lines_and_goes_on(
    tmp_path_factory: pytest.TempPathFactory, cut: int, more: int
) -> None:
    path = tmp_path_factory.mktemp("cut") / "o.jsonl"
    records = written(path, 3)
    data = path.read_bytes()[:cut]
    path.write_bytes(data)
    whole = records[: data.count(b"\n")]
    assert list(read_records(path)) == whole
    added = [record(10 + number) for number in range(more)]
    with Journal(path) as journal:
        for one in added:
            journal.append(one)
    assert list(read_records(path)) == [*whole, *added]


@pytest.mark.parametrize("tail", [b"{", b"\x00\x00\x00\n", b'{"key": 1}\n', b"\xff\xfe\n", b"\n", b"x" * 200_000])
def test_a_last_line_that_is_no_record_is_dropped_and_cut_off(tmp_path: Path, tail: bytes) -> None:
    path = tmp_path / "o.jsonl"
    records = written(path, 2)
    path.write_bytes(path.read_bytes() + tail)
    assert list(read_records(path)) == records
    Journal(path).close()
    assert list(read_records(path)) == records
    assert path.read_bytes().count(b"\n") == 2


def test_a_damaged_line_in_the_middle_names_file_line_and_way_out(tmp_path: Path) -> None:
    path = tmp_path / "o.jsonl"
    written(path, 3)
    lines = path.read_bytes().split(b"\n")
    path.write_bytes(b"\n".join([lines[0], lines[1][:20], lines[2], b""]))
    with pytest.raises(JournalError, match=r"o\.jsonl, line 2: damaged.*sed -i 2d .*--fresh"):
        list(read_records(path))


def test_a_full_disk_ends_the_journal_with_one_message_and_nobody_waits(tmp_path: Path) -> None:
    path = tmp_path / "o.jsonl"
    path.symlink_to("/dev/full")
    journal = Journal(path)
    errors: list[JournalError] = []

    def append() -> None:
        try:
            for number in range(MOST_AT_RISK):
                journal.append(record(number))
        except JournalError as error:
            errors.append(error)

    threads = [threading.Thread(target=append) for _ in range(2 * MOST_AT_RISK)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LONG)
        assert not thread.is_alive()
    assert errors
    with pytest.raises(JournalError, match=r"No space left on device.*run the same command again"):
        journal.flush()
    with pytest.raises(JournalError, match="No space left"):
        journal.close()
    assert journal.acknowledged == 0


def test_what_was_acknowledged_before_the_disk_was_full_is_kept_whole(tmp_path: Path) -> None:
    path = tmp_path / "o.jsonl"
    program = """
import resource, sys
from pathlib import Path
from tests.store.test_journal import record
from vlmeval.errors import JournalError
from vlmeval.store.journal import Journal
resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))
journal = Journal(Path(sys.argv[1]))
try:
    for number in range(1000):
        journal.append(record(number))
        journal.flush()
except JournalError as error:
    print(journal.acknowledged)
"""
    done = subprocess.run([sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=True)
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] != 5000
    kept = list(read_records(path))
    assert len(kept) == int(done.stdout) > 10
    assert path.read_bytes().endswith(b"\n")
    with Journal(path) as journal:
        journal.append(record(5000))
    assert list(read_records(path)) == [*kept, record(5000)]


def test_a_path_that_cannot_be_written_is_a_journal_error(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="cannot be"):
        Journal(tmp_path)


def test_a_closed_journal_takes_nothing(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "o.jsonl")
    journal.close()
    journal.close()
    with pytest.raises(JournalError, match="closed"):
        journal.append(record(1))


def test_half_a_surrogate_pair_is_stored_as_a_replacement_character(tmp_path: Path) -> None:
    with Journal(tmp_path / "o.jsonl") as journal:
        journal.append(record(1, "a\ud83d b 😀"))
    (read,) = read_records(tmp_path / "o.jsonl")
    assert read.outcome == Output("a\ufffd b 😀")


@pytest.mark.parametrize("outcome", [Output(None), Output(b"A"), Output("A", scores=(float("nan"),)), Output(object())])  # type: ignore[arg-type]
def test_an_outcome_that_could_not_be_read_again_is_refused_with_its_sample(tmp_path: Path, outcome: Output) -> None:
    with (
        Journal(tmp_path / "o.jsonl") as journal,
        pytest.raises(ModelError, match="sample 7: the model's reply cannot be stored"),
    ):
        journal.append(Record("k", "7", "", outcome))
    assert list(read_records(tmp_path / "o.jsonl")) == []


def test_ten_megabytes_of_text_are_one_line(tmp_path: Path) -> None:
    text = "x" * 10_000_000
    with Journal(tmp_path / "o.jsonl") as journal:
        journal.append(record(1, text))
        journal.append(record(2))
    assert [len(one.outcome.text) for one in read_records(tmp_path / "o.jsonl") if isinstance(one.outcome, Output)] == [
        10_000_000,
        1,
    ]
    assert os.path.getsize(tmp_path / "o.jsonl") < 10_001_000

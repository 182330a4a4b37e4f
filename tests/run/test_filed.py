"""Runs whose questions go out in batch files, against a server that takes them."""

from __future__ import annotations

import hashlib
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.batch_service import BatchService
from tests.fakes import FakeServer, completion
from tests.models.asking import model_of
from tests.run.asking import TASK, Asked, Data, FakeClock, samples
from vlmeval.errors import ConfigError, ModelError
from vlmeval.run.filed import FILE, FiledModel, filed_model
from vlmeval.run.session import RunResult, RunSettings, run_task
from vlmeval.score.scorer import score_run
from vlmeval.store.journal import read_records
from vlmeval.types import Failure, Image, Output, Sample

QUIET = RunSettings(quiet=True, attempts=2)
PICTURE = b"picture"
CIRCULAR = msgspec.structs.replace(TASK, options={"circular": True})


def pictured(count: int) -> list[Sample]:
    image = Image(hashlib.sha256(PICTURE).hexdigest(), 2, 2, "png").with_reader(lambda: PICTURE)
    return [Sample(str(number), (image, f"What is {number}?"), ("A",), ("cat", "dog")) for number in range(count)]


def go(results: Path, server: FakeServer, data: list[Sample], task: Any = TASK, **given: Any) -> RunResult:
    model = FiledModel(model_of(server), wait=lambda seconds: None, **given)
    try:
        return run_task(task, Data(data), model, QUIET, results=results, clock=FakeClock())
    finally:
        model.close()


def test_batched_answers_land_in_the_journal_and_score_like_direct_ones(tmp_path: Path) -> None:
    service = BatchService(polls=3)
    with FakeServer(answer=service) as server:
        filed = go(tmp_path / "filed", server, samples(20))
    with FakeServer() as server:
        model = model_of(server)
        direct = run_task(TASK, Data(samples(20)), model, QUIET, results=tmp_path / "direct", clock=FakeClock())
        model.close()
    assert (filed.state, filed.counts) == (direct.state, direct.counts)
    assert filed.folder.path.name == direct.folder.path.name
    assert score_run(filed.folder).estimates == score_run(direct.folder).estimates
    assert [len(lines) for lines in service.submitted] == [20]
    records = list(read_records(filed.folder.outputs))
    assert all(isinstance(one.outcome, Output) and one.outcome.prompt_tokens == 12 for one in records)


def test_images_are_in_the_lines_and_a_limit_of_size_splits_the_file(tmp_path: Path) -> None:
    service = BatchService()
    with FakeServer(answer=service) as server:
        result = go(tmp_path, server, pictured(10), longest=1_000)
    assert result.state == "complete"
    lines = [line for batch in service.submitted for line in batch]
    assert len(service.submitted) > 1
    assert max(len(service.files[batch["input_file_id"]]) for batch in service.batches.values()) <= 1_000
    assert len({line["custom_id"] for line in lines}) == 10
    assert [service.images(line) for line in lines] == [[PICTURE]] * 10


def test_a_request_larger_than_a_file_may_be_is_recorded_as_too_long(tmp_path: Path) -> None:
    service = BatchService()
    with FakeServer(answer=service) as server:
        result = go(tmp_path, server, pictured(2), longest=100)
    assert service.batches == {}
    assert result.counts["failed.too_long"] == 2


def test_a_lost_process_collects_what_it_submitted_and_submits_nothing_again(tmp_path: Path) -> None:
    class LostError(Exception):
        pass

    def lost(seconds: float) -> None:
        raise LostError

    service = BatchService(polls=1)
    with FakeServer(answer=service) as server:
        model = FiledModel(model_of(server), wait=lost)
        with pytest.raises(ModelError):
            run_task(TASK, Data(samples(5)), model, QUIET, results=tmp_path, clock=FakeClock())
        model.close()
        assert len(service.batches) == 1
        result = go(tmp_path, server, samples(5))
    assert result.state == "complete"
    assert len(service.batches) == 1


def test_a_batch_whose_making_was_not_heard_of_is_found_by_its_mark(tmp_path: Path) -> None:
    service = BatchService()
    service.lose_next_batch = True
    with FakeServer(answer=service) as server:
        result = go(tmp_path, server, samples(5))
    assert (result.state, len(service.batches)) == ("complete", 1)


def test_what_a_batch_left_out_is_submitted_again_and_a_rejection_is_recorded(tmp_path: Path) -> None:
    asked: Counter[str] = Counter()

    def reply(line: Any) -> Any:
        asked[line["custom_id"]] += 1
        place = list(asked).index(line["custom_id"])
        if place == 0:
            return {"error": {"message": "bad request"}}
        return None if place == 1 and asked[line["custom_id"]] == 1 else completion("A")

    service = BatchService(reply)
    with FakeServer(answer=service) as server:
        result = go(tmp_path, server, samples(4))
        assert [len(lines) for lines in service.submitted] == [4, 1]
        model = FiledModel(model_of(server), wait=lambda seconds: None)
        again = RunSettings(quiet=True, retry_errors=True)
        run_task(TASK, Data(samples(4)), model, again, results=tmp_path, clock=FakeClock())
        model.close()
    assert result.counts["failed.rejected"] == 1
    failures = [one.outcome for one in read_records(result.folder.outputs) if isinstance(one.outcome, Failure)]
    assert "bad request" in failures[0].message
    assert [len(lines) for lines in service.submitted] == [4, 1, 1]


def test_a_file_that_the_server_does_not_take_stops_the_run_with_its_words(tmp_path: Path) -> None:
    service = BatchService()
    service.status = "failed"
    with FakeServer(answer=service) as server:
        with pytest.raises(ModelError, match="line 3 is no request"):
            go(tmp_path, server, samples(2))
        service.status = "completed"
        assert go(tmp_path, server, samples(2)).state == "complete"
    assert len(service.batches) == 2


def test_polls_that_fail_are_waited_over(tmp_path: Path) -> None:
    service = BatchService()
    service.deaf = 7
    with FakeServer(answer=service) as server:
        result = go(tmp_path, server, samples(3))
    assert (result.state, len(service.batches), service.deaf) == ("complete", 1, 0)


def test_a_fresh_run_submits_anew(tmp_path: Path) -> None:
    service = BatchService()
    with FakeServer(answer=service) as server:
        first = go(tmp_path, server, samples(3))
        model = FiledModel(model_of(server), wait=lambda seconds: None)
        fresh = RunSettings(quiet=True, fresh=True)
        run_task(TASK, Data(samples(3)), model, fresh, results=tmp_path, clock=FakeClock())
        model.close()
    assert (first.folder.path / FILE).exists()
    assert len(service.batches) == 2


def test_an_image_is_encoded_once_for_all_passes_of_a_run(tmp_path: Path) -> None:
    with FakeServer() as server:
        model = model_of(server)
        result = run_task(CIRCULAR, Data(pictured(6)), model, QUIET, results=tmp_path, clock=FakeClock())
        assert result.counts["requests"] == len(server.requests) == 12
        assert model.conditions()["images_encoded"] == 1
        model.close()


def test_only_a_server_has_batches() -> None:
    with pytest.raises(ConfigError, match="OpenAI-compatible"):
        filed_model(Asked(), say=lambda text: None)

import hashlib
import io
import os
import signal
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.run.asking import TASK, Asked, Data, FakeClock, merged, samples
from vlmeval.data.task import Task
from vlmeval.errors import ConfigError, DataError, JournalError, ModelError, RejectedError, RetryableError
from vlmeval.run.session import Prices, RunResult, RunSettings, run_task
from vlmeval.store.images import ImageStore
from vlmeval.store.lock import RunLock
from vlmeval.store.manifest import read_manifest, write_manifest
from vlmeval.store.questions import read_questions
from vlmeval.types import Failure, Image, Output, Part, Request, Sample

QUIET = RunSettings(quiet=True)
LIKELIHOOD = msgspec.structs.replace(TASK, options={"circular": False, "mode": "likelihood"})


def go(
    results: Path, model: object, data: Data | None = None, settings: RunSettings = QUIET, task: Task = TASK
) -> RunResult:
    return run_task(task, data or Data(samples(20)), model, settings, results=results, clock=FakeClock())  # type: ignore[arg-type]


def test_a_run_leaves_questions_answers_images_and_a_manifest(tmp_path: Path) -> None:
    data = b"picture"
    picture = Image(hashlib.sha256(data).hexdigest(), 2, 2, "png").with_reader(lambda: data)
    sample = Sample("one", (picture, "What?"), ("A",), ("cat", ("a ", picture)))
    model = Asked(lambda request: Output("A", prompt_tokens=7, output_tokens=1), dtype="float32")
    result = run_task(
        TASK, Data([sample]), model, QUIET, results=tmp_path, command=["vlmeval", "run", "--api-key", "sk-x"]
    )
    assert result.state == "complete"
    assert result.counts == {"expected": 1, "samples": 1, "requests": 1, "answered": 1, "failed": 0}
    assert list(read_questions(result.folder.questions)) == [sample]
    manifest = read_manifest(result.folder)
    assert result.folder.path == tmp_path / "made" / "asked" / manifest.fingerprint[:12]
    assert manifest.recipe["model.dtype"] == "float32"
    assert manifest.usage == {"prompt_tokens": 7, "output_tokens": 1}
    assert manifest.command == ["vlmeval", "run", "--api-key", "***"]
    assert manifest.state == "complete"
    assert manifest.ended >= manifest.started > "2025"
    assert manifest.conditions["python"]
    assert ImageStore(tmp_path).attach(picture).read() == data


def test_the_same_call_again_asks_nothing_and_says_the_same(tmp_path: Path) -> None:
    model = Asked()
    first = go(tmp_path, model)
    second = go(tmp_path, model)
    assert len(model.calls) == 20
    assert (first.folder, first.counts, first.state) == (second.folder, second.counts, second.state)


def test_another_setting_of_the_model_is_another_run(tmp_path: Path) -> None:
    assert go(tmp_path, Asked(dtype="a")).folder != go(tmp_path, Asked(dtype="b")).folder


def test_fresh_asks_everything_again_beside_the_old_run(tmp_path: Path) -> None:
    model = Asked()
    first = go(tmp_path, model).folder
    second = go(tmp_path, model, settings=RunSettings(quiet=True, fresh=True)).folder
    assert second.path.name == f"{first.path.name}-2"
    assert len(model.calls) == 40
    assert go(tmp_path, model).folder == second
    assert read_manifest(second).run_id == second.path.name


def test_the_folder_of_another_run_is_refused_with_the_keys_that_differ(tmp_path: Path) -> None:
    folder = go(tmp_path, Asked(dtype="float16")).folder
    with pytest.raises(JournalError, match=r'model\.dtype: there "float16", asked "bfloat16"'):
        go(folder.path, Asked(dtype="bfloat16"))
    assert go(folder.path, again := Asked(dtype="float16")).folder == folder
    assert again.calls == []


def test_a_row_that_changed_under_the_same_fingerprint_is_refused(tmp_path: Path) -> None:
    go(tmp_path, Asked())
    changed = samples(20)
    changed[13] = msgspec.structs.replace(changed[13], parts=("Another question?",))
    with pytest.raises(JournalError, match='sample "s13" has changed'):
        go(tmp_path, Asked(), Data(changed))


def test_an_id_that_occurs_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match='"s0" occurs twice'):
        go(tmp_path, Asked(), Data([*samples(3), *samples(1)]))


def test_a_second_run_of_the_folder_at_the_same_time_is_refused(tmp_path: Path) -> None:
    folder = go(tmp_path, Asked()).folder
    with RunLock(folder.path), pytest.raises(JournalError, match="another run is writing here"):
        go(tmp_path, Asked())


def test_failed_requests_leave_the_run_incomplete_until_they_are_answered(tmp_path: Path) -> None:
    broken = {"s3", "s4"}

    def reply(request: Request) -> Output:
        if request.sample_id == "s3" in broken:
            raise RetryableError("HTTP 500")
        if request.sample_id in broken:
            raise RejectedError("HTTP 400")
        return Output("A")

    model = Asked(reply)
    result = go(tmp_path, model)
    assert result.state == "incomplete"
    assert result.counts == {
        "expected": 20,
        "samples": 20,
        "requests": 20,
        "answered": 18,
        "failed": 2,
        "failed.rejected": 1,
        "failed.transient": 1,
    }
    assert go(tmp_path, model).state == "incomplete"
    broken.clear()
    before = len(model.calls)
    assert go(tmp_path, model, settings=RunSettings(quiet=True, retry_errors=True)).state == "complete"
    assert sorted(model.asked[before:]) == ["s3/rot0", "s4/rot0"]


def test_a_bug_leaves_an_interrupted_run_that_the_same_call_completes(tmp_path: Path) -> None:
    calls = 0

    def reply(request: Request) -> Output:
        nonlocal calls
        calls += 1
        if calls == 13:
            raise IndexError("list index out of range")
        return Output("A")

    model = Asked(reply)
    with pytest.raises(ModelError, match="12 answers are saved"):
        go(tmp_path, model)
    (manifest_path,) = tmp_path.glob("made/asked/*/run.json")
    assert msgspec.json.decode(manifest_path.read_bytes())["state"] == "interrupted"
    result = go(tmp_path, model)
    assert result.state == "complete"
    assert len(model.calls) == 21


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_saves_says_how_to_continue_and_is_passed_on(tmp_path: Path, number: signal.Signals) -> None:
    stream = io.StringIO()

    def reply(request: Request) -> Output:
        if request.sample_id == "s50":
            os.kill(os.getpid(), number)
        return Output("A")

    data = Data(samples(5000))
    with pytest.raises(KeyboardInterrupt, match="run the same command again to continue"):
        run_task(TASK, data, Asked(reply), QUIET, results=tmp_path, stream=stream)
    (folder,) = tmp_path.glob("made/asked/*")
    saved = merged(folder / "outputs.jsonl")
    assert ("s50", "rot0") in saved
    assert len(saved) < 5000
    result = run_task(TASK, data, again := Asked(), QUIET, results=tmp_path, stream=stream)
    assert result.state == "complete"
    assert len(again.calls) == 5000 - len(saved)


def test_counts_of_an_earlier_session_stay_until_this_one_has_read_as_far(tmp_path: Path) -> None:
    folder = go(tmp_path, Asked()).folder
    (folder.outputs.parent / "outputs.jsonl").write_bytes(b"".join(folder.outputs.read_bytes().splitlines(True)[:15]))
    manifest = read_manifest(folder)
    manifest.counts = {"requests": 15}
    write_manifest(folder, manifest)

    class Broken(Data):
        def __iter__(self):  # type: ignore[no-untyped-def]
            yield from samples(3)
            raise DataError("disk gone")

    with pytest.raises(DataError):
        go(tmp_path, Asked(), Broken(samples(20)))
    assert read_manifest(folder).counts == {"requests": 15, "expected": 20}


class Weigher(Asked):
    def choose(self, requests: Sequence[Request]) -> list[list[float]]:
        self.calls.append([request.sample_id for request in requests])
        return [[-float(index) for index in range(len(request.options))] for request in requests]


def test_options_are_weighed_by_a_model_that_can(tmp_path: Path) -> None:
    result = go(tmp_path, Weigher(batch=4), task=LIKELIHOOD)
    (first, *rest) = merged(result.folder.outputs).values()
    assert first.outcome == Output("", scores=(0.0, -1.0, -2.0, -3.0))
    assert len(rest) == 19


def test_a_task_and_a_model_that_do_not_fit_are_both_named_before_anything_is_asked(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"task made in likelihood mode.*model asked cannot.*it can generate"):
        go(tmp_path, Asked(), task=LIKELIHOOD)
    retrieval = msgspec.structs.replace(TASK, kind="retrieval", options={})
    with pytest.raises(ConfigError, match="task made compares embeddings, and model asked has none"):
        go(tmp_path, Asked(), task=retrieval)


def test_rows_of_the_wrong_length_from_choose_are_the_models_error(tmp_path: Path) -> None:
    class Wrong(Weigher):
        def choose(self, requests: Sequence[Request]) -> list[list[float]]:
            return [[0.0]] * len(requests)

    with pytest.raises(ModelError, match=r"choose\(\) returned"):
        go(tmp_path, Wrong(), task=LIKELIHOOD)


class Vectors:
    name = "vectors"
    batch = 4

    def recipe(self) -> dict[str, str]:
        return {}

    def close(self) -> None:
        pass

    def embed(self, items: Sequence[Part]) -> NDArray[np.float32]:
        return np.eye(8, dtype=np.float32)[[len(str(item)) % 8 for item in items]]


def test_a_retrieval_task_embeds_and_completes(tmp_path: Path) -> None:
    texts = [Sample(f"t2i:{n}", ("x" * n,), ("i",), tags={"direction": "text-to-image"}) for n in range(1, 7)]
    retrieval = msgspec.structs.replace(TASK, kind="retrieval", options={})
    result = go(tmp_path, Vectors(), Data(texts), task=retrieval)
    assert result.state == "complete"
    assert result.counts["samples"] == 6


def test_the_ceiling_of_cost_needs_prices_and_stops_the_run(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="needs the prices"):
        go(tmp_path, Asked(), settings=RunSettings(quiet=True, max_cost=1.0))
    model = Asked(lambda request: Output("A", prompt_tokens=1000, output_tokens=0))
    settings = RunSettings(quiet=True, max_cost=0.005, prices=Prices(prompt=1.0, output=1.0))
    result = go(tmp_path, model, settings=settings)
    assert (result.stopped_by, result.state, result.counts["answered"]) == ("cost", "interrupted", 5)
    assert read_manifest(result.folder).usage["usd"] == 0.005
    assert go(tmp_path, model, settings=settings).counts["answered"] == 5


def test_an_empty_data_set_completes(tmp_path: Path) -> None:
    assert go(tmp_path, Asked(), Data([])).state == "complete"


def test_the_commit_of_a_checkpoint_folder_is_recorded(tmp_path: Path) -> None:
    snapshot = tmp_path / "models" / "snapshots" / ("d" * 40)
    snapshot.mkdir(parents=True)
    result = go(tmp_path / "results", Asked(checkpoint=str(snapshot)))
    assert read_manifest(result.folder).conditions["checkpoint_commit"] == "d" * 40


def test_a_reply_cut_by_a_content_filter_is_a_failure_and_asked_again_with_the_others(tmp_path: Path) -> None:
    filtered = {"s2"}
    model = Asked(lambda request: Output("A", "filter" if request.sample_id in filtered else "stop"))
    result = go(tmp_path, model)
    assert result.state == "incomplete"
    assert result.counts["failed.refused"] == 1
    filtered.clear()
    assert go(tmp_path, model, settings=RunSettings(quiet=True, retry_errors=True)).state == "complete"
    assert model.asked.count("s2/rot0") == 2
    assert len(model.asked) == 21


def test_a_judge_of_an_earlier_call_does_not_sit_in_one_that_asked_for_none(tmp_path: Path) -> None:
    folder = go(tmp_path, Asked()).folder
    manifest = read_manifest(folder)
    manifest.judge, manifest.judge_digest = "wise", "0123456789ab"
    write_manifest(folder, manifest)
    go(tmp_path, Asked())
    assert read_manifest(folder).judge is None
    assert read_manifest(folder).judge_digest == "0123456789ab"


def test_answers_of_another_address_are_noted(tmp_path: Path) -> None:
    class Served(Asked):
        url = "http://one"

        def conditions(self) -> dict[str, object]:
            return {"url": self.url}

    broken = {"s3"}
    model = Served(lambda request: Failure("rejected", "no") if request.sample_id in broken else Output("A"))
    assert go(tmp_path, model).state == "incomplete"
    broken.clear()
    model.url = "http://two"
    folder = go(tmp_path, model, settings=RunSettings(quiet=True, retry_errors=True)).folder
    assert read_manifest(folder).mended == ["the first 19 answers came from http://one, not from http://two"]


def test_a_model_that_cannot_do_the_task_leaves_no_folder(tmp_path: Path) -> None:
    class Mute:
        name = "mute"

        def recipe(self) -> dict[str, object]:
            return {}

        def close(self) -> None:
            pass

    with pytest.raises(ConfigError, match="does not write"):
        run_task(TASK, Data(samples(2)), Mute(), QUIET, results=tmp_path)
    assert list(tmp_path.rglob("*")) == []

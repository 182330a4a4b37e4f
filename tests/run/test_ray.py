"""Workers on a Ray cluster of this machine. What a worker does itself is tested without Ray, in this process."""

from __future__ import annotations

import os
import pickle
import signal
import socket
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from tests.cli.made import SEEING, mmbench_tsv
from vlmeval.cli.main import run as main
from vlmeval.data.catalog import find_task
from vlmeval.data.samples import DataOptions, open_samples
from vlmeval.data.task import Task
from vlmeval.errors import ConfigError, DataError, ModelError, RejectedError, RetryableError
from vlmeval.models.spec import open_model
from vlmeval.registry import KINDS
from vlmeval.run import ray_cluster, ray_pool
from vlmeval.run.ray_cluster import RaySettings, check_address, connect
from vlmeval.run.ray_model import Placed, RayModel, open_ray_model
from vlmeval.run.ray_worker import Description, ModelSpec, Raised, Reading, Worker
from vlmeval.run.session import RunSettings, run_task
from vlmeval.score.scorer import score_run
from vlmeval.store.journal import read_records
from vlmeval.store.layout import RunFolder
from vlmeval.store.manifest import read_manifest
from vlmeval.types import Failure, Request

QUESTIONS = 24
QUIET = RunSettings(quiet=True)
TWO = RaySettings(workers=2, cpus=0.5)
MORE = """
import os
import signal
import time

class Counted(Seeing):
    concurrency = 1

    def generate(self, requests):
        with open("pids.txt", "a") as file:
            file.write(f"{os.getpid()} {requests[0].sample_id} {requests[0].variant}\\n")
        return super().generate(requests)

class Poisoned(Counted):
    def generate(self, requests):
        if requests[0].sample_id == "3" and requests[0].variant == "rot1":
            os.kill(os.getpid(), signal.SIGKILL)
        return super().generate(requests)

class Broken(Seeing):
    def generate(self, requests):
        from vlmeval.errors import RejectedError, RetryableError
        if requests[0].sample_id == "1":
            raise RetryableError("busy", kind="rate_limit", retry_after=7.0)
        if requests[0].sample_id == "2":
            raise RejectedError("too long", kind="too_long")
        return [1, 2][len(requests) + 5]

class Vectors:
    batch = 2

    def embed(self, items):
        import numpy as np
        return np.array([[1.0, 0.0] if isinstance(item, str) else [0.6, 0.8] for item in items], dtype=np.float32)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("ray")
    mmbench_tsv(root / "q.tsv", QUESTIONS)
    (root / "my.py").write_text(SEEING + MORE, "utf8")
    return root


@pytest.fixture
def task(folder: Path) -> Task:
    return find_task("mmbench_dev_en", ())


def spec(folder: Path, name: str) -> ModelSpec:
    return ModelSpec(f"{folder}/my.py:{name}", {}, str(folder))


def opened(folder: Path, name: str) -> Worker:
    worker = Worker()
    assert isinstance(worker.open(spec(folder, name)), Description)
    return worker


@pytest.fixture
def here() -> Iterator[None]:
    before = os.getcwd()
    yield
    os.chdir(before)


def asked(folder: Path, task: Task, count: int) -> tuple[Reading, list[Request], dict[str, int]]:
    """Return requests as the driver sends them: pickled, so that they have lost the way to their images."""
    where = DataOptions(folder / "q.tsv")
    with open_samples(task, where) as samples:
        placed = Placed(samples)
        kind = KINDS.load(task.kind)(task)
        requests = [request for sample in placed for request in kind.requests(sample)[:1]][:count]
        sent = pickle.loads(pickle.dumps(requests))  # noqa: S301
    return Reading(task, where), sent, placed.rows


def test_a_worker_reads_the_images_itself(folder: Path, task: Task, here: None) -> None:
    reading, requests, rows = asked(folder, task, 6)
    with pytest.raises(DataError, match="only its digest"):
        requests[0].images[0].read()
    found = opened(folder, "Seeing").call("generate", reading, requests, rows)
    assert [output.text for output in found] == ["green", "blue", "yellow", "red", "blue", "blue"]


def test_a_worker_with_other_data_says_so_with_the_sample(folder: Path, task: Task, tmp_path: Path, here: None) -> None:
    reading, requests, rows = asked(folder, task, 3)
    moved = {digest: row + 4 for digest, row in rows.items()}
    found = opened(folder, "Seeing").call("generate", reading, requests, moved)
    assert isinstance(found, Raised)
    assert isinstance(found.error(), DataError)
    assert "sample 1: image" in str(found.error())
    assert "not those of the driver" in str(found.error())


def test_errors_come_back_with_all_they_say(folder: Path, task: Task, here: None) -> None:
    reading, requests, rows = asked(folder, task, 2)
    worker = opened(folder, "Broken")
    retried = pickle.loads(pickle.dumps(worker.call("generate", reading, requests[:1], rows))).error()  # noqa: S301
    assert isinstance(retried, RetryableError)
    assert (retried.kind, retried.retry_after, str(retried)) == ("rate_limit", 7.0, "busy")
    rejected = worker.call("generate", reading, requests[1:], rows).error()
    assert isinstance(rejected, RejectedError)
    assert rejected.kind == "too_long"
    unknown = Worker().open(ModelSpec("nothing-known", {}, str(folder)))
    assert isinstance(unknown, Raised)
    assert isinstance(unknown.error(), ConfigError)


def test_ray_that_is_not_installed_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ConfigError, match=r"pip install 'vlmeval\[ray\]'"):
        connect(RaySettings())


def test_an_address_where_nothing_listens_is_refused_at_once() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        started = time.monotonic()
        with pytest.raises(ConfigError, match=r"--ray-address 127\.0\.0\.1:\d+: nothing answers there"):
            check_address(f"127.0.0.1:{closed.getsockname()[1]}")
    assert time.monotonic() - started < 30


def test_an_address_that_is_none_is_refused() -> None:
    for address in ("cluster", ":6379", "host:port", "host:99999999"):
        with pytest.raises(ConfigError, match="--ray-address"):
            check_address(address)


def test_something_that_listens_and_is_no_cluster_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("ray", reason="ray is not installed: pip install 'vlmeval[ray]'")
    assert ray_cluster.ANSWER_SECONDS + ray_cluster.PROBE_SECONDS < 30
    monkeypatch.setattr(ray_cluster, "PROBE_SECONDS", 1.0)
    with socket.socket() as mute:
        mute.bind(("127.0.0.1", 0))
        mute.listen()
        with pytest.raises(ConfigError, match="what answers there is no Ray cluster"):
            check_address(f"127.0.0.1:{mute.getsockname()[1]}")


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    ray = pytest.importorskip("ray", reason="ray is not installed: pip install 'vlmeval[ray]'")
    connect(TWO)
    yield ray
    ray_cluster.leave(ray)


Open = Callable[..., RayModel]
ONE = RaySettings(workers=1, cpus=0.5)


@pytest.fixture
def workers(cluster: Any, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Open]:
    monkeypatch.setattr(ray_cluster, "_JOINED", [])
    monkeypatch.chdir(folder)
    (folder / "pids.txt").unlink(missing_ok=True)
    made: list[RayModel] = []

    def start(name: str, settings: RaySettings = TWO) -> RayModel:
        made.append(open_ray_model(spec(folder, name), settings, say=print))
        return made[-1]

    yield start
    for model in made:
        model.close()


def evaluate(
    model: Any, task: Task, folder: Path, results: Path, at: Callable[[int], None] = lambda number: None
) -> RunFolder:
    """Run and score; `at` is told the number of each sample before it is planned."""
    where = DataOptions(folder / "q.tsv")

    class Told(Placed):
        def at(self, number: int) -> Any:
            at(number)
            return super().at(number)

    with open_samples(task, where) as samples:
        source: Any = model.reads(Reading(task, where), Told(samples)) if isinstance(model, RayModel) else samples
        result = run_task(task, source, model, QUIET, results=results)
    score_run(result.folder)
    return result.folder


def calls(folder: Path) -> list[tuple[str, str]]:
    lines = (line.partition(" ") for line in (folder / "pids.txt").read_text("utf8").splitlines())
    return [(pid, request) for pid, _, request in lines]


def test_two_workers_share_the_work_and_leave_the_files_of_a_local_run(
    workers: Open, folder: Path, task: Task, tmp_path: Path
) -> None:
    local = evaluate(open_model(f"{folder}/my.py:Counted", {}), task, folder, tmp_path / "local")
    (folder / "pids.txt").unlink()
    model = workers("Counted")
    far = evaluate(model, task, folder, tmp_path / "far")
    assert far.path.relative_to(tmp_path / "far") == local.path.relative_to(tmp_path / "local")
    assert far.scores.read_bytes() == local.scores.read_bytes()
    assert far.questions.read_bytes() == local.questions.read_bytes()
    done = calls(folder)
    assert len(done) == len({request for _, request in done}) == 4 * QUESTIONS
    by_worker = Counter(pid for pid, _ in done)
    assert len(by_worker) == 2
    conditions = read_manifest(far).conditions
    assert (conditions["executor"], conditions["ray_workers"]) == ("ray", 2)


def test_a_worker_killed_by_its_id_costs_no_answer(workers: Open, folder: Path, task: Task, tmp_path: Path) -> None:
    local = evaluate(open_model(f"{folder}/my.py:Counted", {}), task, folder, tmp_path / "local")
    model = workers("Counted")
    killed: list[int] = []

    def kill(number: int) -> None:
        if number == QUESTIONS // 2 and not killed:
            killed.append(model.processes[0])
            os.kill(killed[0], signal.SIGKILL)

    far = evaluate(model, task, folder, tmp_path / "far", kill)
    assert len(killed) == 1
    assert far.scores.read_bytes() == local.scores.read_bytes()
    found = Counter((record.sample_id, record.variant) for record in read_records(far.outputs))
    assert len(found) == 4 * QUESTIONS
    assert set(found.values()) == {1}
    assert read_manifest(far).state == "complete"


def test_a_request_that_kills_each_worker_is_recorded_as_a_crash_and_the_others_are_answered(
    workers: Open, folder: Path, task: Task, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ray_pool, "LOSSES", 2)  # a new process for each takes its time
    far = evaluate(workers("Poisoned"), task, folder, tmp_path)
    failed = [record for record in read_records(far.outputs) if isinstance(record.outcome, Failure)]
    assert [(record.sample_id, record.variant) for record in failed] == [("3", "rot1")]
    assert isinstance(failed[0].outcome, Failure)
    assert failed[0].outcome.kind == "crash"
    assert read_manifest(far).counts["answered"] == 4 * QUESTIONS - 1


def test_a_bug_in_a_worker_names_the_sample_and_the_line(
    workers: Open, folder: Path, task: Task, tmp_path: Path
) -> None:
    with pytest.raises(ModelError, match=r"sample \d+.*IndexError at .*my\.py:\d+ in a Ray worker"):
        evaluate(workers("Broken", ONE), msgspec.structs.replace(task, options={"circular": False}), folder, tmp_path)


def test_a_model_that_does_not_open_is_told_as_it_is_locally(workers: Open) -> None:
    with pytest.raises(ConfigError, match="has no"):
        workers("Absent", ONE)


def test_vectors_come_in_order_from_all_workers(workers: Open, folder: Path, task: Task) -> None:
    model = workers("Vectors")
    where = DataOptions(folder / "q.tsv")
    with open_samples(task, where) as samples:
        images = [sample.parts[0] for sample in model.reads(Reading(task, where), samples)]
        found = model.embed(["a text", *images[:4], "another"])  # type: ignore[attr-defined]
    assert model.batch == 4
    assert not hasattr(model, "generate")
    assert np.array_equal(found, np.array([[1, 0], *[[0.6, 0.8]] * 4, [1, 0]], dtype=np.float32))


def test_shards_asked_in_ray_workers_merge_into_the_scores_of_a_local_run(
    cluster: Any, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ray_cluster, "_JOINED", [])
    monkeypatch.chdir(folder)

    def vlmeval(*words: object) -> int:
        with pytest.raises(SystemExit) as ended:
            main([str(word) for word in words])
        return int(ended.value.code or 0)

    asked = ("--tasks", "mmbench_dev_en", "--data", "mmbench_dev_en=q.tsv", "--blind", "shuffled", "--no-report")
    common = ("run", "--model", "my.py:Seeing", *asked, "--quiet")
    far = ("--executor", "ray", "--ray-workers", 1, "--ray-cpus", 0.5)
    assert vlmeval(*common, "-o", tmp_path / "local") == 0
    for shard in ("1/2", "2/2"):
        assert vlmeval(*common, "-o", tmp_path / "far", *far, "--shard", shard) == 0
    assert vlmeval("merge", tmp_path / "far") == 0
    (there,) = (tmp_path / "local").glob("*/*/*/scores.json")
    (here,) = (tmp_path / "far").glob("*/*/*/scores.json")
    assert here.read_bytes() == there.read_bytes()
    assert read_manifest(RunFolder(here.parent)).conditions["executor"] == "ray"

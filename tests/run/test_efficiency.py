import itertools
import sys
import types
from pathlib import Path

import msgspec
import pytest

from tests.run.asking import TASK, Asked, Data, FakeClock, merged, samples
from vlmeval.errors import ModelError
from vlmeval.run.meter import Meter, host_peak_bytes, total_joules
from vlmeval.run.session import RunSettings, gathers, limits_of, run_task
from vlmeval.store.manifest import read_manifest
from vlmeval.store.questions import read_questions
from vlmeval.store.results import Manifest
from vlmeval.types import Image, Output, Request, Sample

QUIET = RunSettings(quiet=True)
SPOKEN = Output("A", prompt_tokens=50, output_tokens=2, seconds=0.25, first_token_seconds=0.125)


def go(results: Path, model: Asked, data: Data) -> Manifest:
    folder = run_task(TASK, data, model, QUIET, results=results, clock=FakeClock()).folder
    return read_manifest(folder)


def pictured(questions: int, pictures: int) -> list[Sample]:
    """Return questions that go round the pictures, as a shuffled data set has them."""
    kept = [Image(f"{place:064x}", 2, 2, "png").with_reader(lambda: b"x") for place in range(pictures)]
    return [
        Sample(f"s{number}", (kept[number % pictures], f"What? {number}"), ("A",), ("cat", "dog"))
        for number in range(questions)
    ]


def test_a_run_records_throughput_latency_and_memory(tmp_path: Path) -> None:
    found = go(tmp_path, Asked(lambda request: SPOKEN), Data(samples(20))).efficiency
    assert found is not None
    assert (found.samples, found.requests, found.output_tokens) == (20, 20, 40)
    assert found.samples_per_second == pytest.approx(20 / found.seconds)
    assert found.latency_seconds is not None
    assert found.latency_seconds.p99 == 0.25
    assert found.first_token_seconds is not None
    assert found.first_token_seconds.p50 == 0.125
    assert found.meters.host_peak_bytes is not None
    assert found.meters.host_peak_bytes > 2**20


def test_the_time_of_answers_that_tell_none_is_taken_from_the_call(tmp_path: Path) -> None:
    found = go(tmp_path, Asked(batch=4), Data(samples(20))).efficiency
    assert found is not None
    assert found.latency_seconds is not None
    assert 0 < found.latency_seconds.p50 <= found.latency_seconds.p99 < found.seconds
    assert found.first_token_seconds is None


def test_a_continued_run_adds_its_sessions_and_one_with_nothing_to_ask_adds_none(tmp_path: Path) -> None:
    def half(request: Request) -> Output:
        if request.sample_id == "s10":
            raise ZeroDivisionError
        return SPOKEN

    with pytest.raises(ModelError):
        go(tmp_path, Asked(half), Data(samples(20)))
    (path,) = tmp_path.rglob("run.json")
    first = msgspec.json.decode(path.read_bytes(), type=Manifest).efficiency
    second = go(tmp_path, Asked(lambda request: SPOKEN), Data(samples(20))).efficiency
    third = go(tmp_path, Asked(lambda request: SPOKEN), Data(samples(20))).efficiency
    assert first is not None
    assert second is not None
    assert (first.requests, second.requests) == (10, 20)
    assert second.seconds > first.seconds
    assert third == second


def test_loading_is_not_time_of_asking(tmp_path: Path) -> None:
    class Loads(Asked):
        def conditions(self) -> dict[str, float]:
            return {"loading_seconds": 3600.0}

    found = go(tmp_path, Loads(), Data(samples(2))).efficiency
    assert found is not None
    assert found.seconds == 0.0
    assert found.samples_per_second is None


def test_energy_is_the_difference_of_the_counters_of_all_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    counters = iter([1_000, 2_000, 5_000, 4_000])
    nvml = types.ModuleType("pynvml")
    nvml.__spec__ = type(sys.__spec__)("pynvml", None)
    nvml.NVMLError = OSError  # type: ignore[attr-defined]
    nvml.nvmlInit = nvml.nvmlShutdown = lambda: None  # type: ignore[attr-defined]
    nvml.nvmlDeviceGetCount = lambda: 2  # type: ignore[attr-defined]
    nvml.nvmlDeviceGetHandleByIndex = lambda place: place  # type: ignore[attr-defined]
    nvml.nvmlDeviceGetTotalEnergyConsumption = lambda device: next(counters)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "pynvml", nvml)
    assert Meter().read().joules == 6.0

    def no_driver() -> None:
        raise OSError

    nvml.nvmlInit = no_driver  # type: ignore[attr-defined]
    assert total_joules() is None
    assert Meter().read().joules is None


def test_the_peak_of_the_process_does_not_fall() -> None:
    before = host_peak_bytes()
    block = bytearray(32 * 2**20)
    block[::4096] = b"x" * len(block[::4096])
    assert host_peak_bytes() >= before


def test_a_model_that_takes_batches_is_asked_about_one_image_at_a_time(tmp_path: Path) -> None:
    data = pictured(12, 3)
    local, served = Asked(batch=2), Asked(concurrency=1)
    manifest = go(tmp_path / "local", local, Data(data))
    go(tmp_path / "served", served, Data(data))
    in_order = [f"s{number}" for number in range(12)]
    assert [name.split("/")[0] for name in served.asked] == in_order
    # Windows of 4 batches: 8 questions about 3 pictures, then 4, the first about the last picture again.
    numbers = [int(name.split("/")[0][1:]) for name in local.asked]
    turns = sum(one % 3 != other % 3 for one, other in itertools.pairwise(numbers))
    assert sorted(numbers) == list(range(12))
    assert turns == 4
    (questions,) = (tmp_path / "local").rglob("questions.jsonl")
    assert [sample.id for sample in read_questions(questions)] == in_order
    assert manifest.counts["samples"] == 12


def test_answers_do_not_depend_on_the_order_of_asking_and_a_stopped_run_goes_on(tmp_path: Path) -> None:
    data = pictured(30, 4)

    def reply(request: Request) -> Output:
        return Output(f"{request.sample_id}!")

    def failing(request: Request) -> Output:
        if request.sample_id == "s13":
            raise ZeroDivisionError
        return reply(request)

    go(tmp_path / "plain", Asked(reply), Data(data))
    stopped = Asked(failing, batch=3)
    with pytest.raises(ModelError):
        go(tmp_path / "local", stopped, Data(data))
    rest = Asked(reply, batch=3)
    go(tmp_path / "local", rest, Data(data))
    (one,), (other,) = ((tmp_path / name).rglob("outputs.jsonl") for name in ("plain", "local"))
    assert merged(one) == merged(other)
    assert set(rest.asked).isdisjoint({name for call in stopped.calls[:-1] for name in call})


@pytest.mark.parametrize(("declared", "batch", "expected"), [(None, 1, False), (None, 2, True), (True, 1, True)])
def test_a_model_may_declare_that_it_gains_from_one_image_at_a_time(
    declared: bool | None, batch: int, expected: bool
) -> None:
    from vlmeval.run.calling import Caller

    model = Asked(batch=batch)
    if declared is not None:
        model.gathers = declared  # type: ignore[attr-defined]
    assert gathers(model, limits_of(QUIET, Caller(model, "t"), expected=None)) is expected

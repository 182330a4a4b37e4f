import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
hf = pytest.importorskip("transformers")

from tests.models.parts import picture  # noqa: E402
from vlmeval.errors import ModelError  # noqa: E402
from vlmeval.models.batches import Batcher, Budget  # noqa: E402
from vlmeval.models.transformers import TransformersModel, open_transformers  # noqa: E402
from vlmeval.types import Failure, Output, Request, Sampling  # noqa: E402


def ask(name: str, *parts: Any) -> Request:
    return Request(name, "", parts, Sampling(max_tokens=8))


def texts(outcomes: list[Output | Failure]) -> list[str]:
    assert all(isinstance(outcome, Output) for outcome in outcomes), outcomes
    return [outcome.text for outcome in outcomes if isinstance(outcome, Output)]


def small_memory(rows: int, error: Exception) -> Any:
    """Return LLaVA with memory for `rows` rows, which raises `error` above."""

    class SmallMemory(hf.LlavaForConditionalGeneration):  # type: ignore[misc]
        @classmethod
        def from_pretrained(cls, *source: Any, **options: Any) -> Any:
            model, report = hf.LlavaForConditionalGeneration.from_pretrained(*source, **options)
            model.__class__ = cls
            return model, report

        @functools.wraps(hf.LlavaForConditionalGeneration.forward)
        def forward(self, input_ids: Any = None, **inputs: Any) -> Any:
            if input_ids.shape[0] > rows:
                raise error
            return super().forward(input_ids=input_ids, **inputs)

    return SmallMemory


OUT_OF_MEMORY = [
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
    RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 4 bytes"),
]


@pytest.mark.parametrize("error", OUT_OF_MEMORY, ids=["gpu", "cpu"])
def test_out_of_memory_halves_the_batch_and_changes_no_answer(
    checkpoints: dict[str, Path], models: dict[str, TransformersModel], error: Exception
) -> None:
    asked = [ask(str(seed), picture(24, 24, seed), "What" * seed) for seed in range(1, 8)]
    model = open_transformers(str(checkpoints["llava"]), {"batch": 7})
    model.auto = small_memory(2, error)
    assert texts(model.generate(asked)) == texts(models["llava"].generate(asked))
    assert model.batch == 1
    assert model.conditions()["batch_halved_to"] == [3, 1]
    weighed = [Request(request.sample_id, "", request.parts, options=("A", "no")) for request in asked]
    for row, expected in zip(model.choose(weighed), models["llava"].choose(weighed), strict=True):
        assert row == pytest.approx(expected, abs=1e-4)


def test_a_sample_that_fits_no_way_is_a_failure_and_the_others_are_answered(checkpoints: dict[str, Path]) -> None:
    model = open_transformers(str(checkpoints["llava"]), {"batch": 4})
    model.auto = small_memory(0, OUT_OF_MEMORY[0])
    outcome = model.generate([ask("huge", picture(24, 24, 1), "?")])[0]
    assert isinstance(outcome, Failure)
    assert outcome.kind == "crash"
    assert "sample huge: out of memory" in outcome.message


def test_weights_that_do_not_fit_are_an_error_of_the_model_and_of_no_sample(checkpoints: dict[str, Path]) -> None:
    class TooLarge(hf.LlavaForConditionalGeneration):  # type: ignore[misc]
        @classmethod
        def from_pretrained(cls, *source: Any, **options: Any) -> Any:
            raise OUT_OF_MEMORY[0]

    model = open_transformers(str(checkpoints["llava"]), {})
    model.auto = TooLarge
    with pytest.raises(ModelError, match=r"weights do not fit into memory as .*quantize=4bit"):
        model.generate([ask("s", picture(24, 24, 1), "?")])


def test_another_runtime_error_of_the_model_is_not_taken_for_memory(checkpoints: dict[str, Path]) -> None:
    model = open_transformers(str(checkpoints["llava"]), {})
    model.auto = small_memory(0, RuntimeError("shapes do not fit"))
    with pytest.raises(RuntimeError, match="shapes do not fit"):
        model.generate([ask("s", picture(24, 24, 1), "?")])


class Device:
    """A device of `room` bytes on which a padded token takes `each`; more than that is out of memory."""

    def __init__(self, room: int, each: int = 10, weights: int = 1000) -> None:
        self.room, self.each, self.weights = room, each, weights
        self.most = 0
        self.batches: list[tuple[int, int]] = []

    def begin(self) -> None:
        self.most = self.weights

    def held(self) -> int:
        return self.weights

    def peak(self) -> int:
        return self.most

    def total(self) -> int:
        return self.room

    def work(self, batch: Sequence[int]) -> list[int]:
        needed = self.weights + self.each * max(batch) * len(batch)
        if needed > self.room:
            raise torch.OutOfMemoryError("CUDA out of memory")
        self.most = max(self.most, needed)
        self.batches.append((len(batch), max(batch)))
        return list(batch)


def impossible(item: int, reason: str) -> int:
    return -item


def test_a_budget_grows_as_long_as_what_a_batch_took_says_that_more_fits() -> None:
    device = Device(room=1000 + 10 * 4000)
    batcher = Batcher(64, budget=Budget(device, tokens=200))
    costs = [100] * 300
    assert batcher.run(costs, device.work, impossible, lambda cost: cost) == costs
    rows = [count for count, _ in device.batches]
    assert rows[:4] == [2, 4, 8, 16]
    assert max(rows) == 28  # 0.85 of the room less the weights, 1.2 times what a token took
    assert batcher.halvings == []
    assert batcher.conditions() == {"batch": "auto", "batch_tokens": batcher.budget.tokens}  # type: ignore[union-attr]


def test_a_budget_that_was_too_large_is_halved_and_does_not_grow_again() -> None:
    device = Device(room=1000 + 10 * 900)
    batcher = Batcher(64, budget=Budget(device, tokens=3200))
    costs = [100] * 60
    assert batcher.run(costs, device.work, impossible, lambda cost: cost) == costs
    assert batcher.halvings == [16, 8]
    assert max(count for count, _ in device.batches) == 8


def test_a_batch_holds_as_many_rows_as_its_longest_allows() -> None:
    device = Device(room=10**9)
    batcher = Batcher(64, budget=Budget(device, tokens=400, rows=5))
    batcher.run([300, 150, 150, 50, 50, 50, 50, 50, 50], device.work, impossible, lambda cost: cost)
    assert device.batches[0] == (1, 300)
    assert all(count <= 5 for count, _ in device.batches)
    one = Device(room=1000)
    assert Batcher(64, budget=Budget(one, tokens=4)).run([7], one.work, impossible, lambda cost: cost) == [-7]


def test_auto_on_a_cpu_is_a_fixed_number_of_rows_and_changes_no_answer(
    checkpoints: dict[str, Path], models: dict[str, TransformersModel]
) -> None:
    model = open_transformers(str(checkpoints["llava"]), {"batch": "auto", "device": "cpu"})
    assert (model.batch, model.conditions()["batch"]) == (8, 8)
    asked = [ask(str(seed), picture(24, 24, seed), "What" * seed) for seed in range(1, 11)]
    expected = texts(models["llava"].generate(asked))
    assert texts(model.generate(asked)) == expected
    for size in (1, 3):
        model.resize(size)
        assert model.batch == size
        assert texts(model.generate(asked)) == expected
    model.resize("auto")
    assert model.batch == 8


def test_a_budget_gives_the_model_the_same_answers(
    checkpoints: dict[str, Path], models: dict[str, TransformersModel]
) -> None:
    model = open_transformers(str(checkpoints["llava"]), {})
    model._batcher = Batcher(64, budget=Budget(Device(room=10**9), tokens=200))
    asked = [ask(str(seed), picture(24, 24, seed), "What" * seed) for seed in range(1, 8)]
    assert texts(model.generate(asked)) == texts(models["llava"].generate(asked))

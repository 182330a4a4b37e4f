"""Wordings weighed by a small checkpoint in a run, beside one plain forward pass for each."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from tests.models.parts import picture  # noqa: E402
from tests.run.asking import Data  # noqa: E402
from vlmeval.data.task import Task  # noqa: E402
from vlmeval.errors import ConfigError  # noqa: E402
from vlmeval.kinds.modes import Mode  # noqa: E402
from vlmeval.registry import KINDS  # noqa: E402
from vlmeval.run.session import RunSettings, run_task  # noqa: E402
from vlmeval.score.scorer import score_run  # noqa: E402
from vlmeval.store.journal import read_records  # noqa: E402
from vlmeval.types import Output, Request, Sample  # noqa: E402

if TYPE_CHECKING:
    from vlmeval.models.transformers import TransformersModel

QUIET = RunSettings(quiet=True)
WORDINGS = ("red", "a large green circle", "blue square", "it is not blue")
SAMPLES = [Sample(f"s{n}", (picture(40, 24, n), f"Colour {n}?"), ("A",), WORDINGS) for n in range(4)]


def task(mode: Mode) -> Task:
    return Task("made", "made", "dev", "choice", ("vanilla",), "vanilla", options={"circular": False, "mode": mode})


@torch.no_grad()  # type: ignore[untyped-decorator]
def one_pass(model: TransformersModel, request: Request, option: str) -> tuple[float, int]:
    """Return the log-likelihood of an option and its tokens, from a single forward pass over prompt and option."""
    encoder = model.encoder
    inputs = dict(encoder.encode([encoder.prepare(request)]))
    ids = encoder.tokenizer(option, add_special_tokens=False, return_tensors="pt")["input_ids"]
    length = inputs["input_ids"].shape[1]
    inputs["input_ids"] = torch.cat([inputs["input_ids"], ids], dim=1)
    inputs["attention_mask"] = torch.ones_like(inputs["input_ids"])
    logs = model.model(**inputs).logits[0, length - 1 : -1].double().log_softmax(-1)
    return float(logs.gather(1, ids.T).sum()), ids.shape[1]


class Blunt:
    """A chooser that does not count tokens."""

    name, concurrency, batch = "blunt", 1, 1

    def recipe(self) -> dict[str, str]:
        return {}

    def close(self) -> None:
        pass

    def choose(self, requests: list[Request]) -> list[list[float]]:
        return [[-1.0] * len(request.options) for request in requests]


@pytest.mark.parametrize("mode", ["likelihood-text", "likelihood-text-bytes", "likelihood-text-tokens"])
def test_the_wording_chosen_is_that_of_a_plain_forward_pass(
    mode: Mode, models: dict[str, TransformersModel], tmp_path: Path
) -> None:
    model = models["llava"]
    folder = run_task(task(mode), Data(SAMPLES), model, QUIET, results=tmp_path).folder
    records = {record.sample_id: record.outcome for record in read_records(folder.outputs)}
    kind = KINDS.load("choice")(task(mode))
    for sample in SAMPLES:
        (request,) = kind.requests(sample)
        passes = [one_pass(model, request, option) for option in WORDINGS]
        outcome = records[sample.id]
        assert isinstance(outcome, Output)
        assert outcome.scores == pytest.approx([score for score, _ in passes], abs=1e-4)
        divisors = {
            "likelihood-text": [1] * len(WORDINGS),
            "likelihood-text-bytes": [len(option.encode()) for option in WORDINGS],
            "likelihood-text-tokens": [tokens for _, tokens in passes],
        }[mode]
        if mode.endswith("tokens"):
            assert list(outcome.option_tokens) == divisors
        values = [score / divisor for (score, _), divisor in zip(passes, divisors, strict=True)]
        (answer,) = kind.answers(sample, {"rot0": outcome})
        assert (answer.value, answer.rule) == ("ABCD"[values.index(max(values))], mode.replace("-", "_"))
    scores = score_run(folder)
    assert scores.coverage.answered == len(SAMPLES)
    assert f"|mode:{mode}|" in scores.signature


def test_a_model_that_counts_no_tokens_is_refused_before_anything_is_asked(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"divides likelihoods by tokens.*blunt.*use --mode likelihood-text-bytes"):
        run_task(task("likelihood-text-tokens"), Data(SAMPLES), Blunt(), QUIET, results=tmp_path)
    assert not (tmp_path / "made").exists()
    assert run_task(task("likelihood-text-bytes"), Data(SAMPLES), Blunt(), QUIET, results=tmp_path).state == "complete"

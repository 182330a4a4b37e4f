"""Runs against the figures published of their model."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from tests.score.compared import PLAIN, QUESTIONS, first, scored
from tests.score.runs import FAILED
from vlmeval.data.task import Published
from vlmeval.errors import JournalError
from vlmeval.score.compare_published import PublishedCheck, published_checks, rounding, spellings_of
from vlmeval.score.scorer import score_run
from vlmeval.store.layout import RunFolder
from vlmeval.store.manifest import read_manifest, write_manifest
from vlmeval.types import MetricInfo


def published(value: float, **more: object) -> Published:
    return msgspec.structs.replace(Published("new", value, "a paper"), **more)


def check(folder: RunFolder, *rows: Published, **changes: object) -> PublishedCheck:
    """Return the only check of a run against a task with these published figures."""
    (one,) = published_checks(folder, msgspec.structs.replace(PLAIN, published=rows, **changes))
    return one


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    """A run with 50.0 on 80 samples."""
    return scored(tmp_path, "new", first(40))


def test_what_lies_in_the_interval_is_reproduced_and_the_difference_said(run: RunFolder) -> None:
    one = check(run, published(52.5))
    assert (one.standing, one.difference, one.reasons) == ("reproduced", -2.5, ())
    assert one.verdict.startswith("reproduced: 50.0, published 52.5 (-2.5 points, 95 % interval -13.")
    assert check(run, published(50.0)).verdict.startswith("reproduced to the digit: 50.0, published 50 (0.0 points")
    assert one.measured is not None
    assert one.measured.samples == 80


def test_what_lies_outside_differs_by_so_much(run: RunFolder) -> None:
    one = check(run, published(80.0))
    assert one.standing == "differs"
    assert one.verdict.startswith("differs by -30.0 points (95 % interval -41.")
    assert one.verdict.endswith("): 50.0, published 80")
    assert one.high is not None
    assert one.high < 0


@pytest.mark.parametrize(
    ("row", "changes", "reason"),
    [
        ({"metric": "circular"}, {}, 'metric: the run has no "circular"'),
        ({"samples": 1176}, {}, "n: 80 samples, published on 1176"),
        ({"prompt": "lmms"}, {}, 'variant: prompt "vlmevalkit", published with "lmms"'),
        ({"slice": "category=both"}, {}, "n: no figure of category=both (it is undefined, or no sample was scored)"),
        ({}, {"split": "test"}, "split: exam dev, published exam test"),
        ({}, {"version": 2}, "variant: version 1 of the task, now 2"),
        ({}, {"options": {"circular": True}}, "variant: options.circular False, published with True"),
        ({}, {"system": "Be brief."}, 'variant: the words of prompt "vlmevalkit" have changed since'),
    ],
)
def test_another_split_variant_metric_or_n_is_not_comparable(
    run: RunFolder, row: dict[str, object], changes: dict[str, object], reason: str
) -> None:
    one = check(run, published(50.0, **row), **changes)
    assert (one.standing, one.reasons) == ("not comparable", (reason,))
    assert one.verdict == f"not comparable: {reason}"


def test_part_of_the_samples_is_not_comparable(tmp_path: Path, run: RunFolder) -> None:
    broken = scored(tmp_path / "x", "new", {**first(40), "q1": FAILED})
    assert check(broken, published(50.0)).reasons == ("n: the run is not complete, 79 of 80 samples scored",)
    manifest = read_manifest(run)
    manifest.limit = 80
    write_manifest(run, manifest)
    assert check(run, published(50.0)).reasons == ("n: the first 80 samples only",)
    assert check(run, published(50.0, samples=80)).standing == "reproduced"


def test_a_slice_and_another_metric_are_compared_with_their_own_figure(tmp_path: Path) -> None:
    replies = {one.id: place % 2 == 0 for place, one in enumerate(QUESTIONS)}
    both = msgspec.structs.replace(PLAIN, metrics=("accuracy", "verbatim"))
    run = scored(tmp_path, "new", {**replies, "q1": True}, task=both)
    assert check(run, published(2.5, slice="category=odd", metric="verbatim")).difference == 0.0


def test_a_model_is_found_under_its_alias_and_other_models_figures_are_not_its_own(run: RunFolder) -> None:
    assert spellings_of("hf:llava-hf/llava-1.5-7b-hf") & spellings_of("llava_v1.5_7b")
    assert spellings_of("Qwen2-VL-7B") & spellings_of("qwen2-vl-7b")
    assert not spellings_of("qwen2-vl-2b") & spellings_of("qwen2-vl-7b")
    assert published_checks(run, msgspec.structs.replace(PLAIN, published=(Published("other", 50.0, ""),))) == []


def test_figures_are_read_with_the_rounding_they_show() -> None:
    assert [rounding(value) for value in (64.3, 81.78, 50.0)] == pytest.approx([0.05, 0.005, 0.05], abs=1e-8)


def test_a_run_that_is_not_scored_says_so(run: RunFolder) -> None:
    run.scores.unlink()
    with pytest.raises(JournalError, match=r"scores\.json"):
        published_checks(run)


def test_blind_runs_and_other_scorers_reproduce_nothing(tmp_path: Path) -> None:
    task = msgspec.structs.replace(PLAIN, metrics=("accuracy",))
    run = scored(tmp_path, "new", first(40), task=task)
    scores = msgspec.json.decode(run.scores.read_bytes())
    run.scores.write_bytes(msgspec.json.encode({**scores, "blind": "black", "scorer": "lmms"}))
    assert check(run, published(50.0)).reasons == (
        'variant: scored as "lmms" does, published with "official"',
        "variant: asked without the images (blind: black)",
    )
    score_run(run)
    assert check(run, published(50.0)).standing == "reproduced"
    assert MetricInfo("accuracy", "").scale == 1.0

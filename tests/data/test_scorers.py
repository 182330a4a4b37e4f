"""The ways of scoring that tasks name: what changes with them, the way back, and what a file may say."""

from pathlib import Path

import msgspec
import pytest

from vlmeval.data.catalog import list_tasks, read_task
from vlmeval.data.task import DEFAULT_SCORER, Scorer, Task, scorers_of, with_scorer
from vlmeval.errors import ConfigError
from vlmeval.registry import KINDS, METRICS

TASK = Task(
    "t", "b", "dev", "choice", ("circular", "vanilla"), "circular",
    options={"circular": True, "extractor": "vlmevalkit-2024+", "official": "vlmevalkit-2024"},
    scorers={
        "vlmevalkit": Scorer("today's rule", options={"extractor": "vlmevalkit"}),
        "rows": Scorer("every pass counts", ("vanilla_all", "vanilla"), options={"extractor": "mmmu"}),
    },
)  # fmt: skip
EVERY = [(task, name) for task in list_tasks() for name in scorers_of(task)]


def test_a_scorer_takes_the_place_of_metrics_and_reading_and_leaves_the_asking() -> None:
    rows = with_scorer(TASK, "rows")
    assert (rows.metrics, rows.primary) == (("vanilla_all", "vanilla"), "vanilla_all")
    assert rows.options == {"circular": True, "extractor": "mmmu"}
    assert with_scorer(TASK, "vlmevalkit").metrics == TASK.metrics


def test_the_way_back_from_any_scorer_is_the_task_as_it_was() -> None:
    there = with_scorer(with_scorer(TASK, "rows"), "vlmevalkit")
    back = with_scorer(there, DEFAULT_SCORER)
    assert (back.metrics, back.primary, back.options, back.scorer) == (
        TASK.metrics, TASK.primary, TASK.options, TASK.scorer,
    )  # fmt: skip
    assert with_scorer(there, "rows").options == with_scorer(TASK, "rows").options
    assert set(scorers_of(there)) == set(scorers_of(TASK)) == {"official", "rows", "vlmevalkit"}
    assert with_scorer(TASK, DEFAULT_SCORER) is TASK


def test_a_scorer_that_a_task_has_not_is_named_with_those_it_has() -> None:
    with pytest.raises(ConfigError, match=r'task t has no scorer "lmms"; it has: official, rows, vlmevalkit'):
        with_scorer(TASK, "lmms")


def test_a_scorer_cannot_change_what_the_model_is_asked() -> None:
    asking = msgspec.structs.replace(TASK, scorers={"x": Scorer("one pass", options={"circular": False})})
    with pytest.raises(ConfigError, match=r"\[scorers.x\]: circular changes more than the reading"):
        with_scorer(asking, "x")


def test_a_file_with_an_unknown_key_of_a_scorer_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "t.toml"
    path.write_text(
        'name = "t"\nbenchmark = "b"\nsplit = "dev"\nkind = "choice"\nmetrics = ["accuracy"]\nprimary = "accuracy"\n'
        '[scorers.x]\nabout = "y"\nmetric = "accuracy"\n'
    )
    with pytest.raises(ConfigError, match="metric"):
        read_task(path)


@pytest.mark.parametrize(("task", "name"), EVERY, ids=[f"{task.name}-{name}" for task, name in EVERY])
def test_every_scorer_of_every_task_can_score(task: Task, name: str) -> None:
    changed = with_scorer(task, name)
    KINDS.load(changed.kind)(changed)
    assert changed.primary in changed.metrics
    assert all(METRICS.load(metric).info.name == metric for metric in changed.metrics if name != DEFAULT_SCORER)
    assert scorers_of(task)[name]


def test_the_tasks_have_the_scorers_of_the_programs_they_are_known_by() -> None:
    have = {task.name: set(scorers_of(task)) for task in list_tasks()}
    assert {"official", "vlmevalkit", "lmms"} <= have["mmbench_dev_en"] & have["mmmu_val"] & have["pope"]
    assert {"vlmevalkit", "lmms", "llava"} <= have["textvqa_val"] & have["scienceqa_img_test"]
    assert {"vlmevalkit", "lmms"} <= have["chartqa"] & have["vqav2_val"]
    assert "published" in have["mathvista_testmini"]

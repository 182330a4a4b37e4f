"""Any file of choices, whatever its cells hold; names of both families; sockets blocked."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.data.asked import read, scored, values
from tests.data.made import question, write_tsv
from vlmeval.data.catalog import find_task, list_tasks
from vlmeval.errors import DataError

pytestmark = pytest.mark.usefixtures("offline")


def hostile(marker: Path) -> str:
    """Return a cell that, evaluated, would make the file `marker`."""
    return f"__import__('os').system('touch {marker}')"


def test_hostile_duplicate_and_many_lined_options_are_text_and_nothing_runs(tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    options = [hostile(marker), "two\nlines\nA. trap", "same", "same"]
    rows = [question(1, options, "B"), question(2, options, "C", question=hostile(marker))]
    path = write_tsv(tmp_path / "MyBench.tsv", ("index", "question", "A", "B", "C", "D", "answer", "image"), rows)
    first, second = read(str(path), path)
    assert first.choices == tuple(options)
    scores = scored(str(path), path, {"1": "B", "2": "same"}, tmp_path)
    assert values(scores, "accuracy")[""] == 0.5
    assert scores.coverage.unparsed == 1
    assert not marker.exists()
    assert second.parts[-1] == hostile(marker)


def test_a_hostile_gold_is_an_error_that_names_file_and_row(tmp_path: Path) -> None:
    rows = [question(1, ["x", "y"], "A"), question(2, ["x", "y"], hostile(tmp_path / "ran"))]
    path = write_tsv(tmp_path / "MyBench.tsv", ("index", "question", "A", "B", "answer", "image"), rows)
    with pytest.raises(DataError, match=r"MyBench\.tsv, line 3.*is none of the options A-B"):
        read(str(path), path)
    assert not (tmp_path / "ran").exists()


def test_any_tsv_of_choices_is_a_task_and_official_draws_are_labelled(tmp_path: Path) -> None:
    rows = [question(number, ["yes", "no"], "A", category="sharpness") for number in range(4)]
    path = write_tsv(
        tmp_path / "Q-Bench9_VAL.tsv", ("index", "question", "A", "B", "answer", "category", "image"), rows
    )
    replies = {"0": "A", "1": "B", "2": "hm", "3": "hm"}
    honest = scored(str(path), path, replies, tmp_path)
    official = scored(str(path), path, replies, tmp_path, policy="official")
    assert (honest.task, honest.coverage.unparsed) == ("Q-Bench9_VAL", 2)
    assert values(honest, "accuracy")["category=sharpness"] == 0.25
    assert official.coverage.rules["official-random"] == 2
    assert official.estimates == scored(str(path), path, replies, tmp_path, policy="official").estimates


def test_both_families_of_names_lead_to_one_task() -> None:
    pairs = {
        "MMBench_DEV_EN": "mmbench_en_dev", "MMBench_DEV_CN": "mmbench_cn_dev", "MMBench_TEST_EN": "mmbench_en_test",
        "MMBench_TEST_CN": "mmbench_cn_test", "CCBench": "mmbench_cc", "MMMU_DEV_VAL": "mmmu_val",
        "MMMU_TEST": "mmmu_test", "MMMU_Pro_10c": "mmmu_pro_standard", "MMMU_Pro_V": "mmmu_pro_vision",
        "MMMU_Pro_10c_COT": "mmmu_pro_standard_cot", "MMMU_Pro_V_COT": "mmmu_pro_vision_cot",
        "MathVista_MINI": "mathvista_testmini", "AI2D_TEST": "ai2d", "AI2D_TEST_NO_MASK": "ai2d_no_mask",
        "ScienceQA_TEST": "scienceqa_img", "ScienceQA_VAL": "scienceqa_img_val", "SEEDBench_IMG": "seedbench",
        "MMT-Bench_VAL": "mmt_val", "MMT-Bench_VAL_MI": "mmt_mi_val", "A-OKVQA": "aokvqa", "BLINK": "blink_val",
        "MMStar": "mmstar", "RealWorldQA": "realworldqa", "Q-Bench1_VAL": "qbench_dev",
    }  # fmt: skip
    for kit, harness in pairs.items():
        assert find_task(kit).name == find_task(harness).name, (kit, harness)


def test_no_alias_stands_for_two_tasks() -> None:
    owners: dict[str, str] = {}
    for task in list_tasks():
        for name in {alias.lower().replace("-", "_") for alias in (task.name, *task.aliases)}:
            assert owners.setdefault(name, task.name) == task.name, name

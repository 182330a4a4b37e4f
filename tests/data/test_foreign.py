"""Names of result files of other programs."""

from pathlib import Path

import pytest

from vlmeval.data.catalog import find_task, list_tasks
from vlmeval.data.foreign import foreign_files, recognise
from vlmeval.errors import DataError

TASKS = list_tasks()


@pytest.mark.parametrize(
    ("path", "program", "task", "model"),
    [
        ("vila_8b_MMBench_DEV_EN.xlsx", "VLMEvalKit", "mmbench_dev_en", "vila_8b"),
        ("vila_8b_MMBench_DEV_EN_V11.xlsx", "VLMEvalKit", "mmbench_dev_en_v11", "vila_8b"),
        ("m_MMMU_Pro_10c_COT.xlsx", "VLMEvalKit", "mmmu_pro_standard10_cot", "m"),
        ("Qwen2-VL-2B_MMT-Bench_VAL.tsv", "VLMEvalKit", "mmtbench_val", "Qwen2-VL-2B"),
        ("gpt_4o_POPE.json", "VLMEvalKit", "pope", "gpt_4o"),
        ("m_MMStar_PREV.pkl", "VLMEvalKit", "mmstar", "m"),
        ("m_MMStar_supp.pkl", "VLMEvalKit", "mmstar", "m"),
        ("llava/01_MMStar.pkl", "VLMEvalKit", "mmstar", "llava"),
        ("llava/T20250102_Gabcdef01/01_MMStar.pkl", "VLMEvalKit", "mmstar", "llava"),
        ("llava/MMStar.xlsx", "VLMEvalKit", "mmstar", "llava"),
        ("org__llava/20250102_030405_samples_ok_vqa_val2014.jsonl", "lmms-eval", "okvqa_val", "org__llava"),
        ("org__llava/2025-01-02T03-04-05_samples_mmbench_en_dev.jsonl", "lmms-eval", "mmbench_dev_en", "org__llava"),
    ],
)
def test_program_task_and_model_are_read_from_the_name(path: str, program: str, task: str, model: str) -> None:
    found = recognise(Path(path), TASKS)
    assert (found.program, found.task.name, found.model) == (program, task, model)


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("m_MMBench_DEV_EN_openai_result.xlsx", "--task NAME"),
        ("m_MMBench_DEV_EN_acc.csv", "neither a result of VLMEvalKit"),
        ("m_Some-MME.xlsx", "--task NAME"),
        ("mMME.xlsx", "--task NAME"),
        ("llava/18_MMStar.pkl", "part of one of several processes"),
        ("x/20250102_030405_samples_mmbench_en_dev_lite.jsonl", 'no task is called "mmbench_en_dev_lite"'),
        ("20250102_030405_results.json", "--task NAME"),
        ("notes.md", "neither a result of VLMEvalKit"),
    ],
)
def test_other_files_are_refused_with_the_reason(path: str, reason: str) -> None:
    with pytest.raises(DataError, match=reason):
        recognise(Path(path), TASKS)


def test_task_and_model_asked_for_go_before_the_name() -> None:
    found = recognise(Path("m_MMBench_DEV_EN.xlsx"), TASKS, task=find_task("mmstar"), model="other")
    assert (found.task.name, found.model) == ("mmstar", "other")
    assert recognise(Path("answers.xlsx"), TASKS, task=find_task("mmstar")).model == "answers"


def test_a_link_to_a_result_is_the_same_result(tmp_path: Path) -> None:
    (tmp_path / "T20250102_Gabc").mkdir()
    (tmp_path / "T20250102_Gabc" / "m_MMStar.xlsx").write_bytes(b"")
    (tmp_path / "m_MMStar.xlsx").symlink_to(tmp_path / "T20250102_Gabc" / "m_MMStar.xlsx")
    assert len(foreign_files(tmp_path)) == 1


def test_an_empty_or_missing_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no files"):
        foreign_files(tmp_path)
    with pytest.raises(DataError, match="no such file"):
        foreign_files(tmp_path / "absent")

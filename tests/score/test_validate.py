"""`validate_run`: whatever is changed in a run by hand is named."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner

from tests.cli.made import SEEING, mmbench_tsv
from tests.score.runs import CHOICE, question, records, right, write_run, wrong
from vlmeval.cli.main import run, vlmeval
from vlmeval.data.catalog import find_task
from vlmeval.jsonio import read_json, write_json
from vlmeval.score.scorer import score_run
from vlmeval.score.validate import Validation, validate_run
from vlmeval.store.layout import RunFolder, find_runs
from vlmeval.store.manifest import fingerprint_of, recipe_of
from vlmeval.store.results import Manifest


def a_run(root: Path) -> RunFolder:
    """Run a small model on a small file, as a user does: sealed and scored."""
    (root / "seeing.py").write_text(SEEING, encoding="utf8")
    data = mmbench_tsv(root / "data.tsv", 10)
    with pytest.raises(SystemExit) as ended:
        run([
            "run", "--model", f"{root}/seeing.py:Seeing", "--tasks", "mmbench_dev_en",
            "--data", f"mmbench_dev_en={data}", "--quiet", "--no-report", "-o", str(root / "results"),
        ])  # fmt: skip
    assert ended.value.code == 0
    return find_runs([root / "results"])[0]


@pytest.fixture
def folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> RunFolder:
    found = a_run(tmp_path)
    capsys.readouterr()
    return found


def words(found: Validation) -> str:
    return "\n".join(fault.words() for fault in found.faults)


def edit(path: Path, line: int, change: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    """Change the JSON on one line of a file, counted from 1, and return it."""
    lines = path.read_text("utf8").splitlines(keepends=True)
    row: dict[str, Any] = json.loads(lines[line - 1])
    change(row)
    lines[line - 1] = json.dumps(row) + "\n"
    path.write_text("".join(lines), encoding="utf8")
    return row


def test_a_run_as_it_was_left_is_valid(folder: RunFolder) -> None:
    found = validate_run(folder, find_task("mmbench_dev_en"))
    assert words(found) == ""
    assert (found.valid, found.samples) == (True, 10)
    assert found.remarks == ()


@pytest.mark.parametrize("scorer", ["vlmevalkit", "lmms"])
def test_a_run_scored_by_another_scorer_is_valid_and_says_so(folder: RunFolder, scorer: str) -> None:
    score_run(folder, scorer=scorer, interval="analytic", slices=["category"], errors="wrong")
    found = validate_run(folder)
    assert words(found) == ""
    assert any(scorer in line for line in found.remarks)


def test_an_edited_score_is_named(folder: RunFolder) -> None:
    scores = json.loads(folder.scores.read_text("utf8"))
    scores["estimates"][0]["value"] = 0.95
    folder.scores.write_text(json.dumps(scores), encoding="utf8")
    (fault,) = validate_run(folder).faults
    assert fault.words() == "scores.json: circular: value is 0.95, the journal gives 0.8"


@pytest.mark.parametrize("key", ["coverage", "complete", "signature", "model"])
def test_any_other_claim_of_the_scores_is_checked_too(folder: RunFolder, key: str) -> None:
    scores = json.loads(folder.scores.read_text("utf8"))
    forged = {"coverage": {**scores["coverage"], "unparsed": 5}, "complete": False, "signature": "x|y", "model": "best"}
    scores[key] = forged[key]
    folder.scores.write_text(json.dumps(scores), encoding="utf8")
    assert key in words(validate_run(folder))


def test_an_edited_line_of_the_journal_is_named_with_the_samples_it_moves(folder: RunFolder) -> None:
    row = edit(folder.outputs, 3, lambda row: row["outcome"].update(text="none of them"))
    said = words(validate_run(folder))
    assert "outputs.jsonl, line 3: was edited after the run ended" in said
    assert f'sample "{row["sample_id"]}"' in said


def test_an_edited_line_is_named_even_after_scoring_again(folder: RunFolder) -> None:
    edit(folder.outputs, 3, lambda row: row["outcome"].update(text="none of them"))
    score_run(folder)
    assert words(validate_run(folder)) == "outputs.jsonl, line 3: was edited after the run ended"


def test_going_on_with_an_edited_run_does_not_wash_it(folder: RunFolder, tmp_path: Path) -> None:
    edit(folder.outputs, 2, lambda row: row["outcome"].update(text="none of them"))
    again = a_run(tmp_path)
    assert again == folder
    assert any("outputs.jsonl, line 2: was edited" in line for line in validate_run(folder).remarks)


def test_a_missing_sample_is_named_wherever_it_is_missing(folder: RunFolder) -> None:
    lines = folder.samples.read_text("utf8").splitlines(keepends=True)
    gone = json.loads(lines.pop(4))["id"]
    folder.samples.write_text("".join(lines), encoding="utf8")
    assert words(validate_run(folder)) == f'samples.jsonl, sample "{gone}": missing: the run asked this sample'


def test_answers_taken_out_of_the_journal_are_named_by_sample(folder: RunFolder) -> None:
    rows = folder.outputs.read_text("utf8").splitlines(keepends=True)
    kept = [row for row in rows if json.loads(row)["sample_id"] != "7"]
    assert len(kept) < len(rows)
    folder.outputs.write_text("".join(kept), encoding="utf8")
    score_run(folder)
    said = words(validate_run(folder))
    assert 'outputs.jsonl, sample "7": missing' in said
    assert "lines were removed after the run ended" in said


def test_a_question_taken_out_is_named(folder: RunFolder) -> None:
    rows = folder.questions.read_text("utf8").splitlines(keepends=True)
    folder.questions.write_text("".join(rows[:-1]), encoding="utf8")
    said = words(validate_run(folder))
    assert "questions.jsonl: 9 samples, run.json expects 10" in said
    assert 'sample "10": the run asked no such sample' in said


def test_a_changed_question_makes_its_answers_those_of_a_foreign_prompt(folder: RunFolder) -> None:
    row = edit(folder.questions, 2, lambda row: row.update(parts=["Which colour is it not?", *row["parts"][1:]]))
    said = words(validate_run(folder))
    assert "questions.jsonl, line 2: was edited" in said
    assert f'sample "{row["id"]}": foreign prompt: this answers another request' in said


def test_a_changed_recipe_is_named_by_its_key(folder: RunFolder) -> None:
    manifest = json.loads(folder.manifest_path.read_text("utf8"))
    manifest["task"]["sampling"]["temperature"] = 0.7
    folder.manifest_path.write_text(json.dumps(manifest), encoding="utf8")
    assert "task.sampling.temperature: there 0.0, asked 0.7" in words(validate_run(folder))
    manifest["recipe"]["task.sampling.temperature"] = 0.7
    folder.manifest_path.write_text(json.dumps(manifest), encoding="utf8")
    assert "run.json: the fingerprint is" in words(validate_run(folder))


def test_other_words_under_the_name_of_a_prompt_are_a_foreign_prompt(tmp_path: Path) -> None:
    task = find_task("pope")
    style = msgspec.structs.replace(task.prompts["vlmevalkit"], text="{question} Say no unless you are certain.")
    own = msgspec.structs.replace(task, prompt="vlmevalkit", prompts={"vlmevalkit": style})
    found = validate_run(write_run(tmp_path, [], [], task=own), task)
    assert 'foreign prompt: the words of "vlmevalkit" are not those that the catalog has by this name' in words(found)
    honest = validate_run(write_run(tmp_path, [], [], task=msgspec.structs.replace(task, prompt="vlmevalkit")), task)
    assert "foreign prompt" not in words(honest)
    assert any(line.startswith('prompt is "vlmevalkit"') for line in honest.remarks)


def test_a_run_from_before_seals_is_checked_as_far_as_it_goes(tmp_path: Path) -> None:
    samples = [question(number) for number in range(4)]
    answers = records(CHOICE, samples, lambda one, request: (wrong if one.id == "q1" else right)(one, request))
    folder = write_run(tmp_path, samples, answers)
    manifest = read_json(folder.manifest_path, Manifest)
    recipe = recipe_of(manifest.task, manifest.model_name, {}, manifest.origin)
    fingerprint = fingerprint_of(recipe)
    write_json(
        folder.manifest_path,
        msgspec.structs.replace(manifest, recipe=recipe, fingerprint=fingerprint, run_id=fingerprint[:12]),
    )
    score_run(folder)
    found = validate_run(folder)
    assert words(found) == ""
    assert found.remarks[0].startswith("not sealed")


def test_the_command_ends_with_1_and_names_the_fault(folder: RunFolder) -> None:
    runner = CliRunner()
    good = runner.invoke(vlmeval, ["validate", str(folder.path)], standalone_mode=False)
    assert (good.return_value, "valid" in good.output) == (0, True)
    edit(folder.outputs, 1, lambda row: row["outcome"].update(text="?"))
    bad = runner.invoke(vlmeval, ["validate", str(folder.path), "--format", "json"], standalone_mode=False)
    assert bad.return_value == 1
    (told,) = json.loads(bad.output)
    assert told["valid"] is False
    assert {key: told["faults"][0][key] for key in ("file", "line")} == {"file": "outputs.jsonl", "line": 1}


def test_a_damaged_manifest_is_a_fault_of_that_run_alone(folder: RunFolder) -> None:
    folder.manifest_path.write_text("{", encoding="utf8")
    bad = CliRunner().invoke(vlmeval, ["validate", str(folder.path)], standalone_mode=False)
    assert bad.return_value == 1
    assert "run.json" in bad.output

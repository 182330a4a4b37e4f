from pathlib import Path
from typing import Any

import msgspec
import pytest

from vlmeval.data.task import PromptStyle, Task
from vlmeval.errors import ConfigError, JournalError, ModelError
from vlmeval.store.layout import RunFolder
from vlmeval.store.manifest import (
    choose_folder,
    continued,
    differences,
    fingerprint_of,
    read_manifest,
    recipe_of,
    without_secrets,
    write_manifest,
)
from vlmeval.store.results import Manifest, Origin, RunState
from vlmeval.types import Sampling

TASK = Task(
    name="t",
    benchmark="b",
    split="dev",
    kind="choice",
    metrics=("circular",),
    primary="circular",
    prompt="plain",
    prompts={"plain": PromptStyle("{question}"), "other": PromptStyle("Q: {question}")},
    sampling=Sampling(temperature=0.0, max_tokens=64),
    options={"circular": True},
)
ORIGIN = Origin("b", "d1", rows=10)


def recipe(task: Task = TASK, origin: Origin = ORIGIN, **model: Any) -> dict[str, Any]:
    return recipe_of(task, "m", {"dtype": "float16", **model}, origin)


def manifest(recipe: dict[str, Any]) -> Manifest:
    fingerprint = fingerprint_of(recipe)
    return Manifest(
        run_id=fingerprint[:12],
        fingerprint=fingerprint,
        recipe=recipe,
        task=TASK,
        model="m",
        model_name="m",
        origin=ORIGIN,
    )


def test_the_recipe_is_flat_and_says_what_reaches_the_model() -> None:
    assert recipe(layers={"a": [1, (2,)]}, revision=None) == {
        "task.name": "t",
        "task.version": 1,
        "task.kind": "choice",
        "task.sampling.temperature": 0.0,
        "task.sampling.max_tokens": 64,
        "task.prompt.name": "plain",
        "task.prompt.text": "{question}",
        "task.prompt.option": "{letter}. {choice}\n",
        "task.options.circular": True,
        "model.name": "m",
        "model.dtype": "float16",
        "model.layers.a": [1, [2]],
        "data.dataset": "b",
        "data.digest": "d1",
        "data.rows": 10,
    }


@pytest.mark.parametrize(
    "change",
    [
        {"title": "T", "metrics": ("vanilla",), "slices": ("category",), "notes": ("n",), "suites": ("demo",)},
        {"prompts": {**TASK.prompts, "third": PromptStyle("x")}},
        {"options": {"circular": True, "policy": "official"}},
    ],
)
def test_what_changes_no_request_is_the_same_run(change: dict[str, Any]) -> None:
    assert recipe(msgspec.structs.replace(TASK, **change)) == recipe()


@pytest.mark.parametrize(
    "change",
    [{"version": 2}, {"prompt": "other"}, {"sampling": Sampling()}, {"options": {}}, {"system": "Be brief."}],
)
def test_what_changes_a_request_is_another_run(change: dict[str, Any]) -> None:
    assert fingerprint_of(recipe(msgspec.structs.replace(TASK, **change))) != fingerprint_of(recipe())


def test_other_data_fewer_rows_or_another_model_are_other_runs() -> None:
    prints = {
        fingerprint_of(one)
        for one in (
            recipe(),
            recipe(origin=Origin("b", "d2", rows=10)),
            recipe(origin=Origin("b", "d1", rows=9)),
            recipe(dtype="bfloat16"),
        )
    }
    assert len(prints) == 4


def test_a_model_recipe_that_is_not_json_is_the_models_error() -> None:
    with pytest.raises(ModelError, match=r"model m: what its recipe\(\) returns is not JSON"):
        recipe(thing=object())


def test_folders_are_those_of_the_fingerprint_and_fresh_starts_one_more(tmp_path: Path) -> None:
    run_id = fingerprint_of(recipe())[:12]
    first = choose_folder(tmp_path, "t", "m", recipe())
    assert first.path == tmp_path / "t" / "m" / run_id
    assert choose_folder(tmp_path, "t", "m", recipe(), fresh=True) == first
    for name in (f"{run_id}-2", f"{run_id}-3"):
        write_manifest(first, manifest(recipe()))
        first = choose_folder(tmp_path, "t", "m", recipe(), fresh=True)
        assert first.path.name == name
    write_manifest(first, manifest(recipe()))
    assert choose_folder(tmp_path, "t", "m", recipe()) == first


def begun(tmp_path: Path, state: RunState) -> RunFolder:
    """Write a run of a user's model file "before" and return its folder."""
    folder = choose_folder(tmp_path, "t", "m", recipe(file_sha256="before"))
    write_manifest(folder, msgspec.structs.replace(manifest(recipe(file_sha256="before")), state=state))
    return folder


def test_a_run_that_a_bug_broke_off_goes_on_with_the_mended_file_and_says_so(tmp_path: Path) -> None:
    folder = begun(tmp_path, "interrupted")
    mended = recipe(file_sha256="after")
    assert choose_folder(tmp_path, "t", "m", mended) == folder
    taken = continued(folder, mended)
    assert taken is not None
    assert taken.recipe == mended
    assert taken.mended == ["the model's file was changed after 0 answers (before to after)"]
    write_manifest(folder, msgspec.structs.replace(taken, state="complete"))
    assert choose_folder(tmp_path, "t", "m", mended) == folder


@pytest.mark.parametrize("change", [{"file_sha256": "after", "dtype": "bfloat16"}, {"file_sha256": "after"}])
def test_a_finished_run_and_another_recipe_never_pass_for_a_mended_file(tmp_path: Path, change: dict[str, str]) -> None:
    folder = begun(tmp_path, "interrupted" if "dtype" in change else "complete")
    assert choose_folder(tmp_path, "t", "m", recipe(**change)) != folder


def test_a_run_folder_given_as_results_is_that_run(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    write_manifest(folder, manifest(recipe()))
    assert choose_folder(folder.path, "t", "m", recipe()) == folder
    with pytest.raises(ConfigError, match="--fresh"):
        choose_folder(folder.path, "t", "m", recipe(), fresh=True)


def test_a_run_of_another_recipe_is_refused_with_every_key_and_both_values(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    write_manifest(folder, manifest(recipe(quantized=True)))
    with pytest.raises(JournalError) as caught:
        continued(folder, recipe(msgspec.structs.replace(TASK, prompt="other"), dtype="bfloat16"))
    message = str(caught.value)
    assert 'model.dtype: there "float16", asked "bfloat16"' in message
    assert "model.quantized: there true, asked absent" in message
    assert 'task.prompt.name: there "plain", asked "other"' in message
    assert 'task.prompt.text: there "{question}", asked "Q: {question}"' in message
    assert "--fresh" in message
    assert "-o" in message


def test_long_values_are_shown_around_their_first_difference() -> None:
    (line,) = differences({"p": "x" * 500 + "A" + "y" * 500}, {"p": "x" * 500 + "B" + "y" * 500})
    assert len(line) < 200
    assert "xA" in line
    assert "xB" in line


def test_the_same_recipe_continues_and_a_new_folder_begins(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    assert continued(folder, recipe()) is None
    written = manifest(recipe(layers=(1, 2)))
    write_manifest(folder, written)
    assert continued(folder, recipe(layers=(1, 2))) == read_manifest(folder)


def test_a_doctored_fingerprint_is_refused(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    write_manifest(folder, msgspec.structs.replace(manifest(recipe()), fingerprint="f" * 64))
    with pytest.raises(JournalError, match="fingerprint: there"):
        continued(folder, recipe())


def test_answers_without_a_recipe_are_not_continued(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.outputs.write_text("")
    with pytest.raises(JournalError, match=r"no run\.json"):
        continued(folder, recipe())


def test_keys_and_logins_do_not_reach_the_recorded_command() -> None:
    command = ["vlmeval", "run", "--api-key", "sk-1", "--model-args", "api_key=sk-2,detail=low", "--base-url"]
    kept = without_secrets([*command, "https://me:pass@host/v1", "--token=sk-3", "--max-tokens", "64"])
    assert "sk-" not in " ".join(kept)
    assert "pass" not in " ".join(kept)
    assert kept[5] == "api_key=***,detail=low"
    assert kept[7] == "https://***@host/v1"

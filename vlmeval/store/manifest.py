"""run.json: what defines a run (its recipe and fingerprint), and whether a folder may be continued.

The fingerprint covers task, model and data: what defines the number. How it was reached (concurrency, paths, hardware,
versions) is recorded beside it. A run whose fingerprint differs is another run.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from vlmeval.data.task import READING_OPTIONS, Task
from vlmeval.errors import ConfigError, JournalError, ModelError
from vlmeval.jsonio import digest, read_json, write_json
from vlmeval.store.layout import RUN_ID_DIGITS, RunFolder, last_number, numbered, run_folder, sharded
from vlmeval.store.results import Manifest, Origin, Shard

ASKED = ("name", "version", "kind", "system", "sampling")
SCORING_OPTIONS = READING_OPTIONS | {"protocol", "judge_epochs"}
SHOWN_CHARACTERS = 60
MODEL_FILE = "model.file_sha256"
_SECRET = re.compile(r"(?i)((?:api[-_]?key|token|secret|password|authorization|bearer)\s*[=:]\s*)[^\s,]+")
_SECRET_OPTION = re.compile(r"(?i)-.*(?:api[-_]?key|token|secret|password|authorization)")
_ADDRESS_LOGIN = re.compile(r"(://)[^/@\s]+@")


def recipe_of(
    task: Task, model_name: str, model_recipe: Mapping[str, Any], origin: Origin, *, limit: int | None = None
) -> dict[str, Any]:
    """Return what defines the answers of a run, as flat keys "task.*", "model.*", "data.*" with JSON values.

    Of the task only what reaches the model enters: titles, metrics, slices and the reading of replies can change
    without asking again, and the place of the data is not its content. None and empty settings are left out, so that
    a new setting does not part old runs from new.
    `data.rows` stands for `--limit`, because the digest of a hub data set is that of its revision, not of its rows.
    Raises ModelError for a model recipe that is not JSON.
    """
    options = {key: value for key, value in task.options.items() if key not in SCORING_OPTIONS}
    try:
        given = _plain(dict(model_recipe))
    except (TypeError, msgspec.MsgspecError) as error:
        raise ModelError(f"model {model_name}: what its recipe() returns is not JSON: {error}") from error
    tables = {
        "task": {key: getattr(task, key) for key in ASKED},
        "task.prompt": {"name": task.prompt, **_plain(task.prompts.get(task.prompt, {}))},
        "task.options": options,
        "model": {"name": model_name, **given},
        "data": {
            "dataset": origin.dataset,
            "digest": origin.digest,
            "revision": origin.revision,
            "rows": limit if origin.rows is None else origin.rows,
            "blind": origin.blind,
        },
    }
    return {key: value for name, table in tables.items() for key, value in _flat(name, _plain(table))}


def _plain(value: object) -> Any:
    """Return `value` as JSON spells it: lists for tuples, str keys."""
    return msgspec.json.decode(msgspec.json.encode(value))


def _flat(name: str, value: Any) -> list[tuple[str, Any]]:
    if isinstance(value, dict):
        return [pair for key, item in sorted(value.items()) for pair in _flat(f"{name}.{key}", item)]
    return [] if value is None or value in ("", []) else [(name, value)]


def fingerprint_of(recipe: Mapping[str, Any]) -> str:
    """Return the digest of a recipe; its first 12 digits are the run id."""
    return digest(recipe)


def choose_folder(
    results: Path,
    task_name: str,
    model_name: str,
    recipe: Mapping[str, Any],
    *,
    fresh: bool = False,
    shard: Shard | None = None,
) -> RunFolder:
    """Return the folder of the run to start or continue: the newest of this recipe, with `fresh` one more.

    `results` may itself be a run folder (it holds run.json); then that run is meant.
    """
    if (results / "run.json").exists():
        if fresh:
            raise ConfigError(f"{results} is a run; with --fresh, -o names the folder above the runs")
        return RunFolder(results)
    run_id = fingerprint_of(recipe)[:RUN_ID_DIGITS]
    if shard is not None:
        run_id = sharded(run_id, shard.index, shard.count)
    number = last_number(results, task_name, model_name, run_id)
    number = number + 1 if fresh else max(number, 1)
    folder = run_folder(results, task_name, model_name, numbered(run_id, number))
    if fresh or folder.manifest_path.exists() or MODEL_FILE not in recipe:
        return folder
    return _broken_off(folder, recipe, shard) or folder


def _broken_off(folder: RunFolder, recipe: Mapping[str, Any], shard: Shard | None) -> RunFolder | None:
    """Return the run beside `folder` that an earlier version of the user's model file began and did not finish.

    A bug in that file stops a run; mending it must not cost the answers that were given. A finished run is never taken:
    there a changed file means a changed model.
    """
    found = None
    for path in sorted(folder.path.parent.glob("*/run.json")):
        manifest = read_json(path, Manifest)
        if manifest.shard != shard:
            continue
        if manifest.recipe == recipe:
            return RunFolder(path.parent)
        keys = {key for key in (*manifest.recipe, *recipe) if manifest.recipe.get(key) != recipe.get(key)}
        if keys == {MODEL_FILE} and manifest.state in ("running", "interrupted"):
            found = RunFolder(path.parent)
    return found


def read_manifest(folder: RunFolder) -> Manifest:
    """Return run.json. Raises JournalError where it is missing or not that."""
    return read_json(folder.manifest_path, Manifest)


def write_manifest(folder: RunFolder, manifest: Manifest) -> None:
    """Write run.json by rename."""
    write_json(folder.manifest_path, manifest)


def continued(folder: RunFolder, recipe: Mapping[str, Any], shard: Shard | None = None) -> Manifest | None:
    """Return the manifest of the run to continue, None where the folder is new.

    Raises JournalError where the folder belongs to another recipe, naming each key that differs and both values, to
    another shard, or holds answers without a recipe.
    """
    if not folder.manifest_path.exists():
        if folder.outputs.exists():
            raise JournalError(
                f"{folder.path}: holds answers, but no run.json that says of what; "
                "put run.json back, move the folder away, or choose another -o"
            )
        return None
    manifest = read_manifest(folder)
    if manifest.state in ("running", "interrupted") and MODEL_FILE in recipe and MODEL_FILE in manifest.recipe:
        _take_over(manifest, recipe)
    if manifest.shard != shard:
        there, asked = (f"shard {part.title}" if part else "a whole run" for part in (manifest.shard, shard))
        raise JournalError(f"{folder.path}: holds {there}, asked is {asked}; name another -o")
    lines = differences(manifest.recipe, recipe)
    if not lines and manifest.fingerprint != fingerprint_of(recipe):
        lines = [f'fingerprint: there "{manifest.fingerprint}", asked "{fingerprint_of(recipe)}"']
    if lines:
        raise JournalError(
            f"{folder.path}: this run was made with another recipe:\n"
            + "".join(f"  {line}\n" for line in lines)
            + "ask for the same again, or start a new run: --fresh beside it, or another -o"
        )
    return manifest


def _take_over(manifest: Manifest, recipe: Mapping[str, Any]) -> None:
    """Let an unfinished run go on with the user's model file as it is now, and note how many answers are older."""
    before, now = manifest.recipe[MODEL_FILE], recipe[MODEL_FILE]
    if before == now or manifest.fingerprint != fingerprint_of(manifest.recipe):
        return
    answers = manifest.counts.get("answered", 0)
    manifest.mended.append(f"the model's file was changed after {answers} answers ({before[:8]} to {now[:8]})")
    manifest.recipe[MODEL_FILE] = now
    manifest.fingerprint = fingerprint_of(manifest.recipe)


def differences(there: Mapping[str, Any], asked: Mapping[str, Any]) -> list[str]:
    """Return one line for each key whose values differ: 'model.dtype: there "float16", asked "bfloat16"'."""
    keys = [key for key in sorted({*there, *asked}) if there.get(key) != asked.get(key)]
    return [f"{key}: there {_shown(there, key, asked)}, asked {_shown(asked, key, there)}" for key in keys]


def _shown(values: Mapping[str, Any], key: str, others: Mapping[str, Any]) -> str:
    """Return a value in at most 60 characters, those around the first difference."""
    if key not in values:
        return "absent"
    text = msgspec.json.encode(values[key]).decode()
    other = msgspec.json.encode(others.get(key)).decode()
    same = next((at for at, (one, two) in enumerate(zip(text, other, strict=False)) if one != two), 0)
    start = max(0, same - SHOWN_CHARACTERS // 2) if len(text) > SHOWN_CHARACTERS else 0
    end = start + SHOWN_CHARACTERS
    return ("..." if start else "") + text[start:end] + ("..." if end < len(text) else "")


def without_secrets(command: Sequence[str]) -> list[str]:
    """Return a command line with keys, tokens, passwords and logins in addresses as "***"."""
    kept: list[str] = []
    for index, word in enumerate(command):
        if index and _SECRET_OPTION.fullmatch(command[index - 1]):
            kept.append("***")
        else:
            kept.append(_ADDRESS_LOGIN.sub(r"\1***@", _SECRET.sub(r"\1***", word)))
    return kept

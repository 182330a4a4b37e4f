"""`vlmeval export`: every form, and what is sent to W&B and MLflow through their public calls."""

from __future__ import annotations

import json
import sys
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.cli import test_run
from tests.cli.test_run import Vlmeval
from tests.score.compared import first, scored
from tests.score.runs import question

vlmeval = test_run.vlmeval


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return scored(tmp_path / "r", "old", first(60)).path


class Wandb(ModuleType):
    """Stands in for wandb: the calls of docs.wandb.ai/ref/python that are used, kept."""

    def __init__(self) -> None:
        super().__init__("wandb")
        self.given: dict[str, Any] = {}
        self.summary: dict[str, float] = {}
        self.logged: dict[str, Any] = {}
        self.exit_code: int | None = None

    def init(self, *, project: str, name: str, job_type: str, config: dict[str, Any]) -> Wandb:
        self.given = {"project": project, "name": name, "job_type": job_type, "config": config}
        return self

    def Table(self, *, columns: list[str], data: list[list[Any]]) -> dict[str, Any]:  # noqa: N802
        assert all(len(row) == len(columns) for row in data)
        return {"columns": columns, "data": data}

    def log(self, values: dict[str, Any]) -> None:
        self.logged |= values

    def finish(self, *, exit_code: int) -> None:
        self.exit_code = exit_code


class Mlflow(ModuleType):
    """Stands in for mlflow's fluent interface; refuses what a server refuses."""

    def __init__(self) -> None:
        super().__init__("mlflow")
        self.experiment = ""
        self.runs: list[str] = []
        self.params: dict[str, str] = {}
        self.metrics: dict[str, float] = {}
        self.files: dict[str, Any] = {}

    def set_experiment(self, name: str) -> None:
        self.experiment = name

    def start_run(self, *, run_name: str, tags: dict[str, str]) -> AbstractContextManager[None]:
        assert tags["vlmeval.signature"]
        self.runs.append(run_name)
        return nullcontext()

    def log_params(self, params: dict[str, str]) -> None:
        assert len(params) <= 100
        assert all(isinstance(value, str) and len(value) <= 500 for value in params.values())
        self.params |= params

    def log_metrics(self, metrics: dict[str, float]) -> None:
        for name in metrics:
            assert len(name) <= 250
            assert all(one.isalnum() or one in "_-. /" for one in name), name
            assert not {"", ".", ".."} & set(name.split("/")), name
        self.metrics |= metrics

    def log_dict(self, value: dict[str, Any], artifact_file: str) -> None:
        self.files[artifact_file] = value

    def log_table(self, data: dict[str, list[Any]], artifact_file: str) -> None:
        self.files[artifact_file] = data


def test_texts_go_to_stdout_or_to_a_file(vlmeval: Vlmeval, run: Path) -> None:
    status, out, err = vlmeval("export", run, "--format", "latex")
    assert (status, err) == (0, "")
    assert "\\begin{tabular}{lr}" in out
    assert vlmeval("export", run, "--format", "model-index", "-o", "out/card.yaml") == (
        0,
        "export   out/card.yaml\n",
        "",
    )
    assert Path("out/card.yaml").read_text("utf8").startswith("model-index:\n")
    assert vlmeval("export", run, "--format", "markdown")[1].startswith("| Model | exam (accuracy) |\n")
    (one,) = json.loads(vlmeval("export", run, "--format", "json")[1])["runs"]
    assert one["scores"]["estimates"][0]["value"] == 0.75


def test_wandb_gets_figures_recipe_and_samples(vlmeval: Vlmeval, run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wandb = Wandb()
    monkeypatch.setitem(sys.modules, "wandb", wandb)
    status, _, err = vlmeval("export", run, "--format", "wandb", "--project", "papers", "--samples")
    assert (status, err) == (0, "")
    assert (wandb.given["project"], wandb.given["name"], wandb.exit_code) == ("papers", "exam old r1", 0)
    assert wandb.given["config"]["model.dtype"] == "float16"
    assert wandb.given["config"]["signature"].startswith("exam:1|accuracy|")
    assert (wandb.summary["accuracy"], wandb.summary["accuracy/n"], wandb.summary["accuracy/coverage"]) == (75, 80, 1)
    assert wandb.summary["accuracy/low"] < 75 < wandb.summary["accuracy/high"]
    assert wandb.summary["accuracy/category=even/n"] == 40
    table = wandb.logged["samples"]
    rows = [dict(zip(table["columns"], row, strict=True)) for row in table["data"]]
    assert [row["right"] for row in rows].count(True) == 60
    assert rows[0]["question"] == "What is in picture 0?"


def test_mlflow_gets_names_that_it_takes_whatever_a_slice_is_called(
    vlmeval: Vlmeval, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ("..", "a/b", "颜色", "a+b", "a*b", "x" * 400)
    samples = [question(number, category=names[number % len(names)]) for number in range(60)]
    folder = scored(tmp_path / "r", "old", first(30), samples=samples).path
    mlflow = Mlflow()
    monkeypatch.setitem(sys.modules, "mlflow", mlflow)
    assert vlmeval("export", folder, "--format", "mlflow", "--samples")[0] == 0
    assert (mlflow.experiment, mlflow.runs) == ("vlmeval", ["exam old r1"])
    assert (mlflow.metrics["accuracy"], mlflow.metrics["accuracy/n"]) == (50, 60)
    assert mlflow.metrics["accuracy/category_x3d_颜色/n"] == 10
    assert [name.endswith("/n") for name in mlflow.metrics].count(True) == 1 + len(names)
    assert mlflow.params["model.dtype"] == "float16"
    assert mlflow.files["recipe.json"]["model"] == "old"
    assert len(mlflow.files["samples.json"]["reply"]) == 60


@pytest.mark.parametrize("name", ["wandb", "mlflow"])
def test_without_the_package_the_error_has_the_command(
    vlmeval: Vlmeval, run: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setitem(sys.modules, name, None)
    status, _, err = vlmeval("export", run, "--format", name)
    assert status == 2
    assert f"pip install 'vlmeval[{name}]'" in err


def test_an_option_that_the_format_does_not_have_is_wrong_use(vlmeval: Vlmeval, run: Path) -> None:
    assert vlmeval("export", run, "--format", "latex", "--samples")[0] == 2
    assert vlmeval("export", run, "--format", "json", "--project", "x")[0] == 2
    status, _, err = vlmeval("export", run, "--format", "wandb", "-o", "x")
    assert status == 2
    assert "--project" in err

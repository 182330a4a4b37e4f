"""`vlmeval explain`: a heat map beside the run, and in its page."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli import test_run
from tests.cli.test_run import Vlmeval
from vlmeval.cli.explain import model_of
from vlmeval.store.explained import map_name, read_maps
from vlmeval.store.layout import RunFolder
from vlmeval.store.manifest import read_manifest

vlmeval = test_run.vlmeval


@pytest.fixture
def demo_run(vlmeval: Vlmeval, tmp_path: Path) -> RunFolder:
    """A run of the demo model on eight questions, with its page."""
    pytest.importorskip("transformers")
    status, _, err = vlmeval("run", "--model", "demo", "--tasks", "demo_mmbench", "--limit", 8, "--quiet")
    assert status == 0, err
    (path,) = (tmp_path / "results").glob("*/*/*/run.json")
    return RunFolder(path.parent)


def test_a_map_is_written_beside_the_run_and_shown_in_its_page(vlmeval: Vlmeval, demo_run: RunFolder) -> None:
    status, out, err = vlmeval("explain", "results", "7")
    assert (status, err) == (0, "")
    (found,) = read_maps(demo_run)
    assert (found.sample_id, found.variant, found.method, found.model) == ("7", "rot0", "gradient", "demo")
    assert sum(map(sum, found.weights)) == pytest.approx(1, abs=1e-4)
    name = map_name("7", "rot0", 0)
    written = demo_run.path / "explain" / name
    assert written.with_suffix(".png").read_bytes().startswith(b"\x89PNG")
    assert f"{name}.html" in out
    assert "default-src" in written.with_suffix(".html").read_text("utf8")
    (page,) = Path("reports").glob("demo_mmbench/demo/*.html")
    assert page.read_text("utf8").count('"maps":[') == 1
    assert '"explained":true' in page.read_text("utf8")


def test_another_variant_and_method_stand_beside_the_first(vlmeval: Vlmeval, demo_run: RunFolder) -> None:
    for arguments in ((), ("--variant", "rot1", "--method", "rollout"), ("--method", "attention")):
        assert vlmeval("explain", demo_run.path, "7", *arguments)[0] == 0
    assert sorted((one.variant, one.method) for one in read_maps(demo_run)) == [
        ("rot0", "attention"),
        ("rot1", "rollout"),
    ]


def test_what_cannot_be_explained_is_said_with_the_way_out(
    vlmeval: Vlmeval, demo_run: RunFolder, tmp_path: Path
) -> None:
    assert 'no sample "77"' in vlmeval("explain", demo_run.path, "77")[2]
    assert 'no request "rot9"; it has rot0' in vlmeval("explain", demo_run.path, "7", "--variant", "rot9")[2]
    status, _, err = vlmeval("explain", demo_run.path, "7", "--model", f"replay:{demo_run.path}")
    assert status == 2
    assert "its attention cannot be seen" in err
    manifest = json.loads(demo_run.manifest_path.read_bytes())
    demo_run.manifest_path.write_text(json.dumps({**manifest, "model_name": "mine"}))
    assert "name it with --model" in vlmeval("explain", demo_run.path, "7")[2]
    demo_run.outputs.write_bytes(b"")
    assert "no reply to explain" in vlmeval("explain", demo_run.path, "7")[2]


def test_the_model_is_that_of_the_command_with_its_settings(demo_run: RunFolder) -> None:
    manifest = read_manifest(demo_run)
    manifest.command = ["vlmeval", "run", "--model", "hf:org/one", "--model=demo", "--model-args", "batch=2"]
    assert model_of(manifest, None) == ("demo", {"batch": 2})
    manifest.command = ["vlmeval", "run", "--model", "hf:org/one"]
    assert model_of(manifest, None) == ("hf:org/one", {})
    manifest.command = ["vlmeval", "run", "--model", "demo,hf:org/one"]
    assert model_of(manifest, None) == ("demo", {})
    assert model_of(manifest, "demo-small") == ("demo-small", {})


def test_another_model_than_the_run_s_is_said(vlmeval: Vlmeval, demo_run: RunFolder) -> None:
    status, _, err = vlmeval("explain", demo_run.path, "7", "--model", "demo-small")
    assert status == 0
    assert "warning: the model is not the run's: model." in err
    (found,) = read_maps(demo_run)
    assert found.model == "demo-small"


def test_a_damaged_map_is_named_and_the_page_is_not_written_over(vlmeval: Vlmeval, demo_run: RunFolder) -> None:
    assert vlmeval("explain", demo_run.path, "7")[0] == 0
    (path,) = (demo_run.path / "explain").glob("*.json")
    path.write_text("{")
    status, _, err = vlmeval("report", demo_run.path)
    assert status != 0
    assert str(path) in err
    assert "delete it" in err

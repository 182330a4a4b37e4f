"""`import vlmeval` in a notebook: run, score, compare and load_runs, and the examples of their documentation."""

from __future__ import annotations

import doctest
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import vlmeval
from tests.score.compared import first, scored
from vlmeval.cli import api
from vlmeval.errors import ConfigError, VlmevalError

EXAMPLES: Any = vlmeval


@pytest.fixture
def results(tmp_path: Path) -> Path:
    for name, count in (("new", 40), ("old", 60)):
        scored(tmp_path / "r", name, first(count))
    return tmp_path / "r"


def test_the_examples_of_the_documentation_run_on_the_demo_models(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("torch", reason="the demo models need torch")
    pytest.importorskip("pandas", reason="load_runs needs pandas")
    monkeypatch.chdir(tmp_path)
    finder, runner = doctest.DocTestFinder(), doctest.DocTestRunner()
    for function in (api.run, api.score, api.compare, api.load_runs):
        if function is api.compare:
            api.run(model="demo-small", tasks="demo_mmbench", limit=4)
        (example,) = finder.find(function, globs={"vlmeval": vlmeval})
        assert example.examples, function
        runner.run(example)
    assert runner.summarize().failed == 0


def test_importing_is_light_and_the_packages_stay_packages() -> None:
    code = (
        "import sys, vlmeval; assert not any(name.startswith('vlmeval.') for name in sys.modules)\n"
        "import vlmeval.run.session as session, vlmeval.score.table as table\n"
        "assert session.run_task and table.number and callable(vlmeval.run) and callable(vlmeval.score)\n"
        "assert {'run', 'score', 'compare', 'load_runs'} <= set(dir(vlmeval))\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).resolve().parent.parent)
    with pytest.raises(AttributeError, match="no attribute 'evaluate'"):
        EXAMPLES.evaluate()


def test_score_is_of_one_run(results: Path) -> None:
    scores = EXAMPLES.score(results / "exam" / "old")
    assert (scores.model, scores.estimates[0].value, scores.coverage.samples) == ("old", 0.75, 80)
    with pytest.raises(ConfigError, match="holds 2 runs; name one of them"):
        EXAMPLES.score(results)


def test_compare_pairs_the_samples(results: Path) -> None:
    comparison = EXAMPLES.compare(results / "exam" / "old", results / "exam" / "new", slices=False)
    (figure,) = comparison.tasks[0].figures
    assert (figure.outcome, figure.lost, figure.gained) == ("worse", 20, 0)
    assert EXAMPLES.compare(results, baseline="old").baseline == "old"


def test_load_runs_has_a_row_an_estimate(results: Path) -> None:
    pytest.importorskip("pandas", reason="load_runs needs pandas")
    frame = EXAMPLES.load_runs(results)
    assert len(frame) == 6
    overall = frame[frame["slice"] == ""].set_index("model")
    assert overall.loc["old", ["value", "n", "clusters", "coverage"]].tolist() == [75.0, 80, 80, 1.0]
    assert overall.loc["old", "low"] < 75 < overall.loc["old", "high"]
    assert overall.loc["old", "run"] == str(results / "exam" / "old" / "r1")
    assert frame["signature"].str.startswith("exam:1|accuracy|").all()


def test_load_runs_has_a_row_a_sample(results: Path) -> None:
    pytest.importorskip("pandas", reason="load_runs needs pandas")
    frame = EXAMPLES.load_runs([results / "exam" / "old", results / "exam" / "new"], samples=True)
    assert len(frame) == 160
    assert frame.groupby("model")["right"].sum().to_dict() == {"new": 40, "old": 60}
    assert frame["state"].unique().tolist() == ["answered"]


def test_without_pandas_the_error_has_the_command(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ConfigError, match=r"pip install 'vlmeval\[pandas\]'"):
        EXAMPLES.load_runs(results)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"limits": 3}, 'no option "limits".*limit'),
        ({"limit": 0}, "limit.*0 is not in the range"),
        ({"offline": "yes"}, "offline: expected True or False"),
        ({"tasks": "no_such_task"}, "no_such_task"),
    ],
)
def test_wrong_options_are_errors_that_name_them(options: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        EXAMPLES.run(**{"model": "demo", "tasks": "demo_mmbench", **options})


def test_a_broken_run_is_an_error_after_the_others_are_saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("my.py").write_text("class First:\n    def generate(self, requests):\n        return ['A'] * len(requests)\n")
    Path("bad.tsv").write_text("index\tquestion\n1\twhat?\n")
    with pytest.raises(VlmevalError, match=r"bad\.tsv"):
        EXAMPLES.run(
            model="my.py:First", tasks=["demo_mmbench", "demo_mmmu"], data={"demo_mmbench": "bad.tsv"}, limit=2
        )
    (saved,) = Path("results").glob("*/*/*/scores.json")
    assert saved.parts[1] == "demo_mmmu"


def test_options_are_read_as_the_command_line_reads_them() -> None:
    from vlmeval.cli.run import command

    asked = {"model": ["a", "b"], "tasks": "t", "model_args": {"x": 1, "y": "z"}, "limit": None, "quiet": True}
    given = api.parsed(command, asked)
    assert given["models"] == ("a", "b")
    assert given["model_args"] == ("x=1", "y=z")
    assert (given["limit"], given["quiet"], given["results"]) == (None, True, Path("results"))

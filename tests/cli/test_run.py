"""`vlmeval run` as a person types it, on files and models nobody here made before."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.made import SEEING, mmbench_rows, mmbench_tsv, write_tsv
from vlmeval.cli.main import run

Vlmeval = Callable[..., tuple[int, str, str]]


@pytest.fixture
def vlmeval(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Vlmeval:
    """Return a function that runs the command line in an empty folder: (exit status, stdout, stderr)."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LMUData", str(tmp_path / "LMUData"))

    def call(*arguments: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            run([str(argument) for argument in arguments])
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    return call


@pytest.fixture
def seeing(tmp_path: Path) -> str:
    (tmp_path / "my.py").write_text(SEEING)
    return "my.py:Seeing"


def only_run(root: Path) -> Path:
    (found,) = (root / "results").glob("*/*/*/run.json")
    return found.parent


def estimates(folder: Path) -> dict[tuple[str, str], dict[str, Any]]:
    scores = json.loads((folder / "scores.json").read_bytes())
    return {(item["metric"], item["slice"]): item for item in scores["estimates"]}


def test_own_model_on_own_file_gives_the_counted_scores(vlmeval: Vlmeval, seeing: str, tmp_path: Path) -> None:
    data = mmbench_tsv(tmp_path / "q.tsv", 20)
    status, out, err = vlmeval("run", "--model", seeing, "--tasks", "mmbench", "--data", f"mmbench={data}")
    assert status == 0, err
    found = estimates(only_run(tmp_path))
    assert found["circular", ""]["value"] == pytest.approx(16 / 20)
    assert found["vanilla", ""]["value"] == pytest.approx(16 / 20)
    assert found["vanilla_all", ""]["value"] == pytest.approx(64 / 80)
    assert found["circular", "category=tone"]["samples"] == 10
    assert found["circular", ""]["low"] < 0.8 < found["circular", ""]["high"]
    assert "80.0" in out
    (page,) = (tmp_path / "reports").glob("*/*/*.html")
    assert "What colour is picture 7?" in page.read_text("utf8")


def test_the_same_command_again_asks_nothing(vlmeval: Vlmeval, seeing: str, tmp_path: Path) -> None:
    data = mmbench_tsv(tmp_path / "q.tsv", 5)
    line = ["run", "--model", seeing, "--model-args", f"log={tmp_path / 'calls'}", "--tasks", "mmbench"]
    line += ["--data", f"mmbench={data}"]
    assert vlmeval(*line)[0] == 0
    before = (only_run(tmp_path) / "scores.json").read_bytes()
    assert vlmeval(*line, "--concurrency", 2)[0] == 0
    assert len((tmp_path / "calls").read_text().splitlines()) == 20
    assert (only_run(tmp_path) / "scores.json").read_bytes() == before


def test_rotations_built_from_base_questions_score_like_those_in_the_file(
    vlmeval: Vlmeval, seeing: str, tmp_path: Path
) -> None:
    scores = []
    for name, rotations in (("with", True), ("without", False)):
        data = mmbench_tsv(tmp_path / f"{name}.tsv", 12, rotations=rotations)
        command = ("run", "--model", seeing, "--tasks", "mmbench", "--data", f"mmbench={data}", "-o", tmp_path / name)
        assert vlmeval(*command)[0] == 0
        (folder,) = (tmp_path / name).glob("*/*/*/scores.json")
        found = estimates(folder.parent)
        scores.append({key: item["value"] for key, item in found.items()})
    assert scores[0] == scores[1]


def test_limit_takes_whole_groups_under_a_run_of_its_own(vlmeval: Vlmeval, seeing: str, tmp_path: Path) -> None:
    data = mmbench_tsv(tmp_path / "q.tsv", 9)
    status, _, err = vlmeval("run", "--model", seeing, "--tasks", "mmbench", "--data", f"mmbench={data}", "--limit", 3)
    assert status == 0, err
    folder = only_run(tmp_path)
    assert len((folder / "outputs.jsonl").read_bytes().splitlines()) == 12
    assert estimates(folder)["circular", ""]["samples"] == 3
    status, *_ = vlmeval("run", "--model", seeing, "--tasks", "mmbench", "--data", f"mmbench={data}")
    assert status == 0
    assert len(list((tmp_path / "results").glob("*/*/*/run.json"))) == 2


def test_stop_early_gives_the_same_circular_score_with_fewer_calls(
    vlmeval: Vlmeval, seeing: str, tmp_path: Path
) -> None:
    data = mmbench_tsv(tmp_path / "q.tsv", 10)
    line = ["run", "--model", seeing, "--tasks", "mmbench", "--data", f"mmbench={data}", "--stop-early"]
    assert vlmeval(*line)[0] == 0
    folder = only_run(tmp_path)
    assert len((folder / "outputs.jsonl").read_bytes().splitlines()) == 8 * 4 + 2
    found = estimates(folder)
    assert found["circular", ""]["value"] == pytest.approx(0.8)
    assert ("vanilla_all", "") not in found


def test_scoring_again_needs_no_model_and_gives_the_same_bytes(vlmeval: Vlmeval, seeing: str, tmp_path: Path) -> None:
    data = mmbench_tsv(tmp_path / "q.tsv", 6)
    assert vlmeval("run", "--model", seeing, "--tasks", "mmbench", "--data", f"mmbench={data}")[0] == 0
    folder = only_run(tmp_path)
    before = (folder / "scores.json").read_bytes()
    (tmp_path / "my.py").unlink()
    data.unlink()
    status, out, _ = vlmeval("score", "results", "--format", "csv")
    assert status == 0
    assert out.splitlines()[1].startswith("mmbench_dev_en")
    assert (folder / "scores.json").read_bytes() == before
    status, out, _ = vlmeval("report", "results")
    assert status == 0
    assert (tmp_path / "reports" / "scores.md").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--tasks", "mmbnech"], ["mmbnech", "did you mean", "mmbench"]),
        (["--tasks", "mmbench", "--data", "mmbench=gone.tsv"], ["gone.tsv", "does not exist"]),
        (["--tasks", "mmbench", "--data", "gone.tsv"], ["TASK=PATH"]),
        (["--tasks", "mmbench", "--model-args", "sped=3"], ["sped", "log"]),
        (["--tasks", "mmbench", "--batch-size", "many"], ["--batch-size", "many"]),
        (["--tasks", "mmbench", "--max-failures", "1.5"], ["--max-failures", "1.5"]),
        (["--tasks", "mmbench", "--max-failures", "nan"], ["--max-failures", "nan"]),
        (["--tasks", "mmbench", "--prices", "1,nan"], ["--prices", "1,nan"]),
        (["--tasks", "mmbench", "--batch-size", "²"], ["--batch-size", "²"]),
        (["--tasks", "mmbench", "--prompt", "offical"], ["offical", "official"]),
        (["--tasks", "mmbench", "--judge", "gtp-4o"], ["gtp-4o", "did you mean", "gpt-4o"]),
        (["--tasks", "demo_vqa", "--mode", "likelihood"], ["--mode", "changes nothing", "demo_vqa"]),
        (["--tasks", "demo_vqa", "--policy", "official"], ["--policy", "changes nothing", "demo_vqa"]),
        (["--tasks", "demo_vqa", "--stop-early"], ["--stop-early", "changes nothing", "demo_vqa"]),
        (["--tasks", "demo_vqa", "--judge", "demo"], ["--judge", "changes nothing", "demo_vqa"]),
    ],
)
def test_wrong_use_is_one_message_with_the_way_out(
    vlmeval: Vlmeval, seeing: str, tmp_path: Path, arguments: list[str], said: list[str]
) -> None:
    data = mmbench_tsv(tmp_path / "q.tsv", 2)
    line = ["run", "--model", seeing, *arguments]
    if not any("--data" in item for item in arguments):
        line += ["--data", f"mmbench={data}"] if "mmbench" in arguments else []
    status, _, err = vlmeval(*line)
    assert status == 2, err
    assert len(err.splitlines()) < 12
    for text in said:
        assert text in err
    assert not (tmp_path / "results").exists(), "nothing is asked before all of the command is known to be right"


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda rows: [{k: v for k, v in row.items() if k != "question"} for row in rows], ["question"]),
        (lambda rows: [{**rows[0], "image": "!" * 100}, *rows[1:]], ["line 2", "image"]),
        (lambda rows: [*rows, rows[1]], ["1000001", "line 3", "line 10"]),
        (lambda rows: [{**rows[0], "answer": "E"}, *rows[1:]], ["line 2", "answer"]),
    ],
    ids=["missing column", "corrupt base64", "duplicate index", "gold beyond the options"],
)
def test_broken_data_is_named_with_its_line(
    vlmeval: Vlmeval,
    seeing: str,
    tmp_path: Path,
    spoil: Callable[[list[dict[str, str]]], list[dict[str, str]]],
    said: list[str],
) -> None:
    data = write_tsv(tmp_path / "q.tsv", spoil(mmbench_rows(2)))
    status, _, err = vlmeval("run", "--model", seeing, "--tasks", "mmbench", "--data", f"mmbench={data}")
    assert status == 2, err
    for text in ["q.tsv", *said]:
        assert text in err
    assert len(err.splitlines()) < 12


def test_an_unknown_key_in_a_task_file_is_named(vlmeval: Vlmeval, seeing: str, tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text('name = "mine"\nkindd = "choice"\n')
    status, _, err = vlmeval("run", "--model", seeing, "--tasks", "./mine.toml")
    assert status == 2
    assert "mine.toml" in err
    assert 'unknown key "kindd"; did you mean "kind"?' in err


def test_a_model_file_that_breaks_on_import_is_named_with_its_line(vlmeval: Vlmeval, tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("import os\n\nraise RuntimeError('no weights here')\n")
    data = mmbench_tsv(tmp_path / "q.tsv", 2)
    status, _, err = vlmeval("run", "--model", "broken.py:M", "--tasks", "mmbench", "--data", f"mmbench={data}")
    assert status == 2
    assert "broken.py" in err
    assert "line 3" in err or ":3" in err
    assert "no weights here" in err


def test_a_bug_on_the_37th_call_keeps_the_36_answers_before(vlmeval: Vlmeval, tmp_path: Path) -> None:
    code = (
        "class Buggy:\n    calls = 0\n"
        "    def generate(self, requests):\n        self.calls += 1\n        if self.calls > 36:\n"
        "            return [1 / 0]\n        return ['A'] * len(requests)\n"
    )
    (tmp_path / "buggy.py").write_text(code)
    data = mmbench_tsv(tmp_path / "q.tsv", 20)
    status, _, err = vlmeval("run", "--model", "buggy.py:Buggy", "--tasks", "mmbench", "--data", f"mmbench={data}")
    assert status == 2
    assert "ZeroDivisionError" in err
    assert "buggy.py:6" in err
    journal = only_run(tmp_path) / "outputs.jsonl"
    before = journal.read_bytes()
    assert len(before.splitlines()) == 36
    (tmp_path / "buggy.py").write_text(code.replace("1 / 0", "'B'"))
    status, _, err = vlmeval("run", "--model", "buggy.py:Buggy", "--tasks", "mmbench", "--data", f"mmbench={data}")
    assert status == 0, err
    assert only_run(tmp_path) == journal.parent
    assert journal.read_bytes().startswith(before)
    assert len(journal.read_bytes().splitlines()) == 80
    assert any(
        "after 36 answers" in note for note in json.loads((journal.parent / "scores.json").read_bytes())["notes"]
    )


def test_a_results_folder_of_another_recipe_is_refused_with_the_key(
    vlmeval: Vlmeval, seeing: str, tmp_path: Path
) -> None:
    data = mmbench_tsv(tmp_path / "q.tsv", 2)
    line = ["run", "--model", seeing, "--tasks", "mmbench", "--data", f"mmbench={data}"]
    assert vlmeval(*line)[0] == 0
    path = only_run(tmp_path) / "run.json"
    manifest = json.loads(path.read_bytes())
    manifest["recipe"]["task.sampling"] = {"max_tokens": 1}
    path.write_text(json.dumps(manifest))
    status, _, err = vlmeval(*line)
    assert status == 2
    assert "task.sampling" in err
    assert "--fresh" in err


def test_a_hidden_gold_is_asked_and_not_scored(vlmeval: Vlmeval, seeing: str, tmp_path: Path) -> None:
    rows = [{key: value for key, value in row.items() if key != "answer"} for row in mmbench_rows(3)]
    data = write_tsv(tmp_path / "q.tsv", rows)
    line = ["run", "--model", seeing, "--tasks", "mmbench_test_en", "--data", f"mmbench_test_en={data}"]
    status, out, _ = vlmeval(*line, "--predict-only")
    assert status == 0
    assert "12" in out


def test_a_replayed_run_scores_as_the_run_did(vlmeval: Vlmeval, seeing: str, tmp_path: Path) -> None:
    data = mmbench_tsv(tmp_path / "q.tsv", 10)
    line = ["--tasks", "mmbench", "--data", f"mmbench={data}"]
    assert vlmeval("run", "--model", seeing, *line)[0] == 0
    first = only_run(tmp_path)
    assert vlmeval("run", "--model", f"replay:{first}", *line, "-o", tmp_path / "again")[0] == 0
    (second,) = (tmp_path / "again").glob("*/*/*/run.json")
    assert {key: item["value"] for key, item in estimates(second.parent).items()} == {
        key: item["value"] for key, item in estimates(first).items()
    }


def test_the_demo_model_answers_a_file_made_here(tmp_path: Path) -> None:
    data = mmbench_tsv(tmp_path / "q.tsv", 4)
    done = subprocess.run(
        [sys.executable, "-m", "vlmeval", "run", "--model", "demo", "--tasks", "mmbench", "--data", f"mmbench={data}"],
        cwd=tmp_path,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(__file__).parents[2]), "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert estimates(only_run(tmp_path))["circular", ""]["samples"] == 4


FLAKY = """
from vlmeval.types import Failure, Output

class Flaky:
    def generate(self, requests):
        numbers = [int(request.sample_id) for request in requests]
        return [Failure("rejected", "no") if number == 1 else Output("hm") for number in numbers]
"""


def flaky(folder: Path) -> list[str]:
    """Return a command on ten questions of which the first fails and the others cannot be read."""
    (folder / "flaky.py").write_text(FLAKY)
    data = mmbench_tsv(folder / "q.tsv", 10)
    return ["run", "--model", "flaky.py:Flaky", "--tasks", "mmbench", "--data", f"mmbench={data}", "--no-report"]


@pytest.mark.parametrize(("errors", "status"), [("fail", 1), ("wrong", 0), ("exclude", 0)])
def test_run_and_score_end_with_one_status_for_one_policy(
    vlmeval: Vlmeval, tmp_path: Path, errors: str, status: int
) -> None:
    assert vlmeval(*flaky(tmp_path), "--errors", errors)[0] == status
    assert vlmeval("score", "results", "--errors", errors)[0] == status


def test_guesses_of_the_official_policy_are_counted_below_the_score(vlmeval: Vlmeval, tmp_path: Path) -> None:
    status, out, _ = vlmeval(*flaky(tmp_path), "--policy", "official")
    assert status == 1
    assert "policy:official" in out
    assert "36 replies that could not be read were answered by guess" in out


def test_a_policy_is_for_the_runs_that_have_one(vlmeval: Vlmeval, tmp_path: Path) -> None:
    line = [*flaky(tmp_path), "--tasks", "demo_vqa", "--limit", "2"]
    (tmp_path / "flaky.py").write_text(FLAKY.replace("int(request.sample_id)", "0"))
    assert vlmeval(*line, "--policy", "official")[0] == 0
    status, out, err = vlmeval("score", "results", "--policy", "honest", "--format", "markdown")
    assert status == 0, err
    assert "policy:official" not in out
    assert "demo_vqa" in out


def test_hidden_gold_leaves_a_score_incomplete_and_not_unrun(vlmeval: Vlmeval, seeing: str, tmp_path: Path) -> None:
    rows = [{key: value for key, value in row.items() if key != "answer"} for row in mmbench_rows(3)]
    data = write_tsv(tmp_path / "q.tsv", rows)
    line = ["run", "--model", seeing, "--tasks", "mmbench_test_en", "--data", f"mmbench_test_en={data}"]
    assert vlmeval(*line)[0] == 1


def test_a_judge_signs_only_what_it_can_read(vlmeval: Vlmeval, tmp_path: Path) -> None:
    line = [*flaky(tmp_path), "--tasks", "demo_vqa", "--limit", "2"]
    (tmp_path / "flaky.py").write_text(FLAKY.replace("int(request.sample_id)", "0"))
    (tmp_path / "wise.py").write_text("class Wise:\n    def generate(self, rs):\n        return ['B' for _ in rs]\n")
    status, out, err = vlmeval(*line, "--judge", "wise.py:Wise")
    assert status == 0, err
    signatures = [text for text in out.splitlines() if "|vlmeval:" in text]
    assert ["judge:wise-Wise" in text for text in sorted(signatures)] == [False, True]


def test_a_report_never_shows_scores_older_than_the_answers(vlmeval: Vlmeval, tmp_path: Path) -> None:
    line = flaky(tmp_path)
    assert vlmeval(*line, "--errors", "exclude")[0] == 0
    scores = only_run(tmp_path) / "scores.json"
    os.utime(scores, ns=(0, 0))
    text = scores.read_text("utf8")
    scores.write_text(text.replace('"value": 0.0', '"value": 0.5'), "utf8")
    os.utime(scores, ns=(0, 0))
    assert vlmeval("report", "results")[0] == 0
    assert scores.read_text("utf8") == text


def test_a_task_has_one_data_file_under_whatever_name(vlmeval: Vlmeval, seeing: str, tmp_path: Path) -> None:
    one, two = mmbench_tsv(tmp_path / "a.tsv", 2), mmbench_tsv(tmp_path / "b.tsv", 3)
    for name in ("mmbench", "mmbench_dev_en"):
        line = ["--model", seeing, "--tasks", "mmbench", "--data", f"mmbench={one}", "--data", f"{name}={two}"]
        status, _, err = vlmeval("run", *line)
        assert status == 2
        assert "already" in err
        assert "a.tsv" in err


def test_a_moved_file_continues_its_run_even_with_a_group_that_is_not_whole(
    vlmeval: Vlmeval, seeing: str, tmp_path: Path
) -> None:
    rows = mmbench_rows(3)
    rows[1]["question"] = "What else?"
    data = write_tsv(tmp_path / "q.tsv", rows)
    line = ["run", "--model", seeing, "--tasks", "mmbench", "--data"]
    assert vlmeval(*line, f"mmbench={data}")[0] == 1
    before = only_run(tmp_path)
    (tmp_path / "new").mkdir()
    status, _, err = vlmeval(*line, f"mmbench={data.rename(tmp_path / 'new' / 'q.tsv')}")
    assert status == 1, err
    assert only_run(tmp_path) == before


def test_checking_data_ends_with_the_status_of_what_is_wrong(vlmeval: Vlmeval, tmp_path: Path) -> None:
    rows = mmbench_rows(3)
    for status, made in ((0, rows), (1, rows[:-1]), (2, [{**rows[0], "image": "!" * 100}, *rows[1:]])):
        data = write_tsv(tmp_path / "q.tsv", made)
        assert vlmeval("data", "check", "mmbench", "--data", f"mmbench={data}")[0] == status


MINE = """
name = "mine"
benchmark = "mmbench"
split = "dev_en"
kind = "choice"
metrics = ["accuracy"]
primary = "accuracy"
"""


def test_a_task_file_gets_its_data_by_the_name_it_has(vlmeval: Vlmeval, seeing: str, tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text(MINE)
    data = mmbench_tsv(tmp_path / "q.tsv", 5)
    status, _, err = vlmeval("run", "--model", seeing, "--tasks", "./own.toml", "--data", f"mine={data}")
    assert status == 0, err


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('kind = "choice"', 'kind = "choise"', 'unknown kind "choise"; did you mean "choice"?'),
        ('"accuracy"', '"acuracy"', 'unknown metric "acuracy"; did you mean "accuracy"?'),
        ('kind = "choice"', 'kind = "choice"\noptions = {circluar = true}', 'did you mean "circular"?'),
        ('kind = "choice"', 'kind = "caption"\noptions = {policy = "honest"}', 'unknown key "policy"; known keys: '),
    ],
)
def test_a_task_that_cannot_be_scored_is_refused_before_anything_is_asked(
    vlmeval: Vlmeval, seeing: str, tmp_path: Path, old: str, new: str, said: str
) -> None:
    (tmp_path / "own.toml").write_text(MINE.replace(old, new))
    data = mmbench_tsv(tmp_path / "q.tsv", 5)
    line = ["--tasks", "mmbench,./own.toml", "--data", f"mine={data}", "--data", f"mmbench={data}"]
    status, _, err = vlmeval("run", "--model", seeing, *line)
    assert status == 2
    assert said in err
    assert "mine" in err
    assert not (tmp_path / "results").exists()


def test_of_two_tasks_of_one_name_none_is_left_out_in_silence(vlmeval: Vlmeval, seeing: str, tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text(MINE)
    (tmp_path / "other.toml").write_text(MINE.replace("dev_en", "dev_cn"))
    status, _, err = vlmeval("run", "--model", seeing, "--tasks", "./own.toml,./other.toml")
    assert status == 2
    assert 'another task called "mine"' in err


def test_one_damaged_run_does_not_hide_the_others(vlmeval: Vlmeval, seeing: str, tmp_path: Path) -> None:
    data = mmbench_tsv(tmp_path / "q.tsv", 4)
    line = ["run", "--model", seeing, "--tasks", "mmbench", "--data", f"mmbench={data}"]
    assert vlmeval(*line)[0] == 0
    damaged = only_run(tmp_path)
    assert vlmeval(*line, "--fresh")[0] == 0
    (damaged / "run.json").write_text("{")
    for command in ("score", "report"):
        status, out, err = vlmeval(command, "results")
        assert status == 2
        assert str(damaged.relative_to(tmp_path)) in err
        assert "mmbench_dev_en" in out
    assert (tmp_path / "reports" / "scores.csv").read_text("utf8").count("my-Seeing") > 3

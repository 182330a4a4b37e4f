import logging
from pathlib import Path

import pytest

from tests.data.made import MMBENCH, b64, group, mmbench_tsv, png, question, write_tsv
from vlmeval.data.catalog import expand, find_benchmark, find_task, list_catalog, list_tasks, task_names
from vlmeval.data.check import check_data
from vlmeval.data.samples import DataOptions, open_samples
from vlmeval.errors import ConfigError, DataError

TASK = """
name = "{name}"
benchmark = "mine"
split = "test"
kind = "choice"
metrics = ["accuracy"]
primary = "accuracy"
{more}
"""
BENCHMARK = """
from vlmeval.benchmark import Benchmark, Files, Split, choice_sample

BENCHMARK = Benchmark(
    name="mine", title="Mine", licence="mine", sample=choice_sample,
    splits={"test": Split((Files(("mine.tsv",), "made here"),))},
)
"""


def root(folder: Path, name: str = "my_task", more: str = "", benchmark: str = BENCHMARK) -> Path:
    (folder / "tasks").mkdir(parents=True, exist_ok=True)
    (folder / "benchmarks").mkdir(exist_ok=True)
    (folder / "tasks" / f"{name}.toml").write_text(TASK.format(name=name, more=more), "utf8")
    (folder / "benchmarks" / "mine.py").write_text(benchmark, "utf8")
    return folder


@pytest.mark.parametrize("name", ["mmbench", "MMBench_DEV_EN", "mmbench-dev-en", "MMBENCH_EN_DEV", "mmbench_dev_en"])
def test_a_task_is_found_by_name_or_alias_whatever_the_case(name: str) -> None:
    assert find_task(name).name == "mmbench_dev_en"


def test_an_unknown_task_is_answered_with_the_nearest_name() -> None:
    with pytest.raises(ConfigError, match='unknown task "mmbenhc"; did you mean "mmbench"'):
        find_task("mmbenhc")
    with pytest.raises(ConfigError, match='did you mean "demo"'):
        expand(["demmo"])


def test_suites_commas_and_repeats_become_each_task_once() -> None:
    names = [task.name for task in expand(["demo", "mmbench,demo_vqa", "MMBench_DEV_EN"])]
    assert names == ["demo_caption", "demo_mmbench", "demo_mmmu", "demo_retrieval", "demo_vqa", "mmbench_dev_en"]
    with pytest.raises(ConfigError, match="no task is named"):
        expand([" , "])


def test_another_root_adds_tasks_and_benchmarks(tmp_path: Path) -> None:
    task = find_task("My-Task", [root(tmp_path)])
    assert find_benchmark(task.benchmark, [tmp_path]).title == "Mine"
    write_tsv(tmp_path / "mine.tsv", MMBENCH, [question(1, ["a", "b"])])
    where = DataOptions(data_dir=tmp_path, catalog=(tmp_path,))
    with open_samples(task, where) as samples:
        assert [sample.id for sample in samples] == ["1"]


def test_an_installed_distribution_adds_tasks_without_being_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root(tmp_path / "made_plugin")
    (tmp_path / "made_plugin" / "__init__.py").write_text("raise RuntimeError('imported')", "utf8")
    info = tmp_path / "made_plugin-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: made-plugin\nVersion: 1.0\n", "utf8")
    (info / "entry_points.txt").write_text("[vlmeval.catalog]\nmade = made_plugin\n", "utf8")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert find_task("my_task").benchmark == "mine"
    assert find_benchmark("mine").title == "Mine"


def test_one_broken_file_is_skipped_with_a_warning_and_is_an_error_when_asked_for(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    root(tmp_path)
    (tmp_path / "tasks" / "broken.toml").write_text('name = "broken"\nkind = ', "utf8")
    (tmp_path / "tasks" / "typo.toml").write_text(TASK.format(name="typo", more='slicse = ["x"]'), "utf8")
    with caplog.at_level(logging.WARNING):
        assert "my_task" in {task.name for task in list_tasks([tmp_path])}
    assert "broken.toml: not TOML" in caplog.text
    assert 'typo.toml: unknown key "slicse"; did you mean "slices"?' in caplog.text
    assert find_task("my_task", [tmp_path]).name == "my_task"
    with pytest.raises(ConfigError, match=r"broken\.toml: not TOML"):
        find_task("broken", [tmp_path])


@pytest.mark.parametrize(
    ("name", "more", "problem"),
    [
        ("mmstar", "", r'mmstar\.toml: a task "mmstar" exists already'),
        ("other", "title = 3", r"other\.toml: Expected `str`"),
    ],
)
def test_a_repeated_name_and_a_wrong_type_are_problems(tmp_path: Path, name: str, more: str, problem: str) -> None:
    import re

    found = list_catalog([root(tmp_path, name, more)]).problems
    assert len(found) == 1
    assert re.search(problem, found[0])


def test_a_task_of_another_name_than_its_file_or_without_its_primary_metric_is_refused(tmp_path: Path) -> None:
    root(tmp_path)
    path = tmp_path / "tasks" / "my_task.toml"
    path.rename(path.with_name("renamed.toml"))
    with pytest.raises(ConfigError, match='name is "my_task", expected "renamed"'):
        find_task("renamed", [tmp_path])
    path.write_text(TASK.format(name="my_task", more="").replace('primary = "accuracy"', 'primary = "bleu"'), "utf8")
    with pytest.raises(ConfigError, match='primary "bleu" is not among metrics'):
        find_task("my_task", [tmp_path])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x = 1\ny = x +\n", r"mine\.py, line 2: SyntaxError"),
        ("import nowhere_at_all\n", r"mine\.py, line 1: ModuleNotFoundError"),
        ("\n\nraise RuntimeError('no')\n", r"mine\.py, line 3: RuntimeError: no"),
        ("x = 1\n", "defines no BENCHMARK"),
        (BENCHMARK.replace('name="mine"', 'name="yours"'), 'the name is "yours", expected "mine"'),
    ],
)
def test_a_wrong_benchmark_file_is_told_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        find_benchmark("mine", [root(tmp_path, benchmark=text)])


def test_an_unknown_benchmark_is_answered_with_the_nearest_name() -> None:
    with pytest.raises(ConfigError, match='unknown benchmark "mmbnech"; did you mean "mmbench"'):
        find_benchmark("mmbnech")


def test_listing_reads_no_benchmark(tmp_path: Path) -> None:
    assert "my_task" in task_names([root(tmp_path, benchmark="raise RuntimeError('imported')")])


def test_a_toml_may_name_a_data_file_beside_it(tmp_path: Path) -> None:
    write_tsv(tmp_path / "my.tsv", MMBENCH, [question(1, ["a", "b"])])
    text = TASK.format(name="anything", more="").replace('"mine"', '"my.tsv"').replace('"test"', '"all"')
    (tmp_path / "my.toml").write_text(text, "utf8")
    task = find_task(str(tmp_path / "my.toml"))
    with open_samples(task, DataOptions()) as samples:
        assert [sample.references for sample in samples] == [("A",)]


@pytest.mark.parametrize(
    ("columns", "rows", "kind", "metrics"),
    [
        (MMBENCH, [question(1, ["a", "b"])], "choice", ("accuracy",)),
        (MMBENCH, group(1, ["a", "b"]), "choice", ("circular", "vanilla", "vanilla_all")),
        (MMBENCH, [question(1, ["a", "b"]), question(5_000_000, ["a", "b"])], "choice", ("accuracy",)),
        (["index", "image", "question", "answer"], [{"index": 1, "image": b64(png()), "question": "Q", "answer": "x"}],
         "short", ("exact_match",)),
        (["id", "image", "captions"], [{"id": 1, "image": b64(png()), "captions": "['a', 'b']"}], "caption",
         ("cider", "bleu_4", "rouge_l")),
    ],
)  # fmt: skip
def test_an_own_file_is_a_task_without_toml_or_code(
    tmp_path: Path, columns: list[str], rows: list[dict[str, object]], kind: str, metrics: tuple[str, ...]
) -> None:
    path = write_tsv(tmp_path / "my_questions.tsv", columns, rows)
    task = expand([str(path)])[0]
    assert (task.name, task.kind, task.metrics) == ("my_questions", kind, metrics)
    with open_samples(task, DataOptions()) as samples:
        first = next(iter(samples))
    assert bool(first.rotations) is (metrics[0] == "circular")
    assert first.references


def test_an_own_file_that_says_nothing_is_refused_with_what_is_expected(tmp_path: Path) -> None:
    path = write_tsv(tmp_path / "t.tsv", ["x", "y"], [{"x": 1, "y": 2}])
    with pytest.raises(DataError, match="columns x, y: expected question and answer, with A, B"):
        find_task(str(path))
    with pytest.raises(DataError, match="no such file"):
        find_task(str(tmp_path / "missing.tsv"))


def test_checking_a_file_tells_everything_that_is_wrong_at_once(tmp_path: Path) -> None:
    rows = [
        question(1, ["a", "b"]),
        question(2, ["a", "b"], image="cor*upt" * 20),
        question(3, ["a", "b"], "C"),
        question(4, ["a", "b", "c"], "C"),
    ]
    found = check_data(find_task("mmbench"), DataOptions(data=write_tsv(tmp_path / "t.tsv", MMBENCH, rows)))
    text = "\n".join(found.lines())
    assert not found.sound
    assert (found.rows, found.questions, found.samples, found.images) == (4, 4, 2, 2)
    assert (found.options, found.golds) == ({2: 1, 3: 1}, {"A": 1, "C": 1})
    assert [problem.split(":")[0].rsplit(",", 1)[0].rsplit("/", 1)[1] for problem in found.problems] == [
        "t.tsv, line 3", "t.tsv, line 4"
    ]  # fmt: skip
    assert text.startswith("mmbench_dev_en: NOT sound")
    assert "corrupt base64" in text
    assert 'the gold "C" is none of the options A-B' in text


def test_checking_says_once_that_a_column_is_missing_and_which_one_may_be_meant(tmp_path: Path) -> None:
    columns = ["qestion" if name == "question" else name for name in MMBENCH]
    rows = [{**question(key, ["a", "b"]), "qestion": "What?"} for key in (1, 2, 3)]
    path = write_tsv(tmp_path / "t.tsv", columns, rows)
    problems = check_data(find_task("mmbench"), DataOptions(data=path)).problems
    assert len(problems) == 1
    assert 'no column "question"; did you mean "qestion"?; there are: index' in problems[0]


def test_checking_counts_groups_and_names_those_that_are_not_whole(tmp_path: Path) -> None:
    path = mmbench_tsv(tmp_path / "t.tsv", [group(1, ["a", "b"]), group(2, ["a", "b", "c"])[:2]])
    found = check_data(find_task("mmbench"), DataOptions(data=path))
    assert (found.groups, found.incomplete_groups, found.sound) == (2, ("2",), False)
    assert "warning    question 2: 2 passes for 3 options" in found.lines()


def test_a_sound_file_is_said_to_be_sound(tmp_path: Path) -> None:
    path = mmbench_tsv(tmp_path / "t.tsv", [group(1, ["a", "b"])])
    found = check_data(find_task("mmbench"), DataOptions(data=path))
    assert found.sound
    assert found.lines()[0] == "mmbench_dev_en: sound"
    assert any(line.startswith("images     1, 1 distinct, 12x8 to 12x8 (png 1)") for line in found.lines())


def test_a_file_that_cannot_be_opened_is_a_problem_not_a_crash(tmp_path: Path) -> None:
    (tmp_path / "t.tsv").write_bytes(b"")
    found = check_data(find_task("mmbench"), DataOptions(data=tmp_path / "t.tsv"))
    assert found.problems == [
        f"{tmp_path / 't.tsv'}: the file is empty; expected a header line and rows separated by tabs"
    ]

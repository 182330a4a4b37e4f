"""`vlmeval sbs new`, `tokens`, `export` and `verify` as they are called, and what they refuse."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path

import click
import msgspec
import pytest
from click.testing import CliRunner, Result
from PIL import Image as PIL_Image

from tests.score.runs import CHOICE, FILTERED, REFUSED, manifest_of, question, records
from vlmeval.cli.main import vlmeval
from vlmeval.errors import VlmevalError
from vlmeval.jsonio import encode, read_json, write_json
from vlmeval.sbs.study import Study, open_study, study_folder
from vlmeval.sbs.votefile import read_votes
from vlmeval.store.images import ImageStore
from vlmeval.store.layout import RunFolder, run_folder
from vlmeval.types import Image, Outcome, Request, Sample

Reply = Callable[[Sample, Request], Outcome | str | None]


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def called(*arguments: object) -> Result:
    result = CliRunner().invoke(vlmeval, ["sbs", *map(str, arguments)], standalone_mode=False)
    if result.exception is not None and not isinstance(result.exception, click.ClickException | VlmevalError):
        raise result.exception
    if result.exception is None:
        result.exit_code = result.return_value
    return result


def refused(*arguments: object) -> str:
    result = called(*arguments)
    assert result.exit_code != 0
    return str(result.exception)


def picture(colour: str, form: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    PIL_Image.new("RGB", (30, 20), colour).save(buffer, form)
    return buffer.getvalue()


def pictured(results: Path, number: int, data: bytes | None = None) -> Sample:
    """Return a sample with an image, which is in the archives of the results."""
    data = data if data is not None else picture(("red", "green", "blue")[number % 3])
    image = Image(hashlib.sha256(data).hexdigest(), 30, 20, "png").with_reader(lambda: data)
    store = ImageStore(results, "fixtures")
    store.add(image)
    store.close()
    sample = question(number, category="colour" if number % 2 else "tone")
    return msgspec.structs.replace(sample, parts=(image, *sample.parts))


def run(
    results: Path, model: str, samples: Sequence[Sample], reply: Reply, *, run_id: str = "r1", **more: object
) -> RunFolder:
    folder = run_folder(results, CHOICE.name, model, run_id)
    folder.path.mkdir(parents=True)
    write_json(folder.manifest_path, manifest_of(CHOICE, model_name=model, run_id=run_id, **more))
    folder.questions.write_bytes(b"".join(encode(sample) + b"\n" for sample in samples))
    folder.outputs.write_bytes(b"".join(encode(one) + b"\n" for one in records(CHOICE, samples, reply)))
    return folder


def says(word: str) -> Reply:
    return lambda sample, request: f"{word} {sample.id}"


def three_runs(count: int = 4) -> list[Sample]:
    results = Path("results")
    samples = [pictured(results, number) for number in range(count)]
    run(results, "otter-7b", samples, says("otter"))
    run(results, "heron-2", samples, lambda sample, _: None if sample.id == "q1" else f"I am heron-2: {sample.id}")
    others: dict[str, Outcome | str] = {"q0": REFUSED, "q2": FILTERED, "q3": "  "}
    run(results, "ibis", samples, lambda sample, _: others.get(sample.id, "a bird"))
    return samples


def answers(
    rows: Sequence[Sequence[str]], columns: str = "prompt,image,model,answer", name: str = "answers.csv"
) -> Path:
    path = Path(name)
    with path.open("w", newline="", encoding="utf8") as file:
        writer = csv.writer(file)
        writer.writerow(columns.split(","))
        writer.writerows(rows)
    return path


def table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf8", newline="") as file:
        return list(csv.DictReader(file))


def two_answers(prompts: int = 3) -> Path:
    Path("cat.png").write_bytes(picture("red"))
    return answers(
        [
            [f"What is {n}?", "cat.png", model, f"**{model[0]}** is {n}"]
            for n in range(prompts)
            for model in ("owl", "emu")
        ]
    )


def judged(name: str, *, annotators: int = 2, outcomes: Sequence[str] = ("left", "right", "tie", "both_bad")) -> int:
    """Have annotators judge all of a study; the number of votes."""
    assert called("tokens", name, "--add", annotators).exit_code == 0
    votes = 0
    with open_study(study_folder(name)) as store:
        for one in store.annotators():
            while lease := store.lease(one.annotator.id, 1e9 + votes):
                store.vote(
                    one.annotator.id, lease.assignment, f"key-{votes:06d}", outcomes[votes % len(outcomes)],
                    seconds=2.0, now=1e9 + votes, reason="her name is Ann",
                )  # fmt: skip
                votes += 1
    return votes


def test_a_study_from_runs_offers_answered_pairs_only_and_shows_the_states() -> None:
    three_runs()
    result = called("new", "first", "--runs", "otter-7b", "heron-2", "ibis", "--task", "exam", "--overlap", 2)
    assert result.exit_code == 0, result.exception
    study = read_json(Path("results/sbs/first/study.json"), Study)
    assert study.models == ("otter-7b", "heron-2", "ibis")
    assert study.states == {
        "otter-7b": {"answered": 4},
        "heron-2": {"answered": 3, "missing": 1},
        "ibis": {"refused": 2, "empty": 1, "answered": 1},
    }
    assert study.items == 3 + 1, "otter with heron on 3 prompts, ibis with otter on q1"
    assert study.named == {"heron-2": 3}
    assert "3 answered, 1 missing; 3 of them name a model" in result.output
    assert [source.run_id for source in study.sources] == ["r1"] * 3
    with open_study(study_folder("first")) as store:
        assert {item.prompt for item in store.items() if "ibis" in (item.model_a, item.model_b)} == {"q1"}
        (lease,) = store.leases(store.add_annotator("ann", "0" * 64, 1.0).id, 1.0, count=1)
    assert lease.prompt[0].image
    assert "A. cat" in lease.prompt[1].text or "cat" in lease.prompt[1].text, "the prompt as the models were asked"
    assert called("verify", "first").exit_code == 0


def test_names_of_images_and_files_say_nothing_of_the_models() -> None:
    three_runs()
    called("new", "first", "--runs", "otter-7b", "heron-2", "--task", "exam")
    names = [path.name for path in Path("results/sbs/first").rglob("*")]
    assert sorted(len(name) for name in names if name.endswith(".png")) == [36] * 2
    assert not any(model in name for name in names for model in ("otter", "heron"))


def test_n_prompts_are_drawn_by_the_seed() -> None:
    samples = [pictured(Path("results"), number) for number in range(12)]
    for model in ("otter-7b", "heron-2"):
        run(Path("results"), model, samples, says(model))
    drawn = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        assert (
            called("new", name, "--runs", "otter-7b", "heron-2", "--task", "exam", "--n", 5, "--seed", seed).exit_code
            == 0
        )
        with open_study(study_folder(name)) as store:
            drawn.append([item.prompt for item in store.items()])
    assert drawn[0] == drawn[1] != drawn[2]
    assert len(drawn[0]) == 5


def test_runs_of_other_samples_or_prompts_are_refused_at_the_first() -> None:
    results = Path("results")
    samples = [question(number) for number in range(3)]
    run(results, "one", samples, says("one"))
    run(results, "short", samples[:2], says("short"))
    run(results, "moved", [samples[0], samples[2], samples[1]], says("moved"))
    changed = msgspec.structs.replace(samples[1], parts=("What is on picture 1?",))
    run(results, "changed", [samples[0], changed, samples[2]], says("changed"))
    run(results, "styled", samples, says("styled"))
    manifest = run_folder(results, "exam", "styled", "r1").manifest_path
    task = msgspec.structs.replace(CHOICE, prompt="lmms")
    write_json(manifest, manifest_of(task, model_name="styled"))
    for other, message in (
        ("short", 'no further sample.*"q2"'),
        ("moved", 'question 2: sample "q2".*has sample "q1" there'),
        ("changed", 'sample "q1": one and changed were asked with other words'),
        ("styled", 'sample "q0": one and styled were asked with other words'),
    ):
        said = refused("new", "s", "--runs", "one", other, "--task", "exam")
        assert re.search(message, said, re.DOTALL), said
    assert not Path("results/sbs/s").exists()


def test_an_image_that_is_none_is_named_and_leaves_nothing_behind() -> None:
    results = Path("results")
    samples = [pictured(results, 0), pictured(results, 1, b"<svg><script>alert(1)</script></svg>")]
    for model in ("one", "two"):
        run(results, model, samples, says(model))
    said = refused("new", "s", "--runs", "one", "two", "--task", "exam")
    assert 'sample "q1"' in said
    assert "SVG" in said
    assert not Path("results/sbs/s").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--runs", "otter-7b", "--task", "exam"], "two runs or more"),
        (["--runs", "otter-7b", "otter-7b", "--task", "exam"], "the same run"),
        (["--runs", "otter-7b", "heron2", "--task", "exam"], 'did you mean "heron-2"'),
        (["--runs", "otter-7b", "results/exam/heron-2", "--task", "exma"], 'did you mean|no run of exma'),
        (["--runs", "otter-7b", "heron-2"], "--task T"),
        ([], "--answers FILE"),
        (["--runs", "otter-7b", "heron-2", "--task", "exam", "--new-model", "ibis"], "goes with --policy"),
        (["--runs", "otter-7b", "heron-2", "--task", "exam", "--policy", "new-model", "--new-model", "ibis"], "no"),
        (["--runs", "otter-7b", "heron-2", "--task", "exam", "--guidelines", "none.md"], "none.md"),
        (["--runs", "otter-7b", "heron-2", "--task", "exam", "--db", "mysql://h/d"], "expected sqlite or postgresql"),
    ],
)  # fmt: skip
def test_wrong_use_is_named_and_makes_no_study(arguments: list[str], message: str) -> None:
    three_runs(2)
    said = refused("new", "s", *arguments)
    assert re.search(message, said), said
    assert not Path("results/sbs/s").exists()


def test_two_runs_of_one_model_are_told_apart() -> None:
    samples = [question(number) for number in range(2)]
    one = run(Path("results"), "otter-7b", samples, says("a"), run_id="r1")
    other = run(Path("results"), "otter-7b", samples, says("b"), run_id="r2")
    assert called("new", "s", "--runs", one.path, other.path, "--task", "exam").exit_code == 0
    assert read_json(Path("results/sbs/s/study.json"), Study).models == ("otter-7b (r1)", "otter-7b (r2)")


def test_a_study_from_answers_with_gold_runs_to_its_export() -> None:
    path = two_answers()
    gold = answers(
        [["2 + 2?", "", "4", "fish"], ["A cat?", "cat.png", "yes", "no"]], "prompt,image,good,bad", "gold.csv"
    )
    Path("rules.md").write_text("Prefer the *true* answer.", "utf8")
    result = called(
        "new", "s", "--answers", path, "--gold", gold, "--gold-every", 2, "--overlap", 2, "--guidelines", "rules.md"
    )
    assert result.exit_code == 0, result.exception
    assert "3 of 3 prompts and 1 pairs of models, 2 checks" in result.output
    assert Path("results/sbs/s/guidelines.md").read_text("utf8") == "Prefer the *true* answer."
    assert judged("s") == 3 * 2 + 2 * 2
    for form, name in (("jsonl", "votes.jsonl"), ("csv", "votes.csv"), ("arena", "votes_arena.json")):
        exported = called("export", "s", "--format", form)
        assert exported.exit_code == 0
        votes = read_votes(Path("results/sbs/s") / name)
        assert (len(votes), votes.models) == (6, ("emu", "owl"))
        assert votes.annotator is not None
        assert votes.annotator.names == ("a1", "a2")
        assert votes.prompt is not None
        assert sorted(votes.prompt.names) == ["p1", "p2", "p3"]
    with open_study(study_folder("s")) as store:
        direct, head = store.votes(), store.head()[1]
    again = read_votes(Path("results/sbs/s/votes.jsonl"))
    assert direct.feature_names == ("length", "headers", "lists", "bold", "named")
    assert sorted(again.feature_names) == sorted(direct.feature_names)
    assert direct.left.tolist() == again.left.tolist()
    assert direct.outcome.tolist() == again.outcome.tolist()
    assert head in exported.output
    rated = called("rate", "s", "-o", "out")
    assert rated.exit_code == 0, rated.exception
    assert json.loads(Path("out/ratings.json").read_bytes())["votes"] == 6


def test_exports_hold_no_personal_data() -> None:
    called("new", "s", "--answers", two_answers(), "--overlap", 1)
    Path("people.txt").write_text("Ann Lindgren\nB0B-PROLIFIC-77\n", "utf8")
    tokens = called("tokens", "s", "--names", "people.txt")
    assert tokens.exit_code == 0
    judged("s", annotators=1)
    secrets = ["Lindgren", "PROLIFIC", "her name", *(line.split("\t")[1] for line in tokens.stdout.splitlines())]
    for form in ("jsonl", "csv", "arena", "label-studio"):
        called("export", "s", "--format", form, "--to", "out.txt")
        assert not any(secret in Path("out.txt").read_text("utf8") for secret in secrets)


def test_tokens_are_shown_once_and_stored_as_digests() -> None:
    called("new", "s", "--answers", two_answers())
    result = called("tokens", "s", "--add", 3)
    made = dict(line.split("\t") for line in result.stdout.splitlines())
    assert list(made) == ["ann-01", "ann-02", "ann-03"]
    assert all(len(token) == 22 for token in made.values()), "128 bits"
    assert [line.split("\t")[0] for line in called("tokens", "s").stdout.splitlines()] == ["ann-04"]
    stored = b"".join(path.read_bytes() for path in Path("results/sbs/s").glob("study.db*"))
    assert not any(token.encode() in stored for token in made.values())
    with open_study(study_folder("s")) as store:
        found = store.annotator(hashlib.sha256(made["ann-02"].encode()).hexdigest())
        assert found is not None
        assert found.name == "ann-02"
    Path("people.txt").write_text("new\nann-02\n", "utf8")
    assert "nobody was added" in refused("tokens", "s", "--names", "people.txt")
    with open_study(study_folder("s")) as store:
        assert len(store.annotators()) == 4


def test_label_studio_gets_tasks_with_pairwise_annotations() -> None:
    called("new", "s", "--answers", two_answers(1), "--overlap", 4)
    judged("s", annotators=4)
    called("export", "s", "--format", "label-studio")
    tasks = json.loads(Path("results/sbs/s/votes_label_studio.json").read_bytes())
    regions = [annotation["result"][0] for task in tasks for annotation in task["annotations"]]
    assert sorted((one["type"], *one["value"].values()) for one in regions if one["type"] == "pairwise") == [
        ("pairwise", "left"), ("pairwise", "right"),
    ]  # fmt: skip
    assert sorted(one["value"]["choices"][0] for one in regions if one["type"] == "choices") == ["both bad", "tie"]
    assert {task["data"]["text1"] for task in tasks} == {"**o** is 0", "**e** is 0"}
    assert 'toName="text1,text2"' in Path("results/sbs/s/votes_label_studio.xml").read_text("utf8")


def test_votes_on_answers_that_name_a_model_can_be_left_out() -> None:
    path = answers(
        [["a?", "", "owl", "I am ChatGPT"], ["a?", "", "emu", "x"], ["b?", "", "owl", "y"], ["b?", "", "emu", "z"]]
    )
    called("new", "s", "--answers", path, "--overlap", 1)
    judged("s", annotators=1)
    called("export", "s", "--format", "csv")
    rows = table(Path("results/sbs/s/votes.csv"))
    assert sorted((row["question_id"], int(row["named_a"]) + int(row["named_b"])) for row in rows) == [
        ("p1", 1),
        ("p2", 0),
    ]
    assert "votes    1\n" in called("export", "s", "--without-named").output


def test_a_cell_that_a_spreadsheet_would_run_is_made_harmless() -> None:
    path = answers([["a?", "", "=cmd()", "x"], ["a?", "", "emu", "y"]])
    called("new", "s", "--answers", path, "--overlap", 1)
    judged("s", annotators=1)
    called("export", "s", "--format", "csv")
    (row,) = table(Path("results/sbs/s/votes.csv"))
    assert "'=cmd()" in (row["model_a"], row["model_b"])


@pytest.mark.parametrize(
    ("rows", "columns", "message"),
    [
        ([["a?", "", "owl", "x"], ["a?", "", "owl", "y"]], "prompt,image,model,answer", 'row 2: owl has answered "p1"'),
        (
            [["1", "a?", "", "owl", "x"], ["1", "b?", "", "emu", "y"]],
            "id,prompt,image,model,answer",
            "row 2: prompt of",
        ),
        (
            [["1", "a?", "", "owl", "x"], ["1", "a?", "c.png", "emu", "y"]],
            "id,prompt,image,model,answer",
            "row 2: image",
        ),
        ([["a?", "", "", "x"], ["a?", "", "emu", "y"]], "prompt,image,model,answer", 'row 1: "model" is empty'),
        ([["a?", "", "owl", "x"]], "prompt,image,model,answer", "compares two or more"),
        (
            [["a?", "", "owl", "x"], ["b?", "", "emu", "y"]],
            "prompt,image,model,answer",
            "no prompt was answered by two",
        ),
        (
            [["a?", "", "owl", "x"], ["a?", "", "emu", " "]],
            "prompt,image,model,answer",
            "no prompt was answered by two",
        ),
        ([["a?", "", "owl", "x"]], "prompt,image,model,anwser", 'did you mean "anwser"'),
        ([["a?", "no.png", "owl", "x"], ["a?", "no.png", "emu", "y"]], "prompt,image,model,answer", "row 1.*no.png"),
        (
            [["a?", "../../up.png", "o", "x"], ["a?", "../../up.png", "e", "y"]],
            "prompt,image,model,answer",
            "leads out",
        ),
        ([["a?", "t.png", "owl", "x"], ["a?", "t.png", "emu", "y"]], "prompt,image,model,answer", "row 1.*no image"),
        (
            [["a?", "http://h/a.png", "o", "x"], ["a?", "http://h/a.png", "e", "y"]],
            "prompt,image,model,answer",
            "address",
        ),
    ],
)
def test_a_wrong_file_of_answers_is_refused_by_row(rows: list[list[str]], columns: str, message: str) -> None:
    Path("t.png").write_text("this is text")
    said = refused("new", "s", "--answers", answers(rows, columns))
    assert re.search(message, said), said
    assert not Path("results/sbs/s").exists()


def test_gold_answers_must_differ() -> None:
    gold = answers([["2 + 2?", "", "4", "4"]], "prompt,image,good,bad", "gold.csv")
    assert "row 1: good and bad" in refused("new", "s", "--answers", two_answers(), "--gold", gold)


def test_a_study_with_votes_is_never_written_over() -> None:
    called("new", "s", "--answers", two_answers())
    judged("s", annotators=1)
    assert "its votes are kept" in refused("new", "s", "--answers", two_answers())
    with open_study(study_folder("s")) as store:
        assert len(list(store.ballots())) == 3


def test_verify_names_what_is_wrong_and_proves_a_noted_hash() -> None:
    called("new", "s", "--answers", two_answers())
    noted = called("verify", "s").output.split("head ")[1].split()[0]
    judged("s", annotators=1)
    assert called("verify", "s", "--head", noted).exit_code == 0
    assert called("verify", "s", "--head", "0" * 64).exit_code == 1
    next(Path("results/sbs/s/images").iterdir()).unlink()
    with sqlite3.connect("results/sbs/s/study.db") as past:
        past.execute("update answer set text = 'better' where id = 1")
    past.close()
    result = called("verify", "s")
    assert result.exit_code == 1
    assert "not those of the study as it was made" in result.output
    assert "is not in results/sbs/s/images" in result.output


def test_an_unknown_study_names_the_nearest() -> None:
    called("new", "animals", "--answers", two_answers())
    for command in ("verify", "export", "tokens"):
        assert 'did you mean "animals"' in refused(command, "animal")
    assert "no votes to export yet" in refused("export", "animals")

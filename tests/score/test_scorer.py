"""Whole runs scored, from files to numbers."""

import random
from pathlib import Path
from typing import Any

import msgspec
import pytest

import vlmeval
from tests.score import runs
from tests.score.runs import CHOICE, FAILED, FILTERED, REFUSED, made, question, records, right, write_run, wrong
from vlmeval.errors import ConfigError, JournalError
from vlmeval.jsonio import read_json
from vlmeval.kinds import judge
from vlmeval.score.scorer import score_run
from vlmeval.store.layout import RunFolder
from vlmeval.store.results import ScoredSample, Scores
from vlmeval.types import Estimate, Outcome, Output, Record, Request, Rotation, Sample


def changed(**options: Any) -> Any:
    return msgspec.structs.replace(CHOICE, options=options)


def lines(folder: RunFolder) -> dict[str, ScoredSample]:
    rows = [msgspec.json.decode(line, type=ScoredSample) for line in folder.samples.read_bytes().splitlines()]
    return {row.id: row for row in rows}


def estimate(scores: Scores, metric: str = "circular", slice_: str = "") -> Estimate:
    (found,) = [one for one in scores.estimates if one.metric == metric and one.slice == slice_]
    return found


def by_number(**replies: Any) -> runs.Reply:
    """Answer right, but for the questions named: q3=wrong, q4=FAILED, q5=(right, wrong, ...) pass by pass."""

    def reply(sample: Sample, request: Request) -> Outcome | str | None:
        given = replies.get(sample.id, right)
        if isinstance(given, tuple):
            given = given[int(request.variant.removeprefix("rot"))]
        return given(sample, request) if callable(given) else given  # type: ignore[no-any-return]

    return reply


QUESTIONS = [question(number, gold="ABCD"[number % 4]) for number in range(20)]


def test_every_metric_is_estimated_overall_and_per_category(tmp_path: Path) -> None:
    samples = [question(number, category="animals" if number < 12 else "日常") for number in range(20)]
    folder = made(tmp_path, samples, by_number(q0=wrong, q1=(right, right, wrong, right)))
    scores = score_run(folder)
    assert estimate(scores).value == 18 / 20
    assert estimate(scores, "vanilla").value == 19 / 20
    assert estimate(scores, "vanilla_all").value == 75 / 80
    assert estimate(scores, slice_="category=animals").value == 10 / 12
    assert estimate(scores, slice_="category=日常").samples == 8
    assert [one.slice for one in scores.estimates][:3] == ["", "category=animals", "category=日常"]
    assert scores.complete
    assert scores.notes == ()
    assert scores == read_json(folder.scores, Scores)


def test_intervals_hold_the_value_and_are_wider_for_fewer_samples(tmp_path: Path) -> None:
    samples = [question(number, category="few" if number < 30 else "many") for number in range(300)]
    scores = score_run(made(tmp_path, samples, lambda one, request: (wrong if hash_of(one) else right)(one, request)))
    widths = []
    for name in ("category=few", "category=many"):
        found = estimate(scores, slice_=name)
        assert found.low is not None
        assert found.high is not None
        assert found.low < found.value < found.high
        widths.append(found.high - found.low)
    assert widths[0] > 2 * widths[1]


def hash_of(sample: Sample) -> bool:
    return int(sample.id.removeprefix("q")) % 3 == 0


def test_questions_on_one_image_widen_the_interval(tmp_path: Path) -> None:
    apart = [question(number) for number in range(200)]
    together = [question(number, cluster=f"image {number // 10}") for number in range(200)]

    def reply(sample: Sample, request: Request) -> str:
        return (wrong if int(sample.id.removeprefix("q")) // 10 % 2 else right)(sample, request)

    free, tied = (
        estimate(score_run(made(tmp_path / str(place), samples, reply)))
        for place, samples in enumerate((apart, together))
    )
    assert free.value == tied.value
    assert (free.clusters, tied.clusters) == (200, 20)
    assert free.low is not None
    assert tied.low is not None
    assert tied.value - tied.low > 2 * (free.value - free.low)


def test_scoring_twice_gives_the_same_bytes_and_so_does_another_order_of_the_journal(tmp_path: Path) -> None:
    journal = records(
        CHOICE, QUESTIONS, by_number(q3=wrong, q4="no idea", q7=FAILED, q8=(right, wrong, FILTERED, right))
    )
    folder = write_run(tmp_path, QUESTIONS, journal)
    score_run(folder)
    first = folder.scores.read_bytes(), folder.samples.read_bytes()
    score_run(folder)
    assert (folder.scores.read_bytes(), folder.samples.read_bytes()) == first
    random.Random(2).shuffle(journal)
    repeated = [Record(journal[0].key, journal[0].sample_id, journal[0].variant, FAILED), *journal]
    other = write_run(tmp_path / "other", QUESTIONS, repeated)
    score_run(other)
    assert (other.scores.read_bytes(), other.samples.read_bytes()) == first


def test_the_order_of_the_questions_changes_no_number(tmp_path: Path) -> None:
    reply = by_number(q3=wrong, q4=(right, wrong, right, right), q9="?")
    ours = score_run(made(tmp_path / "1", QUESTIONS, reply))
    theirs = score_run(made(tmp_path / "2", QUESTIONS[::-1], reply))
    assert ours.estimates == theirs.estimates
    assert ours.data_digest == theirs.data_digest


@pytest.mark.parametrize("outcome", [REFUSED, FILTERED, FAILED, None])
def test_what_failed_is_no_answer_and_leaves_the_score_incomplete(tmp_path: Path, outcome: Outcome | None) -> None:
    folder = made(tmp_path, QUESTIONS, by_number(q0=(right, outcome, right, right)))
    scores = score_run(folder)
    state = {REFUSED: "refused", FILTERED: "refused", FAILED: "failed", None: "missing"}[outcome]
    assert lines(folder)["q0"].state == state
    assert lines(folder)["q0"].stats == {}
    assert getattr(scores.coverage, state) == 1
    assert estimate(scores).samples == 19
    assert estimate(scores).value == 1.0
    assert not scores.complete
    assert len(scores.notes) == 1
    assert "cov:95|" in scores.signature


def test_failures_excluded_on_purpose_are_in_the_signature(tmp_path: Path) -> None:
    scores = score_run(made(tmp_path, QUESTIONS, by_number(q0=FAILED, q1=wrong)), errors="exclude")
    assert scores.complete
    assert estimate(scores).value == 18 / 19
    assert "|errors:exclude|" in scores.signature
    assert scores.coverage.failures == {"transient": 4}
    said = "1 of 20 samples failed or refused (requests: transient 4; the first, sample q0: HTTP 500), left out"
    assert said in scores.notes


def test_failures_counted_as_wrong_enter_every_metric(tmp_path: Path) -> None:
    scores = score_run(made(tmp_path, QUESTIONS, by_number(q0=(right, FAILED, right, right))), errors="wrong")
    assert scores.complete
    assert estimate(scores).value == 19 / 20
    assert estimate(scores, "vanilla").value == 20 / 20
    assert estimate(scores, "vanilla_all").value == 79 / 80
    assert "|errors:wrong|" in scores.signature


@pytest.mark.parametrize("errors", ["fail", "exclude", "wrong"])
def test_a_question_never_asked_keeps_the_score_incomplete_under_every_policy(tmp_path: Path, errors: Any) -> None:
    scores = score_run(made(tmp_path, QUESTIONS, by_number(q0=None)), errors=errors)
    assert scores.coverage.missing == 1
    assert not scores.complete


def test_an_unparsed_reply_is_not_right_and_is_shown(tmp_path: Path) -> None:
    folder = made(
        tmp_path, QUESTIONS, by_number(q0=(right, "It depends.", right, right), q1=("It depends.", wrong, right, right))
    )
    scores = score_run(folder)
    assert scores.complete
    assert estimate(scores).value == 18 / 20
    assert scores.coverage.unparsed == 1
    assert lines(folder)["q0"].state == "unparsed"
    assert lines(folder)["q0"].right is False
    assert lines(folder)["q0"].passes[1].value is None
    assert lines(folder)["q1"].state == "answered", "a wrong pass had decided it"


def test_the_official_policy_guesses_and_says_so(tmp_path: Path) -> None:
    folder = made(tmp_path, QUESTIONS, by_number(q0="It depends."))
    honest, official = score_run(folder), score_run(folder, policy="official")
    assert (honest.policy, official.policy) == ("honest", "official")
    assert "|policy:official|" in official.signature
    assert official.coverage.unparsed == 0
    assert official.coverage.rules["official-random"] == 4
    with pytest.raises(ConfigError, match="policy"):
        score_run(folder, policy="kind")


def test_truncation_cuts_across_the_states(tmp_path: Path) -> None:
    scores = score_run(
        made(tmp_path, QUESTIONS, by_number(q0=Output("A thing", finish="length"), q1=Output("?", finish="length")))
    )
    coverage = scores.coverage
    assert coverage.truncated == 2
    assert coverage.answered + coverage.unparsed == coverage.samples == 20


def test_stale_answers_are_left_out_and_counted(tmp_path: Path) -> None:
    journal = records(CHOICE, QUESTIONS, right)
    stale = [Record("0" * 64, record.sample_id, record.variant, record.outcome) for record in journal[:4]]
    alien = [Record("0" * 64, "q99", "rot0", Output("A"))]
    scores = score_run(write_run(tmp_path, QUESTIONS, [*journal[4:], *stale, *alien]))
    assert scores.coverage.missing == 1
    assert any("5 stale answers" in note for note in scores.notes)


def test_a_changed_question_makes_its_answers_stale(tmp_path: Path) -> None:
    journal = records(CHOICE, QUESTIONS, right)
    mended = [msgspec.structs.replace(QUESTIONS[0], parts=("What is here?",)), *QUESTIONS[1:]]
    assert score_run(write_run(tmp_path, mended, journal)).coverage.missing == 1


def test_a_mended_answer_key_counts_at_once(tmp_path: Path) -> None:
    journal = records(CHOICE, QUESTIONS, right)
    mended = [msgspec.structs.replace(QUESTIONS[0], references=("D",)), *QUESTIONS[1:]]
    assert estimate(score_run(write_run(tmp_path, mended, journal))).value == 19 / 20


def test_a_group_with_too_few_rows_is_never_a_hit(tmp_path: Path) -> None:
    half = msgspec.structs.replace(
        QUESTIONS[0], rotations=(Rotation("0", (0, 1, 2, 3)), Rotation("1000000", (1, 2, 3, 0)))
    )
    samples = [half, *QUESTIONS[1:]]
    scores = score_run(made(tmp_path, samples, right))
    assert scores.coverage.incomplete_groups == ("q0",)
    assert estimate(scores).samples == 19
    assert not scores.complete
    assert "q0" in scores.notes[0]


def test_stopping_early_gives_the_same_circular_score_without_vanilla_all(tmp_path: Path) -> None:
    plan: dict[str, Any] = {"q0": (right, wrong, right, right), "q1": wrong, "q2": (right, right, right, wrong)}
    full = score_run(made(tmp_path / "full", QUESTIONS, by_number(**plan)))
    early = {"q0": (right, wrong, None, None), "q1": (wrong, None, None, None), "q2": plan["q2"]}
    task = changed(stop_early=True)
    short = score_run(made(tmp_path / "early", QUESTIONS, by_number(**early), task=task))
    assert short.complete
    assert short.coverage.answered == 20
    for metric in ("circular", "vanilla"):
        ours, theirs = estimate(short, metric), estimate(full, metric)
        assert (ours.value, ours.low, ours.high) == (theirs.value, theirs.low, theirs.high)
    assert not [one for one in short.estimates if one.metric == "vanilla_all"]
    assert any(note.startswith("vanilla_all is not computed: 2 samples") for note in short.notes)


def test_stopping_early_does_not_stop_at_a_reply_that_was_not_read(tmp_path: Path) -> None:
    early = changed(stop_early=True)
    stopped = made(tmp_path / "stopped", QUESTIONS, by_number(q0=("It depends.", None, None, None)), task=early)
    assert score_run(stopped).coverage.missing == 1
    folder = made(tmp_path / "on", QUESTIONS, by_number(q0=("It depends.", right, right, right)), task=early)
    scores = score_run(folder)
    assert lines(folder)["q0"].state == "unparsed"
    assert estimate(scores).value == 19 / 20
    assert scores.complete


def test_without_stop_early_an_unasked_pass_is_missing_even_after_a_wrong_one(tmp_path: Path) -> None:
    assert score_run(made(tmp_path, QUESTIONS, by_number(q0=(wrong, None, None, None)))).coverage.missing == 1


def judged(samples: list[Sample], journal: list[Record], task: Any, word: str | Outcome) -> list[Record]:
    """Return the judge's journal in which every unparsed reply gets the same verdict."""
    kind = runs.kind_of(task)
    found = []
    for sample in samples:
        outcomes = {one.variant: one.outcome for one in journal if one.sample_id == sample.id}
        for request in judge.requests(sample, outcomes, kind.answers(sample, outcomes)):
            outcome = Output(word) if isinstance(word, str) else word
            found.append(Record(request.key, sample.id, request.variant, outcome))
    return found


def test_the_judges_verdict_counts_for_the_letter_displayed(tmp_path: Path) -> None:
    hard = question(0, gold="C")
    journal = records(CHOICE, [hard], by_number(q0=(right, "The winged one?", right, right)))
    letter = runs.say(hard, runs.kind_of(CHOICE).requests(hard)[1], "C")
    folder = write_run_judged(tmp_path, [hard], journal, letter)
    scores = score_run(folder)
    assert estimate(scores).value == 1.0
    assert scores.coverage.rules["judge:wise"] == 1
    assert "|judge:wise|" in scores.signature
    assert lines(folder)["q0"].passes[1].judge == letter


def write_run_judged(results: Path, samples: list[Sample], journal: list[Record], word: str | Outcome) -> RunFolder:
    folder = write_run(results, samples, journal, judge=judged(samples, journal, CHOICE, word))
    manifest = runs.manifest_of(CHOICE, judge="wise")
    folder.manifest_path.write_bytes(msgspec.json.encode(manifest))
    return folder


@pytest.mark.parametrize("word", ["Z", "I would not know, sorry"])
def test_a_judge_without_a_verdict_leaves_the_reply_unparsed(tmp_path: Path, word: str) -> None:
    journal = records(CHOICE, QUESTIONS, by_number(q0=(right, "The winged one?", right, right)))
    scores = score_run(write_run_judged(tmp_path, QUESTIONS, journal, word))
    assert scores.coverage.unparsed == 1
    assert scores.complete


def test_a_dead_judge_leaves_the_score_incomplete(tmp_path: Path) -> None:
    journal = records(CHOICE, QUESTIONS, by_number(q0=(right, "The winged one?", right, right)))
    scores = score_run(write_run_judged(tmp_path, QUESTIONS, journal, FAILED))
    assert not scores.complete
    assert any("1 unparsed replies not read by the judge wise" in note for note in scores.notes)


def test_a_verdict_on_another_reply_is_not_used(tmp_path: Path) -> None:
    journal = records(CHOICE, QUESTIONS, by_number(q0=(right, "The winged one?", right, right)))
    folder = write_run_judged(tmp_path, QUESTIONS, journal, "A")
    newer = records(CHOICE, QUESTIONS, by_number(q0=(right, "The one with wings?", right, right)))
    folder.outputs.write_bytes(b"".join(msgspec.json.encode(record) + b"\n" for record in newer))
    assert not score_run(folder).complete


def test_hidden_gold_gives_no_numbers_and_says_so(tmp_path: Path) -> None:
    samples = [question(number, gold="") for number in range(5)]
    scores = score_run(made(tmp_path, samples, lambda sample, request: "A"))
    assert scores.estimates == ()
    assert not scores.complete
    assert "5 of 5 samples without a known right answer" in scores.notes[0]
    assert scores.coverage.answered == 5


def test_a_task_without_metrics_is_complete_once_answered(tmp_path: Path) -> None:
    task = msgspec.structs.replace(CHOICE, metrics=(), primary="")
    samples = [question(number, gold="") for number in range(5)]
    assert score_run(made(tmp_path, samples, lambda sample, request: "A", task=task)).complete
    assert not score_run(made(tmp_path / "2", samples, lambda sample, request: FAILED, task=task)).complete


def test_an_empty_run_is_no_score(tmp_path: Path) -> None:
    scores = score_run(write_run(tmp_path, [], []))
    assert scores.estimates == ()
    assert not scores.complete


def test_a_run_stopped_before_its_last_question_is_incomplete(tmp_path: Path) -> None:
    scores = score_run(made(tmp_path, QUESTIONS, right, state="interrupted", counts={"expected": 50}))
    assert not scores.complete
    assert "interrupted" in scores.notes[0]
    assert (scores.coverage.samples, scores.coverage.missing) == (50, 30)
    assert "|n:20|cov:40|" in scores.signature


def test_letters_are_counted_where_they_were_displayed(tmp_path: Path) -> None:
    samples = [question(number, gold="ABCD"[number % 4]) for number in range(8)]
    always_a = score_run(made(tmp_path / "1", samples, lambda sample, request: "A"))
    assert [(one.letter, one.chosen, one.gold, one.right) for one in always_a.letters] == [
        ("A", 32, 8, 8), ("B", 0, 8, 0), ("C", 0, 8, 0), ("D", 0, 8, 0),
    ]  # fmt: skip
    assert estimate(always_a).value == 0.0
    assert all(one.right == one.gold == one.chosen for one in score_run(made(tmp_path / "2", samples, right)).letters)


def test_the_signature_tells_the_recipe(tmp_path: Path) -> None:
    scores = score_run(made(tmp_path, QUESTIONS, right))
    head, _, tail = scores.signature.partition("|prompt:")
    assert head == "exam:1|circular"
    data = scores.data_digest[:4]
    assert tail.endswith(f"|t:0|max:64|n:20|cov:100|data:{data}|vlmeval:{vlmeval.__version__}")


def test_another_prompt_is_another_signature_and_the_same_words_under_another_name_are_not(tmp_path: Path) -> None:
    def prompt(name: str, place: str) -> str:
        task = msgspec.structs.replace(CHOICE, prompt=name)
        signature = score_run(made(tmp_path / place, QUESTIONS, right, task=task)).signature
        return next(field for field in signature.split("|") if field.startswith("prompt:"))

    assert prompt("official", "1") == prompt("vlmevalkit", "2") != prompt("llava", "3")


def test_a_duplicate_question_is_refused_with_its_line(tmp_path: Path) -> None:
    folder = write_run(tmp_path, [*QUESTIONS, QUESTIONS[4]], [])
    with pytest.raises(JournalError, match=r"line 21: .*q4"):
        score_run(folder)


def test_every_estimate_and_answer_is_json_without_nan(tmp_path: Path) -> None:
    samples = [question(0, cluster="one"), question(1, cluster="one")]
    folder = made(tmp_path, samples, by_number(q0=wrong))
    score_run(folder)
    assert b"NaN" not in folder.scores.read_bytes()
    found = read_json(folder.scores, Scores)
    assert estimate(found, "vanilla_all").low is None
    assert estimate(found).low is not None


def test_an_answer_says_which_rule_decided(tmp_path: Path) -> None:
    scores = score_run(made(tmp_path, QUESTIONS, by_number(q0="It depends.")))
    assert sum(scores.coverage.rules.values()) == 80
    assert list(scores.coverage.rules) == sorted(scores.coverage.rules)

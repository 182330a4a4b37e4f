"""CircularEval, single passes, likelihoods and open questions: what is asked and what the replies mean."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vlmeval.data.task import Task
from vlmeval.errors import ConfigError, DataError
from vlmeval.kinds.choice import ChoiceKind, guess
from vlmeval.kinds.rotation import order_of, passes, shifted
from vlmeval.kinds.short import ShortKind
from vlmeval.metrics.accuracy import Circular
from vlmeval.types import Failure, Output, Rotation, Sample, Sampling

ANIMALS = ("cat", "dog", "bird", "fish")
SAMPLE = Sample("7", ("What is it?",), ("B",), ANIMALS)


def kind(**options: object) -> ChoiceKind:
    return ChoiceKind(
        Task(
            "made",
            "made",
            "dev",
            "choice",
            ("circular",),
            "circular",
            options=options,
            sampling=Sampling(max_tokens=64),
        )
    )


def says(**texts: str) -> dict[str, Output]:
    return {variant: Output(text) for variant, text in texts.items()}


def test_a_question_is_asked_once_per_option_with_the_options_shifted() -> None:
    requests = kind().requests(SAMPLE)
    assert [request.variant for request in requests] == ["rot0", "rot1", "rot2", "rot3"]
    assert "A. bird\nB. fish\nC. cat\nD. dog\n" in requests[2].text
    assert len({request.key for request in requests}) == 4
    assert all(request.key and request.sampling == Sampling(max_tokens=64) for request in requests)
    assert kind().shown(SAMPLE, "rot2") == ("C", "D", "A", "B")
    assert kind().expected_passes(SAMPLE) == 4


def test_an_answer_is_the_letter_of_the_base_order_whatever_was_shown() -> None:
    answers = kind().answers(SAMPLE, says(rot0="B", rot1="A", rot2="dog", rot3="C"))
    assert [(answer.variant, answer.value, answer.rule) for answer in answers] == [
        ("rot0", "B", "letter"),
        ("rot1", "B", "letter"),
        ("rot2", "B", "wording"),
        ("rot3", "B", "letter"),
    ]


def test_only_outputs_are_answers() -> None:
    outcomes = {"rot0": Failure("transient", "B"), "rot1": Output("A"), "rot9": Output("B")}
    assert [answer.variant for answer in kind().answers(SAMPLE, outcomes)] == ["rot1"]


def test_the_rows_of_a_file_are_asked_as_they_are() -> None:
    rows = (Rotation("7", (0, 1, 2, 3)), Rotation("2000007", (2, 3, 0, 1)))
    sample = Sample("7", ("What is it?",), ("B",), ANIMALS, rotations=rows)
    requests = kind().requests(sample)
    assert [(request.variant, request.row) for request in requests] == [("rot0", "7"), ("rot1", "2000007")]
    assert "A. bird\nB. fish\nC. cat\nD. dog\n" in requests[1].text
    assert kind().answers(sample, says(rot1="D"))[0].value == "B"
    assert kind().expected_passes(sample) == 4


def test_an_incomplete_group_is_never_a_hit() -> None:
    rows = (Rotation("7", (0, 1, 2, 3)), Rotation("1000007", (1, 2, 3, 0)))
    sample = Sample("7", ("What is it?",), ("B",), ANIMALS, rotations=rows)
    answers = kind().answers(sample, says(rot0="B", rot1="A"))
    assert [answer.value for answer in answers] == ["B", "B"]
    assert Circular().stats(sample, answers) == (0.0, 1.0)


def test_a_group_whose_last_option_stays_in_place_is_whole_with_fewer_passes() -> None:
    orders = ((0, 1, 2, 3), (2, 0, 1, 3), (1, 2, 0, 3))
    rows = tuple(Rotation(str(k), order) for k, order in enumerate(orders))
    sample = Sample("7", ("?",), ("D",), ("x", "y", "z", "all of them"), rotations=rows)
    assert kind().expected_passes(sample) == 3
    answers = kind().answers(sample, says(rot0="D", rot1="D", rot2="D"))
    assert Circular().stats(sample, answers) == (1.0, 1.0)
    assert Circular().stats(sample, answers[:2]) == (0.0, 1.0)


def test_a_single_pass_task_asks_the_base_order_only() -> None:
    single = kind(circular=False)
    assert [request.variant for request in single.requests(SAMPLE)] == ["rot0"]
    assert single.expected_passes(SAMPLE) == 1


def test_a_letter_whose_option_is_absent_is_skipped_not_renamed() -> None:
    sample = Sample("7", ("How many?",), ("D",), ("Three", "Two", "", "One"))
    requests = kind().requests(sample)
    assert [request.variant for request in requests] == ["rot0", "rot1", "rot2"]
    assert "A. Three\nB. Two\nD. One\n" in requests[0].text
    assert "A. Two\nB. One\nD. Three\n" in requests[1].text
    assert kind().shown(sample, "rot1") == ("B", "D", "", "A")
    assert [answer.value for answer in kind().answers(sample, says(rot0="D", rot1="B", rot2="C"))] == ["D", "D", None]


def test_stop_early_settles_a_sample_at_its_first_wrong_pass() -> None:
    early = kind(stop_early=True)
    assert (early.sequential, early.undefined_metrics) == (True, ("vanilla_all",))
    assert not early.settled(SAMPLE, says(rot0="B"))
    assert early.settled(SAMPLE, says(rot0="B", rot1="B"))
    assert not early.settled(SAMPLE, says(rot0="who knows"))
    assert not early.settled(SAMPLE, {"rot0": Failure("transient", "down")})
    assert not early.settled(Sample("7", ("What?",), (), ANIMALS), says(rot0="A"))


def test_without_stop_early_every_pass_is_asked() -> None:
    assert not kind().sequential
    assert not kind().settled(SAMPLE, says(rot0="A"))


def test_likelihoods_choose_the_best_letter_and_the_first_of_equals() -> None:
    likely = kind(mode="likelihood", circular=False)
    assert likely.requests(SAMPLE)[0].options == ("A", "B", "C", "D")
    for scores, value, rule in [
        ((-3.0, -1.0, -2.0, -9.0), "B", "likelihood"),
        ((-3.0, -1.0, -1.0, -9.0), "B", "likelihood"),
        ((-3.0, -1.0), None, "no_scores"),
        ((), None, "no_scores"),
        ((float("nan"), -1.0, -1.0, -1.0), None, "no_scores"),
    ]:
        answer = likely.answers(SAMPLE, {"rot0": Output("", scores=scores)})[0]
        assert (answer.value, answer.rule) == (value, rule)


def test_the_official_policy_guesses_by_seed_and_says_so() -> None:
    official = kind(policy="official")
    answers = official.answers(SAMPLE, says(rot0="B", rot1="who knows", rot2="who knows"))
    assert [answer.rule for answer in answers] == ["letter", "official-random", "official-random"]
    assert answers == official.answers(SAMPLE, says(rot0="B", rot1="who knows", rot2="who knows"))
    assert kind().answers(SAMPLE, says(rot1="who knows"))[0].value is None


def test_guesses_are_even_and_fall_on_options_only() -> None:
    drawn = [guess(Sample(str(number), ("?",), (), ("a", "", "c")), "rot0", 42) for number in range(3000)]
    assert set(drawn) == {"A", "C"}
    assert 1400 < drawn.count("A") < 1600
    assert drawn != [guess(Sample(str(number), ("?",), (), ("a", "", "c")), "rot0", 43) for number in range(3000)]


def test_the_extractor_can_be_an_official_one() -> None:
    reply = says(rot0="A dog sits on the lawn and barks at the moon")
    assert kind().answers(SAMPLE, reply)[0].value == "B"
    assert kind(extractor="vlmevalkit-2024").answers(SAMPLE, reply)[0].value == "A"
    assert kind(extractor="vlmevalkit").answers(SAMPLE, reply)[0].value is None


def test_an_open_question_among_choices_is_one_request_with_a_free_answer() -> None:
    sample = Sample("7", ("How many?",), ("2",))
    request = kind().requests(sample)[0]
    assert (request.variant, request.options) == ("rot0", ())
    assert [(a.value, a.rule) for a in kind().answers(sample, says(rot0="<think>hm</think> two "))] == [("two", "text")]
    assert kind().answers(sample, says(rot0="<think>hm"))[0].rule == "thinking_unfinished"
    assert (kind().shown(sample, "rot0"), kind().expected_passes(sample)) == ((), 1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"circullar": False}, 'task made, \\[options\\]: unknown key "circullar"; did you mean "circular"'),
        ({"mode": "guess"}, "task made, \\[options\\]: Invalid enum value 'guess'"),
        ({"circular": "yes"}, "task made, \\[options\\]: Expected `bool`"),
    ],
)
def test_a_wrong_option_is_an_error_that_names_task_and_key(options: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        kind(**options)


@pytest.mark.parametrize(
    ("sample", "message"),
    [
        (Sample("7", ("?",), (), tuple(map(str, range(27)))), "sample 7: 27 choices"),
        (Sample("7", ("?",), (), ("", "")), "sample 7: all its choices are empty"),
        (
            Sample("7", ("?",), (), ANIMALS, rotations=(Rotation("r9", (0, 1, 1, 3)),)),
            "sample 7, row r9: its options are not the 4 options",
        ),
    ],
)
def test_a_faulty_sample_is_named(sample: Sample, message: str) -> None:
    with pytest.raises(DataError, match=message):
        kind().requests(sample)


@pytest.mark.parametrize("variant", ["", "rot", "rot4", "rot-1", "epoch1.rot4", "rot①"])
def test_an_unknown_pass_is_an_error(variant: str) -> None:
    with pytest.raises(DataError, match="no pass"):
        order_of(SAMPLE, variant)


def test_more_choices_than_four_get_more_letters() -> None:
    sample = Sample("7", ("?",), ("I",), tuple(f"thing {number}" for number in range(9)))
    assert kind().expected_passes(sample) == len(kind().requests(sample)) == 9
    assert kind().answers(sample, says(rot0="I"))[0].value == "I"


@given(st.lists(st.sampled_from(["", "x", "y"]), min_size=1, max_size=12).filter(any), st.integers(0, 30))
@settings(deadline=None)
def test_a_shift_is_a_permutation_that_leaves_absent_options_in_place(choices: list[str], by: int) -> None:
    sample = Sample("s", ("?",), (), tuple(choices))
    order = shifted(sample, by)
    assert sorted(order) == list(range(len(choices)))
    assert all(bool(choices[index]) == bool(choices[place]) for place, index in enumerate(order))


@given(st.permutations(range(4)), st.integers(0, 3), st.data())
@settings(deadline=None)
def test_rotating_the_choices_leaves_circular_accuracy_alone(order: list[int], by: int, data: st.DataObject) -> None:
    """A model that answers by wording, right on some wordings only, scores the same however the base was ordered."""
    liked = data.draw(st.sampled_from([*ANIMALS, "none of them"]))
    hits = []
    for base in (ANIMALS, tuple(ANIMALS[index] for index in order), ANIMALS[by:] + ANIMALS[:by]):
        sample = Sample("s", ("?",), ("ABCD"[base.index("dog")],), base)
        outcomes = {one.variant: Output(f"It is a {liked}.") for one in passes(sample, circular=True)}
        hits.append(Circular().stats(sample, kind().answers(sample, outcomes)))
    assert hits[0] == hits[1] == hits[2] == (float(liked == "dog"), 1.0)


@given(st.sampled_from("ABCD"))
@settings(deadline=None)
def test_a_model_that_always_says_one_letter_is_never_circularly_right(letter: str) -> None:
    outcomes = {one.variant: Output(letter) for one in passes(SAMPLE, circular=True)}
    answers = kind().answers(SAMPLE, outcomes)
    assert Circular().stats(SAMPLE, answers) == (0.0, 1.0)
    assert sum(answer.value == "B" for answer in answers) == 1


def test_a_short_answer_is_the_reply_without_its_reasoning() -> None:
    short = ShortKind(Task("vqa", "vqa", "val", "short", ("vqa_v2",), "vqa_v2"))
    sample = Sample("s", ("What colour?",), ("red",) * 10)
    values = [
        (answer.value, answer.rule)
        for text in (" Red. ", "<think>blue?</think>red", "<think>blue", " ")
        for answer in short.answers(sample, {"": Output(text)})
    ]
    assert values == [("Red.", "text"), ("red", "text"), (None, "thinking_unfinished"), (None, "empty")]
    assert short.answers(sample, {"": Failure("refused", "no")}) == ()
    assert not short.settled(sample, {})

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.run.asking import Passes, samples
from vlmeval.errors import DataError
from vlmeval.run.planner import Earlier, Unit, gathered, images_of, noted, plan
from vlmeval.run.settings import Prices
from vlmeval.store.images import ImageStore, ImageWriter
from vlmeval.store.journal import Journal
from vlmeval.store.questions import QuestionLog, read_questions
from vlmeval.types import Failure, Image, Outcome, Output, Record, Request, Sample


def earlier(folder: Path, *records: tuple[Request, Outcome], keep_texts: bool = False) -> Earlier:
    with Journal(folder / "o.jsonl") as journal:
        for request, outcome in records:
            journal.append(Record(request.key, request.sample_id, request.variant, outcome))
    return Earlier(folder / "o.jsonl", keep_texts=keep_texts, prices=Prices(1.0, 1.0))


def test_what_was_answered_or_failed_is_not_planned_again(tmp_path: Path) -> None:
    (sample,) = samples(1)
    one, two, three = Passes(3).requests(sample)
    before = earlier(tmp_path, (one, Output("A")), (two, Failure("refused", "no")))
    (unit,) = plan([sample], Passes(3), before)
    assert unit.requests == [three]
    assert set(unit.outcomes) == {one.variant, two.variant}


def test_retry_errors_plans_failures_again(tmp_path: Path) -> None:
    (sample,) = samples(1)
    one, two, three = Passes(3).requests(sample)
    before = earlier(tmp_path, (one, Output("A")), (two, Failure("refused", "no")))
    (unit,) = plan([sample], Passes(3), before, retry_errors=True)
    assert unit.requests == [two, three]


def test_the_latest_record_counts_but_every_answer_was_paid(tmp_path: Path) -> None:
    (sample,) = samples(1)
    (one,) = Passes().requests(sample)
    paid = Output("A", prompt_tokens=10, output_tokens=1)
    before = earlier(tmp_path, (one, paid), (one, Failure("transient", "x")), (one, paid))
    assert before.spent.prompt_tokens == 20
    (unit,) = plan([sample], Passes(), before)
    assert unit.requests == []


def test_an_answer_to_another_prompt_does_not_count(tmp_path: Path) -> None:
    (sample,) = samples(1)
    (one,) = Passes().requests(sample)
    before = earlier(tmp_path, (Request(one.sample_id, one.variant, ("another",)).keyed(), Output("A")))
    (unit,) = plan([sample], Passes(), before)
    assert unit.requests == [one]


def test_a_settled_chain_has_nothing_left_and_an_open_one_the_rest(tmp_path: Path) -> None:
    first, second = samples(2)
    kind = Passes(3, sequential=True)
    before = earlier(
        tmp_path, (kind.requests(first)[0], Output("B")), (kind.requests(second)[0], Output("A")), keep_texts=True
    )
    one, two = plan([first, second], kind, before)
    assert one.requests == []
    assert two.requests == list(kind.requests(second)[1:])
    assert two.chain


def test_a_kind_that_forgets_the_key_gets_one(tmp_path: Path) -> None:
    class Forgetful(Passes):
        def requests(self, sample: Sample) -> tuple[Request, ...]:
            return (Request(sample.id, "", sample.parts),)

    (unit,) = plan(samples(1), Forgetful(), earlier(tmp_path))
    assert len(unit.requests[0].key) == 64


def test_images_are_those_of_the_question_and_of_the_choices() -> None:
    one, two = Image("a" * 64, 1, 1, "png"), Image("b" * 64, 1, 1, "png")
    assert list(images_of(Sample("s", ("x", one), choices=("y", (two, "z"))))) == [one, two]


def test_units_about_one_image_follow_one_another_longest_first() -> None:
    def unit(name: str, image: str, text: str) -> Unit:
        parts = (Image(image * 64, 1, 1, "png"), text) if image else (text,)
        return Unit(Sample(name, parts, ()), ())

    asked = [
        unit("1", "a", "x"),
        unit("2", "b", "xxx"),
        unit("3", "a", "xx"),
        unit("4", "", "xxxx"),
        unit("5", "b", "x"),
    ]
    assert [item.sample.id for item in gathered(asked, 10)] == ["4", "2", "5", "1", "3"]
    assert [item.sample.id for item in gathered(asked, 2)] == ["2", "1", "4", "3", "5"]
    assert sorted(item.sample.id for item in gathered(asked, 3)) == ["1", "2", "3", "4", "5"]


def test_samples_are_in_questions_jsonl_before_they_are_planned_and_a_faulty_one_stops_only_what_follows(
    tmp_path: Path,
) -> None:
    def rows() -> Iterator[Sample]:
        yield from samples(5)
        raise DataError("row 6 is broken")

    log = QuestionLog(tmp_path / "questions.jsonl")
    seen = []
    with ImageWriter(ImageStore(tmp_path, "run")) as images:
        planned = noted(rows(), log, images)
        for sample in itertools.islice(planned, 5):
            assert sample.id in {known.id for known in read_questions(tmp_path / "questions.jsonl")}
            seen.append(sample.id)
        with pytest.raises(DataError, match="row 6"):
            next(planned)
    log.close()
    assert seen == [sample.id for sample in samples(5)]


def test_a_window_is_read_only_when_it_is_its_turn() -> None:
    read = []

    def units() -> Iterator[Unit]:
        for number in range(10):
            read.append(number)
            yield Unit(Sample(str(number), ("x",), ()), ())

    following = gathered(units(), 4)
    next(following)
    assert len(read) == 4

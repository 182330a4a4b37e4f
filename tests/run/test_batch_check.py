from collections.abc import Sequence

from vlmeval.run.batch_check import check_batches
from vlmeval.types import Failure, Outcome, Output, Request

ASKED = [Request(f"s{number}", "rot0", (f"What? {number}",)).keyed() for number in range(7)]


def test_a_row_whose_text_depends_on_its_batch_is_named_with_both_answers() -> None:
    def padded_wrong(requests: Sequence[Request]) -> Sequence[Outcome]:
        return [Output("wrong" if len(requests) > 1 and one.sample_id == "s4" else "right") for one in requests]

    found = check_batches(padded_wrong, ASKED, 3)
    assert (found.rows, found.batch, len(found.differences), found.largest) == (7, 3, 1, None)
    assert found.differences[0].line() == 's4/rot0: alone "right", in a batch "wrong"'


def test_every_row_is_asked_alone_and_in_a_batch() -> None:
    sizes: list[int] = []

    def call(requests: Sequence[Request]) -> Sequence[Outcome]:
        sizes.append(len(requests))
        return [Output(request.sample_id) for request in requests]

    assert check_batches(call, ASKED, 3).differences == ()
    assert sizes == [1] * 7 + [3, 3, 1]


def test_weighed_options_differ_where_their_order_does_and_the_distance_is_told() -> None:
    def call(requests: Sequence[Request]) -> Sequence[Outcome]:
        shift = 0.0 if len(requests) == 1 else 0.25
        return [Output("", scores=(-1.0, -1.125 + (shift if one.sample_id == "s2" else 0.0))) for one in requests]

    found = check_batches(call, ASKED, 7)
    assert found.largest == 0.25
    (one,) = found.differences
    assert one.line() == "s2/rot0: alone (-1.0000, -1.1250), in a batch (-1.0000, -0.8750)"


def test_a_failure_in_a_batch_alone_is_a_difference() -> None:
    def call(requests: Sequence[Request]) -> Sequence[Outcome]:
        return [Output("x") if len(requests) == 1 else Failure("crash", "out of memory") for _ in requests]

    found = check_batches(call, ASKED[:2], 2)
    assert len(found.differences) == 2
    assert "in a batch crash (out of memory)" in found.differences[0].line()

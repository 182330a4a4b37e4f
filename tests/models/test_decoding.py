from collections import Counter

import pytest

torch = pytest.importorskip("torch")

from tests.models.parts import tokenizer  # noqa: E402
from vlmeval.models.decoding import SampleByNoise, Watch, finished, row_seed  # noqa: E402
from vlmeval.types import Request, Sampling  # noqa: E402


def requests(count: int, **sampling: float) -> list[Request]:
    return [Request(str(index), "", (str(index),), Sampling(**sampling)).keyed() for index in range(count)]  # type: ignore[arg-type]


def test_noise_samples_from_the_softmax_of_the_logits() -> None:
    draws = 4000
    logits = torch.tensor([0.5, 0.3, 0.2]).log().repeat(draws, 1)
    sample = SampleByNoise(requests(draws, temperature=1.0))(None, logits).argmax(dim=-1)
    shares = Counter(sample.tolist())
    assert [shares[token] / draws for token in range(3)] == pytest.approx([0.5, 0.3, 0.2], abs=0.03)


def test_temperature_sharpens_and_top_k_and_top_p_cut() -> None:
    draws = 1000
    logits = torch.tensor([0.4, 0.3, 0.2, 0.1]).log().repeat(draws, 1)

    def drawn(**sampling: float) -> set[int]:
        return set(SampleByNoise(requests(draws, **sampling))(None, logits.clone()).argmax(dim=-1).tolist())

    assert drawn(temperature=1.0) == {0, 1, 2, 3}
    assert drawn(temperature=1.0, top_k=2) == {0, 1}
    assert drawn(temperature=1.0, top_k=99) == {0, 1, 2, 3}
    assert drawn(temperature=1.0, top_p=0.5) == {0, 1}
    assert drawn(temperature=1.0, top_p=0.01) == {0}
    assert drawn(temperature=0.01) == {0}


def test_a_row_draws_the_same_in_every_batch_and_step() -> None:
    rows = requests(3, temperature=1.0)
    logits = torch.randn(3, 50, generator=torch.Generator().manual_seed(0))
    together = SampleByNoise(rows)
    alone = [SampleByNoise([row]) for row in rows]
    for _ in range(3):
        expected = torch.cat([one(None, logits[index : index + 1]) for index, one in enumerate(alone)])
        assert torch.equal(together(None, logits), expected)


def test_the_seed_is_of_the_request_and_an_epoch_is_another_request() -> None:
    def seed(variant: str, number: int | None) -> int:
        return row_seed(Request("s", variant, ("?",), Sampling(temperature=1, seed=number)))

    assert seed("rot0", 1) == seed("rot0", 1)
    assert len({seed("epoch0", 1), seed("epoch1", 1), seed("epoch0", 2)}) == 3
    assert seed("", None) >= 0


def test_rows_stop_one_by_one_and_only_the_new_tokens_count() -> None:
    text = tokenizer()
    ids = text("ab", add_special_tokens=False)["input_ids"]
    watch = Watch(text, limits=[2, 3], stop=("ab",))
    prompt = torch.tensor([ids, ids])
    grown = torch.cat([prompt, torch.tensor([[ids[0]], [ids[1]]])], dim=1)
    assert watch(grown, None).tolist() == [False, False]
    grown = torch.cat([grown, torch.tensor([[ids[1]], [ids[1]]])], dim=1)
    assert watch(grown, None).tolist() == [True, False]
    assert watch.stopped == [2, 0]
    assert watch.answers() == [[ids[0], ids[1]], [ids[1], ids[1]]]


def test_an_output_is_cut_at_its_end_token_or_stop_string() -> None:
    text = tokenizer()
    ids = text("yes|no", add_special_tokens=False)["input_ids"]
    ended = finished(text, [*ids[:3], 2, 0, 0], {2}, stopped=False, stop=())
    assert (ended.text, ended.finish, ended.output_tokens) == ("yes", "stop", 4)
    cut = finished(text, ids, {2}, stopped=False, stop=())
    assert (cut.text, cut.finish, cut.output_tokens) == ("yes|no", "length", 6)
    stopped = finished(text, ids[:4], {2}, stopped=True, stop=("|", "es|"))
    assert (stopped.text, stopped.finish, stopped.output_tokens) == ("y", "stop", 4)
    empty = finished(text, [2], {2}, stopped=False, stop=())
    assert (empty.text, empty.finish, empty.output_tokens) == ("", "stop", 1)

"""Ranking the first candidates again: who is matched, what is saved, where the others stand."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from vlmeval.errors import ConfigError
from vlmeval.run.rerank import rerank_run
from vlmeval.score.vectors import matched_answers, rank_answers
from vlmeval.store.embeddings import EmbeddingWriter, item_key
from vlmeval.store.layout import RunFolder
from vlmeval.store.reranked import Reranked, read_reranked
from vlmeval.types import Image, Part, Sample

IMAGES = [Sample(f"i2t:{n}", (Image(f"{n:064x}", 1, 1, "png"),), (f"{n}a",)) for n in range(4)]
TEXTS = [Sample(f"t2i:{n}a", (f"text {n}",), (str(n),)) for n in range(4)]


class Matcher:
    """Says how near the number of an image is to that of a text; `fatal` is the call that is interrupted."""

    rerank_top = 2

    def __init__(self, fatal: int = -1) -> None:
        self.calls: list[Part] = []
        self.fatal = fatal

    def match(self, query: Part, candidates: Sequence[Part]) -> list[float]:
        if len(self.calls) == self.fatal:
            raise KeyboardInterrupt
        self.calls.append(query)
        return [10.0 - abs(number(query) - number(one)) for one in candidates]


def number(item: Part) -> int:
    return int(item.sha256, 16) if isinstance(item, Image) else int(item.split()[1])


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    """Vectors on a circle: text n is nearest to image n + 1, then to image n."""
    angles = np.array([*(0.3 * n for n in range(4)), *(0.3 * n + 0.2 for n in range(4))])
    vectors = np.column_stack([np.cos(angles), np.sin(angles)]).astype(np.float32)
    with EmbeddingWriter(tmp_path) as writer:
        samples = IMAGES + TEXTS
        writer.add(samples, [item_key(sample) for sample in samples], vectors)
    return RunFolder(tmp_path)


def best(folder: RunFolder) -> dict[str, tuple[str, str]]:
    answers = rank_answers(folder, IMAGES + TEXTS)
    return {name: (str(found[0].value), found[0].rule) for name, found in answers.items()}


def test_matching_moves_the_right_one_up_among_those_it_saw(folder: RunFolder) -> None:
    assert best(folder)["t2i:0a"] == ("2", "rank")
    rerank_run(folder, IMAGES + TEXTS, Matcher())
    assert set(best(folder).values()) == {("1", "rank")}
    line = read_reranked(folder.path)["t2i:0a"]
    assert line.candidates == ("i2t:1", "i2t:0")
    assert line.scores[1] == pytest.approx(10 + np.cos(0.2), abs=1e-5)


def test_an_interrupted_run_matches_only_what_is_left(folder: RunFolder) -> None:
    with pytest.raises(KeyboardInterrupt):
        rerank_run(folder, IMAGES + TEXTS, Matcher(fatal=3))
    assert sorted(best(folder)) == ["i2t:0", "i2t:1", "i2t:2"]  # ranks by two sorts of scores never meet in a figure
    second = Matcher()
    rerank_run(folder, IMAGES + TEXTS, second)
    assert len(second.calls) == 5
    assert len(read_reranked(folder.path)) == 8


def test_right_ones_that_were_not_matched_stand_behind_on_average() -> None:
    query = Sample("i2t:q", ("x",), ("r", "s"))
    line = Reranked("i2t:q", ("t2i:a", "t2i:b"), (2.0, 1.0))
    first, ranks, precision = matched_answers(query, line, 6)
    assert first.rule == "unlisted"
    assert float(str(first.value)) == pytest.approx(2 + 5 / 3)
    assert isinstance(ranks.value, tuple)
    assert [float(rank) for rank in ranks.value] == pytest.approx([2 + 5 / 3, 2 + 10 / 3])
    line = Reranked("i2t:q", ("t2i:a", "t2i:r", "t2i:b"), (2.0, 2.0, 3.0))
    first, ranks, _ = matched_answers(query, line, 6)
    assert (first.value, first.rule) == ("2.5", "tie")
    assert 0 < float(str(precision.value)) < 1


def test_folds_are_refused(folder: RunFolder) -> None:
    with pytest.raises(ConfigError, match="not done within folds"):
        rerank_run(folder, IMAGES + TEXTS, Matcher(), folds=5)

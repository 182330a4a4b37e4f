"""AMBER's four figures, by hand and against sums written another way."""

from __future__ import annotations

import random

import numpy as np
import pytest

from vlmeval.metrics.amber import AmberChair, AmberCog, AmberCover, AmberHal, AmberMetric, nouns, singulars
from vlmeval.types import Answer, Sample

SYNONYMS = {
    "sky": [], "person": ["people", "man", "woman"], "dog": ["puppy"], "tree": ["forest", "bush"],
    "forest": ["tree", "bush"], "cloud": [], "table": ["desk"], "glasses": ["glass"], "light": [],
}  # fmt: skip
VOCABULARY = tuple(dict.fromkeys(word for one, others in SYNONYMS.items() for word in (one, *others)))
METRICS: tuple[AmberMetric, ...] = (AmberChair(), AmberCover(), AmberHal(), AmberCog())


def image(truth: list[str], hallu: list[str], name: str = "1") -> Sample:
    def lines(words: list[str]) -> str:
        return "\n".join("\t".join([word, *SYNONYMS[word]]) for word in words)

    fields = {"truth": lines(truth), "hallu": lines(hallu), "safe": "light", "vocabulary": "\n".join(VOCABULARY)}
    return Sample(name, (), references=tuple(truth), fields=fields)


def figures(samples: list[Sample], replies: list[str | None]) -> list[float]:
    found = []
    for metric in METRICS:
        rows = [
            metric.stats(sample, (Answer("", reply, "text"),)) for sample, reply in zip(samples, replies, strict=True)
        ]
        total = np.array([row for row in rows if row is not None]).sum(axis=0)
        found.append(float(metric.fit(samples).value(total)))
    return found


def test_a_description_is_counted_as_in_the_paper() -> None:
    sample = image(["sky", "person"], ["dog", "cloud"])
    # Of the vocabulary: man, sky, puppies, table. Made up: puppies (imagined: dog) and table (nobody's).
    said = "A man under the sky with two puppies and a table, quite happy."
    assert figures([sample], [said]) == [2 / 4, 2 / 2, 1.0, 1 / 2]


def test_the_sums_run_over_all_descriptions() -> None:
    samples = [image(["sky", "person"], ["dog"]), image(["tree"], ["cloud", "table"], "2")]
    chair, cover, hal, cog = figures(samples, ["The sky. A dog.", "trees"])
    assert (chair, cover, hal, cog) == (1 / 3, 2 / 3, 1 / 2, 1 / 3)


def test_a_safe_word_is_counted_but_never_made_up_and_marks_nothing() -> None:
    assert figures([image(["light"], ["dog"])], ["lights"]) == [0.0, 0.0, 0.0, 0.0]


def test_a_shared_synonym_marks_the_first_word_that_has_it_before_the_word_itself() -> None:
    sample = image(["forest", "tree"], ["dog"])
    assert figures([sample], ["one tree"])[1] == 1 / 2
    assert figures([sample], ["a tree in a forest"])[1] == 2 / 2
    assert figures([sample], ["bushes and trees"])[1] == 1 / 2


def test_a_word_annotated_twice_is_marked_once_as_in_the_official_program() -> None:
    assert figures([image(["sky", "sky"], ["dog"])], ["sky and sky"])[1] == 1 / 2


def test_an_unparsed_reply_mentions_nothing_and_no_mention_has_no_chair() -> None:
    chair, cover, hal, cog = figures([image(["sky"], ["dog"])], [None])
    assert np.isnan(chair)
    assert (cover, hal, cog) == (0.0, 0.0, 0.0)
    assert AmberChair().stats(image(["sky"], ["dog"]), ()) is None


def test_several_answers_count_as_their_mean() -> None:
    sample = image(["sky"], ["dog"])
    answers = (Answer("epoch1", "a dog", "text"), Answer("epoch2", "the sky", "text"))
    assert AmberHal().stats(sample, answers) == (0.5, 1.0)
    assert AmberChair().stats(sample, answers) == (0.5, 1.0)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("People sit at desks.", ["people", "desk"]),
        ("GLASSES, glass; bushes", ["glasses", "glass", "bush"]),
        ("a doghouse, hot-dog, skyline", []),
        ("puppies women men", ["puppy", "woman", "man"]),
        ("", []),
        ("天空 dog's", ["dog"]),
    ],
)
def test_words_are_found_whole_in_any_case_and_number(text: str, found: list[str]) -> None:
    assert nouns(text, frozenset(VOCABULARY)) == found


def test_the_word_itself_comes_before_its_singulars() -> None:
    assert singulars("leaves") == ("leaves", "leaf", "leav", "leave")
    assert singulars("grass") == ("grass",)
    assert singulars("berries") == ("berries", "berry", "berri", "berrie")


def test_a_sample_of_another_benchmark_is_refused() -> None:
    with pytest.raises(ValueError, match="has no words of AMBER"):
        AmberHal().stats(Sample("7", (), references=("a",)), (Answer("", "a dog", "text"),))


def official(samples: list[Sample], said: list[list[str]]) -> list[float]:
    """Return the figures by flags over a list of words, synonyms first, as the official program keeps them."""
    sums = np.zeros(8)
    for sample, words in zip(samples, said, strict=True):
        lists = []
        for name in ("truth", "hallu"):
            rows = [line.split("\t") for line in sample.fields[name].split("\n")]
            named = [(word, place) for place, row in enumerate(rows) for word in row[1:]]
            lists.append((named + [(row[0], place) for place, row in enumerate(rows)], [0] * len(rows)))
        flags = []
        for word in words:
            owner = next(((marks, place) for named, marks in lists for other, place in named if other == word), None)
            safe = word == "light" or any(word == other for other, _ in lists[0][0])
            if owner is not None and word != "light":
                owner[0][owner[1]] = 1
            flags.append(0 if safe else 1)
        sums += (sum(flags), len(flags), sum(lists[0][1]), len(lists[0][1]), float(any(flags)), 1,
                 sum(lists[1][1]), len(lists[1][1]))  # fmt: skip
    return [float(sums[place] / sums[place + 1]) for place in (0, 2, 4, 6)]


def test_random_descriptions_give_the_figures_of_flags_kept_as_the_official_program_does() -> None:
    draw = random.Random(5)
    samples, said = [], []
    for number in range(60):
        words = draw.sample(sorted(SYNONYMS), 6)
        samples.append(image(words[:3], words[3:], str(number)))
        said.append(draw.choices(VOCABULARY, k=draw.randint(1, 8)))
    assert figures(samples, [" ".join(words) for words in said]) == pytest.approx(official(samples, said), abs=1e-12)

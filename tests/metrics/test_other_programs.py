"""Caption metrics that other programs and packages compute, and what is said where those are not here."""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

from vlmeval.metrics import java
from vlmeval.metrics.meteor import Meteor
from vlmeval.metrics.meteor_nltk import MeteorNltk
from vlmeval.metrics.rouge_score import RougeScore1, RougeScore2, RougeScoreL
from vlmeval.metrics.spice import Spice
from vlmeval.types import Answer, Batch, OptionalMetric, Sample

OPTIONAL = (Meteor, Spice, MeteorNltk, RougeScore1)
# METEOR 1.5's own statistics and scores of captions, recorded.
RECORDED = [
    ("6 6 3 3 2 2 2 2 0 0 0 0 0 0 0 0 1 0 0 1 3 5 5", 0.3345732963548696),
    ("2 3 1 1 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0", 0.0),
    ("0 2 0 1 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0", 0.0),
    ("2 2 1 1 1 1 1 1 0 0 0 0 0 0 0 0 0 0 0 0 0 2 2", 1.0),
    ("6 6 2 2 0 0 1 1 1 1 0 0 1 1 0 0 2 2 0 0 1 5 5", 0.35522595541298335),
    ("3 3 1 1 1 1 1 1 0 0 0 0 1 1 0 0 0 0 0 0 0 3 3", 0.9142857142857143),
    ("5 4 5 3 0 0 3 3 0 0 0 0 0 0 0 0 0 0 0 0 3 3 3", 0.20512820512820518),
]
ROWS = np.array([list(map(float, text.split())) for text, _ in RECORDED])


def batch_of(captions: dict[str, tuple[str, ...]]) -> Batch:
    samples = [Sample(str(number), (), references) for number, references in enumerate(captions.values())]
    return Batch(samples, [[Answer("", text, "text")] for text in captions])


def test_meteor_has_the_scores_of_the_recorded_statistics() -> None:
    assert Meteor().value(ROWS) == pytest.approx([score for _, score in RECORDED], abs=1e-12)
    assert np.isnan(Meteor().value(np.zeros(23)))


def test_meteor_of_a_corpus_is_that_of_the_sums() -> None:
    total = Meteor().value(ROWS.sum(axis=0))
    assert 0 < total < 1
    assert total != pytest.approx(Meteor().value(ROWS).mean())


@pytest.mark.slow
@pytest.mark.skipif(bool(Meteor().lacks()), reason="needs Java and pycocoevalcap")
def test_the_program_gives_the_recorded_statistics() -> None:
    captions = {
        "a dog runs on the grass": ("a dog is running on grass", "the dog plays outside"),
        "two cats": ("a cat sits",),
        "": ("a dog",),
        "a dog": ("a dog",),
        "the man rides a bike quickly": ("a person riding a bicycle fast",),
        "a red automobile": ("a red car", "the vehicle is red"),
        "a a the of to": ("the a of dog",),
    }
    rows = Meteor().stats_many(batch_of(captions))
    assert np.array_equal(np.array(rows), ROWS)


@pytest.mark.parametrize("metric", OPTIONAL)
def test_without_its_program_a_metric_says_what_it_lacks(
    metric: type[OptionalMetric], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    monkeypatch.setattr(sys, "path_importer_cache", {})
    for name in ("pycocoevalcap", "nltk", "rouge_score"):
        for loaded in [module for module in sys.modules if module.split(".")[0] == name]:
            monkeypatch.delitem(sys.modules, loaded)
    assert metric().lacks() in ("no pycocoevalcap", "no nltk", "no rouge-score")


@pytest.mark.skipif(importlib.util.find_spec("pycocoevalcap") is None, reason="needs pycocoevalcap")
def test_without_java_a_program_is_not_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert Meteor().lacks() == "no Java"
    assert Spice().lacks() == "no Java"


@pytest.mark.skipif(not java.home(), reason="needs pycocoevalcap")
def test_a_file_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "java").write_text("#!/bin/sh\n")
    (tmp_path / "java").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert java.lacks(("no/such.jar", "SPICE models")) == "no SPICE models"


def test_a_program_that_fails_is_an_error_with_its_last_words(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "java").write_text("#!/bin/sh\necho first >&2\necho 'no memory' >&2\nexit 3\n")
    (tmp_path / "java").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    with pytest.raises(ValueError, match=r"x\.jar: java ended with 3: no memory"):
        java.run_java(["-jar", "x.jar"], "", tmp_path)


@pytest.mark.skipif(bool(RougeScore1().lacks()), reason="needs rouge-score")
def test_rouge_score_takes_the_best_reference_and_raw_text() -> None:
    batch = batch_of({"The Dog runs.": ("a cat", "the dog sleeps"), "": ("a dog",)})
    assert RougeScore1().stats_many(batch) == [(pytest.approx(2 / 3), 1.0), (0.0, 1.0)]
    assert RougeScore2().stats_many(batch) == [(pytest.approx(1 / 2), 1.0), (0.0, 1.0)]
    assert RougeScoreL().stats_many(batch) == [(pytest.approx(2 / 3), 1.0), (0.0, 1.0)]


@pytest.mark.skipif(bool(MeteorNltk().lacks()), reason="needs nltk and its WordNet")
def test_nltks_meteor_matches_stems_and_synonyms() -> None:
    sample = Sample("1", (), ("A man rides a bicycle.", "someone cycles"))
    found = MeteorNltk().stats(sample, [Answer("", "The man is riding a bike", "text")])
    assert found == pytest.approx((0.5010893246187365, 1.0))


@pytest.mark.skipif(bool(RougeScore1().lacks()), reason="needs rouge-score")
def test_epochs_are_averaged_and_samples_without_answers_do_not_enter() -> None:
    sample = Sample("1", (), ("the dog",))
    answers = [Answer("epoch0", "the dog", "text"), Answer("epoch1", "a cat", "text")]
    assert RougeScore1().stats(sample, answers) == (0.5, 1.0)
    assert RougeScore1().stats(sample, []) is None
    assert RougeScore1().stats(Sample("2", ()), answers) is None

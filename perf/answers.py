"""What scoring short answers costs, in CPU seconds, at the size of VQA v2: 214,354 questions, ten answers each.

    python perf/answers.py [--questions 214354]

Prints `what | ours | other | ratio | bar`. "other" is measured in the same run: the official programs' algorithms
written out below as those programs go about it (every answer processed for every question, answers as dictionaries, the
ten subsets one by one; edit distances by a table in Python). Both give the same digits, reply by reply, or the script
fails. Ours is timed with its intervals, which the programs do not give. The last line is the whole way from a run
folder to scores.json, in a process of its own, with its memory; "other" is a pass over the same files with the json
module and nothing else. Exit status 1 where a bar is missed.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from perf.lines import Line, status
from tests.score.runs import made
from vlmeval.data.catalog import find_task
from vlmeval.metrics.anls import Anls
from vlmeval.metrics.mean import MeanAccuracy
from vlmeval.metrics.vqa import ARTICLES, CONTRACTIONS, NUMBER_WORDS, PUNCTUATION, VqaV2
from vlmeval.score.scorer import score_run
from vlmeval.stats.bootstrap import Statistic, intervals
from vlmeval.stats.clusters import cluster_codes, cluster_sums, exact_total
from vlmeval.store.layout import RunFolder
from vlmeval.types import Answer, Image, Request, Sample

QUESTIONS = 214_354
PER_IMAGE = 5
SECONDS, GIGABYTES, RATIO = 10.0, 1.5, 15.0
COMMA = re.compile(r"(\d)(\,)(\d)")
FULL_STOP = re.compile(r"(\.)(?!\d)")


def questions(count: int) -> tuple[list[Sample], list[str]]:
    """Return made-up questions with ten answers, as unevenly spread as people's, and a reply to each."""
    draw = random.Random(0)  # noqa: S311 made-up data
    letters = "abcdefghijklmnopqrstuvwxyz"
    words = ["".join(draw.choices(letters, k=draw.randint(3, 9))) for _ in range(20_000)]
    weights = [1 / (place + 3) for place in range(len(words))]
    pool = draw.choices(words, weights, k=400_000)

    def text() -> str:
        kind = draw.random()
        if kind < 0.4:
            return draw.choice(("yes", "no"))
        if kind < 0.52:
            return draw.choice(("1", "2", "3", "two", "10,000", "2:30", "5."))
        return " ".join(draw.choices(pool, k=draw.choice((1, 1, 1, 2, 3))))

    samples, replies = [], []
    for number in range(count):
        gold = text()
        people = tuple(gold if draw.random() < 0.75 else text() for _ in range(10))
        image = Image(f"{number // PER_IMAGE:064x}", 640, 480, "jpeg")
        tags = {"answer_type": draw.choice(("yes/no", "number", "other"))}
        parts = (image, "What is the man in the picture holding?")
        samples.append(Sample(str(number * 1000), parts, people, tags=tags, cluster=str(number // PER_IMAGE)))
        replies.append(draw.choice((gold, gold.title() + ".", f"The {gold}", text())))
    return samples, replies


def documents(count: int) -> tuple[list[Sample], list[str]]:
    """Return made-up questions with one or two answers of one to eight words, and replies with slips of reading."""
    draw = random.Random(1)  # noqa: S311 made-up data
    letters = "abcdefghijklmnopqrstuvwxyz0123456789.-/"
    samples, replies = [], []
    for number in range(count):
        gold = " ".join("".join(draw.choices(letters, k=draw.randint(2, 9))) for _ in range(draw.randint(1, 8)))
        people = (gold, gold.upper()) if number % 4 == 0 else (gold,)
        samples.append(Sample(str(number), (), people, cluster=str(number // PER_IMAGE)))
        cut = draw.randrange(len(gold))
        slips = (gold.title(), gold[:cut] + draw.choice(letters) + gold[cut + 1 :], gold[cut:], "no " * len(gold))
        replies.append(draw.choice(slips))
    return samples, replies


def plain_processed(text: str) -> str:
    """Return an answer as vqaEval.py processes it, each time anew."""
    result = text
    for mark in PUNCTUATION:
        if (mark + " " in text or " " + mark in text) or re.search(COMMA, text) is not None:
            result = result.replace(mark, "")
        else:
            result = result.replace(mark, " ")
    result = FULL_STOP.sub("", result, 32)
    words = [NUMBER_WORDS.get(word, word) for word in result.lower().split()]
    words = [word for word in words if word not in ARTICLES]
    return " ".join(CONTRACTIONS.get(word, word) for word in words)


def plain_vqa(reply: str, references: Sequence[str]) -> float:
    """Return the accuracy of a reply as vqaEval.py computes it."""
    said = reply.replace("\n", " ").replace("\t", " ").strip()
    people: list[dict[str, Any]] = [
        {"answer": text, "answer_confidence": "yes", "answer_id": place} for place, text in enumerate(references)
    ]
    for one in people:
        one["answer"] = one["answer"].replace("\n", " ").replace("\t", " ").strip()
    if len({one["answer"] for one in people}) > 1:
        for one in people:
            one["answer"] = plain_processed(one["answer"])
        said = plain_processed(said)
    accuracies = []
    for one in people:
        others = [other for other in people if other != one]
        matching = [other for other in others if other["answer"] == said]
        accuracies.append(min(1, len(matching) / 3))
    return sum(accuracies) / len(accuracies)


def plain_anls(reply: str, references: Sequence[str]) -> float:
    """Return the similarity of a reply as the server's program computes it."""
    values = []
    for text in references:
        gold, said = " ".join(text.strip().lower().split()), " ".join(reply.strip().lower().split())
        length = max(len(text.upper()), len(reply.upper()))
        values.append(0.0 if length == 0 else plain_distance(gold, said) / length)
    result = 1 - min(values)
    return result if result >= 0.5 else 0


def plain_distance(first: str, second: str) -> int:
    """Return the edit distance by a table, row by row."""
    if len(first) > len(second):
        first, second = second, first
    row = list(range(len(first) + 1))
    for place, letter in enumerate(second):
        following = [place + 1]
        for column, other in enumerate(first):
            if other == letter:
                following.append(row[column])
            else:
                following.append(1 + min(row[column], row[column + 1], following[-1]))
        row = following
    return row[-1]


def measured(work: Callable[[], Any]) -> tuple[Any, float]:
    """Return what `work` returns, and its CPU seconds."""
    start = time.process_time()
    found = work()
    return found, time.process_time() - start


def compared(
    what: str, metric: MeanAccuracy, plain: Callable[[str, Sequence[str]], float], asked: tuple[list[Sample], list[str]]
) -> Line:
    """Return the line of one metric, once both programs agree on every reply."""
    samples, replies = asked

    def ours() -> list[float]:
        fitted = metric.fit(samples)
        rows = [
            fitted.stats(sample, (Answer("", reply, "text"),)) for sample, reply in zip(samples, replies, strict=True)
        ]
        table = np.array(rows)
        sums, sizes = cluster_sums(table, cluster_codes([sample.cluster for sample in samples]))
        (interval,) = intervals([Statistic(sums, exact_total(table), fitted.value)], sizes)
        assert interval.low is not None
        return [float(score) for score in table[:, 0]]

    found, own = measured(ours)
    official, other = measured(
        lambda: [plain(reply, sample.references) for sample, reply in zip(samples, replies, strict=True)]
    )
    assert max(abs(a - b) for a, b in zip(found, official, strict=True)) < 1e-12
    assert f"{np.mean(found):.9f}" == f"{np.mean(official):.9f}"
    return Line(f"{what}, {len(samples):,} questions, with intervals", own, other, least=RATIO, most=SECONDS)


def whole_way(asked: tuple[list[Sample], list[str]], results: Path) -> list[Line]:
    """Return the lines of the way from run folder to scores.json: its CPU seconds and its process's memory."""
    samples, replies = asked
    given = {sample.id: reply for sample, reply in zip(samples, replies, strict=True)}

    def reply(sample: Sample, request: Request) -> str:
        return given[sample.id]

    folder = made(results, samples, reply, task=find_task("vqav2_val"))
    command = [sys.executable, __file__, "--score", str(folder.path)]
    seconds, gigabytes = json.loads(subprocess.run(command, capture_output=True, check=True, text=True).stdout)

    def plain() -> int:
        return sum(len(json.loads(line)) for path in (folder.questions, folder.outputs) for line in path.open("rb"))

    _, other = measured(plain)
    return [
        Line("run folder to scores.json", seconds, other, most=SECONDS),
        Line("its memory", gigabytes, most=GIGABYTES, unit="GB"),
    ]


def scored(folder: Path) -> int:
    """Score a run folder; print its CPU seconds and this process's memory in GB as JSON."""
    _, seconds = measured(lambda: score_run(RunFolder(folder)))
    print(json.dumps([seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9]))
    return 0


def main() -> int:
    """Print the lines and return the exit status."""
    parser = argparse.ArgumentParser(description="What scoring short answers costs.")
    parser.add_argument("--questions", type=int, default=QUESTIONS)
    parser.add_argument("--score", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.score:
        return scored(given.score)
    asked = questions(given.questions)
    with tempfile.TemporaryDirectory() as results:
        lines = whole_way(asked, Path(results))
    return status(
        [
            *lines,
            compared("VQA accuracy", VqaV2(), plain_vqa, asked),
            compared("ANLS", Anls(), plain_anls, documents(given.questions)),
        ]
    )


if __name__ == "__main__":
    sys.exit(main())

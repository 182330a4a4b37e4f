"""The folders of MME that the parity test would take, made here in both official formats: none is among the cases."""

import gzip
import json
import random
from collections import defaultdict
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest

from tests.official.cases import Case
from tests.official.test_yesno_parity import (
    test_every_reply_is_read_and_judged_as_the_official_program_does as judged_alike,
)
from tests.official.test_yesno_parity import (
    test_overall_and_every_breakdown_equal_the_official_figures as equal_figures,
)
from vlmeval.metrics.mme import COGNITION, PERCEPTION

REPLIES = ("Yes", "No", "yes.", "No, it is not.", "I know", "The answer is no", "nan", "", "None", "yes no", "YES")
Line = dict[str, Any]


def lines(seed: int) -> list[Line]:
    drawn = random.Random(seed)
    return [
        {"category": category, "image_path": f"{category}/{image:04}.jpg", "question": f"Is it {gold}?", "answer": gold,
         "prediction": gold if drawn.random() < 0.6 else drawn.choice(REPLIES)}
        for category in (*PERCEPTION, *COGNITION)
        for image in range(drawn.randint(2, 8))
        for gold in ("Yes", "No")
    ]  # fmt: skip


def first_four(reply: str) -> str:
    folded = reply.lower()
    return next((side.capitalize() for side in ("yes", "no") if side in folded[:4]), "Unknown")


def whole_word(reply: str) -> str:
    words = set(reply.lower().replace(",", "").replace(".", "").split()) & {"yes", "no"}
    return words.pop().capitalize() if len(words) == 1 else "Unknown"


def scores(asked: list[Line], read: Any) -> dict[str, float]:
    """Return each category's acc + acc+, in points."""
    found = {}
    for category in (*PERCEPTION, *COGNITION):
        pairs = defaultdict(list)
        for line in asked:
            if line["category"] == category:
                pairs[line["image_path"]].append(read(line["prediction"]) == line["answer"])
        accuracy, plus = fmean(hit for pair in pairs.values() for hit in pair), fmean(map(all, pairs.values()))
        found[category] = 100 * (accuracy + plus)
    return found


def write(folder: Path, expected: Line) -> Case:
    (folder / "EXPECTED.json").write_text(json.dumps({"official": expected}), "utf8")
    return Case(folder)


@pytest.mark.parametrize("seed", [1, 2])
def test_rows_of_vlmevalkit_equal_its_figures_and_verdicts(tmp_path: Path, seed: int) -> None:
    folder, work = tmp_path / "mme_made", tmp_path / "work"
    folder.mkdir()
    work.mkdir()
    asked = [{"index": number, **line} for number, line in enumerate(lines(seed))]
    with gzip.open(folder / "rows.jsonl.gz", "wt", encoding="utf8") as file:
        file.write("\n".join(map(json.dumps, asked)))
    said = {str(line["index"]): whole_word(line["prediction"]) for line in asked}
    verdicts = {
        str(line["index"]): {"extracted": said[str(line["index"])],
                             "correct": said[str(line["index"])] == line["answer"]} for line in asked
    }  # fmt: skip
    (folder / "per_sample.json").write_text(json.dumps(verdicts), "utf8")
    own = scores(asked, whole_word)
    totals = {"perception": sum(own[name] for name in PERCEPTION), "reasoning": sum(own[name] for name in COGNITION)}
    case = write(folder, {**totals, **own})
    equal_figures(case, work)
    (work / "second").mkdir()
    judged_alike(case, work / "second")


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("image_first", [True, False])
def test_text_files_of_the_official_tool_equal_its_scores(tmp_path: Path, packed: bool, image_first: bool) -> None:
    folder, work = tmp_path / "mme_made", tmp_path / "work"
    (folder / "results").mkdir(parents=True)
    work.mkdir()
    asked = lines(3)
    for category in (*PERCEPTION, *COGNITION):
        text = ""
        for line in asked:
            if line["category"] == category:
                named = (line["image_path"].rpartition("/")[2], line["question"])
                named = named if image_first else named[::-1]
                text += "\t".join((*named, line["answer"], line["prediction"])) + "\n"
        path = folder / "results" / f"{category}.txt{'.gz' if packed else ''}"
        path.write_bytes(gzip.compress(text.encode()) if packed else text.encode())
    own = scores(asked, first_four)
    tables = {
        group: {"total score": sum(own[name] for name in names), **{name: own[name] for name in names}}
        for group, names in (("Perception", PERCEPTION), ("Cognition", COGNITION))
    }
    equal_figures(write(folder, tables), work)

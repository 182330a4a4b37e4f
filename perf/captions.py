"""BLEU-1..4, ROUGE-L and CIDEr-D from raw text, against pycocoevalcap in the same run.

    python perf/captions.py [--peer PYTHON]

Prints `what | ours | other | ratio | bar`. Both sides get the same captions with five references an image, and both
tokenise: pycocoevalcap starts CoreNLP (the CPU seconds of its Java process count), METEOR and SPICE run on neither
side. Each measurement is a process of its own, so that peaks of memory are its own; of the peer's, that of its Python
process. `--peer` is an interpreter that has pycocoevalcap, where ours has not. The recorded captions of 5,000 COCO
images are used too, where VLMEVAL_CASES has them. Exit status 1 where a bar is missed.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import random
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from perf.lines import Line, Skipped, status

REFERENCES = 5
SMALL, LARGE = 5_000, 40_000
METRICS = ("bleu_1", "bleu_2", "bleu_3", "bleu_4", "rouge_l", "cider")
GROWTH = 1.3
"""The most that an image of the large corpus may cost, relative to one of the small."""
MEMORY = 1 / 0.6
"""The peer's peak of memory over ours, at least."""
DIFFERENCE = 1e-9

PEER = """
import json, resource, sys
from pycocoevalcap.bleu.bleu import Bleu
from pycocoevalcap.cider.cider import Cider
from pycocoevalcap.rouge.rouge import Rouge
from pycocoevalcap.tokenizer.ptbtokenizer import PTBTokenizer
corpus = json.load(open(sys.argv[1], encoding="utf8"))
def used(who): return sum(resource.getrusage(who)[:2])
before = used(resource.RUSAGE_SELF)
references = {n: [{"caption": text} for text in texts] for n, (_, texts) in enumerate(corpus)}
captions = {n: [{"caption": text}] for n, (text, _) in enumerate(corpus)}
tokenizer = PTBTokenizer()
references, captions = tokenizer.tokenize(references), tokenizer.tokenize(captions)
values = list(Bleu(4).compute_score(references, captions, verbose=0)[0])
values += [Rouge().compute_score(references, captions)[0], Cider().compute_score(references, captions)[0]]
print(json.dumps({
    "seconds": used(resource.RUSAGE_SELF) - before + used(resource.RUSAGE_CHILDREN),
    "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
    "values": list(map(float, values)),
}))
"""


@dataclass(frozen=True)
class Cost:
    """What one side took for a corpus: CPU seconds, the peak of memory in KiB, and its six figures."""

    seconds: float
    peak: float
    values: tuple[float, ...]


def corpus(images: int) -> list[tuple[str, list[str]]]:
    """Return `images` captions with their references: sentences about what an image shows, words as rare as in life."""
    draw = random.Random(images)  # noqa: S311 (test data, the same in every run)
    syllables = [first + last for first in "bcdfghklmnprstvw" for last in ("a", "e", "i", "o", "un", "ar", "ing")]
    words = ["".join(draw.choices(syllables, k=draw.randint(1, 3))) for _ in range(12_000)]
    weights = [1 / (rank + 2.7) for rank in range(len(words))]
    glue = ["a", "the", "on", "in", "of", "with", "and", "is", "next to", "holding", "sitting on", "two"]
    found = []
    for _ in range(images):
        scene = draw.choices(words, weights, k=9)
        texts = []
        for _ in range(REFERENCES + 1):
            parts: list[str] = []
            while len(parts) < draw.randint(8, 12):
                parts += [draw.choice(glue), draw.choice(scene)]
            texts.append(f"{' '.join(parts).capitalize()}{draw.choice(['.', '.', ' .', ''])}")
        found.append((texts[0], texts[1:]))
    return found


def recorded() -> list[tuple[str, list[str]]]:
    """Return the recorded captions of 5,000 COCO images, [] where they are not here."""
    from tests.official.cases import found_cases

    for case in found_cases("coco_val"):
        if (case.folder / "rows.jsonl.gz").exists():
            return [(str(row["prediction"]), row["references"]) for row in case.rows]
    return []


def ours(path: Path) -> None:
    """Print our cost of the corpus at `path`."""
    import numpy as np

    from vlmeval.registry import METRICS as REGISTRY
    from vlmeval.types import Answer, Batch, Sample

    pairs = json.loads(path.read_text("utf8"))
    metrics = [REGISTRY.load(name)() for name in METRICS]
    before = sum(resource.getrusage(resource.RUSAGE_SELF)[:2])
    samples = [Sample(str(number), (), tuple(texts)) for number, (_, texts) in enumerate(pairs)]
    batch = Batch(samples, [(Answer("", text, "text"),) for text, _ in pairs])
    values = []
    for metric in metrics:
        rows = metric.fit(samples).stats_many(batch)
        values.append(float(metric.value(np.array(rows).sum(axis=0))))
    usage = resource.getrusage(resource.RUSAGE_SELF)
    cost = {"seconds": sum(usage[:2]) - before, "peak": usage.ru_maxrss, "values": values}
    print(json.dumps(cost))


def measured(command: Sequence[str]) -> Cost:
    """Return the cost that a process prints."""
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found = json.loads(done.stdout.strip().splitlines()[-1])
    return Cost(found["seconds"], found["peak"], tuple(found["values"]))


def can_run(peer: str) -> bool:
    """Tell whether the interpreter `peer` has pycocoevalcap, and Java is here."""
    if shutil.which("java") is None:
        return False
    if peer == sys.executable:
        return importlib.util.find_spec("pycocoevalcap") is not None
    return subprocess.run([peer, "-c", "import pycocoevalcap"], capture_output=True, check=False).returncode == 0


def lines(peer: str, folder: Path) -> Iterator[Line | Skipped]:
    """Yield the lines of all corpora."""
    corpora = [(f"{SMALL:,} images", corpus(SMALL), 8.0), (f"{LARGE:,} images", corpus(LARGE), 10.0)]
    if real := recorded():
        corpora.insert(0, (f"{len(real):,} recorded images", real, 8.0))
    mine: dict[int, Cost] = {}
    for title, pairs, least in corpora:
        path = folder / "corpus.json"
        path.write_text(json.dumps(pairs), encoding="utf8")
        own = mine[len(pairs)] = min(
            (measured([sys.executable, __file__, "--ours", str(path)]) for _ in range(2)), key=lambda cost: cost.seconds
        )
        if not can_run(peer):
            yield Skipped(f"captions, {title} x {REFERENCES}", f"{peer} has no pycocoevalcap, or Java is not here")
            continue
        other = measured([peer, "-c", PEER, str(path)])
        yield Line(f"captions, {title} x {REFERENCES}, CPU", own.seconds, other.seconds, least=least)
        yield Line(f"captions, {title}, peak", own.peak / 1024, other.peak / 1024, least=MEMORY, unit="MiB")
        gaps = [abs(one - two) for one, two in zip(own.values, other.values, strict=True)]
        yield Line(f"captions, {title}, largest difference of six figures", max(gaps), most=DIFFERENCE, unit="")
    growth = mine[LARGE].seconds / LARGE / (mine[SMALL].seconds / SMALL)
    yield Line(f"captions, an image of {LARGE:,} relative to one of {SMALL:,}", growth, most=GROWTH, unit="times")


def main() -> int:
    """Print the lines and return the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--peer", default=sys.executable, help="an interpreter that has pycocoevalcap")
    parser.add_argument("--ours", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.ours:
        ours(options.ours)
        return 0
    with tempfile.TemporaryDirectory() as folder:
        return status(lines(options.peer, Path(folder)))


if __name__ == "__main__":
    sys.exit(main())

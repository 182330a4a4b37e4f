"""Our PTB tokenizer against the original, CoreNLP 3.4.1 in Java, on generated strings and on recorded captions.

    python perf/ptb.py [--strings N] [--seed N] [--list N] [--out FILE] [--jar JAR]

Prints `what | ours | other | ratio | bar`: "ours" is how many strings come out otherwise, by sort of string; on
caption-like text the bar is none. `--list` shows that many differences of each sort on standard error, `--out` writes
all as JSON Lines. The jar is the one of pycocoevalcap, where that is installed; without it or without Java nothing can
be compared. A string is told from the next by a line between them, so that the original reads each alone, as we do.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from perf import ptb_words as words
from perf.lines import Line, Skipped, status
from vlmeval.metrics.ptb import cleaned, tokenize

STRINGS = 120_000
PUNCTUATION = frozenset(["''", "'", "``", "`", ".", "?", "!", ",", ":", "-", "--", "...", ";", ""])
COMMON, RARE = words.WORDS.split(), words.LESS.split()
MARKS = (*"!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~", "...", "--", "``", "''", "..", "---", "!!", "?!")
ENDS = [".", ".", ".", " .", "", "", "!", "?", "...", ",", ";", " !", ".."]


@dataclass(frozen=True)
class Sort:
    """A sort of strings: how one is drawn, and the share of them that may come out otherwise (None: no bar)."""

    name: str
    drawn: Callable[[random.Random], str]
    most: float | None


def caption(draw: random.Random) -> str:
    """Return what people write under pictures."""
    said = [draw.choice(RARE if draw.random() < 0.12 else COMMON) for _ in range(draw.randint(3, 14))]
    for place in range(len(said)):
        if draw.random() < 0.04:
            said[place] += draw.choice([",", ",", ";", ":", " -", " --", "'s"])
    text = " ".join(said)
    return (text[:1].upper() + text[1:] if draw.random() < 0.7 else text) + draw.choice(ENDS)


def mixed(special: Sequence[str]) -> Callable[[random.Random], str]:
    """Return what draws captions with words of `special` and marks about them."""

    def drawn(draw: random.Random) -> str:
        said = []
        for _ in range(draw.randint(2, 9)):
            word = draw.choice(special if draw.random() < 0.5 else COMMON)
            if draw.random() < 0.12:
                word += draw.choice(",.;:!?)\"'")
            if draw.random() < 0.06:
                word = draw.choice("(\"'[") + word
            said.append(word)
        return " ".join(said) + draw.choice(ENDS)

    return drawn


def marks(draw: random.Random) -> str:
    """Return words with random marks between them."""
    return "".join(
        draw.choice(MARKS) if draw.random() < 0.3 else draw.choice([" ", " ", draw.choice(COMMON)])
        for _ in range(draw.randint(3, 16))
    )


def anything(draw: random.Random) -> str:
    """Return letters of all scripts: any characters below U+3100 but controls, and some from above."""
    characters = [
        chr(draw.choice([draw.randint(0x20, 0x7E), draw.randint(0xA0, 0x30FF), draw.randint(0x4E00, 0x9FCC)]))
        for _ in range(draw.randint(1, 14))
    ]
    return "".join(characters)


SORTS = (
    Sort("caption-like", caption, 0.0),
    Sort("contractions", mixed(words.CONTRACTIONS.split()), 0.001),
    Sort("abbreviations", mixed(words.ABBREVIATIONS.split()), 0.001),
    Sort("numbers", mixed(words.NUMBERS.split()), 0.01),
    Sort("addresses", mixed(words.ADDRESSES.split()), 0.01),
    Sort("emoji, CJK, accents", mixed(words.WORLD.split()), 0.01),
    Sort("random marks", marks, None),
    Sort("random Unicode", anything, None),
)
SHARES = (0.4, 0.1, 0.1, 0.1, 0.1, 0.1, 0.05, 0.05)


def find_jar() -> Path | None:
    """Return the jar that pycocoevalcap brings, None where it or Java is not here."""
    found = importlib.util.find_spec("pycocoevalcap")
    if found is None or not found.submodule_search_locations or not shutil.which("java"):
        return None
    jar = Path(next(iter(found.submodule_search_locations))) / "tokenizer" / "stanford-corenlp-3.4.1.jar"
    return jar if jar.exists() else None


def original(texts: Sequence[str], jar: Path) -> list[str]:
    """Return CoreNLP's tokens of each text without punctuation, as pycocoevalcap drops it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "captions.txt"
        path.write_text("".join(f"{text}\nzzz\n" for text in texts), encoding="utf8")
        command = ["java", "-Dfile.encoding=UTF-8", "-cp", str(jar), "edu.stanford.nlp.process.PTBTokenizer"]
        done = subprocess.run([*command, "-preserveLines", "-lowerCase", str(path)], capture_output=True, check=True)
    lines = done.stdout.decode("utf8").split("\n")
    if lines[1 : 2 * len(texts) : 2] != ["zzz"] * len(texts):
        raise RuntimeError("the original has shifted lines: a text holds what ends a line there")
    kept = lines[: 2 * len(texts) : 2]
    return [" ".join(token for token in line.rstrip(" ").split(" ") if token not in PUNCTUATION) for line in kept]


def differences(texts: Sequence[str], jar: Path) -> list[tuple[str, str, str]]:
    """Return (text, our tokens, theirs) where the two differ."""
    texts = [cleaned(text) for text in texts]
    return [
        (text, own, other)
        for text, other in zip(texts, original(texts, jar), strict=True)
        if (own := tokenize(text)) != other
    ]


def recorded() -> list[str]:
    """Return every caption and reference of the recorded cases, as written."""
    from tests.official.cases import found_cases

    texts: list[str] = []
    for case in found_cases("coco_", "caption_"):
        if (case.folder / "rows.jsonl.gz").exists():
            texts += [text for row in case.rows for text in (str(row["prediction"]), *row["references"])]
        for path in (*sorted(case.folder.glob("references.json")), *sorted(case.folder.glob("*captions*.json"))):
            found = json.loads(path.read_text("utf8"))
            texts += [text for one in found.values() for text in ([one] if isinstance(one, str) else one)]
    return texts


def main() -> int:
    """Print the lines and return the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--strings", type=int, default=STRINGS, help="how many strings to draw")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--list", type=int, default=0, help="how many differences of each sort to show")
    parser.add_argument("--out", type=Path, help="where to write all differences, JSON Lines")
    parser.add_argument("--jar", type=Path, help="stanford-corenlp-3.4.1.jar")
    options = parser.parse_args()
    written: list[str] = []

    def compared(name: str, texts: Sequence[str], jar: Path, most: float | None) -> Line:
        found = differences(texts, jar)
        for place, (text, own, other) in enumerate(found):
            written.append(json.dumps({"sort": name, "text": text, "ours": own, "theirs": other}, ensure_ascii=False))
            if place < options.list:
                print(f"  {name}: {text!r}\n    ours   {own}\n    theirs {other}", file=sys.stderr)
        bar = None if most is None else most * len(texts)
        return Line(f"PTB, {name}: of {len(texts):,} strings differ", len(found), most=bar, unit="")

    def lines() -> Iterator[Line | Skipped]:
        jar = options.jar or find_jar()
        if jar is None:
            yield Skipped("PTB tokenizer against CoreNLP 3.4.1", "pycocoevalcap or Java is not here")
            return
        if captions := recorded():
            yield compared("recorded captions", captions, jar, 0.001)
        draw = random.Random(options.seed)  # noqa: S311 (test data, the same in every run)
        for sort, share in zip(SORTS, SHARES, strict=True):
            yield compared(sort.name, [sort.drawn(draw) for _ in range(int(options.strings * share))], jar, sort.most)

    code = status(lines())
    if options.out:
        options.out.write_text("".join(f"{line}\n" for line in written), encoding="utf8")
    return code


if __name__ == "__main__":
    sys.exit(main())

"""A scored run made by hand, with every state and hostile text, for the pages to show."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

from PIL import Image as PIL_Image

from vlmeval.data.task import Task
from vlmeval.jsonio import encode, write_json
from vlmeval.store.images import ImageStore
from vlmeval.store.layout import RunFolder, run_folder
from vlmeval.store.results import Coverage, LetterBias, Manifest, Origin, Pass, ScoredSample, Scores
from vlmeval.types import Estimate, Failure, Image, MetricInfo, Output

HOSTILE = '<script>document.title="owned"</script><img src=x onerror="document.title=\'owned\'">&lt;b&gt; </script>'
REPLIES = {
    "plain": "B",
    "hostile": HOSTILE,
    "long": "word " * 200_000,
    "rtl": "الجواب هو ب \u202egnitset",
    "emoji": "🟦🟦 the blue one 👩‍👩‍👧‍👧",
    "empty": "",
}


def picture(colour: str, size: int = 48) -> Image:
    buffer = io.BytesIO()
    PIL_Image.new("RGB", (size, size), colour).save(buffer, "PNG")
    data = buffer.getvalue()
    return Image(hashlib.sha256(data).hexdigest(), size, size, "png").with_reader(lambda: data)


def scored(name: str, number: int) -> ScoredSample:
    image = picture(("red", "green", "blue")[number % 3])
    right = number % 2 == 0
    prompt = (image, f"Question: {name}?\nOptions:\nA. red\nB. blue\n")
    if name == "failed":
        outcome: Output | Failure = Failure("rate_limit", f"429 {HOSTILE}", 5)
        passes = (Pass("rot0", prompt, outcome, shown=("A", "B")),)
        return ScoredSample(
            name, "failed", (image, f"{name}?"), passes, ("B",), ("red", "blue"), {"category": "colour"}
        )
    outcome = Output(REPLIES.get(name, "A"), seconds=0.25, output_tokens=3)
    parsed = name == "plain" or name not in REPLIES
    passes = (
        Pass("rot0", prompt, outcome, shown=("A", "B"), value="B" if parsed else None, rule="letter", right=right),
        Pass("rot1", prompt, outcome, shown=("B", "A"), value="A" if parsed else None, rule="letter", right=right),
    )
    return ScoredSample(
        name,
        "answered" if parsed else "unparsed",
        (image, f"{name}: what colour? {HOSTILE if name == 'hostile' else ''}"),
        passes,
        ("B",),
        ("red", HOSTILE if name == "hostile" else "blue"),
        {"category": HOSTILE if name == "hostile" else ("colour", "shape")[number % 2]},
        right=right if parsed else False,
        stats={"circular": (float(right and parsed), 1.0)},
    )


def made_run(results: Path, *, model: str = "some/model", more: int = 40) -> RunFolder:
    """Write a run of `more` ordinary samples after the special ones and return its folder."""
    names = [*REPLIES, "failed", *(f"q{number:03d}" for number in range(more))]
    samples = [scored(name, number) for number, name in enumerate(names)]
    task = Task("demo_mmbench", "mmbench", "demo", "choice", ("circular",), "circular", title="Demo <b>MMBench</b>")
    folder = run_folder(results, task.name, model, "0123456789ab")
    folder.path.mkdir(parents=True)
    store = ImageStore(results, model.replace("/", "-"))
    for sample in samples:
        for part in sample.parts:
            if isinstance(part, Image):
                store.add(part)
    store.close()
    folder.samples.write_bytes(b"".join(encode(sample) + b"\n" for sample in samples))
    right = sum(bool(sample.right) for sample in samples)
    value = right / (len(samples) - 1)
    signature = "demo_mmbench:1|circular|n:46"
    sizes = (len(samples) - 1, len(samples) - 1)
    scores = Scores(
        task=task.name,
        title=task.title,
        model=model,
        run_id="0123456789ab",
        primary="circular",
        signature=signature,
        complete=False,
        errors="fail",
        policy="honest",
        metrics=(MetricInfo("circular", "CircularEval accuracy", scale=100, proportion=True),),
        estimates=(
            Estimate("circular", "", value, value - 0.1, value + 0.1, *sizes, signature),
            Estimate("circular", "category=colour", value, value - 0.2, value + 0.2, 23, 23, signature),
            Estimate("circular", f"category={HOSTILE}", 0.0, None, None, 1, 1, signature),
        ),
        coverage=Coverage(len(samples), len(samples) - 6, 5, 0, 1, 0, 0, rules={"letter": 80, "option text": 4}),
        letters=(LetterBias("A", 60, 47, 30), LetterBias("B", 32, 47, 20)),
        chance=0.25,
        notes=(f"1 of {len(samples)} samples failed: {HOSTILE}",),
    )
    manifest = Manifest(
        run_id="0123456789ab",
        fingerprint="0123456789abcdef",
        recipe={"model.name": model, "model.chat_template": HOSTILE, "task.name": task.name},
        task=task,
        model=model,
        model_name=model,
        origin=Origin("made by hand", "00"),
        command=["vlmeval", "run", HOSTILE],
        state="incomplete",
        started="2026-01-01T00:00:00Z",
    )
    write_json(folder.scores, scores)
    write_json(folder.manifest_path, manifest)
    return folder

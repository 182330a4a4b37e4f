"""The page of a run: one HTML file, no network, everything a person needs to believe or doubt the number.

What models and data say is inert here: static text goes through Jinja's autoescape, samples travel as JSON in a data
block and reach the page as text nodes; the content security policy allows the page's own script, by hash, and no other.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import jinja2
import msgspec
import numpy as np

from vlmeval.jsonio import read_json, write_whole
from vlmeval.registry import METRICS
from vlmeval.report.figures import Bar, Figure, number_text, state_shares
from vlmeval.report.pictures import PictureShelf
from vlmeval.score.judged import registered
from vlmeval.store.images import ImageStore
from vlmeval.store.layout import RunFolder
from vlmeval.store.results import Manifest, Pass, ScoredSample, Scores
from vlmeval.types import Estimate, Failure, Image, Metric, MetricInfo, Output, Part

FOLDER = Path(__file__).parent
REPLY_CHARACTERS = 20_000


def write_run_page(folder: RunFolder, out: Path) -> Path:
    """Write the page of a scored run below `out` and return its path. Raises JournalError for a run not yet scored."""
    scores = read_json(folder.scores, Scores)
    manifest = read_json(folder.manifest_path, Manifest)
    samples = read_samples(folder.samples)
    path = out / folder.path.parent.parent.name / folder.path.parent.name / f"{folder.path.name}.html"
    data = page_data(scores, samples, PictureShelf(ImageStore(folder.results)), kind=manifest.task.kind)
    write_whole(path, render("run.html", run_context(scores, manifest), script="run.js", data=data))
    return path


def read_samples(path: Path) -> list[ScoredSample]:
    """Return the lines of samples.jsonl."""
    decoder = msgspec.json.Decoder(ScoredSample)
    with open(path, "rb") as file:
        return [decoder.decode(line) for line in file]


def render(template: str, context: dict[str, Any], *, script: str, data: Any) -> bytes:
    """Return a page with its style, script and data inside, under a policy that allows just those."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(FOLDER / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    code = (FOLDER / "assets" / script).read_text(encoding="utf8")
    style = (FOLDER / "assets" / "page.css").read_text(encoding="utf8")
    own = base64.b64encode(hashlib.sha256(code.encode()).digest()).decode()
    policy = f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{own}'; base-uri 'none'"
    page = environment.get_template(template).render(
        **context, policy=policy, style=style, script=code, data=inert_json(data)
    )
    return page.encode()


def inert_json(value: Any) -> str:
    """Return JSON that can stand inside a script element: no character that HTML reads is left as itself."""
    text = msgspec.json.encode(value).decode()
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def run_context(scores: Scores, manifest: Manifest) -> dict[str, Any]:
    """Return what the static part of the page shows: headline, metrics, slices, coverage, letters, recipe."""
    infos = {info.name: info for info in scores.metrics}
    overall = [estimate for estimate in scores.estimates if not estimate.slice]
    headline = next((estimate for estimate in overall if estimate.metric == scores.primary), None)
    return {
        "scores": scores,
        "manifest": manifest,
        "headline": Figure.of(headline, infos[headline.metric], scores.chance) if headline else None,
        "overall": [Figure.of(estimate, infos[estimate.metric], None) for estimate in overall],
        "slices": slice_groups(scores, infos),
        "states": state_shares(scores.coverage),
        "letters": letter_rows(scores),
        "rules": sorted(scores.coverage.rules.items(), key=lambda item: (-item[1], item[0])),
        "recipe": sorted((key, number_text(value)) for key, value in manifest.recipe.items()),
        "conditions": sorted((key, number_text(value)) for key, value in manifest.conditions.items()),
    }


def slice_groups(scores: Scores, infos: dict[str, MetricInfo]) -> list[tuple[str, list[Figure]]]:
    """Return the primary metric's figures by tag: [("category", [figure, ...]), ...], in the order of the scores."""
    groups: dict[str, list[Estimate]] = {}
    for estimate in scores.estimates:
        if estimate.slice and estimate.metric == scores.primary:
            groups.setdefault(estimate.slice.partition("=")[0], []).append(estimate)
    return [
        (tag, [Figure.of(estimate, infos[estimate.metric], scores.chance) for estimate in group])
        for tag, group in groups.items()
    ]


def letter_rows(scores: Scores) -> list[tuple[str, Bar, Bar, str]]:
    """Return per displayed letter the shares of answers and of golds, and the accuracy where the gold stood there."""
    chosen = sum(row.chosen for row in scores.letters) or 1
    gold = sum(row.gold for row in scores.letters) or 1
    top = max((max(row.chosen / chosen, row.gold / gold) for row in scores.letters), default=1) or 1
    return [
        (
            row.letter,
            Bar(100 * row.chosen / chosen / top, f"{100 * row.chosen / chosen:.1f} %"),
            Bar(100 * row.gold / gold / top, f"{100 * row.gold / gold:.1f} %"),
            f"{100 * row.right / row.gold:.1f}" if row.gold else "—",
        )
        for row in scores.letters
    ]


def page_data(scores: Scores, samples: list[ScoredSample], shelf: PictureShelf, *, kind: str) -> dict[str, Any]:
    """Return the samples and pictures for the page's script. Pictures are added until the shelf's budget is spent.

    `bounded` tells that 100 is the best score of a sample; that of a caption has no top.
    """
    metric: Metric = METRICS.load(registered(scores.primary))()
    items = {sample.id: sample.parts for sample in samples if sample.id.startswith(("i2t:", "t2i:"))}
    rows = [sample_data(sample, metric, shelf, items) for sample in samples]
    return {
        "samples": rows,
        "images": shelf.pictures(),
        "scale": metric.info.scale,
        "bounded": kind != "caption" and metric.info.scale == 100,
    }


def sample_data(
    sample: ScoredSample, metric: Metric, shelf: PictureShelf, items: Mapping[str, tuple[Part, ...]]
) -> dict[str, Any]:
    """Return one sample as the script shows it; `items` are what a query of retrieval is answered with."""
    stats = sample.stats.get(metric.info.name)
    score = float(metric.value(np.asarray(stats, dtype=np.float64))) * metric.info.scale if stats else None
    return {
        "id": sample.id,
        "state": sample.state,
        "right": sample.right,
        "score": score if score is not None and np.isfinite(score) else None,
        "truncated": sample.truncated,
        "tags": sample.tags,
        "question": parts_data(sample.parts, shelf),
        "choices": [parts_data((choice,) if isinstance(choice, str) else choice, shelf) for choice in sample.choices],
        "gold": sample.references,
        "found": [parts_data(part, shelf) for part in positives(sample, items)],
        "passes": [pass_data(one, shelf) for one in sample.passes],
    }


def positives(sample: ScoredSample, items: Mapping[str, tuple[Part, ...]]) -> list[tuple[Part, ...]]:
    """Return the right items of a query: its references are the ids of samples that ask the other way."""
    other = "t2i:" if sample.id.startswith("i2t:") else "i2t:"
    return [items[other + name] for name in sample.references if other + name in items]


def pass_data(one: Pass, shelf: PictureShelf) -> dict[str, Any]:
    """Return one request with its reply. A very long reply is cut, and the page says so."""
    data: dict[str, Any] = {
        "variant": one.variant,
        "prompt": parts_data(one.prompt, shelf),
        "system": one.system,
        "shown": one.shown,
        "value": one.value,
        "rule": one.rule,
        "right": one.right,
        "judge": one.judge,
    }
    if isinstance(one.outcome, Output):
        data |= {
            "reply": one.outcome.text[:REPLY_CHARACTERS],
            "cut": max(0, len(one.outcome.text) - REPLY_CHARACTERS),
            "finish": one.outcome.finish,
            "tokens": one.outcome.output_tokens,
            "seconds": one.outcome.seconds,
        }
    elif isinstance(one.outcome, Failure):
        data |= {"failure": one.outcome.kind, "message": one.outcome.message[:2000], "attempts": one.outcome.attempts}
    return data


def parts_data(parts: Iterable[Part], shelf: PictureShelf) -> list[Any]:
    """Return parts as strings and {"image": digest} in reading order."""
    return [{"image": shelf.add(part)} if isinstance(part, Image) else part for part in parts]

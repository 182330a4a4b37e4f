"""The page of a run: one HTML file, no network, everything a person needs to believe or doubt the number.

What models and data say is inert here: static text goes through Jinja's autoescape, samples travel as JSON in a data
block and reach the page as text nodes; the content security policy allows the page's own script, by hash, and no other.
The samples of a large run lie in files beside the page, which its own script loads as they are looked at.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jinja2
import msgspec

from vlmeval.jsonio import read_json, write_whole
from vlmeval.registry import METRICS
from vlmeval.report.captions import caption_data, is_captioning
from vlmeval.report.charts import confusion, costs, epochs, histograms, outputs
from vlmeval.report.figures import Bar, Figure, number_text, state_shares
from vlmeval.report.gains import GainFigure
from vlmeval.report.pictures import BUDGET_BYTES, PictureFolder, PictureShelf
from vlmeval.report.rules import rule_rows
from vlmeval.report.samples import SEARCHED_CHARACTERS, Pieces, detail_of, is_large, row_of, score_of
from vlmeval.report.variants import VariantFigure, heat_maps, other_readings
from vlmeval.report.warnings import warnings
from vlmeval.score.blind import gains_about
from vlmeval.score.gain import Gain
from vlmeval.score.judged import registered
from vlmeval.store.images import ImageStore
from vlmeval.store.layout import RunFolder
from vlmeval.store.results import Manifest, ScoredSample, Scores
from vlmeval.types import Estimate, Metric, MetricInfo

FOLDER = Path(__file__).parent


def write_run_page(folder: RunFolder, out: Path) -> Path:
    """Write the page of a scored run below `out` and return its path. Raises JournalError for a run not yet scored.

    A run of more than `samples.EMBEDDED_SAMPLES` has its samples in the folder of the same name beside the page.
    """
    scores = read_json(folder.scores, Scores)
    manifest = read_json(folder.manifest_path, Manifest)
    samples = read_samples(folder.samples)
    path = page_path(folder, out)
    pieces = pieces_of(folder, out, path, large=is_large(len(samples)))
    data = page_data(folder, scores, samples, pieces, kind=manifest.task.kind)
    data |= pieces.finish(path)
    queries = ""
    if manifest.task.kind == "retrieval":
        from vlmeval.report.retrieval import write_retrieval_page  # it is made of this module

        queries = write_retrieval_page(folder, path, scores, manifest).name
    context = {
        **run_context(scores, manifest, gains_about(folder)),
        **drawn(samples, manifest),
        "queries_page": queries,
    }
    script = ("parts.js", "list.js", "run.js")
    write_whole(path, render("run.html", context, script=script, data=data, beside=pieces.beside))
    return path


def page_path(folder: RunFolder, out: Path) -> Path:
    """Return where the page of a run lies below `out`."""
    return out / folder.path.parent.parent.name / folder.path.parent.name / f"{folder.path.name}.html"


def pieces_of(folder: RunFolder, out: Path, page: Path, *, large: bool) -> Pieces:
    """Return the empty pieces of a page; pictures of a large one, and those past the budget, are files below `out`."""
    beside = PictureFolder.below(out, page)
    shelf = PictureShelf(ImageStore(folder.results), budget=0 if large else BUDGET_BYTES, beside=beside)
    return Pieces(shelf, page.with_suffix(".samples") if large else None)


def read_samples(path: Path) -> list[ScoredSample]:
    """Return the lines of samples.jsonl."""
    decoder = msgspec.json.Decoder(ScoredSample)
    with open(path, "rb") as file:
        return [decoder.decode(line) for line in file]


def render(
    template: str, context: Mapping[str, Any], *, script: str | Sequence[str], data: Any, beside: bool = False
) -> bytes:
    """Return a page with its style, script and data inside, under a policy that allows just those.

    `script` are files of assets/, one after the other. `beside`: the script may load scripts and show pictures that lie
    beside the page.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(FOLDER / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    names = (script,) if isinstance(script, str) else script
    code = "\n".join((FOLDER / "assets" / name).read_text(encoding="utf8") for name in names)
    style = (FOLDER / "assets" / "page.css").read_text(encoding="utf8")
    own = base64.b64encode(hashlib.sha256(code.encode()).digest()).decode()
    scripts = f"'sha256-{own}'" + (" 'strict-dynamic'" if beside else "")
    pictures = "data: 'self' file:" if beside else "data:"
    policy = f"default-src 'none'; img-src {pictures}; style-src 'unsafe-inline'; script-src {scripts}; base-uri 'none'"
    page = environment.get_template(template).render(
        **context, policy=policy, style=style, script=code, data=inert_json(data)
    )
    return page.encode()


def inert_json(value: Any) -> str:
    """Return JSON that can stand inside a script element: no character that HTML reads is left as itself."""
    text = msgspec.json.encode(value).decode()
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def run_context(scores: Scores, manifest: Manifest, gains: Sequence[Gain] = ()) -> dict[str, Any]:
    """Return what the static part of the page shows of the scores: headline, metrics, slices, coverage, recipe."""
    infos = {info.name: info for info in scores.metrics}
    overall = [estimate for estimate in scores.estimates if not estimate.slice]
    headline = next((estimate for estimate in overall if estimate.metric == scores.primary), None)
    return {
        "scores": scores,
        "manifest": manifest,
        "headline": Figure.of(headline, infos[headline.metric], scores.chance) if headline else None,
        "not_computed": [(infos[name].title, lack) for name, lack in scores.not_computed.items() if name in infos],
        "overall": [Figure.of(estimate, infos[estimate.metric], None) for estimate in overall],
        "slices": slice_groups(scores, infos),
        "states": state_shares(scores.coverage),
        "letters": letter_rows(scores),
        "gains": [GainFigure.of(gain) for gain in gains],
        "variant": VariantFigure.of(scores),
        "rules": rule_rows(scores.coverage.rules),
        "thinking": rule_rows(scores.coverage.thinking),
        "warnings": warnings(scores.coverage),
        "recipe": sorted((key, number_text(value)) for key, value in manifest.recipe.items()),
        "conditions": sorted((key, number_text(value)) for key, value in manifest.conditions.items()),
        "usage": sorted((key, number_text(value)) for key, value in manifest.usage.items() if value),
    }


def drawn(samples: Sequence[ScoredSample], manifest: Manifest) -> dict[str, Any]:
    """Return what the static part of the page shows of all replies."""
    return {
        "confusion": confusion(samples),
        "epochs": epochs(samples),
        "histograms": histograms(outputs(samples)),
        "costs": costs(manifest),
    }


def slice_groups(scores: Scores, infos: Mapping[str, MetricInfo]) -> list[tuple[str, list[Figure]]]:
    """Return the primary metric's figures by tag: [("category", [figure, ...]), ...], in the order of the scores."""
    groups: dict[str, list[Estimate]] = {}
    for estimate in scores.estimates:
        if estimate.slice and estimate.metric == scores.primary:
            groups.setdefault(estimate.slice.partition("=")[0], []).append(estimate)
    return [
        (tag, [Figure.of(estimate, infos[estimate.metric], None) for estimate in group])
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


def in_run(info: MetricInfo) -> Metric:
    """Return a metric under its name in the run, which ends in the judge's or the encoder's."""
    metric: Metric = METRICS.load(registered(info.name))()
    metric.info = info
    return metric


def page_data(
    folder: RunFolder, scores: Scores, samples: Sequence[ScoredSample], pieces: Pieces, *, kind: str
) -> dict[str, Any]:
    """Return the rows of the samples for the page's script; their details go into `pieces`.

    `bounded` tells that 100 is the best score of a sample; that of a caption has no top.
    """
    metric: Metric = METRICS.load(registered(scores.primary))()
    captions = is_captioning(kind)
    own = [in_run(info) for info in scores.metrics] if captions else []
    bounded = kind != "caption" and metric.info.scale == 100
    items = {sample.id: sample.parts for sample in samples if sample.id.startswith(("i2t:", "t2i:"))}
    readings, maps = other_readings(folder, scores), heat_maps(folder)
    large = pieces.folder is not None
    rows = []
    for sample in samples:
        rows.append(row_of(sample, score_of(sample, metric), bounded=bounded, captions=captions, large=large))
        detail = detail_of(sample, pieces.shelf, items)
        if captions:
            detail["caption"] = caption_data(sample, own)
        if sample.id in readings:
            detail["scorers"] = readings[sample.id]
        if sample.id in maps:
            detail["maps"] = maps[sample.id]
            rows[-1]["explained"] = True
        pieces.add(detail)
    return {"rows": rows, "captions": captions, "searched": SEARCHED_CHARACTERS if large else None}

"""The page of a retrieval run: each query with its first candidates, the right ones marked, failures first.

It is made of the vectors beside the journal; no model is asked. Ranks are those of samples.jsonl. A run of very many
queries shows the `MOST_QUERIES` with the worst ranks and says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vlmeval.jsonio import write_whole
from vlmeval.kinds.retrieval import RetrievalKind
from vlmeval.report.page import FOLDER, read_samples, render
from vlmeval.report.pictures import PictureShelf
from vlmeval.score.assembly import samples_of
from vlmeval.score.vectors import directions, fold_sides, item_of
from vlmeval.store.embeddings import Embeddings
from vlmeval.store.images import ImageStore
from vlmeval.store.reranked import Reranked, nearest, read_reranked
from vlmeval.types import Image, Sample

if TYPE_CHECKING:
    from vlmeval.store.layout import RunFolder
    from vlmeval.store.results import Manifest, ScoredSample, Scores

FIRST = 10
MOST_QUERIES = 1500
THUMBNAIL_PIXELS = 176


def retrieval_path(run_page: Path) -> Path:
    """Return where the retrieval page lies: beside the run's page."""
    return run_page.with_name(f"{run_page.stem}.retrieval.html")


def write_retrieval_page(folder: RunFolder, run_page: Path, scores: Scores, manifest: Manifest) -> Path:
    """Write the page beside `run_page` and return its path."""
    shelf = PictureShelf(ImageStore(folder.results), pixels=THUMBNAIL_PIXELS)
    kind = RetrievalKind(manifest.task)
    data = page_data(
        Embeddings(folder.path),
        samples_of(folder),
        read_samples(folder.samples),
        shelf,
        folds=kind.folds,
        again=read_reranked(folder.path),
    )
    context = {
        "scores": scores,
        "run_page": run_page.name,
        "first": FIRST,
        "shown": len(data["queries"]),
        "all": data["all"],
        "own_style": (FOLDER / "assets" / "retrieval.css").read_text(encoding="utf8"),
    }
    path = retrieval_path(run_page)
    write_whole(path, render("retrieval.html", context, script="retrieval.js", data=data))
    return path


def page_data(
    embeddings: Embeddings,
    samples: Sequence[Sample],
    scored: Sequence[ScoredSample],
    shelf: PictureShelf,
    *,
    folds: int,
    again: Mapping[str, Reranked],
) -> dict[str, Any]:
    """Return the queries, worst rank first, with their candidates as places in `items`.

    A query is {id, item, direction, rank, tied, found: [[item, score, right]], right: [item]}; `item` is a text or
    {"image": digest}.
    """
    ranks = {sample.id: rank for sample in scored if (rank := rank_of(sample)) is not None}
    ordered = sorted(ranks, key=lambda name: (-ranks[name][0], name))
    chosen = set(ordered[:MOST_QUERIES])
    found: dict[str, list[tuple[Sample, float]]] = {}
    for sides in fold_sides(samples, folds):
        for queries, candidates in (sides, sides[::-1]):
            found |= first_candidates(embeddings, [one for one in queries if one.id in chosen], candidates)
    by_id = {sample.id: sample for sample in samples}
    found |= {name: matched_again(line, by_id) for name, line in again.items() if name in found}
    texts = {item_of(sample): sample for sample in directions(samples)["t2i"]}
    images = {item_of(sample): sample for sample in directions(samples)["i2t"]}
    items: list[Any] = []
    places: dict[str, int] = {}

    def place(sample: Sample) -> int:
        if sample.id not in places:
            part = sample.parts[0]
            places[sample.id] = len(items)
            items.append({"image": shelf.add(part)} if isinstance(part, Image) else part)
        return places[sample.id]

    shown: list[dict[str, Any]] = []
    for name in ordered[:MOST_QUERIES]:
        query = by_id[name]
        right = set(query.references)
        others = texts if name.startswith("i2t:") else images
        shown.append(
            {
                "id": name,
                "item": place(query),
                "direction": query.tags.get("direction", name.partition(":")[0]),
                "rank": ranks[name][0],
                "tied": ranks[name][1],
                "found": [[place(one), round(score, 4), item_of(one) in right] for one, score in found.get(name, ())],
                "right": [place(others[key]) for key in query.references if key in others],
            }
        )
    return {"queries": shown, "items": items, "images": shelf.pictures(), "all": len(ranks)}


def rank_of(sample: ScoredSample) -> tuple[float, bool] | None:
    """Return the rank of a query and whether it is tied, None without one."""
    one = next((one for one in sample.passes if not one.variant), None)
    if one is None or not isinstance(one.value, str):
        return None
    return float(one.value), one.rule == "tie"


def first_candidates(
    embeddings: Embeddings, queries: Sequence[Sample], candidates: Sequence[Sample]
) -> dict[str, list[tuple[Sample, float]]]:
    """Return the first few candidates of each query with their scores, best first; equal ones in the data's order."""
    rows = [embeddings.row(sample) for sample in candidates]
    asked = [(one, row) for one in queries if (row := embeddings.row(one)) is not None]
    if not asked or not candidates or None in rows:
        return {}
    found = nearest(embeddings.matrix, [row for _, row in asked], [row for row in rows if row is not None], FIRST)
    return {
        query.id: [(candidates[place], score) for place, score in zip(places, scores, strict=True)]
        for (query, _), (places, scores) in zip(asked, found, strict=True)
    }


def matched_again(line: Reranked, by_id: Mapping[str, Sample]) -> list[tuple[Sample, float]]:
    """Return the first few of a query that was matched again, best first."""
    pairs = sorted(zip(line.candidates, line.scores, strict=True), key=lambda pair: -pair[1])
    return [(by_id[name], score) for name, score in pairs[:FIRST] if name in by_id]

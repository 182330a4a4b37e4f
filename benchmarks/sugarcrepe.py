"""SugarCrepe: does an image prefer its caption to a fluent hard negative? Seven files, one a category, on COCO val2017.

Hsieh et al. 2023, SugarCrepe: Fixing Hackable Benchmarks for Vision-Language Compositionality, arXiv:2306.14610.
"""

from vlmeval.benchmark import Benchmark, Files, Row, Sample, Split, row_id, row_images, row_tags

CATEGORIES = {
    "add_att": 692, "add_obj": 2062, "replace_att": 788, "replace_obj": 1652, "replace_rel": 1406, "swap_att": 666,
    "swap_obj": 245,
}  # fmt: skip
NOTE = "https://github.com/RAIVNLab/sugar-crepe data/, with COCO's val2017/ beside it, or --image-root"


def sample(row: Row) -> Sample:
    """Return an image, its caption and the negative, in that order."""
    images = row_images(row)
    captions = (row.required("caption"), row.required("negative_caption"))
    return Sample(
        id=row_id(row, ("id", "index")),
        parts=(*images, *captions),
        references=captions[:1],
        tags=row_tags(row, {"category": ("category",)}),
        cluster=row.text("filename") or images[0].sha256,
    )


def split(category: str) -> Split:
    """Return the split of a category's file."""
    names = (f"{category}.json", f"sugarcrepe/{category}.json", f"sugar-crepe/data/{category}.json")
    return Split((Files(names, NOTE),), questions=CATEGORIES[category])


BENCHMARK = Benchmark(
    name="sugarcrepe",
    title="SugarCrepe",
    sample=sample,
    splits={category: split(category) for category in CATEGORIES},
    licence="MIT; images under COCO's terms",
    citation="Hsieh et al. 2023, arXiv:2306.14610",
    homepage="https://github.com/RAIVNLab/sugar-crepe",
)

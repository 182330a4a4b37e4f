"""Winoground: 400 pairs of images and captions of the same words in another order.

Thrush et al. 2022, Winoground: Probing Vision and Language Models for Visio-Linguistic Compositionality,
arXiv:2204.03162. Gated on the hub: accept its terms there, and set HF_TOKEN.
"""

from vlmeval.benchmark import Benchmark, DataError, Files, Hub, Row, Sample, Split, row_id, row_tags

TAGS = {"category": ("collapsed_tag", "category"), "tag": ("tag",)}


def sample(row: Row) -> Sample:
    """Return two images and their captions, in order."""
    images = (*row.images("image_0"), *row.images("image_1"))
    if len(images) != 2:
        raise DataError(f"{row.where}: {len(images)} images; expected image_0 and image_1")
    captions = (row.required("caption_0"), row.required("caption_1"))
    key = row_id(row, ("id", "index"))
    return Sample(id=key, parts=(*images, *captions), references=captions, tags=row_tags(row, TAGS), cluster=key)


BENCHMARK = Benchmark(
    name="winoground",
    title="Winoground",
    sample=sample,
    splits={
        "test": Split(
            (
                Files(
                    ("winoground.jsonl", "winoground/examples.jsonl"),
                    "https://huggingface.co/datasets/facebook/winoground",
                ),
                Hub(("facebook/winoground",), split="test", revision="main"),
            ),
            questions=400,
        )
    },
    licence="Meta's research terms",
    citation="Thrush et al. 2022, arXiv:2204.03162",
    homepage="https://huggingface.co/datasets/facebook/winoground",
)

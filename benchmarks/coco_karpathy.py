"""COCO images with five captions, in Karpathy's splits: captioning and image-text retrieval on the 5,000 test images.

Karpathy and Fei-Fei 2015, Deep Visual-Semantic Alignments for Generating Image Descriptions, CVPR 2015,
arXiv:1412.2306; Lin et al. 2014, Microsoft COCO, arXiv:1405.0312.
"""

from vlmeval.benchmark import Benchmark, Files, Hub, Source, Split, caption_sample, retrieval_count, retrieval_samples

NOTE = "https://cs.stanford.edu/people/karpathy/deepimagesent/, with COCO's val2014/ beside it or in coco/"
FILE = Files(("dataset_coco.json", "coco/dataset_coco.json", "karpathy/dataset_coco.json"), NOTE)


def sources(split: str) -> tuple[Source, ...]:
    """Return the original file, and the copy on the hub (which has no images: it needs val2014/ too)."""
    return FILE, Hub(("yerevann/coco-karpathy",), split=split, revision="main")


def retrieval(split: str) -> Split:
    """Return a split as queries: each image looks for its captions, each caption for its image."""
    return Split(
        sources("validation" if split == "val" else split),
        where={"split": (split,)},
        sample=retrieval_samples,
        samples_of=retrieval_count,
    )


BENCHMARK = Benchmark(
    name="coco_karpathy",
    title="COCO, Karpathy's splits",
    sample=caption_sample,
    splits={
        "test": Split(sources("test"), where={"split": ("test",)}, questions=5000),
        "val": Split(sources("validation"), where={"split": ("val",)}, questions=5000),
        "test_retrieval": retrieval("test"),
        "val_retrieval": retrieval("val"),
    },
    licence="CC BY 4.0 annotations (not verified); images under COCO's terms",
    citation="Karpathy and Fei-Fei 2015, arXiv:1412.2306",
    homepage="https://cs.stanford.edu/people/karpathy/deepimagesent/",
    quirks=("an image has five captions or more; all are references and all are retrieved",),
)

"""TextCaps: captions that read the text in the picture, five an image.

Sidorov et al. 2020, TextCaps: a Dataset for Image Captioning with Reading Comprehension, ECCV 2020, arXiv:2003.12462.
"""

from vlmeval.benchmark import Benchmark, Files, Hub, Source, Split, caption_sample

NOTE = "https://textvqa.org/textcaps/dataset/, images in train_images/ (validation too) or test_images/ beside it"


def sources(part: str) -> tuple[Source, ...]:
    """Return the original file, then the hub's copy."""
    name = f"TextCaps_0.1_{part}.json"
    hub = Hub(("lmms-lab/TextCaps", "HuggingFaceM4/TextCaps"), split=part, revision="main")
    return Files((name, f"textcaps/{name}", f"TextCaps/{name}"), NOTE), hub


BENCHMARK = Benchmark(
    name="textcaps",
    title="TextCaps",
    sample=caption_sample,
    splits={
        "val": Split(sources("val"), questions=3166),
        "test": Split(sources("test"), hidden=True, questions=3289),
    },
    licence="CC BY 4.0 (not verified)",
    citation="Sidorov et al. 2020, arXiv:2003.12462",
    homepage="https://textvqa.org/textcaps/",
    quirks=("the images are those of TextVQA, whose questions a model may have been trained on",),
)

"""VizWiz-Captions: photographs that blind people took, five captions each, some of which say that nothing can be seen.

Gurari et al. 2020, Captioning Images Taken by People Who Are Blind, ECCV 2020, arXiv:2002.08565. Official program:
Yinan-Zhao/vizwiz-caption, which leaves out captions marked as rejected or as the ready-made sentence.
"""

from vlmeval.benchmark import Benchmark, Files, Hub, Row, Sample, Source, Split, caption_sample, with_references

NOTE = "https://vizwiz.org/tasks-and-datasets/image-captioning/, images in val/ or test/ beside it, or --image-root"
READY_MADE = "quality issues are too severe to recognize visual content"


def sample(row: Row) -> Sample:
    """Return an image without the ready-made captions, which the hub's copy does not mark."""
    found = caption_sample(row)
    written = tuple(text for text in found.references if text.strip(" .").lower() != READY_MADE)
    return with_references(found, written or found.references)


def sources(part: str) -> tuple[Source, ...]:
    """Return the original file, then the hub's copy."""
    names = (f"vizwiz_caps/{part}.json", f"vizwiz_caps/annotations/{part}.json", f"VizWiz-Caps/{part}.json")
    return Files(names, NOTE), Hub(("lmms-lab/VizWiz-Caps",), split=part, revision="main")


BENCHMARK = Benchmark(
    name="vizwiz_caps",
    title="VizWiz-Captions",
    sample=sample,
    splits={
        "val": Split(sources("val"), questions=7750),
        "test": Split(sources("test"), hidden=True, questions=8000),
    },
    licence="CC BY 4.0 (not verified)",
    citation="Gurari et al. 2020, arXiv:2002.08565",
    homepage="https://vizwiz.org/tasks-and-datasets/image-captioning/",
    quirks=("captions marked is_rejected or is_precanned are no references, as in the official program",),
)

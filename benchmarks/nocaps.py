"""NoCaps: Open Images pictures with ten captions each, by how near their objects are to those of COCO's captions.

Agrawal et al. 2019, nocaps: novel object captioning at scale, ICCV 2019, arXiv:1812.08658.
"""

from vlmeval.benchmark import Benchmark, DataError, Files, Hub, Row, Sample, Source, Split, caption_sample, with_tags

HUB_IDS = ("lmms-lab/NoCaps", "HuggingFaceM4/NoCaps")
NOTE = "https://nocaps.org/download, images in val/ or images/ beside it, or --image-root"
DOMAINS = {name: f"{name}-domain" for name in ("in", "near", "out")}
VAL: tuple[Source, ...] = (
    Files(("nocaps_val_4500_captions.json", "nocaps/nocaps_val_4500_captions.json"), NOTE),
    Hub(HUB_IDS, split="validation", revision="main"),
)
TEST: tuple[Source, ...] = (
    Files(("nocaps_test_image_info.json", "nocaps/nocaps_test_image_info.json"), NOTE),
    Hub(HUB_IDS, split="test", revision="main"),
)


def sample(row: Row) -> Sample:
    """Return an image with its domain; copies write "in-domain", "in_domain" or "in"."""
    found = (row.text("domain", "image_domain") or "").replace("_", "-").removesuffix("-domain")
    return with_tags(caption_sample(row), {"domain": DOMAINS[found]} if found in DOMAINS else {})


def of_one_domain(row: Row) -> Sample:
    """Return an image. Raises DataError for a copy that does not tell its domain: all would pass for one domain."""
    found = sample(row)
    if "domain" not in found.tags:
        raise DataError(f"{row.where}: no domain; take the file of https://nocaps.org/download, which has it")
    return found


def domain(name: str) -> Split:
    """Return the images of one domain."""
    spellings = (name, f"{name}-domain", f"{name}_domain")
    return Split(VAL, where={"domain": spellings, "image_domain": spellings}, sample=of_one_domain)


BENCHMARK = Benchmark(
    name="nocaps",
    title="NoCaps",
    sample=sample,
    splits={
        "val": Split(VAL, questions=4500),
        **{f"val_{name}": domain(name) for name in DOMAINS},
        "test": Split(TEST, hidden=True, questions=10600),
    },
    licence="CC BY 2.0 (not verified)",
    citation="Agrawal et al. 2019, arXiv:1812.08658",
    homepage="https://nocaps.org",
    quirks=("CIDEr of a slice has the n-gram weights of all 4,500 images; the tasks of one domain have their own",),
)

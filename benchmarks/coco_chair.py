"""COCO val2014 images with their captions and the objects drawn in them: object hallucination (CHAIR).

Rohrbach et al. 2018, Object Hallucination in Image Captioning, EMNLP 2018, arXiv:1809.02156; official program
LisaAnne/Hallucination, utils/chair.py, which takes both for what is in an image.
"""

from vlmeval.benchmark import Benchmark, Files, Row, Sample, Split, caption_sample, coco_objects, with_fields

NOTE = "https://cocodataset.org/#download, instances_val2014.json beside it, images in val2014/ or --image-root"
KARPATHY = "https://cs.stanford.edu/people/karpathy/deepimagesent/, instances_val2014.json and val2014/ beside it"
CAPTIONS = "captions_val2014.json"


def sample(row: Row) -> Sample:
    """Return an image to be described, with its captions and the names of its objects, one a line."""
    found = caption_sample(row)
    names = coco_objects(row, found.id, "instances_val2014.json")
    return with_fields(found, {"objects": names})


BENCHMARK = Benchmark(
    name="coco_chair",
    title="COCO object hallucination (CHAIR)",
    sample=sample,
    splits={
        "val2014": Split((Files((CAPTIONS, f"annotations/{CAPTIONS}", f"coco/annotations/{CAPTIONS}"), NOTE),)),
        "karpathy_test": Split(
            (Files(("dataset_coco.json", "coco/dataset_coco.json", "karpathy/dataset_coco.json"), KARPATHY),),
            where={"split": ("test",)},
            questions=5000,
        ),
    },
    licence="CC BY 4.0 annotations (not verified); images under COCO's terms",
    citation="Rohrbach et al. 2018, arXiv:1809.02156",
    homepage="https://github.com/LisaAnne/Hallucination",
    quirks=("papers on chat models take 500 random images, each another draw; --limit 500 takes the first",),
)

"""COCO captions as published by COCO (val2014, val2017), not in Karpathy's splits.

Chen et al. 2015, Microsoft COCO Captions: Data Collection and Evaluation Server, arXiv:1504.00325.
"""

from vlmeval.benchmark import Benchmark, Files, Hub, Split, Tsv, caption_sample

NOTE = "annotations from https://cocodataset.org/#download, images in {} beside or in coco/"
URL = "https://opencompass.openxlab.space/utils/VLMEval/COCO_VAL.tsv"


def files(name: str, folder: str) -> Files:
    """Return the official annotation file."""
    return Files((name, f"annotations/{name}", f"coco/annotations/{name}"), NOTE.format(folder))


def hub(name: str) -> Hub:
    """Return the copy on the hub."""
    return Hub((f"lmms-lab/{name}", f"lmms-lab-encoder/{name}"), split="val", revision="main")


BENCHMARK = Benchmark(
    name="coco_caption",
    title="COCO captions",
    sample=caption_sample,
    splits={
        "val2014": Split((files("captions_val2014.json", "val2014/"), hub("COCO-Caption"))),
        "val2017": Split((files("captions_val2017.json", "val2017/"), hub("COCO-Caption2017"))),
        "vlmevalkit": Split((Tsv("COCO_VAL", URL, "72a5079dead060269ac222c5aa5128af"),)),
    },
    licence="CC BY 4.0 annotations (not verified); images under COCO's terms",
    citation="Chen et al. 2015, arXiv:1504.00325",
    homepage="https://cocodataset.org",
    quirks=("papers report Karpathy's test split, which is another set: task coco_karpathy_test",),
)

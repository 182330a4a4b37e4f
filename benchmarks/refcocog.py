"""RefCOCOg: find the object that a longer expression means.

Mao et al. 2016, Generation and Comprehension of Unambiguous Object Descriptions, arXiv:1511.02283; umd splits of
Nagaraja et al. 2016, arXiv:1608.00525.

Schemas: the JSON Lines of QwenLM/Qwen-VL (`image`, `sent`, `bbox` as x1, y1, x2, y2; read in
eval_mm/evaluate_grounding.py), and the copy lmms-lab/RefCOCOg (`image`, `answer` with all expressions of an object,
`bbox` as x, y, width, height; read in EvolvingLMMs-Lab/lmms-eval, tasks/refcoco/utils_rec.py). Not verified: the
copy's split names, and whether its splits hold the same objects as the official ones.
"""

from vlmeval.benchmark import Benchmark, Files, Hub, Split, referring_count, referring_samples

NOTE = "the JSON Lines of QwenLM/Qwen-VL eval_mm, COCO's train2014/ beside it"


def split(name: str) -> Split:
    """Return a split: the official expressions by hand, else the copy on the hub."""
    files = Files((f"refcocog_{name}.jsonl", f"refcocog/refcocog_{name}.jsonl"), NOTE)
    return Split((files, Hub(("lmms-lab/RefCOCOg",), split=name, revision="main")), samples_of=referring_count)


BENCHMARK = Benchmark(
    name="refcocog",
    title="RefCOCOg",
    sample=referring_samples,
    splits={
        "val": split("val"),
        "test": split("test"),
    },
    licence="not verified; images under COCO's terms",
    citation="Mao et al. 2016, arXiv:1511.02283; Nagaraja et al. 2016, arXiv:1608.00525",
    homepage="https://github.com/lichengunc/refer",
    quirks=(
        "published figures are of the umd splits: val 4,896 and test 9,602 expressions",
        "the unit is the expression, not the object: an object has several",
    ),
)

"""RefCOCO: find the object that an expression means; testA has people, testB everything else.

Kazemzadeh et al. 2014, ReferItGame, EMNLP 2014; Yu et al. 2016, Modeling Context in Referring Expressions,
arXiv:1608.00272.

Schemas: the JSON Lines of QwenLM/Qwen-VL (`image`, `sent`, `bbox` as x1, y1, x2, y2; read in
eval_mm/evaluate_grounding.py), and the copy lmms-lab/RefCOCO (`image`, `answer` with all expressions of an object,
`bbox` as x, y, width, height; read in EvolvingLMMs-Lab/lmms-eval, tasks/refcoco/utils_rec.py). Not verified: the
copy's split names, and whether its splits hold the same objects as the official ones.
"""

from vlmeval.benchmark import Benchmark, Files, Hub, Split, referring_count, referring_samples

NOTE = "the JSON Lines of QwenLM/Qwen-VL eval_mm, COCO's train2014/ beside it"


def split(name: str) -> Split:
    """Return a split: the official expressions by hand, else the copy on the hub."""
    files = Files((f"refcoco_{name}.jsonl", f"refcoco/refcoco_{name}.jsonl"), NOTE)
    return Split((files, Hub(("lmms-lab/RefCOCO",), split=name, revision="main")), samples_of=referring_count)


BENCHMARK = Benchmark(
    name="refcoco",
    title="RefCOCO",
    sample=referring_samples,
    splits={
        "val": split("val"),
        "testA": split("testA"),
        "testB": split("testB"),
    },
    licence="not verified; images under COCO's terms",
    citation="Kazemzadeh et al. 2014, ReferItGame, EMNLP 2014; Yu et al. 2016, arXiv:1608.00272",
    homepage="https://github.com/lichengunc/refer",
    quirks=(
        "published figures are of the unc splits: val 10,834, testA 5,657 and testB 5,095 expressions",
        "the unit is the expression, not the object: an object has several",
    ),
)

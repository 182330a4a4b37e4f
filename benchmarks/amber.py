"""AMBER, its yes/no questions: does the image show this object, attribute or relation?

Wang et al. 2023, AMBER: An LLM-free Multi-dimensional Benchmark for MLLMs Hallucination Evaluation, arXiv:2311.07397.
File: open-compass/VLMEvalKit, vlmeval/dataset/image_yorn.py. The captions of AMBER (CHAIR, Cover, Hal, Cog) are no part
of this.
"""

from vlmeval.benchmark import Benchmark, Row, Sample, Split, Tsv, plain_question, row_id, row_images, yes_no_gold

URL = "https://huggingface.co/datasets/yifanzhang114/AMBER_base64/resolve/main/AMBER.tsv"
DIMENSIONS = {
    "discriminative-attribute-state": "Attribute",
    "discriminative-attribute-number": "Attribute",
    "discriminative-attribute-action": "Attribute",
    "discriminative-hallucination": "Existence",
    "discriminative-relation": "Relation",
    "relation": "Relation",
}


def sample(row: Row) -> Sample:
    """Return a question with its dimension, and with the type that the annotations give it."""
    number, images = row_id(row, ("index", "id")), row_images(row)
    kind = " ".join(row.required("category", "type").split())
    return Sample(
        id=number,
        parts=(*images, plain_question(row, "question", "query")),
        references=yes_no_gold(row, "answer", "truth"),
        tags={"category": DIMENSIONS.get(kind, kind), "type": kind},
        cluster=images[0].sha256 if images else row.text("image_path") or "",
        fields={"row": number},
    )


BENCHMARK = Benchmark(
    name="amber",
    title="AMBER, yes/no questions",
    sample=sample,
    splits={"discriminative": Split((Tsv("AMBER", URL, "970d94c0410916166e0a76ba75da7934"),), questions=14216)},
    licence="Apache-2.0 (not verified)",
    citation="Wang et al. 2023, arXiv:2311.07397",
    homepage="https://github.com/junyangwang0410/AMBER",
    quirks=("'no' is the answer that is measured: precision, recall and F1 are those of what a model denies",),
)

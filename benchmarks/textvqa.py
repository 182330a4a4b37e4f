"""TextVQA: questions about text in images, ten human answers each.

Singh et al. 2019, Towards VQA Models That Can Read, CVPR 2019, arXiv:1904.08920. Official scorer: facebookresearch/mmf,
mmf/utils/m4c_evaluators.py.
"""

from vlmeval.benchmark import Benchmark, Hub, Row, Sample, Split, Tsv, short_sample

URL = "https://opencompass.openxlab.space/utils/VLMEval/TextVQA_VAL.tsv"
HUB_IDS = ("lmms-lab/textvqa", "lmms-lab-encoder/textvqa")
VAL_TSV = Tsv("TextVQA_VAL", URL, "b233b31f551bbf4056f2f955da3a92cd")


def hub(split: str) -> Hub:
    """Return the copy on the hub."""
    return Hub(HUB_IDS, split=split, revision="main")


def sample(row: Row) -> Sample:
    """Return a question, with the words an OCR program read as field `ocr_tokens`, where the file has them."""
    words = ", ".join(str(word) for word in row.items("ocr_tokens"))
    return short_sample(row, fields={"ocr_tokens": words} if words else {})


BENCHMARK = Benchmark(
    name="textvqa",
    title="TextVQA",
    sample=sample,
    splits={
        "validation": Split((hub("validation"), VAL_TSV), questions=5000),
        "test": Split((hub("test"),), hidden=True, questions=5734),
    },
    licence="CC BY 4.0 (not verified)",
    citation="Singh et al. 2019, arXiv:1904.08920",
    homepage="https://textvqa.org",
    quirks=(
        "with and without OCR words in the prompt are two tasks: 58 against 46 for LLaVA-1.5-7B",
        "the TSV has no OCR words",
    ),
)

"""OCR-VQA: questions about book covers (title, author, genre), one answer each.

Mishra et al. 2019, OCR-VQA: Visual Question Answering by Reading Text in Images, ICDAR 2019. Files of VLMEvalKit: the
test split, and a core of it with 96 questions of each of the 32 genres.
"""

from vlmeval.benchmark import Benchmark, Row, Sample, Split, Tsv, plain_answer, short_sample

URL = "https://opencompass.openxlab.space/utils/VLMEval"


def sample(row: Row) -> Sample:
    """Return a question with the book's genre."""
    tags = {"category": ("category",)}
    return short_sample(row, id_columns=("index", "question_id"), tags=tags, references=plain_answer(row, "answer"))


def tsv(name: str, md5: str) -> Tsv:
    """Return the published file."""
    return Tsv(name, f"{URL}/{name}.tsv", md5)


BENCHMARK = Benchmark(
    name="ocrvqa",
    title="OCR-VQA",
    sample=sample,
    splits={
        "test": Split((tsv("OCRVQA_TEST", "ca46a6d74b403e9d6c0b670f6fc00db9"),)),
        "testcore": Split((tsv("OCRVQA_TESTCORE", "c5239fe77db8bdc1f2ad8e55e0d1fe97"),), questions=3072),
    },
    licence="research only (not verified)",
    citation="Mishra et al. 2019, ICDAR",
    homepage="https://ocr-vqa.github.io",
    quirks=("titles and authors must be equal to the letter: a reply with the subtitle is wrong",),
)

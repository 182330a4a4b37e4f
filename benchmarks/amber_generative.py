"""AMBER, its captions: what of an image is mentioned, what is made up, and whether people make up the same.

Wang et al. 2023, AMBER: An LLM-free Multi-dimensional Benchmark for MLLMs Hallucination Evaluation, arXiv:2311.07397.
Files: junyangwang0410/AMBER, data/query/query_generative.json, data/annotations.json, data/relation.json and
data/safe_words.txt. The yes/no questions are the benchmark `amber`.
"""

from functools import lru_cache
from pathlib import Path

from vlmeval.benchmark import Benchmark, DataError, Files, Row, Sample, Split, read_json, row_images

NOTE = "git clone https://github.com/junyangwang0410/AMBER; its images in image/ are found with --image-root"
QUERIES = "data/query/query_generative.json"


@lru_cache(maxsize=2)
def annotations(folder: Path) -> tuple[dict[int, dict[str, list[str]]], dict[str, list[str]], str]:
    """Return the annotated words of each image, each word's synonyms, and the words that are never made up."""
    words = {item["id"]: item for item in read_json(folder / "annotations.json") if item["type"] == "generative"}
    safe = folder / "safe_words.txt"
    if not safe.is_file():
        raise DataError(f"{safe}: no such file; AMBER's folder data/ has it")
    return words, read_json(folder / "relation.json"), safe.read_text(encoding="utf8").strip()


def data_folder(row: Row) -> Path:
    """Return the folder with annotations.json. Raises DataError where it is not above the queries."""
    path = Path(row.table.path)
    for folder in (path if path.is_dir() else path.parent, path.parent, path.parent.parent):
        for place in (folder, folder / "data"):
            if (place / "annotations.json").is_file():
                return place
    raise DataError(f"{row.where}: no annotations.json beside or above {path}; keep AMBER's folder data/ as it is")


def lines(words: list[str], synonyms: dict[str, list[str]]) -> str:
    """Return the words one a line, each followed by its synonyms, with tabs between them."""
    return "\n".join("\t".join([word, *synonyms.get(word, [])]) for word in words)


def sample(row: Row) -> Sample:
    """Return an image to be described. Its references are the objects in it."""
    number = int(row.required("id"))
    words, synonyms, safe = annotations(data_folder(row))
    if number not in words:
        raise DataError(f"{row.where}: id {number} has no generative annotation in annotations.json")
    truth, made_up = words[number]["truth"], words[number]["hallu"]
    known = dict.fromkeys(word for one, others in synonyms.items() for word in (one, *others))
    return Sample(
        id=str(number),
        parts=(*row_images(row), row.required("query")),
        references=tuple(dict.fromkeys(truth)),
        fields={
            "truth": lines(truth, synonyms),
            "hallu": lines(made_up, synonyms),
            "safe": safe,
            "vocabulary": "\n".join(known),
        },
    )


BENCHMARK = Benchmark(
    name="amber_generative",
    title="AMBER, captions",
    sample=sample,
    splits={
        "generative": Split((Files((f"AMBER/{QUERIES}", QUERIES, "query_generative.json"), NOTE),), questions=1004)
    },
    licence="Apache-2.0",
    citation="Wang et al. 2023, arXiv:2311.07397",
    homepage="https://github.com/junyangwang0410/AMBER",
    quirks=("objects are found by their words, without the official program's tagger and word vectors",),
)

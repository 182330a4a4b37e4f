"""DocVQA: questions about scanned documents, one or several accepted answers each.

Mathew et al. 2021, DocVQA: A Dataset for VQA on Document Images, WACV 2021, arXiv:2007.00398. Scored by ANLS on the
server https://rrc.cvc.uab.es/?ch=17; the gold of the validation split is published.
"""

from vlmeval.benchmark import Benchmark, Files, Hub, Row, Sample, Split, Tsv, short_sample

URL = "https://opencompass.openxlab.space/utils/VLMEval"
HUB_IDS = ("lmms-lab/DocVQA", "lmms-lab-encoder/DocVQA")
NOTE = "from https://rrc.cvc.uab.es/?ch=17&com=downloads, with documents/ beside the file"


def sample(row: Row) -> Sample:
    """Return a question with its types (table/list, handwritten, ...), where the file has them."""
    found = short_sample(row, id_columns=("questionId", "question_id", "index", "id"))
    if types := row.items("question_types"):
        found.tags["question_type"] = "\n".join(map(str, types))
    return found


def tsv(name: str, md5: str) -> Tsv:
    """Return the published file."""
    return Tsv(name, f"{URL}/{name}.tsv", md5)


def files(*names: str) -> Files:
    """Return the official file under the names of its releases."""
    return Files(tuple(f"{folder}/{name}" for name in names for folder in ("docvqa", "DocVQA")), NOTE)


def hub(split: str) -> Hub:
    """Return the copy on the hub."""
    return Hub(HUB_IDS, split=split, revision="main", config="DocVQA")


VALIDATION = (
    tsv("DocVQA_VAL", "d5ee77e1926ff10690d469c56b73eabf"),
    files("val_v1.0.json", "val_v1.0_withQT.json"),
    hub("validation"),
)
TEST = (tsv("DocVQA_TEST", "6a2f28cac26ef2d3447374e8c6f6c8e9"), files("test_v1.0.json"), hub("test"))

BENCHMARK = Benchmark(
    name="docvqa",
    title="DocVQA",
    sample=sample,
    splits={"validation": Split(VALIDATION, questions=5349), "test": Split(TEST, hidden=True, questions=5188)},
    licence="terms of the Robust Reading Competition (not verified)",
    citation="Mathew et al. 2021, arXiv:2007.00398",
    homepage="https://www.docvqa.org",
    quirks=(
        "a question may have several types, and counts in the slice of each; only the hub's copy and "
        "val_v1.0_withQT.json have them",
        "papers report the test split, which only the server scores: a run writes the file for it",
    ),
)

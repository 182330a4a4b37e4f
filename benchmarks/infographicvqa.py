"""InfographicVQA: questions about infographics, often tall ones, one or several accepted answers each.

Mathew et al. 2022, InfographicVQA, WACV 2022, arXiv:2104.12756. Scored by ANLS on https://rrc.cvc.uab.es/?ch=17; the
gold of the validation split is published.
"""

from vlmeval.benchmark import Benchmark, Files, Hub, Row, Sample, Split, Tsv, short_sample

URL = "https://opencompass.openxlab.space/utils/VLMEval"
HUB_IDS = ("lmms-lab/DocVQA", "lmms-lab-encoder/DocVQA")
TYPES = {"answer_type": "answer_type", "evidence": "evidence", "operation": "operation/reasoning"}
NOTE = "from https://rrc.cvc.uab.es/?ch=17&com=downloads, with images/ beside the file"


def sample(row: Row) -> Sample:
    """Return a question; the file "withQT" says what the answer is, where it stands, and what it takes to find it."""
    found = short_sample(row, id_columns=("questionId", "question_id", "index", "id"))
    for tag, column in TYPES.items():
        if types := row.items(column):
            found.tags[tag] = "\n".join(map(str, types))
    return found


def tsv(name: str, md5: str) -> Tsv:
    """Return the published file."""
    return Tsv(name, f"{URL}/{name}.tsv", md5)


def files(*names: str) -> Files:
    """Return the official file under the names of its releases."""
    return Files(tuple(f"{folder}/{name}" for name in names for folder in ("infographicvqa", "InfographicVQA")), NOTE)


def hub(split: str) -> Hub:
    """Return the copy on the hub."""
    return Hub(HUB_IDS, split=split, revision="main", config="InfographicVQA")


VALIDATION = (
    tsv("InfoVQA_VAL", "2342e9c225222f0ef4dec545ebb126fe"),
    files("infographicsVQA_val_v1.0_withQT.json", "infographicsVQA_val_v1.0.json"),
    hub("validation"),
)
TEST = (
    tsv("InfoVQA_TEST", "df535bf51b88dc9718252c34131a6227"),
    files("infographicsVQA_test_v1.0.json"),
    hub("test"),
)

BENCHMARK = Benchmark(
    name="infographicvqa",
    title="InfographicVQA",
    sample=sample,
    splits={"validation": Split(VALIDATION, questions=2801), "test": Split(TEST, hidden=True, questions=3288)},
    licence="terms of the Robust Reading Competition (not verified)",
    citation="Mathew et al. 2022, arXiv:2104.12756",
    homepage="https://www.docvqa.org/datasets/infographicvqa",
    quirks=(
        "the images are tall: a model that scales them down to a square reads little, whatever it knows",
        "papers report the test split, which only the server scores: a run writes the file for it",
    ),
)

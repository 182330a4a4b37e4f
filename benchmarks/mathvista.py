"""MathVista: mathematical reasoning over figures, plots, puzzles and photographs from 31 sources.

Lu et al. 2024, MathVista: Evaluating Mathematical Reasoning of Foundation Models in Visual Contexts, ICLR 2024,
arXiv:2310.02255. The prompt is that of lupantech/MathVista, evaluation/build_query.py.
"""

import re

from vlmeval.benchmark import LETTERS, Benchmark, DataError, Hub, Row, Sample, Split, Tsv, row_id, row_images

URL = "https://opencompass.openxlab.space/utils/VLMEval/MathVista_MINI.tsv"
TAGS = ("language", "source", "category", "task", "context", "grade")
CHOICE_HINT = "Please answer the question and provide the correct option letter, e.g., A, B, C, D, at the end."
LIST_HINT = (
    "Please answer the question requiring a Python list as an answer and provide the final list, e.g., [1, 2, 3], "
    "[1.2, 1.3, 1.4], at the end."
)
NUMBER_HINT = "Please answer the question requiring {} and provide the final value, e.g., {}, at the end."
NUMBERS = {
    ("integer", ""): NUMBER_HINT.format("an integer answer", "1, 2, 3"),
    ("float", "1"): NUMBER_HINT.format("a floating-point number with one decimal place", "1.2, 1.3, 1.4"),
    ("float", "2"): NUMBER_HINT.format("a floating-point number with two decimal places", "1.23, 1.34, 1.45"),
    ("list", ""): LIST_HINT,
}
QUERY = re.compile(r"Hint: [^\n]*\nQuestion: (.*?)(?:\nChoices:\n\(A\) .*)?", re.DOTALL)


def sample(row: Row) -> Sample:
    """Return a question; the right answers of a choice are all options worded like the gold.

    A TSV has the whole prompt as the question: it is taken apart, so that every source is asked in the same words.
    """
    metadata = row.cell("metadata")
    known = metadata if isinstance(metadata, dict) else {}
    choices = tuple(map(str, row.items("choices")))
    answer_type, precision = row.required("answer_type"), (row.text("precision") or "").removesuffix(".0")
    hint = CHOICE_HINT if choices else NUMBERS.get((answer_type, precision if answer_type == "float" else ""))
    if hint is None:
        raise DataError(f'{row.at("answer_type")}: "{answer_type}", precision "{precision}": no such kind of answer')
    question = row.required("question")
    query = QUERY.fullmatch(question)
    tags = {name: str(known.get(name) or row.text(name) or "") for name in TAGS}
    skills = known.get("skills") or row.items("skills")
    tags |= {"skills": "\n".join(map(str, skills)), "answer_type": answer_type}
    tags["question_type"] = row.text("question_type") or ("multi_choice" if choices else "free_form")
    unit = row.text("unit") if query is None else None
    if not unit and not choices:
        question = question.rstrip()  # as the whole prompt is, by the authors' program
    return Sample(
        id=row_id(row, ("pid", "index", "id")),
        parts=(*(row.images("decoded_image") or row_images(row)), query[1] if query else question),
        references=golds(row, choices),
        choices=choices,
        tags={name: value for name, value in tags.items() if value},
        fields={"hint": hint, "unit": unit or "", "answer_type": answer_type, "precision": precision},
    )


def golds(row: Row, choices: tuple[str, ...]) -> tuple[str, ...]:
    """Return the letters of the options that are the gold, or the gold itself; () where it is hidden."""
    gold = row.text("answer")
    if gold is None:
        if row.hidden:
            return ()
        raise row.missing("answer")
    if not choices:
        return (gold,)
    letters = tuple(letter for letter, choice in zip(LETTERS, choices, strict=False) if choice == gold)
    if not letters:
        raise DataError(f'{row.at("answer")}: the gold "{gold[:80]}" is none of the {len(choices)} choices')
    return letters


def hub(split: str) -> Hub:
    """Return the data set of the authors."""
    return Hub(("AI4Math/MathVista",), split=split, revision="main")


BENCHMARK = Benchmark(
    name="mathvista",
    title="MathVista",
    sample=sample,
    splits={
        "testmini": Split(
            (hub("testmini"), Tsv("MathVista_MINI", URL, "f199b98e178e5a2a20e7048f5dcb0464")), questions=1000
        ),
        "test": Split((hub("test"),), hidden=True),
    },
    licence="CC BY-SA 4.0",
    citation="Lu et al. 2024, arXiv:2310.02255",
    homepage="https://mathvista.github.io",
    quirks=(
        "the official program has a language model extract every answer, and takes the nearest option for what names "
        "none",
        "the published figures read whole numbers as int(x), every released program as int(float(x))",
    ),
)

"""A-OKVQA: questions about photographs that need knowledge of the world, with four options.

Schwenk et al. 2022, A-OKVQA: A Benchmark for Visual Question Answering using World Knowledge, ECCV 2022,
arXiv:2206.01718. This is its multiple-choice setting.
"""

from vlmeval.benchmark import (
    LETTERS,
    Benchmark,
    DataError,
    Hub,
    Row,
    Sample,
    Split,
    Tsv,
    choice_sample,
    row_choices,
    row_id,
    row_images,
)  # fmt: skip


def hub(split: str) -> Hub:
    """Return the copy on the hub."""
    return Hub(("HuggingFaceM4/A-OKVQA",), split=split, revision="main")


VALIDATION = (
    hub("validation"),
    Tsv("A-OKVQA", "https://huggingface.co/datasets/Allen8/A-OKVQA/resolve/main/a-okvqa.tsv"),
)


def sample(row: Row) -> Sample:
    """Return a question; the hub's copy gives the gold as a position counted from 0."""
    if not row.has("correct_choice_idx"):
        return choice_sample(row, tags={"category": ("category",)})
    choices = row_choices(row)
    return Sample(
        id=row_id(row, ("question_id", "index")),
        parts=(*row_images(row), row.required("question")),
        references=gold(row, len(choices)),
        choices=choices,
        cluster=row.text("image_id") or "",
    )


def gold(row: Row, options: int) -> tuple[str, ...]:
    """Return the letter of the right option, () where it is hidden."""
    place = row.text("correct_choice_idx")
    if place is None and row.hidden:
        return ()
    if place is None or not place.isdigit() or int(place) >= options:
        raise DataError(f"{row.at('correct_choice_idx')}: {place!r} is no position from 0 to {options - 1}")
    return (LETTERS[int(place)],)


BENCHMARK = Benchmark(
    name="aokvqa",
    title="A-OKVQA",
    sample=sample,
    splits={"val": Split(VALIDATION, questions=1145), "test": Split((hub("test"),), hidden=True)},
    licence="Apache-2.0 (not verified)",
    citation="Schwenk et al. 2022, arXiv:2206.01718",
    homepage="https://allenai.org/project/a-okvqa",
    quirks=("direct answers are another setting, with VQA accuracy, and not read here",),
)

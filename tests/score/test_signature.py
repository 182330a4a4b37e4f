import msgspec
import pytest

from tests.score.runs import CHOICE, kind_of, question
from vlmeval.data.task import PromptStyle
from vlmeval.score.signature import Recipe, as_sent, data_digest, prompt_digest
from vlmeval.types import Image, Rotation, Sampling

SAMPLES = [question(number) for number in range(4)]


def changed(**fields: object) -> list[object]:
    return [msgspec.structs.replace(SAMPLES[0], **fields), *SAMPLES[1:]]


def test_the_data_digest_does_not_know_order_tags_rows_or_readers() -> None:
    turns = tuple(Rotation(str(turn), tuple((place - turn) % 4 for place in range(4))) for turn in range(4))
    rotated = changed(rotations=turns, tags={"split": "dev"}, cluster="x")
    assert data_digest(SAMPLES) == data_digest(SAMPLES[::-1]) == data_digest(rotated)  # type: ignore[arg-type]
    image = Image("ab" * 32, 2, 2, "png")
    with_reader = changed(parts=(image.with_reader(lambda: b""),))
    resized = changed(parts=(msgspec.structs.replace(image, width=3, format="jpeg"),))
    assert data_digest(with_reader) == data_digest(resized)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "fields",
    [
        {"id": "other"},
        {"parts": ("Another question?",)},
        {"parts": (Image("cd" * 32, 2, 2, "png"),)},
        {"references": ("C",)},
        {"choices": ("cat", "dog", "bird", "whale")},
        {"choices": ("dog", "cat", "bird", "fish")},
        {"fields": {"hint": "It barks."}},
        {"rotations": (Rotation("7", (0, 1, 2, 3)), Rotation("8", (1, 0, 2, 3)))},
    ],
)
def test_the_data_digest_knows_what_is_asked_and_what_is_right(fields: dict[str, object]) -> None:
    assert data_digest(changed(**fields)) != data_digest(SAMPLES)  # type: ignore[arg-type]


def test_the_prompt_digest_is_of_the_words_not_of_the_style_name() -> None:
    def digest(**fields: object) -> str:
        task = msgspec.structs.replace(CHOICE, **fields)
        return prompt_digest(task, kind_of(task))

    own = {"mine": PromptStyle("{question} {options}{ocr}", wrap={"ocr": "Text: {ocr}"})}
    other = {"mine": PromptStyle("{question} {options}{ocr}", wrap={"ocr": "OCR: {ocr}"})}
    assert digest() == digest(prompt="official")
    found = [
        digest(),
        digest(prompt="llava"),
        digest(system="Be brief."),
        digest(prompt="mine", prompts=own),
        digest(prompt="mine", prompts=other),
    ]
    assert len(set(found)) == len(found)
    assert digest(prompts=own) == digest(), "a style that is not used changes nothing"


def line(**fields: object) -> str:
    task = fields.get("task", CHOICE)
    recipe = Recipe(
        task=CHOICE, sampling=task.sampling, prompt="3fa2" * 16, parser="2", data_digest="9c1e" * 16,  # type: ignore[attr-defined]
        coverage=1.0, judge=None, errors="fail",
    )  # fmt: skip
    values = {name: fields.pop(name, getattr(recipe, name)) for name in Recipe.__dataclass_fields__}
    return Recipe(**values).line("circular", 1164)  # type: ignore[arg-type]


def test_the_line_reads_like_the_documented_one() -> None:
    head, _, version = line().rpartition("|vlmeval:")
    assert head == "exam:1|circular|prompt:3fa2|parse:2|t:0|max:64|n:1164|cov:100|data:9c1e"
    assert version


def test_everything_out_of_the_ordinary_is_in_the_line() -> None:
    options = {"mode": "likelihood", "policy": "official", "extractor": "vlmevalkit-2024", "circular": True}
    task = msgspec.structs.replace(CHOICE, options=options, sampling=Sampling(top_p=0.9, top_k=5, seed=3, stop=(".",)))
    text = line(task=task, judge="wise", errors="wrong")
    assert "|extractor:vlmevalkit-2024|mode:likelihood|policy:official|t:-|p:0.9|k:5|seed:3|max:-|stop:" in text
    assert "|judge:wise|errors:wrong|" in text
    guessed = msgspec.structs.replace(task, options={"policy": "official", "seed": 7})
    assert "|policy:official|guess:7|" in line(task=guessed)
    assert "guess" not in line(task=msgspec.structs.replace(task, options={"seed": 7})), "nothing is guessed"


def test_the_settings_are_those_that_reached_the_model() -> None:
    asked = Sampling(temperature=0.0, max_tokens=64, stop=(".",))
    assert as_sent(asked, {"model.wrapper": "hf"}) == asked
    openai = {"model.wrapper": "openai", "model.sampling.max_tokens": 9, "model.not_sent": ["temperature", "stop"]}
    assert as_sent(asked, openai) == Sampling(max_tokens=9)
    assert as_sent(asked, {"model.wrapper": "replay"}) == Sampling(), "nobody knows how recorded answers were made"


def test_coverage_never_rounds_up_to_100() -> None:
    assert "|cov:99.9|" in line(coverage=0.99999)
    assert "|cov:0|" in line(coverage=0.0)

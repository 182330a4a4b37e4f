"""Rows to samples: what the files of a benchmark call, so that each says only what is its own."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from vlmeval.data.cells import as_list, as_text, is_absent, options
from vlmeval.data.table import Row
from vlmeval.errors import DataError
from vlmeval.types import Choice, Image, Part, Sample

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
IMAGE_COLUMNS = ("image", "images", "image_path", "img_path", "decoded_image", "filename")
HINT_COLUMNS = ("hint", "context")
CAPTION_COLUMNS = (
    "captions", "sentences", "caption", "annotations_captions", "reference_strs", "caption_str", "answer",
)  # fmt: skip
CAPTION_IDS = ("image_id", "cocoid", "img_id", "id", "index", "question_id")
_HIDDEN = ("", "?", "-", "hidden", "(hidden)", "null", "None", "nan", "NaN")
_PLACEHOLDER = re.compile(r"<image[ _]?([0-9]{1,9})>")
_POSITION = re.compile(r"-?[0-9]{1,9}")
_LETTER = re.compile(r"\(?([A-Z])[).:]?")


def choice_sample(
    row: Row,
    *,
    id_columns: Sequence[str] = ("index", "id", "question_id"),
    tags: Mapping[str, Sequence[str]] | None = None,
    question: str | None = None,
    choices: tuple[str, ...] | None = None,
    indexed: bool = False,
    text_only: bool = False,
    fewest: int = 2,
) -> Sample:
    """Return a multiple-choice sample: images first, then the question; `tags` maps a tag to the columns it may be in.

    `question` and `choices` are the row's columns unless they are given. Published files may hold questions with fewer
    options than two, which their figures count: `fewest`.

    The gold is a letter, or with `indexed` a position counted from 0, or one option's text. Raises DataError for a
    missing question, too few options, a gold that is none of them, and a row without an image unless `text_only`.
    """
    choices = row_choices(row) if choices is None else choices
    if len(choices) < fewest:
        least = "two" if fewest == 2 else str(fewest)
        raise DataError(
            f"{row.where}: {len(choices)} options; a choice needs {least} at least (columns A, B, ... or options)"
        )
    images = row_images(row, text_only=text_only)
    hint = hint_of(row)
    return Sample(
        id=row_id(row, id_columns),
        parts=(*images, row.required("question") if question is None else question),
        references=gold_letter(row, choices, indexed=indexed),
        choices=choices,
        tags=row_tags(row, tags or {}),
        cluster=cluster_of(row, images),
        fields={"hint": hint} if hint else {},
    )


def placeholder_sample(
    row: Row,
    *,
    id_columns: Sequence[str] = ("id", "index"),
    tags: Mapping[str, str] | None = None,
) -> Sample:
    """Return a sample whose question and options hold images in the middle, as <image N> (MMMU).

    Images that no placeholder names are left out, as in the official program, unless there is no placeholder at all:
    then all stand in front. An open question has no choices, and its references are all golds of a list spelled as
    text.
    """
    images = numbered_images(row)
    where = row.at("question")
    question = interleave(row.required("question"), images, where)
    spelled = row_choices(row) if row.has("A", "options", "choices") else ()
    is_open = row.text("question_type") == "open" or not spelled
    choices: tuple[Choice, ...] = ()
    if not is_open:
        placed = (interleave(text, images, row.at("options", "A")) for text in spelled)
        choices = tuple(
            parts if any(isinstance(part, Image) for part in parts) else "".join(map(str, parts)) for parts in placed
        )
    named = any(
        isinstance(part, Image) for parts in (question, *choices) if not isinstance(parts, str) for part in parts
    )
    if not named:
        question = (*images.values(), *question)
    kind = "open" if is_open else "multiple-choice"
    return Sample(
        id=row_id(row, id_columns),
        parts=question,
        references=literal_answers(row) if is_open else gold_letter(row, choices),
        choices=choices,
        tags={**(tags or {}), "question_type": kind},
    )


def short_sample(
    row: Row,
    *,
    id_columns: Sequence[str] = ("question_id", "index", "id"),
    tags: Mapping[str, Sequence[str]] | None = None,
    fields: Mapping[str, str] | None = None,
    references: tuple[str, ...] | None = None,
) -> Sample:
    """Return a sample with a short free answer; references are all answers people gave, in order, unless given."""
    images = row_images(row)
    return Sample(
        id=row_id(row, id_columns),
        parts=(*images, row.required("question", "query")),
        references=row_answers(row) if references is None else references,
        tags=row_tags(row, tags or {}),
        cluster=cluster_of(row, images),
        fields=dict(fields or {}),
    )


def caption_sample(row: Row) -> Sample:
    """Return a sample to be described; references are the captions. Raises DataError for an image without one."""
    image_id = row_id(row, CAPTION_IDS)
    captions = row_captions(row)
    if not captions and not row.hidden:
        if not row.has(*CAPTION_COLUMNS):
            raise row.missing(*CAPTION_COLUMNS[:3], "answer")
        raise DataError(
            f"{row.where}: image {image_id} has no caption to compare with; add its captions, or take the image out"
        )
    return Sample(id=image_id, parts=row_images(row), references=captions)


def with_tags(sample: Sample, tags: Mapping[str, str]) -> Sample:
    """Return the sample with more tags."""
    return msgspec.structs.replace(sample, tags={**sample.tags, **tags})


def with_fields(sample: Sample, fields: Mapping[str, str]) -> Sample:
    """Return the sample with more fields."""
    return msgspec.structs.replace(sample, fields={**sample.fields, **fields})


def with_references(sample: Sample, references: Sequence[str]) -> Sample:
    """Return the sample with these references instead of its own."""
    return msgspec.structs.replace(sample, references=tuple(references))


def retrieval_samples(row: Row) -> Iterator[Sample]:
    """Yield an image's two sides: the image that looks for its captions, then each caption that looks for the image."""
    image_id = row_id(row, ("image_id", "cocoid", "img_id", "id", "index"))
    captions = row_captions(row)
    if not captions:
        raise row.missing("captions", "sentences", "caption")
    ids = [str(item) for item in row.items("caption_ids", "sentids")]
    if len(ids) != len(captions):
        ids = [f"{image_id}-{place}" for place in range(len(captions))]
    yield Sample(
        id=f"i2t:{image_id}",
        parts=row_images(row),
        references=tuple(ids),
        tags={"direction": "image-to-text"},
        cluster=image_id,
    )
    for key, caption in zip(ids, captions, strict=True):
        tags = {"direction": "text-to-image"}
        yield Sample(id=f"t2i:{key}", parts=(caption,), references=(image_id,), tags=tags, cluster=image_id)


def retrieval_count(row: Row) -> int:
    """Return how many samples `retrieval_samples` yields, without reading the image."""
    return 1 + len(row_captions(row))


def row_id(row: Row, columns: Sequence[str]) -> str:
    """Return the row's identity: the first of these columns that is filled, else its number in the file."""
    if not row.has(*columns):
        return str(row.number)
    return row.required(*columns)


def cluster_of(row: Row, images: Sequence[Image]) -> str:
    """Return what is resampled together: the questions about one image, known by its id, else by its digest.

    Where the image itself is not at hand, its file's name stands for it.
    """
    known = row.text("image_id", "imageid") or "+".join(image.sha256 for image in images)
    return known or (as_text(row.value("image_path"), row.at("image_path")) or "" if row.imageless else "")


def row_images(row: Row, *, text_only: bool = False) -> tuple[Image, ...]:
    """Return the row's images. Raises DataError where there is none, unless a row may be `text_only`."""
    images = row.images(*IMAGE_COLUMNS)
    if not images and not (text_only or row.imageless):
        raise row.missing(*IMAGE_COLUMNS[:3])
    return images


def row_tags(row: Row, tags: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Return the tags that the row has a text for, on one line: a line break in a cell makes no second value."""
    found = ((name, row.text(*columns)) for name, columns in tags.items())
    return {name: " ".join(text.split("\n")) for name, text in found if text is not None}


def row_choices(row: Row) -> tuple[str, ...]:
    """Return the options: columns A, B, C, ...; or choice_a, ...; or a list in `options` or `choices`."""
    for pattern in ("{}", "choice_{}", "option_{}"):
        names = [pattern.format(letter if pattern == "{}" else letter.lower()) for letter in LETTERS]
        present = [name for name in names if row.has(name)]
        if present:
            if present != names[: len(present)]:
                raise DataError(f"{row.table.path}: option columns {', '.join(present)}: one between them is missing")
            return options([row.cell(name) for name in present], row.where)
    if not row.has("options", "choices"):
        raise row.missing("A", "options", "choices")
    where = row.at("options", "choices")
    return tuple(as_text(item, where) or str(item) for item in row.items("options", "choices"))


def hint_of(row: Row) -> str | None:
    """Return the hint. A written "None" is no hint."""
    hint = row.text(*HINT_COLUMNS)
    return None if hint is None or hint.strip() in ("None", "none", "") else hint


def gold_letter(row: Row, choices: Sequence[Choice], *, indexed: bool = False) -> tuple[str, ...]:
    """Return the gold as one letter in the order of `choices`, () where it is hidden. Raises DataError for others."""
    if len(choices) > len(LETTERS):
        raise DataError(f"{row.where}: {len(choices)} options; there are letters for {len(LETTERS)} at most")
    value = row.value("answer")
    text = "" if value is None else str(value).strip()
    if text in _HIDDEN and text not in choices:
        if row.hidden:
            return ()
        raise row.missing("answer")
    place = _gold_place(text, choices, indexed=indexed)
    if place is None or not 0 <= place < len(choices):
        last = LETTERS[len(choices) - 1]
        raise DataError(
            f'{row.at("answer")}: the gold "{text[:80]}" is none of the options A-{last}'
            f"{f' and no position 0-{len(choices) - 1}' if indexed else ''}; mend the cell"
        )
    return (LETTERS[place],)


def _gold_place(text: str, choices: Sequence[Choice], *, indexed: bool) -> int | None:
    if indexed and _POSITION.fullmatch(text):
        return int(text)
    if found := _LETTER.fullmatch(text):
        return LETTERS.index(found[1])
    same = [place for place, choice in enumerate(choices) if isinstance(choice, str) and choice.strip() == text]
    if len(same) == 1:
        return same[0]
    return LETTERS.find(text.upper()) if len(text) == 1 and text.isalpha() else None


def row_answers(row: Row) -> tuple[str, ...]:
    """Return the answers: a list of texts or of objects with `answer`, or one text; () where they are hidden.

    What people wrote in a list stays as it is, "nan" (the bread) too: one answer less changes the score.
    """
    where = row.at("answers", "answer")
    found = []
    for item in row.items("answers", "answer"):
        given = item.get("answer") if isinstance(item, dict) else item
        text = given if isinstance(given, str) else as_text(given, where)
        if text is not None:
            found.append(text)
    if not any(text.strip() for text in found):
        if not row.hidden:
            raise row.missing("answers", "answer")
        return ()
    return tuple(found)


def plain_answer(row: Row, *columns: str) -> tuple[str, ...]:
    """Return the one answer that a cell spells, brackets and all, or a list's texts; () where it is hidden."""
    value = row.value(*columns)
    if isinstance(value, (list, tuple)):
        return tuple(text for item in value if (text := as_text(item, row.at(*columns))) is not None)
    text = row.text(*columns)
    if text is None and not row.hidden:
        raise row.missing(*columns)
    return () if text is None else (text,)


def row_captions(row: Row) -> tuple[str, ...]:
    """Return the captions; a blank one is none."""
    where = row.at(*CAPTION_COLUMNS)
    items = [item.get("raw") if isinstance(item, dict) else item for item in row.items(*CAPTION_COLUMNS)]
    return tuple(text for item in items if (text := as_text(item, where)) is not None)


def interleave(text: str, images: Mapping[int, Image], where: str) -> tuple[Part, ...]:
    """Return `text` with each <image N> replaced by image N, in order; an image named twice stands twice.

    Raises DataError for a placeholder whose image is not there.
    """
    parts: list[Part] = []
    end = 0
    for found in _PLACEHOLDER.finditer(text):
        number = int(found[1])
        if number not in images:
            raise DataError(f"{where}: the text names {found[0]}, but the row has no image {number}")
        parts += [text[end : found.start()], images[number]]
        end = found.end()
    parts.append(text[end:])
    return tuple(part for part in parts if part != "")


def numbered_images(row: Row, count: int = 20) -> dict[int, Image]:
    """Return the images of columns image_1, image_2, ..., or those of `image`, by number from 1."""
    if row.has("image_1"):
        found = {number: row.images(f"image_{number}") for number in range(1, count + 1) if row.has(f"image_{number}")}
        return {number: images[0] for number, images in found.items() if images}
    return dict(enumerate(row.images(*IMAGE_COLUMNS), start=1))


def literal_answers(row: Row) -> tuple[str, ...]:
    """Return an open question's gold: one text, or all of a list spelled as a Python literal; () where it is hidden."""
    text = row.text("answer")
    if text is None or text.strip() in _HIDDEN:
        if row.hidden:
            return ()
        raise row.missing("answer")
    items = as_list(text, row.at("answer"))
    return tuple(found for item in items if not is_absent(item) and (found := as_text(item, row.where)))

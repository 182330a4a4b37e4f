"""The content of a study from a file of answers (prompt, image, model, answer), and its gold items (good, bad).

CSV, TSV, JSON Lines or JSON. `id` or `prompt_id` joins the rows of one prompt; without one, equal prompt and image do.
An image is a path beside the file, a data URL or base64; "" for none.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from vlmeval.data.images import ImageFolders
from vlmeval.data.tables import text_image
from vlmeval.errors import DataError
from vlmeval.registry import did_you_mean
from vlmeval.sbs.content import AnswerState, Content, Entry, GoldEntry, tallied
from vlmeval.sbs.pictures import PictureFolder
from vlmeval.sbs.records import Shown
from vlmeval.sbs.sampling import chosen
from vlmeval.sbs.sheet import read_sheet

NEEDED = ("prompt", "model", "answer")
GOLD = ("prompt", "good", "bad")
IDS = ("id", "prompt_id", "question_id", "sample_id")
BLANK_IMAGE = ("", "nan", "none", "null")


class _Row(NamedTuple):
    """A row by column; `number` counts from 1 below the header."""

    number: int
    cells: dict[str, str]

    def get(self, name: str) -> str:
        return self.cells.get(name, "")


class _Prompt(NamedTuple):
    """The rows of one prompt: where it was first named, and the row of each model."""

    first: _Row
    answers: dict[str, _Row]


def read_answers(
    path: Path, *, n: int | None, seed: int, images: PictureFolder, image_root: Path | None = None
) -> Content:
    """Return the content of a file of answers. Raises DataError that names file, row and column."""
    prompts = _prompts(path, _rows(path, NEEDED))
    models = tuple(dict.fromkeys(model for prompt in prompts.values() for model in prompt.answers))
    if len(models) < 2:
        raise DataError(f'{path}: column "model" names {", ".join(models) or "nobody"}; a study compares two or more')
    kept = [
        (name, prompt)
        for name, prompt in prompts.items()
        if sum(bool(row.get("answer").strip()) for row in prompt.answers.values()) >= 2
    ]
    if not kept:
        raise DataError(
            f"{path}: no prompt was answered by two models; rows of one prompt share prompt and image, or id"
        )
    folders = ImageFolders.beside(path).under(image_root)
    entries = tuple(
        _entry(name, prompt, models, _parts(path, prompt.first, folders, images))
        for name, prompt in chosen(kept, n, seed)
    )
    counted = tallied(models, (_states(prompt, models) for prompt in prompts.values()))
    return Content(models, entries, counted=counted)


def read_gold(path: Path, *, images: PictureFolder, image_root: Path | None = None) -> tuple[GoldEntry, ...]:
    """Return the gold items of a file. Raises DataError as `read_answers`, and for two answers that are equal."""
    folders = ImageFolders.beside(path).under(image_root)
    found = []
    for row in _rows(path, GOLD):
        good, bad = row.get("good"), row.get("bad")
        if not good.strip() or not bad.strip() or good == bad:
            raise DataError(f"{path}, row {row.number}: good and bad must be two different answers")
        found.append(GoldEntry(str(row.number), _parts(path, row, folders, images), good, bad))
    return tuple(found)


def _rows(path: Path, needed: tuple[str, ...]) -> list[_Row]:
    """Return the rows of a file with these columns and those that are optional."""
    sheet = read_sheet(path)
    missing = [name for name in needed if name not in sheet.columns]
    if missing:
        raise DataError(
            f'{path}: no column "{missing[0]}"{did_you_mean(missing[0], sheet.columns)}; '
            f"expected {', '.join(needed)} and image"
        )
    columns = {}
    for name in (*needed, "image", "category", *IDS):
        if name in sheet.columns:
            column = sheet.texts(name)
            columns[name] = [column.names[code] for code in column.codes.tolist()]
    return [_Row(number + 1, {name: cells[number] for name, cells in columns.items()}) for number in range(len(sheet))]


def _prompts(path: Path, rows: list[_Row]) -> dict[str, _Prompt]:
    """Return the prompts by name, in order. Raises DataError for rows that contradict one another."""
    found: dict[str, _Prompt] = {}
    names: dict[tuple[str, str], str] = {}
    for row in rows:
        model, asked = row.get("model").strip(), (row.get("prompt"), row.get("image"))
        if not model or not asked[0].strip():
            raise DataError(f'{path}, row {row.number}: "{"prompt" if model else "model"}" is empty')
        own = next((row.get(column).strip() for column in IDS if row.get(column).strip()), "")
        name = own or names.setdefault(asked, f"p{len(names) + 1}")
        prompt = found.setdefault(name, _Prompt(row, {}))
        for column, value in zip(("prompt", "image"), asked, strict=True):
            if prompt.first.get(column) != value:
                raise DataError(
                    f'{path}, row {row.number}: {column} of "{name}" is not that of row {prompt.first.number}: the '
                    "models were asked differently; give different prompts different ids"
                )
        if model in prompt.answers:
            raise DataError(
                f'{path}, row {row.number}: {model} has answered "{name}" already, in row '
                f"{prompt.answers[model].number}; keep one of the two"
            )
        prompt.answers[model] = row
    return found


def _entry(name: str, prompt: _Prompt, models: tuple[str, ...], parts: tuple[Shown, ...]) -> Entry:
    texts = {model: row.get("answer") for model, row in prompt.answers.items() if row.get("answer").strip()}
    return Entry(name, parts, texts, _states(prompt, models), prompt.first.get("category"))


def _states(prompt: _Prompt, models: tuple[str, ...]) -> dict[str, AnswerState]:
    """Return the state of each model's answer: an empty cell is none, a model without a row is missing."""
    found: dict[str, AnswerState] = {}
    for model in models:
        row = prompt.answers.get(model)
        found[model] = "missing" if row is None else ("answered" if row.get("answer").strip() else "empty")
    return found


def _parts(path: Path, row: _Row, folders: ImageFolders, images: PictureFolder) -> tuple[Shown, ...]:
    """Return image and text of a prompt, the image stored."""
    cell = row.get("image").strip()
    text = Shown(text=row.get("prompt"))
    if cell.lower() in BLANK_IMAGE:
        return (text,)
    where = f'{path}, row {row.number}, column "image"'
    if "://" in cell[:16]:
        raise DataError(f"{where}: {cell[:80]}: an address; fetch the image first and name the file")
    return (images.add(_image_bytes(cell, folders, where), where), text)


def _image_bytes(cell: str, folders: ImageFolders, where: str) -> bytes:
    return text_image(cell, folders, where).read()

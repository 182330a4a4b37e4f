"""What a user's own data file is: the kind of its questions, how they are scored, and what in the file says so."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice

from vlmeval.data.build import HINT_COLUMNS, IMAGE_COLUMNS, LETTERS
from vlmeval.data.cells import as_list, is_absent
from vlmeval.data.circular import PASS, is_number
from vlmeval.data.polar import GOLDS, folded_gold
from vlmeval.data.table import Table, plain_name
from vlmeval.errors import DataError

GROUNDING, CHOICE, CAPTION, YESNO, SHORT = "grounding", "choice", "caption", "yesno", "short"
IDS = ("index", "id", "question_id", "g_index")
CAPTIONS = ("captions", "sentences", "caption")
EXPRESSIONS = ("sent", "expression", "sentence")
CATEGORIES = {"category": ("category", "subject"), "l2-category": ("l2_category",)}
PEOPLE = 10
"""As many answers as VQA v2 has: then a reply is scored by how many people gave it."""

_LOOKED_AT = 1000
_ANSWERS = ("answers", "answer")
_METRICS = {
    GROUNDING: ("iou_50", "mean_iou"),
    CHOICE: ("accuracy",),
    CAPTION: ("cider", "bleu_4", "rouge_l"),
    YESNO: ("yesno_accuracy", "f1", "precision", "recall", "yes_ratio"),
    SHORT: ("exact_match",),
}
_CIRCULAR = ("circular", "vanilla", "vanilla_all")
_SPOKEN_FOR = frozenset(
    plain_name(name)
    for name in (
        *IDS, *CAPTIONS, *EXPRESSIONS, *_ANSWERS, *IMAGE_COLUMNS, *HINT_COLUMNS, "question", "query", "options",
        "choices", "bbox", "width", "height", "image_id", "imageid", "caption_ids", "category", "subject",
        "l2_category", *LETTERS, *(f"{stem}_{letter.lower()}" for stem in ("choice", "option") for letter in LETTERS),
    )
)  # fmt: skip


@dataclass(frozen=True)
class Inference:
    """What was inferred. `reasons` are lines for a reader, `more_tags` the columns that name no part of a question."""

    kind: str
    metrics: tuple[str, ...]
    circular: bool
    hidden: bool
    slices: tuple[str, ...]
    more_tags: tuple[str, ...]
    reasons: tuple[str, ...]


def infer(table: Table) -> Inference:
    """Return what the table is. Raises DataError where its columns say nothing; reads no image."""
    kind, why = _kind(table)
    circular = kind == CHOICE and _holds_passes(table)
    hidden = not _answered(table, kind)
    metrics = _CIRCULAR if circular else _METRICS[kind]
    reasons = [f"kind     {kind}: {why}"]
    if kind == CHOICE:
        rows = "holds the passes of CircularEval as rows (g_index, or index + k * 10^6)"
        reasons.append(
            f"asked    {f'the file {rows}' if circular else 'once each: no rows are passes of one question'}"
        )
    elif kind == SHORT and not hidden and _ten_each(table):
        metrics = ("vqa_v2", *metrics)
        reasons.append(f"answers  {PEOPLE} each: scored by how many people gave a reply, as VQA v2 is")
    slices = () if kind in (CAPTION, GROUNDING) else _slices(table)
    more = () if kind in (CAPTION, GROUNDING) else _more_tags(table)
    reasons += [
        "gold     none: a run is asked, not scored" if hidden else f"scored   by {metrics[0]} (primary)",
        f"images   {_images(table)}",
    ]
    if slices:
        reasons.append(f"slices   {', '.join(slices)}")
    if more:
        reasons.append(f"tags     {', '.join(more)}: --slice scores by them")
    return Inference(kind, metrics, circular, hidden, slices, more, tuple(reasons))


def _kind(table: Table) -> tuple[str, str]:
    def present(*names: str) -> list[str]:
        return [found for name in names if (found := table.column(name))]

    for stem in ("{}", "choice_{}", "option_{}"):
        letters = present(*(stem.format(letter if stem == "{}" else letter.lower()) for letter in LETTERS))
        if letters and letters[0] == table.column(stem.format("A" if stem == "{}" else "a")):
            return CHOICE, f"columns {', '.join(letters)} are the options"
    if lists := present("options", "choices"):
        return CHOICE, f'column "{lists[0]}" lists the options'
    if table.column("bbox") and (named := present(*EXPRESSIONS)):
        return GROUNDING, f'column "bbox" is the gold, "{named[0]}" the expression'
    question = table.column("question") or table.column("query")
    if (captions := present(*CAPTIONS)) and not (question and captions[0] == table.column("caption")):
        return CAPTION, f'column "{captions[0]}" describes images'
    if question and _all_polar(table):
        return YESNO, f'no options, and every "{table.column("answer")}" is yes or no'
    if question:
        return SHORT, f'a "{question}" column without options'
    raise DataError(
        f"{table.path}: columns {', '.join(table.columns[:40])}: expected question and answer, with A, B, ... "
        "for options, or image and captions"
    )


def _all_polar(table: Table) -> bool:
    """Tell whether the golds are words for yes and no; numbers alone (1, 0) may be counts, so a word must be there."""
    if table.column("answer") is None:
        return False
    found = set()
    for (value,) in table.scan(["answer"]):
        if is_absent(value):
            continue
        found.add(folded_gold(str(value)))
        if not found <= GOLDS.keys():
            return False
    return bool(found & {"yes", "no"})


def _ten_each(table: Table) -> bool:
    name = next((name for name in _ANSWERS if table.column(name)), None)
    if name is None:
        return False
    rows = enumerate(islice(table.scan([name]), _LOOKED_AT))
    return all(len(as_list(value, f'{table.where(number)}, column "{name}"')) == PEOPLE for number, (value,) in rows)


def _answered(table: Table, kind: str) -> bool:
    """Tell whether any row has a gold; a column that is empty throughout is that of a test split."""
    names = {GROUNDING: ("bbox",), CAPTION: CAPTIONS}.get(kind, _ANSWERS)
    return any(not all(map(is_absent, cells)) for cells in table.scan(names))


def _holds_passes(table: Table) -> bool:
    """Tell whether rows are passes of one question: by g_index, or by index + k * 10^6 with every base row there."""
    if table.column("g_index"):
        return True
    keys = {str(value).strip() for (value,) in table.scan(["index"]) if value is not None}
    later = [key for key in keys if is_number(key) and int(key) >= PASS]
    return bool(later) and all(str(int(key) % PASS) in keys for key in later)


def _images(table: Table) -> str:
    found = [column for name in IMAGE_COLUMNS if (column := table.column(name))]
    if not found:
        return f"no column; a model that is asked needs one of {', '.join(IMAGE_COLUMNS[:3])}"
    return f'column "{found[0]}"'


def _slices(table: Table) -> tuple[str, ...]:
    return tuple(tag for tag, names in CATEGORIES.items() if any(table.column(name) for name in names))


def _more_tags(table: Table) -> tuple[str, ...]:
    return tuple(column for column in table.columns if column and plain_name(column) not in _SPOKEN_FOR)

"""What is to be said of a corpus metric on a corpus of one."""

from __future__ import annotations

from vlmeval.score.sheet import Sheet


def lone_image(sheet: Sheet) -> list[str]:
    """Return the remark that CIDEr of one image says nothing, none where there are more or no CIDEr."""
    judged = sum(bool(case.sample.references) for case in sheet.cases)
    names = [name for name, column in sheet.columns.items() if column.measure.info.signature.startswith("cider:")]
    if judged != 1 or not names:
        return []
    return [
        f"{names[0]} is 0 by definition: there is one image, so each n-gram is in all images and weighs nothing; ask "
        "about more"
    ]

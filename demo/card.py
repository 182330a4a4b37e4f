"""Writes `demo/models/README.md` from the records beside the checkpoints: `python demo/card.py`.

No figure of the card is typed by hand; the tests compare the card with what this module makes of the records.
"""

import json
import sys
from pathlib import Path
from typing import Any, Final

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

MODELS: Final = Path(__file__).resolve().parent / "models"
CARD: Final = MODELS / "README.md"
_NAMES: Final = ("demo", "demo-small")

_HEAD: Final = """\
# The demonstration's models

Tiny models, trained from scratch on made-up scenes by `demo/train.py`, so that a whole evaluation can run in seconds
on any processor. They are stock transformers classes without custom code and know nothing but these scenes.

* `demo/vlm`, `demo-small/vlm`: LLaVA (CLIP vision tower, Llama). `AutoProcessor` and `AutoModelForImageTextToText` load
  them. The processor pads on the left; decoding is greedy. Multiple-choice questions are answered with the option's
  text, or with its letter where the options are images.
* `demo/clip`, `demo-small/clip`: CLIP, for retrieval. `AutoProcessor` and `AutoModel` load them.

`demo-small` is narrower, shallower and trained far more briefly: a weaker model to compare with.

Scenes are split by a hash of their layout: 1/16 is the suite's, 1/16 is for the held-out figures below, and training
draws from the rest only. Each `training.json` also counts the suite's layouts that training drew.

All figures here are written by `demo/card.py` from the `training.json` and `scores.json` files.
"""


def card() -> str:
    """Return the text of the card."""
    records = {
        f"{name}/{kind}": _read(MODELS / name / kind / "training.json") for name in _NAMES for kind in ("vlm", "clip")
    }
    scores = {name: _read(MODELS / name / "scores.json") for name in _NAMES}
    parts = [_HEAD, _training_section(records)]
    parts += [
        _table(
            f"## Held-out accuracy: {title}",
            {name: records[f"{name}/{kind}"]["heldout_validation"] for name in _NAMES},
            scale=100,
        )
        for kind, title in (("vlm", "exact answers per skill and prompt"), ("clip", "retrieval among 500 pictures"))
    ]
    parts.append(_table("## The suite, plainly scored by `demo/evaluate.py`", scores, scale=1))
    return "\n".join(parts)


def _training_section(records: dict[str, dict[str, Any]]) -> str:
    lines = [
        "## Training",
        "",
        "| checkpoint | command | seed | parameters | steps x batch | CPU minutes (tower + model) | training layouts "
        "| suite layouts seen |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for path, record in records.items():
        recipe, kind = record["recipe"], path.rpartition("/")[2]
        minutes = record["cpu_minutes"]
        cells = (
            f"`{path}`",
            f"`{record['command']}`",
            recipe["seed"],
            f"{record['parameters']:,}",
            f"{recipe[f'{kind}_steps']} x {recipe[f'{kind}_batch']}",
            f"{minutes['tower']} + {minutes[kind]}",
            f"{record['training_layouts']:,}",
            f"{record['suite_layouts_seen_in_training']} of {record['suite_layouts']}",
        )
        lines.append("| " + " | ".join(str(cell) for cell in cells) + " |")
    versions = ", ".join(f"{name} {version}" for name, version in records["demo/vlm"]["versions"].items())
    return "\n".join([*lines, "", f"One thread, {versions}.", ""])


def _table(title: str, columns: dict[str, dict[str, float]], *, scale: int) -> str:
    lines = [title, "", "| | " + " | ".join(columns) + " |", "| --- |" + " ---: |" * len(columns)]
    for row in columns[_NAMES[0]]:
        cells = (f"{scale * column[row]:.1f}" for column in columns.values())
        lines.append(f"| {row} | " + " | ".join(cells) + " |")
    return "\n".join([*lines, ""])


def _read(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content


if __name__ == "__main__":
    CARD.write_text(card(), encoding="utf-8")

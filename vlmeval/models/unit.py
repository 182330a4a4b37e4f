"""What all encoders share: text as it is written before it is cut into tokens, and vectors of length 1."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from vlmeval.errors import ConfigError, ModelError
from vlmeval.types import Image, Part

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

PLACE = "{text}"


def check_template(template: str, *, where: str) -> None:
    """Raise ConfigError for a template without exactly one {text}."""
    if template.count(PLACE) != 1:
        raise ConfigError(f'{where}: template "{template}": expected one {PLACE}, the place of the text')


def written(text: str, *, template: str, lowercase: bool) -> str:
    """Return the text as the encoder is given it: in its template, then in lower case where that is asked for."""
    whole = template.replace(PLACE, text)
    return whole.lower() if lowercase else whole


def label(item: Part) -> str:
    """Return how messages name what is embedded."""
    return f"image {item.sha256[:12]}" if isinstance(item, Image) else f"the text {item[:60]!r}"


def unit_rows(features: Sequence[Any], items: Sequence[Part], *, name: str) -> NDArray[np.float32]:
    """Return vectors as float32 rows of length 1, shape (n, d); (0, 0) for none.

    Raises ModelError for one that is not finite or zero, and for vectors of different lengths.
    """
    import numpy as np

    if not items:
        return np.zeros((0, 0), dtype=np.float32)
    rows = [np.asarray(row, dtype=np.float32).reshape(-1) for row in features]
    sizes = sorted({len(row) for row in rows})
    if len(rows) != len(items) or len(sizes) != 1:
        raise ModelError(f"{name}: {len(rows)} vectors of {sizes} numbers for {len(items)} items")
    found = np.stack(rows)
    norms = np.linalg.norm(found.astype(np.float64), axis=1, keepdims=True)
    wrong = np.flatnonzero(~(np.isfinite(norms[:, 0]) & (norms[:, 0] > 0)))
    if len(wrong):
        raise ModelError(f"{name}: the vector of {label(items[int(wrong[0])])} is zero or not finite")
    return np.asarray(found / norms, dtype=np.float32)

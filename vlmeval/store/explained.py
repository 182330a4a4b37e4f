"""Heat maps of what a model looked at, beside the journal of a run: derived, never scored.

    <run>/explain/<name>.json   HeatMap      <name>.png   the picture under the map      <name>.html   both, to look at

The name is made of the sample's id and request by `safe_name`, so that no id leaves the folder.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import msgspec
from msgspec import Struct

from vlmeval.errors import JournalError
from vlmeval.store.layout import RunFolder, safe_name

FOLDER = "explain"


class HeatMap(Struct, frozen=True, kw_only=True):
    """One heat map over one image of one request.

    `weights` (rows, columns) are >= 0 and sum to 1 over the part of the image that the model saw; `region` is that part
    as (left, top, right, bottom) in pixels of the image. `share` is how much of the whole went to this image: of what
    `of` names. `reply` is what the model said, `word` the token the map explains.
    """

    sample_id: str
    variant: str
    image: str
    place: int
    method: str
    of: str
    share: float
    weights: tuple[tuple[float, ...], ...]
    region: tuple[float, float, float, float]
    model: str
    reply: str
    word: str


def map_name(sample_id: str, variant: str, place: int) -> str:
    """Return the name of a map's files without their endings; two requests never share one."""
    digest = hashlib.sha256("\0".join((sample_id, variant, str(place))).encode()).hexdigest()
    return f"{safe_name(sample_id[:40])}-{digest[:12]}"


def read_maps(folder: RunFolder) -> Iterator[HeatMap]:
    """Yield the heat maps of a run by file name. Raises JournalError for one that is damaged."""
    decoder = msgspec.json.Decoder(HeatMap)
    for path in sorted((folder.path / FOLDER).glob("*.json")):
        try:
            yield decoder.decode(path.read_bytes())
        except msgspec.MsgspecError as error:
            raise JournalError(f"{path}: is no heat map: {error}; delete it, or run vlmeval explain again") from error

"""Model cards: what is known of a model besides its scores (cards.toml, and files of one's own).

A card says parameters, licence, whether the weights are open, vision encoder, language model and day of release.
`verified` names the facts that were read at their source; the others were not, and are shown so.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct

from vlmeval.errors import ConfigError
from vlmeval.jsonio import read_toml
from vlmeval.models.aliases import find_alias

CARDS_FILE = Path(__file__).with_name("cards.toml")
FACTS = ("parameters", "licence", "access", "vision", "language", "released")
"""The facts of a card that can be verified or not."""
_DAY = re.compile(r"[0-9]{4}(-[0-9]{2}(-[0-9]{2})?)?")


class Card(Struct, frozen=True, forbid_unknown_fields=True):
    """One model. `parameters` are in billions, all of them; `active` those that work on one token, where fewer.

    `released` is "2023-10-05", "2023-10" or "2023". `also` are other names it goes by.
    """

    name: str = ""
    also: tuple[str, ...] = ()
    family: str = ""
    parameters: float | None = None
    active: float | None = None
    licence: str = ""
    access: Literal["open", "api"] = "open"
    vision: str = ""
    language: str = ""
    released: str = ""
    url: str = ""
    verified: tuple[str, ...] = ()

    @property
    def unverified(self) -> tuple[str, ...]:
        """The facts that are given and were not read at their source."""
        return tuple(name for name in FACTS if getattr(self, name) not in (None, "") and name not in self.verified)


class _File(Struct, frozen=True, forbid_unknown_fields=True):
    models: dict[str, Card]


class Cards:
    """Cards by any spelling of a model's name; later files go before earlier ones."""

    def __init__(self, files: Sequence[Path] = ()) -> None:
        self._found: dict[str, Card] = {}
        for path in (CARDS_FILE, *files):
            for name, given in read_toml(path, _File).models.items():
                card = msgspec.structs.replace(given, name=name)
                _check(card, path)
                alias = find_alias(name)
                if alias is not None and not card.licence:
                    card = msgspec.structs.replace(card, licence=alias.licence)
                more = (alias.name, alias.target.partition(":")[2], *alias.also) if alias else ()
                for spelling in (name, *card.also, *more):
                    self._found[plain(spelling)] = card

    def find(self, names: Iterable[str]) -> Card | None:
        """Return the card of the first of `names` that has one, as it is or without ORG/ before it; None without."""
        for name in names:
            for spelling in (name, name.rpartition("/")[2], name.partition(":")[2]):
                card = self._found.get(plain(spelling)) if spelling else None
                if card is not None:
                    return card
        return None


def plain(name: str) -> str:
    """Return a name as names are compared: its letters and digits, in lower case."""
    return "".join(filter(str.isalnum, name)).lower()


def _check(card: Card, path: Path) -> None:
    """Raise ConfigError for what a card cannot mean."""
    for key in ("parameters", "active"):
        value = getattr(card, key)
        if value is not None and not value > 0:
            raise ConfigError(f'{path}: models."{card.name}": {key} {value:g}: expected billions, above 0')
    if card.released and not _DAY.fullmatch(card.released):
        raise ConfigError(
            f'{path}: models."{card.name}": released "{card.released}": expected YYYY-MM-DD, YYYY-MM or YYYY'
        )
    if odd := sorted(set(card.verified) - set(FACTS)):
        raise ConfigError(f'{path}: models."{card.name}": verified: {", ".join(odd)}; facts are {", ".join(FACTS)}')

"""Short names for models, each with the settings that its published numbers were made with (aliases.toml)."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from msgspec import Struct

from vlmeval.errors import ConfigError
from vlmeval.jsonio import read_toml

ALIASES_FILE = Path(__file__).with_name("aliases.toml")


class Alias(Struct, frozen=True, forbid_unknown_fields=True):
    """What a short name stands for.

    `options` are passed to the wrapper, below what the user gives. `published` says with which settings the published
    numbers were made, for people to compare; it sets nothing. `remote_code`: its code lives on the hub, and runs only
    where the user says trust_remote_code=true.
    """

    target: str
    name: str = ""
    also: tuple[str, ...] = ()
    options: dict[str, str | int | float | bool] = {}
    published: str = ""
    remote_code: bool = False
    gated: bool = False
    licence: str = ""
    notes: tuple[str, ...] = ()


class _File(Struct, frozen=True, forbid_unknown_fields=True):
    models: dict[str, Alias]


@cache
def _aliases() -> dict[str, Alias]:
    """Return the aliases by lower-case name, other spellings included. Raises ConfigError for a name used twice."""
    found: dict[str, Alias] = {}
    for name, entry in read_toml(ALIASES_FILE, _File).models.items():
        alias = Alias(
            entry.target,
            name,
            entry.also,
            entry.options,
            entry.published,
            entry.remote_code,
            entry.gated,
            entry.licence,
            entry.notes,
        )
        for spelling in (name, *entry.also):
            if spelling.lower() in found:
                raise ConfigError(f'{ALIASES_FILE}: "{spelling}" stands for {found[spelling.lower()].name} already')
            found[spelling.lower()] = alias
    return found


def list_aliases() -> list[Alias]:
    """Return every alias once, in the order of the file."""
    return list({alias.name: alias for alias in _aliases().values()}.values())


def find_alias(name: str) -> Alias | None:
    """Return the alias of that name or other spelling, in any case; None where there is none."""
    return _aliases().get(name.lower())


def spellings() -> list[str]:
    """Return every name that `find_alias` knows."""
    return [spelling for alias in list_aliases() for spelling in (alias.name, *alias.also)]

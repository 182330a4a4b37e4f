"""The small files of a checkpoint, a folder or an id on the hub, without loading anything of it."""

from __future__ import annotations

import functools
import re
from pathlib import Path
from typing import Any

import msgspec

from vlmeval.errors import ConfigError
from vlmeval.models.checkpoint import folder_files

_COMMIT = re.compile(r"/snapshots/([0-9a-f]{40})/")


class HubFiles:
    """JSON files and identity of one checkpoint."""

    def __init__(self, source: str, *, revision: str | None = None) -> None:
        self.source = str(Path(source).expanduser()) if source.startswith("~") else source
        self.revision = revision
        self.folder = Path(self.source) if Path(self.source).is_dir() else None
        if self.folder is None and (self.source.startswith((".", "/")) or self.source.count("/") > 1):
            raise ConfigError(f"{source}: there is no such folder")

    @property
    def name(self) -> str:
        """The name of its runs' folder: the folder's own name, or ORG__NAME."""
        return self.folder.resolve().name if self.folder else self.source.replace("/", "__")

    @functools.cached_property
    def identity(self) -> dict[str, Any]:
        """What the files are: the hub's commit, or digests of a folder's files; no path, so that a folder may move."""
        if self.folder is not None:
            return {"id": self.folder.resolve().name, "files": folder_files(self.folder)}
        commit = _COMMIT.search(self._path("config.json").as_posix())
        return {"id": self.source, "revision": commit[1] if commit else self.revision or "main"}

    def read_json(self, name: str, *, optional: bool = False) -> dict[str, Any]:
        """Return a JSON file, {} for an `optional` one that is not there. Raises ConfigError where it cannot be had."""
        missing: tuple[type[Exception], ...] = (FileNotFoundError,)
        if self.folder is None:
            from huggingface_hub.errors import EntryNotFoundError

            missing = (FileNotFoundError, EntryNotFoundError)
        try:
            found: dict[str, Any] = msgspec.json.decode(self._path(name).read_bytes(), type=dict)
        except missing as error:
            if optional:
                return {}
            raise self._explained(name, error) from error
        except (OSError, ValueError) as error:
            raise self._explained(name, error) from error
        return found

    def _path(self, name: str) -> Path:
        if self.folder is not None:
            return self.folder / name
        from huggingface_hub import hf_hub_download

        return Path(hf_hub_download(self.source, name, revision=self.revision))

    def _explained(self, name: str, error: Exception) -> ConfigError:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
        return ConfigError(
            f"{self.source}: {name} cannot be read: {reason}. Check the name; offline, fetch it first "
            f"(hf download {self.source}); a gated model needs HF_TOKEN"
        )

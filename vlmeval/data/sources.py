"""Where a split comes from. A source is asked in two steps: is it on this machine, and if not, can it be had."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from vlmeval.data.classes import class_folders
from vlmeval.data.coco import find_json, open_json
from vlmeval.data.fetch import fetch
from vlmeval.data.hub import is_cached, open_hub
from vlmeval.data.images import ImageFolders
from vlmeval.data.jsonl import RecordTable, open_jsonl
from vlmeval.data.options import DataOptions
from vlmeval.data.sheets import open_sheet
from vlmeval.data.table import Table
from vlmeval.data.tables import ArrowTable, open_arrow
from vlmeval.data.task import SUFFIXES
from vlmeval.data.tsv import TsvTable
from vlmeval.errors import DataError


def open_table(path: Path, folders: ImageFolders, *, split: str = "") -> Table:
    """Return the table in a file or folder, by its suffix and content.

    Of the parquet or Arrow files of a folder those whose names begin with `split` are taken, where there are some.
    Raises DataError for a format that is not known.
    """
    if path.is_dir():
        return _open_folder(path, folders, split)
    if not path.exists():
        raise DataError(f"{path}: no such file or folder")
    suffix = path.suffix.lower()
    if suffix == ".tsv":
        return TsvTable(path, folders)
    if suffix in (".parquet", ".arrow"):
        return open_arrow([path], folders)
    if suffix == ".jsonl":
        return open_jsonl(path, folders)
    if suffix == ".json":
        return open_json(path, folders)
    if suffix in (".csv", ".xlsx"):
        return open_sheet(path, folders)
    raise DataError(f'{path}: data files end in {", ".join(SUFFIXES)}, not "{path.suffix}"; or pass a folder')


def _open_folder(path: Path, folders: ImageFolders, split: str) -> Table:
    for suffix in (".parquet", ".arrow"):
        files = sorted(path.glob(f"*{suffix}")) or sorted(path.glob(f"data/*{suffix}"))
        if files:
            return open_arrow([file for file in files if split and file.name.startswith(split)] or files, folders)
    for suffix in (".tsv", ".jsonl"):
        files = sorted(path.glob(f"*{suffix}"))
        if len(files) == 1:
            return open_table(files[0], folders)
    found = find_json(path)
    if found is None and (rows := class_folders(path)):
        return RecordTable(path, rows, folders, noun="image")
    if found is None:
        raise DataError(f"{path}: no data file in this folder, or several; pass one of {', '.join(SUFFIXES)} itself")
    return open_json(found, folders)


class Source(Protocol):
    """A place of data."""

    def local(self, where: DataOptions) -> Path | None:
        """Return the file or folder on this machine, None where it is not here."""
        ...

    def open(self, where: DataOptions) -> Table | None:
        """Return the table by way of the network or a library's cache; None for a source that has no such way."""
        ...

    def wanted(self, where: DataOptions) -> str:
        """Say what to put where."""
        ...


def open_path(path: Path, where: DataOptions, *, split: str = "") -> Table:
    """Return the table in `path`, images found beside it, in --data-dir or LMUData."""
    return open_table(path, where.images(path), split=split)


@dataclass(frozen=True)
class Tsv:
    """A TSV of VLMEvalKit: `NAME.tsv` in --data-dir or LMUData, else fetched there from `url` and checked by `md5`."""

    name: str
    url: str = ""
    md5: str = ""

    def local(self, where: DataOptions) -> Path | None:
        """Return the file, if it is here."""
        files = (folder / f"{self.name}.tsv" for folder in where.folders())
        return next((file for file in files if file.is_file()), None)

    def open(self, where: DataOptions) -> Table | None:
        """Download the file."""
        if where.offline or not self.url:
            return None
        return open_path(fetch(self.url, where.home() / f"{self.name}.tsv", md5=self.md5), where)

    def wanted(self, where: DataOptions) -> str:
        """Say where the file goes."""
        origin = f" ({self.url})" if self.url else ""
        return f"put {self.name}.tsv{origin} into {where.home()}"

    def __str__(self) -> str:
        return f"{self.name}.tsv{f' (md5 {self.md5})' if self.md5 else ''} {self.url}".rstrip()


@dataclass(frozen=True)
class Hub:
    """A data set of the Hugging Face hub; `ids` are the names it is known by, the likeliest first.

    `revision` is a commit, or a branch whose commit is recorded with each run. Several configurations of one schema
    make one table.
    """

    ids: tuple[str, ...]
    split: str
    revision: str
    config: str | tuple[str, ...] | None = None

    def local(self, where: DataOptions) -> Path | None:
        """Return None: the library looks into its cache itself."""
        return None

    def open(self, where: DataOptions) -> Table | None:
        """Load the split through the library, from its cache where it can."""
        return self.load(where)

    def cached(self) -> bool:
        """Tell whether a cache on this machine has the data set, without importing the library."""
        return is_cached(self.ids)

    def load(self, where: DataOptions) -> ArrowTable:
        """Return the split, loaded."""
        return open_hub(
            self.ids,
            config=self.config,
            split=self.split,
            revision=self.revision,
            offline=where.offline,
            folders=ImageFolders.beside(where.home()).under(where.image_root),
        )

    def wanted(self, where: DataOptions) -> str:
        """Say how to get it."""
        return f"pip install 'vlmeval[hf]' and go online for {self.ids[0]}"

    def __str__(self) -> str:
        names = self.config if isinstance(self.config, tuple) else (self.config or "",)
        config = f", {' + '.join(names)}" if self.config else ""
        return f"hub {' or '.join(self.ids)}{config}, split {self.split}, revision {self.revision}"


@dataclass(frozen=True)
class Files:
    """Files fetched by hand: the first of `names` that is in --data-dir or LMUData. `note` says where they are from."""

    names: tuple[str, ...]
    note: str

    def local(self, where: DataOptions) -> Path | None:
        """Return the first file or folder that is here."""
        paths = (folder / name for folder in where.folders() for name in self.names)
        return next((path for path in paths if path.exists()), None)

    def open(self, where: DataOptions) -> Table | None:
        """Return None: there is no way but by hand."""
        return None

    def wanted(self, where: DataOptions) -> str:
        """Say what goes where."""
        return f"put {self.names[0]} into {where.home()} ({self.note})"

    def __str__(self) -> str:
        return f"{' or '.join(self.names)} ({self.note})"


@dataclass(frozen=True)
class Bundled:
    """A file or folder that comes with a benchmark; `path` counts from the root above the benchmark file `anchor`."""

    path: str
    anchor: str

    def local(self, where: DataOptions) -> Path | None:
        """Return the file or folder."""
        path = Path(os.path.abspath(self.anchor)).parent.parent / self.path
        return path if path.exists() else None

    def open(self, where: DataOptions) -> Table | None:
        """Return None: it is there or the installation is not whole."""
        return None

    def wanted(self, where: DataOptions) -> str:
        """Say what is wrong."""
        return f"{self.path} is missing from this installation; install it again"

    def __str__(self) -> str:
        return f"{self.path} (bundled)"

"""Where data is looked for: the file the user names, --data-dir, LMUData."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from vlmeval.data.images import ImageFolders


@dataclass(frozen=True)
class DataOptions:
    """What the command line says about data.

    `data` is a file or folder for this task, `limit` the number of base questions, `offline` forbids the network;
    `catalog` holds more folders with benchmarks/. `imageless` takes rows without an image, for answers that are only
    replayed: a model that is asked must have one. `image_root` is the folder of the pictures that data files name.
    """

    data: Path | None = None
    data_dir: Path | None = None
    limit: int | None = None
    offline: bool = False
    catalog: tuple[Path, ...] = ()
    imageless: bool = False
    image_root: Path | None = None

    def folders(self) -> tuple[Path, ...]:
        """Return the folders with data files, in the order to look."""
        own = () if self.data_dir is None else (self.data_dir,)
        return (*own, lmu_data())

    def home(self) -> Path:
        """Return the folder for downloads."""
        return self.data_dir or lmu_data()

    def images(self, file: Path) -> ImageFolders:
        """Return where image paths in `file` may point."""
        folders = self.folders()
        found = ImageFolders.beside(file, (*folders, *(folder / "images" for folder in folders)))
        return found.under(self.image_root)


def lmu_data() -> Path:
    """Return VLMEvalKit's data folder: LMUData, by default ~/LMUData."""
    return Path(os.environ.get("LMUData") or Path.home() / "LMUData").expanduser()  # noqa: SIM112 VLMEvalKit's spelling

"""Questions and images in two configurations of a hub data set, put together row by row (GQA).

An image that many questions share is kept once: the column of images refers into the table of images.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from vlmeval.data.images import ImageFolders
from vlmeval.data.options import DataOptions
from vlmeval.data.sources import Hub
from vlmeval.data.table import Table
from vlmeval.data.tables import ArrowTable
from vlmeval.errors import DataError


@dataclass(frozen=True)
class JoinedHub:
    """The rows of `questions`, each with the image of `images` whose `image_key` is the row's `key`."""

    questions: Hub
    images: Hub
    key: str
    image_key: str = "id"

    def local(self, where: DataOptions) -> Path | None:
        """Return None: the library looks into its cache itself."""
        return None

    def open(self, where: DataOptions) -> Table | None:
        """Load both, from the library's cache where it can. Raises DataError for a question whose image is missing."""
        questions, images = self.questions.load(where), self.images.load(where)
        return joined(questions, images, self.key, self.image_key, folders=where.images(where.home()))

    def wanted(self, where: DataOptions) -> str:
        """Say how to get it."""
        return self.questions.wanted(where)

    def __str__(self) -> str:
        return f"{self.questions} with images of {self.images.config}"


def joined(questions: ArrowTable, images: ArrowTable, key: str, image_key: str, *, folders: ImageFolders) -> ArrowTable:
    """Return the rows of `questions` with a column "image". Raises DataError for one whose image is missing."""
    import pyarrow as arrow
    import pyarrow.compute as compute

    asked, pictures = questions.whole(), images.whole()
    places = compute.index_in(asked.column(key), value_set=pictures.column(image_key)).combine_chunks()
    if places.null_count:
        row = places.is_null().index(True).as_py()
        raise DataError(
            f'{questions.where(row)}, column "{key}": image {asked.column(key)[row].as_py()} is not in {images.path}; '
            "fetch both again"
        )
    column = arrow.DictionaryArray.from_arrays(places, arrow.concat_arrays(pictures.column("image").chunks))
    table = ArrowTable(questions.path, [asked.append_column("image", column)], folders)
    table.dataset, table.revision = questions.dataset, questions.revision
    return table

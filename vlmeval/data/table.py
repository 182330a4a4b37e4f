"""Tables and rows: what every data file looks like to a benchmark, whatever its format.

Column names are compared without case, and with "-" as "_"; single letters (options) as they are. A row reads its cells
when asked, so that a row whose image nobody wants never loads it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any, Self

from vlmeval.data.cells import as_list, as_text, is_absent
from vlmeval.data.images import ImageFolders
from vlmeval.errors import DataError
from vlmeval.registry import did_you_mean
from vlmeval.types import Image


def plain_name(column: str) -> str:
    """Return the form in which column names are compared."""
    name = column.strip()
    return name if len(name) == 1 else name.lower().replace("-", "_")


class Table(ABC):
    """Rows under named columns. `path` is shown in messages and recorded; `columns` are the names as written.

    `dataset` and `revision` are set for a hub data set. `warnings` are recorded with the run.
    """

    path: str
    columns: tuple[str, ...]
    dataset: str = ""
    revision: str = ""
    _folders: ImageFolders

    def __init__(self, path: str, columns: Sequence[str]) -> None:
        self.path = path
        self.columns = tuple(columns)
        self._names: dict[str, str] = {}
        for column in columns:
            if column and self._names.setdefault(plain_name(column), column) != column:
                raise DataError(f'{path}: two columns are called "{column}" (case and "-" aside); rename one')

    def column(self, name: str) -> str | None:
        """Return the column called `name` as it is written, None where there is none."""
        return self._names.get(plain_name(name))

    @property
    def folders(self) -> ImageFolders:
        """Where the files that cells name may lie."""
        return self._folders

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def row(self, number: int) -> Row:
        """Return a row; numbers count from 0."""

    @abstractmethod
    def where(self, number: int) -> str:
        """Return how messages name a row, such as "MMBench.tsv, line 7"."""

    @abstractmethod
    def scan(self, names: Sequence[str]) -> Iterator[tuple[object, ...]]:
        """Yield the raw cells of these columns for every row, None for a missing column; reads no image column."""

    @abstractmethod
    def digest(self, numbers: Sequence[int]) -> str:
        """Return the sha256 of what the rows hold, images included as each format says."""

    @abstractmethod
    def close(self) -> None:
        """Free the file. Rows and images of the table cannot be read any more."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


class Row(ABC):
    """One row. `hidden` tells that its split publishes no gold, `imageless` that it may do without its image."""

    hidden: bool = False
    imageless: bool = False

    def __init__(self, table: Table, number: int) -> None:
        self.table = table
        self.number = number

    @property
    def where(self) -> str:
        """How messages name the row."""
        return self.table.where(self.number)

    @abstractmethod
    def _cell(self, column: str) -> object:
        """Return the raw cell of a column that exists."""

    @abstractmethod
    def _images(self, column: str) -> tuple[Image, ...]:
        """Return the images of a cell that is not absent, readers attached."""

    def has(self, *names: str) -> bool:
        """Tell whether the table has one of the columns."""
        return any(self.table.column(name) is not None for name in names)

    def cell(self, name: str) -> Any:
        """Return the cell as the format gives it, absent or not; None for a missing column."""
        column = self.table.column(name)
        return None if column is None else self._cell(column)

    def value(self, *names: str) -> Any:
        """Return the first cell of these columns that is not absent, as the format gives it; None without one."""
        for name in names:
            column = self.table.column(name)
            if column is not None and not is_absent(value := self._cell(column)):
                return value
        return None

    def text(self, *names: str) -> str | None:
        """Return the first cell of these columns that is not absent, as text; None without one."""
        return as_text(self.value(*names), self.at(*names))

    def required(self, *names: str) -> str:
        """Return the text of the first of these columns that has one. Raises DataError where all are absent."""
        text = self.text(*names)
        if text is None:
            raise self.missing(*names)
        return text

    def items(self, *names: str) -> list[Any]:
        """Return the first list cell of these columns, also where it is spelled as text; [] without one."""
        return as_list(self.value(*names), self.at(*names))

    def images(self, *names: str) -> tuple[Image, ...]:
        """Return the images of the first of these columns that has some; () without one.

        An `imageless` row does without those that cannot be had: results of other programs name files that lie on the
        machine where they were made.
        """
        for name in names:
            column = self.table.column(name)
            if column is not None and not is_absent(self._cell(column)):
                try:
                    return self._images(column)
                except DataError:
                    if not self.imageless:
                        raise
        return ()

    def at(self, *names: str) -> str:
        """Return how messages name a cell: the row and the first of these columns that exists."""
        column = next((found for name in names if (found := self.table.column(name))), names[0])
        return f'{self.where}, column "{column}"'

    def missing(self, *names: str) -> DataError:
        """Return the error for a cell that must be there: the column does not exist, or its cell is absent."""
        wanted = " or ".join(f'"{name}"' for name in names)
        if not self.has(*names):
            near = next((found for name in names if (found := did_you_mean(name, self.table.columns))), "")
            columns = ", ".join(self.table.columns[:40]) or "none"
            return DataError(
                f"{self.table.path}: no column {wanted}{near}; there are: {columns}. "
                "Rename a column, or choose a task that fits the file"
            )
        return DataError(f"{self.at(*names)}: the cell is empty; fill it in, or remove the row")

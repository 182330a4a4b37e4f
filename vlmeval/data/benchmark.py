"""What a benchmark is: where its splits are, whose they are, and how a row becomes a sample."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from vlmeval.data.sources import Source
from vlmeval.data.table import Row
from vlmeval.errors import ConfigError
from vlmeval.registry import did_you_mean
from vlmeval.types import Sample

Builder = Callable[[Row], Sample | Iterable[Sample]]


@dataclass(frozen=True)
class Split:
    """One split. Sources are tried in order: those on this machine first, then those that can be fetched.

    `hidden` says that the gold is not published. `where` keeps the rows whose column has one of the values, if the file
    has that column. `questions` is the number of base questions where it was checked: another count is warned about,
    never refused. `sample` and `samples_of` replace the benchmark's own.
    """

    sources: tuple[Source, ...]
    hidden: bool = False
    where: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    questions: int | None = None
    sample: Builder | None = None
    samples_of: Callable[[Row], int] | None = None


@dataclass(frozen=True, kw_only=True)
class Benchmark:
    """A data set. `sample` turns a row into its sample, or into several.

    `circular` says that files may hold the passes of CircularEval as rows, found by `g_index` or by index modulo 10^6.
    `quirks` are facts a reader of scores should know. `about` says what it is in a sentence or two; where it is empty
    the catalog puts the first paragraph of the file's docstring there.
    """

    name: str
    title: str
    splits: Mapping[str, Split]
    sample: Builder
    licence: str
    citation: str = ""
    homepage: str = ""
    circular: bool = False
    quirks: tuple[str, ...] = ()
    about: str = ""

    def split(self, name: str) -> Split:
        """Return a split. Raises ConfigError with the known ones."""
        if name not in self.splits:
            hint = did_you_mean(name, self.splits) or f"; known: {', '.join(self.splits)}"
            raise ConfigError(f'benchmark "{self.name}" has no split "{name}"{hint}')
        return self.splits[name]

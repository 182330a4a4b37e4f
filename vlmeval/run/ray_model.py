"""A model that lives in the workers of a Ray cluster, and is asked like one that lives here (`--executor ray`).

The engine plans, retries, counts and writes the journal as ever; only where a call is answered differs, so that the run
has the recipe, the folder and the scores of a local one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Protocol

from vlmeval.data.blind import images_of
from vlmeval.errors import ConfigError
from vlmeval.run.ray_cluster import RaySettings
from vlmeval.run.ray_pool import RayPool
from vlmeval.run.ray_worker import Ability, ModelSpec, Reading
from vlmeval.types import Failure, Image, Output, Part, Request, Sample

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class RowSource(Protocol):
    """Samples by base row, and where they came from: a `SampleSet`, blind or not."""

    @property
    def origin(self) -> Any:
        """The fields of `store.results.Origin`."""
        ...

    @property
    def base_rows(self) -> Sequence[int]:
        """The numbers of the base rows."""
        ...

    def at(self, number: int) -> Iterable[Sample]:
        """Return the samples of a base row."""
        ...

    def __len__(self) -> int: ...


class Placed:
    """The samples of `source`, of which is remembered in what row each image stands."""

    def __init__(self, source: RowSource) -> None:
        self._source = source
        self.rows: dict[str, int] = {}

    @property
    def origin(self) -> Any:
        """That of the source."""
        return self._source.origin

    @property
    def base_rows(self) -> Sequence[int]:
        """Those of the source."""
        return self._source.base_rows

    def at(self, number: int) -> Iterator[Sample]:
        """Yield the samples of a base row."""
        for sample in self._source.at(number):
            for image in images_of(sample):
                self.rows.setdefault(image.sha256, number)
            yield sample

    def __len__(self) -> int:
        return len(self._source)

    def __iter__(self) -> Iterator[Sample]:
        for number in self.base_rows:
            yield from self.at(number)


class RayModel:
    """The model of `pool`. It has the abilities of the real one: `generate`, `choose`, `option_tokens`, `embed`."""

    def __init__(self, pool: RayPool) -> None:
        self._pool = pool
        self._reading: Reading | None = None
        self._placed: Placed | None = None
        found = pool.description
        self.name = found.name
        self.concurrency = pool.size * found.concurrency
        self._chunk = found.batch
        embeds = "embed" in found.abilities and "generate" not in found.abilities
        # Vectors are asked for one batch after the other: one that all workers share keeps all of them busy.
        self.batch = found.batch * pool.size if embeds else found.batch
        for ability in found.abilities:  # set where the model has them: what a model can is told by its methods
            setattr(self, ability, getattr(self, f"_{ability}"))

    @property
    def processes(self) -> list[int]:
        """The process ids of the workers that are ready."""
        return self._pool.processes

    def recipe(self) -> dict[str, Any]:
        """Return that of the model in the workers: a run is the same wherever it was asked."""
        return self._pool.description.recipe

    def conditions(self) -> dict[str, Any]:
        """Return how the model is reached, and by which workers."""
        return self._pool.conditions()

    def reads(self, reading: Reading, source: RowSource) -> Placed:
        """Return the samples to ask next, which the workers read for themselves as `reading` says."""
        self._reading, self._placed = reading, Placed(source)
        return self._placed

    def close(self) -> None:
        """End the workers."""
        self._pool.close()

    def _generate(self, requests: Sequence[Request]) -> list[Output | Failure]:
        found: list[Output | Failure] = self._call("generate", requests)
        return found

    def _choose(self, requests: Sequence[Request]) -> list[list[float]]:
        found: list[list[float]] = self._call("choose", requests)
        return found

    def _option_tokens(self, requests: Sequence[Request]) -> list[list[int]]:
        found: list[list[int]] = self._call("option_tokens", requests)
        return found

    def _embed(self, items: Sequence[Part]) -> NDArray[np.float32]:
        import numpy as np

        requests = [Request("", "", (item,)) for item in items]
        chunks = [requests[start : start + self._chunk] for start in range(0, len(requests), self._chunk)]
        with ThreadPoolExecutor(len(chunks)) as threads:
            found = list(threads.map(lambda chunk: self._call("embed", chunk), chunks))
        return np.concatenate(found)

    def _call(self, ability: Ability, requests: Sequence[Request]) -> Any:
        """Have the requests answered, their images named by the rows in which the workers find them."""
        known = self._placed.rows if self._placed is not None else {}
        digests = {part.sha256 for request in requests for part in request.parts if isinstance(part, Image)}
        return self._pool.call(ability, self._reading, requests, {digest: known[digest] for digest in digests})


def open_ray_model(spec: ModelSpec, settings: RaySettings, *, say: Callable[[str], None]) -> RayModel:
    """Return the model of `spec`, opened in the workers of a cluster.

    Raises ConfigError without Ray or without a cluster at the address, and whatever opening the model raises.
    """
    pool = RayPool(spec, settings, say=say)
    if pool.description.rerank:
        pool.close()
        raise ConfigError(
            f"{spec.name} looks at its first candidates again, which --executor ray does not do; run it locally"
        )
    return RayModel(pool)

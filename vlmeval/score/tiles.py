"""Tiles of a matrix of scores, never the whole of it: numpy, or torch on a GPU where there is one.

A tile is (rows of one side) x (rows of the other). Along `axis` 0 its rows are the queries, along 1 its columns, so
that one product serves image-to-text and text-to-image. Products are float32: `vlmeval.score.ranks` knows their error.
"""

from __future__ import annotations

import importlib.util
import os
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats32 = NDArray[np.float32]
    Places = NDArray[np.intp]

GPU_PRODUCTS = 10**11
"""Below this many multiplications the start of a GPU costs more than it saves."""


class Tile(Protocol):
    """One product, as seen by its queries; `swap` keeps positives out of the counts. Results are numpy's."""

    def swap(self, rows: Places, columns: Places, values: Floats32 | float) -> Floats32:
        """Put `values` at the places and return what was there."""
        ...

    def reached(self, low: Floats32, axis: int, most: int) -> Places | None:
        """Return the flat places (row * width + column) of the scores at or above `low`; None for more than `most`."""
        ...

    def values(self, flat: Places) -> Floats32:
        """Return the scores at flat places."""
        ...

    def count(self, low: Floats32, high: Floats32, axis: int) -> tuple[Places, Places]:
        """Return by query how many scores are at or above `low`, and the flat places of those not above `high`."""
        ...


class Multiplier(Protocol):
    """What makes tiles."""

    def rows(self, vectors: Floats32) -> Any:
        """Return vectors (n, d) where the products are made."""
        ...

    def tile(self, left: Any, right: Any) -> Tile:
        """Return the products of all pairs, (n, m), of two results of `rows`."""
        ...


class NumpyTile:
    """A tile in main memory."""

    def __init__(self, scores: Floats32) -> None:
        self.scores = scores

    def swap(self, rows: Places, columns: Places, values: Floats32 | float) -> Floats32:
        """Put `values` at the places and return what was there."""
        held: Floats32 = self.scores[rows, columns]
        self.scores[rows, columns] = values
        return held

    def reached(self, low: Floats32, axis: int, most: int) -> Places | None:
        """Return the flat places of the scores at or above `low`; None for more than `most`."""
        mask = self.scores >= _along(low, axis)
        return np.flatnonzero(mask) if np.count_nonzero(mask) <= most else None

    def values(self, flat: Places) -> Floats32:
        """Return the scores at flat places."""
        found: Floats32 = self.scores.ravel()[flat]
        return found

    def count(self, low: Floats32, high: Floats32, axis: int) -> tuple[Places, Places]:
        """Return by query how many scores are at or above `low`, and the flat places of those not above `high`."""
        mask = self.scores >= _along(low, axis)
        counts = np.asarray(np.count_nonzero(mask, axis=1 - axis), dtype=np.intp)
        return counts, np.flatnonzero(mask != (self.scores > _along(high, axis)))


class NumpyMultiplier:
    """Products by BLAS, with the threads it was given."""

    def rows(self, vectors: Floats32) -> Floats32:
        """Return the vectors as they are."""
        return vectors

    def tile(self, left: Floats32, right: Floats32) -> Tile:
        """Return the products of all pairs."""
        return NumpyTile(left @ right.T)


class TorchTile:
    """A tile on a torch device."""

    def __init__(self, scores: Any) -> None:
        self.scores = scores

    def swap(self, rows: Places, columns: Places, values: Floats32 | float) -> Floats32:
        """Put `values` at the places and return what was there."""
        import torch

        where = (self._indices(rows), self._indices(columns))
        held = _numpy(self.scores[where])
        new = torch.as_tensor(values, dtype=torch.float32, device=self.scores.device)
        self.scores[where] = new
        return held.astype(np.float32)

    def reached(self, low: Floats32, axis: int, most: int) -> Places | None:
        """Return the flat places of the scores at or above `low`; None for more than `most`."""
        mask = self.scores >= self._bounds(low, axis)
        return self._places(mask) if int(mask.sum()) <= most else None

    def values(self, flat: Places) -> Floats32:
        """Return the scores at flat places."""
        return _numpy(self.scores.flatten()[self._indices(flat)]).astype(np.float32)

    def count(self, low: Floats32, high: Floats32, axis: int) -> tuple[Places, Places]:
        """Return by query how many scores are at or above `low`, and the flat places of those not above `high`."""
        mask = self.scores >= self._bounds(low, axis)
        near = self._places(mask != (self.scores > self._bounds(high, axis)))
        return _numpy(mask.sum(dim=1 - axis)).astype(np.intp), near

    def _places(self, mask: Any) -> Places:
        return _numpy(mask.flatten().nonzero()[:, 0]).astype(np.intp)

    def _bounds(self, values: Floats32, axis: int) -> Any:
        import torch

        return torch.from_numpy(np.ascontiguousarray(_along(values, axis))).to(self.scores.device)

    def _indices(self, places: Places) -> Any:
        import torch

        return torch.from_numpy(np.ascontiguousarray(places, dtype=np.int64)).to(self.scores.device)


class TorchMultiplier:
    """Products on a torch device, in full float32: TF32 would break the bound on their error."""

    def __init__(self, device: str) -> None:
        self.device = device

    def rows(self, vectors: Floats32) -> Any:
        """Return the vectors on the device."""
        import torch

        return torch.from_numpy(np.array(vectors, dtype=np.float32)).to(self.device)

    def tile(self, left: Any, right: Any) -> Tile:
        """Return the products of all pairs."""
        import torch

        allowed = torch.backends.cuda.matmul.allow_tf32
        torch.backends.cuda.matmul.allow_tf32 = False
        try:
            return TorchTile(left @ right.T)
        finally:
            torch.backends.cuda.matmul.allow_tf32 = allowed


def open_multiplier(products: int) -> Multiplier:
    """Return what makes tiles for so many multiplications: torch where a GPU is worth its start, else numpy.

    torch is imported only where the driver of a GPU is there: importing it takes seconds.
    """
    if products >= GPU_PRODUCTS and os.path.exists("/dev/nvidiactl") and importlib.util.find_spec("torch"):
        import torch

        if torch.cuda.is_available():
            return TorchMultiplier("cuda")
    return NumpyMultiplier()


def _along(values: Floats32, axis: int) -> Floats32:
    return values[:, None] if axis == 0 else values[None, :]


def _numpy(tensor: Any) -> NDArray[Any]:
    array: NDArray[Any] = tensor.cpu().numpy()
    return array

"""Data sets of the Hugging Face hub, through the `datasets` library, which also keeps the cache and reads HF_HOME,
HF_HUB_OFFLINE and HF_TOKEN. Images stay encoded; the rows are read from the library's Arrow files.

Without the network a data set is read from its snapshot in the hub's cache (HF_HUB_CACHE, HF_HOME), which is also what
`hf download` and a mirror of that layout leave; the library alone would want its own, prepared copy.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

from vlmeval.data.images import ImageFolders
from vlmeval.data.tables import ArrowTable
from vlmeval.errors import ConfigError, DataError

_COMMIT = re.compile(r"(?<![0-9a-f])[0-9a-f]{40}(?![0-9a-f])")


def open_hub(
    ids: Sequence[str],
    *,
    config: str | tuple[str, ...] | None,
    split: str,
    revision: str,
    offline: bool,
    folders: ImageFolders,
) -> ArrowTable:
    """Return a split of the first of `ids` that can be loaded (a data set that moved is known by both names).

    Several configurations are read as one table, in their order. `revision` is a commit, a branch or a tag; the table's
    is the commit that was loaded, or `revision` where the library does not tell. Offline a snapshot of that revision
    comes before the library's own cache, online after it. Raises ConfigError without the library, DataError where no id
    can be loaded.
    """
    if offline:
        # Read by the library when it is first imported; set for this process only.
        os.environ.setdefault("HF_HUB_OFFLINE", "1")
    try:
        import datasets
        from datasets.exceptions import DatasetGenerationError
        from huggingface_hub.errors import HfHubHTTPError
    except ImportError as error:
        raise ConfigError(
            f"{ids[0]}: data sets of the hub need the package `datasets`; pip install 'vlmeval[hf]', or pass a local "
            "file with --data TASK=PATH"
        ) from error
    failures = []
    configs = config if isinstance(config, tuple) else (config,)
    for name, snapshot in _ways(ids, revision, offline=offline):
        place, pinned = (name, revision) if snapshot is None else (str(snapshot), None)
        try:
            loaded = [datasets.load_dataset(place, one, split=split, revision=pinned) for one in configs]
        except (OSError, ValueError, RuntimeError, DatasetGenerationError, HfHubHTTPError) as error:
            said = str(error).splitlines()[0][:200] if str(error) else ""
            failures.append(f"{name}{'' if snapshot is None else ' (cached)'}: {type(error).__name__}: {said}")
            continue
        shown = "+".join(one or "default" for one in configs)
        table = ArrowTable(f"{name}[{shown}/{split}]", [encoded(part).data.table for part in loaded], folders)
        table.dataset = name
        table.revision = (_commit(loaded[0]) if snapshot is None else snapshot.name) or revision
        return table
    raise DataError(
        f"the hub gave no data set: {'; '.join(failures)}; log in (HF_TOKEN) where it is gated, or fetch its files "
        "elsewhere (parquet, or a folder of them)"
    )


def _ways(ids: Sequence[str], revision: str, *, offline: bool) -> Iterator[tuple[str, Path | None]]:
    """Yield each id with its cached snapshot, and with None for the library's own way, in the order to try."""
    snapshots = [(name, found) for name in ids if (found := _snapshot(name, revision))]
    library = [(name, None) for name in ids]
    yield from (*snapshots, *library) if offline else (*library, *snapshots)


def _snapshot(name: str, revision: str) -> Path | None:
    """Return the folder of this revision in the hub's cache, None where it is not there."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    try:
        found = snapshot_download(
            name, repo_type="dataset", revision=revision, cache_dir=_cache("HUB"), local_files_only=True
        )
    except (LocalEntryNotFoundError, HFValidationError):
        return None
    return Path(found)


def is_cached(ids: Sequence[str]) -> bool:
    """Tell whether the hub's cache or the library's has one of these data sets, whatever its revision."""
    downloads = (_cache("HUB") / f"datasets--{name.replace('/', '--')}" for name in ids)
    prepared = (_cache("DATASETS") / name.replace("/", "___").lower() for name in ids)
    return any(folder.is_dir() for folder in (*downloads, *prepared))


def _cache(sort: Literal["HUB", "DATASETS"]) -> Path:
    """Return a cache folder, as the libraries find it."""
    home = os.environ.get("HF_HOME") or os.path.join(os.environ.get("XDG_CACHE_HOME") or "~/.cache", "huggingface")
    return Path(os.environ.get(f"HF_{sort}_CACHE") or os.path.join(home, sort.lower())).expanduser()


def encoded(loaded: Any) -> Any:
    """Return the data set with every image column left encoded, lists of images too, and any selection applied."""
    import datasets

    features = loaded.features.copy()
    for name, feature in loaded.features.items():
        features[name] = _undecoded(feature, datasets)
    if loaded._indices is not None:
        loaded = loaded.flatten_indices()
    return loaded.cast(features) if features != loaded.features else loaded


def _undecoded(feature: Any, datasets: Any) -> Any:
    if isinstance(feature, datasets.Image):
        return datasets.Image(decode=False)
    if isinstance(feature, datasets.List):
        return datasets.List(_undecoded(feature.feature, datasets), length=feature.length)
    if isinstance(feature, datasets.Sequence):
        return datasets.Sequence(_undecoded(feature.feature, datasets), length=feature.length)
    return feature


def _commit(loaded: Any) -> str | None:
    """Return the commit the library resolved: part of the addresses it read, or of its cache folder's name."""
    return next((found[-1] for text in _addresses(loaded) if (found := _COMMIT.findall(text))), None)


def _addresses(loaded: Any) -> Iterator[str]:
    yield from loaded.info.download_checksums or {}
    for file in loaded.cache_files:
        yield os.path.dirname(file["filename"])

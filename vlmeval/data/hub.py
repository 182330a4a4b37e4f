"""Data sets of the Hugging Face hub, through the `datasets` library, which also keeps the cache and reads HF_HOME,
HF_HUB_OFFLINE and HF_TOKEN. Images stay encoded; the rows are read from the library's Arrow files.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from typing import Any

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

    Several configurations are read as one table, in their order. The table's `revision` is the commit that was loaded,
    or `revision` where the library does not tell. Raises ConfigError without the library, DataError where no id can be
    loaded.
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
    for name in ids:
        try:
            loaded = [datasets.load_dataset(name, one, split=split, revision=revision) for one in configs]
        except (OSError, ValueError, RuntimeError, DatasetGenerationError, HfHubHTTPError) as error:
            failures.append(f"{name}: {type(error).__name__}: {str(error).splitlines()[0][:200] if str(error) else ''}")
            continue
        shown = "+".join(one or "default" for one in configs)
        table = ArrowTable(f"{name}[{shown}/{split}]", [encoded(part).data.table for part in loaded], folders)
        table.dataset = name
        table.revision = _commit(loaded[0]) or revision
        return table
    raise DataError(
        f"the hub gave no data set: {'; '.join(failures)}; log in (HF_TOKEN) where it is gated, or fetch its files "
        "elsewhere (parquet, or a folder of them)"
    )


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

"""What must be installed for local models, asked before anything heavy is imported.

A missing or broken package is the reader's to mend, so it is a ConfigError with the command, not a traceback from the
middle of an import.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import warnings

from vlmeval.errors import ConfigError

INSTALL = "pip install 'vlmeval[hf]'"


def installed(name: str) -> bool:
    """Tell whether the package can be found, without importing it."""
    return importlib.util.find_spec(name) is not None


def version(name: str) -> str:
    """Return the installed version of a distribution, "" where it has none."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return ""


def require_transformers() -> None:
    """Return where torch and transformers 5 can be used. Raises ConfigError that names the package and the command."""
    for name in ("torch", "transformers"):
        if not installed(name):
            raise ConfigError(f"this model needs the package {name}: {INSTALL}")
    found = version("transformers")
    if found and int(found.split(".")[0]) < 5:
        raise ConfigError(f"transformers {found} is installed, version 5.16 or later is needed: {INSTALL}")
    check_torchvision()


def check_torchvision() -> None:
    """Return where torchvision is absent or imports. Raises ConfigError for one that was built for another torch.

    transformers imports torchvision wherever it is installed, so a broken one (a CUDA build beside a CPU torch) breaks
    every model, in messages that do not name it; an absent one is done without.
    """
    if not installed("torchvision"):
        return
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            importlib.import_module("torchvision")
    except (ImportError, OSError, RuntimeError, AttributeError) as error:
        raise ConfigError(
            f"torchvision {version('torchvision') or '(unknown version)'} is installed but cannot be imported "
            f"({type(error).__name__}: {error}); it was probably built for another torch than {version('torch')}. "
            "Without it everything works: pip uninstall torchvision. Or install the build that fits your torch"
        ) from error


def require_quantization() -> None:
    """Return where bitsandbytes can be found. Raises ConfigError with the command where not."""
    for name in ("bitsandbytes", "accelerate"):
        if not installed(name):
            raise ConfigError(f"quantize needs the package {name}: pip install bitsandbytes accelerate")

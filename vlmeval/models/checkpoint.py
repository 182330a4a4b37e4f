"""A checkpoint on disk or on the hub: what it is, told without its weights, and its weights, whole or not at all.

Rules: no code of a repository runs unless asked for; no weight is silently left at random; no download where
HF_HUB_OFFLINE is set (huggingface_hub sees to that).
"""

from __future__ import annotations

import functools
import hashlib
import sys
from pathlib import Path
from typing import Any, Literal

from msgspec import Struct

from vlmeval.errors import ConfigError, ModelError
from vlmeval.models.batches import is_out_of_memory
from vlmeval.models.packages import require_quantization, version

HASHED_BYTES = 2 << 30


class Placement(Struct, frozen=True, kw_only=True):
    """How weights are held. `auto` is decided by the machine and recorded as what it became."""

    dtype: Literal["default", "auto", "bfloat16", "float16", "float32"] = "default"
    device: str = "auto"
    attention: Literal["auto", "sdpa", "flash", "eager"] = "auto"
    quantize: Literal["none", "4bit", "8bit"] = "none"
    device_map: str = ""

    def resolved_device(self) -> str:
        """Return the device: the one asked for, else a GPU, else the CPU. Raises ConfigError where it is not there."""
        import torch

        if self.device != "auto":
            try:
                kind = torch.device(self.device).type
            except RuntimeError as error:
                raise ConfigError(f"device={self.device}: torch knows no such device: {error}") from error
            if kind == "cuda" and not torch.cuda.is_available():
                raise ConfigError(f"device={self.device}: torch {torch.__version__} sees no GPU here; use device=cpu")
            return self.device
        if torch.cuda.is_available():
            return "cuda:0"
        return "mps" if torch.backends.mps.is_available() else "cpu"

    def resolved_dtype(self, config: Any) -> str:
        """Return the dtype's name: bfloat16 on a GPU and float32 on a CPU, for "auto" the checkpoint's own.

        A checkpoint that is quantized keeps its own: the kernels of GPTQ and AWQ are made for it.
        """
        if self.dtype == "auto":
            return str(config.dtype or "float32").removeprefix("torch.")
        if self.dtype != "default":
            return self.dtype
        if own_quantization(config):
            return str(config.dtype or "float16").removeprefix("torch.")
        return "float32" if self.resolved_device() == "cpu" else "bfloat16"


class Checkpoint:
    """The files of one model: a folder, or an id and revision on the hub."""

    def __init__(self, source: str, *, revision: str | None = None, trust_remote_code: bool = False) -> None:
        source = str(Path(source).expanduser()) if source.startswith("~") else source
        self.source = source
        self.revision = revision
        self.trust_remote_code = trust_remote_code
        self.folder = Path(source) if Path(source).is_dir() else None
        if self.folder is None and (source.startswith((".", "/")) or source.count("/") > 1):
            raise ConfigError(f"{source}: there is no such folder")
        self.config = self._read_config()

    @property
    def name(self) -> str:
        """The name of its runs' folder: the folder's own name, or ORG__NAME."""
        return self.folder.resolve().name if self.folder else self.source.replace("/", "__")

    def _read_config(self) -> Any:
        import transformers

        location = {"revision": self.revision} if self.revision else {}
        try:
            return transformers.AutoConfig.from_pretrained(
                self.source, trust_remote_code=self.trust_remote_code, **location
            )
        except (OSError, ValueError, KeyError, ImportError) as error:
            raise self.explained(error) from error

    def explained(self, error: Exception) -> ConfigError:
        """Return the ConfigError that says what is wrong with this checkpoint and what to do."""
        text = str(error)
        if "trust_remote_code" in text or "custom code" in text:
            return ConfigError(
                f"{self.source} needs code from its own repository. Read that code; then, if you trust it, pass "
                "trust_remote_code=true"
            )
        if "model type" in text or "model_type" in text:
            return ConfigError(
                f"{self.source}: transformers {version('transformers')} does not know its model type; look for a "
                f'converted checkpoint (often "-hf"), or wrap the model in a file of your own (my.py:MyModel): {text}'
            )
        if isinstance(error, OSError):
            reason = (text.strip().splitlines() or [type(error).__name__])[0].rstrip(".")
            return ConfigError(
                f"{self.source} cannot be read: {reason}. "
                f"Check the name; offline, fetch it first (hf download {self.source}); a gated model needs HF_TOKEN"
            )
        return ConfigError(f"{self.source} cannot be used: {type(error).__name__}: {text}")

    @functools.cached_property
    def identity(self) -> dict[str, Any]:
        """What the files are: the hub's commit, or digests of a folder's files; no path, so that a folder may move."""
        if self.folder is None:
            return {
                "id": self.source,
                "revision": getattr(self.config, "_commit_hash", None) or self.revision or "main",
            }
        return {"id": self.folder.resolve().name, "files": folder_files(self.folder)}

    def load(self, auto: Any, placement: Placement) -> Any:
        """Return the model in evaluation mode on its device.

        Raises ConfigError where it cannot be read, ModelError where weights are missing, misshapen, or too many.
        """
        import transformers

        options = self._load_options(placement)
        if not sys.stderr.isatty():
            transformers.utils.logging.disable_progress_bar()
        try:
            model, report = auto.from_pretrained(self.source, config=self.config, output_loading_info=True, **options)
            if "device_map" not in options:
                model = model.to(placement.resolved_device())
        except (OSError, ValueError, KeyError, ImportError) as error:
            raise self.explained(error) from error
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
            raise ModelError(
                f"{self.source}: its weights do not fit into memory as {placement.resolved_dtype(self.config)}; "
                f"device_map=auto spreads them, quantize=4bit shrinks them: {error}"
            ) from error
        lacking = sorted(report["missing_keys"]) + sorted(str(item[0]) for item in report["mismatched_keys"])
        if lacking:
            raise ModelError(
                f"{self.source}: {len(lacking)} weights of {type(model).__name__} are not in the checkpoint, or have "
                f"another shape ({', '.join(lacking[:3])}, ...), and would be random; is it another class' checkpoint?"
            )
        return model.eval()

    def _load_options(self, placement: Placement) -> dict[str, Any]:
        import torch

        options: dict[str, Any] = {
            "dtype": getattr(torch, placement.resolved_dtype(self.config)),
            "trust_remote_code": self.trust_remote_code,
            # Reported, and refused with the missing ones, instead of a traceback.
            "ignore_mismatched_sizes": True,
        }
        if self.revision:
            options["revision"] = self.revision
        if placement.attention != "auto":
            options["attn_implementation"] = {"flash": "flash_attention_2"}.get(
                placement.attention, placement.attention
            )
        if placement.device_map:
            options["device_map"] = placement.device_map
        if own_quantization(self.config):
            if placement.quantize != "none":
                method = own_quantization(self.config).get("quant_method", "another method")
                raise ConfigError(
                    f"{self.source} is quantized already ({method}); leave quantize={placement.quantize} out"
                )
            options.setdefault("device_map", {"": placement.resolved_device()})
        if placement.quantize != "none":
            import transformers

            require_quantization()
            four = placement.quantize == "4bit"
            options["quantization_config"] = transformers.BitsAndBytesConfig(
                load_in_4bit=four, load_in_8bit=not four, bnb_4bit_compute_dtype=options["dtype"]
            )
            options.setdefault("device_map", {"": placement.resolved_device()})
        return options


def own_quantization(config: Any) -> dict[str, Any]:
    """Return how the weights of a checkpoint are quantized (GPTQ, AWQ, ...), as its configuration says; {} if not."""
    found = getattr(config, "quantization_config", None)
    if found is None:
        return {}
    return dict(found) if isinstance(found, dict) else dict(found.to_dict())


def folder_files(folder: Path) -> dict[str, str]:
    """Return a digest of each file that defines a checkpoint; of weights above 2 GiB, of what their headers say."""
    weights = sorted(folder.glob("*.safetensors")) + sorted(folder.glob("*.bin"))
    small = sum(path.stat().st_size for path in weights) <= HASHED_BYTES
    described = sorted(folder.glob("*.json")) + sorted(folder.glob("*.jinja"))
    files = {path.name: _sha256(path) for path in described}
    return files | {path.name: _sha256(path) if small else _header(path) for path in weights}


def _sha256(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _header(path: Path) -> str:
    """Return size and, for safetensors, digest of the header (names, dtypes, shapes): all that is cheap on 100 GB."""
    size = path.stat().st_size
    if path.suffix != ".safetensors":
        return f"{size} bytes"
    with open(path, "rb") as file:
        header = file.read(int.from_bytes(file.read(8), "little"))
    return f"{size} bytes, header {hashlib.sha256(header).hexdigest()}"


def answering_class(checkpoint: Checkpoint) -> tuple[Any, str]:
    """Return the Auto class that loads the checkpoint, and the name of the class it will be.

    Raises ConfigError for a checkpoint that does not answer questions about images, or only by a `chat` of its own.
    """
    import transformers
    from transformers.models.auto.modeling_auto import MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING as KNOWN

    config = checkpoint.config
    if type(config) in KNOWN:
        found = KNOWN[type(config)]
        return transformers.AutoModelForImageTextToText, (found[0] if isinstance(found, tuple) else found).__name__
    remote = getattr(config, "auto_map", None) or {}
    for auto in ("AutoModelForImageTextToText", "AutoModelForCausalLM"):
        if auto in remote:
            return getattr(transformers, auto), remote[auto].split(".")[-1]
    if "vision_config" in config.to_dict() and "text_config" in config.to_dict() and not remote:
        raise ConfigError(
            f"{checkpoint.source} is a {config.model_type} model, which does not answer in text; a dual encoder is "
            f"clip:{checkpoint.source}"
        )
    raise ConfigError(
        f"{checkpoint.source} ({config.model_type}) has no class for images and text in transformers "
        f"{version('transformers')}; a model with a chat interface of its own is wrapped in a file, my.py:MyModel"
    )

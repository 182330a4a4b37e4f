"""Trains the demonstration's models from scratch: `python demo/train.py demo` and `python demo/train.py demo-small`.

Three stages, each with its own recorded seed: the vision tower names what is in each grid cell; LLaVA learns to answer
(the loss is on answers alone); CLIP learns to match captions, starting from the same tower. The checkpoints and all
figures about them are written by this script; `training.json` beside each checkpoint is its record.
"""

import argparse
import json
import math
import platform
import sys
import time
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import torch
import transformers
from tokenizers import Tokenizer
from torch.nn import functional
from transformers import CLIPModel, LlavaForConditionalGeneration

from demo.batches import NO_LABEL, Batch, pixel_tensor, stream
from demo.checkpoints import (
    CLIP_MARKS,
    SIZES,
    build_clip,
    build_vlm,
    clip_processor,
    save_half,
    train_tokenizer,
    vlm_processor,
)
from demo.dice import Dice
from demo.evaluate import heldout_retrieval, heldout_skills, suite_hashes
from demo.questions import captions
from demo.rows import Row, draw_mixed, draw_plain
from demo.scenes import COLORS, GRID, SHAPES, Scene, draw_scene, scene_hash

MODELS: Final = Path(__file__).resolve().parent / "models"
_EMPTY_WEIGHT: Final = 0.3
_CELL_CLASSES: Final = 1 + len(SHAPES) * len(COLORS) + 10
_LOG_EVERY: Final = 200
_SNAPSHOT_EVERY: Final = 1000


@dataclass(frozen=True, slots=True)
class Recipe:
    """How long and how fast each stage learns, in optimiser steps; `warm_share` of LLaVA's see bare questions."""

    seed: int
    tower_steps: int
    tower_batch: int
    vlm_steps: int
    vlm_batch: int
    warm_share: float
    clip_steps: int
    clip_batch: int
    peak_rate: float


RECIPES: Final[dict[str, Recipe]] = {
    "demo": Recipe(
        seed=20240,
        tower_steps=200,
        tower_batch=128,
        vlm_steps=5000,
        vlm_batch=64,
        warm_share=0.3,
        clip_steps=140,
        clip_batch=128,
        peak_rate=2e-3,
    ),
    "demo-small": Recipe(
        seed=20241,
        tower_steps=120,
        tower_batch=64,
        vlm_steps=1000,
        vlm_batch=64,
        warm_share=0.3,
        clip_steps=60,
        clip_batch=128,
        peak_rate=2e-3,
    ),
}


class Optimizer:
    """Muon for the layers' matrices, AdamW for everything else; the rate rises, holds and falls linearly."""

    def __init__(self, named: Iterable[tuple[str, torch.nn.Parameter]], peak: float, steps: int) -> None:
        matrices: list[torch.nn.Parameter] = []
        others: list[torch.nn.Parameter] = []
        for name, parameter in named:
            (matrices if parameter.ndim == 2 and ".layers." in name else others).append(parameter)
        self._parts: list[torch.optim.Optimizer] = [
            torch.optim.AdamW(others, betas=(0.9, 0.98), weight_decay=0.01),
            torch.optim.Muon(matrices, weight_decay=0.01, adjust_lr_fn="match_rms_adamw"),
        ]
        self._all = [*matrices, *others]
        self._peak, self._steps, self._step = peak, steps, 0

    def step(self, loss: torch.Tensor) -> None:
        """Take one step down the gradient of `loss`."""
        share = self._step / self._steps
        rate = self._peak * min(1.0, (self._step + 1) / 50) * max(0.02, min(1.0, (1 - share) / 0.6))
        self._step += 1
        for part in self._parts:
            part.zero_grad()
            for group in part.param_groups:
                group["lr"] = rate
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self._all, 1.0)
        for part in self._parts:
            part.step()


class SceneSource:
    """Draws training scenes and remembers which layouts were drawn."""

    def __init__(self, layouts: Iterable[str] = ()) -> None:
        self.layouts = set(layouts)

    def scene(self, dice: Dice) -> Scene:
        """Draw one training scene."""
        scene = draw_scene(dice, "train")
        self.layouts.add(scene_hash(scene))
        return scene

    def row(self, dice: Dice, *, plain: bool) -> Row:
        """Draw one training row: a bare question if `plain`, else any of the wordings."""
        row = draw_plain(dice, "train") if plain else draw_mixed(dice, "train")
        self.layouts.update(scene_hash(scene) for scene in row.scenes)
        return row


def cell_labels(scenes: list[Scene]) -> torch.Tensor:
    """Return (n, 9) classes of the cells: 0 empty, then shape by colour, then digits."""
    labels = torch.zeros(len(scenes), GRID * GRID, dtype=torch.long)
    colors = tuple(COLORS)
    for place, scene in enumerate(scenes):
        for item in scene.items:
            labels[place, item.cell] = 1 + SHAPES.index(item.shape) * len(colors) + colors.index(item.color)
        if scene.digit is not None:
            labels[place, scene.digit.cell] = _CELL_CLASSES - 10 + scene.digit.value
    return labels


def train_tower(tower: Any, recipe: Recipe, source: SceneSource) -> None:
    """Teach a CLIP vision tower to name the content of each cell from that cell's patch token."""
    dice = Dice(recipe.seed)
    head = torch.nn.Linear(tower.config.hidden_size, _CELL_CLASSES)
    named = [*tower.named_parameters(), *((f"head.{name}", parameter) for name, parameter in head.named_parameters())]
    optimizer = Optimizer(named, recipe.peak_rate, recipe.tower_steps)
    weight = torch.ones(_CELL_CLASSES)
    weight[0] = _EMPTY_WEIGHT
    for step in range(recipe.tower_steps):
        scenes = [source.scene(dice) for _ in range(recipe.tower_batch)]
        logits = head(tower(pixel_tensor(scenes)).last_hidden_state[:, 1:])
        loss = functional.cross_entropy(logits.flatten(0, 1), cell_labels(scenes).flatten(), weight=weight)
        optimizer.step(loss)
        if (step + 1) % _LOG_EVERY == 0:
            print(f"tower {step + 1}: loss {loss.item():.4f}", flush=True)


def answer_loss(model: LlavaForConditionalGeneration, batch: Batch) -> tuple[torch.Tensor, list[bool]]:
    """Return the mean loss over answer tokens, and for each row whether greedy decoding would give its answer."""
    hidden = model.model(input_ids=batch.tokens, pixel_values=batch.pixels, use_cache=False).last_hidden_state
    inside = batch.labels != NO_LABEL
    logits, labels = model.lm_head(hidden[inside]), batch.labels[inside]
    right = torch.ones_like(inside)
    right[inside] = logits.argmax(-1) == labels
    return functional.cross_entropy(logits, labels), right.all(1).tolist()


def train_vlm(
    model: LlavaForConditionalGeneration, tokenizer: Tokenizer, recipe: Recipe, source: SceneSource, folder: Path
) -> list[dict[str, float]]:
    """Teach LLaVA to answer, saving it to `folder` now and then; returns the course of the loss."""
    warm_steps = int(recipe.warm_share * recipe.vlm_steps)
    dice = Dice(recipe.seed + 1)
    plain = stream(lambda dice: source.row(dice, plain=True), dice, tokenizer, rows_per_batch=recipe.vlm_batch)
    mixed = stream(lambda dice: source.row(dice, plain=False), dice, tokenizer, rows_per_batch=recipe.vlm_batch)
    optimizer = Optimizer(model.named_parameters(), recipe.peak_rate, recipe.vlm_steps)
    course: list[dict[str, float]] = []
    losses: list[float] = []
    hits: dict[str, list[bool]] = defaultdict(list)
    for step in range(1, recipe.vlm_steps + 1):
        batch = next(plain if step <= warm_steps else mixed)
        loss, right = answer_loss(model, batch)
        optimizer.step(loss)
        losses.append(loss.item())
        for row, hit in zip(batch.rows, right, strict=True):
            hits[row.skill].append(hit)
        if step % _SNAPSHOT_EVERY == 0:
            save_half(model, vlm_processor(tokenizer), folder)
        if step % _LOG_EVERY == 0:
            course.append({"step": step, "loss": round(sum(losses) / len(losses), 4)})
            shares = " ".join(f"{skill} {sum(hit) / len(hit):.2f}" for skill, hit in sorted(hits.items()))
            print(f"vlm {step}: loss {course[-1]['loss']:.3f} {shares}", flush=True)
            losses.clear()
            hits.clear()
    return course


def train_clip(model: CLIPModel, tokenizer: Any, recipe: Recipe, source: SceneSource) -> list[dict[str, float]]:
    """Teach CLIP to match scenes with one of their five captions; returns the course of the loss."""
    dice = Dice(recipe.seed + 2)
    optimizer = Optimizer(model.named_parameters(), recipe.peak_rate, recipe.clip_steps)
    target = torch.arange(recipe.clip_batch)
    course: list[dict[str, float]] = []
    losses: list[float] = []
    for step in range(1, recipe.clip_steps + 1):
        scenes = [source.scene(dice) for _ in range(recipe.clip_batch)]
        texts = tokenizer([dice.pick(captions(scene)) for scene in scenes], padding=True, return_tensors="pt")
        logits = model(**texts, pixel_values=pixel_tensor(scenes)).logits_per_image
        loss = (functional.cross_entropy(logits, target) + functional.cross_entropy(logits.T, target)) / 2
        optimizer.step(loss)
        with torch.no_grad():
            model.logit_scale.clamp_(max=math.log(100))
        losses.append(loss.item())
        if step % _LOG_EVERY == 0:
            course.append({"step": step, "loss": round(sum(losses) / len(losses), 4)})
            print(f"clip {step}: loss {course[-1]['loss']:.3f}", flush=True)
            losses.clear()
    return course


def main() -> None:
    """Train one model pair and write its checkpoints and records."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=sorted(RECIPES), help="which pair of models")
    parser.add_argument("--output", type=Path, default=MODELS, help="folder of model folders (default: demo/models)")
    parser.add_argument("--only", choices=("vlm", "clip"), help="train one of the two; both start from the same tower")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    train_pair(arguments.name, arguments.output, arguments.only)


def train_pair(name: str, output: Path, only: str | None) -> None:
    """Train the tower, then what `only` names (both if None), into `output`/`name`."""
    recipe, size = RECIPES[name], SIZES[name]
    tokenizer = train_tokenizer(recipe.seed, size.vocabulary)
    started = time.process_time()
    torch.manual_seed(recipe.seed)
    vlm, seen = build_vlm(size, tokenizer), SceneSource()
    train_tower(vlm.model.vision_tower, recipe, seen)
    tower = {key: value.clone() for key, value in vlm.model.vision_tower.state_dict().items()}
    tower_seconds = time.process_time() - started
    if only != "clip":
        started = time.process_time()
        folder, source = output / name / "vlm", SceneSource(seen.layouts)
        course = train_vlm(vlm, tokenizer, recipe, source, folder)
        seconds = time.process_time() - started
        save_half(vlm, vlm_processor(tokenizer), folder)
        _record(folder, name, vlm, source, course, (tower_seconds, seconds), heldout_skills(folder))
    if only != "vlm":
        started = time.process_time()
        source = SceneSource(seen.layouts)
        torch.manual_seed(recipe.seed + 2)
        texts = train_tokenizer(recipe.seed, size.vocabulary, marks=CLIP_MARKS)
        clip, processor = build_clip(size, texts), clip_processor(texts)
        clip.vision_model.load_state_dict({key.removeprefix("vision_model."): tower[key] for key in tower})
        course = train_clip(clip, processor.tokenizer, recipe, source)
        seconds = time.process_time() - started
        folder = output / name / "clip"
        save_half(clip, processor, folder)
        _record(folder, name, clip, source, course, (tower_seconds, seconds), heldout_retrieval(folder))


def _record(
    folder: Path,
    name: str,
    model: Any,
    source: SceneSource,
    course: list[dict[str, float]],
    seconds: tuple[float, float],
    heldout: dict[str, float],
) -> None:
    """Write `training.json`: everything needed to repeat the run, and what it reached."""
    recipe, size = RECIPES[name], SIZES[name]
    suite = suite_hashes()
    foreign = ("clip_",) if folder.name == "vlm" else ("vlm_", "warm_")
    record = {
        "command": f"python demo/train.py {name}",
        "model": type(model).__name__,
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "size": asdict(size),
        "recipe": {key: value for key, value in asdict(recipe).items() if not key.startswith(foreign)},
        "cpu_minutes": {"tower": round(seconds[0] / 60, 1), folder.name: round(seconds[1] / 60, 1)},
        "threads": torch.get_num_threads(),
        "versions": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "transformers": transformers.__version__,
        },
        "training_layouts": len(source.layouts),
        "suite_layouts": len(suite),
        "suite_layouts_seen_in_training": len(suite & source.layouts),
        "loss": course,
        "heldout_validation": heldout,
    }
    (folder / "training.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(heldout), flush=True)


if __name__ == "__main__":
    main()

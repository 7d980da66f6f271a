# pyright: reportMissingImports=false
"""Train the demo's detector: `python -m sightline.training.street --out DIR [--minutes 25]`.

Draws synthetic streets, trains the network of `net.py` on them for so many minutes on the CPU, and writes
`street.onnx`, `labels.txt` and `measured.json` into DIR. Needs PyTorch, which Sightline itself does not.
"""

from __future__ import annotations

import argparse
import copy
import json
import math
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sightline.errors import MissingExtraError, SightlineError
from sightline.sources.scene import LABELS
from sightline.training.frames import Sample, augment, samples, stack
from sightline.training.judge import Marks, judge

if TYPE_CHECKING:
    import torch

    from sightline.training.net import StreetNet

__all__ = ["HELD_OUT", "Recipe", "held_out", "main", "train"]

HELD_OUT = range(1, 41)  # seeds that training never sees; the demo's are among them
FIRST_SEED = 10_000


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to train. width, height: of the network's input. minutes: of wall clock, after drawing. seed: of chance."""

    width: int = 448
    height: int = 256
    streets: int = 250
    moments: int = 14
    minutes: float = 25.0
    batch: int = 16
    rate: float = 2e-3
    decay: float = 0.02
    threads: int = 1
    seed: int = 0


def held_out(recipe: Recipe, moments: int = 8, seeds: range = HELD_OUT) -> list[Sample]:
    """Pictures of streets that training never sees."""
    return [s for seed in seeds for s in samples(seed, moments, recipe.width, recipe.height)]


def train(recipe: Recipe, checkpoint: Path | None = None) -> StreetNet:
    """The trained network, in eval mode. Writes the running weights to `checkpoint` every minute, where given.

    Raises MissingExtraError without PyTorch.
    """
    torch = _torch()
    from sightline.training.net import StreetNet

    torch.manual_seed(recipe.seed)
    torch.set_num_threads(recipe.threads)
    rng = np.random.default_rng(recipe.seed)
    pool = [
        s
        for k in range(recipe.streets)
        for s in samples(FIRST_SEED + 1000 * recipe.seed + k, recipe.moments, recipe.width, recipe.height)
    ]
    net = StreetNet(len(LABELS), recipe.height, recipe.width).to(memory_format=torch.channels_last)
    slow = copy.deepcopy(net).eval()  # the running mean of the weights is what gets shipped
    optimizer = torch.optim.AdamW(net.parameters(), recipe.rate, weight_decay=recipe.decay)
    begun, saved, step, sums = time.monotonic(), time.monotonic(), 0, []
    while (part := (time.monotonic() - begun) / (60 * recipe.minutes)) < 1:
        for group in optimizer.param_groups:
            group["lr"] = recipe.rate * min(1.0, (step + 1) / 200) * (0.02 + 0.98 * (1 + math.cos(math.pi * part)) / 2)
        chosen = [augment(pool[int(i)], rng) for i in rng.integers(len(pool), size=recipe.batch)]
        sums.append(_step(net, optimizer, chosen))
        step += 1
        _follow(slow, net, min(0.998, step / (step + 20)))
        if time.monotonic() - saved > 60:
            saved = time.monotonic()
            print(f"{saved - begun:6.0f} s  step {step:6d}  loss {np.mean(sums):.3f}", flush=True)
            sums.clear()
            if checkpoint is not None:
                torch.save(slow.state_dict(), checkpoint)
    return slow


def _step(net: StreetNet, optimizer: torch.optim.Optimizer, chosen: list[Sample]) -> float:
    from sightline.training.net import loss

    t = _torch()
    pixels, labels, boxes = stack(chosen)
    images = t.from_numpy(pixels).permute(0, 3, 1, 2).float().div_(255).contiguous(memory_format=t.channels_last)
    net.train()
    with t.autocast("cpu", t.bfloat16):
        value = loss(net, images, t.from_numpy(labels), t.from_numpy(boxes))
    optimizer.zero_grad()
    value.backward()
    t.nn.utils.clip_grad_norm_(net.parameters(), 10.0)
    optimizer.step()
    return float(value.detach())


def _follow(slow: StreetNet, net: StreetNet, keep: float) -> None:
    """slow = keep * slow + (1 - keep) * net, for weights and for the statistics of the normalisation."""
    t = _torch()
    with t.no_grad():
        for mine, new in zip(slow.state_dict().values(), net.state_dict().values(), strict=True):
            if mine.dtype.is_floating_point:
                mine.mul_(keep).add_(new, alpha=1 - keep)
            else:
                mine.copy_(new)


def _torch():
    try:
        import torch
    except ModuleNotFoundError as error:
        raise MissingExtraError("training needs PyTorch; install it with: pip install torch") from error
    return torch


def main(arguments: list[str] | None = None) -> None:
    """The command line of the training."""
    usual = Recipe()
    parser = argparse.ArgumentParser(prog="python -m sightline.training.street", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder to write to")
    parser.add_argument("--minutes", type=float, default=usual.minutes)
    parser.add_argument("--threads", type=int, default=usual.threads)
    parser.add_argument("--streets", type=int, default=usual.streets)
    given = parser.parse_args(arguments)
    recipe = Recipe(minutes=given.minutes, threads=given.threads, streets=given.streets)
    _torch()  # before anything is made or drawn
    given.out.mkdir(parents=True, exist_ok=True)
    begun = time.monotonic()
    net = train(recipe, given.out / "street.pt")
    seconds = time.monotonic() - begun
    weights = given.out / "street.onnx"
    from sightline.training.export import export

    export(net, (recipe.width, recipe.height), LABELS, weights)
    (given.out / "labels.txt").write_text("".join(f"{label}\n" for label in LABELS), encoding="utf-8")
    marks = judge(weights, held_out(recipe), len(LABELS))
    (given.out / "measured.json").write_text(json.dumps(_said(marks, seconds), indent=2) + "\n", encoding="utf-8")
    print(json.dumps(_said(marks, seconds)))


def _said(marks: Marks, seconds: float) -> dict[str, object]:
    return {
        "map50": round(marks.map50, 4),
        "map50_95": round(marks.map50_95, 4),
        "ap50": {label: round(value, 4) for label, value in zip(LABELS, marks.by_label, strict=True)},
        "seconds": round(seconds),
        "streets": f"seeds {HELD_OUT.start} to {HELD_OUT.stop - 1}, 8 moments each",
    }


if __name__ == "__main__":
    try:
        main()
    except SightlineError as error:
        print(f"sightline: error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)

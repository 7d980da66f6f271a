"""A model that looks for nothing: for pipelines that only flatten, draw, record or pass on what the cameras show."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from sightline.models.graphs.graph_writer import GraphWriter
from sightline.models.manifest import InputManifest, Manifest, ThresholdManifest
from sightline.types import ChannelOrder, Resize

__all__ = ["NOTHING", "nothing_manifest", "write_nothing"]

# what a pipeline file says for it: `model: builtin:nothing`
NOTHING = "builtin:nothing"
_SIDE = 8  # pixels of its picture: what a frame costs it is next to nothing


def write_nothing(folder: Path) -> Path:
    """Writes its graph into `folder`: [1, 3, 8, 8] -> a score [1, 1] that is always 0. Returns the ONNX file."""
    graph = GraphWriter("nothing")
    picture = graph.input("picture", (1, 3, _SIDE, _SIDE))
    mean = graph.node("ReduceMean", [picture], axes=[1, 2, 3], keepdims=0)
    row = graph.node("Unsqueeze", [mean, graph.constant(np.array([1], np.int64))])
    score = graph.node("Mul", [row, graph.constant(np.zeros((1, 1), np.float32))])
    graph.output(graph.named(score, "score"), (1, 1))
    return graph.save(folder / "nothing.onnx")


def nothing_manifest() -> Manifest:
    """How it is fed and read: a classifier of one label, which it never reaches."""
    return Manifest(
        name="nothing",
        task="classify",
        head="classify",
        head_options={"activation": "none"},
        input=InputManifest(color=ChannelOrder.RGB, mean=(0.0,), scale=(255.0,), resize=Resize.STRETCH),
        thresholds=ThresholdManifest(score=1.0),
        labels=("nothing",),
        weights="nothing.onnx",
    )

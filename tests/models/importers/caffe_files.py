"""Caffe files made by hand: a caffemodel's bytes, a prototxt around some layers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from sightline.models.importers.seam import Foreign
from sightline.types import F32


def varint(value: int) -> bytes:
    out = b""
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def entry(number: int, data: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(data)) + data


def blob(array: F32) -> bytes:
    shape = entry(7, entry(1, b"".join(varint(n) for n in array.shape)))
    return shape + entry(5, array.astype("<f4").tobytes())


def old_blob(array: F32) -> bytes:
    """With num, channels, height and width instead of a shape."""
    dims = (1, 1, 1, 1, *array.shape)[-4:]
    shape = b"".join(varint(i << 3) + varint(n) for i, n in enumerate(dims, 1))
    return shape + entry(5, array.astype("<f4").tobytes())


def caffemodel(layers: Mapping[str, Sequence[F32]], *, old: bool = False) -> bytes:
    out = entry(1, b"net")
    for name, arrays in layers.items():
        if old:
            out += entry(2, entry(4, name.encode()) + b"".join(entry(6, old_blob(a)) for a in arrays))
        else:
            out += entry(100, entry(1, name.encode()) + b"".join(entry(7, blob(a)) for a in arrays))
    return out


def prototxt(shape: Sequence[int], layers: str) -> str:
    dims = " ".join(f"dim: {n}" for n in shape)
    return f'name: "net"\ninput: "data"\ninput_shape {{ {dims} }}\n{layers}\n'


def one(kind: str, parameters: str = "") -> str:
    """A network of one layer."""
    return f'layer {{ name: "a" type: "{kind}" bottom: "data" top: "a" {parameters} }}'


def written(folder: Path, text: str, weights: bytes) -> Foreign:
    folder.mkdir(exist_ok=True)
    (folder / "net.prototxt").write_text(text)
    (folder / "net.caffemodel").write_bytes(weights)
    (folder / "work").mkdir(exist_ok=True)
    return Foreign("caffe", folder / "net.prototxt", folder, folder / "work")


def noise(*shape: int, seed: int = 3) -> F32:
    return np.random.default_rng(seed).normal(0, 0.5, shape).astype(np.float32)


# A detector of one grid: 4 priors a cell, 3 classes.
SSD = """
layer { name: "p" type: "Pooling" bottom: "data" top: "p" pooling_param { kernel_size: 16 stride: 16 } }
layer { name: "loc" type: "Convolution" bottom: "p" top: "loc" convolution_param { num_output: 16 kernel_size: 1 } }
layer { name: "l1" type: "Permute" bottom: "loc" top: "l1" permute_param { order: 0 order: 2 order: 3 order: 1 } }
layer { name: "mbox_loc" type: "Flatten" bottom: "l1" top: "mbox_loc" }
layer { name: "conf" type: "Convolution" bottom: "p" top: "conf" convolution_param { num_output: 12 kernel_size: 1 } }
layer { name: "c1" type: "Permute" bottom: "conf" top: "c1" permute_param { order: 0 order: 2 order: 3 order: 1 } }
layer { name: "c2" type: "Reshape" bottom: "c1" top: "c2" reshape_param { shape { dim: 0 dim: -1 dim: 3 } } }
layer { name: "c3" type: "Softmax" bottom: "c2" top: "c3" softmax_param { axis: 2 } }
layer { name: "mbox_conf" type: "Flatten" bottom: "c3" top: "mbox_conf" }
layer { name: "pr" type: "PriorBox" bottom: "p" bottom: "data" top: "pr"
  prior_box_param { min_size: 20 max_size: 30 aspect_ratio: 2 variance: [0.1, 0.1, 0.2, 0.2] } }
layer { name: "mbox_priorbox" type: "Concat" bottom: "pr" top: "mbox_priorbox" concat_param { axis: 2 } }
layer { name: "out" type: "DetectionOutput" bottom: "mbox_loc" bottom: "mbox_conf" bottom: "mbox_priorbox" top: "out"
  detection_output_param { num_classes: 3 share_location: true code_type: CENTER_SIZE keep_top_k: 77
    nms_param { nms_threshold: 0.4 } confidence_threshold: 0.2 } }
"""


def ssd_arrays() -> dict[str, Sequence[F32]]:
    return {"loc": (noise(16, 3, 1, 1), noise(16)), "conf": (noise(12, 3, 1, 1), noise(12))}

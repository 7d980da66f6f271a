"""The parameters of a Darknet network, in the order of its layers, from a .weights file.

Form: github.com/AlexeyAB/darknet, src/parser.c, load_weights_upto: int32 major, minor, revision, images seen (64 bits
from version 0.2 on, else 32), then float32 numbers, little endian.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np

from sightline.errors import ModelError
from sightline.models.importers.darknet_cfg import Section
from sightline.types import F32

__all__ = ["BinaryWeights", "Kernel", "Normalisation", "Weights", "checked_normalisation", "open_weights"]

# What stands at the head of files that are taken for weights by their name alone.
_OTHERS = {
    b"version https://git-lfs": "it is a Git LFS pointer: fetch the real file with git lfs pull",
    b"PK\x03\x04": "it is a zip archive, as PyTorch writes: this is no Darknet model",
    b"<": "it is a web page or XML: download the file itself",
    b"[net": "it is a cfg: were cfg and weights swapped?",
    b"\x1f\x8b": "it is packed with gzip: unpack it first",
}
# Running variances of channels that died in training end a little below 0 (published files hold -7e-44).
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class Normalisation:
    """Batch normalisation, each (C,): scale * (x - mean) / sqrt(variance + epsilon)."""

    scale: F32
    mean: F32
    variance: F32


@dataclass(frozen=True, slots=True, eq=False)
class Kernel:
    """bias (C,), weights flat as the layer lays them out; normalisation comes before the bias."""

    bias: F32
    weights: F32
    normalisation: Normalisation | None


class Weights(Protocol):
    """Where layers take their parameters from, one after another. Each raises ModelError naming the layer."""

    @property
    def epsilon(self) -> float:
        """What batch normalisation adds to the variance."""
        ...

    def convolution(self, layer: Section, filters: int, count: int, normalised: bool) -> Kernel:
        """`filters` biases and `count` weights."""
        ...

    def connected(self, layer: Section, outputs: int, inputs: int, normalised: bool) -> Kernel:
        """Weights (outputs, inputs), flat."""
        ...

    def normalisation(self, layer: Section, channels: int) -> tuple[F32, Normalisation]:
        """Bias (C,) and the rest of a [batchnorm] layer."""
        ...

    def plain(self, layer: Section, count: int) -> F32:
        """`count` numbers as they come."""
        ...

    def finish(self) -> tuple[str, ...]:
        """Warnings about what was left over."""
        ...


@dataclass(slots=True, eq=False)
class BinaryWeights:
    """The numbers of a .weights file, mapped, not read. transposed: [connected] weights are (inputs, outputs)."""

    path: Path
    numbers: F32
    transposed: bool
    surplus: int = 0
    # OpenCV's reader takes 1e-6 as Darknet's first version did; AlexeyAB's takes 1e-5, in the same place
    epsilon: float = 1e-6
    _next: int = field(default=0, init=False)

    def convolution(self, layer: Section, filters: int, count: int, normalised: bool) -> Kernel:
        """Biases, then scales, means and variances, then weights."""
        bias = self._take(layer, filters, "biases")
        inner = self._normalisation(layer, filters) if normalised else None
        return Kernel(bias, self._take(layer, count, "weights"), inner)

    def connected(self, layer: Section, outputs: int, inputs: int, normalised: bool) -> Kernel:
        """Biases, then weights, then scales, means and variances."""
        bias = self._take(layer, outputs, "biases")
        weights = self._take(layer, outputs * inputs, "weights")
        if self.transposed:
            weights = np.ascontiguousarray(weights.reshape(inputs, outputs).T).reshape(-1)
        return Kernel(bias, weights, self._normalisation(layer, outputs) if normalised else None)

    def normalisation(self, layer: Section, channels: int) -> tuple[F32, Normalisation]:
        """Biases, scales, means, variances."""
        return self._take(layer, channels, "biases"), self._normalisation(layer, channels)

    def plain(self, layer: Section, count: int) -> F32:
        return self._take(layer, count, "weights")

    def finish(self) -> tuple[str, ...]:
        left = 4 * (len(self.numbers) - self._next) + self.surplus
        if not left:
            return ()
        return (
            f"{self.path}: {left} bytes are left over after the last layer; does this cfg belong to these weights?",
        )

    def _normalisation(self, layer: Section, channels: int) -> Normalisation:
        scale, mean, variance = (self._take(layer, channels, what) for what in ("scales", "means", "variances"))
        return checked_normalisation(self.path, layer, Normalisation(scale, mean, variance))

    def _take(self, layer: Section, count: int, what: str) -> F32:
        left = len(self.numbers) - self._next
        if count > left:
            raise ModelError(
                f"{self.path}: ends in {layer.name} (line {layer.line} of {Path(layer.file).name}): its {count} "
                f"{what} take {4 * count} bytes, {4 * left + self.surplus} are left\n"
                "the file is cut short, holds only the first layers (as files to start training from do), or belongs "
                "to another cfg"
            )
        taken = self.numbers[self._next : self._next + count]
        self._next += count
        return taken


def checked_normalisation(path: Path, layer: Section, read: Normalisation) -> Normalisation:
    """`read`, its variances 0 or more; raises ModelError where it cannot have been written for this layer."""
    if not (read.variance >= -_ROUNDING).all() or not math.isfinite(float(read.variance.sum(dtype=np.float64))):
        raise ModelError(
            f"{path}: the variances of {layer.name} (line {layer.line} of {Path(layer.file).name}) hold "
            "what no variance is: these weights belong to another cfg"
        )
    return Normalisation(read.scale, read.mean, np.maximum(read.variance, np.float32(0.0)))


def open_weights(path: Path) -> BinaryWeights:
    """The file, mapped, behind its header. Raises ModelError where it cannot be one."""
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            head = file.read(64)
    except OSError as error:
        raise ModelError(f"{path}: cannot be read: {error.strerror}") from error
    if not size:
        raise ModelError(f"{path}: the file is empty; copy it again")
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n#;")
    told = next((why for mark, why in _OTHERS.items() if start.startswith(mark)), None)
    if told is not None:
        raise ModelError(f"{path}: not Darknet weights; {told}")
    if size < 16:
        raise ModelError(f"{path}: {size} bytes do not hold the header of Darknet weights; copy it again")
    major, minor, _ = np.frombuffer(head[:12], "<i4").tolist()
    if major < 0 or minor < 0:
        raise ModelError(f"{path}: not Darknet weights (version {major}.{minor} in its header)")
    # before there were versions, the header began with floats, whose bits read as large numbers
    unversioned = major > 1000 or minor > 1000
    start_at = 20 if not unversioned and major * 10 + minor >= 2 else 16
    count, surplus = divmod(max(size - start_at, 0), 4)
    # nothing can be mapped of an empty rest
    numbers = np.asarray(np.memmap(path, "<f4", "r", start_at, (count,))) if count else np.zeros(0, np.float32)
    return BinaryWeights(path, numbers, unversioned, surplus)

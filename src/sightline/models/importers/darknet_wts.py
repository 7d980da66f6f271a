"""The .wts text that exporters from PyTorch write: a count, then lines of "name count hex hex ...", big endian float32.

Lines named module_list.N or models.N belong to layer N of the cfg; lines of other names are taken in their order. Of
each layer come the weights, then the bias, or weight, bias, running_mean and running_var of its normalisation.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from sightline.errors import ModelError
from sightline.models.importers.darknet_cfg import Section
from sightline.models.importers.darknet_weights import Kernel, Normalisation, checked_normalisation
from sightline.types import F32

__all__ = ["WtsWeights", "open_wts"]

_LONGEST = 1 << 30  # bytes of a line
_NUMBERED = re.compile(r"(?:.*\.)?(?:module_list|models)\.(\d{1,5})\.")
_COUNTERS = ("num_batches_tracked", ".total_ops", ".total_params")


@dataclass(slots=True, eq=False)
class WtsWeights:
    """The tensors of a .wts file by layer number, or in one run (key -1)."""

    path: Path
    tensors: dict[int, list[tuple[str, F32]]]
    epsilon: float = 1e-5  # PyTorch's own, which readers of these files take
    _next: dict[int, int] = field(default_factory=dict[int, int], init=False)

    def convolution(self, layer: Section, filters: int, count: int, normalised: bool) -> Kernel:
        weights = self._take(layer, ("weight",), count)
        if normalised:
            return Kernel(*self._normalisation(layer, filters, weights))
        bias = self._take(layer, ("bias",), filters, optional=True)
        return Kernel(np.zeros(filters, np.float32) if bias is None else bias, weights, None)

    def connected(self, layer: Section, outputs: int, inputs: int, normalised: bool) -> Kernel:
        return self.convolution(layer, outputs, outputs * inputs, normalised)

    def normalisation(self, layer: Section, channels: int) -> tuple[F32, Normalisation]:
        bias, _, inner = self._normalisation(layer, channels, np.zeros(0, np.float32))
        return bias, inner

    def plain(self, layer: Section, count: int) -> F32:
        return self._take(layer, (), count)

    def finish(self) -> tuple[str, ...]:
        left = sum(len(found) - self._next.get(key, 0) for key, found in self.tensors.items())
        if not left:
            return ()
        return (f"{self.path}: {left} tensors are left over after the last layer; does this cfg belong to it?",)

    def _normalisation(self, layer: Section, channels: int, weights: F32) -> tuple[F32, F32, Normalisation]:
        """(bias, `weights`, the rest)."""
        scale = self._take(layer, ("weight",), channels)
        bias = self._take(layer, ("bias",), channels)
        mean = self._take(layer, ("running_mean",), channels)
        variance = self._take(layer, ("running_var",), channels)
        return bias, weights, checked_normalisation(self.path, layer, Normalisation(scale, mean, variance))

    def _take(self, layer: Section, ends: tuple[str, ...], count: int, optional: bool = False) -> F32:
        """The next tensor of the layer; its name ends in one of `ends`."""
        key = layer.index if -1 not in self.tensors else -1
        found, at = self.tensors.get(key, []), self._next.get(key, 0)
        where = f"{layer.name} (line {layer.line} of {Path(layer.file).name})"
        name, values = found[at] if at < len(found) else ("", np.zeros(0, np.float32))
        fits = bool(name) and (not ends or name.rsplit(".", 1)[-1] in ends)
        if not fits and optional:
            return np.zeros(count, np.float32)
        if not name:
            raise ModelError(f"{self.path}: holds nothing more for {where}; it takes {count} numbers ({ends or 'any'})")
        if not fits:
            raise ModelError(f"{self.path}: {name} comes where {where} takes its {ends[0]}")
        if len(values) != count:
            raise ModelError(f"{self.path}: {name} holds {len(values)} numbers, {where} takes {count}")
        self._next[key] = at + 1
        return values


def open_wts(path: Path) -> WtsWeights:
    """Every tensor of the file. Raises ModelError naming the line that cannot be read."""
    tensors: dict[int, list[tuple[str, F32]]] = {}
    found = list(_lines(path))
    numbered = [_NUMBERED.match(name) for name, _ in found]
    by_layer = all(match is not None for match in numbered)
    for (name, values), match in zip(found, numbered, strict=True):
        if name.endswith(_COUNTERS):
            continue
        key = int(match[1]) if by_layer and match is not None else -1
        tensors.setdefault(key, []).append((name, values))
    if not tensors:
        raise ModelError(f"{path}: it holds no tensors; write it again")
    return WtsWeights(path, tensors)


def _lines(path: Path) -> Iterator[tuple[str, F32]]:
    """(name, values) a line."""
    try:
        with path.open("rb") as file:
            head = file.readline(64).strip()
            if not re.fullmatch(rb"(\xef\xbb\xbf)?\d{1,7}", head):
                raise ModelError(f"{path}: its first line is no count of tensors; is this a .wts text?")
            wanted = int(head.removeprefix(b"\xef\xbb\xbf"))
            read = 0
            while line := file.readline(_LONGEST):
                if not line.strip():
                    continue
                read += 1
                yield _tensor(path, read + 1, line)
    except OSError as error:
        raise ModelError(f"{path}: cannot be read: {error.strerror}") from error
    if read != wanted:
        raise ModelError(f"{path}: it says {wanted} tensors and holds {read}; it is cut short or damaged")


def _tensor(path: Path, number: int, line: bytes) -> tuple[str, F32]:
    name, _, rest = line.partition(b" ")
    count, _, words = rest.strip().partition(b" ")
    try:
        # hexadecimal words of eight digits; what stands between them is passed over
        data = bytes.fromhex(words.decode("ascii"))
        size = int(count)
    except ValueError as error:
        raise ModelError(f"{path}:{number}: not a line of name, count and hexadecimal numbers") from error
    if len(data) != 4 * size:
        raise ModelError(
            f"{path}:{number}: {name[:80].decode('utf-8', 'replace')} says {size} numbers, holds {len(data) // 4}"
        )
    return name.decode("utf-8", "replace"), np.frombuffer(data, ">f4").astype(np.float32)

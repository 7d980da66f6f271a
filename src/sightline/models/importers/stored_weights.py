"""The weights of a checkpoint, by their names in the network, and what it tells of the layers that hold them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from sightline.errors import ModelError
from sightline.models.importers.layer_writer import Pair
from sightline.models.importers.restricted_pickle import Shell
from sightline.models.importers.stored_tensor import StoredTensor
from sightline.models.importers.yolov7_yaml import HEADS, Activation, Plan
from sightline.types import F32

__all__ = ["StoredWeights", "modules_of", "tensors_of"]

_MAX_DEPTH = 24
_MAX_MODULES = 100_000
_MAX_BYTES = 2 << 30  # one ONNX file holds no more
_EPSILON = 1e-3  # what both projects set on every normalisation
# buffers that only training reads
_UNREAD = (".num_batches_tracked", ".anchors", ".anchor_grid", ".stride", ".grid", ".id_tensor", ".bins", ".pos_weight")


def modules_of(model: Shell) -> dict[str, Shell]:
    """Every module of a pickled network by its path; the network itself is ""."""
    found: dict[str, Shell] = {}
    waiting: list[tuple[str, Shell, int]] = [("", model, 0)]
    while waiting:
        path, shell, depth = waiting.pop()
        if depth > _MAX_DEPTH or len(found) > _MAX_MODULES:
            raise ModelError(f"its modules are nested without an end: {path[:120]}")
        found[path] = shell
        children = shell.attributes.get("_modules")
        for name, child in children.items() if isinstance(children, dict) else ():
            if isinstance(child, Shell):
                waiting.append((f"{path}.{name}" if path else str(name), child, depth + 1))
    return found


def tensors_of(modules: Mapping[str, Shell]) -> dict[str, StoredTensor]:
    """The parameters and buffers of `modules` by the names that a state dictionary gives them."""
    found: dict[str, StoredTensor] = {}
    for path, shell in modules.items():
        for kind in ("_parameters", "_buffers"):
            held = shell.attributes.get(kind)
            for name, value in held.items() if isinstance(held, dict) else ():
                if isinstance(value, StoredTensor):
                    found[f"{path}.{name}" if path else str(name)] = value
    return found


@dataclass(slots=True)
class StoredWeights:
    """As `layer_writer.Weights`. modules: by path; empty for a bare state dictionary."""

    tensors: Mapping[str, StoredTensor]
    modules: Mapping[str, Shell]
    where: str
    used: set[str] = field(default_factory=set[str])
    broken: set[str] = field(default_factory=set[str])
    bytes: int = 0

    @property
    def folded(self) -> bool:
        # what folds the normalisations folds the implicit layers too and leaves these standing; a pickled head tells
        # it by the method that was put in place of its own
        if self.modules:
            heads = (shell for shell in self.modules.values() if shell.kind.rpartition(".")[2] in HEADS)
            return any("forward" in shell.attributes for shell in heads)
        folded, apart = (any(name.endswith(end) for name in self.tensors) for end in (".conv.bias", ".bn.weight"))
        return folded and not apart

    def take(self, name: str, shape: tuple[int, ...]) -> F32:
        found = self.find(name, shape)
        if found is None:
            raise ModelError(
                f"{self.where}: {name} {list(shape)} is missing\n"
                "the weights belong to another network than the yaml says: give the yaml they were trained with"
            )
        return found

    def find(self, name: str, shape: tuple[int, ...]) -> F32 | None:
        tensor = self.tensors.get(name)
        if tensor is None:
            return None
        self.used.add(name)
        if tensor.shape != shape:
            raise ModelError(
                f"{self.where}: {name} has the shape {list(tensor.shape)}, not {list(shape)}\n"
                "the weights belong to another network than the yaml says: give the yaml they were trained with"
            )
        self.bytes += 4 * int(np.prod(shape, dtype=np.int64))
        if self.bytes > _MAX_BYTES:
            raise ModelError(
                f"{self.where}: its weights take more than {_MAX_BYTES >> 30} GiB, which one ONNX file cannot hold"
            )
        try:
            array = tensor.array().astype(np.float32)
        except ModelError as error:
            raise ModelError(f"{self.where}: {name}: {error}") from error
        if not np.isfinite(array).all():
            self.broken.add(name)
        return array

    def has(self, name: str) -> bool:
        return name in self.tensors

    def epsilon(self, path: str) -> float:
        shell = self.modules.get(path)
        value = shell.attributes.get("eps") if shell is not None else None
        return value if isinstance(value, float) and 0 < value < 1 else _EPSILON

    def activation(self, path: str) -> Activation | None:
        shell = self.modules.get(path)
        if shell is None:
            return None
        slope = shell.attributes.get("negative_slope")
        kind = shell.kind.rpartition(".")[2]
        return Activation(kind, slope) if isinstance(slope, float) else Activation(kind)

    def check_convolution(self, path: str, kernel: Pair, stride: Pair, padding: Pair, groups: int) -> None:
        shell = self.modules.get(path)
        if shell is None:
            return
        wanted = {"kernel_size": kernel, "stride": stride, "padding": padding, "groups": groups, "dilation": 1}
        for key, value in wanted.items():
            held = shell.attributes.get(key)
            said = (held, held) if isinstance(held, int) else held
            if held is not None and said != ((value, value) if isinstance(value, int) else value):
                raise ModelError(
                    f"{self.where}: {path} has {key} {held}, its yaml makes it {value}: other code trained it\n"
                    "export it to ONNX with that code, and import the ONNX file"
                )

    def check_layers(self, plan: Plan) -> None:
        """Raises ModelError where the modules are other ones than the yaml's."""
        if not self.modules:
            return
        for layer in plan.layers:
            shell = self.modules.get(f"model.{layer.index}")
            kind = shell.kind.rpartition(".")[2] if shell is not None else "nothing"
            wanted = "Sequential" if layer.repeats > 1 else layer.module
            alike = {wanted, "Conv"} if wanted == "DWConv" else HEADS if wanted in HEADS else {wanted}
            if kind not in alike:
                raise ModelError(
                    f"{self.where}: layer {layer.index} is {kind}, its yaml says {wanted}: it was changed later\n"
                    "export it to ONNX with the code that did so, and import the ONNX file"
                )

    def unused(self) -> tuple[str, ...]:
        """The names that no layer asked for, those apart that only training reads."""
        return tuple(
            name
            for name in self.tensors
            if name not in self.used and not name.endswith(_UNREAD) and not name.startswith(("criterion.", "loss."))
        )

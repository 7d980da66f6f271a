"""A prototxt -> inputs and layers in order, of either generation, those for training left out.

Types carry the names of the newer generation; rules and parameters are those of caffe.proto.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sightline.errors import ModelError
from sightline.foreign.protobuf_text import Message, parse_message
from sightline.models.importers.contents import text_of

__all__ = ["CaffeNet", "Layer", "read_net"]

_MOST_LAYERS = 20_000
_MOST_VALUES = 1 << 28
_OLD_TYPES = {
    "ABSVAL": "AbsVal", "ACCURACY": "Accuracy", "ARGMAX": "ArgMax", "BNLL": "BNLL", "CONCAT": "Concat",
    "CONTRASTIVE_LOSS": "ContrastiveLoss", "CONVOLUTION": "Convolution", "DATA": "Data",
    "DECONVOLUTION": "Deconvolution", "DROPOUT": "Dropout", "DUMMY_DATA": "DummyData",
    "EUCLIDEAN_LOSS": "EuclideanLoss", "ELTWISE": "Eltwise", "EXP": "Exp", "FLATTEN": "Flatten",
    "HDF5_DATA": "HDF5Data", "HDF5_OUTPUT": "HDF5Output", "HINGE_LOSS": "HingeLoss", "IM2COL": "Im2col",
    "IMAGE_DATA": "ImageData", "INFOGAIN_LOSS": "InfogainLoss", "INNER_PRODUCT": "InnerProduct", "LRN": "LRN",
    "MEMORY_DATA": "MemoryData", "MULTINOMIAL_LOGISTIC_LOSS": "MultinomialLogisticLoss", "MVN": "MVN",
    "POOLING": "Pooling", "POWER": "Power", "RELU": "ReLU", "SIGMOID": "Sigmoid",
    "SIGMOID_CROSS_ENTROPY_LOSS": "SigmoidCrossEntropyLoss", "SILENCE": "Silence", "SOFTMAX": "Softmax",
    "SOFTMAX_LOSS": "SoftmaxWithLoss", "SPLIT": "Split", "SLICE": "Slice", "TANH": "TanH",
    "WINDOW_DATA": "WindowData", "THRESHOLD": "Threshold",
}  # fmt: skip
# Layers that bring pictures in, of which an input stays; and those that only judge or write.
_DATA = ("Data", "ImageData", "AnnotatedData", "MemoryData", "HDF5Data", "WindowData", "DummyData", "VideoData")
_DROPPED = ("Accuracy", "Silence", "HDF5Output", "DetectionEvaluate")


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer: `said` holds its parameters, `where` is "file:line"."""

    name: str
    type: str
    bottoms: tuple[str, ...]
    tops: tuple[str, ...]
    said: Message

    @property
    def where(self) -> str:
        return f"{self.said.where}: layer {self.name!r} ({self.type})"


@dataclass(frozen=True, slots=True)
class CaffeNet:
    """name, inputs (blob, shape) and layers; transforms: what data layers do to pictures; dropped: for the user."""

    name: str
    inputs: tuple[tuple[str, tuple[int, ...]], ...]
    layers: tuple[Layer, ...]
    transforms: tuple[Message, ...] = ()
    dropped: tuple[str, ...] = ()


def read_net(path: Path) -> CaffeNet:
    """The network as it is used, not trained. Raises ModelError naming file, line and layer."""
    said = parse_message(text_of(path), path)
    old = said.messages("layers")
    entries = said.messages("layer") + old
    if not entries:
        told = "a solver, which trains a network: name its deploy.prototxt" if "base_lr" in said else "no layer in it"
        raise ModelError(f"{path}: {told}; a network needs layer {{ ... }} blocks")
    if len(entries) > _MOST_LAYERS:
        raise ModelError(f"{path}: {len(entries):,} layers; no network has so many")
    inputs = _declared(said, path)
    layers: list[Layer] = []
    transforms: list[Message] = []
    dropped: list[str] = []
    for entry in entries:
        if "layer" in entry:
            raise ModelError(
                f"{entry.where}: a network of Caffe's first year; open and save it with upgrade_net_proto_text"
            )
        if not _used(entry):
            continue
        layer = _layer(entry)
        if layer.type in _DATA or layer.type == "Input":
            found = _from_data(layer, transforms)
            inputs += [pair for pair in found if pair[0] not in {name for name, _ in inputs}]
        elif layer.type in _DROPPED or (layer.type.endswith("Loss") and layer.type != "SoftmaxWithLoss"):
            dropped.append(f"{layer.name} ({layer.type})")
        else:
            layers.append(layer)
    if not inputs:
        raise ModelError(f"{path}: no input: it needs input and input_dim, or a layer of type Input")
    for name, shape in inputs:
        _check(path, name, shape)
    return CaffeNet(said.text("name"), tuple(inputs), tuple(layers), tuple(transforms), tuple(dropped))


def _declared(said: Message, path: Path) -> list[tuple[str, tuple[int, ...]]]:
    """The inputs named at the top of the file."""
    names, dims = said.texts("input"), said.wholes("input_dim")
    shapes = [shape.wholes("dim") for shape in said.messages("input_shape")]
    if not shapes:
        shapes = [dims[i : i + 4] for i in range(0, len(dims), 4)]
    if len(shapes) != len(names):
        raise ModelError(f"{path}: {len(names)} inputs, but {len(shapes)} shapes (input_dim, input_shape)")
    return list(zip(names, shapes, strict=True))


def _layer(entry: Message) -> Layer:
    kind = entry.text("type")
    return Layer(entry.text("name"), _OLD_TYPES.get(kind, kind), entry.texts("bottom"), entry.texts("top"), entry)


def _used(entry: Message) -> bool:
    """Whether the layer is there when the network is used: phase TEST, level 0, no stage."""
    included = entry.messages("include")
    if included and not any(_meets(rule) for rule in included):
        return False
    if any(_meets(rule) for rule in entry.messages("exclude")):
        return False
    return not ("phase" in entry and _phase(entry) == "TRAIN")


def _meets(rule: Message) -> bool:
    if "phase" in rule and _phase(rule) != "TEST":
        return False
    if "stage" in rule or rule.whole("min_level") > 0:
        return False
    return not ("max_level" in rule and rule.whole("max_level") < 0)


def _phase(said: Message) -> str:
    """TRAIN or TEST, also where it is written as its number."""
    value = said.fields["phase"][-1]
    return {0: "TRAIN", 1: "TEST"}.get(value, "") if isinstance(value, int) else said.text("phase").upper()


def _from_data(layer: Layer, transforms: list[Message]) -> list[tuple[str, tuple[int, ...]]]:
    """The inputs that a layer of data stands for; labels are none."""
    said = layer.said
    if layer.type == "Input":
        if "transform_param" in said:
            transforms.append(said.message("transform_param"))
        shapes = [shape.wholes("dim") for shape in said.message("input_param").messages("shape")]
        if len(shapes) == 1:
            shapes *= len(layer.tops)
        if len(shapes) != len(layer.tops):
            raise ModelError(f"{layer.where}: {len(layer.tops)} tops, but {len(shapes)} shapes in input_param")
        return list(zip(layer.tops, shapes, strict=True))
    transform = said.message("transform_param")
    transforms.append(transform)
    if layer.type == "MemoryData":
        memory = said.message("memory_data_param")
        return [(layer.tops[0], (1, *(memory.whole(key) for key in ("channels", "height", "width"))))]
    resize = transform.message("resize_param")
    side = transform.whole("crop_size")
    high, wide = resize.whole("height") or side, resize.whole("width") or side
    if not layer.tops or not high or not wide:
        return []
    return [(layer.tops[0], (1, 3, high, wide))]


def _check(path: Path, name: str, shape: tuple[int, ...]) -> None:
    count = 1
    for n in shape:
        count *= n
    if not 1 <= len(shape) <= 8 or any(not 0 < n < 65536 for n in shape) or count > _MOST_VALUES:
        raise ModelError(f"{path}: input {name!r} of {' x '.join(map(str, shape[:8]))}: no size of a picture")

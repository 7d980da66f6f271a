"""Caffe: a prototxt and its caffemodel -> ONNX, every layer by what BVLC/caffe and its well-known forks compute."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from sightline.errors import ModelError, UsageError
from sightline.foreign.protobuf_text import Message
from sightline.models.graphs.graph_writer import GraphWriter
from sightline.models.importers import caffe_layers as layers
from sightline.models.importers import caffe_plain as plain
from sightline.models.importers import caffe_shapes as shapes
from sightline.models.importers.caffe_build import Blob, Build
from sightline.models.importers.caffe_net import CaffeNet, Layer, read_net
from sightline.models.importers.caffe_ssd import Detection, detection_output, prior_box
from sightline.models.importers.caffe_weights import mean_of, read_weights
from sightline.models.importers.seam import Foreign, Imported
from sightline.models.manifest import InputManifest, Manifest, ThresholdManifest
from sightline.types import F32, ChannelOrder, Resize

__all__ = ["read"]

_LAYERS: dict[str, Callable[[Layer, Build], None]] = {
    "Convolution": layers.convolution,
    "ConvolutionDepthwise": layers.convolution,
    "DepthwiseConvolution": layers.convolution,
    "ConvolutionData": layers.convolution,
    "Deconvolution": layers.deconvolution,
    "InnerProduct": layers.inner_product,
    "BatchNorm": layers.batch_norm,
    "Scale": layers.scale,
    "Bias": layers.bias,
    "PReLU": layers.prelu,
    "Pooling": layers.pooling,
    "Split": plain.same,
    "Dropout": plain.same,
    "Sigmoid": plain.elementwise,
    "TanH": plain.elementwise,
    "AbsVal": plain.elementwise,
    "BNLL": plain.elementwise,
    "HardSwish": plain.elementwise,
    "Swish": plain.elementwise,
    "Mish": plain.elementwise,
    "ReLU": plain.relu,
    "ReLU6": plain.clip,
    "Clip": plain.clip,
    "ELU": plain.elu,
    "Power": plain.power,
    "Exp": plain.exponential,
    "Log": plain.logarithm,
    "Threshold": plain.threshold,
    "Softmax": plain.softmax,
    "SoftmaxWithLoss": plain.softmax,
    "Eltwise": plain.eltwise,
    "Axpy": plain.axpy,
    "LRN": plain.lrn,
    "Normalize": plain.normalize,
    "MVN": plain.mvn,
    "Reduction": plain.reduction,
    "ArgMax": plain.argmax,
    "Concat": shapes.concat,
    "Slice": shapes.slices,
    "Crop": shapes.crop,
    "Flatten": shapes.flatten,
    "Reshape": shapes.reshape,
    "Permute": shapes.permute,
    "ShuffleChannel": shapes.shuffle,
    "Tile": shapes.tile,
    "Upsample": shapes.upsample,
    "Interp": shapes.interp,
    "PriorBox": prior_box,
}
_REFUSED = {
    "Python": "a program, which is not run here",
    "Proposal": "Faster R-CNN's proposals come from a program; convert it where it runs",
    "ROIPooling": "Faster R-CNN's regions depend on proposals; convert it where it runs",
    "PSROIPooling": "R-FCN's regions depend on proposals; convert it where it runs",
    "LSTM": "recurrent layers are not read",
    "RNN": "recurrent layers are not read",
    "Recurrent": "recurrent layers are not read",
}


def read(found: Foreign) -> Imported:
    """The network as ONNX in the workspace. Raises ModelError naming file, line and layer; UsageError where a second
    file is needed and several could be it.
    """
    prototxt, caffemodel = _pair(found)
    net = read_net(prototxt)
    weights = read_weights(caffemodel)
    build, detection = _built(net, weights)
    _outputs(build, detection, prototxt)
    if detection is not None:
        said = {"options": dict(detection.options), "classes": detection.classes}
        build.writer.remark("caffe", json.dumps(said))
    target = build.writer.save(found.workspace / f"{prototxt.stem}.onnx")
    means, sources, warnings = _transform(net, prototxt, found)
    lost = sorted(set(weights) - {layer.name for layer in net.layers})
    if lost and len(lost) > len(weights) // 2:
        raise ModelError(f"{caffemodel}: its layers ({', '.join(lost[:3])} ...) are not those of {prototxt.name}")
    head = _head(detection)
    color = ChannelOrder.BGR if net.inputs[0][1][1:2] == (3,) else None
    manifest = head.model_copy(
        update={"name": net.name[:64], "input": means.model_copy(update={"color": color, "resize": Resize.STRETCH})}
    )
    changes = [f"{len(net.layers)} layers of Caffe written as ONNX"]
    if detection is not None:
        changes.append("DetectionOutput left to the head ssd, which takes its settings")
    if net.dropped:
        warnings.append(f"{prototxt.name}: layers for training left out: {', '.join(net.dropped)[:160]}")
    return Imported(target, manifest, (prototxt, caffemodel, *sources), tuple(changes), tuple(warnings))


# -- which files -----------------------------------------------------------------------------------------------------


def _pair(found: Foreign) -> tuple[Path, Path]:
    named = [found.path, *found.given]
    picked: dict[str, Path] = {}
    for suffix in (".prototxt", ".caffemodel"):
        own = [path for path in named if path.suffix.lower() == suffix]
        picked[suffix] = own[0] if own else _partner(found, suffix)
    return picked[".prototxt"], picked[".caffemodel"]


def _partner(found: Foreign, suffix: str) -> Path:
    """The other file of the pair: of the same stem, else the only one that can be meant."""
    there = sorted(entry for entry in found.folder.iterdir() if entry.suffix.lower() == suffix and entry.is_file())
    if suffix == ".prototxt":
        there = [entry for entry in there if "solver" not in entry.stem.lower()]
    same = [entry for entry in there if entry.stem == found.path.stem]
    deploy = [entry for entry in there if "deploy" in entry.stem.lower()]
    alike = [entry for entry in there if entry.stem.split("_")[0] == found.path.stem.split("_")[0]]
    for some in (same, there, deploy, alike):
        if len(some) == 1:
            return some[0]
    what = "description (.prototxt)" if suffix == ".prototxt" else "weights (.caffemodel)"
    if not there:
        raise ModelError(f"{found.path}: its {what} is missing; put it beside it, or name both files")
    listed = ", ".join(entry.name for entry in there[:6])
    raise UsageError(f"{found.path}: which is its {what}: {listed}? name both files")


# -- the network -----------------------------------------------------------------------------------------------------


def _built(net: CaffeNet, weights: dict[str, list[F32]]) -> tuple[Build, Detection | None]:
    """Every layer written; what the last DetectionOutput says."""
    build = Build(GraphWriter(f"{net.name or 'net'} (caffe)"), weights)
    for name, shape in net.inputs:
        fixed = (1, *shape[1:]) if len(shape) > 1 else shape
        build.blobs[name] = Blob(build.writer.input(name, fixed), fixed)
        build.used.add(name)
    detection: Detection | None = None
    for layer in net.layers:
        if layer.type == "DetectionOutput":
            if detection is not None:
                raise ModelError(f"{layer.where}: a second DetectionOutput; one is read")
            detection = detection_output(layer, build)
            continue
        write = _LAYERS.get(layer.type)
        if write is None:
            raise ModelError(f"{layer.where}: {_REFUSED.get(layer.type, 'no known layer')}")
        if layer.type == "SoftmaxWithLoss":
            layer = replace(layer, tops=layer.tops[:1] or (layer.name,), bottoms=layer.bottoms[:1])
        write(layer, build)
    return build, detection


def _outputs(build: Build, detection: Detection | None, path: Path) -> None:
    """What no layer reads is what the network says; and what its DetectionOutput read."""
    ends = [name for name in build.blobs if name not in build.used]
    if detection is not None:
        ends = list(dict.fromkeys((detection.boxes, detection.scores, detection.priors, *ends)))
    if not ends:
        raise ModelError(f"{path}: every blob is read by some layer: the network has no output")
    for name in ends:
        blob = build.blobs[name]
        tensor = blob.tensor or build.writer.constant(blob.value if blob.value is not None else 0.0, f"{name}/c")
        build.writer.output(build.writer.named(tensor, name), blob.shape)


def _head(detection: Detection | None) -> Manifest:
    if detection is None:
        return Manifest()
    limits = ThresholdManifest(score=detection.score, nms=detection.nms, top=detection.top)
    return Manifest(task="detect", head="ssd", head_options=dict(detection.options), thresholds=limits)


# -- feeding ---------------------------------------------------------------------------------------------------------


def _transform(net: CaffeNet, prototxt: Path, found: Foreign) -> tuple[InputManifest, list[Path], list[str]]:
    """Mean and scale: of the network's own data layer, else of a training prototxt beside it."""
    said = [(transform, prototxt) for transform in net.transforms]
    if not any(_stated(transform) for transform, _ in said) and found.whole:
        said += _beside(prototxt)
    for transform, source in said:
        if not _stated(transform):
            continue
        means = transform.numbers("mean_value")
        sources = [] if source == prototxt else [source]
        warnings = [] if source == prototxt else [f"mean and scale are those of {source.name}"]
        name = transform.text("mean_file")
        if name:
            file = found.folder / Path(name.replace("\\", "/")).name
            if not file.is_file():
                warnings.append(f"{source.name}: its mean_file {file.name} is missing; add it, or --mean")
            else:
                means = _mean(file)
                sources.append(file)
        factor = transform.number("scale", 1.0)
        if not factor:
            raise ModelError(f"{transform.where}: transform_param.scale is 0")
        scale = (float(f"{1 / factor:.9g}"),)
        return InputManifest(mean=means or (0.0,), scale=scale), sources, warnings
    return InputManifest(), [], []


def _stated(transform: Message) -> bool:
    return any(key in transform for key in ("mean_value", "mean_file", "scale"))


def _beside(prototxt: Path) -> list[tuple[Message, Path]]:
    """What the other networks of the folder (those for training) say of pictures."""
    found: list[tuple[Message, Path]] = []
    for path in sorted(prototxt.parent.glob("*.prototxt")):
        if path == prototxt or "solver" in path.stem.lower():
            continue
        try:
            found += [(transform, path) for transform in read_net(path).transforms]
        except ModelError:
            # a file that nobody named need not be readable
            continue
    return found


def _mean(path: Path) -> tuple[float, ...]:
    """One mean a channel of a mean picture."""
    values = mean_of(path)
    if values.ndim < 3 or values.shape[-3] not in (1, 3) or not np.isfinite(values).all():
        raise ModelError(f"{path}: a mean picture of {' x '.join(map(str, values.shape))}; expected 1 or 3 channels")
    return tuple(float(round(v, 4)) for v in values.reshape(-1, *values.shape[-3:])[0].mean((1, 2)).tolist())

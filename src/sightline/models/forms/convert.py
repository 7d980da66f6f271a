"""A model in one form -> the same in another, ready to be certified: IR, 16-bit weights, 8-bit, ONNX.

Each way writes into a workspace and says what it changed; nothing is decided here about whether the result is good.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import onnx
import openvino as ov
from openvino.preprocess import ColorFormat, PrePostProcessor

from sightline.config import ModelConfig
from sightline.errors import ModelError, UsageError
from sightline.models.arrival import Arrived
from sightline.models.bundle import full_manifest
from sightline.models.forms.arrays import arrays_of
from sightline.models.forms.quantise import ir_layers, onnx_layers, quantise_ir, quantise_onnx
from sightline.models.identify import Identified, identify_arrived
from sightline.models.locate import Located
from sightline.models.manifest import manifest_of
from sightline.types import ChannelOrder, Frame, InputSpec, ModelSpec

__all__ = ["Inside", "check_inside", "layers_of", "put_inside", "to_int8", "to_onnx", "to_openvino"]


@dataclass(frozen=True, slots=True)
class Inside:
    """Preprocessing to be written into the graph: the file then takes pixels of 0..255 as they are.

    reverse: the fed channel order is the other one than the model's own. layout: of the new input.
    """

    mean: tuple[float, ...]
    scale: tuple[float, ...]
    reverse: bool = False
    layout: str = "NHWC"


def to_openvino(found: Identified, room: Path, *, half: bool = False) -> Identified:
    """As OpenVINO IR; `half`: its weights in 16 bits. Raises ModelError."""
    model = _read(found)
    change = "written as OpenVINO IR" + (" with 16-bit weights" if half else "")
    return _saved(found, model, room, change, half=half)


def put_inside(
    found: Identified, room: Path, inside: Inside, *, half: bool = False, single: bool = False
) -> Identified:
    """As OpenVINO IR whose input takes uint8 pixels; mean, scale and channel order are in the graph.

    single: an open batch becomes one picture at a time.
    """
    item = _only_picture(found.spec)
    model = _read(found)
    if single and item.tensor.shape[:1] == (None,):
        model.reshape({port: _single(port.get_partial_shape()) for port in model.inputs})
        item = replace(item, tensor=replace(item.tensor, shape=(1, *item.tensor.shape[1:])))
    channels = 1 if item.preprocess.color is ChannelOrder.GREY else 3
    fed = _fed_order(item.preprocess.color, inside.reverse)
    steps = PrePostProcessor(model)
    port = steps.input(item.tensor.name)
    tensor = port.tensor().set_element_type(ov.Type.u8).set_layout(ov.Layout(inside.layout))
    port.model().set_layout(ov.Layout(item.tensor.layout))
    moves = port.preprocess().convert_element_type(ov.Type.f32)
    if channels == 3:
        tensor.set_color_format(_FORMATS[fed])
        moves.convert_color(_FORMATS[item.preprocess.color])
    if any(inside.mean):
        moves.mean(_per_channel(inside.mean, channels, "mean"))
    if any(value != 1 for value in inside.scale):
        moves.scale(_per_channel(inside.scale, channels, "scale"))
    if item.tensor.dtype == "float16":
        moves.convert_element_type(ov.Type.f16)
    try:
        built = steps.build()
    except RuntimeError as error:
        raise ModelError(f"{found.weights.name}: preprocessing cannot be written into it: {_said(error)}") from error
    order = f", {fed.value} in" if channels == 3 else ""
    told = (
        f"(pixel - {_plain(inside.mean)}) / {_plain(inside.scale)}{order} went into the graph; "
        f"it takes uint8 {inside.layout}"
    )
    shape = _turned(item, inside.layout)
    new = replace(
        item,
        tensor=replace(item.tensor, dtype="uint8", layout=inside.layout, shape=shape),
        preprocess=replace(item.preprocess, color=fed, mean=(0.0,), scale=(1.0,)),
    )
    inputs = tuple(new if i.tensor.name == item.tensor.name else i for i in found.spec.inputs)
    return _saved(found, built, room, told, half=half, inputs=inputs)


def check_inside(spec: ModelSpec, inside: Inside) -> None:
    """Raises UsageError where `inside` does not fit the model's one picture input."""
    color = _only_picture(spec).preprocess.color
    _fed_order(color, inside.reverse)
    for name, values in (("mean", inside.mean), ("scale", inside.scale)):
        _per_channel(values, 1 if color is ChannelOrder.GREY else 3, name)
    if not all(inside.scale):
        raise UsageError("--scale-values: 0 cannot be divided by")


def to_onnx(found: Identified, room: Path) -> Identified:
    """As ONNX, whatever it was. Raises ModelError naming an operation that ONNX has no word for."""
    if found.format == "onnx":
        return found
    from sightline.models.forms.ir_to_onnx import write_onnx

    path = room / f"{found.weights.stem}.onnx"
    onnx.save(write_onnx(_read(found), found.spec.name), str(path))
    return _identified(found, Located(path, (path,), "onnx", found.arrived.located.folder, False), "written as ONNX")


def to_int8(
    found: Identified, room: Path, frames: Sequence[Frame], *, by_nncf: bool, keep: Sequence[str] = ()
) -> Identified:
    """With 8-bit weights and activations where it multiplies, but at the nodes named in `keep`."""
    batches = list(arrays_of(found.spec, frames))
    if not batches:
        raise UsageError("--calibrate: no frame in it; 8 bits need pictures of the model's own subject")
    some = f"{', '.join(keep[:6])}{' ...' if len(keep) > 6 else ''}"
    kept = f", {len(keep)} layers left as they are: {some}" if keep else ""
    if by_nncf:
        change = f"quantised to 8 bits by NNCF on {len(batches)} frames{kept}"
        return _saved(found, quantise_ir(_read(found), batches, keep), room, change)
    if found.format != "onnx":
        raise UsageError(
            f"{found.weights.name}: ONNX Runtime quantises .onnx files; convert it --to onnx first, or use NNCF"
        )
    path = room / f"{found.weights.stem}.onnx"
    quantise_onnx(found.weights, path, batches, keep)
    change = f"quantised to 8 bits by ONNX Runtime on {len(batches)} frames{kept}"
    return _identified(found, Located(path, (path,), "onnx", found.arrived.located.folder, False), change)


def layers_of(found: Identified, *, by_nncf: bool) -> tuple[str, ...]:
    """Names of all that can be quantised, in the order of the graph, as the quantiser calls them."""
    return ir_layers(_read(found)) if by_nncf else onnx_layers(found.weights)


# -- reading and writing -----------------------------------------------------------------------------------------------

_FORMATS = {ChannelOrder.RGB: ColorFormat.RGB, ChannelOrder.BGR: ColorFormat.BGR}


def _read(found: Identified) -> ov.Model:
    try:
        if found.format == "openvino":
            xml, weights = found.arrived.located.parts
            return ov.Core().read_model(str(xml), str(weights))
        return ov.Core().read_model(str(found.weights))
    except RuntimeError as error:
        raise ModelError(f"{found.weights}: OpenVINO cannot read it: {_said(error)}") from error


def _single(shape: ov.PartialShape) -> ov.PartialShape:
    """The same with a batch of one where it is open."""
    if shape.rank.is_static and len(shape) and shape[0].is_dynamic:
        shape[0] = 1
    return shape


def _saved(
    found: Identified,
    model: ov.Model,
    room: Path,
    change: str,
    *,
    half: bool = False,
    inputs: tuple[InputSpec, ...] | None = None,
) -> Identified:
    path = room / f"{found.weights.stem}.xml"
    try:
        ov.save_model(model, str(path), compress_to_fp16=half)
    except RuntimeError as error:
        raise ModelError(f"{found.weights.name}: OpenVINO cannot write it: {_said(error)}") from error
    located = Located(path, (path, path.with_suffix(".bin")), "openvino", found.arrived.located.folder, False)
    return _identified(found, located, change, inputs)


def _identified(
    found: Identified, located: Located, change: str, inputs: tuple[InputSpec, ...] | None = None
) -> Identified:
    """The new file, fed and read as the old one was."""
    spec = found.spec if inputs is None else replace(found.spec, inputs=inputs)
    known = full_manifest(found)
    kept = {name: getattr(known, name) for name in ("origin", "source", "metrics", "run")}
    stated = manifest_of(spec).model_copy(update=kept)
    arrived = Arrived(
        located, stated, "bundle", found.arrived.sources, (*found.arrived.changes, change), found.arrived.warnings
    )
    return identify_arrived(arrived, ModelConfig(path=str(located.weights)))


def _only_picture(spec: ModelSpec) -> InputSpec:
    pictures = [item for item in spec.inputs if item.frames]
    if len(pictures) != 1 or pictures[0].source != "view" or len(pictures[0].tensor.shape) != 4:
        raise UsageError(f"{spec.name}: preprocessing goes into models of one picture input only")
    return pictures[0]


def _fed_order(own: ChannelOrder, reverse: bool) -> ChannelOrder:
    if not reverse:
        return own
    if own is ChannelOrder.GREY:
        raise UsageError("--reverse-input-channels: the model takes one grey channel")
    return ChannelOrder.BGR if own is ChannelOrder.RGB else ChannelOrder.RGB


def _turned(item: InputSpec, layout: str) -> tuple[int | None, ...]:
    """The input's shape in another layout."""
    own = dict(zip(item.tensor.layout, item.tensor.shape, strict=True))
    return tuple(own[axis] for axis in layout)


def _per_channel(values: tuple[float, ...], channels: int, name: str) -> list[float]:
    if len(values) not in (1, channels):
        raise UsageError(f"--{name}-values: {len(values)} numbers, but the model takes {channels} channels")
    return [float(v) for v in np.broadcast_to(values, channels)]


def _plain(values: tuple[float, ...]) -> str:
    return ",".join(f"{v:g}" for v in values)


def _said(error: RuntimeError) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines or ["no reason given"])[-1][:200]

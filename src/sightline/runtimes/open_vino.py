"""Tensors -> tensors by OpenVINO: asynchronous, several requests in flight, compiled models cached by content."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov
from openvino import opset13 as op

from sightline.errors import FixedBatchError, ModelError, RuntimeFailure, UsageError
from sightline.protocols import FeedRaw, Outputs, RuntimeOptions, Session, Wants
from sightline.runtimes.open_vino_cache import blob_path, from_cache, to_cache
from sightline.runtimes.prologue import SLACK, Prologue, prologue_of
from sightline.runtimes.quantised import as_computed, file_is_quantised
from sightline.types import ModelSpec, Tensor, TensorSpec

__all__ = ["SMALL_BYTES", "OpenVinoRuntime", "OpenVinoSession"]

_PRECISION = {"f32": "f32", "bf16": "bf16", "f16": "f16"}
SMALL_BYTES = 8 << 20  # weights up to here are computed in float32 where nothing else is asked for


@dataclass(frozen=True, slots=True)
class OpenVinoRuntime:
    """OpenVINO on any of its devices ("CPU" by default, "GPU", "NPU", "AUTO" when named)."""

    def load(self, spec: ModelSpec, weights: Path, options: RuntimeOptions) -> OpenVinoSession:
        """Compile, or take the compiled model from the cache. Raises ModelError, UsageError."""
        core = ov.Core()
        device = options.device or "CPU"
        if device.split(":")[0].split(".")[0] not in {"AUTO", "MULTI", "HETERO", *_families(core)}:
            raise UsageError(f"OpenVINO has no device {device!r} here; it has {', '.join(core.available_devices)}")
        config = _config(core, device, options)
        if options.precision == "auto" and device == "CPU" and (_is_small(weights) or file_is_quantised(weights)):
            # bfloat16 saves a small network little and moves its scores most; roundings on top of it flip
            config["INFERENCE_PRECISION_HINT"] = "f32"
        blob = blob_path(core, spec, device, config, options)
        compiled = from_cache(core, blob, device, config)
        if compiled is None:
            model = _prepared(core, spec, weights, options)
            try:
                compiled = core.compile_model(model, device, config)
            except RuntimeError as error:
                raise ModelError(f"{weights}: OpenVINO cannot compile it: {_reason(error)}") from error
            to_cache(compiled, blob)
        return OpenVinoSession(compiled, device, spec)

    def describe(self, session: Session) -> Mapping[str, str]:
        """What was used: runtime, precision, device."""
        if not isinstance(session, OpenVinoSession):
            raise TypeError(f"expected an OpenVinoSession, got {type(session).__name__}")
        return {
            "runtime": f"openvino {ov.__version__.split('-')[0]}",
            "precision": session.precision,
            "device": session.device,
        }


def _is_small(weights: Path) -> bool:
    """Whether a network is so small that full precision costs next to nothing."""
    file = weights.with_suffix(".bin") if weights.suffix.lower() == ".xml" else weights
    try:
        return file.stat().st_size <= SMALL_BYTES
    except OSError:
        return False  # missing: whoever reads it says so


@dataclass(slots=True)
class _Ticket:
    token: object
    request: ov.InferRequest
    names: tuple[str, ...]
    session: OpenVinoSession

    @property
    def outputs(self) -> Outputs:
        return {name: self.request.get_output_tensor(i).data for i, name in enumerate(self.names)}

    def release(self) -> None:
        self.session.give_back(self.request)


@dataclass(slots=True)
class OpenVinoSession:
    """A compiled model and its requests; twice as many as run at once, so that none ever waits for Python."""

    compiled: ov.CompiledModel
    device: str
    spec: ModelSpec
    precision: str = ""
    _free: list[ov.InferRequest] = field(default_factory=list[ov.InferRequest])
    _running: deque[tuple[ov.InferRequest, object]] = field(default_factory=deque[tuple[ov.InferRequest, object]])
    _names: tuple[str, ...] = ()
    _wants: Wants = field(default_factory=lambda: Wants(()))
    _tensors: dict[int, tuple[Tensor, ov.Tensor]] = field(default_factory=dict[int, tuple[Tensor, ov.Tensor]])

    def __post_init__(self) -> None:
        together = int(self.compiled.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS"))
        count = together + max(1, min(together, 4))
        self._free = [self.compiled.create_infer_request() for _ in range(count)]
        self.precision = _precision_name(self.compiled)
        self._names = tuple(o.name for o in self.spec.outputs) or tuple(
            _any_name(port, i) for i, port in enumerate(self.compiled.outputs)
        )
        inputs = tuple(
            TensorSpec(
                port.get_any_name(),
                tuple(None if d.is_dynamic else d.get_length() for d in port.get_partial_shape()),
                np.dtype(port.get_element_type().to_dtype()).name,
            )
            for port in self.compiled.inputs
        )
        first = inputs[0].shape[0] if inputs and inputs[0].shape else 1
        self._wants = Wants(inputs, 0 if first is None else first, first or 8, count)

    @property
    def wants(self) -> Wants:
        return self._wants

    def submit(self, inputs: Mapping[str, Tensor], token: object) -> None:
        """Start a request; the arrays are read in place, so they must stay until the ticket is released.

        Raises RuntimeFailure where no request is free (`wants.in_flight` are) or an input does not fit.
        """
        if not self._free:
            raise RuntimeFailure("more requests submitted than the session has in flight")
        request = self._free.pop()
        try:
            for name, array in inputs.items():
                request.set_tensor(name, self._shared(array))
            request.start_async()
        except RuntimeError as error:
            self._free.append(request)
            raise RuntimeFailure(f"model {self.spec.name!r} refuses its input: {_reason(error)}") from error
        self._running.append((request, token))

    def _shared(self, array: Tensor) -> ov.Tensor:
        known = self._tensors.get(id(array))
        if known is not None and known[0] is array:
            return known[1]
        if len(self._tensors) > 64:
            self._tensors.clear()
        tensor = ov.Tensor(np.ascontiguousarray(np.asarray(array)), shared_memory=True)
        self._tensors[id(array)] = (array, tensor)
        return tensor

    def collect(self, timeout_s: float) -> _Ticket | None:
        """The oldest request if it ends within `timeout_s`, else None. Raises RuntimeFailure where it failed."""
        if not self._running:
            return None
        request, token = self._running[0]
        try:
            if not request.wait_for(max(0, int(timeout_s * 1000))):
                return None
            request.wait()
        except RuntimeError as error:
            self._running.popleft()
            self._free.append(request)
            raise RuntimeFailure(f"inference of model {self.spec.name!r} failed: {_reason(error)}") from error
        self._running.popleft()
        return _Ticket(token, request, self._names, self)

    def give_back(self, request: ov.InferRequest) -> None:
        self._free.append(request)

    def close(self) -> None:
        """Wait for what runs and let go of everything."""
        while self._running:
            self._running.popleft()[0].cancel()
        self._free.clear()
        self._tensors.clear()


# -- compiling -------------------------------------------------------------------------------------------------------


def _families(core: ov.Core) -> set[str]:
    return {d.split(".")[0] for d in core.available_devices}


def _config(core: ov.Core, device: str, options: RuntimeOptions) -> dict[str, Any]:
    config: dict[str, Any] = {"PERFORMANCE_HINT": "THROUGHPUT", **options.extra}
    if options.threads:
        config["INFERENCE_NUM_THREADS"] = options.threads
    if options.precision != "auto":
        wanted = _PRECISION.get(options.precision)
        if wanted is None:
            raise UsageError(f"unknown precision {options.precision!r}; known: f32, bf16, f16, auto")
        able = core.get_property(device, "OPTIMIZATION_CAPABILITIES") if device in core.available_devices else []
        if able and {"f32": "FP32", "bf16": "BF16", "f16": "FP16"}[wanted] not in able:
            raise UsageError(f"device {device} cannot compute in {wanted}; it can in {', '.join(able)}; use auto")
        config["INFERENCE_PRECISION_HINT"] = wanted
    return config


def _prepared(core: ov.Core, spec: ModelSpec, weights: Path, options: RuntimeOptions) -> ov.Model:
    """The model with what `options.feed` asks for in front, at the batch asked for."""
    try:
        model = _read(core, weights)
    except RuntimeError as error:
        raise ModelError(f"{weights}: OpenVINO cannot read it: {_reason(error)}") from error
    model = as_computed(model, floats=options.precision == "f32")
    try:
        own = [port.get_partial_shape() for port in model.outputs]
        _reshape(model, spec, options.batch)
        if options.batch > 1 and not _grew(model, own, options.batch):
            raise FixedBatchError(f"model {spec.name!r} is not made for {options.batch} pictures at once")
        if isinstance(options.feed, FeedRaw):
            return model
        return _with_prologue(model, spec, options)
    except RuntimeError as error:
        if options.batch > 1:
            raise FixedBatchError(f"model {spec.name!r} is not made for {options.batch} pictures at once") from error
        raise ModelError(f"{weights}: OpenVINO cannot shape it: {_reason(error)}") from error


def _read(core: ov.Core, weights: Path) -> ov.Model:
    if weights.suffix.lower() == ".xml" and not weights.with_suffix(".bin").exists():
        others = sorted(weights.parent.glob("*.bin"))
        if len(others) == 1:  # published pairs whose weights have another stem exist
            return core.read_model(str(weights), str(others[0]))
    return core.read_model(str(weights))


def _port_shape(spec: TensorSpec, batch: int) -> list[int]:
    """The shape to compile for; -1 where dynamic. `batch` 0 keeps the model's own (1 where dynamic)."""
    shape = [-1 if d is None else d for d in spec.shape]
    if shape and (batch or shape[0] == -1) and spec.layout:
        shape[0] = batch or 1
    return shape


def _reshape(model: ov.Model, spec: ModelSpec, batch: int) -> None:
    wanted: dict[str, ov.PartialShape] = {}
    for item in spec.inputs:
        port = model.input(item.tensor.name)
        shape = _port_shape(item.tensor, batch)
        if not item.tensor.layout and shape and shape[0] in (-1, 1):
            shape[0] = batch or 1
        partial = ov.PartialShape(shape)
        if port.get_partial_shape() != partial:
            wanted[item.tensor.name] = partial
    if wanted:
        model.reshape(wanted)


def _grew(model: ov.Model, own: Sequence[ov.PartialShape], batch: int) -> bool:
    """Whether every output has rows for each view; one whose rows name their view ([1, 1, K, 7]) may keep its form."""
    for before, port in zip(own, model.outputs, strict=True):
        shape = port.get_partial_shape()
        if shape.rank.is_dynamic or not len(shape) or shape[0].is_dynamic:
            continue
        named = len(shape) == 4 and not shape[3].is_dynamic and shape[3].get_length() == 7
        if shape[0].get_length() % batch and not named and before.is_static:
            return False
        if before.is_static and shape[0].get_length() == before[0].get_length() != batch and not named:
            return False
    return True


def _with_prologue(model: ov.Model, spec: ModelSpec, options: RuntimeOptions) -> ov.Model:
    parameters = list(model.get_parameters())
    for item in spec.inputs:
        if not item.frames:
            continue
        port = model.input(item.tensor.name)
        parameter = port.get_node()
        prologue = prologue_of(item, options.feed)
        width, height = item.size_wh
        batch = port.get_partial_shape()[0]
        length = -1 if batch.is_dynamic else batch.get_length() * item.frames
        planes = op.parameter([length, 3, height or -1, width or -1], np.uint8, name=f"{item.tensor.name}/planes")
        planes.output(0).get_tensor().set_names({item.tensor.name})
        result = _nodes(planes, prologue)
        parameter.output(0).get_tensor().set_names({f"{item.tensor.name}/model"})
        for target in list(parameter.output(0).get_target_inputs()):
            target.replace_source_output(result.output(0))
        parameters[parameters.index(parameter)] = planes
    return ov.Model(model.get_results(), parameters, spec.name)  # type: ignore[misc]


def _constant(value: float) -> ov.Node:
    return op.constant(np.full((1, 1, 1, 1), value, np.float32))


def _nodes(planes: ov.Node, prologue: Prologue) -> ov.Node:
    """The prologue in OpenVINO's operations: element-wise only, so that the plug-in fuses it with the conversion."""
    x = op.convert(planes, np.float32)
    split = op.split(x, op.constant(np.int64(1)), 3)
    fed = [split.output(i) for i in range(3)]
    if prologue.to_rgb is None:
        colours: list[Any] = fed
    else:
        moved = [op.subtract(c, _constant(z)) if z else c for c, z in zip(fed, prologue.zero, strict=True)]
        colours = [_pixel(moved, row) for row in prologue.to_rgb]
    if prologue.weights:
        ordered = [_sum([op.multiply(c, _constant(w)) for c, w in zip(colours, prologue.weights, strict=True)])]
    else:
        ordered = [colours[i] for i in prologue.order]
    channels = []
    for colour, mean, scale in zip(ordered, prologue.mean, prologue.scale, strict=True):
        y = op.subtract(colour, _constant(mean)) if mean else colour
        channels.append(op.multiply(y, _constant(1 / scale)) if scale != 1 else y)
    y = op.concat(channels, 1) if len(channels) > 1 else channels[0]
    if prologue.dtype != "float32":
        if np.issubdtype(np.dtype(prologue.dtype), np.integer):
            low, high = np.iinfo(prologue.dtype).min, np.iinfo(prologue.dtype).max
            y = op.clamp(op.round(y, "half_to_even"), float(low), float(high))
        y = op.convert(y, np.dtype(prologue.dtype).type)
    if prologue.nhwc:
        y = op.transpose(y, op.constant(np.array([0, 2, 3, 1])))
    if prologue.stacked:
        y = _stacked(y, prologue)
    return y if isinstance(y, ov.Node) else y.get_node()


def _stacked(y: Any, prologue: Prologue) -> Any:
    """(N * frames, ...) pictures one after the other -> the input's own layout."""
    shape = y.get_output_partial_shape(0) if isinstance(y, ov.Node) else y.get_partial_shape()
    sides = [int(length.get_length()) for length in list(shape)[1:]]
    apart = op.reshape(y, op.constant(np.array([-1, prologue.frames, *sides], np.int64)), special_zero=False)
    if prologue.stacked == "minus":
        split = op.split(apart, op.constant(np.int64(1)), prologue.frames)
        return op.squeeze(op.subtract(split.output(1), split.output(0)), op.constant(np.array([1], np.int64)))
    if prologue.stacked == "NCTHW":
        return op.transpose(apart, op.constant(np.array([0, 2, 1, 3, 4])))
    if prologue.stacked == "NCHW":
        return op.reshape(
            apart, op.constant(np.array([-1, prologue.frames * sides[0], *sides[1:]], np.int64)), special_zero=False
        )
    if prologue.stacked == "NHWC":
        moved = op.transpose(apart, op.constant(np.array([0, 2, 3, 1, 4])))
        last = np.array([-1, *sides[:2], prologue.frames * sides[2]], np.int64)
        return op.reshape(moved, op.constant(last), special_zero=False)
    return apart


def _pixel(channels: list[Any], row: tuple[float, ...]) -> Any:
    """One colour as a whole number 0..255, which also passes through bf16 unharmed."""
    terms = [
        c if weight == 1 else op.floor(op.add(op.multiply(c, _constant(weight)), _constant(SLACK)))
        for c, weight in zip(channels, row, strict=True)
        if weight
    ]
    return op.clamp(_sum(terms), 0.0, 255.0)


def _sum(terms: list[Any]) -> Any:
    total = terms[0]
    for term in terms[1:]:
        total = op.add(total, term)
    return total


def _any_name(port: Any, index: int) -> str:
    return port.get_any_name() if port.get_names() else f"output{index}"


def _precision_name(compiled: ov.CompiledModel) -> str:
    try:
        hint = compiled.get_property("INFERENCE_PRECISION_HINT")
    except RuntimeError:
        return "unknown"
    name = str(hint.to_string())
    return {"bfloat16": "bf16", "float16": "f16", "float32": "f32"}.get(name, name)


def _reason(error: RuntimeError) -> str:
    """The last telling line of OpenVINO's long message."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    told = [line for line in lines if not line.startswith(("Exception from", "Check '", "[GENERAL_ERROR]"))]
    return (told or lines or ["no reason given"])[-1][:300]

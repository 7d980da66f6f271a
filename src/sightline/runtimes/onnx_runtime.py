"""Tensors -> tensors by ONNX Runtime, on the execution provider that is named and on no other."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from onnx.checker import ValidationError
from onnxruntime.capi import onnxruntime_pybind11_state as ort_errors  # type: ignore[attr-defined]

from sightline.channel import Channel, Worker
from sightline.errors import FixedBatchError, ModelError, RuntimeFailure, UsageError
from sightline.protocols import FeedRaw, Outputs, RuntimeOptions, Session, Wants
from sightline.runtimes.prologue import SLACK, Prologue, prologue_of
from sightline.types import InputSpec, ModelSpec, Tensor, TensorSpec

__all__ = ["OnnxRuntime", "OnnxSession"]

_ORT_ERRORS = (
    ort_errors.Fail,
    ort_errors.InvalidArgument,
    ort_errors.InvalidGraph,
    ort_errors.InvalidProtobuf,
    ort_errors.NoModel,
    ort_errors.NoSuchFile,
    ort_errors.NotFound,
    ort_errors.NotImplemented,
    ort_errors.RuntimeException,
    ort_errors.EPFail,
)
_DTYPES = {
    "tensor(float)": "float32",
    "tensor(float16)": "float16",
    "tensor(double)": "float64",
    "tensor(uint8)": "uint8",
    "tensor(int8)": "int8",
    "tensor(int32)": "int32",
    "tensor(int64)": "int64",
}


@dataclass(frozen=True, slots=True)
class OnnxRuntime:
    """ONNX Runtime. `options.device` is the execution provider's name ("CPUExecutionProvider" by default)."""

    def load(self, spec: ModelSpec, weights: Path, options: RuntimeOptions) -> OnnxSession:
        """Raises ModelError for the file, UsageError for a provider or a precision that is not there."""
        provider = options.device or "CPUExecutionProvider"
        available = ort.get_available_providers()
        if provider not in available:
            raise UsageError(f"ONNX Runtime has no provider {provider!r} here; it has {', '.join(available)}")
        if weights.suffix.lower() != ".onnx":
            raise UsageError(f"{weights}: ONNX Runtime takes .onnx files; use --runtime openvino")
        precision = "f16" if any(i.tensor.dtype == "float16" for i in spec.inputs) else "f32"
        if options.precision not in ("auto", precision):
            raise UsageError(f"ONNX Runtime computes this model in {precision}; use --precision {precision} or auto")
        lanes = 1 if provider != "CPUExecutionProvider" else min(2, os.cpu_count() or 1)
        settings = ort.SessionOptions()
        settings.log_severity_level = 4  # errors come back as exceptions, told once
        threads = options.threads or os.cpu_count() or 1
        settings.intra_op_num_threads = max(1, threads // lanes)
        for key, value in options.extra.items():
            settings.add_session_config_entry(key, value)
        try:
            source = _source(spec, weights, options)
            session = ort.InferenceSession(source, settings, providers=[provider])
        except _ORT_ERRORS as error:
            raise ModelError(f"{weights}: ONNX Runtime cannot load it: {_reason(error)}") from error
        except ValidationError as error:  # external data outside or missing
            raise ModelError(f"{weights}: {_reason(error)}") from error
        if session.get_providers()[0] != provider:
            raise UsageError(f"ONNX Runtime could not start {provider!r} for this model")
        return OnnxSession(session, spec, provider, precision, lanes)

    def describe(self, session: Session) -> Mapping[str, str]:
        """What was used: runtime, precision, device."""
        if not isinstance(session, OnnxSession):
            raise TypeError(f"expected an OnnxSession, got {type(session).__name__}")
        return {
            "runtime": f"onnxruntime {ort.__version__}",
            "precision": session.precision,
            "device": session.provider,
        }


@dataclass(slots=True)
class _Request:
    inputs: Mapping[str, Tensor]
    token: object
    done: threading.Event = field(default_factory=threading.Event)
    results: list[NDArray[Any]] = field(default_factory=list[NDArray[Any]])
    error: Exception | None = None


@dataclass(slots=True)
class _Ticket:
    token: object
    outputs: Outputs

    def release(self) -> None:
        """Nothing to give back: the outputs are the ticket's own."""


@dataclass(slots=True)
class OnnxSession:
    """A session run by a few joined workers; tickets come back in the order of submission."""

    session: ort.InferenceSession
    spec: ModelSpec
    provider: str
    precision: str
    lanes: int
    _queue: Channel[_Request] = field(init=False)
    _workers: list[Worker] = field(default_factory=list[Worker])
    _running: deque[_Request] = field(default_factory=deque[_Request])
    _names: tuple[str, ...] = ()
    _wants: Wants = field(default_factory=lambda: Wants(()))

    def __post_init__(self) -> None:
        self._names = tuple(o.name for o in self.session.get_outputs())
        inputs = tuple(
            TensorSpec(i.name, tuple(d if isinstance(d, int) and d > 0 else None for d in i.shape), _DTYPES[i.type])
            for i in self.session.get_inputs()
        )
        first = inputs[0].shape[0] if inputs and inputs[0].shape else 1
        self._wants = Wants(inputs, 0 if first is None else first, first or 8, self.lanes * 2)
        self._queue = Channel(self._wants.in_flight)
        self._workers = [Worker(f"onnx-{i}", self._work).start() for i in range(self.lanes)]

    def _work(self, stop: threading.Event) -> None:
        while not stop.is_set():
            request = self._queue.get(0.5)
            if request is None:
                continue
            try:
                feeds = {name: np.asarray(array) for name, array in request.inputs.items()}
                request.results = [np.asarray(r) for r in self.session.run(self._names, feeds)]
            except _ORT_ERRORS as error:
                request.error = error
            finally:
                request.done.set()

    @property
    def wants(self) -> Wants:
        return self._wants

    def submit(self, inputs: Mapping[str, Tensor], token: object) -> None:
        """Start a request; the arrays are read in place. Raises RuntimeFailure where all are in flight."""
        if len(self._running) >= self._wants.in_flight:
            raise RuntimeFailure("more requests submitted than the session has in flight")
        request = _Request(inputs, token)
        self._running.append(request)
        self._queue.put(request)

    def collect(self, timeout_s: float) -> _Ticket | None:
        """The oldest request if it ends within `timeout_s`, else None. Raises RuntimeFailure where it failed."""
        if not self._running or not self._running[0].done.wait(timeout_s):
            return None
        request = self._running.popleft()
        if request.error is not None:
            raise RuntimeFailure(
                f"inference of model {self.spec.name!r} failed: {_reason(request.error)}"
            ) from request.error
        return _Ticket(request.token, dict(zip(self._names, request.results, strict=True)))

    def close(self) -> None:
        """Let the workers finish what they run and join them."""
        self._queue.stop()
        for worker in self._workers:
            worker.join()
        self._running.clear()


def _reason(error: Exception) -> str:
    return " ".join(str(error).split())[:300]


# -- the prologue as ONNX nodes --------------------------------------------------------------------------------------


def _source(spec: ModelSpec, weights: Path, options: RuntimeOptions) -> str | bytes:
    if isinstance(options.feed, FeedRaw):
        return str(weights)
    model = onnx.load(str(weights))
    opset = max((o.version for o in model.opset_import if o.domain in ("", "ai.onnx")), default=13)
    fixed = {value.name: value.type.tensor_type.shape.dim[0].dim_value for value in model.graph.input if _dims(value)}
    for item in spec.inputs:
        if options.batch > 1 and fixed.get(item.tensor.name, 0) not in (0, options.batch * item.frames):
            raise FixedBatchError(f"model {spec.name!r} is not made for {options.batch} pictures at once")
        if item.frames:
            _put_in_front(model.graph, item, prologue_of(item, options.feed), opset, options.batch)
    return model.SerializeToString()


def _dims(value: onnx.ValueInfoProto) -> int:
    """How many axes an input of the graph has."""
    return len(value.type.tensor_type.shape.dim)


def _put_in_front(graph: onnx.GraphProto, item: InputSpec, prologue: Prologue, opset: int, batch: int) -> None:
    """Rename the model's own input and compute it from uint8 planes under the old name."""
    name, inner = item.tensor.name, f"{item.tensor.name}/model"
    for node in graph.node:
        for i, source in enumerate(node.input):
            if source == name:
                node.input[i] = inner
    own = next(i for i in graph.input if i.name == name)
    own_batch = batch or item.tensor.shape[0]
    length: int | str = own_batch * item.frames if own_batch else "pictures"
    width, height = item.size_wh
    shape = [length, 3, height or "height", width or "width"]
    own.CopyFrom(helper.make_tensor_value_info(name, TensorProto.UINT8, shape))
    writer = _Writer(name, graph, [])
    writer.write(prologue, inner, opset, (width, height))
    for node in reversed(writer.nodes):
        graph.node.insert(0, node)


@dataclass(slots=True)
class _Writer:
    name: str
    graph: onnx.GraphProto
    nodes: list[onnx.NodeProto]

    def constant(self, value: NDArray[Any]) -> str:
        label = f"{self.name}/c{len(self.graph.initializer)}"
        self.graph.initializer.append(numpy_helper.from_array(value, label))
        return label

    def op(self, kind: str, inputs: list[str], **attributes: Any) -> str:
        output = f"{self.name}/n{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output

    def write(self, prologue: Prologue, inner: str, opset: int, size_wh: tuple[int, int]) -> None:
        x = self.op("Cast", [self.name], to=TensorProto.FLOAT)
        if prologue.to_rgb is not None:
            x = self.clip(self.colours(x, prologue.to_rgb, prologue.zero), 0.0, 255.0, opset)
        if prologue.weights:
            weight = np.array(prologue.weights, np.float32).reshape(1, 3, 1, 1)
            x = self.op("Conv", [x, self.constant(weight)])
        elif prologue.order != (0, 1, 2):
            x = self.op("Gather", [x, self.constant(np.array(prologue.order, np.int64))], axis=1)
        column = (1, len(prologue.mean), 1, 1)
        if any(prologue.mean):
            x = self.op("Sub", [x, self.constant(np.array(prologue.mean, np.float32).reshape(column))])
        if any(s != 1 for s in prologue.scale):
            x = self.op("Div", [x, self.constant(np.array(prologue.scale, np.float32).reshape(column))])
        dtype = np.dtype(prologue.dtype)
        if dtype != np.float32:
            if np.issubdtype(dtype, np.integer):
                x = self.clip(self.rounded(x, opset), float(np.iinfo(dtype).min), float(np.iinfo(dtype).max), opset)
            x = self.op("Cast", [x], to=helper.np_dtype_to_tensor_dtype(dtype))
        if prologue.nhwc:
            x = self.op("Transpose", [x], perm=[0, 2, 3, 1])
        if prologue.stacked:
            x = self.stacked(x, prologue, size_wh)
        self.nodes.append(helper.make_node("Identity", [x], [inner]))

    def stacked(self, x: str, prologue: Prologue, size_wh: tuple[int, int]) -> str:
        """(N * frames, ...) pictures one after the other -> the input's own layout."""
        (width, height), frames, depth = size_wh, prologue.frames, prologue.channels
        sides = [height, width, depth] if prologue.nhwc else [depth, height, width]
        apart = self.op("Reshape", [x, self.constant(np.array([-1, frames, *sides], np.int64))])
        if prologue.stacked == "minus":
            now, before = (self.op("Gather", [apart, self.constant(np.array(i, np.int64))], axis=1) for i in (1, 0))
            return self.op("Sub", [now, before])
        if prologue.stacked == "NCTHW":
            return self.op("Transpose", [apart], perm=[0, 2, 1, 3, 4])
        if prologue.stacked == "NCHW":
            return self.op("Reshape", [apart, self.constant(np.array([-1, frames * depth, height, width], np.int64))])
        if prologue.stacked == "NHWC":
            moved = self.op("Transpose", [apart], perm=[0, 2, 3, 1, 4])
            return self.op("Reshape", [moved, self.constant(np.array([-1, height, width, frames * depth], np.int64))])
        return apart

    def colours(self, x: str, rows: tuple[tuple[float, ...], ...], zero: tuple[float, ...]) -> str:
        """R, G, B as sums of terms whose fractions are cut off."""
        x = self.op("Sub", [x, self.constant(np.array(zero, np.float32).reshape(1, 3, 1, 1))])
        fed = [self.op("Gather", [x, self.constant(np.array([i], np.int64))], axis=1) for i in range(3)]
        slack = self.constant(np.array(SLACK, np.float32))
        colours: list[str] = []
        for row in rows:
            total = ""
            for channel, weight in zip(fed, row, strict=True):
                if weight:
                    term = self.op("Mul", [channel, self.constant(np.array(weight, np.float32))])
                    term = self.op("Floor", [self.op("Add", [term, slack])])
                    total = self.op("Add", [total, term]) if total else term
            colours.append(total)
        return self.op("Concat", colours, axis=1)

    def rounded(self, x: str, opset: int) -> str:
        if opset >= 11:
            return self.op("Round", [x])
        return self.op("Floor", [self.op("Add", [x, self.constant(np.array(0.5, np.float32))])])

    def clip(self, x: str, low: float, high: float, opset: int) -> str:
        if opset < 11:
            return self.op("Clip", [x], min=low, max=high)
        return self.op("Clip", [x, self.constant(np.array(low, np.float32)), self.constant(np.array(high, np.float32))])

"""TFLite files made by hand: a small writer of FlatBuffers and FlexBuffers, and models put together with it."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

Scalar = tuple[str, float]  # (struct form, value)
Field = Scalar | str | bytes | list["Fields"] | np.ndarray | dict
Fields = dict[int, Field]

DTYPES = {"float32": 0, "int32": 2, "uint8": 3, "int64": 4, "int8": 9}


class FlatWriter:
    """Tables first, what they point to behind them, so that every offset goes forward."""

    def __init__(self, identifier: bytes) -> None:
        self.data = bytearray(b"\0\0\0\0" + identifier)

    def root(self, fields: Fields) -> bytes:
        struct.pack_into("<I", self.data, 0, self._table(fields))
        return bytes(self.data)

    def _pad(self, size: int, ahead: int = 0) -> None:
        while (len(self.data) + ahead) % size:
            self.data.append(0)

    def _table(self, fields: Fields) -> int:
        offsets: dict[int, int] = {}
        at = 4
        for index, value in fields.items():
            size = struct.calcsize(value[0]) if isinstance(value, tuple) else 4
            at += -at % size
            offsets[index] = at
            at += size
        slots = max(fields, default=-1) + 1
        vtable = struct.pack(f"<HH{slots}H", 4 + 2 * slots, at, *(offsets.get(i, 0) for i in range(slots)))
        self._pad(8, len(vtable))
        where = len(self.data)
        self.data += vtable
        start = len(self.data)
        self.data += struct.pack("<i", start - where) + bytes(at - 4)
        for index, value in fields.items():
            field_at = start + offsets[index]
            if isinstance(value, tuple):
                struct.pack_into("<" + value[0], self.data, field_at, value[1])
            else:
                struct.pack_into("<I", self.data, field_at, self._child(value) - field_at)
        return start

    def _child(self, value: Field) -> int:
        if isinstance(value, dict):
            return self._table(value)
        if isinstance(value, list):
            self._pad(4)
            start = len(self.data)
            self.data += struct.pack("<I", len(value)) + bytes(4 * len(value))
            for i, item in enumerate(value):
                at = start + 4 + 4 * i
                child = self._table(item)
                struct.pack_into("<I", self.data, at, child - at)
            return start
        if isinstance(value, tuple):
            raise TypeError("a scalar lies in its table")
        raw = value.encode() if isinstance(value, str) else value.tobytes() if isinstance(value, np.ndarray) else value
        count = value.size if isinstance(value, np.ndarray) else len(raw)
        self._pad(16, 4)
        start = len(self.data)
        self.data += struct.pack("<I", count) + raw + b"\0"
        return start


def flex_map(options: Mapping[str, int | float | bool]) -> bytes:
    """A FlexBuffer map of numbers, every width four bytes."""
    names = sorted(options)
    data, places = bytearray(), []
    for name in names:
        places.append(len(data))
        data += name.encode() + b"\0"
    while len(data) % 4:
        data.append(0)
    data += struct.pack("<I", len(names))
    keys = len(data)
    for place in places:
        data += struct.pack("<I", len(data) - place)
    data += struct.pack("<I", len(data) - keys) + struct.pack("<II", 4, len(names))
    values = len(data)
    kinds = bytearray()
    for name in names:
        value = options[name]
        kind, form = (26, "<I") if isinstance(value, bool) else (1, "<i") if isinstance(value, int) else (3, "<f")
        data += struct.pack(form, value)
        kinds.append(kind << 2 | 2)
    data += kinds
    while len(data) % 4:
        data.append(0)
    return bytes(data + struct.pack("<I", len(data) - values) + bytes([9 << 2 | 2, 4]))


@dataclass
class ModelFile:
    """Collects tensors and operations of one graph; `save` gives the file."""

    tensors: list[Fields] = field(default_factory=list)
    buffers: list[Fields] = field(default_factory=lambda: [{}])
    operators: list[Fields] = field(default_factory=list)
    codes: list[Fields] = field(default_factory=list)
    metadata: list[Fields] = field(default_factory=list)
    graphs: int = 1

    def tensor(
        self,
        name: str,
        shape: Sequence[int],
        dtype: str = "float32",
        value: np.ndarray | None = None,
        scale: float = 0.0,
        zero: int = 0,
        axis: int = 0,
    ) -> int:
        """scale: one, or with `axis` one for every element of `shape`."""
        fields: Fields = {0: np.array(shape, np.int32), 1: ("b", DTYPES[dtype]), 2: ("I", 0), 3: name}
        if value is not None:
            fields[2] = ("I", len(self.buffers))
            self.buffers.append({0: np.ascontiguousarray(value, dtype).view(np.uint8).reshape(-1)})
        if scale:
            count = shape[0] if axis else 1
            fields[4] = {2: np.full(count, scale, np.float32), 3: np.full(count, zero, np.int64), 6: ("i", axis)}
        self.tensors.append(fields)
        return len(self.tensors) - 1

    def operator(
        self,
        code: int,
        inputs: Sequence[int],
        outputs: Sequence[int],
        options: tuple[int, Fields] | None = None,
        custom: str = "",
        raw: bytes = b"",
    ) -> None:
        entry: Fields = {0: ("b", min(code, 127)), 2: ("i", 1), 3: ("i", code)}
        if custom:
            entry[1] = custom
        self.codes.append(entry)
        fields: Fields = {
            0: ("I", len(self.codes) - 1),
            1: np.array(inputs, np.int32),
            2: np.array(outputs, np.int32),
        }
        if options is not None:
            fields |= {3: ("B", options[0]), 4: options[1]}
        if raw:
            fields[5] = raw
        self.operators.append(fields)

    def save(self, inputs: Sequence[int], outputs: Sequence[int]) -> bytes:
        graph: Fields = {
            0: self.tensors,
            1: np.array(inputs, np.int32),
            2: np.array(outputs, np.int32),
            3: self.operators,
            4: "main",
        }
        root: Fields = {0: ("I", 3), 1: self.codes, 2: [graph] * self.graphs, 3: "made by a test", 4: self.buffers}
        if self.metadata:
            root[6] = self.metadata
        return FlatWriter(b"TFL3").root(root)

    def add_metadata(self, data: bytes) -> None:
        self.buffers.append({0: data})
        self.metadata.append({0: "TFLITE_METADATA", 1: ("I", len(self.buffers) - 1)})


def metadata(
    name: str = "Streets",
    mean: Sequence[float] = (127.5,),
    deviation: Sequence[float] = (127.5,),
    labels: str = "labels.txt",
    score: float = 0.0,
) -> bytes:
    """A TFLITE_METADATA buffer: a picture in RGB with its normalisation, labels of the output."""
    picture: Fields = {
        0: "image",
        3: {0: ("B", 2), 1: {0: ("b", 1)}},
        4: [{0: ("B", 1), 1: {0: np.array(mean, np.float32), 1: np.array(deviation, np.float32)}}],
    }
    output: Fields = {0: "scores", 6: [{0: "other.txt", 2: ("b", 2), 3: "de"}, {0: labels, 2: ("b", 2)}]}
    if score:
        output[4] = [{0: ("B", 3), 1: {0: ("f", score)}}]
    graph: Fields = {2: [picture], 3: [output]}
    return FlatWriter(b"M001").root({0: name, 2: "v2", 3: [graph], 4: "Somebody", 5: "Apache-2.0"})


def with_files(model: bytes, files: Mapping[str, str | bytes]) -> bytes:
    """The model with a zip archive behind it."""
    whole = io.BytesIO(model)
    whole.seek(0, io.SEEK_END)
    with zipfile.ZipFile(whole, "a") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return whole.getvalue()


# -- models ----------------------------------------------------------------------------------------------------------

ADD, MUL, RESHAPE, SLICE, CUSTOM, QUANTIZE, DEQUANTIZE = 0, 18, 22, 65, 32, 114, 6


def plain_model() -> ModelFile:
    """x [1, 4, 4, 3] + [1, 2, 3] -> "sum". Tensor 0 goes in, 2 comes out."""
    made = ModelFile()
    x = made.tensor("x", (1, 4, 4, 3))
    c = made.tensor("c", (3,), value=np.array([1, 2, 3], np.float32))
    y = made.tensor("sum", (1, 4, 4, 3))
    made.operator(ADD, [x, c], [y], (11, {0: ("b", 0)}))
    return made


def quantised_model(dtype: str, scale: float, zero: int) -> ModelFile:
    """A picture [1, 4, 4, 3] of whole numbers, doubled by a second scale: output stored -> 2 * real of the input."""
    made = ModelFile()
    x = made.tensor("x", (1, 4, 4, 3), dtype, scale=scale, zero=zero)
    y = made.tensor("float", (1, 4, 4, 3))
    z = made.tensor("twice", (1, 4, 4, 3))
    q = made.tensor("out", (1, 4, 4, 3), dtype, scale=2 * scale, zero=zero)
    two = made.tensor("two", (1,), value=np.array([2], np.float32))
    made.operator(DEQUANTIZE, [x], [y], (38, {}))
    made.operator(MUL, [y, two], [z], (21, {0: ("b", 0)}))
    made.operator(QUANTIZE, [z], [q], (89, {}))
    return made


DETECTION_OPTIONS: dict[str, int | float | bool] = {
    "max_detections": 5, "max_classes_per_detection": 1, "detections_per_class": 100, "use_regular_nms": False,
    "nms_score_threshold": 0.1, "nms_iou_threshold": 0.5, "num_classes": 3,
    "y_scale": 10.0, "x_scale": 10.0, "h_scale": 5.0, "w_scale": 5.0,
}  # fmt: skip
ANCHORS = np.array(
    [[0.2, 0.2, 0.3, 0.3], [0.25, 0.22, 0.3, 0.3], [0.7, 0.7, 0.4, 0.2], [0.5, 0.5, 0.5, 0.5], [0.72, 0.7, 0.4, 0.2],
     [0.1, 0.9, 0.1, 0.1]], np.float32,
)  # fmt: skip


def detector(options: Mapping[str, int | float | bool] | None = None, anchors: np.ndarray = ANCHORS) -> ModelFile:
    """x [1, 4, 4, 3] cut into six rows of 4 box numbers and 4 scores (the first of the background), decoded by
    TFLite_Detection_PostProcess. Tensor 0 goes in, the last four come out.
    """
    made = ModelFile()
    x = made.tensor("image", (1, 4, 4, 3))
    rows_shape = made.tensor("rows/shape", (3,), "int32", np.array([1, 6, 8], np.int32))
    rows = made.tensor("rows", (1, 6, 8))
    made.operator(RESHAPE, [x, rows_shape], [rows], (17, {0: np.array([1, 6, 8], np.int32)}))
    parts = []
    for name, start in (("raw_boxes", 0), ("raw_scores", 4)):
        begin = made.tensor(f"{name}/begin", (3,), "int32", np.array([0, 0, start], np.int32))
        size = made.tensor(f"{name}/size", (3,), "int32", np.array([1, 6, 4], np.int32))
        parts.append(made.tensor(name, (1, 6, 4)))
        made.operator(SLICE, [rows, begin, size], [parts[-1]], (48, {}))
    constant = made.tensor("anchors", anchors.shape, value=anchors)
    outputs = [made.tensor(f"TFLite_Detection_PostProcess{k}", ()) for k in ("", ":1", ":2", ":3")]
    raw = flex_map(DETECTION_OPTIONS | dict(options or {}))
    made.operator(CUSTOM, [*parts, constant], outputs, custom="TFLite_Detection_PostProcess", raw=raw)
    return made


def fractions_model(values: np.ndarray, side: int) -> ModelFile:
    """A picture [1, side, side, 3], of which nothing reaches the output `values` [1, D, A] but a zero."""
    made = ModelFile()
    x = made.tensor("images", (1, side, side, 3))
    begin = made.tensor("begin", (4,), "int32", np.zeros(4, np.int32))
    size = made.tensor("size", (4,), "int32", np.ones(4, np.int32))
    one = made.tensor("one", (1, 1, 1, 1))
    made.operator(SLICE, [x, begin, size], [one], (48, {}))
    shape = made.tensor("shape", (3,), "int32", np.array([1, 1, 1], np.int32))
    flat = made.tensor("flat", (1, 1, 1))
    made.operator(RESHAPE, [one, shape], [flat], (17, {0: np.array([1, 1, 1], np.int32)}))
    zeros = made.tensor("zeros", values.shape, value=np.zeros(values.shape, np.float32))
    nothing = made.tensor("nothing", values.shape)
    made.operator(MUL, [flat, zeros], [nothing], (21, {0: ("b", 0)}))
    held = made.tensor("held", values.shape, value=values)
    out = made.tensor("output0", values.shape)
    made.operator(ADD, [nothing, held], [out], (11, {0: ("b", 0)}))
    return made

"""What a TFLite file states beside its graph: the TFLITE_METADATA buffer and the zip archive appended to the file.

Formats: TensorFlow Lite's metadata_schema.fbs ("M001"), and the text that Ultralytics' exporter appends.
"""

from __future__ import annotations

import ast
import io
import json
import re
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from sightline.errors import ModelError
from sightline.models.importers.flatbuffer import DamagedBuffer, Table, root_table
from sightline.models.importers.tflite_model import TfLiteModel
from sightline.models.labels import LabelTable, parse_labels
from sightline.types import ChannelOrder

__all__ = ["TfLiteStatement", "attached_files", "stated_by_tflite"]

_MOST_FILES, _MOST_BYTES = 64, 4 << 20
_IMAGE = 2  # ContentProperties
_NORMALIZATION, _THRESHOLDING = 1, 3  # ProcessUnitOptions
_AXIS_LABELS, _VALUE_LABELS = 2, 3  # AssociatedFileType
_COLORS = {1: ChannelOrder.RGB, 2: ChannelOrder.GREY}
_LABELS = re.compile(r"(label|class|name|categor|dict|map).*\.(txt|csv|json)$", re.I)
_ULTRALYTICS = ("temp_meta.txt", "metadata.json", "metadata.yaml")


@dataclass(frozen=True, slots=True)
class TfLiteStatement:
    """What is stated; "" and None where it is not. mean, scale: tensor = (pixel - mean) / scale, of float inputs.

    score: the least that the file's author shows. facts: an exporter's own remarks, by key. warnings: for the user.
    """

    name: str = ""
    version: str = ""
    author: str = ""
    licence: str = ""
    mean: tuple[float, ...] | None = None
    scale: tuple[float, ...] | None = None
    color: ChannelOrder | None = None
    score: float | None = None
    labels: LabelTable | None = None
    facts: Mapping[str, str] = field(default_factory=dict[str, str])
    warnings: tuple[str, ...] = ()


def attached_files(data: bytes | memoryview) -> tuple[dict[str, bytes], tuple[str, ...]]:
    """The files of the zip archive behind the model, by name, and warnings; ({}, ()) where there is none.

    Files beyond 4 MB, and more than 64 of them, are passed over.
    """
    files: dict[str, bytes] = {}
    warnings: list[str] = []
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for info in archive.infolist()[:_MOST_FILES]:
                if info.is_dir() or info.file_size > _MOST_BYTES:
                    continue
                with archive.open(info) as file:
                    files[info.filename] = file.read(_MOST_BYTES)
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, NotImplementedError, RuntimeError) as error:
        if b"PK\x05\x06" in bytes(data[-(1 << 16) :]):
            warnings.append(f"the archive of labels in the file is damaged ({error}); give them with --labels")
    return files, tuple(warnings)


def stated_by_tflite(model: TfLiteModel) -> TfLiteStatement:
    """What the file says of its first picture input and of its outputs. Damaged metadata is a warning, not an end."""
    files, warnings = attached_files(model.data)
    facts = _ultralytics(files)
    # an exporter's "version" is its own, not the model's
    said = TfLiteStatement(licence=_line(facts.get("license", "")), facts=facts)
    labels = _names(facts)
    score: float | None = None
    raw = model.metadata.get("TFLITE_METADATA")
    named: tuple[str, ...] = ()
    if raw is not None and len(raw):
        try:
            said, score, named = _metadata(root_table(raw, b"M001"), said)
        except DamagedBuffer as error:
            warnings = (*warnings, f"the file's metadata is damaged: {error}; it is passed over")
    labels = labels or _label_file(files, named)
    return TfLiteStatement(
        said.name, said.version, said.author, said.licence, said.mean, said.scale, said.color,
        score, labels, facts, warnings,
    )  # fmt: skip


def _metadata(root: Table, said: TfLiteStatement) -> tuple[TfLiteStatement, float | None, tuple[str, ...]]:
    """(what the buffer states, least score, names of label files, the likeliest first)."""
    graphs = root.tables(3)
    mean = scale = color = score = None
    named: tuple[str, ...] = ()
    if graphs:
        for tensor in graphs[0].tables(2):
            color, mean, scale = _picture(tensor)
            if color is not None or mean is not None:
                break
        outputs = graphs[0].tables(3)
        score = next((s for s in map(_least_score, outputs) if s is not None), None)
        named = tuple(name for tensor in outputs for name in _label_names(tensor.tables(6)))
    named = (*named, *_label_names((*root.tables(6), *(f for g in graphs for f in g.tables(4)))))
    stated = TfLiteStatement(
        _line(root.text(0)), "" if said.facts else _line(root.text(2)), _line(root.text(4)),
        said.licence or _line(root.text(5)), mean, scale, color,
    )  # fmt: skip
    return stated, score, named


def _picture(tensor: Table) -> tuple[ChannelOrder | None, tuple[float, ...] | None, tuple[float, ...] | None]:
    color = mean = scale = None
    content = tensor.table(3)
    if content is not None and content.whole(0, "B") == _IMAGE:
        properties = content.table(1)
        color = _COLORS.get(properties.whole(0, "b")) if properties is not None else None
    for unit in tensor.tables(4):
        options = unit.table(1)
        if options is not None and unit.whole(0, "B") == _NORMALIZATION:
            means, deviations = options.numbers(0, "f"), options.numbers(1, "f")
            if len(means) in (1, 3) and len(deviations) in (1, 3) and all(deviations):
                mean, scale = _short(means), _short(deviations)
    return color, mean, scale


def _short(values: tuple[float, ...]) -> tuple[float, ...]:
    """One number where all are alike; at the precision that float32 holds."""
    rounded = tuple(float(f"{value:.7g}") for value in values)
    return rounded[:1] if len(set(rounded)) == 1 else rounded


def _least_score(tensor: Table) -> float | None:
    for unit in tensor.tables(4):
        options = unit.table(1)
        if options is not None and unit.whole(0, "B") == _THRESHOLDING:
            score = float(f"{options.number(0, 'f'):.6g}")  # kept as float32
            return score if 0 < score < 1 else None
    return None


def _label_names(files: tuple[Table, ...]) -> tuple[str, ...]:
    """Label files, those of no language and English first."""
    found = [(file.text(3), file.text(0)) for file in files if file.whole(2, "b") in (_AXIS_LABELS, _VALUE_LABELS)]
    return tuple(name for _, name in sorted(found, key=lambda item: item[0] not in ("", "en")))


def _label_file(files: Mapping[str, bytes], named: tuple[str, ...]) -> LabelTable | None:
    texts = [name for name in files if name not in _ULTRALYTICS and "vocab" not in name.lower()]
    candidates = [name for name in named if name in files]
    candidates += [name for name in texts if _LABELS.search(name) and "calibration" not in name.lower()]
    for name in candidates:
        try:
            table = parse_labels(_decoded(files[name]), name)
        except ModelError:
            continue
        if any(table.names):
            return table
    return None


def _decoded(data: bytes) -> str:
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16", "replace")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _ultralytics(files: Mapping[str, bytes]) -> dict[str, str]:
    """The exporter's remarks (names, task, imgsz, stride, kpt_shape, licence ...) as text by key."""
    name = next((name for name in _ULTRALYTICS[:2] if name in files), None)
    if name is None:
        return {}
    text = _decoded(files[name])
    try:
        value = json.loads(text) if name.endswith(".json") else ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return {}
    if not isinstance(value, dict):
        return {}
    return {str(key): str(item) for key, item in value.items() if isinstance(key, str) and item is not None}


def _names(facts: Mapping[str, str]) -> LabelTable | None:
    try:
        names = ast.literal_eval(facts.get("names", ""))
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None
    if isinstance(names, list | tuple):
        names = dict(enumerate(names))
    if not isinstance(names, dict) or not names or not all(str(key).isdecimal() for key in names):
        return None
    pairs = {int(key): str(name) for key, name in names.items()}
    if max(pairs) > 100_000:
        return None
    return LabelTable(tuple(pairs.get(i, "") for i in range(max(pairs) + 1)), "the file's metadata", numbered=True)


def _line(text: str) -> str:
    """A text on one line, at most 300 characters."""
    return " ".join(text.split())[:300]

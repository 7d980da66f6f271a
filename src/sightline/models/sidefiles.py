"""The files beside a model: labels, and what they state about preprocessing and thresholds."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path

from sightline.errors import ModelError
from sightline.models.formats import is_configuration
from sightline.models.labels import LabelTable, parse_labels
from sightline.models.locate import Located
from sightline.models.roboflow import read_package
from sightline.types import ChannelOrder, Resize

__all__ = ["Stated", "label_tables", "read_label_file", "stated_by_graph", "stated_by_sides"]

_LABEL_FILE = re.compile(
    r"(\.names|\.labels|\.pbtxt)$|(label|class|names|dict|categor|coco|voc).*\.(txt|csv|json)$|^data\.ya?ml$|^metadata\.ya?ml$"
    r"|^config\.json$",
    re.I,
)
_MOST_BYTES = 4 << 20
_MOST_CLASSES = 100_000


@dataclass(frozen=True, slots=True)
class Stated:
    """What a file says outright of how its model is fed; None where it is silent. source: the file or section."""

    color: ChannelOrder | None = None
    mean: tuple[float, ...] | None = None
    scale: tuple[float, ...] | None = None
    resize: Resize | None = None
    pad: float | None = None
    score: float | None = None
    nms: float | None = None
    size_wh: tuple[int, int] | None = None
    labels: LabelTable | None = None
    source: str = ""


def read_label_file(path: Path) -> LabelTable:
    """One label file. Raises ModelError where it cannot be read."""
    try:
        if path.exists() and not path.is_file():
            raise ModelError(f"{path}: not a label file but a folder or a device; one name a line is expected")
        with path.open("rb") as file:
            data = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise ModelError(f"{path}: the label file cannot be read: {error.strerror}") from error
    if len(data) > _MOST_BYTES:
        raise ModelError(f"{path}: more than {_MOST_BYTES >> 20} MB: no label file; one name a line is expected")
    return parse_labels(_text_of(data, path), str(path))


def _text_of(data: bytes, path: Path) -> str:
    """UTF-8, UTF-16 by its mark or its zeros, else Latin-1. Raises ModelError for what is no text."""
    for mark, encoding in ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):
        if data.startswith(mark):
            return data.decode(encoding, "replace")
    head = data[:512]
    if head and head[1::2].count(0) > len(head) // 4:
        return data.decode("utf-16-le", "replace")
    if head and head[::2].count(0) > len(head) // 4:
        return data.decode("utf-16-be", "replace")
    if b"\0" in head:
        raise ModelError(f"{path}: not a label file: it holds zero bytes; one name a line is expected")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def label_tables(located: Located) -> tuple[LabelTable, ...]:
    """Every label file of the model, the likeliest first; tables without names are left out."""
    stem = located.weights.stem.lower()
    found: list[tuple[int, str, LabelTable]] = []
    for path in sorted(located.folder.iterdir()):
        own = path.stem.lower() == stem and path.suffix.lower() in (
            ".txt",
            ".names",
            ".csv",
            ".json",
            ".yaml",
            ".labels",
        )
        plain = path.suffix.lower() == ".csv" or _LABEL_FILE.search(path.name) is not None
        if not path.is_file() or path in located.parts or not (own or plain):
            continue
        if path.name.lower() in ("requirements.txt", "expected.json") or is_configuration(path):
            continue
        try:
            table = read_label_file(path)
        except ModelError:
            # only a file that was named by the user must be readable; others are candidates
            continue
        if any(table.names):
            found.append((0 if own else 1, path.name, table))
    return tuple(table for _, _, table in sorted(found, key=lambda item: item[:2]))


# -- what is stated --------------------------------------------------------------------------------------------------

_RESIZES = {
    "standard": Resize.STRETCH,
    "fit_to_window": Resize.LETTERBOX_TOPLEFT,
    "fit_to_window_letterbox": Resize.LETTERBOX,
    "crop": Resize.CROP,
}


def _floats(text: object) -> tuple[float, ...] | None:
    words = re.findall(r"-?\d+\.?\d*(?:[eE][-+]?\d+)?", str(text))
    return tuple(float(word) for word in words) or None


def _literal(text: str) -> object:
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None


def stated_by_graph(metadata: Mapping[str, str]) -> Stated:
    """What a model file's own metadata says (Ultralytics' metadata_props, OpenVINO's rt_info model_info)."""
    info = {key.removeprefix("model_info."): value for key, value in metadata.items() if key.startswith("model_info.")}
    said = _ultralytics({**metadata, **info})
    if "Image.BitmapPixelFormat" in metadata or "Image.NominalPixelRange" in metadata:
        said = _windows(metadata, said)
    if "resize_type" in info or "reverse_input_channels" in info or "model_type" in info:
        said = _model_info(info, said)
    return said


def _ultralytics(metadata: Mapping[str, object]) -> Stated:
    names = metadata.get("names") or metadata.get("labels_dict")
    names = _literal(names) if isinstance(names, str) else names
    table = None
    if isinstance(names, list | tuple):
        table = LabelTable(tuple(str(name) for name in names), "the file's metadata")
    elif isinstance(names, dict) and all(str(key).isdecimal() for key in names):
        pairs = {int(key): str(name) for key, name in names.items()}
        if pairs and max(pairs) <= _MOST_CLASSES:
            table = LabelTable(tuple(pairs.get(i, "") for i in range(max(pairs) + 1)), "the file's metadata")
    size = metadata.get("imgsz")
    size = _literal(size) if isinstance(size, str) else size
    size_wh = None
    if isinstance(size, int):
        size_wh = (size, size)
    elif isinstance(size, list | tuple) and len(size) == 2 and all(isinstance(n, int) for n in size):
        size_wh = (int(size[1]), int(size[0]))
    return Stated(labels=table, size_wh=size_wh, source="the file's metadata" if table or size_wh else "")


def _windows(metadata: Mapping[str, str], said: Stated) -> Stated:
    """Windows ML's image metadata, as Custom Vision and others write them into ONNX files."""
    kind = metadata.get("Image.BitmapPixelFormat", "").lower()
    whole = metadata.get("Image.NominalPixelRange", "").lower() == "nominalrange_0_255"
    signed = metadata.get("Image.NominalPixelRange", "").lower() == "normalized_1_1"
    order = ChannelOrder.GREY if kind.startswith("gray") else ChannelOrder.RGB
    return replace(
        said,
        color=ChannelOrder.BGR if kind.startswith("bgr") else order,
        mean=(127.5,) if signed else (0.0,),
        scale=(1.0,) if whole else (127.5,) if signed else (255.0,),
        source="the file's image metadata",
    )


def _model_info(info: Mapping[str, str], said: Stated) -> Stated:
    """Open Model Zoo's and Geti's section: the input is thought of as BGR unless it is reversed."""
    embedded = info.get("embedded_processing", "").lower() in ("true", "yes", "1")
    turned = info.get("reverse_input_channels", "").lower() in ("true", "yes", "1")
    mean, scale = _floats(info.get("mean_values", "")), _floats(info.get("scale_values", ""))
    confidence, iou = _floats(info.get("confidence_threshold", "")), _floats(info.get("iou_threshold", ""))
    pad = _floats(info.get("pad_value", ""))
    labels = said.labels
    if info.get("labels"):
        labels = LabelTable(tuple(word.replace("_", " ") for word in info["labels"].split()), "model_info")
    return replace(
        said,
        color=ChannelOrder.RGB if turned and not embedded else ChannelOrder.BGR,
        mean=(0.0,) if embedded or mean is None else mean,
        scale=(1.0,) if embedded or scale is None else scale,
        resize=_RESIZES.get(info.get("resize_type", "standard"), Resize.STRETCH),
        pad=pad[0] if pad else 0.0,
        score=confidence[0] if confidence else None,
        nms=iou[0] if iou else None,
        labels=labels,
        source="rt_info model_info",
    )


def stated_by_sides(located: Located) -> Stated:
    """What JSON and YAML files beside the model say of its input: Hugging Face, NN Archive, Roboflow."""
    package = read_package(located.folder)
    if package is not None:
        return Stated(**{field.name: getattr(package, field.name) for field in fields(package)})
    said = Stated()
    hugging = _json(located.folder / "preprocessor_config.json")
    if hugging:
        said = _hugging_face(hugging)
    archive = _json(located.folder / "config.json")
    if archive:
        said = _archive(archive, said)
    return said


def _json(path: Path) -> dict[str, object]:
    if not path.is_file() or path.stat().st_size > _MOST_BYTES:
        return {}
    try:
        value = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _triple(value: object, gain: float = 1.0) -> tuple[float, ...] | None:
    if isinstance(value, int | float):
        return (float(value) * gain,)
    if isinstance(value, list) and value and all(isinstance(n, int | float) for n in value):
        return tuple(float(n) * gain for n in value)
    return None


def _hugging_face(config: Mapping[str, object]) -> Stated:
    rescaled = config.get("do_rescale", True) is not False
    factor = config.get("rescale_factor", 1 / 255)
    unit = 1 / factor if rescaled and isinstance(factor, float) and factor > 0 else 1.0
    mean, scale = (0.0,), (unit,)
    if config.get("do_normalize", True) is not False:
        mean = _triple(config.get("image_mean"), unit) or (0.0,)
        scale = _triple(config.get("image_std"), unit) or (unit,)
    size = config.get("size")
    size_wh, resize = None, None
    if isinstance(size, dict) and isinstance(size.get("height"), int) and isinstance(size.get("width"), int):
        size_wh, resize = (size["width"], size["height"]), Resize.STRETCH
    return Stated(ChannelOrder.RGB, mean, scale, resize, size_wh=size_wh, source="preprocessor_config.json")


def _archive(config: Mapping[str, object], said: Stated) -> Stated:
    model = config.get("model")
    inputs = model.get("inputs") if isinstance(model, dict) else None
    if not isinstance(inputs, list) or not inputs or not isinstance(inputs[0], dict):
        return said
    steps = inputs[0].get("preprocessing")
    if not isinstance(steps, dict):
        return said
    kind = str(steps.get("dai_type", ""))
    color = ChannelOrder.BGR if kind.startswith("BGR") else ChannelOrder.RGB if kind.startswith("RGB") else said.color
    mean, scale = _triple(steps.get("mean")), _triple(steps.get("scale"))
    return replace(said, color=color, mean=mean or said.mean, scale=scale or said.scale, source="config.json")

"""Azure Custom Vision exports: `cvexport.manifest`, the model, `labels.txt`, `metadata_properties.json`.

How the parts are to be read follows the service's own samples (Azure-Samples/customvision-export-samples) and the
sample code that it puts into its exports; their meaning is told key by key in docs/customvision.md.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import onnx

from sightline.errors import ModelError
from sightline.models.graphs.graph import Graph
from sightline.models.graphs.read_onnx import external_files, parse_onnx, read_onnx
from sightline.models.graphs.read_openvino import read_openvino
from sightline.models.importers.contents import above, hand_on, inside, json_object, label_lines
from sightline.models.importers.region_cut import cut_region
from sightline.models.importers.seam import Foreign, Imported
from sightline.models.importers.zipmap import cut_zipmap, has_zipmap
from sightline.models.kinds.evidence import in_graph, input_range
from sightline.models.locate import weights_beside
from sightline.models.manifest import InputManifest, Manifest, ThresholdManifest
from sightline.types import ChannelOrder, Resize, TensorSpec

__all__ = ["read"]

MANIFEST, PROPERTIES = "cvexport.manifest", "metadata_properties.json"
_MODELS = ("model.onnx", "model.tflite", "model.xml", "saved_model.xml")
# of the sample code in every object detection export, in grid cells: YOLOv2-tiny's
_ANCHORS = (0.573, 0.677, 1.87, 2.06, 3.34, 5.47, 7.88, 3.53, 9.77, 9.17)
_AGAIN = "in Custom Vision choose Export and there ONNX, or TensorFlow Lite"
# A network whose first layer answers far stronger than this was not made for values of 0..255.
_MOST_RESPONSE = 6.0
_SIDE_OF_S1 = 300


@dataclass(frozen=True, slots=True)
class _Export:
    """What the export says of itself; "" and {} where it is silent."""

    where: Path
    domain: str
    platform: str
    model: str
    labels: str
    properties: Mapping[str, str]


def read(found: Foreign) -> Imported:
    """The model in the folder `found.folder`. Raises ModelError naming the file and what is wrong with it."""
    export, texts = _export(found)
    weights = _weights(found, export)
    inner = hand_on(weights, replace(found, format="customvision"))
    changes, warnings = list(inner.changes), list(inner.warnings)
    model = inner.weights
    names: tuple[str, ...] = ()
    if model.suffix.lower() == ".onnx":
        model, names, cut = _without_zipmap(model, found.workspace)
        changes += cut
    anchors: tuple[float, ...] = ()
    if model.suffix.lower() == ".xml" and _graph(model).has("RegionYolo"):
        target = found.workspace / f"{model.stem}.xml"
        anchors = cut_region(model, weights_beside(model), target)
        model = target
        changes.append("RegionYolo cut off: the head darknet-region decodes the grid")
    graph = _graph(model)
    written, notes = _labels(found, export, texts)
    warnings += notes
    labels = names if names and sorted(names) == sorted(written) else written or names
    manifest, doubts = _manifest(export, graph, weights, labels, anchors)
    warnings += doubts
    return Imported(
        model,
        above(manifest, inner.manifest),
        tuple(dict.fromkeys((*texts, *inner.sources))),
        tuple(changes),
        tuple(warnings),
        inner.folder,
    )


# -- the description -------------------------------------------------------------------------------------------------


def _export(found: Foreign) -> tuple[_Export, list[Path]]:
    """What the export says, and the files that said it."""
    texts: list[Path] = []
    path = found.path if found.path.name == MANIFEST else found.folder / MANIFEST
    told: dict[str, object] = {}
    if path.is_file():
        told = json_object(path)
        texts.append(path)
    properties: dict[str, object] = {}
    beside = found.folder / PROPERTIES
    named = told.get("MetadataPropsFileName")
    if isinstance(named, str) and named and not beside.is_file():
        beside = found.folder / named if "/" not in named and "\\" not in named else beside
    if beside.is_file():
        properties = json_object(beside)
        texts.append(beside)
    words = {key: value for key, value in told.items() if isinstance(value, str)}
    said = {key: str(value) for key, value in properties.items() if value is not None}
    export = _Export(
        path if path.is_file() else found.folder,
        words.get("DomainType", "").lower(),
        words.get("Platform", ""),
        words.get("ModelFileName", ""),
        words.get("LabelFileName", ""),
        said,
    )
    return export, texts


def _weights(found: Foreign, export: _Export) -> Path:
    """The model file. Raises ModelError where the export is one that nobody else runs."""
    if export.platform.lower() in ("coreml", "vaidk") or export.model.lower().endswith((".zip", ".mlmodel", ".pb")):
        name = export.model or "its model"
        raise ModelError(f"{export.where}: {name} is for {export.platform or 'one platform'} only\n{_AGAIN}")
    if export.model:
        return _beside(export.where, found.folder, export.model)
    known = next((found.folder / name for name in _MODELS if (found.folder / name).is_file()), None)
    if known is None:
        raise ModelError(f"{export.where}: names no model, and none of {', '.join(_MODELS)} is there\n{_AGAIN}")
    return known


def _beside(where: Path, folder: Path, name: str) -> Path:
    """The file by its name; a container image's export keeps it below app/."""
    below = folder / "app" / name
    if not (folder / name).is_file() and "/" not in name and below.is_file():
        return below
    return inside(where, folder, name)


def _labels(found: Foreign, export: _Export, texts: list[Path]) -> tuple[tuple[str, ...], list[str]]:
    """The names in order, and warnings."""
    path = found.folder / "labels.txt"
    if export.labels:
        path = _beside(export.where, found.folder, export.labels)
    elif not path.is_file() and (found.folder / "app" / "labels.txt").is_file():
        path = found.folder / "app" / "labels.txt"
    if not path.is_file():
        return (), []
    names = label_lines(path)
    texts.append(path)
    blank = [i + 1 for i, name in enumerate(names) if not name]
    return names, [f"{path}:{blank[0]}: a blank line; that class has no name"] if blank else []


# -- the model -------------------------------------------------------------------------------------------------------


def _without_zipmap(path: Path, workspace: Path) -> tuple[Path, tuple[str, ...], list[str]]:
    """The file as it is, or one that gives the scores themselves; the names that the cut part held."""
    try:
        model = parse_onnx(path.read_bytes(), path)
    except OSError as error:
        raise ModelError(f"{path}: cannot be read: {error.strerror}") from error
    external_files(model, path)
    if not has_zipmap(model):
        return path, (), []
    names, changes = cut_zipmap(model, path)
    target = workspace / path.name
    workspace.mkdir(parents=True, exist_ok=True)
    onnx.save(model, str(target))
    return target, names, list(changes)


def _graph(weights: Path) -> Graph:
    if weights.suffix.lower() == ".xml":
        return read_openvino(weights, weights_beside(weights))
    return read_onnx(parse_onnx(weights.read_bytes(), weights), weights)


def _manifest(
    export: _Export, graph: Graph, weights: Path, labels: tuple[str, ...], anchors: tuple[float, ...]
) -> tuple[Manifest, list[str]]:
    """What the export states, put in our words, and what is doubtful about it. anchors: those of the graph itself."""
    head, options, classes = _head(export, graph, anchors)
    warnings: list[str] = []
    if classes and labels and len(labels) != classes:
        where = f"{export.labels or 'labels.txt'}: {len(labels)} labels, but the model has {classes} classes"
        told = f"the first {classes} are used" if len(labels) > classes else "the last have no name"
        warnings.append(f"{where}; {told}")
        labels = labels[:classes]
    task = "detect" if head not in ("classify", None) else "classify" if head else None
    feeding, doubts = _feeding(export, graph, weights, head)
    nms = _number(export.properties.get("CustomVision.Postprocess.Yolo.NmsThreshold", ""))
    limits = ThresholdManifest()
    if head == "darknet-region":
        limits = ThresholdManifest(nms=nms if nms and 0 < nms < 1 else 0.45)
    manifest = Manifest(
        task=task, head=head, head_options=options, input=feeding, thresholds=limits, labels=labels or None
    )
    return manifest, [*warnings, *doubts]


def _head(export: _Export, graph: Graph, anchors: tuple[float, ...]) -> tuple[str | None, dict[str, object], int]:
    """The head, its options and how many classes the outputs have (0: they do not tell)."""
    names = {output.name.split(":")[0].lower(): output for output in graph.outputs}
    boxes = names.get("detected_boxes")
    if boxes is not None and {"detected_scores", "detected_classes"} <= names.keys():
        options: dict[str, object] = {"normalized": True}
        for key, name in (("boxes", "detected_boxes"), ("scores", "detected_scores"), ("classes", "detected_classes")):
            options[key] = names[name].name
        return "batched-nms", options, 0
    if {"raw_boxes", "raw_probs"} <= names.keys():
        scores = names["raw_probs"]
        options = {"boxes": names["raw_boxes"].name, "scores": scores.name, "order": "cxcywh", "background": 0}
        return "boxes-scores", {**options, "activation": "none"}, (scores.shape[-1] or 1) - 1
    method = export.properties.get("CustomVision.Postprocess.Method", "").lower()
    if len(graph.outputs) != 1:
        return None, {}, 0
    output = graph.outputs[0]
    if (
        method.startswith("classification")
        or export.domain == "classification"
        or (len(output.shape) == 2 and (method != "yolo" and export.domain != "objectdetection"))
    ):
        options = {"multi": True} if method.endswith("multilabel") else {}
        return "classify", options, output.shape[1] or 0 if len(output.shape) == 2 else 0
    return _region(anchors or _anchors(export.properties.get("CustomVision.Postprocess.Yolo.Biases", "")), output)


def _region(anchors: tuple[float, ...], output: TensorSpec) -> tuple[str | None, dict[str, object], int]:
    """YOLOv2's grid [1, A*(5+C), H, W], or [1, H, W, A*(5+C)] as TensorFlow has it."""
    anchors = anchors or _ANCHORS
    pairs = len(anchors) // 2
    options: dict[str, object] = {"anchors": anchors}
    if len(output.shape) != 4:
        return "darknet-region", options, 0
    depth = next((n for n in (output.shape[1], output.shape[3]) if n and n % pairs == 0 and n // pairs > 5), None)
    if depth is None:
        return None, {}, 0
    return "darknet-region", options, depth // pairs - 5


def _anchors(text: str) -> tuple[float, ...]:
    try:
        value: object = json.loads(text) if text else None
    except (ValueError, RecursionError):
        return ()
    if not isinstance(value, list) or len(value) not in range(2, 64, 2):
        return ()
    numbers = [float(n) for n in value if isinstance(n, int | float) and 0 < n < 1e4]
    return tuple(numbers) if len(numbers) == len(value) else ()


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


# -- feeding ---------------------------------------------------------------------------------------------------------


def _feeding(export: _Export, graph: Graph, weights: Path, head: str | None) -> tuple[InputManifest, list[str]]:
    """How the picture goes in, as the service's samples do it for this kind of file."""
    warnings: list[str] = []
    suffix = weights.suffix.lower()
    if suffix == ".xml":
        color, unit = ChannelOrder.RGB, True
    elif suffix == ".tflite":
        color, unit = (ChannelOrder.RGB if _second_series(export, graph, head) else ChannelOrder.BGR), False
    else:
        color, unit, doubt = _of_onnx(graph)
        warnings += [f"{weights.name}: {doubt}"] if doubt else []
    crop = export.properties.get("CustomVision.Preprocess.CropMethod", "")
    if head == "classify" and "crop" in crop.lower() and crop.lower() != "nocrop":
        warnings.append(
            f"{PROPERTIES}: the training looked at the middle of the pictures ({crop}); the service's samples stretch "
            "them, and so is done here: --resize crop cuts instead"
        )
    size = None
    sides = [
        _number(export.properties.get(f"CustomVision.Preprocess.Target{side}", "")) for side in ("Width", "Height")
    ]
    if all(side and 16 <= side <= 4096 for side in sides):
        size = int(sides[0] or 0), int(sides[1] or 0)
    scale = (255.0,) if unit else (1.0,)
    return InputManifest(size=size, color=color, mean=(0.0,), scale=scale, resize=Resize.STRETCH), warnings


def _of_onnx(graph: Graph) -> tuple[ChannelOrder, bool, str]:
    """Colour, whether values are 0..1, and a doubt: by the file's own image metadata, else by its first layer.

    The properties file beside it is not asked: it tells of the training, before the export turned the channels.
    """
    kind = graph.metadata.get("Image.BitmapPixelFormat", "")
    span = graph.metadata.get("Image.NominalPixelRange", "")
    if kind or span:
        color = ChannelOrder.BGR if kind.lower().startswith("bgr") else ChannelOrder.RGB
        return color, span != "NominalRange_0_255", ""
    picture = next((item for item in graph.inputs if len(item.shape) == 4), None)
    if picture is None:
        return ChannelOrder.BGR, False, ""
    picture = replace(picture, layout="NHWC" if picture.shape[3] == 3 else "NCHW")
    steps = in_graph(graph, picture)
    unit = not steps.steps and input_range(graph, picture) > _MOST_RESPONSE
    order = ChannelOrder.RGB if unit else ChannelOrder.BGR
    told = f"{order.upper()} {'0..1' if unit else '0..255'}"
    return order, unit, f"its image metadata are gone; {told} as its first layer suggests (--color, --scale)"


def _second_series(export: _Export, graph: Graph, head: str | None) -> bool:
    """Whether it is of a domain "[S1]", whose TensorFlow exports take RGB where the older ones take BGR."""
    if head == "batched-nms":
        return True
    if head != "classify":
        return False
    crop = export.properties.get("CustomVision.Preprocess.CropMethod", "").lower()
    if crop:
        return crop == "nocrop"
    picture = next((item for item in graph.inputs if len(item.shape) == 4), None)
    return picture is not None and _SIDE_OF_S1 in picture.shape

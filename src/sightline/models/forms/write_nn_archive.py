"""A model -> NN Archive (Luxonis): config.json, the model file and our own model.yaml in one tar.xz.

config.json follows luxonis_ml.nn_archive 0.10, version 1.0. What it cannot say stays in model.yaml, which other
readers pass over. The same model gives the same bytes.
"""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Mapping
from pathlib import Path

from sightline.errors import ModelError, OutputError
from sightline.models.graphs.read_onnx import external_files, parse_onnx
from sightline.models.locate import weights_beside
from sightline.models.manifest import Manifest, dump_manifest, manifest_of
from sightline.types import ChannelOrder, InputSpec, ModelSpec, Resize, TensorSpec

__all__ = ["write_nn_archive"]

_DTYPES = {"bool": "boolean"}
_MODES = {Resize.STRETCH: "STRETCH", Resize.LETTERBOX: "LETTERBOX", Resize.CROP: "CROP"}
_COLORS = {ChannelOrder.RGB: "RGB888", ChannelOrder.BGR: "BGR888", ChannelOrder.GREY: "GRAY8"}
# Heads that one parser of depthai-nodes reads without further settings.
_PARSERS = {
    "scrfd": "SCRFDParser",
    "yunet": "YuNetParser",
    "embed": "EmbeddingsParser",
    "db-text": "PPTextDetectionParser",
    "detr": "RFDETRParser",
}


def write_nn_archive(spec: ModelSpec, weights: Path, target: Path, manifest: Manifest | None = None) -> tuple[str, ...]:
    """Writes `target` (.tar.xz) and returns what of the model other readers will not find in it, one line each.

    weights: an .onnx file with its weights inside, or an .xml with its .bin. manifest: to go with it instead of the
    one made of `spec`. Raises ModelError for a model without a fixed input size or with weights outside its file,
    OutputError where it cannot be written.
    """
    files = _files(weights)
    head, notes = _head(spec)
    config = {
        "config_version": "1.0",
        "model": {
            "metadata": {"name": spec.name or weights.stem, "path": weights.name, "precision": _precision(spec)},
            "inputs": [_input(item) for item in spec.inputs],
            "outputs": [_output(item) for item in spec.outputs],
            "heads": [head] if head else None,
        },
    }
    own = manifest if manifest is not None else manifest_of(spec)
    own = own.model_copy(update={"weights": "", "files": {}})
    parts: list[tuple[str, bytes | Path]] = [
        ("config.json", (json.dumps(config, indent=2, ensure_ascii=False) + "\n").encode()),
        ("model.yaml", dump_manifest(own).encode()),
        *((file.name, file) for file in files),
    ]
    draft = target.with_name(f".{target.name}.part")
    try:
        with tarfile.open(draft, "w:xz", format=tarfile.PAX_FORMAT, preset=6) as archive:
            for name, content in parts:
                _add(archive, name, content)
        draft.replace(target)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise OutputError(f"{target}: the archive cannot be written: {error.strerror or error}") from error
    return notes


def _files(weights: Path) -> tuple[Path, ...]:
    if weights.suffix.lower() == ".xml":
        beside = weights_beside(weights)
        if beside.stem != weights.stem:
            raise ModelError(f"{weights}: its weights are called {beside.name}; name them {weights.stem}.bin first")
        return weights, beside
    try:
        model = parse_onnx(weights.read_bytes(), weights)
    except OSError as error:
        raise ModelError(f"{weights}: cannot be read: {error.strerror}") from error
    if external_files(model, weights):
        raise ModelError(f"{weights}: keeps weights in other files, an NN Archive takes one; save it as one file first")
    return (weights,)


def _add(archive: tarfile.TarFile, name: str, content: bytes | Path) -> None:
    """One member, with nothing in it of when and by whom."""
    info = tarfile.TarInfo(name)
    info.mode = 0o644
    if isinstance(content, bytes):
        info.size = len(content)
        archive.addfile(info, io.BytesIO(content))
        return
    info.size = content.stat().st_size
    with content.open("rb") as file:
        archive.addfile(info, file)


# -- the description -------------------------------------------------------------------------------------------------


def _precision(spec: ModelSpec) -> str:
    kinds = {item.tensor.dtype for item in spec.inputs if item.tensor.dtype.startswith("float")}
    return "float16" if kinds == {"float16"} else "float32"


def _input(item: InputSpec) -> dict[str, object]:
    tensor, steps = item.tensor, item.preprocess
    shape = [1 if i == 0 and n is None else n for i, n in enumerate(tensor.shape)]
    if any(n is None for n in shape):
        raise ModelError(f"input {tensor.name!r} has an open size; convert it to a fixed one first (input: size)")
    told: dict[str, object] = {
        "name": tensor.name,
        "dtype": _DTYPES.get(tensor.dtype, tensor.dtype),
        "input_type": "image" if item.source == "view" else "raw",
        "shape": shape,
    }
    if item.source != "view":
        told["layout"] = "N" + "CDEFGHIJ"[: len(shape) - 1]
        return {**told, "preprocessing": {}}
    layout = tensor.layout or "NCHW"
    depth = tensor.shape[layout.index("C")] or 3
    told["layout"] = layout
    planar = "p" if layout.index("C") < layout.index("H") else "i"
    color = _COLORS[steps.color]
    told["preprocessing"] = {
        "mean": list(steps.mean if len(steps.mean) == depth else steps.mean * depth),
        "scale": list(steps.scale if len(steps.scale) == depth else steps.scale * depth),
        "dai_type": color if steps.color is ChannelOrder.GREY else color + planar,
        "resize_mode": _MODES.get(steps.resize),
    }
    return told


def _output(item: TensorSpec) -> dict[str, object]:
    told: dict[str, object] = {"name": item.name, "dtype": _DTYPES.get(item.dtype, item.dtype)}
    shape = [1 if i == 0 and n is None else n for i, n in enumerate(item.shape)]
    if shape and all(n is not None for n in shape):
        told["shape"] = shape
    return told


def _head(spec: ModelSpec) -> tuple[dict[str, object] | None, tuple[str, ...]]:
    """The head as depthai-nodes knows it; None, with a note, where it knows none such."""
    outputs = [item.name for item in spec.outputs]
    names: dict[str, object] = {"classes": list(spec.labels), "n_classes": len(spec.labels)}
    limits = spec.thresholds
    found: dict[str, object] = {
        **names,
        "iou_threshold": min(limits.nms, 1.0),
        "conf_threshold": limits.score,
        "max_det": limits.top,
    }
    made: dict[str, object] | None = None
    if spec.head in ("yolo-grids", "yolov5") and all(len(item.shape) == 4 for item in spec.outputs):
        made = {"parser": "YOLO", "metadata": {**found, **_grids(spec)}}
    elif spec.head == "classify":
        ready = spec.head_options.get("activation", "auto") in ("none", "auto")
        made = {"parser": "ClassificationParser", "metadata": {**names, "is_softmax": ready}}
    elif spec.head == "semantic":
        made = {"parser": "SegmentationParser", "metadata": {**names, "is_softmax": False}}
    elif spec.head in _PARSERS:
        made = {"parser": _PARSERS[spec.head], "metadata": found}
    if made is None:
        return None, (
            f"head {spec.head}: no parser of depthai-nodes is known to read it; it stands in model.yaml only",
        )
    return {**made, "outputs": outputs}, ()


def _grids(spec: ModelSpec) -> dict[str, object]:
    """What the parser YOLO wants to know besides classes and thresholds."""
    options = spec.head_options
    if spec.head == "yolov5":
        rows = options.get("anchors")
        pairs = (
            [[list(row[i : i + 2]) for i in range(0, len(row), 2)] for row in rows] if isinstance(rows, tuple) else None
        )
        subtype = "yolov3" if options.get("wh_exp") else "yolov5"
        return {"subtype": subtype, "anchors": pairs, "yolo_outputs": [item.name for item in spec.outputs]}
    grids = _listed(options, "grids")
    told: dict[str, object] = {
        "subtype": "yolov6r1" if options.get("box") == "centre" else "yolov8",
        "yolo_outputs": grids or [item.name for item in spec.outputs],
    }
    keypoints, masks = _listed(options, "keypoints"), _listed(options, "masks")
    depths = {item.name: item.shape[1] for item in spec.outputs}
    if keypoints:
        told |= {"keypoints_outputs": keypoints, "n_keypoints": (depths.get(keypoints[0]) or 0) // 3}
    if masks:
        prototypes = str(options.get("prototypes", ""))
        told |= {"mask_outputs": masks, "protos_outputs": prototypes, "is_softmax": False}
        told["n_prototypes"] = depths.get(prototypes) or 32
    return told


def _listed(options: Mapping[str, object], key: str) -> list[str]:
    value = options.get(key)
    return [str(name) for name in value] if isinstance(value, tuple | list) else []

"""TFLite files (.tflite): read by OpenVINO's front end, saved as IR; what the file states goes into the manifest."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sightline.errors import ModelError, OutputError
from sightline.models.coco import COCO_91
from sightline.models.importers.seam import Foreign, Imported
from sightline.models.importers.tflite_custom import Detection, detection_of, refuse_unknown
from sightline.models.importers.tflite_graph import save_ir
from sightline.models.importers.tflite_metadata import TfLiteStatement, stated_by_tflite
from sightline.models.importers.tflite_model import (
    TfLiteModel,
    TfLiteTensor,
    parse_tflite,
    with_axes_in_range,
)
from sightline.models.manifest import InputManifest, Manifest, ThresholdManifest
from sightline.types import ChannelOrder, Resize

__all__ = ["read"]

_MOST_BYTES = 1 << 31
# What metadata writers call every model of a task: no name of this one.
_NO_NAMES = {"imageclassifier", "objectdetector", "imagesegmenter", "imageembedder", ""}
_IMAGENET_MEAN, _IMAGENET_STD = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)
_HEAD_OPTIONS: dict[str, object] = {
    "boxes": "boxes", "scores": "scores", "order": "xyxy", "normalized": True, "activation": "none", "background": -1,
}  # fmt: skip
_LEAST_SCORE = 0.05  # a post-process that lets lower scores pass leaves the choice to whoever reads them


@dataclass(frozen=True, slots=True)
class _Feed:
    """How the picture goes in: tensor = (pixel - mean) / scale; None: the file does not say. why: for the user."""

    mean: tuple[float, ...] | None = None
    scale: tuple[float, ...] | None = None
    why: str = ""


def read(found: Foreign) -> Imported:
    """The model as IR in the workspace. Raises ModelError where the file is damaged or holds what cannot be run."""
    path = found.path
    data = _bytes(path)
    model = parse_tflite(data, path)
    refuse_unknown(model, path)
    detection = detection_of(model, path)
    said = stated_by_tflite(model)
    weights = found.workspace / f"{path.stem}.xml"
    changes = save_ir(model, path, _readable(model, found), detection, said.facts, weights)
    feed = _feed(model, said)
    return Imported(
        weights=weights,
        manifest=_manifest(model, said, detection, feed),
        sources=(path,),
        changes=("TFLite read by OpenVINO and saved as IR", *changes),
        warnings=(*said.warnings, *_warnings(model, said, detection, feed)),
    )


def _readable(model: TfLiteModel, found: Foreign) -> Path:
    """The file as OpenVINO reads it: itself, or a mended copy in the workspace. Raises OutputError."""
    mended = with_axes_in_range(model)
    if mended is None:
        return found.path
    copy = found.workspace / f"{found.path.stem}.tflite"
    try:
        copy.write_bytes(mended)
    except OSError as error:
        raise OutputError(f"{copy}: cannot be written: {error.strerror}") from error
    return copy


def _bytes(path: Path) -> bytes:
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise ModelError(f"{path}: {path.stat().st_size >> 20} MB: TFLite files end at 2 GB; is it one?")
        return path.read_bytes()
    except OSError as error:
        raise ModelError(f"{path}: cannot be read: {error.strerror}") from error


def _manifest(model: TfLiteModel, said: TfLiteStatement, detection: Detection | None, feed: _Feed) -> Manifest:
    plain = Manifest(
        name="" if said.name.replace(" ", "").lower() in _NO_NAMES or len(said.name) > 48 else said.name,
        version=said.version,
        licence=said.licence,
        source=said.author,
        input=InputManifest(color=said.color, mean=feed.mean, scale=feed.scale),
        labels=_labels(said, detection),
        thresholds=ThresholdManifest(score=said.score),
    )
    if detection is None:
        return plain
    return plain.model_copy(
        update={
            "input": _detector_input(plain.input),
            "task": "detect",
            "head": "boxes-scores",
            "head_options": dict(_HEAD_OPTIONS),
            "thresholds": _thresholds(detection, said.score),
        }
    )


def _detector_input(stated: InputManifest) -> InputManifest:
    """TensorFlow's detectors take RGB, stretched; x/127.5-1 where the input is of floats and nothing else is said."""
    update: dict[str, object] = {"color": stated.color or ChannelOrder.RGB, "resize": Resize.STRETCH}
    if stated.mean is None:
        update |= {"mean": (127.5,), "scale": (127.5,)}
    return stated.model_copy(update=update)


def _thresholds(detection: Detection, said: float | None) -> ThresholdManifest:
    """Those of the post-process that was taken out; its file keeps them as float32."""
    least = round(min(detection.least, 1.0), 6) if detection.least >= _LEAST_SCORE else None
    return ThresholdManifest(
        score=least if said is None else said,
        nms=round(min(max(detection.iou, 0.0), 1.0), 6),
        top=detection.most,
        class_agnostic=not detection.regular,
    )


def _labels(said: TfLiteStatement, detection: Detection | None) -> tuple[str, ...] | None:
    """Names by class id; a row for the background goes where the post-process counts without it."""
    if said.labels is None:
        return _coco(detection)
    names = said.labels.names
    if detection is not None and len(names) == detection.classes + 1 and names[0].lower() in ("???", "background"):
        names = names[1:]
    return tuple("" if name == "???" else name for name in names)


def _coco(detection: Detection | None) -> tuple[str, ...] | None:
    """COCO's names for the 90 ids of TensorFlow's published detectors."""
    return COCO_91[1:] if detection is not None and detection.classes == 90 else None


def _warnings(model: TfLiteModel, said: TfLiteStatement, detection: Detection | None, feed: _Feed) -> tuple[str, ...]:
    told = [feed.why] if feed.why else []
    if model.subgraphs > 1:
        told.append(f"the file holds {model.subgraphs} graphs; the first is imported")
    if detection is not None and feed.mean is None:
        told.append(
            "nothing says how its input is normalised: (pixel - 127.5) / 127.5, as TensorFlow's detectors have it"
        )
    if said.labels is None and _coco(detection) is not None:
        told.append("no labels in the file: the names are COCO's, by the count of 90 classes")
    if detection is not None and detection.classes_a_box > 1:
        told.append(f"its post-process gave up to {detection.classes_a_box} classes a box; the best one is given")
    return tuple(told)


# -- what a pixel becomes --------------------------------------------------------------------------------------------


def _feed(model: TfLiteModel, said: TfLiteStatement) -> _Feed:
    pictures = [t for t in (model.tensors[i] for i in model.inputs) if len(t.shape) == 4]
    if not pictures:
        return _Feed()
    tensor = pictures[0]
    if tensor.dtype == "uint8":
        return _quantised(tensor, 0.0)
    if tensor.dtype == "int8":
        return _quantised(tensor, 128.0)
    return _Feed(said.mean, said.scale)


def _quantised(tensor: TfLiteTensor, low: float) -> _Feed:
    """Whole pixel values, moved to the type's range; as ImageNet's normalisation where the range is that one's.

    Quantised inputs are calibrated on the values of pixels, so their steps are the 256 of a pixel whatever the real
    range is called (0..1, -1..1, 0..255); a mean and deviation for each channel is the exception.
    """
    first = tensor.scale * (-low - tensor.zero_point)
    last = first + 255 * tensor.scale
    if abs(first + 2.118) > 0.06 or abs(last - 2.64) > 0.06:
        return _Feed((low,), (1.0,))
    gain = [tensor.scale * deviation for deviation in _IMAGENET_STD]
    mean = [m - tensor.zero_point * g for m, g in zip(_IMAGENET_MEAN, gain, strict=True)]
    why = f"its input spans {first:.2f}..{last:.2f}, as ImageNet's mean and deviation give: pixels are fed so"
    return _Feed(tuple(round(m, 4) for m in mean), tuple(round(g, 6) for g in gain), why)

"""What was identified -> a plain dictionary, ready for JSON: the report of `sightline inspect`."""

from __future__ import annotations

from dataclasses import asdict

from sightline.models.arrival import Arrived
from sightline.models.identify import Identified
from sightline.types import InputSpec, Preprocess, TensorSpec

__all__ = ["describe"]


def describe(identified: Identified) -> dict[str, object]:
    """task, head, head_options, confidence, decided, inputs, outputs, preprocess, labels, reasons, doubts; and
    question, warnings, thresholds, name, file, format, sha256, licence, keys. Only JSON's own types.
    """
    spec = identified.spec
    picture = next((item for item in spec.inputs if item.source == "view"), None)
    return {
        "name": spec.name,
        "file": str(identified.weights),
        "format": identified.format,
        "sha256": spec.sha256,
        "licence": spec.licence,
        "origin": _origin(identified.arrived),
        "changes": list(identified.arrived.changes),
        "task": spec.task,
        "head": spec.head or None,
        "head_options": {key: _plain(value) for key, value in spec.head_options.items()},
        "confidence": round(identified.confidence, 3),
        "decided": identified.decided,
        "question": identified.question,
        "inputs": [_input(item) for item in spec.inputs],
        "outputs": [_tensor(item) for item in spec.outputs],
        "preprocess": None if picture is None else _preprocess(picture),
        "thresholds": {
            "score": spec.thresholds.score,
            "nms": spec.thresholds.nms,
            "top": spec.thresholds.top,
            "each": spec.thresholds.each,
            "class_agnostic": spec.thresholds.class_agnostic,
            "per_class": dict(spec.thresholds.per_class),
            "nms_of": dict(spec.thresholds.nms_of),
            "each_of": dict(spec.thresholds.each_of),
            "bounds": {
                label: {key: _plain(value) for key, value in asdict(own).items()}
                for label, own in spec.thresholds.bounds.items()
            },
        },
        "labels": list(spec.labels),
        "reasons": list(identified.reasons),
        "doubts": list(identified.doubts),
        "warnings": list(identified.warnings),
        "keys": [fate.plain() for fate in identified.arrived.keys],
    }


def _origin(arrived: Arrived) -> dict[str, object]:
    """format, url, url_sha256, checked, files, imported, by."""
    stated = arrived.stated.origin
    told = stated.model_dump(mode="json")
    if not stated.format:
        told["format"] = arrived.format
    return told


def _plain(value: object) -> object:
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value if isinstance(value, str | int | float | bool) or value is None else str(value)


def _tensor(spec: TensorSpec) -> dict[str, object]:
    return {"name": spec.name, "shape": list(spec.shape), "dtype": spec.dtype, "layout": spec.layout}


def _input(item: InputSpec) -> dict[str, object]:
    return {**_tensor(item.tensor), "source": item.source}


def _preprocess(item: InputSpec) -> dict[str, object]:
    steps: Preprocess = item.preprocess
    width, height = item.size_wh
    return {
        "width": width,
        "height": height,
        "color": steps.color.value,
        "mean": list(steps.mean),
        "scale": list(steps.scale),
        "resize": steps.resize.value,
        "pad": steps.pad,
    }

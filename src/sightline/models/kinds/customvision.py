"""Custom Vision's networks say themselves, in the file's metadata, how pictures go in; their grids are YOLOv2's."""

from __future__ import annotations

from sightline.models.kinds.evidence import Facts
from sightline.models.kinds.reading import Reading

__all__ = ["read_customvision"]

_BOXES = 5  # a cell, as the sample code of every such export has it


def read_customvision(facts: Facts) -> Reading | None:
    """model_outputs0 [N, 5*(5+C), H, W] of an ONNX file with Windows' image metadata; the three detected_* outputs."""
    names = {output.name.split(":")[0].lower(): output for output in facts.outputs}
    if {"detected_boxes", "detected_scores", "detected_classes"} <= names.keys():
        options: dict[str, object] = {"normalized": True}
        for key in ("boxes", "scores", "classes"):
            options[key] = names[f"detected_{key}"].name
        why = "detected_boxes, detected_scores and detected_classes: Custom Vision, suppressed in the graph"
        return Reading("batched-nms", "customvision", 0.95, (why,), options)
    if "Image.BitmapPixelFormat" not in facts.graph.metadata or len(facts.outputs) != 1:
        return None
    output = facts.outputs[0]
    if len(output.shape) != 4 or not output.name.startswith("model_outputs"):
        return None
    depth = output.shape[1] or 0
    if depth % _BOXES or depth // _BOXES < 6:
        return None
    why = f"{output.name} with {depth} channels and Windows' image metadata: Custom Vision's YOLOv2 grid"
    return Reading("darknet-region", "customvision", 0.9, (why,), classes=depth // _BOXES - 5)

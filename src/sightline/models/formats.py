"""Which format a model file or folder is in: by its suffix, its first bytes and what lies beside it."""

from __future__ import annotations

__all__ = ["IMPORTERS"]

# format: "module:function" of its importer, `read(found: Foreign) -> Imported`
IMPORTERS: dict[str, str] = {
    "darknet": "sightline.models.importers.darknet:read",
    "caffe": "sightline.models.importers.caffe:read",
    "tflite": "sightline.models.importers.tflite:read",
    "yolo-checkpoint": "sightline.models.importers.checkpoint:read",
    "customvision": "sightline.models.importers.customvision:read",
    "nn-archive": "sightline.models.importers.nn_archive:read",
    "nvinfer": "sightline.models.importers.nvinfer:read",
    "triton": "sightline.models.importers.triton:read",
}

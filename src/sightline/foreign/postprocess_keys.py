"""Every key of Gst-nvdspostprocess's YAML files: the reading of a model's outputs, told outside of its nvinfer file.

The keys are those of postprocesslib_impl.cpp of NVIDIA/DeepStream; they mean what they mean to nvinfer.
"""

from __future__ import annotations

from collections.abc import Mapping

from sightline.foreign.fates import Known, Rules
from sightline.foreign.nvinfer_keys import CLASS_ATTRS, PROPERTY, class_of_group
from sightline.foreign.side_reasons import passed
from sightline.foreign.written import Written

__all__ = ["POSTPROCESS", "is_postprocess"]

_WHY = "the model's own nvinfer file is read for this; put the key there"
_GROUP = {
    **{
        key: Known("ignored", "", _WHY)
        for key in (
            "network-type",
            "process-mode",
            "num-detected-classes",
            "gie-unique-id",
            "labelfile-path",
            "cluster-mode",
            "output-instance-mask",
            "is-classifier",
            "classifier-threshold",
            "classifier-type",
            "segmentation-threshold",
            "segmentation-output-order",
            "parse-classifier-func-name",
            "parse-bbox-func-name",
            "parse-bbox-instance-mask-func-name",
            "output-blob-names",
            "operate-on-class-ids",
            "filter-out-class-ids",
        )
    },
    "gpu-id": PROPERTY["gpu-id"],
    "preprocessor-support": passed("raw", "0"),
    "release-tensor-meta": passed("raw", "0", "1"),
}
_CLASS = {
    **{key: Known("ignored", "", _WHY, known.idle) for key, known in CLASS_ATTRS.items()},
    "min-score": Known("ignored", "", _WHY),
}
_MODEL = ("onnx-file", "model-engine-file", "tlt-encoded-model", "model-file", "uff-file", "custom-network-config")
_FED = ("net-scale-factor", "batch-size", "interval", "model-color-format", "network-mode", "infer-dims", "offsets")


def _of_group(group: str) -> Mapping[str, Known] | None:
    if group == "property":
        return _GROUP
    return _CLASS if group == "class-attrs-all" or class_of_group(group) is not None else None


POSTPROCESS = Rules(_of_group, ("property", "class-attrs-all"), "nvdspostprocess")


def is_postprocess(written: Written) -> bool:
    """Whether it tells how outputs are read, but neither of which model nor how that is fed."""
    if any(written.get("property", key) for key in ("preprocessor-support", "release-tensor-meta")):
        return True
    if written.form != "yaml" or written.get("property", "network-type") is None:
        return False
    return not any(written.get("property", key) for key in (*_MODEL, *_FED))

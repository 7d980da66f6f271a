"""Every key of DeepStream's nvinfer files and what becomes of it: the table that docs/nvinfer.md is made of.

The keys are those of NVIDIA/DeepStream, gst-nvinfer, gstnvinfer_property_parser.h, and one of older files.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from sightline.foreign.fates import Known, Rules
from sightline.foreign.key_tables import KeyTable

__all__ = ["CLASS_ATTRS", "NVINFER", "PROPERTY", "TELLING", "class_of_group"]

_HARDWARE = "chooses hardware of one vendor; here --runtime and --device do"
_ENGINE = "concerns the building of a TensorRT engine, which is not built"
_MEMORY = "sizes that vendor's memory pools; memory follows the pictures"
_TENSOR_DUMP = "writes or replays raw tensors for debugging; sightline inspect shows what the model says"
_CODE = "compiled code is never loaded; what it decodes is told by the name of the function"
_CASCADE = "by the application's file that names this one"
_FILTER = "what lies outside is not told; counted in the muxer's frame, where an application's file has one"


def _honoured(as_: str, why: str = "") -> Known:
    return Known("honoured", as_, why)


def _translated(as_: str, why: str = "") -> Known:
    return Known("translated", as_, why)


def _ignored(why: str, *idle: str) -> Known:
    return Known("ignored", "", why, idle)


PROPERTY: dict[str, Known] = {
    # the model
    "onnx-file": _honoured("weights"),
    "custom-network-config": _honoured("weights", "a Darknet cfg; with model-file it is written as ONNX"),
    "model-file": _honoured("weights", "Darknet's weights, or a caffemodel"),
    "proto-file": _honoured("weights", "a Caffe prototxt; with model-file it is written as ONNX"),
    "model-engine-file": _ignored(
        "an engine runs on the GPU it was built for; where nothing else is named, the file it was built from is "
        "looked for beside it"
    ),
    "tlt-encoded-model": _ignored("encrypted; only where it is all that there is, it is refused with what to do"),
    "tlt-model-key": _ignored("the key of an encrypted model, which is not read"),
    "uff-file": _ignored("a dead format; only where it is all that there is, it is refused with what to do"),
    "uff-input-blob-name": _ignored("the graph names its own inputs"),
    "custom-lib-path": _ignored(_CODE),
    "engine-create-func-name": _ignored(_CODE),
    # how pictures go in
    "net-scale-factor": _translated("input.scale", "y = net-scale-factor * (x - offsets), so scale is its reciprocal"),
    "offsets": _honoured("input.mean"),
    "mean-file": _translated("input.mean", "the mean picture's average of each channel"),
    "model-color-format": _honoured("input.color", "0 RGB, 1 BGR, 2 grey"),
    "infer-dims": _honoured("input.size", "for an input of open size; else compared with the model's own"),
    "input-dims": _honoured("input.size", "for an input of open size; else compared with the model's own"),
    "uff-input-dims": _honoured("input.size", "for an input of open size; else compared with the model's own"),
    "uff-input-order": _honoured("input.layout", "as network-input-order"),
    "network-input-order": _honoured("input.layout", "0 NCHW, 1 NHWC; passed over where the graph shows another"),
    "maintain-aspect-ratio": _translated("input.resize", "1 letterbox on black, 0 stretch"),
    "symmetric-padding": _translated("input.resize", "1 centred, 0 at the top left"),
    "scaling-filter": _ignored("pictures are resized bilinearly, large reductions by area", "1"),
    "scaling-compute-hw": _ignored(_HARDWARE),
    "input-tensor-from-meta": _ignored("tensors prepared by another element; here the model prepares its own", "0"),
    "force-implicit-batch-dim": _ignored(_ENGINE),
    # what comes out
    "network-type": _honoured("task", "0 detect, 1 classify, 2 semantic, 3 segment, 100 by the graph"),
    "is-classifier": _honoured("task", "the old word for network-type 1 and 0"),
    "num-detected-classes": _honoured("labels", "compared with the labels and the model"),
    "labelfile-path": _honoured("labels"),
    "output-blob-names": _honoured("outputs", "compared with the graph; a classifier's are its questions, in order"),
    "parse-bbox-func-name": _translated("head", "the head that reads what the function reads"),
    "parse-bbox-instance-mask-func-name": _translated("head", "the head that reads what the function reads"),
    "parse-classifier-func-name": _translated("head", "the head that reads what the function reads"),
    "parse-segmentation-func-name": _translated("head", "the head that reads what the function reads"),
    "parse-func": _ignored("the old number of a parse function; its name and the graph tell how outputs are read"),
    "cluster-mode": _translated("head_options.cluster", "of heads other than detectnet: suppression, or none with 4"),
    "enable-dbscan": _translated("head_options.cluster", "the old word for cluster-mode 1 and 0"),
    "classifier-threshold": _honoured("head_options.least"),
    "classifier-type": _honoured("head_options.names", "what a classifier's answer is called"),
    "segmentation-threshold": _translated("thresholds.score", "decides where the map is one probability a pixel"),
    "segmentation-output-order": _honoured("head_options.channels_last", "0 channels first, 1 channels last"),
    "filter-out-class-ids": _translated("thresholds.per_class", "a threshold that no score reaches"),
    "output-instance-mask": _ignored("masks are told wherever the model gives them", "1"),
    "output-tensor-meta": _ignored("raw outputs go to no other program here; a head reads them", "0"),
    # in a cascade
    "gie-unique-id": _translated("then.name", f"gieN; {_CASCADE}"),
    "process-mode": _translated("then", f"1 the whole picture, 2 objects; {_CASCADE}"),
    "operate-on-gie-id": _translated("then.from", _CASCADE),
    "operate-on-class-ids": _translated("then.objects", f"the labels of these classes; {_CASCADE}"),
    "input-object-min-width": _translated("then.min_size_px", _CASCADE),
    "input-object-min-height": _translated("then.min_size_px", _CASCADE),
    "input-object-max-width": _translated("then.max_size_px", _CASCADE),
    "input-object-max-height": _translated("then.max_size_px", _CASCADE),
    "secondary-reinfer-interval": _translated("then.remember.frames", f"behind a tracker; {_CASCADE}"),
    "classifier-async-mode": _translated("then.wait", f"behind a tracker, 1: answers may come later; {_CASCADE}"),
    "interval": _translated("limits.interval", f"of a secondary: then.interval; {_CASCADE}"),
    "crop-objects-to-roi-boundary": _translated(
        "thresholds.bounds", "1: boxes that reach into a margin (roi-top-offset, roi-bottom-offset) are cut there"
    ),
    # hardware, engines, memory
    "gpu-id": _ignored(_HARDWARE),
    "enable-dla": _ignored(_HARDWARE),
    "use-dla-core": _ignored(_HARDWARE),
    "batch-size": _ignored("frames are put together as they come, as many as the model takes"),
    "network-mode": _ignored("the precision is the file's own; sightline convert makes fp16 and int8"),
    "int8-calib-file": _ignored("calibration of a TensorRT engine; sightline convert --to int8 has its own"),
    "layer-device-precision": _ignored(_ENGINE),
    "output-io-formats": _ignored(_ENGINE),
    "workspace-size": _ignored(_ENGINE),
    "strongly-typed": _ignored(_ENGINE),
    "dynamic-properties": _ignored(_ENGINE),
    "warmup-engine": _ignored(_ENGINE),
    "stabilize-buffer-count": _ignored(_ENGINE),
    "auto-inc-mem": _ignored(_MEMORY),
    "max-gpu-mem-per": _ignored(_MEMORY),
    "tensor-meta-pool-size": _ignored(_MEMORY),
    "disable-output-host-copy": _ignored(_MEMORY),
    "dump-input-tensor": _ignored(_TENSOR_DUMP, "0"),
    "dump-output-tensor": _ignored(_TENSOR_DUMP, "0"),
    "overwrite-input-tensor": _ignored(_TENSOR_DUMP, "0"),
    "overwrite-output-tensor": _ignored(_TENSOR_DUMP, "0"),
    "ip-tensor-file": _ignored(_TENSOR_DUMP),
    "op-tensor-files": _ignored(_TENSOR_DUMP),
    "raw-output-file-write": _ignored(_TENSOR_DUMP, "0"),
}

# [class-attrs-all] and [class-attrs-N]
CLASS_ATTRS: dict[str, Known] = {
    "pre-cluster-threshold": _honoured("thresholds.score", "of one class: thresholds.per_class"),
    "threshold": _honoured("thresholds.score", "the old word for pre-cluster-threshold"),
    "post-cluster-threshold": _translated("thresholds.score", "the higher one of the two thresholds decides"),
    "classifier-threshold": _ignored("belongs in [property]; DeepStream passes over it here as well"),
    "nms-iou-threshold": _honoured("thresholds.nms", "of one class: thresholds.nms_of"),
    "topk": _honoured("thresholds.each", "the most objects of one class; of one class: thresholds.each_of"),
    "eps": _honoured("head_options.eps", "of the head detectnet"),
    "minBoxes": _honoured("head_options.min_boxes", "of the head detectnet with dbscan"),
    "group-threshold": _honoured("head_options.min_boxes", "of the head detectnet with group-rectangles"),
    "dbscan-min-score": _honoured("head_options.min_score", "of the head detectnet with dbscan"),
    "roi-top-offset": _translated("thresholds.bounds", _FILTER),
    "roi-bottom-offset": _translated("thresholds.bounds", _FILTER),
    "detected-min-w": _translated("thresholds.bounds", _FILTER),
    "detected-min-h": _translated("thresholds.bounds", _FILTER),
    "detected-max-w": _translated("thresholds.bounds", _FILTER),
    "detected-max-h": _translated("thresholds.bounds", _FILTER),
    "border-color": _ignored("the overlay has colours of its own, one a label"),
    "bg-color": _ignored("the overlay has colours of its own, one a label"),
}

# What tells an nvinfer file from the other ones that have a group [property].
TELLING = (
    "gie-unique-id",
    "net-scale-factor",
    "network-type",
    "network-mode",
    "num-detected-classes",
    "onnx-file",
    "model-engine-file",
    "model-file",
    "tlt-encoded-model",
    "uff-file",
    "labelfile-path",
    "process-mode",
    "is-classifier",
    "model-color-format",
    "custom-network-config",
)


def class_of_group(group: str) -> int | None:
    """The class of [class-attrs-N]; None for every other group."""
    number = group.removeprefix("class-attrs-")
    return int(number) if number != group and number.isascii() and number.isdigit() and len(number) < 7 else None


# Groups of applications that stand in some nvinfer files: the element reads its own groups alone.
_APPLICATION = re.compile(r"application|source-list|source\d*|streammux|tiled-display|osd|sink\d*|tests")
_PASSED = KeyTable({}, {"*": _ignored("DeepStream passes over it as well")})


def _of_group(group: str) -> Mapping[str, Known] | None:
    if group == "property":
        return PROPERTY
    if _APPLICATION.fullmatch(group):
        return _PASSED
    return CLASS_ATTRS if group == "class-attrs-all" or class_of_group(group) is not None else None


NVINFER = Rules(_of_group, ("property", "class-attrs-all"), "nvinfer")

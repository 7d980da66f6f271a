"""Every field of DeepStream's nvinferserver files and what becomes of it.

The fields are those of NVIDIA/DeepStream, nvdsinferserver_common.proto, nvdsinferserver_config.proto and
nvdsinferserver_plugin.proto; a group is the path of blocks that a field stands in.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from sightline.foreign.fates import Known, Rules
from sightline.foreign.nvinfer_keys import CLASS_ATTRS, PROPERTY

__all__ = ["GROUPS", "NVINFERSERVER"]

_SERVER = "concerns a server, which is not started: the model runs in this process"


def _server(many: bool = False) -> Known:
    return Known("ignored", "", _SERVER, many=many)


def _like(key: str, many: bool = False) -> Known:
    """As the nvinfer key of the same meaning."""
    known = PROPERTY[key] if key in PROPERTY else CLASS_ATTRS[key]
    return Known(known.status, known.as_, known.why, known.idle, many)


_COLOURS = ("r", "g", "b", "a")
_CLASSIFY = {"topk": _server(), "threshold": _server(), "tensor_name": _server()}
_SIZES = {
    "min_width": Known("translated", "then.min_size_px", PROPERTY["input-object-min-width"].why),
    "min_height": Known("translated", "then.min_size_px", PROPERTY["input-object-min-width"].why),
    "max_width": Known("translated", "then.max_size_px", PROPERTY["input-object-min-width"].why),
    "max_height": Known("translated", "then.max_size_px", PROPERTY["input-object-min-width"].why),
}
_FILTERS = {
    "roi_top_offset": _like("roi-top-offset"),
    "roi_bottom_offset": _like("roi-top-offset"),
}
_INFER, _POST = "infer_config", "infer_config.postprocess"
_DETECT = f"{_POST}.detection"
_BACK = f"{_INFER}.backend"

GROUPS: dict[str, dict[str, Known]] = {
    "": {},
    _INFER: {
        "unique_id": _like("gie-unique-id"),
        "gpu_ids": _like("gpu-id", many=True),
        "max_batch_size": _like("batch-size"),
        "clip_object_outside_roi": Known(
            "ignored", "", "boxes are always cut at the region that was looked at", ("true", "1")
        ),
    },
    _BACK: {
        "output_mem_type": _like("tensor-meta-pool-size"),
        "disable_warmup": _server(),
    },
    f"{_BACK}.inputs": {
        "name": Known("ignored", "", "the graph names its own inputs"),
        "dims": Known("honoured", "input.size", "for an input of open size", many=True),
        "data_type": Known("ignored", "", "the graph tells the type of its inputs"),
    },
    f"{_BACK}.outputs": {
        "name": _like("output-blob-names"),
        "max_buffer_bytes": _like("tensor-meta-pool-size"),
    },
    f"{_BACK}.triton": {
        "model_name": Known("honoured", "weights", "the folder of that name in the model repository"),
        "version": Known("honoured", "weights", "-1 the latest; another one by its number"),
    },
    f"{_BACK}.triton.class_params": _CLASSIFY,
    f"{_BACK}.triton.model_repo": {
        "root": Known("honoured", "weights", "the model repository", many=True),
        **{
            name: _server()
            for name in (
                "log_level",
                "strict_model_config",
                "tf_gpu_memory_fraction",
                "tf_disable_soft_placement",
                "min_compute_capacity",
                "backend_dir",
                "model_control_mode",
                "pinned_memory_pool_byte_size",
            )
        },
    },
    f"{_BACK}.triton.model_repo.cuda_device_memory": {"device": _server(), "memory_pool_byte_size": _server()},
    f"{_BACK}.triton.model_repo.backend_configs": {"backend": _server(), "setting": _server(), "value": _server()},
    f"{_BACK}.triton.grpc": {
        "url": Known(
            "ignored", "", "a server elsewhere: its model repository has to be named, or lie beside this file"
        ),
        "enable_cuda_buffer_sharing": _server(),
    },
    f"{_INFER}.preprocess": {
        "network_format": _like("model-color-format"),
        "tensor_order": _like("network-input-order"),
        "tensor_name": Known("ignored", "", "the graph names its own inputs"),
        "maintain_aspect_ratio": _like("maintain-aspect-ratio"),
        "symmetric_padding": _like("symmetric-padding"),
        "frame_scaling_hw": _like("scaling-compute-hw"),
        "frame_scaling_filter": _like("scaling-filter"),
    },
    f"{_INFER}.preprocess.normalize": {
        "scale_factor": _like("net-scale-factor"),
        "channel_offsets": _like("offsets", many=True),
        "mean_file": _like("mean-file"),
    },
    f"{_INFER}.input_tensor_from_meta": {"is_first_dim_batch": _like("input-tensor-from-meta")},
    _POST: {"labelfile_path": _like("labelfile-path")},
    _DETECT: {
        "num_detected_classes": _like("num-detected-classes"),
        "custom_parse_bbox_func": _like("parse-bbox-func-name"),
    },
    f"{_DETECT}.per_class_params": {"key": Known("honoured", "thresholds.per_class", "the number of the class")},
    f"{_DETECT}.per_class_params.value": {"pre_threshold": Known("honoured", "thresholds.per_class")},
    f"{_DETECT}.nms": {
        "confidence_threshold": _like("pre-cluster-threshold"),
        "iou_threshold": _like("nms-iou-threshold"),
        "topk": _like("topk"),
    },
    f"{_DETECT}.dbscan": {
        "pre_threshold": _like("pre-cluster-threshold"),
        "eps": _like("eps"),
        "min_boxes": _like("minBoxes"),
        "min_score": _like("dbscan-min-score"),
    },
    f"{_DETECT}.group_rectangle": {
        "confidence_threshold": _like("pre-cluster-threshold"),
        "group_threshold": _like("group-threshold"),
        "eps": _like("eps"),
    },
    f"{_DETECT}.simple_cluster": {"threshold": _like("pre-cluster-threshold")},
    f"{_POST}.classification": {
        "threshold": _like("classifier-threshold"),
        "custom_parse_classifier_func": _like("parse-classifier-func-name"),
    },
    f"{_POST}.segmentation": {
        "threshold": _like("segmentation-threshold"),
        "num_segmentation_classes": _like("num-detected-classes"),
        "custom_parse_segmentation_func": _like("parse-segmentation-func-name"),
    },
    f"{_POST}.other": {"type_name": Known("ignored", "", "what it is, the graph tells")},
    f"{_POST}.trtis_classification": _CLASSIFY,
    f"{_POST}.triton_classification": _CLASSIFY,
    f"{_INFER}.custom_lib": {"path": _like("custom-lib-path")},
    f"{_INFER}.extra": {
        "copy_input_to_host_buffers": _like("tensor-meta-pool-size"),
        "output_buffer_pool_size": _like("tensor-meta-pool-size"),
        "custom_process_funcion": _like("custom-lib-path"),
    },
    f"{_INFER}.lstm.loops": {
        name: Known("ignored", "", "models that carry something from frame to frame are not run")
        for name in ("input", "output", "keep_output")
    },
    f"{_INFER}.lstm.loops.init_const": {
        "value": Known("ignored", "", "models that carry something from frame to frame are not run")
    },
    "input_control": {
        "process_mode": _like("process-mode"),
        "operate_on_gie_id": _like("operate-on-gie-id"),
        "operate_on_class_ids": _like("operate-on-class-ids", many=True),
        "interval": _like("interval"),
        "secondary_reinfer_interval": _like("secondary-reinfer-interval"),
        "async_mode": _like("classifier-async-mode"),
    },
    "input_control.object_control.bbox_filter": _SIZES,
    "output_control": {
        "output_tensor_meta": Known("ignored", "", PROPERTY["output-tensor-meta"].why, ("false",)),
        "classifier_type": _like("classifier-type"),
    },
    "output_control.detect_control": {"filter_out_class_ids": _like("filter-out-class-ids", many=True)},
    "output_control.detect_control.default_filter": _FILTERS,
    "output_control.detect_control.default_filter.bbox_filter": {key: _like("detected-min-w") for key in _SIZES},
    "output_control.detect_control.default_filter.border_color": {key: _like("border-color") for key in _COLOURS},
    "output_control.detect_control.default_filter.bg_color": {key: _like("bg-color") for key in _COLOURS},
    "output_control.detect_control.specific_class_filters": {"key": _like("detected-min-w")},
}
_OWN = "output_control.detect_control.default_filter"
GROUPS |= {
    name.replace(_OWN, "output_control.detect_control.specific_class_filters.value"): table
    for name, table in GROUPS.items()
    if name.startswith(_OWN)
}
GROUPS |= {  # the framework's old name
    name.replace(".triton", ".trt_is"): table for name, table in GROUPS.items() if name.startswith(f"{_BACK}.triton")
}


def _with_blocks() -> dict[str, dict[str, Known]]:
    """Blocks are fields too: an empty one says something, and a misspelt one is found by its neighbours."""
    whole = {name: dict(table) for name, table in GROUPS.items()}
    for name in GROUPS:
        path = name
        while path:
            above, _, last = path.rpartition(".")
            whole.setdefault(above, {}).setdefault(last, Known("honoured", "", "a block", many=True))
            path = above
    for name, key in ((_POST, "other"), (_INFER, "input_tensor_from_meta"), (f"{_INFER}.lstm", "loops")):
        whole.setdefault(name, {})[key] = Known("honoured", "", "a block", many=True)
    return whole


_WHOLE = _with_blocks()


def _of_group(group: str) -> Mapping[str, Known] | None:
    return _WHOLE.get(re.sub(r"\[\d+\]", "", group))


NVINFERSERVER = Rules(_of_group, tuple(_WHOLE), "nvinferserver")

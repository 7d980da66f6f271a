"""(kind, name) -> the object that "module:Name" names: a literal dict, then entry points `sightline.<kind>`."""

from __future__ import annotations

import difflib
import importlib
from importlib.metadata import entry_points

from sightline.errors import UsageError

__all__ = ["known", "resolve"]

_BUILT_IN: dict[str, dict[str, str]] = {
    "source": {
        "media": "sightline.sources.media:MediaSource",
        "stills": "sightline.sources.stills:StillsSource",
        "synthetic": "sightline.sources.synthetic:SyntheticSource",
    },
    "runtime": {
        "openvino": "sightline.runtimes.open_vino:OpenVinoRuntime",
        "onnx": "sightline.runtimes.onnx_runtime:OnnxRuntime",
    },
    "head": {
        "yolov5": "sightline.heads.yolov5:YoloV5",
        "yolov8": "sightline.heads.yolov8:YoloV8",
        "yolov8-pose": "sightline.heads.yolov8:YoloV8Pose",
        "yolo-end2end": "sightline.heads.end2end:YoloEnd2End",
        "yolov8-seg": "sightline.heads.yolo_seg:YoloV8Seg",
        "yolov5-seg": "sightline.heads.yolo_seg:YoloV5Seg",
        "yolo-end2end-seg": "sightline.heads.yolo_seg:YoloEnd2EndSeg",
        "yolact": "sightline.heads.yolact:Yolact",
        "mask-rcnn": "sightline.heads.mask_rcnn:MaskRcnn",
        "mask-queries": "sightline.heads.mask_queries:MaskQueries",
        "detectnet": "sightline.heads.detectnet:DetectNet",
        "decoded-rows": "sightline.heads.decoded_rows:DecodedRows",
        "fomo": "sightline.heads.fomo:Fomo",
        "yolov8-obb": "sightline.heads.yolo_obb:YoloV8Obb",
        "yolov5-obb": "sightline.heads.yolo_obb:YoloV5Obb",
        "yolo-end2end-obb": "sightline.heads.yolo_obb:YoloEnd2EndObb",
        "yolo-grids": "sightline.heads.yolo_grids:YoloGrids",
        "yolo-cells": "sightline.heads.yolo_cells:YoloCells",
        "yolox": "sightline.heads.yolox:Yolox",
        "nanodet": "sightline.heads.nanodet:NanoDet",
        "yolo-fastestv2": "sightline.heads.fastestv2:YoloFastestV2",
        "fastestdet": "sightline.heads.fastestdet:FastestDet",
        "nms-rows": "sightline.heads.rows:NmsRows",
        "boxes-scores": "sightline.heads.boxes_scores:BoxesScores",
        "ssd": "sightline.heads.ssd:Ssd",
        "detection-output": "sightline.heads.detection_output:DetectionOutput",
        "tf-detection": "sightline.heads.tf_detection:TfDetection",
        "batched-nms": "sightline.heads.batched_nms:BatchedNms",
        "nms-indices": "sightline.heads.batched_nms:NmsIndices",
        "detr": "sightline.heads.detr:Detr",
        "ultraface": "sightline.heads.ultraface:UltraFace",
        "retinaface": "sightline.heads.retinaface:RetinaFace",
        "scrfd": "sightline.heads.scrfd:Scrfd",
        "yunet": "sightline.heads.yunet:YuNet",
        "blazeface": "sightline.heads.blazeface:BlazeFace",
        "centernet": "sightline.heads.centernet:CenterNet",
        "centerface": "sightline.heads.centernet:CenterFace",
        "dbface": "sightline.heads.dbface:DbFace",
        "darknet-yolo": "sightline.heads.darknet:DarknetYolo",
        "darknet-region": "sightline.heads.darknet:DarknetRegion",
        "darknet-detection": "sightline.heads.darknet:DarknetDetection",
        "yolov5-face": "sightline.heads.yolov5_face:YoloV5Face",
        "yolov7-pose": "sightline.heads.yolo_pose:YoloV7Pose",
        "yolo-end2end-pose": "sightline.heads.yolo_pose:YoloEnd2EndPose",
        "rtmo": "sightline.heads.yolo_pose:Rtmo",
        "movenet": "sightline.heads.movenet:MoveNet",
        "movenet-multi": "sightline.heads.movenet:MoveNetMulti",
        "posenet": "sightline.heads.posenet:PoseNet",
        "points": "sightline.heads.points:Points",
        "heat-points": "sightline.heads.heat_points:HeatPoints",
        "simcc": "sightline.heads.simcc:SimCC",
        "part-fields": "sightline.heads.part_fields:PartFields",
        "head-pose": "sightline.heads.angles:HeadPose",
        "gaze": "sightline.heads.angles:Gaze",
        "pulse": "sightline.heads.pulse:Pulse",
        "classify": "sightline.heads.classify:Classify",
        "age-gender": "sightline.heads.age_gender:AgeGender",
        "embed": "sightline.heads.embed:Embed",
        "semantic": "sightline.heads.semantic:Semantic",
        "ctc": "sightline.heads.ctc:Ctc",
        "db-text": "sightline.heads.db_text:DbText",
    },
    "tracker": {
        "bytetrack": "sightline.trackers.bytetrack:ByteTrack",
        "sort": "sightline.trackers.sort:Sort",
        "ocsort": "sightline.trackers.ocsort:OcSort",
        "botsort": "sightline.trackers.botsort:BotSort",
        "iou": "sightline.trackers.iou:Iou",
    },
    "analytic": {
        "line": "sightline.analytics.line:Line",
        "zone": "sightline.analytics.zone:Zone",
        "roi": "sightline.analytics.roi:Roi",
        "crowd": "sightline.analytics.crowd:Crowd",
        "crossing": "sightline.analytics.crossing:Crossing",
        "direction": "sightline.analytics.direction:Direction",
        "objects": "sightline.analytics.object_count:ObjectCount",
        "rollup": "sightline.analytics.rollup:Rollup",
    },
    "overlay": {
        "boxes": "sightline.overlays.boxes:BoxOverlay",
    },
    "dewarp": {
        "fisheye": "sightline.sources.dewarp:FisheyeDewarp",
        "lens": "sightline.sources.dewarp:LensDewarp",
        "panorama": "sightline.sources.dewarp:PanoramaDewarp",
    },
    "payload": {
        "deepstream": "sightline.payloads.deepstream:DeepStreamFull",
        "deepstream-minimal": "sightline.payloads.deepstream_minimal:DeepStreamMinimal",
        "accelerator": "sightline.payloads.accelerator:AcceleratorPayload",
        "sightline": "sightline.payloads.own:SightlinePayload",
    },
    "sink": {
        "video": "sightline.sinks.video:VideoSink",
        "pictures": "sightline.sinks.pictures:PictureSink",
        "jsonl": "sightline.sinks.jsonl:JsonlSink",
        "webhook": "sightline.sinks.webhook:WebhookSink",
        "record": "sightline.sinks.record:RecordSink",
        "mosaic": "sightline.sinks.mosaic:MosaicSink",
        "show": "sightline.sinks.show:ShowSink",
    },
}


def known(kind: str) -> tuple[str, ...]:
    """Every name of that kind, sorted."""
    names = set(_BUILT_IN.get(kind, {}))
    names.update(e.name for e in entry_points(group=f"sightline.{kind}"))
    return tuple(sorted(names))


def resolve(kind: str, name: str) -> object:
    """The class or function. Raises UsageError with the nearest known names."""
    target = _BUILT_IN.get(kind, {}).get(name)
    if target is not None:
        module, _, attribute = target.partition(":")
        return getattr(importlib.import_module(module), attribute)
    for entry in entry_points(group=f"sightline.{kind}"):
        if entry.name == name:
            return entry.load()
    names = known(kind)
    near = difflib.get_close_matches(name, names, n=3, cutoff=0.4)
    hint = f"did you mean {' or '.join(near)}?" if near else f"known: {', '.join(names)}"
    raise UsageError(f"unknown {kind} {name!r}; {hint}")

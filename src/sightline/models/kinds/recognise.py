"""Every kind of output in turn, the most telling first."""

from __future__ import annotations

from collections.abc import Callable

from sightline.models.kinds.caffe import read_caffe
from sightline.models.kinds.customvision import read_customvision
from sightline.models.kinds.darknet import read_darknet
from sightline.models.kinds.dense import read_decoded_rows, read_detectnet, read_fomo, read_tao
from sightline.models.kinds.evidence import Facts
from sightline.models.kinds.faces import (
    read_blazeface,
    read_heatmaps,
    read_retinaface,
    read_scrfd,
    read_ultraface,
    read_yunet,
)
from sightline.models.kinds.gaze import read_angles, read_gaze, read_pulse, read_skeletons
from sightline.models.kinds.landmarks import read_face_mesh, read_hand, read_landmarks
from sightline.models.kinds.maps import read_class_ids, read_maps
from sightline.models.kinds.masks import read_mask_queries, read_mask_rcnn, read_yolact
from sightline.models.kinds.people import read_people_rows, read_rtmo
from sightline.models.kinds.points import (
    read_bodies,
    read_heat_points,
    read_movenet,
    read_part_fields,
    read_posenet,
    read_simcc,
)
from sightline.models.kinds.reading import Reading
from sightline.models.kinds.ready import read_detection_output, read_detr, read_pairs, read_ready, read_rows
from sightline.models.kinds.text import read_text
from sightline.models.kinds.view import read_view
from sightline.models.kinds.yolo import (
    read_end2end,
    read_fastestdet,
    read_fastestv2,
    read_grids,
    read_nanodet,
    read_yolo,
)

__all__ = ["FAMILY_OF_HEAD", "TASK_OF_HEAD", "recognise"]

_KINDS: tuple[Callable[[Facts], Reading | None], ...] = (
    read_class_ids,
    read_darknet,
    read_caffe,
    read_customvision,
    read_movenet,
    read_posenet,
    read_people_rows,
    read_rtmo,
    read_face_mesh,
    read_hand,
    read_bodies,
    read_landmarks,
    read_part_fields,
    read_simcc,
    read_heat_points,
    read_gaze,
    read_angles,
    read_pulse,
    read_skeletons,
    read_mask_rcnn,
    read_mask_queries,
    read_yolact,
    read_detectnet,
    read_tao,
    read_decoded_rows,
    read_fomo,
    read_detection_output,
    read_rows,
    read_ready,
    read_yunet,
    read_scrfd,
    read_retinaface,
    read_ultraface,
    read_blazeface,
    read_nanodet,
    read_heatmaps,
    read_fastestdet,
    read_fastestv2,
    read_detr,
    read_end2end,
    read_yolo,
    read_grids,
    read_pairs,
    read_text,
    read_view,
    read_maps,
)

# Where a head is given and nothing else is known of the model.
FAMILY_OF_HEAD = {
    "yolov5": "ultralytics",
    "yolov8": "ultralytics",
    "yolov8-pose": "ultralytics",
    "yolo-end2end": "ultralytics",
    "yolov5-seg": "ultralytics",
    "yolov8-seg": "ultralytics",
    "yolo-end2end-seg": "ultralytics",
    "yolov5-obb": "ultralytics",
    "yolov8-obb": "ultralytics",
    "yolo-end2end-obb": "ultralytics",
    "decoded-rows": "ultralytics",
    "yolact": "yolact",
    "mask-queries": "mask-queries",
    "detectnet": "detectnet",
    "fomo": "fomo",
    "yolo-grids": "ultralytics",
    "yolox": "yolox",
    "nanodet": "nanodet",
    "fastestdet": "fastestdet",
    "yolo-fastestv2": "yolo-fastestv2",
    "detection-output": "caffe-ssd",
    "tf-detection": "tf-detection",
    "batched-nms": "ultralytics",
    "ultraface": "ultraface",
    "retinaface": "retinaface",
    "scrfd": "scrfd",
    "yunet": "yunet",
    "blazeface": "blazeface",
    "centernet": "centernet",
    "centerface": "centerface",
    "dbface": "dbface",
    "darknet-yolo": "darknet",
    "yolo-cells": "yolov4",
    "darknet-region": "darknet",
    "darknet-detection": "darknet",
    "yolov5-face": "ultralytics",
    "yolov7-pose": "yolov7",
    "yolo-end2end-pose": "ultralytics",
    "rtmo": "rtmo",
    "movenet": "movenet",
    "movenet-multi": "movenet-multi",
    "posenet": "posenet",
    "points": "mediapipe",
    "heat-points": "top-down",
    "simcc": "top-down",
    "part-fields": "openpose",
    "head-pose": "hopenet",
    "gaze": "hopenet",
    "pulse": "deepphys",
    "classify": "classifier",
    "age-gender": "open-model-zoo",
    "embed": "classifier",
    "semantic": "segmentation",
    "ctc": "text-line",
    "db-text": "db-text",
}

# What a head answers; every other one detects.
TASK_OF_HEAD = {
    "yolov5-seg": "segment",
    "yolov8-seg": "segment",
    "yolo-end2end-seg": "segment",
    "yolact": "segment",
    "mask-rcnn": "segment",
    "mask-queries": "segment",
    "yolov5-obb": "obb",
    "yolov8-obb": "obb",
    "yolo-end2end-obb": "obb",
    "classify": "classify",
    "age-gender": "classify",
    "embed": "embed",
    "semantic": "semantic",
    "ctc": "text",
    "db-text": "text-detect",
    "yolov8-pose": "pose",
    "yolov7-pose": "pose",
    "yolo-end2end-pose": "pose",
    "rtmo": "pose",
    "movenet": "pose",
    "movenet-multi": "pose",
    "posenet": "pose",
    "points": "landmarks",
    "heat-points": "pose",
    "simcc": "pose",
    "part-fields": "pose",
    "head-pose": "gaze",
    "gaze": "gaze",
    "pulse": "pulse",
}


def recognise(facts: Facts) -> Reading:
    """The first kind that fits; a reading without a head where none does."""
    for kind in _KINDS:
        reading = kind(facts)
        if reading is not None:
            return reading
    shapes = ", ".join(f"{o.name} {list(o.shape)}" for o in facts.outputs[:6])
    return Reading("", "unknown", 0.0, (f"no known kind has the outputs {shapes}",))

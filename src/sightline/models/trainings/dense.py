"""Trainings of dense detectors and of networks with masks."""

from __future__ import annotations

from sightline.models.trainings.training import (
    BGR,
    BYTE,
    IMAGENET_MEAN,
    IMAGENET_STD,
    LETTERBOX,
    ONE,
    RGB,
    STRETCH,
    TOPLEFT,
    ZERO,
    Training,
    training,
)
from sightline.types import Resize

__all__ = ["DENSE_TRAININGS"]

CROP = Resize.CROP

DENSE_TRAININGS: dict[str, Training] = {
    "detectnet": training("DetectNet_v2 takes RGB/255, stretched", RGB, ZERO, BYTE, STRETCH, 0, (960, 544)),
    "tao-caffe": training(
        "TAO's SSD, YOLO and FasterRCNN take BGR minus (103.939, 116.779, 123.68), stretched or at the top left",
        BGR,
        (103.939, 116.779, 123.68),
        ONE,
        (STRETCH, TOPLEFT),
        0,
    ),
    "tao-mask-rcnn": training(
        "TAO's Mask R-CNN takes RGB with ImageNet's mean and deviation, stretched",
        RGB,
        IMAGENET_MEAN,
        IMAGENET_STD,
        STRETCH,
        0,
        (960, 576),
    ),
    "tao-mask2former": training(
        "TAO's Mask2Former takes RGB with ImageNet's mean and deviation, stretched",
        RGB,
        IMAGENET_MEAN,
        IMAGENET_STD,
        STRETCH,
        0,
    ),
    "mask-queries": training(
        "MaskFormer and Mask2Former take RGB with ImageNet's mean and deviation; fixed exports stretch or pad",
        RGB,
        IMAGENET_MEAN,
        IMAGENET_STD,
        (STRETCH, TOPLEFT),
        0,
        (512, 512),
    ),
    "dino": training(
        "Deformable DETR and DINO take RGB with ImageNet's mean and deviation; fixed exports stretch or pad",
        RGB,
        IMAGENET_MEAN,
        IMAGENET_STD,
        (STRETCH, TOPLEFT),
        0,
        (960, 544),
    ),
    "yolact": training(
        "YOLACT takes RGB with ImageNet's mean and deviation, stretched",
        RGB,
        (123.68, 116.78, 103.94),
        (58.4, 57.12, 57.38),
        STRETCH,
        0,
        (550, 550),
    ),
    "fomo": training(
        "FOMO takes RGB or grey/255; how its project fits pictures, no file tells",
        RGB,
        ZERO,
        BYTE,
        (CROP, STRETCH, LETTERBOX),
        0,
        (96, 96),
    ),
}

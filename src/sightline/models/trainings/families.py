"""What each family of models is trained with: the part of preprocessing that no file states.

One line a family, from its own training and demo code. Where a family's own versions differ, both values stand, and
identification asks instead of guessing.
"""

from __future__ import annotations

from sightline.models.trainings.dense import DENSE_TRAININGS
from sightline.models.trainings.points import POINT_TRAININGS
from sightline.models.trainings.training import (
    BGR,
    BYTE,
    COCO_MEAN_BGR,
    COCO_STD_BGR,
    IMAGENET_MEAN,
    IMAGENET_MEAN_BGR,
    IMAGENET_STD,
    IMAGENET_STD_BGR,
    LETTERBOX,
    ONE,
    RGB,
    STRETCH,
    TOPLEFT,
    ZERO,
    Training,
    training,
)
from sightline.models.trainings.view import VIEW_TRAININGS

__all__ = ["TRAININGS", "Training"]

TRAININGS: dict[str, Training] = {
    **VIEW_TRAININGS,
    **DENSE_TRAININGS,
    **POINT_TRAININGS,
    "ultralytics": training(
        "YOLOv5 and its successors are trained on RGB/255, centred letterbox on grey 114", RGB, ZERO, BYTE, LETTERBOX
    ),
    "yolov7": training("YOLOv6 and YOLOv7 take RGB/255, centred letterbox on grey 114", RGB, ZERO, BYTE, LETTERBOX),
    "yolox": training(
        "YOLOX takes BGR 0..255, letterbox at the top left on grey 114", BGR, ZERO, ONE, TOPLEFT, 114, (640, 640)
    ),
    "yolox-legacy": training(
        "YOLOX before 0.1.1 took RGB with ImageNet's mean and deviation, letterbox at the top left on grey 114",
        RGB,
        IMAGENET_MEAN,
        IMAGENET_STD,
        TOPLEFT,
    ),
    "nanodet": training(
        "NanoDet takes BGR with ImageNet's mean and deviation; its first versions letterboxed or stretched",
        BGR,
        IMAGENET_MEAN_BGR,
        IMAGENET_STD_BGR,
        (STRETCH, LETTERBOX),
        0,
        (320, 320),
    ),
    "nanodet-plus": training(
        "NanoDet-Plus takes BGR with ImageNet's mean and deviation, stretched (keep_ratio false)",
        BGR,
        IMAGENET_MEAN_BGR,
        IMAGENET_STD_BGR,
        STRETCH,
        0,
        (320, 320),
    ),
    "picodet": training(
        "PP-PicoDet takes RGB with ImageNet's mean and deviation, stretched", RGB, IMAGENET_MEAN, IMAGENET_STD, STRETCH
    ),
    "fastestdet": training("FastestDet takes BGR/255, stretched", BGR, ZERO, BYTE, STRETCH, 114, (352, 352)),
    "yolo-fastestv2": training("YOLO-FastestV2 takes BGR/255, stretched", BGR, ZERO, BYTE, STRETCH, 114, (352, 352)),
    "ultraface": training(
        "UltraFace takes RGB, (x-127)/128, stretched", RGB, (127.0,), (128.0,), STRETCH, 0, (320, 240)
    ),
    "pytorch-ssd": training(
        "SSD of the PyTorch line takes RGB, (x-127)/128, stretched", RGB, (127.0,), (128.0,), STRETCH, 0, (300, 300)
    ),
    "caffe-ssd": training(
        "SSD networks of Caffe and Open Model Zoo take BGR 0..255 (the rest is in the graph), stretched",
        BGR,
        ZERO,
        ONE,
        STRETCH,
        0,
        (300, 300),
    ),
    "mobilenet-ssd": training(
        "MobileNet-SSD of Caffe takes BGR, (x-127.5)/127.5, stretched",
        BGR,
        (127.5,),
        (127.5,),
        STRETCH,
        0,
        (300, 300),
    ),
    "tf-detection": training(
        "TensorFlow's detection models take RGB 0..255 (the rest is in the graph), stretched",
        RGB,
        ZERO,
        ONE,
        STRETCH,
        0,
        (300, 300),
    ),
    "tf-unit": training(
        "TensorFlow's SSD cut behind its preprocessing takes RGB, x/127.5-1, stretched",
        RGB,
        (127.5,),
        (127.5,),
        STRETCH,
        0,
        (300, 300),
    ),
    "torchvision": training(
        "torchvision's detectors take RGB/255 and do the rest in the graph; how a fixed input is filled, no file tells",
        RGB,
        ZERO,
        BYTE,
        (STRETCH, TOPLEFT),
        0,
        (800, 800),
    ),
    "darknet": training(
        "Darknet's networks take RGB/255, stretched unless their cfg says letter_box",
        RGB,
        ZERO,
        BYTE,
        STRETCH,
        127,
        (416, 416),
    ),
    "caffe": Training(
        "Caffe's detectors differ: BGR minus (104, 117, 123), (x-127.5)/127.5, or 0..255 as they are",
        (BGR,),
        (((104.0, 117.0, 123.0), ONE), ((127.5,), (127.5,)), (ZERO, ONE)),
        (STRETCH,),
        0,
        (300, 300),
    ),
    "caffe-res10": training(
        "the face detector of OpenCV's samples takes BGR minus (104, 177, 123), stretched",
        BGR,
        (104.0, 177.0, 123.0),
        ONE,
        STRETCH,
        0,
        (300, 300),
    ),
    "caffe-grey": Training(
        "Caffe's detectors of grey pictures take them as they are, /255, or (x-127.5)/127.5",
        (BGR,),
        ((ZERO, ONE), (ZERO, BYTE), ((127.5,), (127.5,))),
        (STRETCH,),
        0,
        (300, 300),
    ),
    "customvision": training(
        "Custom Vision's files take BGR 0..255 unless their metadata say otherwise, stretched",
        BGR,
        ZERO,
        ONE,
        STRETCH,
        0,
        (416, 416),
    ),
    "yolov4": training("YOLOv4 takes RGB/255, stretched", RGB, ZERO, BYTE, STRETCH, 0, (416, 416)),
    "yolo-nas": Training(
        "YOLO-NAS takes BGR/255 in a letterbox, centred or at the top left by version",
        (BGR,),
        ((ZERO, BYTE),),
        (LETTERBOX, TOPLEFT),
        114,
    ),
    "rt-detr": training("RT-DETR, D-FINE and DEIM take RGB/255, stretched", RGB, ZERO, BYTE, STRETCH, 0),
    "rf-detr": training(
        "RF-DETR takes RGB with ImageNet's mean and deviation, stretched",
        RGB,
        IMAGENET_MEAN,
        IMAGENET_STD,
        STRETCH,
        0,
        (560, 560),
    ),
    "detr": training(
        "DETR takes RGB with ImageNet's mean and deviation; it keeps the ratio, fixed exports stretch or letterbox",
        RGB,
        IMAGENET_MEAN,
        IMAGENET_STD,
        (STRETCH, TOPLEFT),
        124,
        (800, 800),
    ),
    "scrfd": training(
        "SCRFD takes RGB, (x-127.5)/128, letterbox at the top left on black", RGB, (127.5,), (128.0,), TOPLEFT, 0
    ),
    "retinaface": training(
        "RetinaFace takes BGR minus (104, 117, 123), stretched", BGR, (104.0, 117.0, 123.0), ONE, STRETCH, 0
    ),
    "yunet": training(
        "YuNet takes BGR 0..255; its own code pads to the input or resizes to it",
        BGR,
        ZERO,
        ONE,
        (STRETCH, TOPLEFT, LETTERBOX),
        0,
        (320, 320),
    ),
    "blazeface": training(
        "BlazeFace takes RGB, x/127.5-1, centred letterbox on black", RGB, (127.5,), (127.5,), LETTERBOX, 0, (128, 128)
    ),
    "palm": training(
        "the palm detector takes RGB/255, centred letterbox on black", RGB, ZERO, BYTE, LETTERBOX, 0, (192, 192)
    ),
    "centernet": training(
        "CenterNet takes BGR with its own mean and deviation; it letterboxes or keeps the size",
        BGR,
        COCO_MEAN_BGR,
        COCO_STD_BGR,
        (STRETCH, LETTERBOX),
        0,
        (512, 512),
    ),
    "centerface": training("CenterFace takes RGB 0..255, stretched", RGB, ZERO, ONE, STRETCH, 0),
    "dbface": Training(
        "DBFace's own code takes BGR with CenterNet's mean and deviation, its conversions RGB, (x-128)/128",
        (BGR, RGB),
        ((COCO_MEAN_BGR, COCO_STD_BGR), ((128.0,), (128.0,))),
        (STRETCH, TOPLEFT),
        0,
    ),
    "dbface-keras": training(
        "DBFace's conversion to Keras and TFLite takes RGB, (x-128)/128, stretched", RGB, (128.0,), (128.0,), STRETCH, 0
    ),
    "mmdetection": Training(
        "MMDetection's models differ: RGB or BGR, with ImageNet's mean and deviation or none, letterbox or stretch",
        (RGB, BGR),
        ((IMAGENET_MEAN, IMAGENET_STD), (ZERO, ONE)),
        (TOPLEFT, STRETCH),
        114,
    ),
    "paddle": Training(
        "PaddleDetection's models take RGB, stretched, with ImageNet's mean and deviation or /255",
        (RGB,),
        ((IMAGENET_MEAN, IMAGENET_STD), (ZERO, BYTE)),
        (STRETCH,),
        0,
    ),
    "unknown": Training(
        "nothing is known of how this model was trained",
        (RGB, BGR),
        ((ZERO, BYTE), (ZERO, ONE), (IMAGENET_MEAN, IMAGENET_STD)),
        (STRETCH, LETTERBOX),
    ),
}

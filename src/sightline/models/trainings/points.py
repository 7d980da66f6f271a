"""What families of points are trained with: poses, landmarks, hands, gaze, pulse."""

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

__all__ = ["POINT_TRAININGS"]

HALF, NEARLY_HALF = (127.5,), (128.0,)
IMAGENET = (IMAGENET_MEAN, IMAGENET_STD)

POINT_TRAININGS: dict[str, Training] = {
    "movenet": training(
        "MoveNet takes RGB 0..255 (the rest is in the graph), stretched", RGB, ZERO, ONE, STRETCH, 0, (192, 192)
    ),
    "movenet-multi": training(
        "MoveNet for several people takes RGB 0..255 (the rest is in the graph), stretched",
        RGB,
        ZERO,
        ONE,
        STRETCH,
        0,
        (256, 256),
    ),
    "posenet": training(
        "PoseNet on MobileNet takes RGB, (x-127.5)/127.5, stretched", RGB, HALF, HALF, STRETCH, 0, (257, 257)
    ),
    "posenet-resnet": training(
        "PoseNet on ResNet takes RGB minus (123.15, 115.9, 103.06), stretched",
        RGB,
        (123.15, 115.9, 103.06),
        ONE,
        STRETCH,
        0,
        (257, 257),
    ),
    "top-down": Training(
        "top-down poses take RGB with ImageNet's mean and deviation; of a person's crop of their own ratio, so that "
        "a whole picture is letterboxed or stretched",
        (RGB,),
        (IMAGENET,),
        (LETTERBOX, STRETCH),
        0,
        (192, 256),
    ),
    "rtmo": training(
        "RTMO takes BGR 0..255, letterbox at the top left on grey 114", BGR, ZERO, ONE, TOPLEFT, 114, (640, 640)
    ),
    "openpose": Training(
        "OpenPose takes BGR/255 or (x-128)/256, at the picture's own ratio or stretched",
        (BGR,),
        (((128.0,), (256.0,)), (ZERO, BYTE)),
        (STRETCH, LETTERBOX),
        0,
        (368, 368),
    ),
    "lightweight-openpose": Training(
        "Lightweight OpenPose takes BGR, (x-128)/256, at the picture's own ratio; fixed exports stretch or letterbox",
        (BGR,),
        (((128.0,), (256.0,)),),
        (STRETCH, LETTERBOX),
        0,
        (456, 256),
    ),
    "bodyposenet": training(
        "TAO's BodyPoseNet takes RGB, (x-128)/256, stretched", RGB, (128.0,), (256.0,), STRETCH, 0, (384, 288)
    ),
    "bodypose3d": training(
        "TAO's BodyPose3DNet takes RGB with ImageNet's mean over 255, a crop of 192x256",
        RGB,
        IMAGENET_MEAN,
        BYTE,
        STRETCH,
        0,
        (192, 256),
    ),
    "trt-pose": training(
        "trt_pose takes RGB with ImageNet's mean and deviation, stretched", RGB, *IMAGENET, STRETCH, 0, (224, 224)
    ),
    "facemesh": training(
        "the face mesh of 192x192 takes RGB, x/127.5-1, of a square crop", RGB, HALF, HALF, STRETCH, 0, (192, 192)
    ),
    "mediapipe": training(
        "MediaPipe's landmark networks take RGB/255 of a square crop", RGB, ZERO, BYTE, STRETCH, 0, (256, 256)
    ),
    "pose-detector": training(
        "MediaPipe's pose detectors take RGB, x/127.5-1, centred letterbox on black",
        RGB,
        HALF,
        HALF,
        LETTERBOX,
        0,
        (224, 224),
    ),
    "face-landmarks": Training(
        "facial landmark networks differ: RGB or BGR, /255, x/127.5-1 or ImageNet's mean and deviation",
        (RGB, BGR),
        ((ZERO, BYTE), (HALF, HALF), IMAGENET),
        (STRETCH,),
        0,
        (112, 112),
    ),
    "insightface-landmarks": training(
        "InsightFace's landmarks take RGB, (x-127.5)/128 (or the same in the graph), of a square crop",
        RGB,
        HALF,
        NEARLY_HALF,
        STRETCH,
        0,
        (192, 192),
    ),
    "fan": training("FAN takes RGB/255 of a square crop", RGB, ZERO, BYTE, STRETCH, 0, (256, 256)),
    "tao-grey": training("TAO's FPENet and GazeNet take grey crops of 0..255", RGB, ZERO, ONE, STRETCH, 0, (80, 80)),
    "hopenet": training(
        "HopeNet, 6DRepNet and L2CS take RGB with ImageNet's mean and deviation of a face's crop",
        RGB,
        *IMAGENET,
        STRETCH,
        0,
        (224, 224),
    ),
    "deepphys": training(
        "HeartRateNet takes RGB/255 of a face's crop and its difference to the frame before",
        RGB,
        ZERO,
        BYTE,
        STRETCH,
        0,
        (36, 36),
    ),
}

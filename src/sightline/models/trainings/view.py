"""What families that speak of the whole view are trained with: classifiers, embeddings, maps, text."""

from __future__ import annotations

from sightline.models.trainings.training import (
    BGR,
    BYTE,
    IMAGENET_MEAN,
    IMAGENET_STD,
    LINE,
    ONE,
    RGB,
    STRETCH,
    ZERO,
    Training,
    training,
)
from sightline.types import Resize

__all__ = ["VIEW_TRAININGS"]

HALF, NEARLY_HALF = (127.5,), (128.0,)
CAFFE_MEAN_BGR = (103.939, 116.779, 123.68)

VIEW_TRAININGS: dict[str, Training] = {
    "classifier": Training(
        "classifiers differ: RGB with ImageNet's mean and deviation, x/127.5-1, /255, or BGR 0..255 (less a mean)",
        (RGB, BGR),
        ((IMAGENET_MEAN, IMAGENET_STD), (HALF, HALF), (ZERO, BYTE), (ZERO, ONE)),
        (STRETCH,),
        0,
        (224, 224),
        normalised=False,
    ),
    "torch-classifier": Training(
        "PyTorch's classifiers take RGB, mostly with ImageNet's mean and deviation, some /255 or x/127.5-1",
        (RGB,),
        ((IMAGENET_MEAN, IMAGENET_STD), (ZERO, BYTE), (HALF, HALF)),
        (STRETCH,),
        0,
        (224, 224),
        normalised=False,
    ),
    "paddle-classifier": training(
        "Paddle's classifiers take RGB with ImageNet's mean and deviation",
        RGB,
        IMAGENET_MEAN,
        IMAGENET_STD,
        STRETCH,
        0,
        (224, 224),
    ),
    "imagenet-torch": training(
        "PyTorch's ImageNet classifiers take RGB with ImageNet's mean and deviation",
        RGB,
        IMAGENET_MEAN,
        IMAGENET_STD,
        STRETCH,
        0,
        (224, 224),
    ),
    "tf-classifier": Training(
        "TensorFlow's classifiers take RGB, x/127.5-1 (MobileNet, Inception), /255, or 0..255 (EfficientNet)",
        (RGB,),
        ((HALF, HALF), (ZERO, BYTE), (ZERO, ONE)),
        (STRETCH,),
        0,
        (224, 224),
        normalised=False,
    ),
    "tf-mobilenet": training(
        "TensorFlow's MobileNets and Inceptions take RGB, x/127.5-1", RGB, HALF, HALF, STRETCH, 0, (224, 224)
    ),
    "paddle-text-angle": training(
        "PaddleOCR's direction classifiers take BGR, (x-127.5)/127.5, the line at the left",
        BGR,
        HALF,
        HALF,
        LINE,
        127.5,
        (192, 48),
    ),
    "caffe-classifier": Training(
        "Caffe's classifiers take BGR 0..255, with or without ImageNet's mean taken off",
        (BGR,),
        ((ZERO, ONE), (CAFFE_MEAN_BGR, ONE)),
        (STRETCH,),
        0,
        (224, 224),
        normalised=False,
    ),
    "ultralytics-classify": training(
        "Ultralytics' classifiers take RGB/255, the middle of the picture cut out",
        RGB,
        ZERO,
        BYTE,
        Resize.CROP,
        0,
        (224, 224),
    ),
    "open-model-zoo": Training(
        "networks of Open Model Zoo take BGR 0..255 (the rest is in the graph), stretched",
        (BGR,),
        ((ZERO, ONE),),
        (STRETCH,),
        0,
        (224, 224),
        normalised=False,
    ),
    "openvino-converted": training(
        "OpenVINO's converter mostly put mean and scale inside: BGR 0..255, stretched",
        BGR,
        ZERO,
        ONE,
        STRETCH,
        0,
        (224, 224),
    ),
    "insightface": training("InsightFace's attribute networks take RGB 0..255", RGB, ZERO, ONE, STRETCH, 0, (96, 96)),
    "face-embedding": Training(
        "face embeddings differ: RGB, (x-127.5)/127.5, or ImageNet's mean and deviation",
        (RGB,),
        ((HALF, HALF), (IMAGENET_MEAN, IMAGENET_STD)),
        (STRETCH,),
        0,
        (112, 112),
    ),
    "insightface-embedding": training(
        "InsightFace's embeddings take RGB, (x-127.5)/127.5, an aligned face", RGB, HALF, HALF, STRETCH, 0, (112, 112)
    ),
    "re-identification": training(
        "re-identification networks take RGB with ImageNet's mean and deviation, stretched",
        RGB,
        IMAGENET_MEAN,
        IMAGENET_STD,
        STRETCH,
        0,
        (128, 256),
    ),
    "segmentation": Training(
        "segmentation networks differ: RGB with ImageNet's mean and deviation, x/127.5-1, or /255",
        (RGB,),
        ((IMAGENET_MEAN, IMAGENET_STD), (HALF, HALF), (ZERO, BYTE)),
        (STRETCH,),
        0,
        (512, 512),
    ),
    "tf-segmentation": training(
        "TensorFlow's DeepLabs take RGB, x/127.5-1, stretched", RGB, HALF, HALF, STRETCH, 0, (257, 257)
    ),
    "segmentation-imagenet": training(
        "this line of segmentation networks takes RGB with ImageNet's mean and deviation, stretched",
        RGB,
        IMAGENET_MEAN,
        IMAGENET_STD,
        STRETCH,
        0,
        (512, 512),
    ),
    "segmentation-half": training(
        "MODNet and PaddleSeg's networks take RGB, (x-127.5)/127.5, stretched", RGB, HALF, HALF, STRETCH, 0, (512, 512)
    ),
    "tf-maps": Training(
        "TensorFlow's segmentation networks take RGB, x/127.5-1, or /255",
        (RGB,),
        ((HALF, HALF), (ZERO, BYTE)),
        (STRETCH,),
        0,
        (257, 257),
        normalised=False,
    ),
    "paddle-text": training(
        "PaddleOCR's readers take BGR, (x-127.5)/127.5, lines as long as they are",
        BGR,
        HALF,
        HALF,
        STRETCH,
        0,
        (320, 48),
    ),
    "paddle-text-32": training(
        "PaddleOCR's first readers take BGR, (x-127.5)/127.5, lines as long as they are",
        BGR,
        HALF,
        HALF,
        STRETCH,
        0,
        (320, 32),
    ),
    "paddle-text-fixed": training(
        "PaddleOCR's readers of set width take BGR, (x-127.5)/127.5, the line at the left",
        BGR,
        HALF,
        HALF,
        LINE,
        127.5,
        (320, 48),
    ),
    "text-line": training("readers of one grey line take (x-127.5)/127.5", RGB, HALF, HALF, STRETCH, 0, (100, 32)),
    "tao-lpr": training("TAO's licence plate reader takes RGB/255, stretched", RGB, ZERO, BYTE, STRETCH, 0, (96, 48)),
    "lprnet": training("LPRNet takes BGR, (x-127.5)/128, stretched", BGR, HALF, NEARLY_HALF, STRETCH, 0, (94, 24)),
    "db-text": training(
        "PaddleOCR's text finders take BGR less ImageNet's mean of RGB, stretched to multiples of 32",
        BGR,
        IMAGENET_MEAN,
        IMAGENET_STD,
        STRETCH,
        0,
        (640, 640),
    ),
}

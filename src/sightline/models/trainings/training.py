"""What one family of models is trained with, as a record, and the numbers that families share."""

from __future__ import annotations

from dataclasses import dataclass

from sightline.types import ChannelOrder, Resize

RGB, BGR = ChannelOrder.RGB, ChannelOrder.BGR
STRETCH, LETTERBOX, TOPLEFT, LINE = Resize.STRETCH, Resize.LETTERBOX, Resize.LETTERBOX_TOPLEFT, Resize.LINE

ZERO, ONE, BYTE = (0.0,), (1.0,), (255.0,)
# ImageNet's mean and deviation in grey levels of 0..255, RGB and BGR.
IMAGENET_MEAN, IMAGENET_STD = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)
IMAGENET_MEAN_BGR, IMAGENET_STD_BGR = IMAGENET_MEAN[::-1], IMAGENET_STD[::-1]
# CenterNet's own mean and deviation, BGR.
COCO_MEAN_BGR, COCO_STD_BGR = (104.04, 113.985, 119.85), (73.695, 69.87, 70.89)


@dataclass(frozen=True, slots=True)
class Training:
    """tensor = (pixel - mean) / scale in that channel order. Several values: the family's versions differ.

    size_wh: the usual input where the file leaves it open. why: the reason shown to people.
    normalised: its first layer is followed by a normalisation, so that the strength of its weights tells the range.
    """

    why: str
    color: tuple[ChannelOrder, ...]
    values: tuple[tuple[tuple[float, ...], tuple[float, ...]], ...]
    resize: tuple[Resize, ...]
    pad: float = 114.0
    size_wh: tuple[int, int] = (640, 640)
    normalised: bool = True


def training(
    why: str,
    color: ChannelOrder | tuple[ChannelOrder, ...],
    mean: tuple[float, ...],
    scale: tuple[float, ...],
    resize: Resize | tuple[Resize, ...],
    pad: float = 114.0,
    size_wh: tuple[int, int] = (640, 640),
) -> Training:
    colors = color if isinstance(color, tuple) else (color,)
    resizes = resize if isinstance(resize, tuple) else (resize,)
    return Training(why, colors, ((mean, scale),), resizes, pad, size_wh)

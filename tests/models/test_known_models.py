"""Published models: head, options and preprocessing as their own code has them."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from sightline.config import ModelConfig
from sightline.models.identify import Identified, identify

pytestmark = pytest.mark.skipif(
    "SIGHTLINE_ASSETS" not in os.environ, reason="SIGHTLINE_ASSETS names no folder of test assets"
)

NANODET = ("bgr", (103.53, 116.28, 123.675), (57.375, 57.12, 58.395), "stretch", 0.0)
YOLOX = ("bgr", (0.0,), (1.0,), "letterbox-topleft", 114.0)
ULTRAFACE = ("rgb", (127.0,), (128.0,), "stretch", 0.0)
RAW = ("bgr", (0.0,), (1.0,), "stretch", 0.0)

KNOWN = {
    "yolox-nano-coco": ("yolox", {"activated": True}, YOLOX, (416, 416), {}, {0: "person", 79: "toothbrush"}),
    "yolox-nano-handsign-nms": (
        "nms-rows",
        {"columns": "batch,class,score,x1,y1,x2,y2"},
        YOLOX,
        (416, 416),
        {},
        {12: "Gassho", 2: "Tora(Tiger)", 10: "Inu(Dog)"},
    ),
    "nanodet-m-320": (
        "nanodet",
        {"bins": 8, "centre": "inner", "strides": (8, 16, 32)},
        NANODET,
        (320, 320),
        {"resize": "stretch"},
        {0: "person"},
    ),
    "fastestdet": (
        "fastestdet",
        {"activated": True},
        ("bgr", (0.0,), (255.0,), "stretch", 114.0),
        (352, 352),
        {},
        {16: "dog"},
    ),
    "ultraface-rfb-320": ("ultraface", {"priors": False, "activated": True}, ULTRAFACE, (320, 240), {}, {1: "face"}),
    "ultraface-slim-320-priors": (
        "ultraface",
        {"priors": True, "activated": True},
        ULTRAFACE,
        (320, 240),
        {},
        {1: "face"},
    ),
    "face-detection-retail-0004": ("detection-output", {"background": 0}, RAW, (300, 300), {}, {1: "face"}),
    "yunet-n-320": ("yunet", {}, RAW, (320, 320), {"resize": "stretch"}, {0: "face"}),
}


def folder_of(name: str, copy: Path) -> Path:
    """The model's folder without the expected results."""
    source = Path(os.environ["SIGHTLINE_ASSETS"]) / "models" / name
    return Path(shutil.copytree(source, copy / name, ignore=shutil.ignore_patterns("expected*")))


def look(name: str, copy: Path, **flags: object) -> Identified:
    return identify(ModelConfig.model_validate({"path": str(folder_of(name, copy)), **flags}))


@pytest.mark.parametrize("name", KNOWN)
def test_each_is_known(name: str, tmp_path: Path) -> None:
    head, options, feeding, size, flags, labels = KNOWN[name]
    identified = look(name, tmp_path, **flags)
    assert identified.question == ""
    spec = identified.spec
    assert spec.head == head
    assert dict(spec.head_options) == options
    steps = spec.inputs[0].preprocess
    assert (steps.color, steps.mean, steps.scale, steps.resize, steps.pad) == feeding
    assert spec.inputs[0].size_wh == size
    for index, label in labels.items():
        assert spec.label(index) == label


@pytest.mark.parametrize("name", ["nanodet-m-320", "yunet-n-320"])
def test_the_files_that_cannot_tell_ask_for_the_resize(name: str, tmp_path: Path) -> None:
    identified = look(name, tmp_path)
    assert not identified.decided
    assert "--resize stretch" in identified.question


@pytest.mark.parametrize(
    ("name", "task", "asked"),
    [
        ("mobilefacenet", "embed", "--scale"),
        ("squeezenet-fp16", "classify", "--scale"),
        ("ppocrv3-det-en", "text-detect", ""),
    ],
)
def test_other_tasks_say_what_they_are(name: str, task: str, asked: str, tmp_path: Path) -> None:
    identified = look(name, tmp_path)
    assert identified.spec.task == task
    assert identified.decided is not bool(asked)
    assert asked in identified.question


def test_the_same_names_and_shapes_can_mean_different_things(tmp_path: Path) -> None:
    one, two = look("ultraface-rfb-320", tmp_path), look("ultraface-slim-320-priors", tmp_path)
    assert one.spec.outputs == two.spec.outputs
    assert one.spec.head_options["priors"] is not two.spec.head_options["priors"]

"""Heads on real networks against reference results of an independent decoder (models/*/expected.json)."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from head_twins import decode
from numpy.typing import NDArray

from sightline.types import Detections, Thresholds

ASSETS = os.environ.get("SIGHTLINE_ASSETS")
pytestmark = pytest.mark.skipif(not ASSETS, reason="set SIGHTLINE_ASSETS to the folder of models and pictures")
cv2 = pytest.importorskip("cv2")


@dataclass(frozen=True)
class Golden:
    """A model, how it is fed and which head reads it; `score`, `nms` as its reference was made with."""

    folder: str
    file: str
    head: str
    size_wh: tuple[int, int]
    limits: Thresholds
    mean: tuple[float, ...] = (0.0,)
    scale: tuple[float, ...] = (1.0,)
    rgb: bool = False
    resize: str = "stretch"
    pad: int = 0
    nhwc: bool = False
    labels: tuple[str, ...] = ()
    px: float = 1.0
    off: float = 2e-3
    options: dict[str, Any] = field(default_factory=dict)


FACES = ("background", "face")
ULTRA: dict[str, Any] = {"mean": (127.0,), "scale": (128.0,), "rgb": True, "labels": FACES}
NANO: dict[str, Any] = {"mean": (103.53, 116.28, 123.675), "scale": (57.375, 57.12, 58.395)}
GOLDENS = [
    Golden("yolox-nano-coco", "yolox_nano.onnx", "yolox", (416, 416), Thresholds(0.3, 0.45), resize="topleft", pad=114),
    Golden(
        "yolox-nano-handsign-nms", "yolox_nano_with_post.onnx", "nms-rows", (416, 416), Thresholds(0.1, 1.0),
        resize="topleft", pad=114,
    ),
    Golden("nanodet-m-320", "nanodet_m_320.onnx", "nanodet", (320, 320), Thresholds(0.35, 0.6), **NANO),
    Golden("fastestdet", "FastestDet.onnx", "fastestdet", (352, 352), Thresholds(0.65, 0.45), scale=(255.0,)),
    Golden("ultraface-rfb-320", "version-RFB-320.onnx", "ultraface", (320, 240), Thresholds(0.7, 0.3), **ULTRA),
    Golden(
        "ultraface-slim-320-priors", "version-slim-320_without_postprocessing.onnx", "ultraface", (320, 240),
        Thresholds(0.7, 0.3), **ULTRA, options={"priors": True},
    ),
    Golden(
        "face-detection-retail-0004", "face-detection-retail-0004.xml", "detection-output", (300, 300),
        Thresholds(0.5, 1.0), options={"label_offset": 0},
    ),
    Golden("yunet-n-320", "yunet_n_320_320.onnx", "yunet", (320, 320), Thresholds(0.6, 0.3)),
    Golden(
        "blazeface-front", "face_detection_front.tflite", "blazeface", (128, 128), Thresholds(0.5, 0.3),
        mean=(127.5,), scale=(127.5,), rgb=True, resize="letterbox", nhwc=True,
    ),
    # the weights of these two are 8-bit: another runtime than the reference's rounds elsewhere
    Golden(
        "retinaface-160x120", "retinaface.tflite", "retinaface", (160, 120), Thresholds(0.6, 0.4),
        mean=(104.0, 117.0, 123.0), labels=FACES, px=4.0, off=0.05,
    ),
    Golden(
        "dbface-480x640", "dbface_keras_480x640_integer_quant_nhwc.tflite", "dbface", (640, 480), Thresholds(0.4, 0.3),
        mean=(128.0,), scale=(128.0,), rgb=True, nhwc=True, px=6.0, off=0.05,
    ),
]  # fmt: skip


def fed(golden: Golden, picture: NDArray[np.uint8]) -> tuple[NDArray[np.float32], tuple[float, float, float, float]]:
    """The tensor and (gain x, gain y, shift x, shift y) from model pixels to picture pixels."""
    (w, h), (high, wide) = golden.size_wh, picture.shape[:2]
    left = top = 0
    if golden.resize == "stretch":
        canvas = cv2.resize(picture, (w, h), interpolation=cv2.INTER_LINEAR)
        gain = (wide / w, high / h)
    else:
        r = min(w / wide, h / high)
        new = (int(wide * r), int(high * r)) if golden.resize == "topleft" else (round(wide * r), round(high * r))
        if golden.resize == "letterbox":
            left, top = (w - new[0]) // 2, (h - new[1]) // 2
        canvas = np.full((h, w, 3), golden.pad, np.uint8)
        canvas[top : top + new[1], left : left + new[0]] = cv2.resize(picture, new, interpolation=cv2.INTER_LINEAR)
        gain = (1 / r, 1 / r)
    if golden.rgb:
        canvas = canvas[..., ::-1]
    x = (canvas.astype(np.float32) - np.array(golden.mean, np.float32)) / np.array(golden.scale, np.float32)
    x = x[None] if golden.nhwc else x.transpose(2, 0, 1)[None]
    return np.ascontiguousarray(x), (*gain, -left * gain[0], -top * gain[1])


def ran(golden: Golden, x: NDArray[np.float32]) -> dict[str, NDArray[Any]]:
    path = Path(ASSETS or "") / "models" / golden.folder / golden.file
    if path.suffix == ".onnx":
        ort = pytest.importorskip("onnxruntime")
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        options.log_severity_level = 3
        session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        names = [o.name for o in session.get_outputs()]
        return dict(zip(names, session.run(None, {session.get_inputs()[0].name: x}), strict=True))
    ov = pytest.importorskip("openvino")
    core = ov.Core()
    model = core.read_model(str(path))
    settings = {"INFERENCE_NUM_THREADS": "1", "INFERENCE_PRECISION_HINT": "f32"}
    said = core.compile_model(model, "CPU", settings)(x)
    return {o.get_any_name(): said[o] for o in said}


@pytest.mark.parametrize("golden", GOLDENS, ids=lambda g: g.folder)
def test_the_reference_of_the_model_is_met(golden: Golden) -> None:
    folder = Path(ASSETS or "") / "models" / golden.folder
    results = json.loads((folder / "expected.json").read_text())["results"]
    assert results
    for result in results:
        picture = cv2.imread(str(folder.parent.parent / "pictures" / result["picture"]))
        if picture is None:
            picture = cv2.imread(str(folder.parent / "pictures" / result["picture"]))
        assert picture is not None, result["picture"]
        x, way = fed(golden, picture)
        outputs = ran(golden, x)
        (said,) = decode(
            golden.head, outputs, golden.size_wh, thresholds=golden.limits, labels=golden.labels, **golden.options
        )
        compare(golden, said, result["detections"], way, picture.shape)


def compare(
    golden: Golden, said: Detections, wants: list[dict[str, Any]], way: tuple[float, ...], shape: tuple[int, ...]
) -> None:
    gain, shift = np.array(way[:2] * 2), np.array(way[2:] * 2)
    boxes = said.xyxy * gain + shift
    edge = np.array([shape[1], shape[0]] * 2)
    boxes = np.clip(boxes, 0, edge)
    left = list(range(len(said)))
    for want in wants:
        matching = [k for k in left if said.label[k] == want["class_id"]]
        assert matching, want
        k = min(matching, key=lambda k: np.abs(boxes[k] - want["xyxy"]).max())
        left.remove(k)
        # the tolerance is in model pixels where those are the larger
        px = golden.px * max(1.0, *way[:2])
        np.testing.assert_allclose(boxes[k], np.clip(want["xyxy"], 0, edge), atol=px)
        assert abs(float(said.score[k]) - want["score"]) <= golden.off
        if "keypoints" in want:
            assert said.keypoints is not None
            points = said.keypoints[k, :, :2] * gain[:2] + shift[:2]
            np.testing.assert_allclose(points, want["keypoints"], atol=px)
    assert all(said.score[k] < golden.limits.score + golden.off for k in left), "more than the reference has"

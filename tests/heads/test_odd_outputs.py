"""Whatever tensors a model gives, a head of dense outputs or masks says what it wants or reads them; nothing else."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from head_twins import decode
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sightline.errors import ModelError, RuntimeFailure

HEADS = (
    "yolov5-seg",
    "yolov8-seg",
    "yolo-end2end-seg",
    "yolact",
    "mask-rcnn",
    "mask-queries",
    "yolov5-obb",
    "yolov8-obb",
    "yolo-end2end-obb",
    "detectnet",
    "decoded-rows",
    "fomo",
)
NAMES = (
    "output0", "output1", "boxes", "scores", "labels", "masks", "pred_masks", "pred_logits", "pred_boxes", "cov",
    "bbox", "generate_detections", "mask_fcn_logits", "loc", "conf", "mask", "proto", "dets", "pred_scores",
    "pred_classes", "detection_boxes", "num_detections",
)  # fmt: skip
SIZES = st.sampled_from([0, 1, 2, 3, 4, 5, 6, 7, 8, 12, 32, 36, 38])
SHAPES = st.lists(SIZES, min_size=1, max_size=5)


@st.composite
def outputs(draw: st.DrawFn) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for name in draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=5, unique=True)):
        shape = [1, *draw(SHAPES)] if draw(st.booleans()) else draw(SHAPES)
        rng = np.random.default_rng(draw(st.integers(0, 99)))
        a = rng.normal(0, 2, shape[:5])
        if draw(st.integers(0, 3)) == 0 and a.size:
            a.flat[0] = draw(st.sampled_from([np.nan, np.inf, -np.inf, 1e30]))
        with np.errstate(invalid="ignore", over="ignore"):
            made[name] = a.astype(draw(st.sampled_from(["float32", "float16", "int64", "float32"])))
    return made


@pytest.mark.parametrize("head", HEADS)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(outputs())
def test_odd_outputs_are_read_or_refused(head: str, given_outputs: dict[str, Any]) -> None:
    try:
        (said,) = decode(head, given_outputs, (64, 48))
    except (ModelError, RuntimeFailure):
        return
    assert np.isfinite(said.xyxy).all()
    assert said.masks is None or len(said.masks) == len(said)

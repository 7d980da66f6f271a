"""Packages of Roboflow: what they say of the input is believed, what is damaged is passed over."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from networks import yolov8

from sightline.config import ModelConfig
from sightline.models.identify import identify
from sightline.models.roboflow import read_package

NEW = {
    "network_input": {
        "training_input_size": {"height": 64, "width": 64},
        "color_mode": "bgr",
        "resize_mode": "letterbox",
        "padding_value": 127,
        "input_channels": 3,
        "scaling_factor": 255,
        "normalization": [[0.5, 0.4, 0.3], [0.2, 0.25, 0.5]],
    },
    "post_processing": {
        "type": "nms",
        "fused": False,
        "nms_parameters": {"max_detections": 100, "confidence_threshold": 0.37, "iou_threshold": 0.61},
    },
}


def test_the_new_package_says_everything(tmp_path: Path) -> None:
    yolov8().save(tmp_path / "weights.onnx")
    (tmp_path / "class_names.txt").write_text("\n".join(f"thing{i}" for i in range(80)))
    (tmp_path / "inference_config.json").write_text(json.dumps(NEW))
    spec = identify(ModelConfig(path=str(tmp_path))).spec
    steps = spec.inputs[0].preprocess
    assert (steps.color, steps.resize, steps.pad) == ("bgr", "letterbox", 127)
    assert steps.mean == pytest.approx((127.5, 102, 76.5))
    assert steps.scale == pytest.approx((51, 63.75, 127.5))
    assert (spec.thresholds.score, spec.thresholds.nms) == (0.37, 0.61)
    assert spec.labels[5] == "thing5"


@pytest.mark.parametrize(
    ("words", "resize", "pad"),
    [
        ("Stretch to", "stretch", None),
        ("Fit (black edges) in", "letterbox", 0),
        ("Fit (grey edges) in", "letterbox", 127),
        ("Fit (white edges) in", "letterbox", 255),
        ("Fit within", "letterbox", None),
        ("Fill (with center crop) in", "crop", None),
    ],
)
def test_the_older_package_says_how_it_is_resized(tmp_path: Path, words: str, resize: str, pad: float | None) -> None:
    steps = {
        "auto-orient": {"enabled": True},
        "resize": {"enabled": True, "width": "416", "height": 320, "format": words},
    }
    (tmp_path / "environment.json").write_text(json.dumps({"PREPROCESSING": json.dumps(steps)}))
    found = read_package(tmp_path)
    assert found is not None
    assert (found.resize, found.pad, found.size_wh) == (resize, pad, (416, 320))


KEYS = ["network_input", "normalization", "training_input_size", "resize", "width", "PREPROCESSING", "format"]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(KEYS), inner),
    max_leaves=12,
)


@given(JSON)
def test_whatever_lies_there_is_no_fault(tmp_path_factory: pytest.TempPathFactory, value: object) -> None:
    folder = tmp_path_factory.mktemp("package")
    for name in ("inference_config.json", "environment.json"):
        (folder / name).write_text(json.dumps(value))
    read_package(folder)
    (folder / "inference_config.json").write_bytes(b"\xff\xfe{")
    read_package(folder)

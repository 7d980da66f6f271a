"""Numbers about the view: head pose, gaze, pulse."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from head_twins import a_spec, a_view
from hypothesis import given, settings
from hypothesis import strategies as st

from sightline.errors import ModelError
from sightline.heads.angles import Gaze, HeadPose
from sightline.heads.pulse import Pulse
from sightline.plugins import resolve
from sightline.types import Thresholds


def said(head: Any, outputs: dict[str, Any]) -> dict[str, float]:
    (prediction,) = head(outputs, a_spec(Thresholds()), [a_view(64, 64)])
    assert len(prediction.detections) == 0
    assert all(a.score == 1 for a in prediction.attributes)
    return {a.name: float(a.label) for a in prediction.attributes}


def one(*values: float) -> Any:
    return np.array([values], np.float32)


def test_three_outputs_are_angles_by_their_names() -> None:
    outputs = {"angle_r_fc": one(3), "angle_p_fc": one(-20.5), "angle_y_fc": one(11.25)}
    assert said(HeadPose(), outputs) == {"yaw": 11.25, "pitch": -20.5, "roll": 3.0}


def test_three_numbers_are_angles_in_order() -> None:
    assert said(HeadPose(), {"out": one(1, 2, 3)}) == {"yaw": 1, "pitch": 2, "roll": 3}


@given(st.integers(0, 65))
def test_bins_are_their_mean(bin_: int) -> None:
    logits = np.full((1, 66), -40, np.float32)
    logits[0, bin_] = 40
    got = said(HeadPose(), {"yaw": logits, "pitch": logits, "roll": logits})
    assert got["yaw"] == pytest.approx(bin_ * 3 - 99, abs=0.01)


@settings(max_examples=50, deadline=None)
@given(st.floats(-80, 80), st.floats(-80, 80), st.floats(-80, 80))
def test_a_rotation_is_taken_apart(yaw: float, pitch: float, roll: float) -> None:
    y, p, r = (math.radians(a) for a in (yaw, pitch, roll))
    about_x = np.array([[1, 0, 0], [0, math.cos(p), -math.sin(p)], [0, math.sin(p), math.cos(p)]])
    about_y = np.array([[math.cos(y), 0, math.sin(y)], [0, 1, 0], [-math.sin(y), 0, math.cos(y)]])
    about_z = np.array([[math.cos(r), -math.sin(r), 0], [math.sin(r), math.cos(r), 0], [0, 0, 1]])
    got = said(HeadPose(), {"m": (about_z @ about_y @ about_x)[None].astype(np.float32)})
    for name, want in (("yaw", yaw), ("pitch", pitch), ("roll", roll)):
        assert got[name] == pytest.approx(want, abs=0.02)


def test_a_rotation_straight_up_has_no_roll() -> None:
    up = np.array([[[0, 0, 1], [0, 1, 0], [-1, 0, 0]]], np.float32)
    assert said(HeadPose(), {"m": up}) == {"yaw": 90, "pitch": 0, "roll": 0}


def test_a_gaze_vector_and_the_five_numbers_of_gazenet() -> None:
    assert said(Gaze(), {"gaze_vector": one(0.1, -0.2, -0.97)}) == {"gaze-x": 0.1, "gaze-y": -0.2, "gaze-z": -0.97}
    got = said(Gaze(), {"fc_joint": one(1, 2, 3, 0.5, -0.25).reshape(1, 5, 1)})
    assert got == {"gaze-x": 1, "gaze-y": 2, "gaze-z": 3, "gaze-theta": 0.5, "gaze-phi": -0.25}


def test_gaze_in_bins() -> None:
    yaw, pitch = np.full((1, 90), -40, np.float32), np.full((1, 90), -40, np.float32)
    yaw[0, 50] = pitch[0, 45] = 40
    got = said(Gaze(), {"pitch": pitch, "yaw": yaw})
    assert got == pytest.approx({"gaze-yaw": 20, "gaze-pitch": 0}, abs=0.01)


def test_a_pulse_is_one_number_and_nan_is_none() -> None:
    assert said(Pulse(), {"lambda_1": one(0.125)}) == {"pulse": 0.125}
    assert said(Pulse(), {"lambda_1": one(math.nan)}) == {}


@pytest.mark.parametrize("name", ["head-pose", "gaze", "pulse"])
def test_outputs_of_another_kind_are_named(name: str) -> None:
    head: Any = resolve("head", name)
    with pytest.raises(ModelError, match="scores"):
        head()({"scores": np.ones((1, 7), np.float32)}, a_spec(Thresholds()), [a_view(8, 8)])


def test_outputs_that_are_not_there_are_named() -> None:
    with pytest.raises(ModelError, match="no output 'x'"):
        said(HeadPose(outputs=("x",)), {"a": one(1)})
    with pytest.raises(ModelError, match="no output 'x'"):
        said(Pulse(output="x"), {"a": one(1)})

"""Networks of points are known by their outputs; what could as well be something else is not taken for one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from networks import Network, outputs_only

from sightline.config import ModelConfig
from sightline.errors import ModelError
from sightline.models.filling import Filling
from sightline.models.identify import Identified, identify

HALF = ((127.5,), (127.5,))
BYTE = ((0.0,), (255.0,))
RAW = ((0.0,), (1.0,))


def told(network: Network, folder: Path, name: str = "net", **flags: object) -> Identified:
    """The identification of a file of that name in a folder whose name says nothing."""
    (folder / "m").mkdir()
    path = network.save(folder / "m" / f"{name}.onnx")
    return identify(ModelConfig.model_validate({"path": str(path), **flags}))


def nhwc(outputs: dict[str, Any], side: int, **options: Any) -> Network:
    return outputs_only(outputs, (side, side), layout="NHWC", **options)


FIELDS = {"heatmaps": (1, 19, 32, 57), "pafs": (1, 38, 32, 57)}
DECIDED: dict[str, tuple[Network, str, str, dict[str, Any], Any]] = {
    "movenet": (nhwc({"a": (1, 1, 17, 3)}, 192, dtype="uint8"), "movenet", "pose", {}, RAW),
    "movenet multi": (nhwc({"a": (1, 6, 56)}, 256, strength=1 / 255), "movenet-multi", "pose", {}, RAW),
    "posenet": (
        nhwc({"bwd": (1, 9, 9, 32), "fwd": (1, 9, 9, 32), "heatmap": (1, 9, 9, 17), "off": (1, 9, 9, 34)}, 257),
        "posenet",
        "pose",
        {"heat": "heatmap", "offset": "off"},
        HALF,
    ),
    "posenet of 17 cells": (
        nhwc({"o": (1, 17, 17, 34), "heat": (1, 17, 17, 17), "d": (1, 17, 17, 32)}, 257),
        "posenet",
        "pose",
        {"heat": "heat", "offset": "o"},
        HALF,
    ),
    "face mesh": (
        nhwc({"c20": (1, 1, 1, 1404), "c30": (1, 1, 1, 1)}, 192),
        "points",
        "landmarks",
        {"points": ("c20",), "dims": 3, "flag": "c30", "activated": False},
        HALF,
    ),
    "face mesh with irises": (
        nhwc({"mesh": (1, 1, 1, 1434), "flag": (1, 1, 1, 1)}, 256),
        "points",
        "landmarks",
        {"points": ("mesh",), "dims": 3, "flag": "flag", "activated": False},
        BYTE,
    ),
    "hand": (
        nhwc({"Identity_3": (1, 63), "Identity_2": (1, 1), "Identity": (1, 63), "Identity_1": (1, 1)}, 224),
        "points",
        "pose",
        {"points": ("Identity",), "flag": "Identity_1", "handed": "Identity_2", "world": "Identity_3", "dims": 3}
        | {"activated": False},
        BYTE,
    ),
    "blazepose": (
        nhwc({"ld_3d": (1, 195), "flag": (1, 1), "seg": (1, 256, 256, 1), "world_3d": (1, 117)}, 256),
        "points",
        "pose",
        {"points": ("ld_3d",), "dims": 5, "visible": 3, "keep": 33, "flag": "flag", "activated": False}
        | {"visible_activated": False, "world": "world_3d"},
        BYTE,
    ),
    "blazepose's detector": (
        nhwc({"r": (1, 2254, 12), "c": (1, 2254, 1)}, 224),
        "blazeface",
        "detect",
        {"strides": (8, 16, 32, 32, 32), "anchors": 2},
        HALF,
    ),
    "bodyposenet": (
        outputs_only(
            {"heatmap_out/BiasAdd:0": (1, 36, 48, 19), "conv2d_transpose_1/BiasAdd:0": (1, 144, 192, 38)},
            (384, 288),
            layout="NHWC",
        ),
        "part-fields",
        "pose",
        {"layout": "coco18", "heat": "heatmap_out/BiasAdd:0", "field": "conv2d_transpose_1/BiasAdd:0"},
        ((128.0,), (256.0,)),
    ),
    "trt_pose": (
        outputs_only({"cmap": (1, 18, 56, 56), "paf": (1, 42, 56, 56)}, (224, 224)),
        "part-fields",
        "pose",
        {"layout": "trt-pose", "heat": "cmap", "field": "paf"},
        ((123.675, 116.28, 103.53), (58.395, 57.12, 57.375)),
    ),
    "rtmo": (
        outputs_only({"dets": (1, "n", 5), "keypoints": (1, "n", 17, 3)}, (640, 640), strength=1 / 255),
        "rtmo",
        "pose",
        {},
        RAW,
    ),
    "fpenet": (
        Network((80, 80)),
        "points",
        "landmarks",
        {"points": ("softargmax",), "dims": 2, "scores": "softargmax:1", "visible_activated": True},
        RAW,
    ),
    "6drepnet": (outputs_only({"out": (1, 3, 3)}, (224, 224)), "head-pose", "gaze", {}, None),
    "hopenet": (
        outputs_only({"yaw": (1, 66), "pitch": (1, 66), "roll": (1, 66)}, (224, 224)),
        "head-pose",
        "gaze",
        {"outputs": ("yaw", "pitch", "roll")},
        None,
    ),
    "l2cs": (
        outputs_only({"pitch": (1, 90), "yaw": (1, 90)}, (448, 448)),
        "gaze",
        "gaze",
        {"outputs": ("yaw", "pitch")},
        None,
    ),
}


def _fpenet() -> Network:
    net = outputs_only({"conv_keypoints_m80": (1, 80, 80, 80), "softargmax": (1, 80, 2)}, (80, 80), strength=1 / 255)
    net.output(net.conv(net.stem(), 80), "softargmax:1", (1, 80))
    net.inputs.clear()
    net.input("images", (1, 1, 80, 80))
    return net


@pytest.mark.parametrize("name", sorted(DECIDED))
def test_what_the_outputs_tell(name: str, tmp_path: Path) -> None:
    network, head, task, options, values = DECIDED[name]
    identified = told(_fpenet() if name == "fpenet" else network, tmp_path)
    spec = identified.spec
    assert (spec.head, spec.task) == (head, task)
    given = {key: value for key, value in spec.head_options.items() if value is not None}
    assert options.items() <= given.items()
    assert identified.decided, identified.question
    if values is not None:
        steps = spec.inputs[0].preprocess
        assert (steps.mean, steps.scale) == values


ASKED: dict[str, tuple[Network, str, str]] = {
    "simcc": (outputs_only({"simcc_x": (1, 17, 384), "simcc_y": (1, 17, 512)}, (192, 256)), "simcc", "--resize"),
    "hrnet": (outputs_only({"out": (1, 17, 64, 48)}, (192, 256)), "heat-points", "--resize"),
    "lightweight openpose": (
        outputs_only({"stage_1_output_1": FIELDS["heatmaps"], "stage_1_output_0": FIELDS["pafs"]}, (456, 256)),
        "part-fields",
        "--resize",
    ),
    "98 heat maps": (outputs_only({"out": (1, 98, 64, 64)}, (256, 256)), "heat-points", "--color"),
}


@pytest.mark.parametrize("name", sorted(ASKED))
def test_what_files_leave_open_is_asked(name: str, tmp_path: Path) -> None:
    network, head, flag = ASKED[name]
    identified = told(network, tmp_path)
    assert identified.spec.head == head
    assert not identified.decided
    assert flag in identified.question


def regressed(count: int, mean: np.ndarray[Any, Any] | None, end: str = "") -> Network:
    """A vector of `count` numbers that a layer with that bias makes, or an activation."""
    net = Network((112, 112))
    flat = net.op("Flatten", net.op("GlobalAveragePool", net.stem()))
    out = net.op("MatMul", flat, net.hold(np.zeros((8, count), np.float32)))
    if mean is not None:
        out = net.add(out, mean.astype(np.float32))
    net.output(net.op(end, out) if end else out, "out", (1, count))
    return net


def a_face(points: int) -> np.ndarray[Any, Any]:
    """x and y of points on a circle, in fractions of a picture."""
    angle = np.linspace(0, 6, points)
    return np.stack([0.5 + 0.4 * np.cos(angle), 0.5 + 0.4 * np.sin(angle)], 1).ravel()


@pytest.mark.parametrize(
    ("mean", "unit"),
    [(a_face(68), "fractions"), (a_face(68) * 112, "pixels"), (a_face(68) * 2 - 1, "signed")],
)
def test_the_unit_of_landmarks_is_seen_from_the_mean_face(mean: Any, unit: str, tmp_path: Path) -> None:
    identified = told(regressed(136, mean), tmp_path)
    assert (identified.spec.head, identified.spec.task) == ("points", "landmarks")
    assert identified.spec.head_options["unit"] == unit
    assert "--color" in identified.question
    assert "--head" not in identified.question


def test_landmarks_by_name_ask_for_their_unit(tmp_path: Path) -> None:
    identified = told(regressed(136, None), tmp_path, "landmarks_68")
    assert "--head points:unit=fractions" in identified.question
    again = identify(
        ModelConfig.model_validate(
            {"path": str(tmp_path / "m"), "head": "points", "head_options": {"unit": "pixels"}, "color": "rgb"}
            | {"mean": (0,), "scale": (255,)}
        )
    )
    assert again.decided
    assert again.spec.task == "landmarks"
    assert again.spec.head_options["unit"] == "pixels"


@pytest.mark.parametrize("count", [10, 136, 196, 212])
def test_scores_of_as_many_classes_are_no_landmarks(count: int, tmp_path: Path) -> None:
    noise = np.random.default_rng(0).normal(0, 0.05, count)
    assert told(regressed(count, noise), tmp_path).spec.head != "points"


def moving_together(count: int, *, swapped: bool = False) -> np.ndarray[Any, Any]:
    """Weights (8, count) whose points follow one another slowly; swapped: of numbers of no order."""
    rng = np.random.default_rng(1)
    phase = rng.uniform(0, 6, (8, 2))
    place = np.arange(count // 2)[:, None]
    weights = np.stack([np.sin(place / 9 + phase[:, axis]) * rng.uniform(0.5, 1, 8) for axis in (0, 1)], 1)
    weights = weights.reshape(count, 8)
    return (rng.permutation(weights) if swapped else weights).T.astype(np.float32)


@pytest.mark.parametrize(
    ("count", "swapped", "head"), [(196, False, "points"), (150, False, "points"), (196, True, "")]
)
def test_points_that_move_together_are_landmarks(count: int, swapped: bool, head: str, tmp_path: Path) -> None:
    net = Network((112, 112))
    flat = net.op("Flatten", net.op("GlobalAveragePool", net.stem()))
    net.output(net.op("MatMul", flat, net.hold(moving_together(count, swapped=swapped))), "out", (1, count))
    identified = told(net, tmp_path)
    assert (identified.spec.head == "points") is (head == "points")
    if head:
        assert f"{count // 2} points" in identified.question
        assert "--head points:unit=" in identified.question


def test_softmax_is_no_landmark(tmp_path: Path) -> None:
    assert told(regressed(196, a_face(98), "Softmax"), tmp_path, "landmark").spec.head != "points"


@pytest.mark.parametrize("channels", [17, 21, 19, 68])
def test_maps_with_softmax_or_without_a_name_are_no_heat_maps(channels: int, tmp_path: Path) -> None:
    network = outputs_only({"out": (1, channels, 64, 64)}, (256, 256), chosen="Softmax")
    assert told(network, tmp_path).spec.head != "heat-points"


# -- several inputs --------------------------------------------------------------------------------------------------


def with_inputs(inputs: dict[str, tuple[int, ...]], output: str, shape: tuple[int, ...]) -> Network:
    net = outputs_only({output: shape}, (60, 60))
    net.inputs.clear()
    for name, size in inputs.items():
        net.input(name, size)
    return net


def sources(identified: Identified) -> dict[str, str]:
    return {item.tensor.name: item.source for item in identified.spec.inputs}


def test_eyes_and_head_pose_come_from_other_models(tmp_path: Path) -> None:
    eye = (1, 3, 60, 60)
    network = with_inputs(
        {"left_eye_image": eye, "right_eye_image": eye, "head_pose_angles": (1, 3)}, "gaze_vector", (1, 3)
    )
    identified = told(network, tmp_path)
    assert (identified.spec.head, identified.spec.task) == ("gaze", "gaze")
    assert sources(identified) == {
        "left_eye_image": "part:left-eye",
        "right_eye_image": "part:right-eye",
        "head_pose_angles": "column:head-pose",
    }
    with pytest.raises(ModelError, match="left-eye of an object that another model found"):
        Filling(identified.spec).judge()


def test_gazenet_sees_the_face_itself(tmp_path: Path) -> None:
    picture = (1, 1, 224, 224)
    inputs = {f"input_{n}_images:0": picture for n in ("right", "left", "face")} | {"input_facegrid:0": (1, 1, 625, 1)}
    identified = told(with_inputs(inputs, "fc_joint/concat:0", (1, 5)), tmp_path)
    assert (identified.spec.head, identified.spec.task) == ("gaze", "gaze")
    assert sources(identified) == {
        "input_right_images:0": "part:right-eye",
        "input_left_images:0": "part:left-eye",
        "input_face_images:0": "view",
        "input_facegrid:0": "column:face-grid",
    }


def test_the_pulse_takes_the_view_and_its_difference(tmp_path: Path) -> None:
    picture = (1, 3, 36, 36)
    network = with_inputs({"motion_input:0": picture, "appearance_input:0": picture}, "lambda_1/Squeeze:0", (1, 1))
    identified = told(network, tmp_path)
    assert (identified.spec.head, identified.spec.task) == ("pulse", "pulse")
    assert sources(identified) == {"motion_input:0": "difference", "appearance_input:0": "view"}
    assert identified.decided


def test_a_window_of_skeletons(tmp_path: Path) -> None:
    identified = told(with_inputs({"input": (1, 3, 300, 34, 1)}, "fc_pred", (1, 6)), tmp_path)
    assert (identified.spec.head, identified.spec.task) == ("classify", "classify")
    assert sources(identified) == {"input": "window:300:column:keypoints"}
    with pytest.raises(ModelError, match="keypoints of an object"):
        Filling(identified.spec).judge()


def test_body_pose_in_space_reads_the_picture_without_a_camera(tmp_path: Path) -> None:
    net = outputs_only({"pose2d": (1, 34, 3), "pose2d_org_img": (1, 34, 3), "pose25d": (1, 34, 4)}, (192, 256))
    net.output(net.conv(net.stem(), 3), "pose3d", (1, 34, 3))
    net.input("k_inv", (1, 3, 3))
    net.input("mean_limb_lengths", (1, 36))
    identified = told(net, tmp_path)
    assert identified.spec.head_options["points"] == ("pose2d",)
    assert sources(identified) == {"images": "view", "k_inv": "zeros", "mean_limb_lengths": "zeros"}
    assert any("camera" in doubt for doubt in identified.doubts)


@pytest.mark.parametrize(("rows", "name", "head"), [(25200, "pose", "yolov7-pose"), (300, "pose", "yolo-end2end-pose")])
def test_rows_of_people(rows: int, name: str, head: str, tmp_path: Path) -> None:
    identified = told(outputs_only({"out": (1, rows, 57)}, (640, 640)), tmp_path, name)
    assert (identified.spec.head, identified.spec.task) == (head, "pose")


def test_as_many_classes_are_no_keypoints(tmp_path: Path) -> None:
    assert told(outputs_only({"out": (1, 25200, 57)}, (640, 640)), tmp_path).spec.head not in ("yolov7-pose", "rtmo")

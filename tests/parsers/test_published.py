"""The accelerator's published files, unmodified, against calling them directly; in the folder SIGHTLINE_PARSERS."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sightline.parsers.code import Muxed
from sightline.parsers.room import Room
from tests.parsers.asking import Outputs, model, one, view

_ROOT = os.environ.get("SIGHTLINE_PARSERS", "")
pytestmark = [
    pytest.mark.skipif(not _ROOT, reason="SIGHTLINE_PARSERS names no checkout of the accelerator's files"),
    pytest.mark.filterwarnings("ignore:'cgi:DeprecationWarning", "ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

_AI = "ds-ai-pipeline/src"
_CASES = f"{_AI}/ai-pipeline-tests/byom-test/custom-parser-test-case"
COCO = tuple(f"label {i}" for i in range(91))


def published(path: str) -> Path:
    found = Path(_ROOT) / path
    if not found.is_file():
        pytest.skip(f"{found} is not there")
    return found


class Config:
    """What a direct caller gives as `config`."""

    image_size = (1280, 720)
    network_size = (416, 416)
    det_th, mns_th = 0.5, 0.213


def ssd() -> Outputs:
    """Five objects, two of them one thing twice."""
    rng = np.random.default_rng(3)
    boxes = np.zeros((1, 100, 4), np.float32)
    boxes[0, :5] = [
        (0.1, 0.1, 0.4, 0.3),
        (0.11, 0.1, 0.41, 0.31),
        (0.5, 0.5, 0.9, 0.8),
        (0, 0, 1, 1),
        (0.3, 0.6, 0.5, 0.7),
    ]
    scores = np.zeros((1, 100), np.float32)
    scores[0, :5] = np.sort(rng.random(5) * 0.5 + 0.5)[::-1]
    classes = np.ones((1, 100), np.float32)
    classes[0, :5] = [1, 1, 3, 18, 44]
    return {
        "num_detections:0": np.array([5], np.float32),
        "detection_scores:0": scores,
        "detection_classes:0": classes,
        "detection_boxes:0": boxes,
    }


def yolov4() -> Outputs:
    """Three scales of raw numbers, with a few confident cells."""
    rng = np.random.default_rng(4)
    outputs: Outputs = {}
    for name, side in (("Identity:0", 52), ("Identity_1:0", 26), ("Identity_2:0", 13)):
        raw = rng.normal(0, 0.3, (1, side, side, 3, 85)).astype(np.float32)
        raw[..., 4] = 0.02
        raw[..., 5:] = 0.01
        for _ in range(4):
            y, x, a = rng.integers(1, side - 1), rng.integers(1, side - 1), rng.integers(0, 3)
            raw[0, y, x, a, 4] = 0.95
            raw[0, y, x, a, 5 + rng.integers(0, 80)] = 0.9
        outputs[name] = raw
    return outputs


def tiny_yolov3() -> Outputs:
    """y1, x1, y2, x2 in pixels of 416, scores by class."""
    rng = np.random.default_rng(5)
    low = rng.random((2535, 2)) * 300
    boxes = np.concatenate([low, low + 20 + rng.random((2535, 2)) * 90], 1).astype(np.float32)
    scores = (rng.random((80, 2535)) * 0.3).astype(np.float32)
    for k in range(6):
        scores[rng.integers(0, 80), 100 * k] = 0.65 + 0.05 * k
    return {"yolonms_layer_1": boxes[None], "yolonms_layer_1:1": scores[None]}


def body_pose() -> Outputs:
    """Two people: peaks in 18 of 19 maps, fields along the limbs of the file's own table."""
    yaml = pytest.importorskip("yaml")
    text = published(f"{_CASES}/pose/sample_bodypose2d_model_config.yml").read_text()
    edges = [tuple(int(n) for n in edge.split(",")) for edge in yaml.safe_load(text)["jointEdges"]]
    rng = np.random.default_rng(6)
    heat, fields = np.zeros((36, 48, 19), np.float32), np.zeros((144, 192, 38), np.float32)
    for left in (6, 28):
        joints = np.stack([left + rng.integers(0, 14, 18), 3 + rng.integers(0, 30, 18)], 1)
        for j, (x, y) in enumerate(joints):
            heat[y, x, j] = 0.9
        for limb, (a, b) in enumerate(edges[:19]):
            start, end = (joints[a] + 0.5) * 4 - 0.5, (joints[b] + 0.5) * 4 - 0.5
            way = (end - start) / max(1e-6, float(np.linalg.norm(end - start)))
            for t in np.linspace(0, 1, 60):
                x, y = np.round(start + t * (end - start)).astype(int)
                fields[y - 1 : y + 2, x - 1 : x + 2, 2 * limb : 2 * limb + 2] = way
    return {"heatmap_out/BiasAdd:0": heat[None], "conv2d_transpose_1/BiasAdd:0": fields[None]}


def per_frame(outputs: Outputs) -> Outputs:
    return {name: array[0].copy() if array.ndim > 1 else array.copy() for name, array in outputs.items()}


def corners(boxes: Any) -> Any:
    boxes = np.asarray(boxes, np.float64).reshape(-1, 4)
    return np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], 1)


def in_frame(prediction: Any, size: int = 416) -> Any:
    return view(3, size).boxes_to_frame(prediction.detections.xyxy)


@pytest.mark.parametrize(
    ("path", "axis"),
    [(f"{_CASES}/yolov4/yolov4_parser.py", False), (f"{_AI}/config_examples/user_parser_example.py", True)],
)
def test_yolov4_of_the_user_api(path: str, axis: bool) -> None:
    outputs, room = yolov4(), Room(published(path))
    with room.inside():
        module: Any = room.load()
        given = {k: v.copy() for k, v in outputs.items()} if axis else per_frame(outputs)
        boxes, ids, scores, message = module.parse_det_model(Config(), given)
    assert len(boxes) >= 8
    said = one(room.path, outputs, model(outputs, COCO))
    assert np.allclose(in_frame(said), corners(boxes), atol=1e-3)
    assert said.detections.label.tolist() == list(ids)
    assert np.array_equal(said.detections.score, np.asarray(scores, np.float32))
    assert (said.custom, said.detections.names) == (message, tuple(module.labels))


def test_ssd_of_the_user_api() -> None:
    outputs, room = ssd(), Room(published(f"{_AI}/ai-pipeline-tests/triton-test/onnx_ssd_parser.py"))
    with room.inside():
        module: Any = room.load()
        data, message = module.parse_custom_model(Config(), per_frame(outputs))
    assert 3 <= len(data) < 5
    said = one(room.path, outputs, model(outputs))
    assert np.allclose(in_frame(said), corners([(d.x, d.y, d.w, d.h) for d in data]), atol=1e-3)
    names = {1: "person", 3: "car", 18: "dog", 44: "bottle"}
    assert [said.detections.name_of(i) for i in range(len(data))] == [names[d.class_id] for d in data]
    assert np.array_equal(said.detections.score, np.array([d.score for d in data], np.float32))
    assert said.custom == message == {"NoDetections": len(data)}


def test_body_pose_of_the_user_api() -> None:
    outputs, room = body_pose(), Room(published(f"{_CASES}/pose/body_pose_parser.py"))
    with room.inside():
        module: Any = room.load()
        (people, joints), message = module.parse_custom_model(Config(), per_frame(outputs))
        import pyds  # pyright: ignore[reportMissingImports]

        display: Any = pyds.NvDsDisplayMeta()
        room_pose = __import__("pose")
        room_pose.pose_plot(display, joints, people, outsize=(1280, 720))
    assert len(people) == 2
    assert message is None
    assert display.num_lines > 8
    said = one(room.path, outputs, model(outputs))
    lines = [((p.x1, p.y1), (p.x2, p.y2)) for p in display.line_params[: display.num_lines]]
    drawn = [view(3).to_frame(np.array(mark.points)) for mark in said.marks]
    assert np.allclose(np.array(drawn), np.array(lines), atol=1e-2)
    assert [mark.width_px for mark in said.marks] == [4.0] * len(lines)
    assert len(said.detections) == 0


@pytest.mark.parametrize(
    ("name", "kind", "make"),
    [
        ("ssd_mobilenet_v1", "SSDMobilenetV1", ssd),
        ("yolov4_parser", "Yolov4Parser", yolov4),
        ("yolov3_parser", "Yolov3Parser", tiny_yolov3),
    ],
)
def test_the_built_in_classes(name: str, kind: str, make: Any) -> None:
    outputs, room = make(), Room(published(f"{_AI}/CustomParsers/{name}.py"))
    with room.inside():
        parser: Any = getattr(room.load(), kind)()
        parser.image_size = (1280, 720)
        found, message = parser.parse_det_model(per_frame(outputs))
    assert len(found) >= 3
    said = one(room.path, outputs, model(outputs))
    assert np.allclose(in_frame(said), corners([(d.x, d.y, d.w, d.h) for d in found]), atol=1e-3)
    assert said.detections.label.tolist() == [d.class_id for d in found]
    assert np.array_equal(said.detections.score, np.array([d.score for d in found], np.float32))
    assert (said.custom, message) == (None, None)
    assert said.detections.names[: len(parser.labels)] == tuple(parser.labels)


def test_the_built_in_body_pose() -> None:
    outputs, room = body_pose(), Room(published(f"{_AI}/CustomParsers/body_pose_parser.py"))
    with room.inside():
        parser: Any = room.load().BodyPoseParser2D()
        parser.image_size = (1280, 720)
        found, _ = parser.parse_custom_model(per_frame(outputs))
    assert found
    said = one(room.path, outputs, model(outputs))
    assert np.allclose(in_frame(said), corners([box for box, _ in found]), atol=1e-3)
    lines = [line for _, drawn in found for line in drawn]
    drawn = [view(3).to_frame(np.array(mark.points)) for mark in said.marks]
    assert np.allclose(np.array(drawn), np.array(lines), atol=1e-2)


@pytest.mark.parametrize(
    ("name", "kind", "make"),
    [("onnx_ssd_parser", "onnx_ssd", ssd), ("tiny_yolov3_parser", "tiny_yolov3", tiny_yolov3)],
)
def test_the_scripts(name: str, kind: str, make: Any) -> None:
    from sightline.parsers.accelerator_words import Layers, layer_infos

    outputs, room = make(), Room(published(f"parser-examples/onnx_parsers/{name}.py"))
    with room.inside():
        script: Any = object.__new__(getattr(room.load(), kind))
        found = script.parser(layer_infos(Layers(per_frame(outputs))))
    assert len(found) >= 3
    said = one(room.path, outputs, model(outputs, COCO))
    boxes = [[int(1280 * d.left), int(720 * d.top), int(1280 * d.width), int(720 * d.height)] for d in found]
    assert np.allclose(in_frame(said), corners(boxes), atol=1e-3)
    assert said.detections.label.tolist() == [d.classId for d in found]


def test_the_pose_script_with_its_folder_as_working_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    outputs = body_pose()
    path = published("parser-examples/tao_parsers/bodypose2d_parser.py")
    monkeypatch.chdir(path.parent)  # it opens a file by its bare name
    said = one(path, outputs, model(outputs), Muxed())
    assert len(said.marks) > 8


def test_no_objects_in_a_frame_is_a_fault_of_the_published_yolov4(tmp_path: Path) -> None:
    from sightline.parsers.code import Code
    from tests.parsers.asking import over

    nothing = {name: np.full_like(array, 0.01) for name, array in yolov4().items()}
    ran = over(Code(published(f"{_CASES}/yolov4/yolov4_parser.py"), time_limit_s=20.0), 4, [yolov4(), nothing])
    assert [n > 0 for n in ran.boxes] == [True, False, True, False]
    assert ran.fault.startswith("yolov4_parser.py:")
    assert "IndexError" in ran.fault
    assert ran.faults[ran.fault] == 2

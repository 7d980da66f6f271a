"""TFLite files: read as the reference runtime reads them, decoded as its post-process does, refused where damaged."""

from __future__ import annotations

import math
import os
import random
import struct
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
import openvino as ov
import pytest
from numpy.typing import NDArray
from tflite_files import (
    ANCHORS,
    CUSTOM,
    ModelFile,
    detector,
    fractions_model,
    metadata,
    plain_model,
    quantised_model,
    with_files,
)

from sightline.errors import ModelError
from sightline.heads.boxes_scores import BoxesScores
from sightline.models.importers.seam import Foreign, Imported
from sightline.models.importers.tflite import read
from sightline.types import ChannelOrder, Frame, Instant, ModelSpec, Resize, StreamInfo, Thresholds, View

Array = NDArray[np.float32]


def _import(folder: Path, data: bytes) -> Imported:
    path = folder / "model.tflite"
    path.write_bytes(data)
    workspace = folder / "workspace"
    workspace.mkdir(exist_ok=True)
    return read(Foreign("tflite", path, folder, workspace))


def _run(imported: Imported, x: NDArray[np.generic]) -> dict[str, Array]:
    core = ov.Core()
    compiled = core.compile_model(core.read_model(str(imported.weights)), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    found = compiled({0: x})
    return {port.get_any_name(): np.array(found[i]) for i, port in enumerate(compiled.outputs)}


def _picture(seed: int = 0) -> Array:
    return np.random.default_rng(seed).uniform(-2, 2, (1, 4, 4, 3)).astype(np.float32)


# -- tensors ---------------------------------------------------------------------------------------------------------


def test_a_plain_model_keeps_names_and_values(tmp_path: Path) -> None:
    imported = _import(tmp_path, plain_model().save([0], [2]))
    x = _picture()
    np.testing.assert_allclose(_run(imported, x)["sum"], x + np.array([1, 2, 3]), atol=1e-6)
    assert imported.weights == tmp_path / "workspace" / "model.xml"
    assert imported.weights.with_suffix(".bin").exists()
    assert imported.sources == (tmp_path / "model.tflite",)
    assert imported.manifest.input.mean is None
    assert imported.manifest.head is None


def test_a_bias_with_the_axis_of_its_weights_is_read(tmp_path: Path) -> None:
    made = ModelFile()
    x = made.tensor("x", (1, 4, 4, 3))
    bias = made.tensor("bias", (3,), "int32", np.array([2, 4, 6], np.int32), scale=0.5, axis=3)
    real = made.tensor("real", (3,))
    y = made.tensor("sum", (1, 4, 4, 3))
    made.operator(6, [bias], [real], (38, {}))
    made.operator(0, [x, real], [y], (11, {0: ("b", 0)}))
    picture = _picture()
    (found,) = _run(_import(tmp_path, made.save([x], [y])), picture).values()
    np.testing.assert_allclose(found, picture + np.array([1, 2, 3], np.float32), atol=1e-5)


@pytest.mark.parametrize("repeats", [(1, 4, 4, 1), (1, 4, 4, 2)])
def test_pooled_pictures_are_tiled_beside_the_picture(tmp_path: Path, repeats: tuple[int, ...]) -> None:
    made, channels = ModelFile(), 3 * repeats[3]
    x = made.tensor("x", (1, 4, 4, 3))
    pooled = made.tensor("pooled", (1, 1, 1, 3))
    times = made.tensor("times", (4,), "int32", np.array(repeats, np.int32))
    tiled = made.tensor("tiled", (1, 4, 4, channels))
    both = made.tensor("both", (1, 4, 4, channels + 3))
    made.operator(1, [x], [pooled], (5, {0: ("b", 1), 1: ("i", 4), 2: ("i", 4), 3: ("i", 4), 4: ("i", 4)}))
    made.operator(69, [pooled, times], [tiled], (52, {}))
    made.operator(2, [tiled, x], [both], (10, {0: ("i", 3)}))
    picture = _picture()
    (found,) = _run(_import(tmp_path, made.save([x], [both])), picture).values()
    wanted = np.concatenate([np.tile(picture.mean((1, 2), keepdims=True), repeats), picture], 3)
    np.testing.assert_allclose(found, wanted, atol=1e-5)


@pytest.mark.parametrize(("dtype", "zero", "low"), [("uint8", 128, 0), ("int8", 0, 128), ("int8", -1, 128)])
def test_quantised_pictures_take_pixels_and_outputs_are_real(tmp_path: Path, dtype: str, zero: int, low: int) -> None:
    scale = 1 / 128
    imported = _import(tmp_path, quantised_model(dtype, scale, zero).save([0], [3]))
    assert (imported.manifest.input.mean, imported.manifest.input.scale) == ((float(low),), (1.0,))
    pixels = np.random.default_rng(3).integers(0, 256, (1, 4, 4, 3))
    stored = (pixels - low).astype(dtype)
    real = (stored.astype(np.float32) - zero) * scale
    info = np.iinfo(dtype)
    steps = np.clip(np.rint(2 * real / (2 * scale)) + zero, info.min, info.max) - zero
    found = _run(imported, stored)["out"]
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, steps * 2 * scale, atol=1e-6)
    assert any("dequantised" in change for change in imported.changes)


def test_the_range_of_imagenets_normalisation_is_fed_so(tmp_path: Path) -> None:
    imported = _import(tmp_path, quantised_model("int8", 0.018631, -14).save([0], [3]))
    given = imported.manifest.input
    assert given.mean is not None
    assert given.scale is not None
    for k, (mean, deviation) in enumerate(zip((0.485, 0.456, 0.406), (0.229, 0.224, 0.225), strict=True)):
        for pixel in (0, 128, 255):
            wanted = (pixel / 255 - mean) / deviation / 0.018631 - 14
            assert (pixel - given.mean[k]) / given.scale[k] == pytest.approx(wanted, abs=0.01)
    assert any("ImageNet" in warning for warning in imported.warnings)


def test_boxes_as_fractions_become_pixels(tmp_path: Path) -> None:
    side, cells = 64, 64 + 16 + 4
    values = np.full((1, 9, cells), 0.25, np.float32)
    centres = [((c + 0.5) / n, (r + 0.5) / n) for n in (8, 4, 2) for r in range(n) for c in range(n)]
    values[0, :2] = np.array(centres, np.float32).T
    imported = _import(
        tmp_path, fractions_model(values, side).save([0], [-1 + len(fractions_model(values, side).tensors)])
    )
    found = _run(imported, np.zeros((1, side, side, 3), np.float32))["output0"]
    np.testing.assert_allclose(found[0, :4], values[0, :4] * side, rtol=1e-6)
    np.testing.assert_allclose(found[0, 4:], values[0, 4:])
    assert any("fractions" in change for change in imported.changes)


def test_offsets_within_a_cell_are_no_fractions_of_the_input(tmp_path: Path) -> None:
    values = np.random.default_rng(0).uniform(0.3, 0.7, (1, 9, 84)).astype(np.float32)
    made = fractions_model(values, 64)
    imported = _import(tmp_path, made.save([0], [len(made.tensors) - 1]))
    np.testing.assert_allclose(_run(imported, np.zeros((1, 64, 64, 3), np.float32))["output0"], values)


@pytest.mark.parametrize(("padding", "side", "stride"), [(1, 2, 2), (1, 3, 2), (2, 3, 2), (2, 2, 1)])
def test_mediapipes_transposed_convolution(tmp_path: Path, padding: int, side: int, stride: int) -> None:
    rng = np.random.default_rng(9)
    weights, bias = rng.normal(size=(2, side, side, 3)).astype(np.float32), np.array([0.5, -1], np.float32)
    whole = 3 * stride + side
    cut = side - stride if padding == 1 else 0
    made = ModelFile()
    x = made.tensor("x", (1, 4, 4, 3))
    w, b = made.tensor("w", weights.shape, value=weights), made.tensor("b", (2,), value=bias)
    y = made.tensor("y", (1, whole - cut, whole - cut, 2))
    raw = struct.pack("<3i", padding, stride, stride)
    made.operator(CUSTOM, [x, w, b], [y], custom="Convolution2DTransposeBias", raw=raw)
    picture = _picture()
    wanted = np.zeros((whole, whole, 2))
    for row in range(4):
        for column in range(4):
            r, c = row * stride, column * stride
            wanted[r : r + side, c : c + side] += np.einsum("i,ohwi->hwo", picture[0, row, column], weights)
    first = cut // 2
    wanted = wanted[first : first + whole - cut, first : first + whole - cut] + bias
    np.testing.assert_allclose(_run(_import(tmp_path, made.save([x], [y])), picture)["y"][0], wanted, atol=1e-4)


# -- the detection post-process --------------------------------------------------------------------------------------


def _detector(options: dict[str, int | float | bool] | None = None) -> bytes:
    made = detector(options)
    return made.save([0], list(range(len(made.tensors) - 4, len(made.tensors))))


def _decoded_one_by_one(x: Array) -> tuple[list[list[float]], list[list[float]]]:
    """Boxes (x1, y1, x2, y2) and class scores as the operation's own kernel has them."""
    boxes, scores = [], []
    for row, (ay, ax, ah, aw) in zip(x.reshape(6, 8).tolist(), ANCHORS.tolist(), strict=True):
        cy, cx = row[0] / 10 * ah + ay, row[1] / 10 * aw + ax
        half_h, half_w = 0.5 * math.exp(row[2] / 5) * ah, 0.5 * math.exp(row[3] / 5) * aw
        boxes.append([cx - half_w, cy - half_h, cx + half_w, cy + half_h])
        scores.append(row[5:8])
    return boxes, scores


def _overlap(a: Sequence[float], b: Sequence[float]) -> float:
    wide = min(a[2], b[2]) - max(a[0], b[0])
    high = min(a[3], b[3]) - max(a[1], b[1])
    if wide <= 0 or high <= 0:
        return 0.0
    both = wide * high
    return both / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both)


def _post_process(x: Array, least: float, iou: float, most: int) -> list[tuple[int, float, list[float]]]:
    """The fast suppression: every anchor by its best class, all classes together."""
    boxes, scores = _decoded_one_by_one(x)
    order = sorted(range(6), key=lambda i: -max(scores[i]))
    kept: list[int] = []
    for i in order:
        if max(scores[i]) < least or len(kept) == most:
            continue
        if all(_overlap(boxes[i], boxes[j]) <= iou for j in kept):
            kept.append(i)
    return [(scores[i].index(max(scores[i])), max(scores[i]), boxes[i]) for i in kept]


def test_the_post_process_is_decoded_by_graph_and_head(tmp_path: Path) -> None:
    imported = _import(tmp_path, with_files(_detector(), {"labelmap.txt": "car\nbus\n???\n"}))
    manifest = imported.manifest
    assert (manifest.head, manifest.task, manifest.labels) == ("boxes-scores", "detect", ("car", "bus", ""))
    assert manifest.input.color is ChannelOrder.RGB
    assert manifest.input.resize is Resize.STRETCH
    limits = manifest.thresholds
    assert (limits.score, limits.nms, limits.top, limits.class_agnostic) == (0.1, 0.5, 5, True)
    x = np.random.default_rng(5).uniform(0, 1, (1, 4, 4, 3)).astype(np.float32)
    outputs = _run(imported, x)
    boxes, scores = _decoded_one_by_one(x)
    np.testing.assert_allclose(outputs["boxes"][0], boxes, atol=1e-5)
    np.testing.assert_allclose(outputs["scores"][0], scores, atol=1e-6)

    head = BoxesScores(**manifest.head_options)  # type: ignore[arg-type]
    limits = Thresholds(score=0.1, nms=0.5, top=5, class_agnostic=True)
    spec = ModelSpec("m", (), (), "boxes-scores", {}, limits)
    frame = Frame(StreamInfo("s", 100, 200, Fraction(1, 25)), 0, Instant(0, Fraction(1, 25)), None, 100, 200)
    view = View(frame, np.eye(2, 3), (100, 200))
    found = head(outputs, spec, [view])[0].detections
    wanted = _post_process(x, 0.1, 0.5, 5)
    assert found.label.tolist() == [label for label, _, _ in wanted]
    np.testing.assert_allclose(found.score, [score for _, score, _ in wanted], atol=1e-5)
    unit = np.array(view.size_wh * 2)
    np.testing.assert_allclose(found.xyxy, np.array([box for _, _, box in wanted]) * unit, atol=1e-3)


def test_regular_suppression_is_by_class(tmp_path: Path) -> None:
    imported = _import(tmp_path, _detector({"use_regular_nms": True, "max_classes_per_detection": 2}))
    assert imported.manifest.thresholds.class_agnostic is False
    assert any("2 classes a box" in warning for warning in imported.warnings)


def test_a_threshold_that_lets_all_pass_is_the_heads_to_choose(tmp_path: Path) -> None:
    assert _import(tmp_path, _detector({"nms_score_threshold": 1e-8})).manifest.thresholds.score is None


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"num_classes": 90}, "90 classes"),
        ({"y_scale": 0.0}, "scales is 0"),
        ({"nms_iou_threshold": float("nan")}, "nms_iou_threshold"),
    ],
)
def test_a_post_process_that_contradicts_itself_is_refused(
    tmp_path: Path, options: dict[str, int | float | bool], told: str
) -> None:
    with pytest.raises(ModelError, match=told):
        _import(tmp_path, _detector(options))


# -- what the file states --------------------------------------------------------------------------------------------


def test_metadata_and_labels_go_into_the_manifest(tmp_path: Path) -> None:
    made = plain_model()
    made.add_metadata(metadata(mean=(127.5,), deviation=(128.0,), score=0.35))
    files = {"labels.txt": "\ufeffcar\r\nbüs\r\n", "other.txt": "nein\n"}
    manifest = _import(tmp_path, with_files(made.save([0], [2]), files)).manifest
    assert (manifest.name, manifest.version, manifest.licence) == ("Streets", "v2", "Apache-2.0")
    assert manifest.source == "Somebody"
    assert (manifest.input.mean, manifest.input.scale) == ((127.5,), (128.0,))
    assert manifest.input.color is ChannelOrder.RGB
    assert manifest.labels == ("car", "büs")
    assert manifest.thresholds.score == 0.35


def test_an_exporters_remarks_reach_the_graph(tmp_path: Path) -> None:
    remarks = {
        "task": "detect",
        "names": {0: "cat", 2: "dog"},
        "imgsz": [4, 4],
        "version": "8.3",
        "license": "AGPL-3.0",
    }
    imported = _import(tmp_path, with_files(plain_model().save([0], [2]), {"temp_meta.txt": str(remarks)}))
    assert imported.manifest.labels == ("cat", "", "dog")
    assert imported.manifest.licence == "AGPL-3.0"
    assert imported.manifest.version == ""
    model = ov.Core().read_model(str(imported.weights))
    assert model.get_rt_info("task").value == "detect"


def test_damaged_metadata_is_a_warning(tmp_path: Path) -> None:
    made = plain_model()
    made.add_metadata(metadata()[:60])
    imported = _import(tmp_path, made.save([0], [2]))
    assert any("metadata is damaged" in warning for warning in imported.warnings)
    assert imported.manifest.name == ""


def test_a_bomb_of_labels_is_passed_over(tmp_path: Path) -> None:
    data = with_files(plain_model().save([0], [2]), {"labels.txt": b"a" * (5 << 20)})
    assert _import(tmp_path, data).manifest.labels is None


# -- refusals --------------------------------------------------------------------------------------------------------


def _with_custom(name: str) -> bytes:
    made = plain_model()
    out = made.tensor("custom", (1, 4, 4, 3))
    made.operator(CUSTOM, [2], [out], custom=name)
    return made.save([0], [out])


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("FlexConv3D", "TFLITE_BUILTINS"),
        ("edgetpu-custom-op", "edgetpu_compiler"),
        ("ethos-u", "Vela"),
        ("MyOwnOp", "MyOwnOp is none of TFLite's own"),
    ],
)
def test_foreign_operations_are_named(tmp_path: Path, name: str, told: str) -> None:
    with pytest.raises(ModelError, match=told):
        _import(tmp_path, _with_custom(name))


def test_control_flow_is_refused_and_a_second_graph_told(tmp_path: Path) -> None:
    made = plain_model()
    made.graphs = 2
    assert any("2 graphs" in warning for warning in _import(tmp_path, made.save([0], [2])).warnings)
    made.operator(119, [2], [made.tensor("looped", (1, 4, 4, 3))])
    with pytest.raises(ModelError, match="WHILE"):
        _import(tmp_path, made.save([0], [3]))


def _cycle() -> bytes:
    made = ModelFile()
    x, a, b = (made.tensor(name, (1, 4, 4, 3)) for name in "xab")
    made.operator(0, [x, b], [a], (11, {}))
    made.operator(0, [x, a], [b], (11, {}))
    return made.save([x], [b])


def _lying_shape() -> bytes:
    made = plain_model()
    made.tensors[1][0] = np.array([1000, 1000, 3], np.int32)
    return made.save([0], [2])


def _huge_shape() -> bytes:
    made = plain_model()
    made.tensors[0][0] = np.array([1, 1 << 20, 1 << 20, 3], np.int32)
    return made.save([0], [2])


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "empty"),
        (b"\x08\x00\x00\x00TFL3" + bytes(8), "not a whole TFLite file"),
        (plain_model().save([0], [2])[:200], "not a whole TFLite file"),
        (os.urandom(4096), "not a whole TFLite file"),
        (_cycle(), "computed after it"),
        (_lying_shape(), "has only 12 bytes"),
        (_huge_shape(), "has the shape"),
        (plain_model().save([0], [9]), "names a tensor that is not there"),
        (plain_model().save([0], []), "no outputs"),
    ],
)
def test_damaged_files_are_refused(tmp_path: Path, data: bytes, told: str) -> None:
    with pytest.raises(ModelError, match=told):
        _import(tmp_path, data)
    assert not list((tmp_path / "workspace").iterdir())


def test_random_damage_is_a_model_error_or_a_model(tmp_path: Path) -> None:
    good, dice = _detector(), random.Random(7)
    for _ in range(60):
        data = bytearray(good)
        for _ in range(dice.choice((1, 2, 6))):
            data[dice.randrange(len(data))] = dice.choice((0, 1, 127, 128, 255, dice.randrange(256)))
        try:
            _import(tmp_path, bytes(data[: dice.choice((len(data), dice.randrange(len(data))))]))
        except ModelError:
            continue


# -- real files ------------------------------------------------------------------------------------------------------


def _assets() -> list[Path]:
    root = os.environ.get("SIGHTLINE_ASSETS", "")
    return sorted(Path(root).glob("models/*/*.tflite")) if root else []


@pytest.mark.skipif(not _assets(), reason="SIGHTLINE_ASSETS names no folder of real models")
def test_real_files_agree_with_litert(tmp_path: Path) -> None:
    litert = pytest.importorskip("ai_edge_litert.interpreter", reason="LiteRT is the reference for real TFLite files")
    for path in _assets():
        interpreter = litert.Interpreter(str(path), num_threads=1)
        interpreter.allocate_tensors()
        wanted = {d["name"]: d for d in interpreter.get_output_details()}
        given = interpreter.get_input_details()[0]
        floats = given["dtype"] == np.float32 and not any(
            d["dtype"] == np.int8 for d in interpreter.get_tensor_details()
        )
        if not floats:
            continue
        x = np.random.default_rng(0).uniform(-1, 1, given["shape"]).astype(np.float32)
        interpreter.set_tensor(given["index"], x)
        interpreter.invoke()
        workspace = tmp_path / path.stem
        workspace.mkdir()
        found = _run(read(Foreign("tflite", path, path.parent, workspace)), x)
        for name, detail in wanted.items():
            reference = interpreter.get_tensor(detail["index"])
            np.testing.assert_allclose(found[name], reference, rtol=1e-4, atol=1e-4)


@pytest.mark.skipif(not _assets(), reason="SIGHTLINE_ASSETS names no folder of real models")
def test_every_real_file_comes_in(tmp_path: Path) -> None:
    for path in _assets():
        workspace = tmp_path / path.stem
        workspace.mkdir()
        assert read(Foreign("tflite", path, path.parent, workspace)).weights.exists()

"""Heads of points against plain loops, and by what their outputs mean."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from head_twins import a_spec, a_view, decode, sig
from hypothesis import given, settings
from hypothesis import strategies as st

from sightline.errors import ModelError
from sightline.heads.points import Points
from sightline.heads.posenet import output_stride
from sightline.types import Thresholds

ALL = Thresholds(score=0.0, nms=1.0)
seeds = st.integers(0, 2**32 - 1)


def drawn(seed: int, *shape: int) -> np.ndarray[Any, np.dtype[np.float32]]:
    return np.random.default_rng(seed).normal(0, 2, shape).astype(np.float32)


def points_of(head: str, outputs: dict[str, Any], size: tuple[int, int], **options: Any) -> Any:
    found = decode(head, outputs, size, thresholds=ALL, **options)[0]
    assert found.xyxy.tolist() == [[0, 0, *size]]
    assert found.keypoints is not None
    return found.keypoints[0]


# -- MoveNet ---------------------------------------------------------------------------------------------------------


def test_movenet_turns_y_and_x_round_and_scales_fractions() -> None:
    raw = np.zeros((1, 1, 17, 3), np.float32)
    raw[0, 0, :, 2] = 0.2
    raw[0, 0, 5] = 0.25, 0.75, 0.9
    got = points_of("movenet", {"a": raw}, (192, 256))
    np.testing.assert_allclose(got[5], [144, 64, 0.9])
    found = decode("movenet", {"a": raw}, (192, 256), thresholds=ALL)[0]
    np.testing.assert_allclose(found.score, [(16 * 0.2 + 0.9) / 17], rtol=1e-5)


def test_movenet_hands_nothing_on_where_no_keypoint_is_seen() -> None:
    assert len(decode("movenet", {"a": np.zeros((1, 1, 17, 3), np.float32)}, (192, 192))[0]) == 0


@settings(max_examples=30, deadline=None)
@given(seeds)
def test_movenet_of_several_people_as_a_loop_reads_it(seed: int) -> None:
    raw = np.random.default_rng(seed).uniform(0, 1, (1, 6, 56)).astype(np.float32)
    raw[..., 53:55] += 1  # boxes have an area
    got = decode("movenet-multi", {"a": raw}, (320, 256), thresholds=Thresholds(score=0.3, nms=1.0))[0]
    rows = sorted((r for r in raw[0].tolist() if r[55] >= np.float32(0.3)), key=lambda r: -r[55])
    assert len(got) == len(rows)
    assert got.keypoints is not None
    for row, box, score, keypoints in zip(rows, got.xyxy, got.score, got.keypoints, strict=True):
        np.testing.assert_allclose(box, [row[52] * 320, row[51] * 256, row[54] * 320, row[53] * 256], rtol=1e-5)
        assert score == pytest.approx(row[55])
        for k in range(17):
            np.testing.assert_allclose(
                keypoints[k], [row[3 * k + 1] * 320, row[3 * k] * 256, row[3 * k + 2]], rtol=1e-5, atol=1e-5
            )


# -- PoseNet ---------------------------------------------------------------------------------------------------------


@settings(max_examples=30, deadline=None)
@given(seeds, st.booleans())
def test_posenet_as_a_loop_reads_it(seed: int, last: bool) -> None:
    heat, offset = drawn(seed, 17, 9, 9), drawn(seed + 1, 34, 9, 9) * 10
    maps = {"heat": heat[None], "offset": offset[None], "other": drawn(seed, 1, 32, 9, 9)}
    if last:
        maps = {name: a.transpose(0, 2, 3, 1) for name, a in maps.items()}
    got = points_of("posenet", maps, (257, 257))
    for k in range(17):
        best = max((float(heat[k, y, x]), -y, -x) for y in range(9) for x in range(9))
        y, x = -best[1], -best[2]
        want = [32 * x + float(offset[17 + k, y, x]), 32 * y + float(offset[k, y, x]), sig(best[0])]
        np.testing.assert_allclose(got[k], want, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("cells", "size", "stride"),
    [(9, 257, 32), (17, 257, 16), (33, 257, 8), (23, 353, 16), (16, 256, 16), (11, 161, 16), (8, 225, 32)],
)
def test_the_stride_of_posenet_follows_from_the_shapes(cells: int, size: int, stride: int) -> None:
    assert output_stride((cells, cells), (size, size)) == stride


def two_people() -> tuple[dict[str, Any], list[Any]]:
    """Maps in which every person's keypoints lie exactly where heat, offsets and displacements say."""
    from sightline.heads import posenet_people

    tree = posenet_people._TREE  # pyright: ignore[reportPrivateUsage]
    rng = np.random.default_rng(3)
    heat = np.full((17, 17, 17), -8, np.float32)
    offset, forward, backward = (np.zeros((n, 17, 17), np.float32) for n in (34, 32, 32))
    people: list[Any] = []
    for left, strength in ((24, 4.0), (150, 3.0)):
        at = np.stack([rng.uniform(left, left + 80, 17), rng.uniform(20, 236, 17)], 1)
        people.append(at)
        cell = np.rint(at / 16).astype(int)
        for k, ((x, y), (cx, cy)) in enumerate(zip(at, cell, strict=True)):
            heat[k, cy, cx] = strength + (k == 9) * 0.5  # grown from a wrist: both ways along the limbs
            offset[k, cy, cx], offset[17 + k, cy, cx] = y - 16 * cy, x - 16 * cx
        for limb, (parent, child) in enumerate(tree):
            for field, (begin, end) in ((forward, (parent, child)), (backward, (child, parent))):
                cx, cy = cell[begin]
                move = at[end] - at[begin]
                field[limb, cy, cx], field[16 + limb, cy, cx] = move[1], move[0]
    maps = {"heat": heat, "offset": offset, "displacement_fwd": forward, "displacement_bwd": backward}
    return {name: a[None] for name, a in maps.items()}, people


def test_posenet_tells_people_apart_along_their_limbs() -> None:
    maps, people = two_people()
    found = decode("posenet", maps, (257, 257), thresholds=Thresholds(score=0.2, nms=1.0), people=5)[0]
    assert len(found) == 2
    assert found.keypoints is not None
    for at, keypoints in zip(people, found.keypoints, strict=True):
        np.testing.assert_allclose(keypoints[:, :2], at, atol=1e-3)
    np.testing.assert_allclose(found.score, [(16 * sig(s) + sig(s + 0.5)) / 17 for s in (4, 3)], rtol=1e-4)
    np.testing.assert_allclose(found.xyxy[0], [*people[0].min(0), *people[0].max(0)], atol=1e-3)


def test_posenet_of_several_people_asks_for_displacements() -> None:
    maps, _ = two_people()
    del maps["displacement_bwd"]
    with pytest.raises(ModelError, match="displacements"):
        decode("posenet", maps, (257, 257), people=5)


# -- vectors ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("unit", "value", "want"),
    [
        ("pixels", (10, 20), (10, 20)),
        ("fractions", (0.5, 0.25), (40, 25)),
        ("signed", (0, -1), (40, 0)),
        ("half", (0.5, -0.25), (80, 25)),
    ],
)
def test_points_in_every_unit(unit: str, value: tuple[float, float], want: tuple[float, float]) -> None:
    raw = np.array([[*value, 0, 0]], np.float32)
    np.testing.assert_allclose(points_of("points", {"a": raw}, (80, 100), unit=unit)[0], [*want, 1])


def test_points_of_five_numbers_keep_the_body_and_its_visibility() -> None:
    raw = drawn(1, 1, 195)
    got = points_of(
        "points", {"a": raw, "flag": np.array([[0.9]], np.float32)}, (256, 256), dims=5, visible=3, keep=33,
        flag="flag", activated=True, visible_activated=False,
    )  # fmt: skip
    table = raw.reshape(39, 5)
    assert got.shape == (33, 3)
    for k in range(33):
        np.testing.assert_allclose(got[k], [table[k, 0], table[k, 1], sig(float(table[k, 3]))], rtol=1e-5, atol=1e-6)


def test_a_negative_keep_takes_the_last_points() -> None:
    raw = np.arange(1, 19, dtype=np.float32)[None]
    got = points_of("points", {"a": raw}, (8, 8), dims=3, keep=-2)
    np.testing.assert_allclose(got[:, :2], [[13, 14], [16, 17]])


def test_planar_points_and_scores_of_their_own() -> None:
    outputs = {"xy": np.array([[1, 2, 3, 10, 20, 30]], np.float32), "p": np.array([[0.1, 0.5, 1]], np.float32)}
    got = points_of("points", outputs, (8, 8), points=("xy",), planar=True, scores="p", visible_activated=True)
    np.testing.assert_allclose(got, [[1, 10, 0.1], [2, 20, 0.5], [3, 30, 1]])


def test_several_outputs_of_points_are_one_object() -> None:
    outputs = {"b": np.array([[5, 6, 0]], np.float32), "a": np.array([[1, 2, 0]], np.float32)}
    got = points_of("points", outputs, (8, 8), points=("a", "b"), dims=3)
    np.testing.assert_allclose(got[:, :2], [[1, 2], [5, 6]])


def test_a_flag_decides_whether_there_is_a_face() -> None:
    outputs = {"mesh": drawn(2, 1, 1, 1, 1404), "flag": np.array([[-3]], np.float32).reshape(1, 1, 1, 1)}
    options: dict[str, Any] = {"dims": 3, "flag": "flag", "activated": False}
    assert len(decode("points", outputs, (192, 192), **options)[0]) == 0
    outputs["flag"] = -outputs["flag"]
    assert decode("points", outputs, (192, 192), **options)[0].score[0] == pytest.approx(sig(3))


def test_hands_tell_their_side_and_their_points_in_space() -> None:
    outputs = {
        "screen": drawn(4, 1, 63),
        "flag": np.array([[0.8]], np.float32),
        "side": np.array([[0.2]], np.float32),
        "space": drawn(5, 1, 63),
    }
    options: dict[str, Any] = {"points": ("screen",), "dims": 3, "flag": "flag", "handed": "side", "world": "space"}
    found = decode("points", outputs, (224, 224), **options)[0]
    np.testing.assert_array_equal(found.columns["world"], outputs["space"].reshape(1, 21, 3))
    (attribute,) = found.columns["attributes"][0]
    assert (attribute.name, attribute.label, attribute.index) == ("hand", "left", 0)
    assert attribute.score == pytest.approx(0.8)


def test_a_point_that_is_no_number_is_no_object() -> None:
    raw = drawn(1, 1, 136)
    raw[0, 7] = np.nan
    assert len(decode("points", {"a": raw}, (112, 112))[0]) == 0


@pytest.mark.parametrize(
    ("options", "text"),
    [({"points": ("x",)}, "no output 'x'"), ({"flag": "y"}, "no output 'y'"), ({"dims": 7}, "7 numbers a point")],
)
def test_what_points_cannot_read_is_said(options: dict[str, Any], text: str) -> None:
    with pytest.raises(ModelError, match=text):
        Points(**options)({"a": np.ones((1, 136), np.float32)}, a_spec(ALL), [a_view(112, 112)])


# -- heat maps and axes ----------------------------------------------------------------------------------------------


@settings(max_examples=30, deadline=None)
@given(seeds, st.booleans(), st.booleans())
def test_heat_maps_as_a_loop_reads_them(seed: int, last: bool, centred: bool) -> None:
    heat = np.random.default_rng(seed).uniform(0, 1, (5, 12, 16)).astype(np.float32)
    maps = heat.transpose(1, 2, 0)[None] if last else heat[None]
    got = points_of("heat-points", {"a": maps}, (64, 48), channels_last=last, centred=centred)
    for k in range(5):
        best = max((float(heat[k, y, x]), -y, -x) for y in range(12) for x in range(16))
        y, x = -best[1], -best[2]
        dx = dy = 0.0
        if 0 < x < 15 and 0 < y < 11:
            dx = 0.25 * float(np.sign(heat[k, y, x + 1] - heat[k, y, x - 1]))
            dy = 0.25 * float(np.sign(heat[k, y + 1, x] - heat[k, y - 1, x]))
        want = [4 * (x + dx + 0.5 * centred), 4 * (y + dy + 0.5 * centred), best[0]]
        np.testing.assert_allclose(got[k], want, rtol=1e-5, atol=1e-5)


@settings(max_examples=40, deadline=None)
@given(st.floats(6, 40), st.floats(6, 56), st.sampled_from(["none", "quarter", "dark"]))
def test_a_spot_is_found_as_closely_as_its_shift_promises(x: float, y: float, shift: str) -> None:
    yy, xx = np.mgrid[:64, :48]
    heat = np.exp(-((xx - x) ** 2 + (yy - y) ** 2) / 8).astype(np.float32)
    got = points_of("heat-points", {"a": heat[None, None]}, (48, 64), shift=shift)
    most = {"none": 0.51, "quarter": 0.27, "dark": 0.02}[shift]
    assert np.abs(got[0, :2] - [x, y]).max() <= most


def test_maps_behind_the_keypoints_are_passed_over() -> None:
    heat = np.zeros((1, 4, 8, 8), np.float32)
    heat[0, 3] = 1
    assert points_of("heat-points", {"a": heat}, (32, 32), keep=3).shape == (3, 3)


@settings(max_examples=30, deadline=None)
@given(seeds, st.sampled_from([(192, 256), (256, 256)]))
def test_simcc_as_a_loop_reads_it(seed: int, size: tuple[int, int]) -> None:
    rng = np.random.default_rng(seed)
    x = rng.uniform(0, 1, (1, 17, 2 * size[0])).astype(np.float32)
    y = rng.uniform(0, 1, (1, 17, 2 * size[1])).astype(np.float32)
    got = points_of("simcc", {"simcc_y": y, "simcc_x": x}, size)
    for k in range(17):
        across, down = x[0, k].tolist(), y[0, k].tolist()
        want = [across.index(max(across)) / 2, down.index(max(down)) / 2, min(max(across), max(down))]
        np.testing.assert_allclose(got[k], want, rtol=1e-6)


@pytest.mark.parametrize("head", ["movenet", "movenet-multi", "posenet", "points", "heat-points", "simcc"])
def test_outputs_of_another_kind_are_named(head: str) -> None:
    options: dict[str, Any] = {"dims": 4} if head == "points" else {}
    with pytest.raises(ModelError, match="boxes"):
        decode(head, {"boxes": np.ones((1, 7), np.float32)}, (64, 64), **options)

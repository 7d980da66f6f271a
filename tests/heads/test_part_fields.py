"""Part affinity fields: people drawn into maps come back, and the arithmetic agrees with plain loops."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from head_twins import decode
from hypothesis import given, settings
from hypothesis import strategies as st

from sightline.errors import ModelError
from sightline.heads.limbs import Peaks, Rule, assemble, find_peaks, join_limbs
from sightline.heads.part_fields import LAYOUTS

Maps = np.ndarray[Any, np.dtype[np.float32]]
# a person of OpenPose's 18 keypoints, in units of half a shoulder's width around the hips
BODY = [(0, -4), (0, -3), (-1, -3), (-1.6, -1.6), (-1.8, -0.3), (1, -3), (1.6, -1.6), (1.8, -0.3), (-0.7, 0)]
BODY += [(-0.8, 2), (-0.8, 4), (0.7, 0), (0.8, 2), (0.8, 4), (-0.3, -4.4), (0.3, -4.4), (-0.7, -4.2), (0.7, -4.2)]


def scene(people: list[list[tuple[float, float]]], limbs: tuple[tuple[int, int], ...], side: int) -> tuple[Maps, Maps]:
    """Maps (K+1, side, side) and fields (2L, side, side) of people whose keypoints are given in cells."""
    yy, xx = np.mgrid[:side, :side]
    count = len(people[0])
    heat, field = np.zeros((count + 1, side, side), np.float32), np.zeros((2 * len(limbs), side, side), np.float32)
    for person in people:
        for k, (x, y) in enumerate(person):
            heat[k] = np.maximum(heat[k], np.exp(-((xx - x) ** 2 + (yy - y) ** 2) / 1.6))
        for number, (a, b) in enumerate(limbs):
            (ax, ay), (bx, by) = person[a], person[b]
            length = math.hypot(bx - ax, by - ay)
            ux, uy = (bx - ax) / length, (by - ay) / length
            along, across = (xx - ax) * ux + (yy - ay) * uy, np.abs((xx - ax) * uy - (yy - ay) * ux)
            on = (along >= -1) & (along <= length + 1) & (across <= 1)
            field[2 * number][on], field[2 * number + 1][on] = ux, uy
    heat[-1] = 1 - heat[:-1].max(0)
    return heat, field


def crowd(size: float = 1.7, side: int = 46) -> list[list[tuple[float, float]]]:
    spots = [(4 + x * (side - 8) / 4, 11 + y * side / 2) for y in range(2) for x in range(5)]
    return [[(cx + x * size, cy + y * size) for x, y in BODY] for cx, cy in spots]


@pytest.mark.parametrize("last", [False, True])
def test_ten_people_come_back_whole(last: bool) -> None:
    people = crowd()
    heat, field = scene(people, LAYOUTS["coco18"].limbs, 46)
    maps = {"heat": heat[None], "field": field[None]}
    if last:
        maps = {name: a.transpose(0, 2, 3, 1) for name, a in maps.items()}
    found = decode("part-fields", maps, (368, 368))[0]
    assert len(found) == 10
    assert found.keypoints is not None
    matched: set[int] = set()
    for keypoints in found.keypoints:
        assert (keypoints[:, 2] > 0.5).all()
        off = [float(np.abs(keypoints[:, :2] - (np.array(p) + 0.5) * 8).max()) for p in people]
        matched.add(int(np.argmin(off)))
        assert min(off) <= 4.1  # half a cell: at the border a parabola has one arm only
    assert len(matched) == 10
    np.testing.assert_allclose(found.xyxy[:, :2], found.keypoints[..., :2].min(1))
    np.testing.assert_allclose(found.xyxy[:, 2:], found.keypoints[..., :2].max(1))


def test_maps_and_fields_in_one_output_and_of_different_sizes() -> None:
    people = [[(23 + x * 2.5, 22 + y * 2.5) for x, y in BODY]]
    heat, field = scene(people, LAYOUTS["coco18"].limbs, 46)
    one = decode("part-fields", {"net": np.concatenate([heat, field])[None]}, (368, 368))[0]
    fine = np.repeat(np.repeat(field, 4, 1), 4, 2)
    two = decode("part-fields", {"heat": heat[None], "field": fine[None]}, (368, 368))[0]
    assert len(one) == len(two) == 1
    np.testing.assert_allclose(one.xyxy, two.xyxy, atol=1e-3)


def test_of_several_stages_the_last_one_counts() -> None:
    people = [[(23 + x * 2.5, 22 + y * 2.5) for x, y in BODY]]
    heat, field = scene(people, LAYOUTS["coco18"].limbs, 46)
    last = {"stage_1_heatmaps": heat[None], "stage_1_pafs": field[None]}
    first = {"stage_0_heatmaps": 0 * heat[None], "stage_0_pafs": 0 * field[None]}
    assert len(decode("part-fields", first | last, (368, 368))[0]) == 1
    assert len(decode("part-fields", last | first, (368, 368))[0]) == 0


def test_a_keypoint_out_of_sight_is_zero_and_a_lone_one_nobody() -> None:
    people = [[(23 + x * 2.5, 22 + y * 2.5) for x, y in BODY]]
    heat, field = scene(people, LAYOUTS["coco18"].limbs, 46)
    heat[4] = 0
    found = decode("part-fields", {"heat": heat[None], "field": field[None]}, (368, 368))[0]
    assert found.keypoints is not None
    assert found.keypoints[0, 4].tolist() == [0, 0, 0]
    assert (found.keypoints[0, [3, 5], 2] > 0).all()
    assert len(decode("part-fields", {"heat": heat[None], "field": 0 * field[None]}, (368, 368))[0]) == 0


def test_trt_pose_is_handed_on_in_the_order_of_openpose() -> None:
    order = LAYOUTS["trt-pose"].order
    own = [(0.0, 0.0)] * 18
    for place, number in enumerate(order):
        own[number] = (23 + BODY[place][0] * 2.5, 22 + BODY[place][1] * 2.5)
    heat, field = scene([own], LAYOUTS["trt-pose"].limbs, 56)
    found = decode("part-fields", {"cmap": heat[None, :18], "paf": field[None]}, (448, 448))[0]
    assert found.keypoints is not None
    want = (np.array([(23 + x * 2.5, 22 + y * 2.5) for x, y in BODY]) + 0.5) * 8
    np.testing.assert_allclose(found.keypoints[0, :, :2], want, atol=1.0)


@pytest.mark.parametrize("name", sorted(LAYOUTS))
def test_layouts_join_all_their_keypoints(name: str) -> None:
    layout = LAYOUTS[name]
    assert {k for limb in layout.limbs for k in limb} == set(range(layout.keypoints))
    assert layout.weak <= set(layout.limbs)
    assert sorted(layout.order) in ([], list(range(layout.keypoints)))


# -- slow twins ------------------------------------------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.booleans())
def test_peaks_are_the_cells_that_no_neighbour_exceeds(seed: int, coarse: bool) -> None:
    heat = np.random.default_rng(seed).uniform(0, 1, (2, 7, 9)).astype(np.float32)
    if coarse:
        heat = (np.round(heat * 4) / 4).astype(np.float32)  # equal neighbours
    got = find_peaks(heat, 0.5)
    want: list[tuple[int, int, int]] = []
    for k in range(2):
        for y in range(7):
            for x in range(9):
                around = [(j, i) for j in (y - 1, y, y + 1) for i in (x - 1, x, x + 1) if 0 <= j < 7 and 0 <= i < 9]
                earlier = [heat[k, j, i] for j, i in around if (j, i) < (y, x)]
                later = [heat[k, j, i] for j, i in around if (j, i) > (y, x)]
                top = all(heat[k, y, x] > v for v in earlier) and all(heat[k, y, x] >= v for v in later)
                if heat[k, y, x] >= 0.5 and top:
                    want.append((k, y, x))
    assert got.kind.tolist() == [k for k, _, _ in want]
    np.testing.assert_allclose(got.score, [heat[k, y, x] for k, y, x in want])
    for (k, y, x), at in zip(want, got.at, strict=True):
        for axis, centre, edge in ((0, x, 8), (1, y, 6)):
            off = 0.0
            if 0 < centre < edge:
                step = (0, 1) if axis == 0 else (1, 0)
                low, high = heat[k, y - step[0], x - step[1]], heat[k, y + step[0], x + step[1]]
                bend = float(low) - 2 * float(heat[k, y, x]) + float(high)
                off = min(max((float(low) - float(high)) / (2 * bend), -0.5), 0.5) if bend < 0 else 0.0
            assert at[axis] == pytest.approx(centre + off, abs=1e-4)


def slow_score(field: Maps, limb: int, a: Any, b: Any, scale: tuple[float, float]) -> tuple[float, int]:
    """Mean of the field along a line with its penalty, and how many of ten samples are above 0.05."""
    _, h, w = field.shape
    (ax, ay), (bx, by) = (((p[0] + 0.5) * scale[0] - 0.5, (p[1] + 0.5) * scale[1] - 0.5) for p in (a, b))
    length = math.hypot(bx - ax, by - ay)
    dots: list[float] = []
    for s in range(10):
        x, y = ax + (bx - ax) * s / 9, ay + (by - ay) * s / 9
        x0, y0 = min(max(math.floor(x), 0), w - 2), min(max(math.floor(y), 0), h - 2)
        fx, fy = min(max(x - x0, 0), 1), min(max(y - y0, 0), 1)
        v = [0.0, 0.0]
        for axis in (0, 1):
            f = field[2 * limb + axis].astype(float)
            v[axis] = (f[y0, x0] * (1 - fx) + f[y0, x0 + 1] * fx) * (1 - fy)
            v[axis] += (f[y0 + 1, x0] * (1 - fx) + f[y0 + 1, x0 + 1] * fx) * fy
        dots.append((v[0] * (bx - ax) + v[1] * (by - ay)) / max(length, 1e-6))
    return sum(dots) / 10 + min(0.5 * h / max(length, 1e-6) - 1, 0), sum(d > 0.05 for d in dots)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([(1.0, 1.0), (4.0, 4.0)]))
def test_limbs_are_joined_as_loops_join_them(seed: int, scale: tuple[float, float]) -> None:
    rng = np.random.default_rng(seed)
    limbs = ((0, 1), (1, 2), (0, 2))
    field = rng.normal(0.4, 0.6, (6, round(8 * scale[1]), round(10 * scale[0]))).astype(np.float32)
    kind = np.sort(rng.integers(0, 3, 9))
    at = (rng.uniform(0, 1, (9, 2)) * [9, 7]).astype(np.float32)
    got = join_limbs(Peaks(kind, at, np.ones(9, np.float32)), field, limbs, scale, Rule())
    for number, ((a, b), joint) in enumerate(zip(limbs, got, strict=True)):
        pairs: list[tuple[float, int, int]] = []
        for i in range(9):
            for j in range(9):
                if kind[i] == a and kind[j] == b:
                    score, above = slow_score(field, number, at[i], at[j], scale)
                    if above >= 8 and score > 0:
                        pairs.append((score, i, j))
        free_a, free_b, want = set(range(9)), set(range(9)), list[tuple[int, int]]()
        for _, i, j in sorted(pairs, key=lambda p: -p[0]):
            if i in free_a and j in free_b:
                free_a.discard(i)
                free_b.discard(j)
                want.append((i, j))
        assert list(zip(joint.first.tolist(), joint.second.tolist(), strict=True)) == want


def test_two_halves_become_one_person_unless_they_share_a_kind() -> None:
    limbs = ((0, 1), (2, 3), (1, 2))

    def joined(pairs: list[list[tuple[int, int]]], weak: frozenset[tuple[int, int]] = frozenset()) -> list[list[int]]:
        from sightline.heads.limbs import Joint

        def joint(ends: list[tuple[int, int]]) -> Joint:
            first, second = np.array(ends, np.int64).reshape(-1, 2).T
            return Joint(first, second, np.ones(len(ends), np.float32))

        return [sorted(p.values()) for p in assemble([joint(ends) for ends in pairs], limbs, weak)]

    assert joined([[(0, 1)], [(2, 3)], [(1, 2)]]) == [[0, 1, 2, 3]]
    assert joined([[(0, 1)], [(2, 3)], []]) == [[0, 1], [2, 3]]
    assert joined([[(0, 1)], [(2, 3)], [(1, 2)]], frozenset({(1, 2)})) == [[0, 1], [2, 3]]
    assert joined([[(0, 1)], [], [(1, 2)]], frozenset({(1, 2)})) == [[0, 1, 2]]
    assert joined([[], [], [(1, 2)]], frozenset({(1, 2)})) == []


def test_noise_everywhere_stays_bounded() -> None:
    rng = np.random.default_rng(0)
    heat, field = rng.uniform(0, 1, (1, 19, 46, 46)), rng.normal(0, 1, (1, 38, 46, 46))
    outputs = {"heat": heat.astype(np.float32), "field": field.astype(np.float32)}
    found = decode("part-fields", outputs, (368, 368))[0]
    assert len(found) <= 300
    outputs["field"][0, :, 20] = np.nan
    outputs["heat"][0, 3, 7] = np.inf
    for box in decode("part-fields", outputs, (368, 368))[0].xyxy:
        assert np.isfinite(box).all()


@pytest.mark.parametrize("shape", [(1, 18, 8, 8), (1, 20, 8, 8)])
def test_channels_of_no_layout_are_named(shape: tuple[int, ...]) -> None:
    with pytest.raises(ModelError, match="part affinity fields"):
        decode("part-fields", {"a": np.zeros(shape, np.float32), "b": np.zeros((1, 30, 8, 8), np.float32)}, (64, 64))

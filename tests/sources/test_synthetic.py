"""The street: the same seed is the same bytes, the truth is what was drawn, and crossings are what a stepper counts."""

from __future__ import annotations

import hashlib
import itertools
from dataclasses import replace
from fractions import Fraction

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sightline.errors import UsageError
from sightline.protocols import Source
from sightline.sources.figures import STEPS, bike, car, lamp, person, tree
from sightline.sources.painting import cover
from sightline.sources.scene import LABELS, Street, street
from sightline.sources.synthetic import Scene, SyntheticSource
from sightline.types import Picture, PixelLayout

SMALL = Scene(seed=4, width=320, height=180)


def digest(picture: Picture) -> str:
    total = hashlib.sha256()
    for plane in picture.planes:
        total.update(np.ascontiguousarray(plane).tobytes())
    return total.hexdigest()


def _extent(mask: np.ndarray) -> tuple[int, int, int, int]:
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


class TestScene:
    def test_the_same_frame_is_the_same_bytes_in_any_order(self) -> None:
        forward = [digest(SMALL.draw(i)[0]) for i in range(4)]
        backward = [digest(Scene(seed=4, width=320, height=180).draw(i)[0]) for i in (3, 2, 1, 0)]
        assert forward == backward[::-1]
        assert len(set(forward)) == 4

    def test_another_seed_is_another_street(self) -> None:
        assert digest(SMALL.draw(0)[0]) != digest(replace(SMALL, seed=5).draw(0)[0])

    def test_truth_alone_equals_the_truth_of_drawing(self) -> None:
        for index in (0, 17, 400):
            assert SMALL.truth(index).equals(SMALL.draw(index)[1])

    @pytest.mark.parametrize("size", [(320, 180), (321, 181), (64, 48), (180, 321)])
    def test_planes_have_the_shapes_of_i420(self, size: tuple[int, int]) -> None:
        picture, _ = Scene(width=size[0], height=size[1]).draw(3)
        w, h = size
        assert picture.layout is PixelLayout.I420
        half = ((h + 1) // 2, (w + 1) // 2)
        assert [p.shape for p in picture.planes] == [(h, w), half, half]

    def test_an_object_changes_pixels_in_its_box_and_nowhere_else(self) -> None:
        """Leave one actor out and compare: what differs clearly is in its box.

        Anti-aliasing may tint one pixel more.
        """
        scene = Scene(seed=3, width=640, height=360, noise=0.0)
        checked = 0
        for index in (10, 60, 110):
            poses = scene._poses(index)
            empty = scene._empty[:360, :640]
            whole = empty.copy()
            truth = scene._seen(poses, whole)
            for row, key in enumerate(truth.columns["id"]):
                without = empty.copy()
                scene._seen([p for p in poses if p.actor is None or p.actor.id != key], without)
                change = np.abs(whole.astype(int) - without).max(2)
                x0, y0, x1, y1 = truth.xyxy[row]
                left, top, right, bottom = _extent(change > 16)
                assert x0 - 1 <= left < right <= x1 + 1
                assert y0 - 1 <= top < bottom <= y1 + 1
                left, top, right, bottom = _extent(change > 0)
                assert left <= x0 < x1 <= right
                assert top <= y0 + 1 < y1 - 1 <= bottom
                checked += 1
        assert checked > 15

    def test_visible_is_the_share_that_is_seen(self) -> None:
        """Recount by painting each actor alone on an empty map."""
        scene = Scene(seed=2, width=640, height=360)
        occluded = 0
        for index in range(0, 300, 30):
            poses = scene._poses(index)
            truth = scene._seen(poses, None)
            maps = []
            for pose in poses:
                alone = np.zeros((360, 640), np.uint8)
                cover(alone, pose, 1)
                maps.append(alone > 0)
            for i, pose in enumerate(poses):
                if pose.actor is None:
                    continue
                hidden = np.any(maps[i + 1 :], axis=0) if i + 1 < len(maps) else np.zeros_like(maps[i])
                seen = maps[i] & ~hidden
                rows = np.flatnonzero(truth.columns["id"] == pose.actor.id)
                if not seen.any():
                    assert len(rows) == 0
                    continue
                ys, xs = np.nonzero(seen)
                assert truth.xyxy[rows[0]].tolist() == [xs.min(), ys.min(), xs.max() + 1, ys.max() + 1]
                share = seen.sum() / maps[i].sum()
                assert truth.columns["visible"][rows[0]] <= share + 1e-6
                inside = (pose.points.min(0) > 16).all() and (pose.points.max(0) < [16 * 638, 16 * 358]).all()
                if inside:
                    assert truth.columns["visible"][rows[0]] == pytest.approx(share, abs=1e-3)
                occluded += share < 0.95
        assert occluded > 5

    def test_ids_stay_and_boxes_follow_the_anchor(self) -> None:
        scene = Scene(seed=1, width=640, height=360)
        before, after = scene.truth(100), scene.truth(101)
        mine = dict(zip(before.columns["id"], before.columns["anchor"], strict=True))
        common = [i for i in after.columns["id"] if i in mine]
        assert len(common) >= len(before) - 2
        for key, anchor in zip(after.columns["id"], after.columns["anchor"], strict=True):
            if key in mine:
                assert 0 < abs(anchor[0] - mine[key][0]) < 30
        for box, anchor, seen in zip(after.xyxy, after.columns["anchor"], after.columns["visible"], strict=True):
            if seen > 0.995:
                assert box[3] == pytest.approx(anchor[1], abs=4)
                assert (box[0] + box[2]) / 2 == pytest.approx(anchor[0], abs=float(0.25 * (box[2] - box[0]) + 2))

    def test_every_label_appears_and_some_hide_each_other(self) -> None:
        labels: set[int] = set()
        least = 1.0
        for index in range(0, 500, 20):
            truth = SMALL.truth(index)
            labels |= set(truth.label.tolist())
            least = min(least, float(truth.columns["visible"].min(initial=1.0)))
        assert labels == {0, 1, 2}
        assert least < 0.5
        assert SMALL.truth(0).names == LABELS

    def test_light_changes_and_noise_is_there(self) -> None:
        bright = [
            float(Scene(seed=1, width=160, height=90, light=0.4).draw(i)[0].planes[0].mean()) for i in (0, 100, 200)
        ]
        assert max(bright) - min(bright) > 8
        clean, noisy = (Scene(seed=1, width=160, height=90, noise=n).draw(0)[0].planes[0] for n in (0.0, 6.0))
        assert 4 < float((noisy.astype(int) - clean).std()) < 8

    def test_the_camera_shakes_by_whole_pixels_and_truth_with_it(self) -> None:
        still, shaken = Scene(seed=1, width=320, height=180), Scene(seed=1, width=320, height=180, jitter=4)
        moved = set()
        for index in range(6):
            dx, dy = shaken._shake(index)
            a, b = still.truth(index), shaken.truth(index)
            at = dict(zip(a.columns["id"], a.columns["anchor"], strict=True))
            for key, anchor in zip(b.columns["id"], b.columns["anchor"], strict=True):
                if key in at:
                    assert anchor == pytest.approx(at[key] + [dx, dy], abs=1e-3)
            moved.add((dx, dy))
        assert len(moved) > 2
        # the street behind moves as the truth does
        index = next(i for i in range(20) if shaken._shake(i) == max(shaken._shake(k) for k in range(20)))
        dx, dy = shaken._shake(index)
        plain = replace(shaken, noise=0.0, light=0.0)
        picture = plain.draw(index)[0].planes[0]
        steady = replace(plain, jitter=0).draw(index)[0].planes[0]
        shift, _ = cv2.phaseCorrelate(steady.astype(np.float64), picture.astype(np.float64))
        assert shift == pytest.approx((dx, dy), abs=0.6)


def recount(where: Street, line: tuple[tuple[float, float], ...], until: float) -> list[tuple[int, int, str]]:
    """Brute force: follow every foot in steps of 10 ms and look for sign changes within the segment."""
    (px, py), (qx, qy) = line
    found = []
    for actor in where.actors(0.0, until):
        times = np.arange(0.0, until + 1e-9, 0.01)
        times = times[(times >= actor.start) & (times <= actor.end)]
        if not len(times):
            continue
        u = actor.u0 + actor.heading * actor.speed * (times - actor.start)
        ground = np.stack([u, np.full(len(u), actor.v), np.zeros(len(u))], 1)
        foot = where.camera.project(ground)
        side = (qx - px) * (foot[:, 1] - py) - (qy - py) * (foot[:, 0] - px)
        along = ((foot - (px, py)) @ np.array([qx - px, qy - py])) / ((qx - px) ** 2 + (qy - py) ** 2)
        for k in np.flatnonzero((side[:-1] < 0) != (side[1:] < 0)):
            if 0 <= along[k] <= 1:
                # y down: positive is the right-hand side of one who walks along the line
                found.append((actor.id, round(float(times[k]) * 10), "in" if side[k + 1] > side[k] else "out"))
    return sorted(found)


class TestCrossings:
    @pytest.mark.parametrize("seed", [1, 2, 3])
    def test_equal_a_brute_force_recount(self, seed: int) -> None:
        scene = Scene(seed=seed)
        exact = scene.crossings(scene.line, 501)
        counted = recount(scene.street, scene.line, scene.time_s(500))
        assert sorted((c.actor, c.direction) for c in exact) == [(a, d) for a, _, d in counted]
        times = {c.actor: c.time_s for c in exact}
        for actor, tenths, _ in counted:
            assert times[actor] == pytest.approx(tenths / 10, abs=0.12)
        assert len(exact) > 10
        assert {c.direction for c in exact} == {"in", "out"}

    @given(
        st.tuples(st.floats(0, 320), st.floats(0, 180)),
        st.tuples(st.floats(0, 320), st.floats(0, 180)),
        st.integers(0, 50),
    )
    @settings(max_examples=25, deadline=None)
    def test_any_line(self, p: tuple[float, float], q: tuple[float, float], seed: int) -> None:
        if np.hypot(p[0] - q[0], p[1] - q[1]) < 20:
            return
        where = street(seed, 320, 180)
        exact = [(c.actor, c.direction) for c in where.crossings((p, q), 0.0, 8.0)]
        counted = [(a, d) for a, _, d in recount(where, (p, q), 8.0)]
        # a foot that just grazes an end of the line may fall on either side of 10 ms steps
        assert len(set(exact) ^ set(counted)) <= 1

    def test_turning_the_line_around_turns_the_directions(self) -> None:
        scene = Scene(seed=1)
        one = scene.crossings(scene.line, 300)
        other = scene.crossings(scene.line[::-1], 300)
        flip = {"in": "out", "out": "in"}
        assert [(c.actor, flip[c.direction]) for c in one] == [(c.actor, c.direction) for c in other]

    def test_in_of_the_scenes_own_line_is_to_the_right(self) -> None:
        scene = Scene(seed=6)
        heading = {a.id: a.heading for a in scene.street.actors(0, 20)}
        for crossing in scene.crossings(scene.line, 500):
            assert crossing.direction == ("in" if heading[crossing.actor] > 0 else "out")


class TestStreet:
    def test_nobody_appears_or_vanishes_in_sight(self) -> None:
        where = street(8, 640, 360)
        for actor in where.actors(0, 60):
            for t in (actor.start, actor.end):
                x, _ = where.anchor(actor, t)
                assert x < -0.2 * 640 or x > 1.2 * 640

    def test_a_moment_alone_finds_the_same_people_as_a_span(self) -> None:
        where = street(8, 640, 360)
        span = {a for a in where.actors(0, 30) if a.start <= 12 <= a.end}
        assert set(where.actors(12, 12)) == span

    def test_ids_are_unique_over_a_long_time(self) -> None:
        ids = [a.id for a in street(1, 640, 360).actors(0, 2000)]
        assert len(ids) == len(set(ids)) > 1000
        assert min(ids) > 0

    @pytest.mark.parametrize("figure", [person, bike, car])
    def test_figures_stand_on_the_ground_about_their_middle(self, figure) -> None:
        for build, step in itertools.product(range(3), range(0, STEPS, 3)):
            points = figure(build, step).points
            assert points[:, 1].min() == pytest.approx(0, abs=0.06)
            assert abs(points[:, 0].max() + points[:, 0].min()) < 0.3
        for still in (lamp(0), lamp(1), tree(0)):
            assert still.points[:, 1].min() == 0


class TestSource:
    def test_is_a_source_whose_frames_carry_times_and_order(self) -> None:
        source = SyntheticSource(seed=2, seconds=0.4, width=160, height=90, rate=Fraction(25))
        assert isinstance(source, Source)
        frames = list(source.frames())
        assert [f.index for f in frames] == list(range(10))
        assert [f.at.pts for f in frames] == [3600 * i for i in range(10)]
        assert frames[0].at.base == Fraction(1, 90000)
        assert all((f.width, f.height) == (160, 90) == f.picture.upright_wh for f in frames if f.picture)
        assert frames[0].stream.frames == 10
        assert frames[3].at.since(frames[0].at) == pytest.approx(0.12)

    def test_odd_rates_keep_exact_times(self) -> None:
        source = SyntheticSource.from_url("synthetic://street?rate=30000/1001&seconds=2&width=64&height=48")
        pts = [f.at.pts for f in source.frames()]
        assert len(pts) == 60
        assert pts[:4] == [0, 3003, 6006, 9009]

    def test_two_iterations_are_the_same_and_closing_ends(self) -> None:
        source = SyntheticSource(seconds=0, width=64, height=48)
        first = source.frames()
        a = digest(next(first).picture)  # type: ignore[arg-type]
        first.close()  # type: ignore[attr-defined]
        assert next(first, None) is None
        second = source.frames()
        assert digest(next(second).picture) == a  # type: ignore[arg-type]
        assert source.count is None
        assert source.info().frames is None

    def test_live_keeps_its_pace(self) -> None:
        source = SyntheticSource.from_url("synthetic://street?live=true&rate=50&seconds=0.2&width=64&height=48")
        assert source.live
        frames = list(source.frames())
        assert frames[0].stream.live
        # never early: frame i is not given before i / rate seconds (no upper bound: machines may be busy)
        assert frames[-1].wall_ns - frames[0].wall_ns >= 0.9 * 9 / 50 * 1e9

    def test_constructing_draws_nothing(self) -> None:
        source = SyntheticSource(width=7680, height=4320)
        assert "_empty" not in source.scene.__dict__

    def test_options_of_the_url(self) -> None:
        source = SyntheticSource.from_url("synthetic://street?seed=9&seconds=3.5&jitter=2&noise=0&light=0.3", "yard")
        assert (source.id, source.seed, source.seconds, source.jitter, source.noise) == ("yard", 9, 3.5, 2, 0.0)
        assert SyntheticSource.from_url("synthetic://street").id == "street"

    @pytest.mark.parametrize(
        ("url", "said"),
        [
            ("synthetic://beach", "synthetic://street"),
            ("synthetic://street?sead=1", "unknown option 'sead'"),
            ("synthetic://street?seed=x", "seed: 'x'"),
            ("synthetic://street?width=4", "width is from 16"),
            ("synthetic://street?rate=0", "rate is from 1"),
            ("synthetic://street?rate=1/0", "rate: '1/0'"),
            ("synthetic://street?seconds=nan", "seconds is from 0"),
            ("synthetic://street?live=maybe", "live: 'maybe'"),
            ("synthetic://street?seed=-1", "seed is from 0"),
        ],
    )
    def test_wrong_options_say_so(self, url: str, said: str) -> None:
        with pytest.raises(UsageError) as raised:
            SyntheticSource.from_url(url)
        assert said in str(raised.value)

"""What a file leaves open, tried on pictures: the ways back, the figures, and what is decided of models made here."""

from __future__ import annotations

import os
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.seeing import Feed, pictures, saved
from sightline.config import ModelConfig
from sightline.models.identify import identify
from sightline.models.probing.choices import MOST, Aspect, Choice, asked_of, combined, taken
from sightline.models.probing.measure import Look, measured
from sightline.models.probing.probe import Probing, probe
from sightline.models.probing.views import Variant, variants
from sightline.pipeline.build import build_identified
from sightline.types import (
    U8,
    Attribute,
    ChannelOrder,
    Detections,
    Frame,
    Instant,
    Picture,
    PixelLayout,
    Prediction,
    Preprocess,
    StreamInfo,
)

WANTED = ("mirrored", "shifted", "smaller", "larger", "nudged")


def frame_of(pixels: U8, index: int = 0) -> Frame:
    height, width = pixels.shape[:2]
    picture = Picture((pixels,), PixelLayout.RGB, full_range=True)
    stream = StreamInfo("p", width, height, Fraction(1, 25), still=True)
    return Frame(stream, index, Instant(None, Fraction(1, 25)), picture, width, height)


def scenes(count: int = 6) -> list[Frame]:
    return [frame_of(pixels, i) for i, (pixels, _) in enumerate(pictures(count))]


def tried(folder: Path, end: str, feed: Feed, frames: Sequence[Frame], doubt: bool = False, **flags: object) -> Probing:
    path = saved(end, feed, folder / "net.onnx")
    config = ModelConfig.model_validate({"path": str(path), **flags})
    return probe(identify(config), config, frames, build_identified, doubt)


# -- the same picture, changed ----------------------------------------------------------------------------------------


@given(st.integers(20, 90), st.integers(20, 90), st.integers(0, 10_000))
def test_a_point_of_a_variant_is_that_of_the_frame(width: int, height: int, seed: int) -> None:
    chance = np.random.default_rng(seed)
    pixels = chance.integers(0, 255, (height, width, 3)).astype(np.uint8)
    for variant in variants(frame_of(pixels), WANTED):
        assert variant.frame.picture is not None
        mine = variant.frame.picture.planes[0]
        y, x = (int(chance.integers(n)) for n in mine.shape[:2])
        back = variant.points_back(np.array([x + 0.5, y + 0.5]))
        left, top, right, bottom = variant.seen
        if left < back[0] < right and top < back[1] < bottom:
            assert np.array_equal(pixels[int(back[1]), int(back[0])], mine[y, x])
        else:
            assert variant.name == "smaller"
            assert (mine[y, x] == 114).all()


def test_boxes_come_back_with_their_corners_in_order() -> None:
    mirrored = variants(frame_of(np.zeros((50, 100, 3), np.uint8)), ("mirrored",))[1]
    assert mirrored.boxes_back(np.array([[10, 5, 30, 20]], np.float32)).tolist() == [[70, 5, 90, 20]]


# -- figures ----------------------------------------------------------------------------------------------------------

SHAPE = np.zeros((100, 200, 3), np.uint8)


def looks(*said: Prediction) -> list[Look]:
    made: list[Variant] = variants(frame_of(SHAPE), ("mirrored", "shifted"))
    return [Look(variant, one) for variant, one in zip(made, said, strict=True)]


def boxes(*rows: tuple[float, float, float, float], score: float = 0.9, label: int = 0) -> Prediction:
    n = len(rows)
    found = Detections(
        np.array(rows, np.float32).reshape(-1, 4), np.full(n, score, np.float32), np.full(n, label, np.int32)
    )
    return Prediction(found)


def test_objects_that_stay_where_they_are_count_in_full() -> None:
    there = (60.0, 30.0, 100.0, 80.0)
    same = measured("detect", [looks(boxes(there), boxes(there), boxes(there))])
    assert same.consistency == pytest.approx(1)
    assert same.plausibility == pytest.approx(1)
    assert same.strength == pytest.approx(0.81)
    moved = measured("detect", [looks(boxes(there), boxes((0, 0, 30, 30)), boxes((160, 0, 199, 30)))])
    assert moved.score == 0
    other = measured("detect", [looks(boxes(there), boxes(there, label=3), boxes(there, label=3))])
    assert other.score == 0


def test_what_a_shift_cuts_off_is_not_missed() -> None:
    cut = (2.0, 30.0, 16.0, 80.0)
    nothing = Prediction()
    assert measured("detect", [looks(boxes(cut), boxes(cut), nothing)]).consistency == pytest.approx(1)


def test_objects_where_none_can_be_are_not_plausible() -> None:
    outside, thin = (300.0, 10.0, 340.0, 60.0), (10.0, 10.0, 190.0, 12.0)
    for box in (outside, thin):
        assert measured("detect", [looks(*[boxes(box)] * 3)]).plausibility < 0.3
    rows = [(i % 20 * 10.0, i // 20 * 10.0, i % 20 * 10.0 + 9, i // 20 * 10.0 + 9) for i in range(200)]
    crowd = measured("detect", [looks(*[boxes(*rows)] * 3)])
    assert crowd.plausibility < 0.1
    assert "far too many" in crowd.words


def test_numbers_that_are_no_probabilities_are_told() -> None:
    there = (60.0, 30.0, 100.0, 80.0)
    logits = measured("detect", [looks(*[boxes(there, score=4.0)] * 3)])
    assert logits.plausibility < 0.1
    assert "scores above 1" in logits.words
    twice = measured("detect", [looks(*[boxes(*[there] * 6, score=0.6)] * 3)])
    assert twice.plausibility < 0.2


def says(*pairs: tuple[int, float]) -> Prediction:
    return Prediction(attributes=tuple(Attribute("class", f"c{i}", s, i) for i, s in pairs))


def test_a_classifier_that_always_says_the_same_says_nothing() -> None:
    alive = measured("classify", [looks(says((1, 0.9)), says((1, 0.8)), says((1, 0.85)))])
    assert alive.consistency == 1
    assert alive.score == pytest.approx(0.85)
    dead = measured("classify", [looks(*[says((1, 0.9))] * 3)])
    assert dead.score < 0.1
    every = measured("classify", [looks(*[says((i, 1.0), (3, 1.0)) for i in (1, 1, 2)])])
    assert "sure of every class at once" in every.words
    torn = measured("classify", [looks(says((1, 0.9)), says((2, 0.9)), says((1, 0.8)))])
    assert torn.consistency == 0.5


def test_points_are_compared_point_by_point_and_in_a_mirror_by_place() -> None:
    def points(*rows: tuple[float, float]) -> Prediction:
        found = Detections(
            np.array([[0, 0, 200, 100]], np.float32), np.ones(1, np.float32), np.zeros(1, np.int32),
            keypoints=np.array([[(x, y, 1.0) for x, y in rows]], np.float32),
        )  # fmt: skip
        return Prediction(found)

    here, turned = points((60, 40), (140, 60)), points((140, 60), (60, 40))
    assert measured("pose", [looks(here, turned, here)]).consistency == pytest.approx(1)
    assert measured("pose", [looks(here, here, turned)]).consistency == pytest.approx(0.5, abs=0.05)


def test_maps_are_compared_where_the_variant_shows_the_frame() -> None:
    plane = np.zeros((100, 200), np.uint8)
    plane[20:80, 60:120] = 1
    made = variants(frame_of(SHAPE), ("mirrored", "shifted"))
    x, y = (int(v) for v in made[2].matrix[:, 2])
    planes = (plane, np.ascontiguousarray(plane[:, ::-1]), plane[y:, x:])
    same = measured("semantic", [[Look(v, Prediction(classmap=p)) for v, p in zip(made, planes, strict=True)]])
    assert same.consistency == pytest.approx(1)
    still = measured(
        "semantic", [[Look(v, Prediction(classmap=p)) for v, p in zip(made[:2], (plane, plane), strict=True)]]
    )
    assert still.consistency < 0.9


# -- choices ----------------------------------------------------------------------------------------------------------


def test_mean_and_scale_turn_with_the_colour_order() -> None:
    rgb = Preprocess(ChannelOrder.RGB, (1.0, 2.0, 3.0), (4.0, 5.0, 6.0))
    config = taken(ModelConfig(path="m"), (Choice("--color bgr", {"color": "bgr"}),), rgb)
    assert (config.mean, config.scale) == ((3, 2, 1), (6, 5, 4))
    said = ModelConfig(path="m", mean=(1.0, 2.0, 3.0), scale=(4.0, 5.0, 6.0))
    assert taken(said, (Choice("--color bgr", {"color": "bgr"}),), rgb).mean == (1, 2, 3)


def test_never_more_than_48_ways_and_the_present_one_first() -> None:
    aspects = [Aspect("--scale", tuple(Choice(f"{i}{j}" if j else "") for j in range(5))) for i in range(4)]
    ways = combined(aspects)
    assert len(ways) == MOST
    assert not any(choice.flags for choice in ways[0])


def test_what_only_the_user_can_give_is_not_tried(tmp_path: Path) -> None:
    found = identify(ModelConfig(path=str(saved("pairs in pixels", Feed(), tmp_path / "net.onnx"))))
    assert {aspect.flag for aspect in asked_of(found)} == {"--head", "--color", "--scale", "--resize"} - (
        set() if len(found.open) == 4 else {"--scale"}
    )


# -- decisions on networks whose truth is known -----------------------------------------------------------------------


def test_range_and_colour_order_are_told_by_pictures(tmp_path: Path) -> None:
    said = tried(tmp_path, "yolov8", Feed("bgr", (0.0,), (1.0,)), scenes())
    steps = said.identified.spec.inputs[0].preprocess
    assert said.identified.decided
    assert (steps.color, steps.mean, steps.scale) == (ChannelOrder.BGR, (0.0,), (1.0,))
    assert said.identified.confidence < 1
    assert any("probed on 6 frames" in reason for reason in said.identified.reasons)
    assert said.ranked[0].flags == "--scale 1 --color bgr"


def test_parts_of_a_question_are_answered_apart(tmp_path: Path) -> None:
    for end, normalized in (("pairs in pixels", False), ("pairs in fractions", True)):
        said = tried(tmp_path, end, Feed(), scenes())
        assert said.identified.spec.head_options["normalized"] is normalized
        # how pictures were resized shows in none of them
        assert not said.identified.decided
        assert "--resize" in said.identified.question
        assert "--color" not in said.identified.question


def test_what_the_user_says_is_not_doubted(tmp_path: Path) -> None:
    said = tried(tmp_path, "yolov8", Feed("bgr"), scenes(2), color="rgb", scale=(255.0,))
    assert said.identified.decided
    assert said.ranked == ()


def test_a_family_that_does_not_hold_becomes_a_question(tmp_path: Path) -> None:
    said = tried(tmp_path, "yolov8", Feed("bgr"), scenes())
    assert not said.identified.decided
    assert "--color bgr" in said.identified.question
    assert "--color rgb" in said.identified.question
    fits = tried(tmp_path, "yolov8", Feed(), scenes())
    assert fits.identified.decided
    assert fits.verdict == "nothing does better than what was decided"


def test_pictures_without_the_subject_decide_nothing(tmp_path: Path) -> None:
    grounds = [frame_of(np.full((240, 320, 3), 40 * i, np.uint8), i) for i in range(6)]
    said = tried(tmp_path, "yolov8", Feed("bgr", (0.0,), (1.0,)), grounds)
    assert not said.identified.decided
    assert "too little" in said.verdict
    one = tried(tmp_path, "yolov8", Feed("bgr", (0.0,), (1.0,)), scenes(1))
    assert not one.identified.decided


def test_what_is_doubted_on_demand_is_ranked_only(tmp_path: Path) -> None:
    said = tried(tmp_path, "yolov8", Feed(), scenes(3), doubt=True)
    assert said.identified.decided
    assert said.ranked[0].score >= max(h.score for h in said.ranked)
    flags = {h.flags for h in said.ranked}
    assert {"", "--color bgr", "--mean 0 --scale 1"} <= flags
    assert any("--head yolov8:activated=false" in f for f in flags)
    assert len(flags) <= MOST + 16


# -- published models -------------------------------------------------------------------------------------------------

ASSETS = os.environ.get("SIGHTLINE_ASSETS")


@pytest.mark.skipif(ASSETS is None, reason="SIGHTLINE_ASSETS names no folder of published models")
@pytest.mark.parametrize(
    ("name", "picture", "decided"),
    [("yolox-nano-coco", "dog.jpg", True), ("squeezenet-fp16", "cat.bmp", False), ("yunet-n-320", "lz13.jpg", False)],
)
def test_published_models_are_not_taken_wrongly(name: str, picture: str, decided: bool) -> None:
    from sightline.cli.frame import frame_at

    root = Path(str(ASSETS))
    config = ModelConfig(path=str(root / "models" / name))
    found = identify(config)
    said = probe(found, config, [frame_at(str(root / "pictures" / picture))], build_identified)
    assert said.identified.decided is decided
    assert said.ranked

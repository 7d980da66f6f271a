"""Views in, predictions in frame pixels out: crops, clipping, wanted labels, stills, and why nothing was found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from sightline.errors import FixedBatchError, ModelError, RuntimeFailure
from sightline.models.diagnose import Trial, diagnose, sentences
from sightline.models.infer import Model
from sightline.models.looks import Look
from sightline.protocols import FeedPlanes, FeedRgb, Outputs, RuntimeOptions
from sightline.testing import BrightBoxHead, FakeRuntime, FakeSession, MovingBoxes, spec_of
from sightline.types import (
    Bounds,
    ColorMatrix,
    Detections,
    Frame,
    InputSpec,
    ModelSpec,
    Picture,
    PixelLayout,
    Prediction,
    Preprocess,
    Resize,
    Tensor,
    TensorSpec,
    View,
)


@dataclass
class Watching(FakeRuntime):
    """A fake runtime that remembers what it was asked to compile."""

    asked: tuple[RuntimeOptions, ...] = ()

    def load(self, spec: ModelSpec, weights: Path, options: RuntimeOptions) -> FakeSession:
        self.asked += (options,)
        return super().load(spec, weights, options)


def model(**options: object) -> Model:
    return Model("model", spec_of(32, 24), Path("none"), BrightBoxHead(), FakeRuntime(), **options)  # type: ignore[arg-type]


def frame(k: int = 3, **options: object) -> Frame:
    return list(MovingBoxes(count=k + 1, **options).frames())[k]  # type: ignore[arg-type]


def test_boxes_come_back_in_frame_pixels() -> None:
    found = model().predict(frame()).detections
    np.testing.assert_allclose(found.xyxy, [MovingBoxes().box(3)], atol=1.1)
    assert found.stage == "model"


@pytest.mark.parametrize("how", [Resize.LETTERBOX, Resize.LETTERBOX_TOPLEFT, Resize.STRETCH])
def test_whatever_the_resize(how: Resize) -> None:
    tensor = TensorSpec("images", (1, 3, 96, 96), "uint8", "NCHW")
    spec = replace(spec_of(), inputs=(InputSpec(tensor, Preprocess(resize=how, pad=0)),))
    found = Model("m", spec, Path("none"), BrightBoxHead(), FakeRuntime()).predict(frame()).detections
    np.testing.assert_allclose(found.xyxy, [MovingBoxes().box(3)], atol=1.0)


def test_a_crop_looks_at_its_part_and_answers_in_the_frame() -> None:
    x1, y1, x2, y2 = MovingBoxes().box(3)
    seen = model(crop=(x1 + 4, 0, 64, 48), crop_px=True).predict(frame()).detections
    np.testing.assert_allclose(seen.xyxy, [(x1 + 4, y1, x2, y2)], atol=1.5)
    fractions = model(crop=((x1 + 4) / 64, 0, 1, 1)).predict(frame()).detections
    np.testing.assert_allclose(fractions.xyxy, seen.xyxy)


def test_boxes_outside_their_bounds_are_not_told() -> None:
    x1, y1, x2, _ = MovingBoxes().box(3)
    for bound, told in ((Bounds(most_wh=(x2 - x1 + 3, 0)), 1), (Bounds(most_wh=(x2 - x1 - 3, 0)), 0),
                        (Bounds(top_px=y1 - 2), 1), (Bounds(top_px=y1 + 2), 0)):  # fmt: skip
        spec = spec_of(32, 24)
        spec = replace(spec, thresholds=replace(spec.thresholds, bounds={"": bound}))
        bounded = Model("m", spec, Path("none"), BrightBoxHead(), FakeRuntime())
        assert len(bounded.predict(frame()).detections) == told


def test_a_crop_that_leaves_nothing_is_an_error() -> None:
    with pytest.raises(RuntimeFailure, match="--crop"):
        model(crop=(100, 100, 200, 200), crop_px=True).predict(frame())


@dataclass(frozen=True)
class Fixed:
    """A head that always gives these boxes (model pixels)."""

    boxes: tuple[tuple[float, ...], ...]
    labels: tuple[int, ...]

    def __call__(self, outputs: Outputs, spec: ModelSpec, views: Sequence[View]) -> list[Prediction]:
        n = len(self.boxes)
        found = Detections(
            np.array(self.boxes, np.float32).reshape(n, 4),
            np.full(n, 0.9, np.float32),
            np.array(self.labels, np.int32),
            spec.labels,
            keypoints=np.full((n, 2, 3), 8, np.float32),
        )
        return [Prediction(found)] * len(views)


def test_boxes_are_clipped_and_what_is_outside_goes() -> None:
    head = Fixed(((-5, -5, 8, 8), (40, 0, 50, 10), (4, 4, 4, 9)), (0, 0, 0))
    found = Model("m", spec_of(32, 24), Path("none"), head, FakeRuntime()).predict(frame()).detections
    np.testing.assert_allclose(found.xyxy, [(0, 0, 16, 16)])
    assert found.keypoints is not None
    np.testing.assert_allclose(found.keypoints[0], [(16, 16, 8)] * 2)


def test_only_the_wanted_labels() -> None:
    head = Fixed(((0, 0, 8, 8), (8, 8, 16, 16)), (0, 1))
    spec = spec_of(32, 24, ("a", "b"))
    found = Model("m", spec, Path("none"), head, FakeRuntime(), only=frozenset({1})).predict(frame()).detections
    assert [found.name_of(i) for i in range(len(found))] == ["b"]


def test_video_is_fed_as_planes_stills_and_exact_runs_as_rgb() -> None:
    runtime = Watching()
    m = Model("m", spec_of(), Path("none"), BrightBoxHead(), runtime)
    m.predict(frame())
    still = frame()
    pixels = np.zeros((48, 64, 3), np.uint8)
    m.predict(replace(still, picture=Picture((pixels,), PixelLayout.RGB)))
    m.exact = True
    m.predict(frame())
    assert [o.feed for o in runtime.asked] == [FeedPlanes(ColorMatrix.BT601, False), FeedRgb()]


def test_frames_in_flight_come_back_in_order() -> None:
    m = model()
    frames = list(MovingBoxes(count=4).frames())
    for f in frames:
        m.submit([Look(f)])
    with pytest.raises(RuntimeFailure, match="in flight"):
        m.predict(frames[0])
    for f in frames:
        done = m.collect(1)
        assert done is not None
        assert done[0][0].frame.index == f.index
    assert m.collect(0) is None


def test_a_model_of_unknown_size_is_refused() -> None:
    spec = replace(spec_of(), inputs=(InputSpec(TensorSpec("images", (1, 3, None, None), "uint8", "NCHW")),))
    with pytest.raises(ModelError, match="size"):
        Model("m", spec, Path("none"), BrightBoxHead(), FakeRuntime()).predict(frame())


def test_further_inputs_are_fed() -> None:
    seen: list[dict[str, np.ndarray]] = []

    class Spy(FakeRuntime):
        def load(self, spec: ModelSpec, weights: Path, options: RuntimeOptions) -> FakeSession:
            session = super().load(spec, weights, options)
            answer = session.answer

            def spying(inputs: Mapping[str, Tensor]) -> Outputs:
                seen.append({k: np.array(v) for k, v in inputs.items()})
                return answer(inputs)

            session.answer = spying
            return session

    size = InputSpec(TensorSpec("orig_target_sizes", (1, 2), "int64"), source="size_wh")
    spec = replace(spec_of(32, 24), inputs=(*spec_of(32, 24).inputs, size))
    Model("m", spec, Path("none"), BrightBoxHead(), Spy()).predict(frame())
    np.testing.assert_array_equal(seen[0]["orig_target_sizes"], [[32, 24]])


class ColourHead:
    """Scores by how red the first channel's mean is."""

    def __call__(self, outputs: Outputs, spec: ModelSpec, views: Sequence[View]) -> list[Prediction]:
        score = np.clip(np.array([outputs["out"].mean()], np.float32), 0, 1)
        box = np.array([[0, 0, 8, 8]], np.float32)
        keep = score >= spec.thresholds.least
        return [Prediction(Detections(box, score, np.zeros(1, np.int32), spec.labels)[keep])]


def test_why_nothing_was_found(tmp_path: Path) -> None:
    import onnx
    from onnx import TensorProto, helper

    from sightline.runtimes.onnx_runtime import OnnxRuntime

    gather = [helper.make_node("Gather", ["images", "first"], ["out"], axis=1)]
    graph = helper.make_graph(
        gather,
        "first-channel",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, 16, 16])],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, [1, 1, 16, 16])],
        [helper.make_tensor("first", TensorProto.INT64, [1], [0])],
    )
    path = tmp_path / "m.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)
    tensor = TensorSpec("images", (1, 3, 16, 16), "float32", "NCHW")
    spec = replace(spec_of(), inputs=(InputSpec(tensor, Preprocess(scale=(255.0,))),))
    blue = np.zeros((16, 16, 3), np.uint8)
    blue[..., 2] = 200
    shown = replace(frame(), picture=Picture((blue,), PixelLayout.RGB), width=16, height=16)
    m = Model("m", spec, path, ColourHead(), OnnxRuntime())
    trials = diagnose(m, [shown])
    m.close()
    assert [t.objects for t in trials] == [0, 1, 0]
    told = sentences(trials, spec.thresholds.score)
    assert "best score was 0.000" in told[0]
    assert "--color bgr" in told[1]
    assert sentences([], 0.3) == []


def test_a_model_that_comes_near_its_threshold_is_not_called_wrongly_fed() -> None:
    trials = [Trial("as it was fed", "", 0, 0.5), Trial("with pixels from 0 to 255", "--mean 0 --scale 1", 151, 0.99)]
    told = sentences(trials, 0.65)
    assert "151 objects" in told[1]
    assert "--scale" not in told[1]
    assert "--score" in told[2]


def test_landmarks_of_nothing_are_no_reason_to_doubt_how_the_model_is_fed() -> None:
    trials = [Trial("as it was fed", "", 0, 0.01), Trial("with pixels from 0 to 255", "--mean 0 --scale 1", 1, 1.0)]
    told = sentences(trials, 0.5, one_in_view=True)
    assert len(told) == 2
    assert "--crop" in told[1]
    assert "--scale" not in " ".join(told)


def test_a_model_that_gives_no_numbers_is_told_of() -> None:
    m = model()
    dark = frame(height=16)  # the box lies below the picture, so the fake gives NaN
    trials = diagnose(m, [dark])
    assert trials[0].nonfinite == 1
    told = sentences(trials, 0.3)
    assert len(told) == 2
    assert "100% of the numbers" in told[1]
    assert "--precision f32" in told[1]


@dataclass
class OnlyAlone(FakeRuntime):
    """A runtime of a model that takes one view at a time."""

    def load(self, spec: ModelSpec, weights: Path, options: RuntimeOptions) -> FakeSession:
        if options.batch > 1:
            raise FixedBatchError(f"model {spec.name!r} is not made for {options.batch} pictures at once")
        return super().load(spec, weights, options)


def test_a_model_that_takes_no_such_batch_runs_with_its_own_and_says_so() -> None:
    m = Model("model", spec_of(), Path("none"), BrightBoxHead(), OnlyAlone(), RuntimeOptions(batch=4))
    frame = next(iter(MovingBoxes().frames()))
    assert len(m.predict(frame).detections) == 1
    assert m.batch_of(frame) == 1
    assert m.notes == ["model 'fake' is not made for 4 pictures at once: it takes its own number"]

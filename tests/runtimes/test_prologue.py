"""The arithmetic in front of the graph, in both runtimes, against NumPy's; precisions, providers, order, cache."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from sightline.errors import FixedBatchError, ModelError, RuntimeFailure, UsageError
from sightline.pictures import fill_planes, place, rgb, ycbcr_to_rgb
from sightline.protocols import Feed, FeedPlanes, FeedRgb, RuntimeOptions, Session
from sightline.runtimes.onnx_runtime import OnnxRuntime
from sightline.runtimes.open_vino import OpenVinoRuntime
from sightline.types import (
    ChannelOrder,
    ColorMatrix,
    InputSpec,
    ModelSpec,
    Picture,
    PixelLayout,
    Preprocess,
    Resize,
    TensorSpec,
)

RUNTIMES = [OpenVinoRuntime(), OnnxRuntime()]
F32 = RuntimeOptions(precision="f32")


def identity(
    folder: Path, dtype: str = "float32", layout: str = "NCHW", channels: int = 3, batch: int | str = 1
) -> Path:
    """A model that gives its input back as float32."""
    shape = [batch, channels, 6, 8] if layout == "NCHW" else [batch, 6, 8, channels]
    kind = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    graph = helper.make_graph(
        [helper.make_node("Cast", ["images"], ["out"], to=TensorProto.FLOAT)],
        "identity",
        [helper.make_tensor_value_info("images", kind, shape)],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, shape)],
    )
    path = folder / f"{dtype}-{layout}-{channels}-{batch}.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)
    return path


def spec(pre: Preprocess, dtype: str = "float32", layout: str = "NCHW", channels: int = 3, sha: str = "") -> ModelSpec:
    shape = (1, channels, 6, 8) if layout == "NCHW" else (1, 6, 8, channels)
    return ModelSpec(
        "identity",
        (InputSpec(TensorSpec("images", shape, dtype, layout), pre),),
        (TensorSpec("out", shape),),
        "x",
        sha256=sha,
    )


def answer(session: Session, planes: np.ndarray) -> np.ndarray:
    session.submit({"images": planes}, "token")
    ticket = session.collect(30)
    assert ticket is not None
    assert ticket.token == "token"
    out = np.array(ticket.outputs["out"])
    ticket.release()
    session.close()
    return out


def by_hand(planes: np.ndarray, pre: Preprocess, feed: Feed) -> np.ndarray:
    x = planes[0].astype(np.float64)
    if isinstance(feed, FeedPlanes):
        a, _ = ycbcr_to_rgb(feed.matrix, feed.full_range)
        x = x - np.array([0 if feed.full_range else 16, 128, 128])[:, None, None]
        x = np.clip(np.floor(a[:, :, None, None] * x + 1e-3).sum(1), 0, 255)
    if pre.color is ChannelOrder.GREY:
        x = np.einsum("j,jhw->hw", [0.299, 0.587, 0.114], x)[None]
    elif pre.color is ChannelOrder.BGR:
        x = x[::-1]
    mean, scale = (np.array(v if len(v) > 1 else v * len(x)) for v in (pre.mean, pre.scale))
    return ((x - mean[:, None, None]) / scale[:, None, None])[None]


PREPROCESSINGS = [
    Preprocess(ChannelOrder.RGB, (0.0,), (255.0,)),
    Preprocess(ChannelOrder.BGR),
    Preprocess(ChannelOrder.RGB, (127.0,), (128.0,)),
    Preprocess(ChannelOrder.BGR, (103.53, 116.28, 123.675), (57.375, 57.12, 58.395)),
    Preprocess(ChannelOrder.GREY, (0.0,), (255.0,)),
]


@pytest.mark.parametrize("feed", [FeedRgb(), FeedPlanes(ColorMatrix.BT709, False), FeedPlanes(ColorMatrix.BT601, True)])
@pytest.mark.parametrize("pre", PREPROCESSINGS)
@pytest.mark.parametrize("runtime", RUNTIMES)
def test_the_graph_computes_what_the_definition_says(
    runtime: OpenVinoRuntime | OnnxRuntime, pre: Preprocess, feed: Feed, tmp_path: Path
) -> None:
    channels = 1 if pre.color is ChannelOrder.GREY else 3
    planes = np.random.default_rng(1).integers(0, 256, (1, 3, 6, 8), dtype=np.uint8)
    options = RuntimeOptions(precision="f32", feed=feed)
    session = runtime.load(spec(pre, channels=channels), identity(tmp_path, channels=channels), options)
    np.testing.assert_allclose(answer(session, planes), by_hand(planes, pre, feed), atol=2e-4, rtol=1e-5)


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize("dtype", ["float32", "float16", "uint8"])
@pytest.mark.parametrize("runtime", RUNTIMES)
def test_types_and_layouts(runtime: OpenVinoRuntime | OnnxRuntime, dtype: str, layout: str, tmp_path: Path) -> None:
    planes = np.random.default_rng(2).integers(0, 256, (1, 3, 6, 8), dtype=np.uint8)
    options = RuntimeOptions(precision="auto" if dtype == "float16" else "f32", feed=FeedRgb())
    session = runtime.load(spec(Preprocess(), dtype, layout), identity(tmp_path, dtype, layout), options)
    want = planes.astype(np.float32) if layout == "NCHW" else planes.astype(np.float32).transpose(0, 2, 3, 1)
    np.testing.assert_allclose(answer(session, planes), want, atol=0.51 if dtype == "float16" else 1e-4)


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_batch(runtime: OpenVinoRuntime | OnnxRuntime, tmp_path: Path) -> None:
    planes = np.random.default_rng(2).integers(0, 256, (3, 3, 6, 8), dtype=np.uint8)
    options = RuntimeOptions(precision="f32", feed=FeedRgb(), batch=3)
    session = runtime.load(spec(Preprocess()), identity(tmp_path, batch="n"), options)
    assert session.wants.batch == 3
    np.testing.assert_allclose(answer(session, planes), planes, atol=1e-4)


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_batch_that_the_graph_is_not_made_for_is_refused(
    runtime: OpenVinoRuntime | OnnxRuntime, tmp_path: Path
) -> None:
    one = helper.make_node("Reshape", ["images", "shape"], ["out"])  # one picture, whatever comes
    graph = helper.make_graph(
        [one], "fixed",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, 6, 8])],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, [1, 144])],
        [helper.make_tensor("shape", TensorProto.INT64, [2], [1, 144])],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.save(model, str(tmp_path / "fixed.onnx"))
    options = RuntimeOptions(precision="f32", feed=FeedRgb(), batch=2)
    with pytest.raises(FixedBatchError, match="not made for 2 pictures at once"):
        runtime.load(spec(Preprocess()), tmp_path / "fixed.onnx", options)


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_tickets_come_in_the_order_of_submission(runtime: OpenVinoRuntime | OnnxRuntime, tmp_path: Path) -> None:
    session = runtime.load(spec(Preprocess()), identity(tmp_path), RuntimeOptions(precision="f32", feed=FeedRgb()))
    n = session.wants.in_flight
    assert n >= 2
    arrays = [np.full((1, 3, 6, 8), i, np.uint8) for i in range(n)]
    for i, array in enumerate(arrays):
        session.submit({"images": array}, i)
    with pytest.raises(RuntimeFailure, match="in flight"):
        session.submit({"images": arrays[0]}, 99)
    for i in range(n):
        ticket = session.collect(30)
        assert ticket is not None
        assert ticket.token == i
        assert float(ticket.outputs["out"].max()) == i
        ticket.release()
    assert session.collect(0) is None
    session.close()


def test_openvino_keeps_compiled_models_by_content_and_options(tmp_path: Path) -> None:
    cache, path = tmp_path / "cache", identity(tmp_path)
    for sha, scale in (("a", 1.0), ("a", 1.0), ("a", 2.0), ("b", 1.0)):
        options = RuntimeOptions(precision="f32", feed=FeedRgb(), cache=cache)
        session = OpenVinoRuntime().load(spec(Preprocess(scale=(scale,)), sha=sha), path, options)
        planes = np.full((1, 3, 6, 8), 10, np.uint8)
        assert float(answer(session, planes).max()) == pytest.approx(10 / scale)
    assert len(list(cache.glob("*.ovblob"))) == 3


def test_a_damaged_cache_entry_is_compiled_anew(tmp_path: Path) -> None:
    options = RuntimeOptions(precision="f32", feed=FeedRgb(), cache=tmp_path / "cache")
    path, what = identity(tmp_path), spec(Preprocess(), sha="a")
    OpenVinoRuntime().load(what, path, options).close()
    (blob,) = (tmp_path / "cache").glob("*.ovblob")
    blob.write_bytes(b"not a model")
    session = OpenVinoRuntime().load(what, path, options)
    assert float(answer(session, np.full((1, 3, 6, 8), 7, np.uint8)).max()) == 7
    assert blob.read_bytes() != b"not a model"


def test_precision_is_named_and_refused_where_it_cannot_be(tmp_path: Path) -> None:
    path = identity(tmp_path)
    session = OpenVinoRuntime().load(spec(Preprocess()), path, RuntimeOptions(precision="f32", feed=FeedRgb()))
    assert OpenVinoRuntime().describe(session)["precision"] == "f32"
    session.close()
    with pytest.raises(UsageError, match="f12"):
        OpenVinoRuntime().load(spec(Preprocess()), path, RuntimeOptions(precision="f12"))
    with pytest.raises(UsageError, match="--precision f32"):
        OnnxRuntime().load(spec(Preprocess()), path, RuntimeOptions(precision="bf16"))


def test_providers_and_devices_are_never_replaced(tmp_path: Path) -> None:
    path = identity(tmp_path)
    with pytest.raises(UsageError, match="CPUExecutionProvider"):
        OnnxRuntime().load(spec(Preprocess()), path, RuntimeOptions(device="NoSuchExecutionProvider"))
    with pytest.raises(UsageError, match="CPU"):
        OpenVinoRuntime().load(spec(Preprocess()), path, RuntimeOptions(device="TPU"))


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_file_that_is_no_model(runtime: OpenVinoRuntime | OnnxRuntime, tmp_path: Path) -> None:
    path = tmp_path / "x.onnx"
    path.write_bytes(b"hello" * 100)
    with pytest.raises(ModelError, match=r"x\.onnx"):
        runtime.load(spec(Preprocess()), path, RuntimeOptions())


def test_channels_that_contradict_the_colour_order_are_refused(tmp_path: Path) -> None:
    what = spec(Preprocess(ChannelOrder.RGB), channels=1)
    with pytest.raises(ModelError, match="--color grey"):
        OpenVinoRuntime().load(what, identity(tmp_path, channels=1), RuntimeOptions(feed=FeedRgb()))


@pytest.mark.parametrize("matrix", list(ColorMatrix))
@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("runtime", RUNTIMES)
def test_the_pixels_are_those_of_ffmpeg(
    runtime: OpenVinoRuntime | OnnxRuntime, matrix: ColorMatrix, full: bool, tmp_path: Path
) -> None:
    rng = np.random.default_rng(3)
    y = rng.integers(16, 236, (18, 24), dtype=np.uint8)
    u, v = (rng.integers(60, 200, (9, 12), dtype=np.uint8) for _ in range(2))
    picture = Picture((y, u, v), PixelLayout.I420, matrix, full)
    planes = np.zeros((1, 3, 6, 8), np.uint8)
    fill_planes(picture, place((24, 18), (8, 6), Resize.STRETCH), planes[0], matrix, full)
    options = RuntimeOptions(precision="f32", feed=FeedPlanes(matrix, full))
    got = answer(runtime.load(spec(Preprocess()), identity(tmp_path), options), planes)[0]
    exact = rgb(picture)[1::3, 1::3].transpose(2, 0, 1)  # at a third of the size a bilinear sample is a pixel
    assert np.abs(got - exact).max() <= 1
    assert np.mean(got != exact) < 0.02

"""model.yaml: written, read back, and wrong in ways that are named."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from networks import outputs_only, ultraface, yolov8

from sightline.config import ModelConfig
from sightline.errors import ConfigError, UndecidedError
from sightline.models.identify import identify, save_manifest
from sightline.models.manifest import (
    InputManifest,
    Manifest,
    ThresholdManifest,
    dump_manifest,
    load_manifest,
)
from sightline.types import ChannelOrder, Resize

NUMBER = st.floats(-300, 300, allow_nan=False, width=32)
TEXT = st.text(max_size=20)
MANIFESTS = st.builds(
    Manifest,
    name=TEXT,
    version=TEXT,
    task=st.none() | st.just("detect"),
    head=st.none() | st.sampled_from(["yolov8", "ssd"]),
    head_options=st.dictionaries(st.sampled_from(["a", "b"]), st.booleans() | st.integers(0, 9) | TEXT, max_size=2),
    input=st.builds(
        InputManifest,
        size=st.none() | st.tuples(st.integers(1, 4000), st.integers(1, 4000)),
        color=st.none() | st.sampled_from(ChannelOrder),
        mean=st.none() | st.lists(NUMBER, min_size=1, max_size=3).map(tuple),
        scale=st.none() | st.lists(NUMBER, min_size=1, max_size=3).map(tuple),
        resize=st.none() | st.sampled_from(Resize),
        pad=st.none() | st.floats(0, 255),
    ),
    thresholds=st.builds(
        ThresholdManifest,
        score=st.none() | st.floats(0, 1),
        nms=st.none() | st.floats(0, 1),
        top=st.none() | st.integers(1, 9999),
        per_class=st.dictionaries(TEXT, st.floats(0, 1), max_size=3),
    ),
    labels=st.none() | st.lists(TEXT, max_size=5).map(tuple),
    licence=TEXT,
)


@given(manifest=MANIFESTS)
@example(manifest=Manifest(licence="a\x85b\u2028"))
@settings(max_examples=60, deadline=None)
def test_what_is_written_reads_back(manifest: Manifest, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("manifest") / "model.yaml"
    path.write_text(dump_manifest(manifest), "utf-8")
    assert load_manifest(path) == manifest


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("head: yolov8\nlabls: [a]\n", [":2", "labls", "labels"]),
        ("input:\n  colour: rgb\n", [":2", "colour", "color"]),
        ("input:\n  size: [640, 640]\n  resize: squeeze\n", [":3", "resize"]),
        ("thresholds: {score: 7}\n", [":1", "score"]),
        ("- a\n", ["mapping"]),
        ("input: [\n", ["YAML"]),
    ],
)
def test_faults_are_named_with_file_line_and_key(text: str, words: list[str], tmp_path: Path) -> None:
    path = tmp_path / "model.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_manifest(path)
    assert len(str(caught.value).splitlines()) <= 2
    for word in ["model.yaml", *words]:
        assert word in str(caught.value)


def test_a_saved_model_needs_no_guessing(tmp_path: Path) -> None:
    ultraface(decoded=True).save(tmp_path / "net.onnx")
    first = identify(ModelConfig(path=str(tmp_path), score=0.35, resize="letterbox"))
    save_manifest(first, tmp_path)
    again = identify(ModelConfig(path=str(tmp_path)))
    assert again.spec == first.spec
    assert again.confidence == 1
    assert "model.yaml says ultraface" in again.reasons[0]


def test_a_manifest_answers_the_question(tmp_path: Path) -> None:
    outputs_only({"x": (1, 7, 11, 13, 2)}).save(tmp_path / "net.onnx")
    asked = identify(ModelConfig(path=str(tmp_path)))
    assert not asked.decided
    with pytest.raises(UndecidedError):
        save_manifest(asked, tmp_path)
    (tmp_path / "model.yaml").write_text(
        "head: yolov8\nhead_options: {channels_last: true}\nlabels: [a, b]\n"
        "input: {color: bgr, mean: [1.0], scale: [2.0], resize: stretch}\n"
    )
    told = identify(ModelConfig(path=str(tmp_path)))
    assert told.decided
    assert told.spec.head_options == {"channels_last": True}
    assert told.spec.labels == ("a", "b")


def test_labels_of_a_manifest_may_be_a_file(tmp_path: Path) -> None:
    yolov8(2).save(tmp_path / "net.onnx")
    (tmp_path / "kinds.txt").write_text("cat\ndog\n")
    (tmp_path / "model.yaml").write_text("labels: kinds.txt\n")
    assert identify(ModelConfig(path=str(tmp_path))).spec.labels == ("cat", "dog")


def test_an_open_size_is_given_by_the_manifest(tmp_path: Path) -> None:
    yolov8(2, (-1, -1)).save(tmp_path / "net.onnx")
    (tmp_path / "model.yaml").write_text("input: {size: [320, 192]}\n")
    assert identify(ModelConfig(path=str(tmp_path))).spec.inputs[0].size_wh == (320, 192)

"""What is known of detectors from Caffe once they have come in, and what is asked."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from caffe_files import SSD, caffemodel, prototxt, ssd_arrays, written

from sightline.config import ModelConfig
from sightline.models.identify import identify
from sightline.types import ChannelOrder


def test_a_detector_that_nothing_tells_of_is_asked_about(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    # weights that suit values of 0..255
    arrays = {name: tuple(a / np.float32(40) for a in some) for name, some in ssd_arrays().items()}
    found = written(tmp_path / "n", prototxt((1, 3, 48, 64), SSD), caffemodel(arrays))
    asked = identify(ModelConfig(path=str(found.path)))
    assert (asked.spec.head, asked.decided) == ("ssd", False)
    assert "--mean 104,117,123" in asked.question
    told = identify(ModelConfig(path=str(found.path), mean=(104.0, 117.0, 123.0), scale=(1.0,)))
    assert told.decided
    assert told.spec.inputs[0].preprocess.color is ChannelOrder.BGR


@pytest.mark.parametrize(
    ("stem", "mean", "scale"),
    [("MobileNetSSD_deploy", (127.5,), (127.5,)), ("res10_300x300_ssd", (104.0, 177.0, 123.0), (1.0,))],
)
def test_published_detectors_are_known_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stem: str, mean: tuple[float, ...], scale: tuple[float, ...]
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    found = written(tmp_path / "n", prototxt((1, 3, 48, 64), SSD), caffemodel(ssd_arrays()))
    for suffix in (".prototxt", ".caffemodel"):
        (found.folder / f"net{suffix}").rename(found.folder / f"{stem}{suffix}")
    steps = identify(ModelConfig(path=str(found.folder / f"{stem}.caffemodel"))).spec.inputs[0].preprocess
    assert (steps.color, steps.mean, steps.scale) == (ChannelOrder.BGR, mean, scale)

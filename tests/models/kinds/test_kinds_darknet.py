"""A graph that came from Darknet is known by its metadata alone, away from its bundle."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx

from sightline.config import ModelConfig
from sightline.models.identify import identify
from sightline.models.importers.darknet import read
from sightline.models.importers.seam import Foreign

CFG = (
    "[net]\nwidth=64\nheight=64\n[convolutional]\nfilters=14\nsize=1\nstride=16\nactivation=linear\n"
    "[yolo]\nmask=0,1\nanchors=10,14, 23,27\nclasses=2\nnum=2\nscale_x_y=1.2\n"
)


def written(folder: Path) -> Path:
    (folder / "net.cfg").write_text(CFG)
    numbers = np.random.default_rng(0).normal(0, 1, 14 + 42).astype("<f4")
    (folder / "net.weights").write_bytes(np.array([0, 2, 5, 0, 0], "<i4").tobytes() + numbers.tobytes())
    return read(Foreign("darknet", folder / "net.cfg", folder, folder)).weights


def alone(file: Path, folder: Path) -> Path:
    folder.mkdir()
    return file.rename(folder / file.name)


def test_the_file_alone_tells_its_head(tmp_path: Path) -> None:
    file = alone(written(tmp_path), tmp_path / "alone")
    found = identify(ModelConfig(path=str(file)))
    assert found.decided
    assert found.spec.head == "darknet-yolo"
    assert found.spec.head_options["grids"] == ("yolo_1",)
    assert found.spec.head_options["anchors"] == ((10.0, 14.0, 23.0, 27.0),)
    assert found.spec.head_options["scale_xy"] == (1.2,)


def test_metadata_that_says_nonsense_is_passed_over(tmp_path: Path) -> None:
    file = alone(written(tmp_path), tmp_path / "alone")
    model = onnx.load(file)
    for nonsense in ("{", "[]", '{"head": 3}', '{"head": "x", "options": [], "classes": 2}'):
        model.metadata_props[0].value = nonsense
        onnx.save(model, file)
        assert identify(ModelConfig(path=str(file))).spec.head != "darknet-yolo"

"""The parity table: what is the same agrees, what was changed shows, what cannot be compared is said."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

import sightline
from benchmarks import parity
from benchmarks.parity import SCENE, rows, table
from sightline.cli.frame import frame_at
from sightline.config import ModelConfig
from sightline.models.forms.arrays import arrays_of
from sightline.models.identify import identify

DEMO = Path(sightline.__file__).parent / "assets" / "demo"
ROOT = Path(__file__).parents[2]


@pytest.fixture
def models(tmp_path: Path) -> Path:
    shutil.copytree(DEMO, tmp_path / "models" / "street")
    (tmp_path / "models" / "nothing").mkdir()
    return tmp_path / "models"


def test_the_shipped_model_is_the_same_in_both_runtimes(models: Path) -> None:
    nothing, street = rows(models, [SCENE])
    assert nothing.note
    assert (street.format, street.against, street.note) == ("onnx", "ONNX Runtime", "")
    assert street.most < 1e-4 * street.largest
    assert street.most > 0  # two runtimes never round alike
    assert "| street | onnx | ONNX Runtime |" in table([nothing, street])


def test_a_difference_shows(models: Path) -> None:
    found = identify(ModelConfig(path=str(models / "street")))
    (arrays,) = arrays_of(found.spec, [frame_at(SCENE)])
    model = onnx.load(str(found.weights))
    weights = next(t for t in model.graph.initializer if len(t.dims) == 4)
    weights.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(weights) * 1.05, weights.name))
    theirs = models.parent / "theirs.onnx"
    onnx.save(model, str(theirs))
    pairs = parity._pairs(parity._ours(found, arrays), parity._onnx_runtime(theirs, arrays))
    assert pairs
    assert max(float(np.abs(a - b).max()) for a, b in pairs) > 1


def test_the_command_of_the_page(models: Path) -> None:
    line = [sys.executable, "-m", "benchmarks.parity", str(models), SCENE]
    done = subprocess.run(line, capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("\n") == 4

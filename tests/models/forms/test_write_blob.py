"""A .blob is compiled in an environment of its own; where none can be made the reason is exact."""

from __future__ import annotations

import os
import shutil
import struct
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from sightline.errors import ModelError
from sightline.models.forms.write_blob import write_blob

OLD = [name for name in ("python3.9", "python3.8", "python3.7", "python3.6") if shutil.which(name)]


def small_network(path: Path) -> Path:
    weights = numpy_helper.from_array(np.ones((4, 3, 3, 3), np.float32), "w")
    graph = helper.make_graph(
        [helper.make_node("Conv", ["x", "w"], ["c"], kernel_shape=[3, 3]), helper.make_node("Relu", ["c"], ["y"])],
        "small",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 16, 16])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 4, 14, 14])],
        [weights],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 11)], ir_version=6), path)
    return path


def test_without_an_old_python_it_says_which(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(ModelError, match=r"Python 3.6 to 3.9.*none of them is here") as caught:
        write_blob(small_network(tmp_path / "m.onnx"), tmp_path / "m.blob", tmp_path)
    assert "python3.9" in str(caught.value)
    assert not (tmp_path / "m.blob").exists()


@pytest.mark.skipif(not os.environ.get("SIGHTLINE_MYRIAD"), reason="SIGHTLINE_MYRIAD=1 installs OpenVINO 2021.4.2")
@pytest.mark.skipif(not OLD, reason="no Python 3.6 to 3.9 here")
def test_a_blob_is_what_the_cameras_take(tmp_path: Path) -> None:
    path = write_blob(small_network(tmp_path / "m.onnx"), tmp_path / "m.blob", tmp_path)
    data = path.read_bytes()
    assert data[:4] == b"\x7felf"
    assert struct.unpack_from("<I", data, 52) == (9709,)
    assert struct.unpack_from("<I", data, 56)[0] <= len(data)

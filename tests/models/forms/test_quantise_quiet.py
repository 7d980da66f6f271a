"""Quantising by NNCF reports nothing to anybody: its telemetry is a stub once our module has brought it in."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

pytest.importorskip("nncf", reason="NNCF is not installed")

_PROGRAM = """
import numpy as np, openvino as ov
from openvino import opset13 as op
from sightline.models.forms.quantise import quantise_ir
x = op.parameter([1, 3, 8, 8], np.float32, name="x")
x.output(0).set_names({"x"})
made = op.convolution(x, op.constant(np.ones((2, 3, 3, 3), np.float32)), [1, 1], [0, 0], [0, 0], [1, 1])
quantise_ir(ov.Model([made], [x], "m"), [{"x": np.ones((1, 3, 8, 8), np.float32)}])
from nncf.telemetry.wrapper import telemetry
print(type(telemetry).__name__)
"""


def test_nncf_is_brought_in_with_its_telemetry_switched_off() -> None:
    quiet = {key: value for key, value in os.environ.items() if not key.startswith(("NNCF_", "PYTEST"))}
    done = subprocess.run([sys.executable, "-c", _PROGRAM], capture_output=True, text=True, env=quiet, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[-1] == "MagicMock"

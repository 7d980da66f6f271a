"""A network compiled for the MyriadX of OAK cameras, in an environment of its own.

The last OpenVINO that compiles for it is 2021.4.2, for Python 3.6 to 3.9; so it is installed, once, into a folder of
the cache, and run there. It compiles without a device: the compiled network lies in its cache before it looks for one.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from sightline.errors import ModelError, OutputError

__all__ = ["write_blob"]

_PYTHONS = ("python3.9", "python3.8", "python3.7", "python3.6")
_PACKAGE = "openvino==2021.4.2"
_TIMEOUT_S = 900

# Runs inside the old environment: argv = model, folder, shaves.
_COMPILE = """
import sys
from openvino.inference_engine import IECore
model, folder, shaves = sys.argv[1:]
core = IECore()
core.set_config({"CACHE_DIR": folder}, "")
network = core.read_network(model)
for item in network.input_info.values():
    item.precision = "U8"
for item in network.outputs.values():
    item.precision = "FP16"
options = {
    "VPU_MYRIAD_PLATFORM": "VPU_MYRIAD_2480",
    "MYRIAD_NUMBER_OF_SHAVES": shaves,
    "MYRIAD_NUMBER_OF_CMX_SLICES": shaves,
    "MYRIAD_THROUGHPUT_STREAMS": "1",
}
try:
    core.load_network(network, "MYRIAD", config=options)
except RuntimeError as error:
    if "no available devices" not in str(error):
        sys.exit(str(error).strip().splitlines()[-1])
"""


def write_blob(onnx: Path, target: Path, room: Path, shaves: int = 4) -> Path:
    """Compiles an ONNX file that takes pixels of 0..255 to `target` (.blob), for `shaves` of the chip's 16 cores.

    Raises ModelError with the exact reason where it cannot be compiled here, OutputError where it cannot be written.
    """
    python = _environment()
    folder = room / "myriad"
    folder.mkdir(parents=True, exist_ok=True)
    done = _run([str(python), "-c", _COMPILE, str(onnx), str(folder), str(shaves)])
    made = sorted(folder.glob("*.blob"))
    if not made:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise ModelError(
            f"{onnx.name}: OpenVINO 2021.4.2 cannot compile it for MyriadX: {(said or ['no reason given'])[-1][:200]}"
        )
    data = made[0].read_bytes()
    try:
        # one line of XML stands before the compiled network in the cache
        target.write_bytes(data[data.index(b"\n") + 1 :] if data[:1] == b"<" else data)
    except OSError as error:
        raise OutputError(f"{target}: cannot be written: {error.strerror}") from error
    return target


def _environment() -> Path:
    """Its Python, made where it is not there yet."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "sightline" / "myriad-2021.4.2"
    python = base / "bin" / "python"
    if (base / "ready").is_file() and python.exists():
        return python
    found = next((path for name in _PYTHONS if (path := shutil.which(name)) and _starts(path)), None)
    if found is None:
        raise ModelError(
            "a .blob is compiled by OpenVINO 2021.4.2, which runs on Python 3.6 to 3.9, and none of them is here\n"
            "install one (uv python install 3.9, and put it on the PATH as python3.9), or use --to openvino"
        )
    shutil.rmtree(base, ignore_errors=True)
    base.parent.mkdir(parents=True, exist_ok=True)
    for line in ([found, "-m", "venv", str(base)], [str(python), "-m", "pip", "install", "-q", _PACKAGE]):
        done = _run(line)
        if done.returncode:
            said = done.stderr.strip().splitlines()
            shutil.rmtree(base, ignore_errors=True)
            raise ModelError(f"the environment for MyriadX cannot be made: {(said or ['no reason given'])[-1][:200]}")
    (base / "ready").write_text(_PACKAGE, "utf-8")
    return python


def _starts(python: str) -> bool:
    """Some installations leave names that lead nowhere."""
    return _run([python, "-c", "import venv"]).returncode == 0


def _run(line: list[str]) -> subprocess.CompletedProcess[str]:
    plain = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "VIRTUAL_ENV"))}
    try:
        return subprocess.run(line, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False, env=plain)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ModelError(f"compiling for MyriadX: {error}") from error

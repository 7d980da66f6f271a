"""What cannot be avoided: the bare decoder, the bare inference loop, the bare encoder. CPU milliseconds a frame.

Each runs in a process of its own: `python -m benchmarks.costs decode CLIP`, `infer MODEL`, `encode CLIP PRESET CRF`.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import openvino as ov
from av.video.stream import VideoStream

from sightline.runtimes.open_vino import SMALL_BYTES

__all__ = ["ask", "decode", "encode", "infer"]

_KEPT = 60  # decoded pictures that the encoder is given over and over, forwards and backwards


def ask(kind: str, *words: str) -> float:
    """One of these costs, measured in a new process."""
    command = [sys.executable, "-m", "benchmarks.costs", kind, *words]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).parent.parent)
    return float(done.stdout)


def decode(clip: Path) -> float:
    """FFmpeg by PyAV, planes only, threads as FFmpeg likes them."""
    began, frames = _cpu_s(), 0
    with av.open(str(clip)) as container:
        container.streams.video[0].thread_type = "AUTO"
        for _ in container.decode(video=0):
            frames += 1
    return (_cpu_s() - began) / frames * 1e3


def infer(model: Path, runs: int = 150) -> float:
    """OpenVINO for throughput in the precision that we use, as many requests in flight as it asks for, one input."""
    settings = {"PERFORMANCE_HINT": "THROUGHPUT"}
    if model.stat().st_size <= SMALL_BYTES:
        settings["INFERENCE_PRECISION_HINT"] = "f32"
    compiled = ov.Core().compile_model(str(model), "CPU", settings)
    queue = ov.AsyncInferQueue(compiled)
    picture = np.random.default_rng(1).random(tuple(compiled.input(0).shape), np.float32)
    for _ in range(4 * len(queue)):
        queue.start_async({0: picture}, share_inputs=True)
    queue.wait_all()
    began = _cpu_s()
    for _ in range(runs):
        queue.start_async({0: picture}, share_inputs=True)
    queue.wait_all()
    return (_cpu_s() - began) / runs * 1e3


def encode(clip: Path, preset: str, crf: str, frames: int = 180) -> float:
    """x264 by PyAV into an MP4 file, from decoded pictures in memory."""
    kept: list[av.VideoFrame] = []
    with av.open(str(clip)) as container:
        for picture in container.decode(video=0):
            kept.append(picture)
            if len(kept) == _KEPT:
                break
    there_and_back = kept + kept[-2:0:-1]
    with tempfile.TemporaryDirectory() as folder, av.open(f"{folder}/out.mp4", "w") as out:
        stream = out.add_stream("libx264", rate=25, options={"preset": preset, "crf": crf})
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = kept[0].width, kept[0].height, "yuv420p"
        began = _cpu_s()
        for index in range(frames):
            picture = there_and_back[index % len(there_and_back)]
            picture.pts, picture.time_base = index, Fraction(1, 25)
            out.mux(stream.encode(picture))
        out.mux(stream.encode())
        return (_cpu_s() - began) / frames * 1e3


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main(kind: str, *words: str) -> None:
    if kind == "decode":
        print(decode(Path(words[0])))
    elif kind == "infer":
        print(infer(Path(words[0])))
    else:
        print(encode(Path(words[0]), words[1], words[2]))


if __name__ == "__main__":
    main(*sys.argv[1:])

"""`python -m benchmarks.parsers [--frames N] [--faults]`: what a parser's own process costs, and what bad code loses.

CPU of both processes over the same parser in this process, for an output of 84 x 8400 float32; and frames a second
behind a stand-in for inference that keeps one core busy. `--faults`: the fault table of docs/parsers.md.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from statistics import median

import numpy as np

from sightline.errors import UsageError
from sightline.parsers.code import Code
from sightline.parsers.trusted import TrustedParser
from sightline.parsers.worker_parser import WorkerParser
from sightline.protocols import Outputs
from sightline.types import Frame, InputSpec, Instant, ModelSpec, StreamInfo, TensorSpec, View

__all__ = ["BODY", "FAULTS", "HEAD", "Cost", "Lost", "cost", "lost", "main"]

PARSER = """
import numpy as np
from sightline.types import Detections

def parse(outputs, spec, view):
    out = outputs["output0"]
    best = out[4:].max(0)
    rows = np.flatnonzero(best > 0.5)
    centre, half = out[:2, rows].T, out[2:4, rows].T / 2
    return Detections(np.concatenate([centre - half, centre + half], 1), best[rows], out[4:, rows].argmax(0))
"""
HEAD = """import contextlib, ctypes, os, signal, subprocess, sys, threading, time
import numpy as np
from sightline.types import Detections
"""
BODY = """def parse(outputs, spec, view):
    if view.frame.stream.id == "bad" and view.frame.index % 10 == 5:
        {line}
    return Detections(np.array([[1.0, 2, 3, 4]]), np.array([0.5]), np.array([0]))
"""
_EACH_FILE = """for fd in range(3, 64):
            with contextlib.suppress(OSError):
                {}"""
# What the code does in one frame of ten of one of two streams.
FAULTS = {
    "raises": "1 / 0",
    "returns a wrong shape": "return Detections(np.zeros((3, 5)), np.zeros(3), np.zeros(3, int))",
    "returns a wrong dtype": "return Detections(np.array([list('abcd')]), np.zeros(1), np.zeros(1, int))",
    "returns NaN": "return Detections(np.full((1, 4), np.nan), np.zeros(1), np.zeros(1, int))",
    "returns something else": "return [1, 2, 3]",
    "returns a million objects": "return Detections(np.ones((10**6, 4)), np.ones(10**6), np.ones(10**6, int))",
    "imports a missing module": "import no_such_thing",
    "prints a megabyte": "print('x' * 1_000_000)",
    "prints what is no text": "os.write(1, os.urandom(10000))",
    "reads standard input": "input()",
    "writes into the outputs": "outputs['output0'][...] = -1",
    "closes all its files": "os.closerange(3, 64)",
    "writes into all its files": _EACH_FILE.format("os.write(fd, b'junk')"),
    "empties what it shares": _EACH_FILE.format("os.ftruncate(fd, 0)"),
    "spoils NumPy, once": "np.array = None if view.frame.index == 5 else np.array",
    "recurses without end": "(lambda f: f(f))(lambda f: f(f))",
    "forks": "os.fork()",
    "forks by ctypes": "ctypes.CDLL(None).fork()",
    "starts a program and leaves it": "subprocess.Popen(['sleep', '1000'], start_new_session=True)",
    "starts threads without end": "while True: threading.Thread(target=time.sleep, args=(1e6,)).start()",
    "calls sys.exit": "sys.exit(1)",
    "calls os._exit": "os._exit(1)",
    "crashes (ctypes)": "ctypes.string_at(0)",
    "kills itself": "os.kill(os.getpid(), signal.SIGKILL)",
    "stops itself": "os.kill(os.getpid(), signal.SIGSTOP)",
    "eats memory": "kept = [np.ones(1 << 22) for _ in range(999)]",
    "sleeps for ever": "time.sleep(1e9)",
    "loops for ever": "while True: pass",
    "sleeps in C, no signal allowed": "signal.pthread_sigmask(0, range(1, 64)); ctypes.PyDLL(None).sleep(1000)",
}
_NEVER = {
    "has no function": "def prase(outputs, spec, view): pass\n",
    "is no Python": "def parse(outputs, spec, view)\n    pass\n",
    "imports a missing module at its top": "import no_such_thing\ndef parse(outputs, spec, view): pass\n",
}


@dataclass(frozen=True, slots=True)
class Cost:
    """Milliseconds of CPU a frame, and frames a second behind busy inference; ratio: of pairs measured side by side."""

    here_ms: float
    parent_ms: float
    child_ms: float
    here_fps: float
    worker_fps: float
    ratio: float

    @property
    def over_ms(self) -> float:
        return self.parent_ms + self.child_ms - self.here_ms


@dataclass(frozen=True, slots=True)
class Lost:
    """What one kind of bad code cost. said: its first fault, or why it did not begin (then `frames` is 0).

    lost, others: frames of the stream in which it goes wrong, and of the other one. left: processes that outlive it.
    """

    frames: int
    lost: int
    starts: int
    said: str
    others: int = 0
    seconds: float = 0.0
    left: int = 0


def cost(frames: int, rounds: int = 5) -> Cost:
    """Both ways side by side, `rounds` times; the medians."""
    given = _outputs()
    with tempfile.TemporaryDirectory() as folder:
        code = Code(Path(folder) / "parser.py", time_limit_s=30.0)
        code.path.write_text(PARSER)
        here, worker = TrustedParser(code), WorkerParser(code)
        worker.start()
        try:
            _through_worker(worker, given, 20, 0.0)
            measured = [
                (*_through_here(here, given, frames, 0.0), *_through_worker(worker, given, frames, 0.0))
                for _ in range(rounds)
            ]
            few = max(10, frames // 10)
            busy = [
                (_through_here(here, given, few, 0.01)[1], _through_worker(worker, given, few, 0.01)[2])
                for _ in range(3 * rounds)
            ]
        finally:
            worker.close()
    here_ms, parent_ms, child_ms = (median(row[i] for row in measured) for i in (0, 2, 3))
    ratio = median(worker / here for here, worker in busy)
    return Cost(here_ms, parent_ms, child_ms, median(b[0] for b in busy), median(b[1] for b in busy), ratio)


def _through_here(parser: TrustedParser, given: list[Outputs], frames: int, busy_s: float) -> tuple[float, float]:
    """(CPU ms a frame, frames a second)."""
    spec = _spec()
    wall, own = time.monotonic(), 0.0
    for k in range(frames):
        _spin(busy_s)
        began = time.process_time()
        parser(given[k % len(given)], spec, [_view(k)])
        own += time.process_time() - began
    return own / frames * 1e3, frames / (time.monotonic() - wall)


def _through_worker(
    parser: WorkerParser, given: list[Outputs], frames: int, busy_s: float
) -> tuple[float, float, float]:
    """(CPU ms a frame of this process, of the other, frames a second)."""
    spec = _spec()
    wall, own, child = time.monotonic(), 0.0, _cpu_s(parser.pid)
    sent = got = 0
    while got < frames:
        if sent < frames and parser.room:
            _spin(busy_s)
            began = time.process_time()
            parser.submit(given[sent % len(given)], spec, [_view(sent)])
            sent += 1
        else:
            began = time.process_time()
            parser.collect(10.0)
            got += 1
        own += time.process_time() - began
    return own / frames * 1e3, (_cpu_s(parser.pid) - child) / frames * 1e3, frames / (time.monotonic() - wall)


def _spin(seconds: float) -> None:
    end = time.process_time() + seconds
    while seconds and time.process_time() < end:
        pass


def _cpu_s(pid: int) -> float:
    """CPU of all threads of a process so far."""
    return sum(int((task / "schedstat").read_text().split()[0]) for task in Path(f"/proc/{pid}/task").iterdir()) / 1e9


def _spec() -> ModelSpec:
    labels = tuple(f"label {k}" for k in range(80))
    images, output = TensorSpec("images", (1, 3, 640, 640)), TensorSpec("output0", (1, 84, 8400))
    return ModelSpec("yolo", (InputSpec(images),), (output,), "parser", labels=labels)


def _view(index: int, stream: str = "cam") -> View:
    info = StreamInfo(stream, 1280, 720, Fraction(1, 25))
    frame = Frame(info, index, Instant(index, info.base), None, 1280, 720)
    return View(frame, np.array([[2.0, 0, 0], [0, 1.125, 0]]), (640, 640))


def _outputs() -> list[Outputs]:
    """Four outputs with thirty objects each."""
    rng = np.random.default_rng(0)
    given: list[Outputs] = []
    for k in range(4):
        out = (rng.random((1, 84, 8400)) * 0.3).astype(np.float32)
        out[0, :4] = rng.random((4, 8400)) * 300 + 1
        out[0, 4 + k, rng.integers(0, 8400, 30)] = 0.9
        given.append({"output0": out})
    return given


def lost(text: str, frames: int = 100) -> Lost:
    """Run code that goes wrong in every tenth frame of one stream, beside another stream of the same model."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "my_parser.py"
        path.write_text(text)
        parser = WorkerParser(Code(path, time_limit_s=1.0, memory_mb=300))
        outputs: Outputs = {"output0": np.zeros((1, 84, 100), np.float32)}
        began = time.monotonic()
        try:
            parser.start()
            asked = [(index, stream) for index in range(frames) for stream in ("bad", "other")]
            told: list[bool] = []
            sent = 0
            while len(told) < len(asked):
                while sent < len(asked) and parser.room:
                    parser.submit(outputs, _spec(), [_view(*asked[sent])])
                    sent += 1
                told += [len(prediction.detections) == 1 for prediction in parser.collect(10.0) or ()]
            missing = [told[k::2].count(False) for k in range(2)]
            starts, said = parser.starts, next(iter(parser.faults), "")
        except UsageError as error:
            return Lost(0, 0, parser.starts, str(error))
        finally:
            parser.close()
        return Lost(frames, missing[0], starts, said, missing[1], time.monotonic() - began, _left(folder))


def _left(folder: str) -> int:
    """Processes that still are in the code's folder."""
    time.sleep(0.2)  # what was killed goes
    found = 0
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            found += os.path.realpath(entry / "cwd") == os.path.realpath(folder)
    return found


def main() -> int:
    """Print the figures; 1 where a limit of the project is missed."""
    asked = argparse.ArgumentParser(prog="python -m benchmarks.parsers", description=__doc__)
    asked.add_argument("--frames", type=int, default=400, help="of each measurement (400)")
    asked.add_argument("--faults", action="store_true", help="the fault table instead")
    arguments = asked.parse_args()
    if arguments.faults:
        print("| the code, in one frame of ten | lost of 100 | of another stream | processes | left | s | it says |")
        print("|---|---|---|---|---|---|---|")
        for name, line in FAULTS.items():
            found = lost(HEAD + BODY.format(line=line))
            counts = f"{found.lost} | {found.others} | {found.starts} | {found.left} | {found.seconds:.1f}"
            print(f"| {name} | {counts} | {_cell(found.said)} |", flush=True)
        for name, text in _NEVER.items():
            print(f"| {name} | does not begin | | 1 | 0 | | {_cell(lost(text).said)} |", flush=True)
        return 0
    found = cost(arguments.frames)
    print(f"load {os.getloadavg()[0]:.1f}; CPU ms a frame, 84 x 8400 float32:")
    print(f"in this process {found.here_ms:.3f}; in its own {found.parent_ms:.3f} + {found.child_ms:.3f}")
    print(f"over it {found.over_ms:.3f} (limit 0.5)")
    print(f"behind 10 ms of inference: {found.here_fps:.1f} and {found.worker_fps:.1f} frames/s")
    print(f"ratio, median of pairs: {found.ratio:.2f} (least 0.95)")
    return int(found.over_ms > 0.5 or found.ratio < 0.95)


def _cell(text: str) -> str:
    return f"`{text.splitlines()[0]}`" if text else ""


if __name__ == "__main__":
    raise SystemExit(main())

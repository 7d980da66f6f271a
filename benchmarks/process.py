"""What a command costs: CPU of the process and its threads, wall time, most memory; and what a further frame costs."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = ["CommandFailed", "Footage", "Marginal", "Use", "between", "marginal", "measure"]


class CommandFailed(Exception):
    """A measured command did not end well; the message is its last words."""


@dataclass(frozen=True, slots=True)
class Use:
    """cpu_s: user and system, all threads. rss_mb: the most memory that was resident, in MiB."""

    cpu_s: float
    wall_s: float
    rss_mb: float


@dataclass(frozen=True, slots=True)
class Footage:
    """A clip and how many pictures are in it."""

    path: Path
    frames: int


@dataclass(frozen=True, slots=True)
class Marginal:
    """Of a frame once everything runs. rss_mb: of the long run; start_s: wall time that is not for frames."""

    cpu_ms: float
    frames_per_s: float
    rss_mb: float
    start_s: float


def measure(command: Sequence[str], env: Mapping[str, str] | None = None) -> Use:
    """Run `command` to its end. Raises CommandFailed unless it exits with 0.

    A small process of this file starts it: what the kernel calls the most memory of a process begins with that of
    the one it was started from.
    """
    with tempfile.TemporaryFile() as said:
        watched = [sys.executable, "-I", "-S", __file__, *command]
        done = subprocess.run(watched, stdout=subprocess.PIPE, stderr=said, env=env)
        if done.returncode:
            said.seek(0)
            words = said.read().decode(errors="replace").strip()[-600:]
            raise CommandFailed(f"{' '.join(command)}\nexit code {done.returncode}\n{words}")
    cpu_s, wall_s, rss_mb = map(float, done.stdout.split())
    return Use(cpu_s, wall_s, rss_mb)


def _watch(command: Sequence[str]) -> int:
    """Run `command`; print its CPU and wall seconds and most memory in MiB; returns its exit code."""
    began = time.perf_counter()
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(child.pid, 0)
    wall_s = time.perf_counter() - began
    child.returncode = os.waitstatus_to_exitcode(status)
    print(used.ru_utime + used.ru_stime, wall_s, used.ru_maxrss / 1024)
    return child.returncode


def marginal(
    command: Callable[[Footage], Sequence[str]],
    short: Footage,
    long: Footage,
    env: Mapping[str, str] | None = None,
    streams: int = 1,
) -> tuple[Marginal, Use]:
    """What a frame costs by two runs that differ in length only; and the short run.

    streams: how many times `command` takes the footage side by side.
    """
    less = measure(command(short), env)
    more = measure(command(long), env)
    return between(less, more, short.frames * streams, long.frames * streams), less


def between(less: Use, more: Use, fewer: int, frames: int) -> Marginal:
    """What lies between a run over `fewer` frames and one over `frames`: start and end cancel."""
    each_s = (more.wall_s - less.wall_s) / (frames - fewer)
    cpu_ms = (more.cpu_s - less.cpu_s) / (frames - fewer) * 1e3
    return Marginal(cpu_ms, 1 / each_s, more.rss_mb, less.wall_s - fewer * each_s)


if __name__ == "__main__":
    sys.exit(_watch(sys.argv[1:]))

"""What a command costs: CPU of the process and its threads, wall time, most memory; and what a further frame costs."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = ["CommandFailed", "Footage", "Marginal", "Use", "marginal", "measure"]


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
    """Run `command` to its end. Raises CommandFailed unless it exits with 0."""
    with tempfile.TemporaryFile() as said:
        began = time.perf_counter()
        child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=said, env=env)
        _, status, used = os.wait4(child.pid, 0)
        wall_s = time.perf_counter() - began
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode:
            said.seek(0)
            words = said.read().decode(errors="replace").strip()[-600:]
            raise CommandFailed(f"{' '.join(command)}\nexit code {child.returncode}\n{words}")
    return Use(used.ru_utime + used.ru_stime, wall_s, used.ru_maxrss / 1024)


def marginal(
    command: Callable[[Footage], Sequence[str]],
    short: Footage,
    long: Footage,
    env: Mapping[str, str] | None = None,
    streams: int = 1,
) -> tuple[Marginal, Use]:
    """What a frame costs by two runs that differ in length only, so that start and end cancel; and the short run.

    streams: how many times `command` takes the footage side by side.
    """
    less = measure(command(short), env)
    more = measure(command(long), env)
    frames = (long.frames - short.frames) * streams
    each_s = (more.wall_s - less.wall_s) / frames
    cpu_ms = (more.cpu_s - less.cpu_s) / frames * 1e3
    return Marginal(cpu_ms, 1 / each_s, more.rss_mb, less.wall_s - short.frames * streams * each_s), less

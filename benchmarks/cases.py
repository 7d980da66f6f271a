"""What is measured: each case adds its rows, bounds and faults to the report."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

from benchmarks import peers
from benchmarks.bench import Bench
from benchmarks.equal import differences, frames_in
from benchmarks.process import Footage, marginal, measure
from benchmarks.table import Bound, Limit, Pair, Report, Row

__all__ = ["CASES"]

Command = Callable[[Footage], Sequence[str]]
_STREAMS = (1, 2, 4, 8)
_US = "sightline"


def tracked(bench: Bench, report: Report) -> None:
    """Detect, track, JSONL: the main figure, what is our own, and the same detections as one by one."""
    rows = _side_by_side(bench, "detect + track + JSONL", bench.large, video=False)
    report.rows += rows
    ours = rows[0]
    report.bounds += [
        Bound("detect + track + JSONL, of the limit", ours.share, 0.92, aim=0.95),
        Bound("cores busy meanwhile", ours.busy, 0.93),
        Bound("own CPU of a frame, of decoding it", ours.own_share, 0.8, most=True, aim=0.5),
    ]


def video(bench: Bench, report: Report) -> None:
    """The same with boxes drawn and a video written."""
    rows = _side_by_side(bench, f"+ overlay + H.264 ({bench.preset})", bench.large, video=True)
    report.rows += rows
    report.bounds.append(Bound("+ overlay + H.264 file, of the limit", rows[0].share, 0.88))


def small(bench: Bench, report: Report) -> None:
    """A model that costs next to nothing, so that what is ours stands out."""
    rows = _side_by_side(bench, "small model + track + JSONL", bench.small, video=False)
    report.rows += rows
    report.bounds.append(
        Bound("own CPU of a frame with a small model, of decoding it", rows[0].own_share, 0.8, most=True, aim=0.5)
    )


def streams(bench: Bench, report: Report) -> None:
    """1, 2, 4, 8 files side by side without video output: CPU a frame, and the memory of each further one."""
    cpu_ms: dict[int, list[float]] = {n: [] for n in _STREAMS}
    rss_mb: dict[int, list[float]] = {n: [] for n in _STREAMS}
    out = bench.folder / "streams.jsonl"
    for _ in range(bench.pairs):
        for n in _STREAMS:

            def command(footage: Footage, n: int = n) -> list[str]:
                return bench.ours(bench.large, [footage.path] * n, "--results", str(out))

            each, less = marginal(command, bench.short, bench.long, bench.env, streams=n)
            _expect(report, out, bench.long.frames * n, f"{n} streams")
            cpu_ms[n].append(each.cpu_ms)
            rss_mb[n].append(less.rss_mb)
    growth = median(eight / one - 1 for one, eight in zip(cpu_ms[1], cpu_ms[8], strict=True))
    slope = median((eight - two) / 6 for two, eight in zip(rss_mb[2], rss_mb[8], strict=True))
    by_count = [f"{n}: {median(cpu_ms[n]):.1f} ms, {median(rss_mb[n]):.0f} MB" for n in _STREAMS]
    report.notes.append(f"streams side by side, CPU a frame and most memory: {'; '.join(by_count)}")
    report.bounds += [
        Bound("growth of CPU a frame, 1 to 8 streams", growth * 100, 5, "%", most=True),
        Bound("memory of a further 1080p stream", slope, 60, "MB", most=True),
    ]


def start(bench: Bench, report: Report) -> None:
    """`--help`, and the first result of a model that was compiled before."""
    once = bench.ours(bench.large, [bench.short.path], "--limit", "5f", "--results", str(bench.folder / "out.jsonl"))
    measure(once, bench.env)  # fills the cache of compiled models
    helped = [measure([*bench.cli, "--help"], bench.env).wall_s for _ in range(bench.pairs)]
    first = [_first_result(bench) for _ in range(bench.pairs)]
    report.bounds += [
        Bound("sightline --help", median(helped), 0.25, "s", most=True),
        Bound("first result of a cached model", median(first), 2.0, "s", most=True),
    ]


def same(bench: Bench, report: Report) -> None:
    """Every frame has its line, and the detections are those of a slow run, one frame after the other."""
    fast, slow = bench.folder / "fast.jsonl", bench.folder / "slow.jsonl"
    for model in (bench.large, bench.small):
        measure(bench.ours(model, [bench.short.path], "--results", str(fast)), bench.env)
        command = [sys.executable, "-m", "benchmarks.slow", str(model), str(bench.short.path), str(slow)]
        used = measure(command, bench.env)
        seen = frames_in(slow)
        found = differences(frames_in(fast), seen, _threshold(fast))
        objects = sum(len(line["objects"]) for line in frames_in(fast)) / max(1, len(seen))
        report.faults += [f"{model.stem}: {words}" for words in found[:5]]
        verdict = f"{len(found)} differences" if found else "all equal"
        report.notes.append(
            f"{model.stem}: {len(seen)} frames, {objects:.1f} objects a frame, against one by one "
            f"({used.wall_s / max(1, len(seen)) * 1e3:.0f} ms a frame with its start): {verdict}"
        )


CASES: dict[str, Callable[[Bench, Report], None]] = {
    "track": tracked,
    "video": video,
    "small": small,
    "streams": streams,
    "start": start,
    "same": same,
}


# -- measuring -------------------------------------------------------------------------------------------------------


def _side_by_side(bench: Bench, case: str, model: Path, *, video: bool) -> list[Row]:
    """Rows of us and of the peers that do the same work: limit, us, peers, and again."""
    out = bench.folder / ("out.mp4" if video else "out.jsonl")
    where = ["-o", str(out), "--video", f"preset={bench.preset},crf={bench.crf}"] if video else ["--results", str(out)]
    ways: dict[str, Command] = {_US: lambda f: bench.ours(model, [f.path], *where)}
    if model == bench.large:
        for peer in bench.peers:
            if peer.saves_video == video:
                ways[peer.name] = lambda f, peer=peer: peers.command(
                    bench.peer_python, peer, model, f.path, bench.folder
                )
    measure(ways[_US](bench.short), bench.env)  # fills the cache of compiled models
    pairs: dict[str, list[Pair]] = {name: [] for name in ways}
    for _ in range(bench.pairs):
        limit: Limit = bench.limit(model, encoded=video)
        for name, command in ways.items():
            each, _ = marginal(command, bench.short, bench.long, bench.env)
            pairs[name].append(Pair(limit, each.cpu_ms, each.frames_per_s))
    return [Row(case, name, tuple(found), bench.cores) for name, found in pairs.items()]


def _expect(report: Report, results: Path, frames: int, what: str) -> None:
    found = len(frames_in(results))
    if found != frames:
        report.faults.append(f"{what}: {found} lines for {frames} frames")


def _threshold(results: Path) -> float:
    """The least printed score, as the header says."""
    with results.open() as lines:
        return float(json.loads(next(lines))["models"][0]["score"])


def _first_result(bench: Bench) -> float:
    """Seconds from the start of the process to the first frame line on its standard output."""
    command = bench.ours(bench.large, [bench.long.path], "--results", "-")
    began = time.perf_counter()
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=bench.env)
    assert child.stdout is not None
    try:
        for line in child.stdout:
            if b'"type":"frame"' in line:
                return time.perf_counter() - began
        raise RuntimeError(f"no result came: {' '.join(command)}")
    finally:
        child.send_signal(signal.SIGINT)
        child.stdout.close()
        child.wait(20)

"""`python -m benchmarks`: the table of ratios, from one run. Takes a quiet machine and, with five pairs, a while."""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path

import av
import openvino as ov

from benchmarks import peers
from benchmarks.bench import Bench, prepare
from benchmarks.cases import CASES
from benchmarks.process import CommandFailed
from benchmarks.table import Report, text


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--pairs", type=int, default=5, help="how often limit and run are measured side by side (5)")
    parser.add_argument("--only", action="append", choices=list(CASES), help="this case alone (repeatable)")
    parser.add_argument("--clip", type=Path, help="measure on this video instead of the one that is drawn")
    parser.add_argument("--frames", type=int, default=250, help="length of the clip that is drawn (250)")
    parser.add_argument("--preset", default="ultrafast", help="of x264, ours and the bare encoder's (ultrafast)")
    parser.add_argument(
        "--peers", nargs="?", const=sys.executable, metavar="PYTHON", help="other ways too, where that Python has them"
    )
    parser.add_argument("--json", action="store_true", help="all figures as JSON")
    parser.add_argument("--folder", type=Path, help="where clip, models and results are kept")
    return parser


def main() -> int:
    """0; 1 where results differ from those of the slow run, or a measured command failed."""
    asked = _parser().parse_args()
    report = Report()
    chosen: list[peers.Peer] = []
    python = asked.peers or sys.executable
    if asked.peers:
        chosen = peers.here(python, peers.peers())
        absent = [peer.name for peer in peers.peers() if peer not in chosen]
        report.notes += [f"{name}: not installed" for name in absent]
    folder = asked.folder or Path(tempfile.gettempdir()) / "sightline-benchmarks"
    _tell("making the clip and the models ...")
    bench = prepare(folder, asked.clip, asked.frames, asked.pairs, asked.preset, chosen, python)
    if any("ultralytics" in peer.needs for peer in chosen):
        peers.exported(bench.large)
    report.facts = _facts(bench)
    failed = False
    for name, case in CASES.items():
        if asked.only and name not in asked.only:
            continue
        _tell(f"{name} ...")
        try:
            case(bench, report)
        except (CommandFailed, subprocess.SubprocessError) as error:
            report.faults.append(f"{name} failed: {error}")
            failed = True
    print(json.dumps(report.plain(), indent=2) if asked.json else text(report))
    return 1 if failed or report.faults else 0


def _facts(bench: Bench) -> dict[str, str]:
    openvino = ov.__version__.split("-")[0]
    return {
        "machine": f"{platform.machine()}, {bench.cores} cores, load {os.getloadavg()[0]:.1f} at the start",
        "versions": f"Python {platform.python_version()}, openvino {openvino}, PyAV {av.__version__}",
        "clip": f"{bench.short.frames} frames, and {bench.long.frames}; {bench.pairs} pairs, medians",
    }


def _tell(words: str) -> None:
    if sys.stderr.isatty():
        print(words, file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())

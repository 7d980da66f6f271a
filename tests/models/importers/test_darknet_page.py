"""The commands of docs/darknet.md, run on a small network under the names that the page uses."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import cv2
import darknet_twin
import numpy as np

PAGE = Path(__file__).parents[3] / "docs" / "darknet.md"
CFG = (
    "[net]\nwidth=32\nheight=32\nchannels=3\n"
    "[convolutional]\nbatch_normalize=1\nfilters=4\nsize=3\nstride=8\npad=1\nactivation=leaky\n"
    "[convolutional]\nfilters=21\nsize=1\nactivation=linear\n"
    "[yolo]\nmask=0,1,2\nanchors=10,14, 23,27, 37,58\nclasses=2\nnum=3\n"
)


def test_the_commands_of_the_page_run(tmp_path: Path) -> None:
    (tmp_path / "yolov3-tiny.cfg").write_text(CFG)
    (tmp_path / "yolov3-tiny.weights").write_bytes(darknet_twin.run(CFG, np.zeros((3, 32, 32))).file())
    (tmp_path / "coco.names").write_text("person\nbicycle\n")
    cv2.imwrite(str(tmp_path / "street.jpg"), np.full((60, 80, 3), 90, np.uint8))
    blocks = re.findall(r"^```sh\n(.*?)^```", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    commands = [line for block in blocks for line in block.splitlines() if line.strip()]
    assert len(commands) == 3
    for line in commands:
        words = shlex.split(line)
        assert words[0] == "sightline"
        done = subprocess.run(
            [sys.executable, "-m", *words],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            env={"XDG_CACHE_HOME": str(tmp_path / "cache"), "PATH": "/usr/bin:/bin", "HOME": str(tmp_path)},
        )
        assert done.returncode == 0, done.stderr
    assert (tmp_path / "seen.jpg").stat().st_size > 0
    said = subprocess.run(
        [sys.executable, "-m", "sightline", "inspect", "tiny/", "--json"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    report = json.loads(said.stdout)
    assert "darknet-yolo" in json.dumps(report)
    assert "bicycle" in json.dumps(report)

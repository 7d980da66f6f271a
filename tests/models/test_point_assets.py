"""Published networks of points, given only their folder, against the results of an independent decoder."""

from __future__ import annotations

import json
import math
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from sightline.cli import main

pytestmark = pytest.mark.skipif(
    "SIGHTLINE_ASSETS" not in os.environ, reason="SIGHTLINE_ASSETS names no folder of test assets"
)


def pairs(row: dict[str, Any], found: list[list[float]]) -> list[tuple[list[float], list[float]]]:
    """(found, expected) of every point that the reference is sure of."""
    if "points" in row:
        return [(found[int(k)], xy) for k, xy in row["points"].items()]
    return [(found[k], [p["x"], p["y"]]) for k, p in enumerate(row["keypoints"]) if p["score"] > 0.3]


@pytest.mark.parametrize(("name", "most"), [("movenet-lightning", 0.05), ("posenet-257", 0.05), ("facemesh-468", 0.0)])
def test_points_lie_where_the_reference_has_them(name: str, most: float, tmp_path: Path) -> None:
    """most: part of the picture's longer side that quantised networks may be off by on another runtime; 0: 2 pixels."""
    assets = Path(os.environ["SIGHTLINE_ASSETS"])
    expected = json.loads((assets / "models" / name / "expected.json").read_text())
    folder = shutil.copytree(assets / "models" / name, tmp_path / name, ignore=shutil.ignore_patterns("expected*"))
    for number, row in enumerate(expected["results"]):
        results = tmp_path / f"{number}.jsonl"
        words = ["run", str(folder), str(assets / "pictures" / row["picture"]), "--results", str(results)]
        words += ["--precision", "f32", "--exact"]
        if "crop_xyxy" in row:
            words += ["--crop", "px:" + ",".join(map(str, row["crop_xyxy"]))]
        assert main(words) == 0
        frame = next(d for d in map(json.loads, results.read_text().splitlines()) if d["type"] == "frame")
        (thing,) = frame["objects"]
        reach = most * max(thing["box"][2:]) or 2
        for found, want in pairs(row, thing["keypoints"]):
            assert math.dist(found[:2], want) <= reach

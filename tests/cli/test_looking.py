"""The commands that look without running: inspect, check, grid, bench."""

from __future__ import annotations

import json
import shutil
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from commands import MODEL, write_clip

from sightline.cli import main
from sightline.cli.grid import draw_grid
from sightline.cli.trying import as_record, in_words, side_by_side
from sightline.types import (
    Attribute,
    Detections,
    Frame,
    Instant,
    Masks,
    Picture,
    PixelLayout,
    Prediction,
    Preprocess,
    Resize,
    StreamInfo,
)

SCENE = "synthetic://street?seconds=2&width=640&height=360"
KEYS = {
    "task", "head", "head_options", "confidence", "decided", "inputs", "outputs", "preprocess", "labels", "reasons",
    "doubts",
}  # fmt: skip


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_inspect_reports_as_text_and_json(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", str(MODEL), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report.keys() >= KEYS
    assert report["decided"] is True
    assert report["labels"] == (MODEL / "labels.txt").read_text().split()
    assert main(["inspect", str(MODEL)]) == 0
    said = capsys.readouterr().out
    assert all(word in said for word in ("task", "head", "input", "output", "preprocess", "labels", "because"))


def test_inspect_shows_what_the_network_sees(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", str(MODEL), SCENE, "-o", "check.png", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    made = cv2.imread("check.png")
    assert made is not None
    size = report["preprocess"]
    height = max(size["height"], 360)
    assert made.shape[0] == height
    assert made.shape[1] == round(size["width"] * height / size["height"]) + 6 + round(640 * height / 360)
    assert report["tried"]["objects"]
    assert report["tried"]["written"] == "check.png"


def test_inspect_looks_at_a_part_of_the_picture(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", str(MODEL), SCENE, "-o", "all.png", "--json"]) == 0
    whole = json.loads(capsys.readouterr().out)["tried"]["objects"]
    assert any(one["box"][0] < 300 for one in whole)
    assert main(["inspect", str(MODEL), SCENE, "-o", "part.png", "--crop", "px:320,0,640,360", "--json"]) == 0
    part = json.loads(capsys.readouterr().out)["tried"]["objects"]
    assert part
    assert all(one["box"][0] >= 320 for one in part)
    left = [cv2.imread(name) for name in ("all.png", "part.png")]
    assert left[0] is not None
    assert left[1] is not None
    assert left[0].shape == left[1].shape
    assert np.abs(left[0][:, :200].astype(int) - left[1][:, :200]).mean() > 10  # the network was shown another picture
    assert main(["inspect", str(MODEL), "--crop", "0,0,1,1"]) == 2
    assert "needs a picture" in capsys.readouterr().err


def test_boxes_lie_in_both_panels_where_the_object_is() -> None:
    pixels = np.full((100, 200, 3), 60, np.uint8)
    stream = StreamInfo("a", 200, 100, Fraction(1), still=True)
    picture = Picture((pixels,), PixelLayout.RGB, full_range=True)
    frame = Frame(stream, 0, Instant(None, Fraction(1)), picture, 200, 100)
    wanted = Preprocess(resize=Resize.LETTERBOX, pad=0)
    found = Detections(np.array([[50, 40, 150, 80]], np.float32), np.ones(1, np.float32), np.zeros(1, np.int32))
    made = side_by_side(frame, wanted, (100, 100), Prediction(found))
    assert made.shape == (100, 100 + 6 + 200, 3)
    drawn = np.ptp(made, axis=2) > 60  # all that has a colour
    # halved, and 25 rows of padding above: x 25..75, y 45..65
    assert drawn[55, :100].nonzero()[0][[0, -1]] == pytest.approx([25, 75], abs=1)
    assert drawn[47:, 60].nonzero()[0][-1] + 47 == pytest.approx(65, abs=1)
    assert drawn[60, 106:].nonzero()[0][[0, -1]] == pytest.approx([50, 150], abs=1)


def still(width: int, height: int) -> Frame:
    stream = StreamInfo("a", width, height, Fraction(1), still=True)
    picture = Picture((np.full((height, width, 3), 60, np.uint8),), PixelLayout.RGB, full_range=True)
    return Frame(stream, 0, Instant(None, Fraction(1)), picture, width, height)


def column(*values: object) -> np.ndarray:
    out = np.empty(len(values), object)
    out[:] = values
    return out


def test_masks_and_maps_lie_in_both_panels() -> None:
    box = np.array([[50, 40, 150, 80]], np.float32)
    classes = np.full((100, 200), 255, np.uint8)
    classes[90:] = 1
    found = Detections(
        box, np.ones(1, np.float32), np.zeros(1, np.int32), masks=Masks(box, (np.full((40, 100), 255, np.uint8),))
    )
    steps = Preprocess(resize=Resize.LETTERBOX, pad=0)
    made = side_by_side(still(200, 100), steps, (100, 100), Prediction(found, classmap=classes))
    drawn = np.ptp(made, axis=2) > 20
    assert drawn[48:62, 28:72].all()
    assert drawn[50:70, 166:246].all()
    assert drawn[72, :100].all()  # the map's rows 90 to 99 are the tensor's 70 to 74
    assert not drawn[76:, :100].any()
    assert drawn[93:99, 106:].all()


def test_whatever_a_model_says_is_put_into_words() -> None:
    found = Detections(
        np.array([[1, 2, 30, 40], [0, 0, 5, 5]], np.float32),
        np.array([0.912, 0.5], np.float32),
        np.zeros(2, np.int32),
        ("car",),
        keypoints=np.ones((2, 17, 3), np.float32),
        columns={
            "text": column("ZH 1", None),
            "attributes": column((Attribute("colour", "red", 0.98),), ()),
            "obb": np.array([[5, 5, 4, 2, np.pi / 2]] * 2, np.float32),
        },
    )
    classes = np.array([[0, 1, 1, 255], [1, 9, 0, 255]], np.uint8)
    whole = Prediction(
        found, (Attribute("class", "tabby", 0.7), Attribute("age", "32", 1.0)), classes, np.full(4, 0.5, np.float32),
        "AB", ("sky", "road"),
    )  # fmt: skip
    record = as_record(still(4, 2), whole)
    assert record["map"] == {"road": 0.5, "sky": 0.3333, "class9": 0.1667}
    assert in_words(json.loads(json.dumps(record))) == [
        ("found", "car 0.91 'ZH 1' (colour: red 0.98; 17 points; turned 90°), car 0.50 (17 points; turned 90°)"),
        ("says", "tabby 0.70, age: 32 1.00"),
        ("reads", "AB"),
        ("map", "road 50.0%, sky 33.3%, class9 16.7%"),
        ("embedding", "4 numbers of length 1.000"),
    ]
    assert in_words(as_record(still(4, 2), Prediction())) == [("found", "nothing")]


def test_inspect_saves_a_manifest_that_decides(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copy(MODEL / "street.onnx", here / "m.onnx")
    assert main(["inspect", "m.onnx", "--score", "0.77", "--color", "bgr", "--save"]) == 0
    assert (here / "model.yaml").exists()
    capsys.readouterr()
    assert main(["inspect", ".", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["thresholds"]["score"], report["preprocess"]["color"]) == (0.77, "bgr")


def test_check_judges_everything_at_once(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_clip(here / "a.mp4")
    streams = "streams: [a.mp4, 'rtsp://nobody.invalid/x', /dev/video77]\n"
    (here / "p.yaml").write_text(f"{streams}model: {MODEL}\nsinks: [{{kind: jsonl, path: o/}}]\n")
    assert main(["check", "p.yaml"]) == 0
    assert "p.yaml: fine" in capsys.readouterr().out
    (here / "p.yaml").write_text(
        "streams: [none.mp4]\nmodel:\n  path: none.onnx\n"
        "analytics:\n  - {kind: zone, name: z, points: [[0, 0], [1, 1], [1, 0], [0, 1]]}\n"
    )
    assert main(["check", "p.yaml", "--json"]) == 2
    out, err = capsys.readouterr()
    faults = json.loads(out)["faults"]
    assert [fault.split(" ")[0] for fault in faults] == ["p.yaml:1:", "p.yaml:5:", "p.yaml:3:"]
    assert all(line.startswith(("sightline: error: ", "  ")) for line in err.splitlines())


def test_check_prints_the_schema(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--schema"]) == 0
    assert json.loads(capsys.readouterr().out)["title"] == "Sightline pipeline"


def test_grid_draws_lines_where_it_says(here: Path) -> None:
    write_clip(here / "a.mp4", size_wh=(320, 240))
    assert main(["grid", "a.mp4"]) == 0
    assert main(["grid", "a.mp4", "--at", "200ms", "-o", "g.png", "--step", "0.25"]) == 0
    assert main(["grid", "a.mp4", "--at", "1h", "-o", "h.png"]) == 2
    assert {path.name for path in here.iterdir()} == {"a.mp4", "a.grid.jpg", "g.png"}
    drawn = draw_grid(np.full((240, 320, 3), 90, np.uint8), 0.25)
    assert [x for x in range(320) if (drawn[100:110, x] == 255).all()] == [80, 160, 240]
    assert [y for y in range(240) if (drawn[y, 120:130] == 255).all()] == [60, 120, 180]


def test_bench_says_what_a_frame_costs(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["bench", str(MODEL), SCENE, "--frames", "30", "--track", "bytetrack"]
    assert main([*words, "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["frames"] == 22
    cpu = report["cpu_ms"]
    assert cpu["limit (both)"] == pytest.approx(cpu["decoding alone"] + cpu["inference alone"], abs=0.002)
    assert report["share_of_limit"] == pytest.approx(cpu["limit (both)"] / cpu["sightline"], abs=0.01)
    assert main(words) == 0
    assert "share of the limit" in capsys.readouterr().out

"""Other ways to do the same work, each in a process of its own; run where installed, left out where not.

This file is also what those processes run: `PYTHON peers.py NAME MODEL CLIP FOLDER`. It needs nothing of Sightline,
so PYTHON may be that of another environment.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["Peer", "command", "exported", "here", "peers"]

SCORE, IOU = 0.25, 0.45

_Place = tuple[float, int, int]  # gain, left, top of a picture in a square tensor


@dataclass(frozen=True, slots=True)
class Peer:
    """needs: modules that have to be there. run(model, clip, folder) does the work."""

    name: str
    needs: tuple[str, ...]
    saves_video: bool
    run: Callable[[Path, Path, Path], None]


def command(python: str, peer: Peer, model: Path, clip: Path, folder: Path) -> list[str]:
    """What runs `peer` with that Python."""
    return [python, __file__, peer.name, str(model), str(clip), str(folder)]


def here(python: str, peers: Sequence[Peer]) -> list[Peer]:
    """Those whose modules that Python has."""
    wanted = sorted({name for peer in peers for name in peer.needs})
    asks = "import importlib.util as u, json, sys; print(json.dumps([n for n in sys.argv[1:] if u.find_spec(n)]))"
    done = subprocess.run([python, "-c", asks, *wanted], capture_output=True, text=True, check=True)
    found = set(json.loads(done.stdout))
    return [peer for peer in peers if found.issuperset(peer.needs)]


# -- a loop by hand, as many begin -----------------------------------------------------------------------------------


def _pictures(clip: Path) -> Iterator[Any]:
    import cv2

    video = cv2.VideoCapture(str(clip))
    while True:
        there, picture = video.read()
        if not there:
            return
        yield picture


def _tensor(picture: Any, size: int) -> tuple[Any, _Place]:
    """BGR picture -> [1, 3, size, size] RGB 0..1, and how it lies there."""
    import cv2
    import numpy as np

    h, w = picture.shape[:2]
    gain = size / max(h, w)
    small = cv2.resize(picture, (round(w * gain), round(h * gain)))
    top, left = (size - small.shape[0]) // 2, (size - small.shape[1]) // 2
    bottom, right = size - top - small.shape[0], size - left - small.shape[1]
    square = cv2.copyMakeBorder(small, top, bottom, left, right, cv2.BORDER_CONSTANT, value=(114, 114, 114))
    rgb = cv2.cvtColor(square, cv2.COLOR_BGR2RGB)
    return np.ascontiguousarray(rgb.transpose(2, 0, 1)[None], np.float32) / 255, (gain, left, top)


def _read(output: Any, place: _Place) -> tuple[Any, Any, Any]:
    """[1, 4 + C, A] -> boxes x, y, w, h in the picture, scores, classes above SCORE; nothing suppressed."""
    import numpy as np

    gain, left, top = place
    rows = output[0].T
    best = rows[:, 4:].max(1)
    rows, best = rows[best > SCORE], best[best > SCORE]
    boxes = np.concatenate([rows[:, :2] - rows[:, 2:4] / 2 - (left, top), rows[:, 2:4]], 1) / gain
    return boxes, best, rows[:, 4:].argmax(1)


def _by_hand(model: Path, clip: Path, folder: Path) -> None:
    """OpenCV reads and resizes, OpenVINO infers one picture at a time, OpenCV suppresses, JSON lines are written."""
    import cv2
    import openvino as ov

    network = ov.Core().compile_model(str(model), "CPU", {"CACHE_DIR": str(folder / "cache")})
    size = network.input(0).shape[2]
    with (folder / "by-hand.jsonl").open("w") as out:
        for index, picture in enumerate(_pictures(clip)):
            tensor, place = _tensor(picture, size)
            boxes, scores, labels = _read(network([tensor])[0], place)
            kept = cv2.dnn.NMSBoxesBatched(boxes.tolist(), scores.tolist(), labels.tolist(), SCORE, IOU)
            found = [[int(labels[i]), float(scores[i]), *boxes[i].tolist()] for i in kept]
            out.write(json.dumps({"frame": index, "objects": found}) + "\n")


# -- packages that do it all -----------------------------------------------------------------------------------------


def exported(model: Path) -> Path:
    """The model as the folder with an OpenVINO file and metadata that one of them takes; made once, beside it."""
    import onnx
    import openvino as ov

    folder = model.with_name(f"{model.stem}_openvino_model")
    described = folder / "metadata.yaml"
    if not described.exists():
        folder.mkdir(exist_ok=True)
        core = ov.Core()
        ov.save_model(core.read_model(str(model)), str(folder / f"{model.stem}.xml"), compress_to_fp16=False)
        lines = [f"{p.key}: {p.value}" for p in onnx.load(str(model)).metadata_props]
        described.write_text("\n".join(lines) + "\n")
    return folder


def _all_in_one(given: Path, clip: Path, **options: Any) -> None:
    from ultralytics import YOLO  # type: ignore[import-not-found]  # pyright: ignore[reportMissingImports]

    network = YOLO(str(given), task="detect")
    for _ in network.track(str(clip), stream=True, verbose=False, conf=SCORE, tracker="bytetrack.yaml", **options):
        pass


def _all_in_one_onnx(model: Path, clip: Path, folder: Path) -> None:
    _all_in_one(model, clip)


def _all_in_one_openvino(model: Path, clip: Path, folder: Path) -> None:
    _all_in_one(exported(model), clip)


def _all_in_one_saved(model: Path, clip: Path, folder: Path) -> None:
    _all_in_one(exported(model), clip, save=True, project=str(folder / "peers"))


def _assembled(model: Path, clip: Path, folder: Path) -> None:
    """ONNX Runtime, a package of trackers, a package of annotators and its video sink."""
    import numpy as np
    import onnxruntime as ort
    import supervision as sv  # type: ignore[import-not-found]  # pyright: ignore[reportMissingImports]
    import trackers  # type: ignore[import-not-found]  # pyright: ignore[reportMissingImports]

    session = ort.InferenceSession(str(model), providers=["CPUExecutionProvider"])
    port = session.get_inputs()[0]
    tracker, box, label = trackers.ByteTrackTracker(), sv.BoxAnnotator(), sv.LabelAnnotator()
    with sv.VideoSink(str(folder / "assembled.mp4"), sv.VideoInfo.from_video_path(str(clip))) as sink:
        for picture in sv.get_video_frames_generator(str(clip)):
            tensor, place = _tensor(picture, port.shape[2])
            boxes, scores, labels = _read(session.run(None, {port.name: tensor})[0], place)
            corners = np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], 1).astype(np.float32)
            found = tracker.update(sv.Detections(corners, confidence=scores, class_id=labels).with_nms(IOU))
            names = [str(i) for i in found.tracker_id] if found.tracker_id is not None else None
            sink.write_frame(label.annotate(box.annotate(picture.copy(), found), found, names))


def peers() -> list[Peer]:
    """Every way that is known here, installed or not."""
    return [
        Peer("by hand: OpenCV + OpenVINO, no tracker", ("cv2", "openvino"), False, _by_hand),
        Peer("ultralytics, ONNX, ByteTrack", ("ultralytics", "onnxruntime"), False, _all_in_one_onnx),
        Peer("ultralytics, OpenVINO, ByteTrack", ("ultralytics", "openvino"), False, _all_in_one_openvino),
        Peer("ultralytics, OpenVINO, ByteTrack, saved", ("ultralytics", "openvino"), True, _all_in_one_saved),
        Peer(
            "supervision + trackers + ONNX Runtime, saved", ("supervision", "trackers", "onnxruntime"), True, _assembled
        ),
    ]


if __name__ == "__main__":
    _chosen = next(peer for peer in peers() if peer.name == sys.argv[1])
    _chosen.run(Path(sys.argv[2]), Path(sys.argv[3]), Path(sys.argv[4]))

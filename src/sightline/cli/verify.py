"""`sightline verify MODEL [OTHER] --video clip.mp4`: the same pictures through two ways, and how far they agree."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import cv2
import numpy as np
import typer

from sightline import flags
from sightline.cli.frame import frame_at, frames_of, write_picture
from sightline.config import ModelConfig
from sightline.errors import UsageError
from sightline.models.infer import Model
from sightline.models.samples import expected_file, expected_of
from sightline.models.verify import Certificate, Side, certify, seen_by
from sightline.overlays.boxes import BoxOverlay
from sightline.pictures import rgb
from sightline.pipeline.build import build_model
from sightline.sources.diverse import diverse_frames
from sightline.types import U8, Frame, FrameResult, Picture, PixelLayout, Prediction

__all__ = ["DEMANDED", "SCENE", "command", "lines", "reference_model", "report_of"]

Text = str | None
DEMANDED = 0.95
SCENE = "synthetic://street?seed=11&seconds=16"
_MOST_FRAMES = 256


def command(
    model: Annotated[str, typer.Argument(help="the model to go by: a file, folder or bundle")],
    other: Annotated[Text, typer.Argument(help="a second form of it; default: the model as `run` runs it")] = None,
    video: Annotated[Text, typer.Option(help="a video, picture or folder of the model's own subject")] = None,
    frames: Annotated[int, typer.Option(help="how many frames to compare, chosen to differ")] = 32,
    demand: Annotated[float, typer.Option(help="least agreement, 0 to 1")] = DEMANDED,
    output: Annotated[Text, typer.Option("-o", "--output", help="a picture: the worst frames side by side")] = None,
    runtime: Annotated[Text, typer.Option(help="of the other: auto, openvino or onnx")] = None,
    precision: Annotated[Text, typer.Option(help="of the other: auto, f32, bf16 or f16")] = None,
    exact: Annotated[bool, typer.Option("--exact", help="the other with the training-time arithmetic too")] = False,
    head: Annotated[Text, typer.Option(help="how the outputs are read: NAME:key=value,...")] = None,
    color: Annotated[Text, typer.Option(help="rgb, bgr or grey")] = None,
    mean: Annotated[Text, typer.Option(help="tensor = (pixel - mean) / scale")] = None,
    scale: Annotated[Text, typer.Option(help="see --mean")] = None,
    resize: Annotated[Text, typer.Option(help="stretch, letterbox, letterbox-topleft, crop or line")] = None,
    labels: Annotated[Text, typer.Option(help="a label file, one name a line")] = None,
    score: Annotated[float | None, typer.Option(help="the threshold that objects are compared at")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="as JSON on standard output")] = False,
) -> int:
    """Two runtimes, precisions or files over the same pictures: tensors, answers, speed. Exit 1 where they disagree."""
    if not 1 <= frames <= _MOST_FRAMES:
        raise UsageError(f"--frames {frames}: 1 to {_MOST_FRAMES}")
    if not 0 <= demand <= 1:
        raise UsageError(f"--demand {demand:g}: 0 to 1")
    name, options = flags.part("head", head, "--head")
    given: dict[str, Any] = {
        "head": name, "head_options": options, "color": color, "mean": flags.numbers("--mean", mean), "labels": labels,
        "scale": flags.numbers("--scale", scale), "resize": resize, "score": score,
    }  # fmt: skip
    base = flags.model(model, **given)
    if other is None and video is None and (own := _own_samples(base, demand)) is not None:
        print(json.dumps(own, indent=2) if as_json else "\n".join(lines(own)))
        return 0 if own["passed"] else 1
    second = flags.model(other or model, **given, runtime=runtime, precision=precision, exact=exact or None)
    built, _ = build_model(second)
    reference = reference_model(base)
    if built.spec.task != reference.spec.task:
        raise UsageError(
            f"{model} does {reference.spec.task}, {other} does {built.spec.task}: their answers cannot be compared"
        )
    threshold = built.spec.thresholds.score
    seen = diverse_frames(lambda: frames_of(video or SCENE), frames)
    mine = seen_by(reference, seen)
    theirs = seen_by(built, seen)
    certificate = certify(mine, theirs, threshold, demand)
    report = report_of(certificate, mine, theirs, seen)
    if video is None:
        report["note"] = "compared on a drawn street scene; --video CLIP of the model's own subject says more"
    if output is not None:
        report["written"] = _worst(Path(output), certificate, mine, theirs, seen)
    print(json.dumps(report, indent=2) if as_json else "\n".join(lines(report)))
    return 0 if certificate.passed else 1


def _own_samples(config: ModelConfig, demand: float) -> dict[str, Any] | None:
    """What the model says of the test pictures in its bundle, against what it said when it was packed."""
    built, identified = build_model(config)
    folder, names = identified.arrived.located.folder, identified.arrived.stated.samples
    if not names:
        return None
    seen = [frame_at(str(folder / name)) for name in names]
    expected = tuple(expected_of(folder / expected_file(name), built.spec) for name in names)
    mine = Side(expected, (), 0.0, {"runtime": "as it was packed"})
    theirs = seen_by(built, seen, keep=0)
    report = report_of(certify(mine, theirs, built.spec.thresholds.score, demand), mine, theirs, seen)
    report["note"] = f"compared with what the bundle expects of its {len(names)} test pictures"
    return report


def reference_model(config: ModelConfig) -> Model:
    """The model as its own training ran it: full precision, exact pixels, by the runtime of its own format."""
    first, identified = build_model(config.model_copy(update={"precision": "f32", "exact": True}))
    halves = any(item.tensor.dtype == "float16" for item in identified.spec.inputs)
    if identified.format != "onnx" or halves or config.device:
        return first
    return build_model(config.model_copy(update={"precision": "f32", "exact": True, "runtime": "onnx"}))[0]


def report_of(certificate: Certificate, mine: Side, theirs: Side, frames: list[Frame]) -> dict[str, Any]:
    """The certificate as plain JSON: passed, metrics, speed, worst."""
    return {
        "passed": certificate.passed,
        "agreement": round(certificate.agreement.share, 4),
        "demanded": certificate.demanded,
        "frames": len(frames),
        "metrics": {
            **{name: round(value, 5) for name, value in certificate.agreement.figures.items()},
            "tensors": [
                {
                    "name": t.name,
                    "most": float(f"{t.most:.4g}"),
                    "mean": float(f"{t.mean:.4g}"),
                    "largest": float(f"{t.largest:.4g}"),
                    "cosine": round(t.cosine, 7),
                }
                for t in certificate.tensors
            ],
        },
        "speed": {
            "reference": {**mine.used, "ms": round(mine.ms, 2)},
            "other": {**theirs.used, "ms": round(theirs.ms, 2)},
        },
        "worst": [
            {
                "stream": frames[i].stream.id,
                "frame": frames[i].index,
                "file": frames[i].name,
                "agreement": round(certificate.agreement.frames[i], 4),
            }
            for i in certificate.worst
        ],
    }


def lines(report: dict[str, Any]) -> list[str]:
    """A certificate for people."""
    metrics = {name: value for name, value in report["metrics"].items() if name != "tensors"}
    verdict = "passed" if report["passed"] else "FAILED"
    rows = [
        ("verdict", f"{verdict}: agreement {report['agreement']:.3f} on {report['frames']} frames, "
                    f"{report['demanded']:g} demanded"),
        *((side, _side(report["speed"][side])) for side in ("reference", "other")),
        *((name.replace("_", " "), f"{value:g}") for name, value in metrics.items()),
        *(("tensor", _tensor(t)) for t in report["metrics"]["tensors"]),
        *(("worst", _worst_line(frame)) for frame in report["worst"][:4]),
        *((key, report[key]) for key in ("note", "written") if report.get(key)),
    ]  # fmt: skip
    return [f"{key:<15} {text}" for key, text in rows]


def _side(side: dict[str, Any]) -> str:
    return f"{side['ms']:.2f} ms a frame, {side.get('runtime', '')} {side.get('precision', '')}".rstrip()


def _worst_line(frame: dict[str, Any]) -> str:
    return f"{frame['file'] or frame['stream']} frame {frame['frame']}: {frame['agreement']:.3f}"


def _tensor(t: dict[str, Any]) -> str:
    return f"{t['name']}: off by {t['most']:g} at most, {t['mean']:g} on average, of values up to {t['largest']:g}"


# -- side by side ------------------------------------------------------------------------------------------------------


def _worst(path: Path, certificate: Certificate, mine: Side, theirs: Side, frames: list[Frame]) -> str:
    """Up to three frames, the reference's answer on the left; the first frame where nothing differs."""
    rows = [_pair(frames[i], mine.predictions[i], theirs.predictions[i]) for i in (certificate.worst[:3] or (0,))]
    width = min(row.shape[1] for row in rows)
    even = [np.array(cv2.resize(r, (width, round(r.shape[0] * width / r.shape[1]))), np.uint8) for r in rows]
    write_picture(path, np.concatenate(even))
    return str(path)


def _pair(frame: Frame, left: Prediction, right: Prediction) -> U8:
    return np.concatenate([_drawn(frame, left), _drawn(frame, right)], axis=1)


def _drawn(frame: Frame, prediction: Prediction) -> U8:
    if frame.picture is None:
        raise ValueError("the frame's picture was given back already")
    pixels = np.array(rgb(frame.picture))
    result = FrameResult(replace(frame, picture=None), prediction)
    BoxOverlay()(Picture((pixels,), PixelLayout.RGB, full_range=True), result, ())
    return pixels

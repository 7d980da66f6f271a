"""`sightline convert MODEL --to int8 --calibrate clip.mp4`: another form of a model, certified before it is written."""

from __future__ import annotations

import json
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from sightline import flags
from sightline.cli.frame import frames_of
from sightline.cli.verify import DEMANDED, SCENE, reference_model, report_of
from sightline.cli.writing import TARGETS, default_output, write_form
from sightline.config import ModelConfig
from sightline.errors import UsageError
from sightline.models.forms.convert import Inside, check_inside, layers_of, put_inside, to_int8, to_onnx, to_openvino
from sightline.models.forms.mixed import mixed_precision
from sightline.models.forms.quantise import can_use_nncf
from sightline.models.identify import Identified, identify, require
from sightline.models.verify import Certificate, Side, certify, seen_by
from sightline.pipeline.build import build_identified
from sightline.sources.diverse import diverse_frames
from sightline.types import Frame

__all__ = ["command"]

Text = str | None
_TUTORIAL = "mean 127.5 with scale 255 gives -0.5..0.5; -1..1 wants scale 127.5, and 0..1 wants mean 0"


def command(
    model: Annotated[str, typer.Argument(help="a bundle, or a model in any form")],
    to: Annotated[Text, typer.Option("--to", help=f"{', '.join(TARGETS)}")] = None,
    best: Annotated[bool, typer.Option("--best", help="the fastest form on this machine that agrees")] = False,
    output: Annotated[Text, typer.Option("-o", "--output", help="where to; default: here, by the model's name")] = None,
    calibrate: Annotated[Text, typer.Option("--calibrate", "--video", help="a clip of the model's own subject")] = None,
    frames: Annotated[int, typer.Option(help="how many frames to calibrate with and compare on")] = 48,
    demand: Annotated[float, typer.Option(help="least agreement with the original, 0 to 1")] = DEMANDED,
    force: Annotated[bool, typer.Option("--force", help="write it although it does not agree")] = False,
    quantiser: Annotated[Text, typer.Option("--by", help="who quantises: nncf (where installed) or onnx")] = None,
    inside: Annotated[
        bool, typer.Option("--inside", help="preprocessing goes into the graph; it takes uint8 then")
    ] = False,
    mean_values: Annotated[Text, typer.Option(help="--inside, with this mean")] = None,
    scale_values: Annotated[Text, typer.Option(help="--inside, with this scale")] = None,
    reverse: Annotated[bool, typer.Option("--reverse-input-channels", help="--inside, fed in the other order")] = False,
    layout: Annotated[Text, typer.Option(help="--inside, of the input: NHWC or NCHW")] = None,
    shaves: Annotated[int, typer.Option(help="cores of a .blob, 1 to 16")] = 4,
    head: Annotated[Text, typer.Option(help="how the outputs are read: NAME:key=value,...")] = None,
    color: Annotated[Text, typer.Option(help="rgb, bgr or grey")] = None,
    mean: Annotated[Text, typer.Option(help="tensor = (pixel - mean) / scale")] = None,
    scale: Annotated[Text, typer.Option(help="see --mean")] = None,
    resize: Annotated[Text, typer.Option(help="stretch, letterbox, letterbox-topleft, crop or line")] = None,
    labels: Annotated[Text, typer.Option(help="a label file, one name a line")] = None,
    score: Annotated[float | None, typer.Option(help="the threshold that objects are compared at")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="the report as JSON on standard output")] = False,
) -> int:
    """Another form of a model: certified against the original, and refused where it does not agree."""
    name, options = flags.part("head", head, "--head")
    config = flags.model(
        model, head=name, head_options=options, color=color, mean=flags.numbers("--mean", mean), labels=labels,
        scale=flags.numbers("--scale", scale), resize=resize, score=score,
    )  # fmt: skip
    if best == (to is not None):
        raise UsageError(f"convert: --to {'|'.join(TARGETS)}, or --best")
    if to is not None and to not in TARGETS:
        raise UsageError(f"--to {to}: one of {', '.join(TARGETS)}")
    if quantiser not in (None, "nncf", "onnx"):
        raise UsageError(f"--by {quantiser}: nncf or onnx")
    found = identify(config)
    require(found)
    wanted = _inside(found, inside, mean_values, scale_values, reverse, layout)
    with tempfile.TemporaryDirectory(prefix="sightline-convert-") as room:
        work = _Work(found, config, Path(room), calibrate, frames, demand, quantiser)
        made = _best(work) if best else _one(work, to or "", wanted)
        report = made.report
        report["warnings"] = [*_warnings(wanted, found), *([work.note] if calibrate is None else [])]
        if made.certificate.passed or force:
            form = to or "best"
            target = Path(output) if output else default_output(found, form)
            written, notes = write_form(made.model, form, target, made.certificate, Path(room), shaves, made.as_run)
            report["written"] = str(written)
            report["warnings"] += notes
    print(json.dumps(report, indent=2) if as_json else "\n".join(_lines(report)))
    if "written" not in report:
        print(
            f"not written: agreement {report['agreement']:.3f} is below {demand:g} (--force writes it)", file=sys.stderr
        )
    return 0 if "written" in report else 1


@dataclass(frozen=True, slots=True)
class _Way:
    """How a candidate is run to be judged. exact: with the reference's own pixels, so that only the form differs."""

    runtime: str
    precision: str
    exact: bool = False


# What only moves numbers is judged by the numbers alone, not by this machine's faster arithmetic.
_MOVED, _QUANTISED = _Way("openvino", "f32", exact=True), _Way("openvino", "auto", exact=True)


@dataclass(slots=True)
class _Made:
    """A candidate, the way it was judged, and what it is worth."""

    model: Identified
    certificate: Certificate
    report: dict[str, Any]
    way: _Way

    @property
    def as_run(self) -> tuple[str, str]:
        """Runtime and precision to be remembered: those of a form that was judged the way it is run."""
        return ("auto", "auto") if self.way.exact else (self.way.runtime, self.way.precision)


class _Work:
    """The original, looked at once, and everything that is compared with it."""

    def __init__(
        self, found: Identified, config: ModelConfig, room: Path, clip: Text, count: int, demand: float, quantiser: Text
    ) -> None:
        self.found, self.config, self.room, self.demand = found, config, room, demand
        self.by_nncf = can_use_nncf() if quantiser is None else quantiser == "nncf"
        self.note = "judged on a drawn street scene; --calibrate CLIP of the model's own subject is needed to be sure"
        self.frames: list[Frame] = diverse_frames(lambda: frames_of(clip or SCENE), count)
        if not self.frames:
            raise UsageError(f"--calibrate {clip}: no frame in it")
        self.calibration, self.judged = self.frames, self.frames[:: max(1, len(self.frames) // 24)]
        self.reference: Side = seen_by(reference_model(config), self.judged)
        self.count = 0

    def folder(self) -> Path:
        """A new folder for one attempt."""
        self.count += 1
        folder = self.room / f"attempt{self.count}"
        folder.mkdir()
        return folder

    def judge(self, model: Identified, way: _Way) -> tuple[Certificate, Side]:
        """`model`, run that way over the same frames, against the original."""
        plain = ModelConfig(path=str(model.weights), runtime=way.runtime, precision=way.precision, exact=way.exact)
        side = seen_by(build_identified(model, plain), self.judged)
        return certify(self.reference, side, self.found.spec.thresholds.score, self.demand), side

    def made(self, model: Identified, way: _Way) -> _Made:
        certificate, side = self.judge(model, way)
        return _Made(model, certificate, report_of(certificate, self.reference, side, self.judged), way)

    def int8(self, source: Identified) -> _Made:
        """In 8 bits, with the layers that hurt left out."""
        if not self.by_nncf and source.format != "onnx":
            source = to_onnx(source, self.folder())
        attempt = mixed_precision(
            layers_of(source, by_nncf=self.by_nncf),
            lambda kept: to_int8(source, self.folder(), self.calibration, by_nncf=self.by_nncf, keep=kept),
            lambda model: self.judge(model, _QUANTISED)[0],
            lambda line: print(line, file=sys.stderr),
        )
        return self.made(attempt.model, _QUANTISED)


def _one(work: _Work, to: str, inside: Inside | None) -> _Made:
    found = work.found
    if to == "int8":
        made = work.int8(found)
        return made if inside is None else work.made(put_inside(made.model, work.folder(), inside), _QUANTISED)
    return work.made(_moved(work, found, to, inside), _MOVED)


def _moved(work: _Work, found: Identified, to: str, inside: Inside | None) -> Identified:
    """The same numbers in another form."""
    if inside is not None or to == "blob":
        model = put_inside(found, work.folder(), inside or _own(found, "NCHW"), half=to == "fp16", single=to == "blob")
        return to_onnx(model, work.folder()) if to in ("onnx", "blob") else model
    if to in ("openvino", "fp16"):
        return to_openvino(found, work.folder(), half=to == "fp16")
    return found if to == "triton" else to_onnx(found, work.folder())


def _best(work: _Work) -> _Made:
    """The fastest form that agrees of all that this machine can run; in full precision where none does."""
    found = work.found
    ways = [_Way("openvino", "auto"), _Way("openvino", "f32")]
    if found.format == "onnx":
        ways.append(_Way("onnx", "auto"))
    tried = [work.made(found, way) for way in ways]
    tried.append(work.made(work.int8(found).model, ways[0]))
    for made in tried:
        other = made.report["speed"]["other"]
        verdict = "agrees" if made.certificate.passed else "differs"
        form = f"{other['runtime']} {other['precision']}, {_what(made)}"
        print(f"{form}: {other['ms']:.2f} ms a frame, {verdict}", file=sys.stderr)
    good = [made for made in tried if made.certificate.passed] or [tried[1]]
    return min(good, key=lambda made: made.report["speed"]["other"]["ms"])


def _what(made: _Made) -> str:
    return made.model.arrived.changes[-1] if made.model.arrived.changes else "as it is"


# -- preprocessing inside ----------------------------------------------------------------------------------------------


def _inside(found: Identified, asked: bool, mean: Text, scale: Text, reverse: bool, layout: Text) -> Inside | None:
    """What goes into the graph, or None. Raises UsageError."""
    if not (asked or mean or scale or reverse or layout):
        return None
    if layout not in (None, "NHWC", "NCHW"):
        raise UsageError(f"--layout {layout}: NHWC or NCHW")
    own = _own(found, layout or "NHWC")
    wanted = Inside(
        flags.numbers("--mean-values", mean) or own.mean,
        flags.numbers("--scale-values", scale) or own.scale,
        reverse,
        own.layout,
    )
    check_inside(found.spec, wanted)
    return wanted


def _own(found: Identified, layout: str) -> Inside:
    steps = next(item for item in found.spec.inputs if item.frames).preprocess
    return Inside(steps.mean, steps.scale, layout=layout)


def _warnings(inside: Inside | None, found: Identified) -> list[str]:
    if inside is None:
        return []
    own = _own(found, inside.layout)
    warnings = [_TUTORIAL] if set(inside.mean) == {127.5} and set(inside.scale) == {255.0} else []
    if (inside.mean, inside.scale) != (own.mean, own.scale):
        mean, scale = (",".join(f"{v:g}" for v in values) for values in (own.mean, own.scale))
        warnings.append(f"the model was found to be trained with mean {mean} and scale {scale}")
    return warnings


def _lines(report: dict[str, Any]) -> list[str]:
    from sightline.cli.verify import lines

    return [*lines(report), *(f"{'warning':<15} {line}" for line in report["warnings"])]

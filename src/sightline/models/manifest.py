"""`model.yaml`: what is known of a model, written beside it, read back before anything is guessed."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sightline.errors import ConfigError, OutputError
from sightline.types import ChannelOrder, InputSpec, ModelSpec, Resize

__all__ = [
    "BoundsManifest",
    "InputManifest",
    "Manifest",
    "Origin",
    "RunPreference",
    "ThresholdManifest",
    "dump_manifest",
    "load_manifest",
    "manifest_of",
    "write_manifest",
]


_MOST_BYTES, _MOST_PARTS = 16 << 20, 1_000_000
FORMAT = 1  # the version of this form of manifest


_Finite = Annotated[float, Field(allow_inf_nan=False)]
_Side = Annotated[int, Field(ge=1, le=16384)]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class InputManifest(_Frozen):
    """How the picture goes in: tensor = (pixel - mean) / scale, pixel 0..255."""

    size: tuple[_Side, _Side] | None = Field(default=None, description="width, height; for inputs of open size")
    color: ChannelOrder | None = None
    mean: tuple[_Finite, ...] | None = None
    scale: tuple[_Finite, ...] | None = None
    resize: Resize | None = None
    pad: float | None = Field(default=None, ge=0, le=255)
    source: str | None = Field(
        default=None,
        pattern=r"^(view|difference|ones|zeros|size_wh|size_hw|(window:[1-9]\d{0,3}(:column:[\w\-]+)?)|((column|part):[\w\-]+))$",
        description="what feeds it: view, window:N, difference, column:NAME ...; default: what the graph shows",
    )
    multiple: int | None = Field(default=None, ge=0, description="open sides are rounded to multiples of this")
    layout: str | None = Field(default=None, pattern="^(NCHW|NHWC|NTCHW|NCTHW|NTHWC)$")


_Pixels = Annotated[float, Field(ge=0, le=1 << 20, allow_inf_nan=False)]


class BoundsManifest(_Frozen):
    """Which boxes are told at all, in frame pixels; 0: no bound."""

    least_wh: tuple[_Pixels, _Pixels] = Field(default=(0.0, 0.0), description="width and height of the smallest")
    most_wh: tuple[_Pixels, _Pixels] = Field(default=(0.0, 0.0), description="and of the largest")
    top_px: _Pixels = Field(default=0.0, description="a margin of the frame that no box reaches into")
    bottom_px: _Pixels = 0.0
    cut: bool = Field(default=False, description="boxes that reach into a margin are cut there instead")


class ThresholdManifest(_Frozen):
    """Defaults for this model."""

    score: float | None = Field(default=None, ge=0, le=1)
    nms: float | None = Field(default=None, ge=0, le=1)
    top: int | None = Field(default=None, ge=1)
    each: int | None = Field(default=None, ge=1, description="most objects of one class")
    class_agnostic: bool | None = None
    per_class: dict[str, float] = Field(default_factory=dict)
    nms_of: dict[str, Annotated[float, Field(ge=0, le=1)]] = Field(default_factory=dict, description="nms by label")
    each_of: dict[str, Annotated[int, Field(ge=1)]] = Field(default_factory=dict, description="each by label")
    bounds: dict[str, BoundsManifest] = Field(
        default_factory=dict, description="which boxes are told, by label; the empty label is for all others"
    )


class Origin(_Frozen):
    """Where a bundle comes from; a URL without its query."""

    format: str = Field(default="", description="the format it came in: darknet, tflite, customvision ...")
    url: str = ""
    url_sha256: str = Field(default="", description="of what the URL gave; checked: the user said it beforehand")
    checked: bool = False
    files: dict[str, str] = Field(default_factory=dict, description="name -> sha256 of every file that was read")
    imported: str = Field(default="", description="the day, ISO 8601")
    by: str = Field(default="", description="the version of the package that wrote it")


class RunPreference(_Frozen):
    """What a model is to be run with where the user says nothing: found by `convert --best`."""

    runtime: str = ""
    precision: str = ""


class Manifest(_Frozen):
    """The whole file; what is left out is found out from the model."""

    format: int = Field(default=1, ge=1, description="version of this form of manifest")
    name: str = ""
    version: str = ""
    task: str | None = None
    head: str | None = None
    head_options: dict[str, object] = Field(default_factory=dict)
    input: InputManifest = InputManifest()
    inputs: dict[str, InputManifest] = Field(default_factory=dict, description="further inputs by tensor name")
    thresholds: ThresholdManifest = ThresholdManifest()
    labels: tuple[str, ...] | str | None = Field(
        default=None, description="the names in order, or a file beside this one"
    )
    licence: str = ""
    sha256: str = ""
    source: str = Field(default="", description="where the model comes from")
    weights: str = Field(default="", description="the file that a runtime loads, beside this one")
    files: dict[str, str] = Field(default_factory=dict, description="name -> sha256 of every other file of the bundle")
    samples: tuple[str, ...] = Field(default=(), description="test pictures; NAME.json holds what is expected of each")
    origin: Origin = Origin()
    run: RunPreference = RunPreference()
    changes: tuple[str, ...] = Field(default=(), description="what was changed on the way here")
    metrics: dict[str, object] = Field(default_factory=dict, description="measured figures, for people")


def load_manifest(path: Path) -> Manifest:
    """Raises ConfigError naming file, line, key and the nearest known key."""
    try:
        with path.open("rb") as file:
            data = file.read(_MOST_BYTES + 1)
        text = data.decode("utf-8-sig")
        if len(data) > _MOST_BYTES:
            raise ConfigError(f"{path}: more than {_MOST_BYTES >> 20} MB: no manifest is as large")
        root = yaml.compose(text)
        value = yaml.safe_load(text)
        _check_extent(value)
    except OSError as error:
        raise ConfigError(f"{path}: the manifest cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not UTF-8 text: {error.reason} at byte {error.start}") from error
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: not YAML: {' '.join(str(error).split())}") from error
    except (ValueError, RecursionError) as error:
        if isinstance(error, ConfigError):
            raise
        raise ConfigError(f"{path}: not a manifest: {_beyond(error)}") from error
    if isinstance(value, dict) and isinstance(value.get("format"), int) and value["format"] > FORMAT:
        raise ConfigError(
            f"{path}:{_line(root, ['format'])}: format {value['format']} is newer than this package, which knows "
            f"{FORMAT}; update sightline"
        )
    if not isinstance(value, dict):
        raise ConfigError(f"{path}: a manifest is a mapping of keys such as head, input and labels")
    try:
        return Manifest.model_validate(value)
    except ValidationError as error:
        first = error.errors()[0]
        where = [str(step) for step in first["loc"]]
        line = _line(root, where)
        raise ConfigError(f"{path}:{line}: {'.'.join(where)}: {_said(first['type'], first['msg'], where)}") from error


def _check_extent(value: object) -> None:
    """Raises ValueError where aliases make a few lines into too many parts, RecursionError where they circle."""
    left = [_MOST_PARTS]

    def count(part: object) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise ValueError(f"more than {_MOST_PARTS} parts, by aliases of aliases")
        for inner in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
            count(inner)

    count(value)


def _beyond(error: Exception) -> str:
    return "nested or circling without end" if isinstance(error, RecursionError) else str(error).split(";")[0]


def _said(kind: str, message: str, where: list[str]) -> str:
    if kind != "extra_forbidden":
        return message.lower()
    model = {"input": InputManifest, "thresholds": ThresholdManifest}.get(where[0], Manifest)
    near = difflib.get_close_matches(where[-1], list(model.model_fields), n=1, cutoff=0.5)
    hint = f"; did you mean {near[0]}?" if near else f"; known: {', '.join(model.model_fields)}"
    return f"unknown key{hint}"


def _line(root: yaml.Node | None, where: list[str]) -> int:
    line = 1
    for step in where:
        if not isinstance(root, yaml.MappingNode):
            break
        found = next(((k, v) for k, v in root.value if k.value == step), None)
        if found is None:
            break
        line, root = found[0].start_mark.line + 1, found[1]
    return line


_EVIDENT = ("size_wh", "size_hw", "unknown")  # side inputs that their names give away


def _input_of(item: InputSpec) -> InputManifest:
    """One input as a manifest says it; what feeds a tensor that is no picture is all that there is to say of it."""
    source = None if item.source == "view" else item.source
    if not item.frames:
        return InputManifest(source=source)
    steps = item.preprocess
    return InputManifest(
        size=item.size_wh if all(item.size_wh) else None,
        color=steps.color,
        mean=steps.mean,
        scale=steps.scale,
        resize=steps.resize,
        pad=steps.pad,
        source=source,
        multiple=item.multiple or None,
        layout=item.tensor.layout if "T" in item.tensor.layout else None,
    )


def manifest_of(spec: ModelSpec) -> Manifest:
    """Everything in `spec` that a manifest holds."""
    pictured = [i for i in spec.inputs if i.frames]
    picture = next((i for i in pictured if i.source == "view"), pictured[0] if pictured else None)
    limits = spec.thresholds
    return Manifest(
        name=spec.name,
        version=spec.version,
        task=spec.task,
        head=spec.head,
        head_options=dict(spec.head_options),
        input=InputManifest() if picture is None else _input_of(picture),
        inputs={i.tensor.name: _input_of(i) for i in spec.inputs if i is not picture and i.source not in _EVIDENT},
        thresholds=ThresholdManifest(
            score=limits.score,
            nms=limits.nms,
            top=limits.top,
            each=limits.each,
            class_agnostic=limits.class_agnostic,
            per_class=dict(limits.per_class),
            nms_of=dict(limits.nms_of),
            each_of=dict(limits.each_of),
            bounds={
                label: BoundsManifest(
                    least_wh=own.least_wh, most_wh=own.most_wh, top_px=own.top_px, bottom_px=own.bottom_px, cut=own.cut
                )
                for label, own in limits.bounds.items()
            },
        ),
        labels=spec.labels or None,
        licence=spec.licence,
        sha256=spec.sha256,
    )


def dump_manifest(manifest: Manifest) -> str:
    """YAML that `load_manifest` reads back as the same manifest."""
    plain: dict[str, Any] = {"format": FORMAT, **manifest.model_dump(mode="json", exclude_defaults=True)}
    text = yaml.safe_dump(plain, sort_keys=False, allow_unicode=True, width=120)
    if any(mark in text for mark in "\x85\u2028\u2029"):
        # YAML folds these as line ends; escaped they stay what they are
        text = yaml.safe_dump(plain, sort_keys=False, width=120)
    return text


def write_manifest(manifest: Manifest, folder: Path) -> Path:
    """Writes model.yaml into `folder` and returns its path. Raises OutputError."""
    path = folder / "model.yaml"
    draft = folder / ".model.yaml.part"
    try:
        draft.write_text(dump_manifest(manifest), "utf-8")
        draft.replace(path)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise OutputError(f"{path}: the manifest cannot be written: {error.strerror}") from error
    return path

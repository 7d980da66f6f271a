"""Text -> a frozen `PipelineConfig`. Pydantic lives here and at the doors, never deeper.

Every part is a name (`kind`) and its options; an unknown key is an error with file, line and a suggestion.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Annotated, Any, ClassVar, cast

from pydantic import (
    AliasChoices,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

__all__ = [
    "CodeConfig",
    "LimitsConfig",
    "ModelConfig",
    "PartConfig",
    "PipelineConfig",
    "RegionConfig",
    "RememberConfig",
    "StageConfig",
    "StreamConfig",
    "TilesConfig",
    "keys_of",
]


def _one_or_many(value: object) -> object:
    """One number stands for a list of one."""
    return [value] if isinstance(value, int | float) and not isinstance(value, bool) else value


def _words(value: object) -> object:
    """ "person, car" stands for [person, car]."""
    return [word.strip() for word in value.split(",") if word.strip()] if isinstance(value, str) else _names(value)


def _names(value: object) -> object:
    """Labels may be numbers: [0, 1] stands for ["0", "1"]."""
    if isinstance(value, list | tuple):
        items = cast("Sequence[object]", value)
        return [str(v) if isinstance(v, int | float) and not isinstance(v, bool) else v for v in items]
    return value


@dataclass(frozen=True, slots=True)
class _OneOf:
    """Text that must be one of `names`; kept as plain text, offered by editors as a choice."""

    names: tuple[str, ...]

    def check(self, value: str) -> str:
        if value not in self.names:
            choice = f"{', '.join(self.names[:-1])} or {self.names[-1]}"
            raise PydanticCustomError("one_of", "one of {choice}", {"choice": choice})
        return value

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self.check, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"type": "string", "enum": list(self.names)}


def _boxes_unless_named(value: object) -> object:
    """`overlay: {}` and `overlay: true` are the ordinary overlay, `overlay: false` is none."""
    if isinstance(value, bool):
        return {"kind": "boxes"} if value else None
    if isinstance(value, Mapping) and "kind" not in value:
        return {"kind": "boxes", **cast("Mapping[str, object]", value)}
    return value


def _defaults_where_true(value: object) -> object:
    """`true` is the mapping with every default, `false` is none."""
    return ({} if value else None) if isinstance(value, bool) else value


def _pair(value: object) -> object:
    """One number stands for both sides."""
    return [value, value] if isinstance(value, int | float) and not isinstance(value, bool) else value


_Pair = Annotated[tuple[float, float], BeforeValidator(_pair, json_schema_input_type=float | tuple[float, float])]
_Numbers = Annotated[tuple[float, ...], BeforeValidator(_one_or_many, json_schema_input_type=float | tuple[float, ...])]
_Side = Annotated[int, Field(ge=1, le=1 << 16)]
_Color = Annotated[str, _OneOf(("rgb", "bgr", "grey"))]
_Resize = Annotated[str, _OneOf(("stretch", "letterbox", "letterbox-topleft", "crop", "line"))]
_Precision = Annotated[str, _OneOf(("auto", "f32", "bf16", "f16"))]
_Transport = Annotated[str, _OneOf(("tcp", "udp"))]
_Words = Annotated[tuple[str, ...], BeforeValidator(_words, json_schema_input_type=str | tuple[str, ...])]


class _Frozen(BaseModel):
    """Text alone stands for a mapping with the key `shorthand`, where there is one."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    shorthand: ClassVar[str] = ""

    @model_validator(mode="before")
    @classmethod
    def _from_shorthand(cls, value: object) -> object:
        return {cls.shorthand: value} if cls.shorthand and isinstance(value, str | int) else value

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        made: dict[str, Any] = handler(schema)
        return {"anyOf": [{"type": "string"}, made]} if cls.shorthand else made


class PartConfig(_Frozen):
    """A part by name; what else it holds are the fields of that part's dataclass."""

    model_config = ConfigDict(frozen=True, extra="allow")
    shorthand: ClassVar[str] = "kind"

    kind: str

    @property
    def options(self) -> dict[str, object]:
        return dict(self.model_extra or {})


class StreamConfig(_Frozen):
    """One input. `id` defaults to the base name of the URL, `#2`, `#3` after repeats."""

    model_config = ConfigDict(frozen=True, extra="forbid", coerce_numbers_to_str=True)
    shorthand: ClassVar[str] = "url"

    url: str
    id: str = ""
    stream: int | None = Field(
        default=None, description="index of the video stream in the container; default: FFmpeg's choice"
    )
    analytics: tuple[PartConfig, ...] = ()
    rtsp_transport: _Transport = "tcp"
    camera_wh: tuple[_Side, _Side] | None = Field(
        default=None, description="width and height asked of a camera on this machine, which may give others"
    )
    camera_fps: float | None = Field(default=None, gt=0, le=1000, description="frames a second asked of it")
    dewarp: PartConfig | None = Field(default=None, description="how a fisheye picture is flattened first")


class CodeConfig(_Frozen):
    """A user's own Python file. It runs in a process of its own, within limits, unless it is trusted."""

    shorthand: ClassVar[str] = "path"

    path: str
    trust: bool = Field(default=False, description="run it in this process: faster, and its faults are ours")
    time_limit_s: float = Field(default=1.0, gt=0, description="for one frame; then the process is begun anew")
    start_limit_s: float = Field(default=30.0, gt=0, description="for its import")
    memory_mb: int = Field(default=2048, ge=64, description="most memory of its process")
    environment: bool = Field(default=False, description="a private environment with its requirements.txt")
    dev: bool = Field(default=False, description="loaded anew whenever the file is saved")
    options: dict[str, object] = Field(default_factory=dict, description="what the code finds as its options")
    image_size: tuple[int, int] = Field(
        default=(1280, 720), description="the picture that an accelerator's parser believes to look at"
    )
    padding: bool = Field(default=False, description="frames are letterboxed in that picture, not stretched")


class TilesConfig(_Frozen):
    """The frame in pieces, for objects that are small in it; what neighbours find twice is joined."""

    size_px: _Pair | None = Field(default=None, description="of a tile; default: the size of the model's input")
    grid: tuple[int, int] | None = Field(default=None, description="columns and rows instead of a size")
    overlap: float = Field(default=0.2, ge=0, lt=1, description="of neighbours, as a share of a tile")
    whole: bool = Field(default=True, description="look at the whole frame as well")
    join: float = Field(default=0.5, gt=0, le=1, description="share of the smaller box from which two are one object")


class RegionConfig(_Frozen):
    """A part of the frame that a model looks at instead of the whole: x1, y1, x2, y2."""

    box: tuple[float, float, float, float]
    px: bool = Field(default=False, description="box is in pixels, not fractions")
    streams: _Words = Field(default=(), description="only of these streams; default: of all")
    name: str = ""


class ModelConfig(_Frozen):
    """One model; what is None is taken from its manifest, then from what the file says, then from the head."""

    shorthand: ClassVar[str] = "path"

    path: str
    name: str = "model"
    files: dict[str, str] = Field(default_factory=dict, description="what its own file names: where that is here")
    head: str | None = None
    head_options: dict[str, object] = Field(default_factory=dict)
    color: _Color | None = None
    mean: _Numbers | None = None
    scale: _Numbers | None = None
    resize: _Resize | None = None
    pad: float | None = None
    labels: Annotated[str | tuple[str, ...] | None, BeforeValidator(_names)] = Field(
        default=None, description="a label file, or the labels"
    )
    score: float | None = Field(default=None, ge=0, le=1)
    nms: float | None = Field(default=None, ge=0, le=1)
    top: int | None = Field(default=None, ge=1)
    per_class: dict[str, float] = Field(default_factory=dict, description="least score by label")
    class_agnostic: bool | None = None
    classes: _Words = Field(default=(), description="only these labels")
    bounds_wh: tuple[_Side, _Side] | None = Field(
        default=None, description="the frame size that the bounds of the model's own file are counted in"
    )
    runtime: str = Field(default="auto", description="auto, openvino or onnx")
    device: str = Field(default="", description="in the runtime's own words: CPU, GPU, CUDAExecutionProvider ...")
    precision: _Precision = "auto"
    exact: bool = Field(default=False, description="the training-time arithmetic instead of the fast path")
    batch: int = Field(default=0, ge=0, description="views at once; 0: what the model is made for")
    parser: CodeConfig | None = Field(default=None, description="a Python file that reads the outputs, instead of head")
    tiles: Annotated[TilesConfig | None, BeforeValidator(_defaults_where_true)] = None
    regions: tuple[RegionConfig, ...] = ()


class RememberConfig(_Frozen):
    """When a tracked object is looked at again; until then its last answer stands."""

    grown: float = Field(default=0.2, gt=0, description="its area grew by this share since it was looked at")
    frames: int = Field(default=0, ge=0, description="so many frames have passed; 0: never for that alone")
    sure: float = Field(default=0.5, ge=0, le=1, description="an answer below this score is asked for again")
    tries: int = Field(default=3, ge=1, description="so often in a row at most, because it was unsure")


class StageConfig(ModelConfig):
    """A secondary model: it looks at the objects that another one found."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    path: str = Field(validation_alias=AliasChoices("model", "path"), serialization_alias="model")
    name: str = Field(default="", description="default: the file's name without its ending")
    from_: str = Field(default="", alias="from", description="the stage whose objects; default: the primary model")
    objects: _Words = Field(default=(), description="only objects with these labels")
    min_size_px: _Pair | None = Field(default=None, description="width and height of the smallest object")
    max_size_px: _Pair | None = None
    grow: float = Field(default=0.0, ge=-0.45, le=4, description="margin around the object, a share of its sides")
    square: bool = Field(default=False, description="widen the shorter side to the longer")
    align: bool | None = Field(default=None, description="turn faces upright by their landmarks; default: as trained")
    most: int | None = Field(default=None, ge=1, description="most objects a frame, the largest first")
    interval: int = Field(default=0, ge=0, description="frames to pass over between two that are looked at")
    wait: bool = Field(default=True, description="false: an answer appears on a later frame of its track instead")
    remember: Annotated[RememberConfig | None, BeforeValidator(_defaults_where_true)] = None
    smooth: int = Field(default=0, ge=0, description="the label that most of a track's last so many answers gave")

    @model_validator(mode="before")
    @classmethod
    def _named_by_its_file(cls, value: object) -> object:
        if isinstance(value, str):
            value = {"path": value}
        if not isinstance(value, Mapping) or "name" in value:
            return cast("object", value)
        given = cast("Mapping[str, object]", value)
        path = str(given.get("model", given.get("path", "")))
        return {**given, "name": PurePath(path).stem or "stage"}


class LimitsConfig(_Frozen):
    """Bounds of a run."""

    duration_s: float | None = Field(default=None, gt=0, description="end each stream after so much of its own time")
    frames: int | None = Field(default=None, gt=0, description="end each stream after so many frames")
    interval: int = Field(default=0, ge=0, description="frames to skip between two that are inferred")
    loop: bool = False
    connect_timeout_s: float = Field(default=15.0, gt=0)
    stop_on_loss: bool = Field(default=False, description="one lost stream ends the run")
    crop: tuple[float, ...] | None = Field(default=None, description="x1, y1, x2, y2: the part of the frame to look at")
    crop_px: bool = Field(default=False, description="crop is in pixels, not fractions")

    @model_validator(mode="after")
    def _crop_is_a_box(self) -> LimitsConfig:
        if self.crop is None:
            return self
        if len(self.crop) != 4:
            raise ValueError("crop: four numbers x1, y1, x2, y2")
        x1, y1, x2, y2 = self.crop
        if not (0 <= x1 < x2 and 0 <= y1 < y2) or (not self.crop_px and max(x2, y2) > 1):
            unit = "pixels" if self.crop_px else "fractions of the frame (for pixels: crop_px, or --crop px:...)"
            raise ValueError(f"crop: x1 < x2 and y1 < y2, in {unit}")
        return self


class PipelineConfig(_Frozen):
    """A whole deployment."""

    streams: Annotated[tuple[StreamConfig, ...], Field(min_length=1)]
    model: ModelConfig
    then: tuple[StageConfig, ...] = ()
    logic: CodeConfig | None = Field(default=None, description="a Python file with rules on results")
    tracker: PartConfig | None = None
    analytics: tuple[PartConfig, ...] = ()
    overlay: Annotated[PartConfig | None, BeforeValidator(_boxes_unless_named)] = None
    sinks: tuple[PartConfig, ...] = ()
    maps: str | None = Field(
        default=None, min_length=1, description="a folder for class maps: STREAM/000012.png, 8-bit class ids"
    )
    limits: LimitsConfig = LimitsConfig()

    @model_validator(mode="after")
    def _stages_hang_together(self) -> PipelineConfig:
        names = [self.model.name, *(stage.name for stage in self.then)]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"two stages are called {name!r}; give one another name")
        for stage in self.then:
            if stage.from_ and stage.from_ not in names:
                near = difflib.get_close_matches(stage.from_, names, n=1, cutoff=0.5)
                hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(names)}"
                raise ValueError(f"stage {stage.name!r}: from: {stage.from_!r} is no stage; {hint}")
        above = {stage.name: stage.from_ or self.model.name for stage in self.then}
        for stage in self.then:
            seen = [stage.name]
            while (up := above.get(seen[-1], "")) and up not in seen:
                seen.append(up)
            if up:
                raise ValueError(f"stage {stage.name!r}: from goes round in a circle: {' -> '.join([*seen, up])}")
        return self


def keys_of(model: type[BaseModel]) -> tuple[str, ...]:
    """What the fields are called in a file."""
    return tuple(field.serialization_alias or field.alias or name for name, field in model.model_fields.items())

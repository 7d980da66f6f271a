"""Text -> a frozen `PipelineConfig`. Pydantic lives here and at the doors, never deeper.

Every part is a name (`kind`) and its options; an unknown key is an error with file, line and a suggestion.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["LimitsConfig", "ModelConfig", "PartConfig", "PipelineConfig", "StreamConfig"]

OptionValue = str | int | float | bool | None | list[object] | dict[str, object]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class PartConfig(BaseModel):
    """A part by name; what else it holds are the fields of that part's dataclass."""

    model_config = ConfigDict(frozen=True, extra="allow")

    kind: str

    @property
    def options(self) -> dict[str, object]:
        return dict(self.model_extra or {})


class StreamConfig(_Frozen):
    """One input. `id` defaults to the base name of the URL, `#2`, `#3` after repeats."""

    url: str
    id: str = ""
    stream: int | None = Field(
        default=None, description="index of the video stream in the container; default: FFmpeg's choice"
    )
    analytics: tuple[PartConfig, ...] = ()
    rtsp_transport: str = Field(default="tcp", description="tcp or udp")


class ModelConfig(_Frozen):
    """One model; what is None is taken from its manifest, then from what the file says, then from the head."""

    path: str
    name: str = "model"
    head: str | None = None
    head_options: dict[str, object] = Field(default_factory=dict)
    color: str | None = Field(default=None, description="rgb, bgr or grey")
    mean: tuple[float, ...] | None = None
    scale: tuple[float, ...] | None = None
    resize: str | None = Field(default=None, description="stretch, letterbox, letterbox-topleft or crop")
    pad: float | None = None
    labels: str | tuple[str, ...] | None = Field(default=None, description="a label file, or the labels")
    score: float | None = Field(default=None, ge=0, le=1)
    nms: float | None = Field(default=None, ge=0, le=1)
    top: int | None = Field(default=None, ge=1)
    per_class: dict[str, float] = Field(default_factory=dict, description="least score by label")
    class_agnostic: bool | None = None
    classes: tuple[str, ...] = Field(default=(), description="only these labels")
    runtime: str = Field(default="auto", description="auto, openvino or onnx")
    device: str = Field(default="", description="in the runtime's own words: CPU, GPU, CUDAExecutionProvider ...")
    precision: str = Field(default="auto", description="auto, f32, bf16 or f16")
    exact: bool = Field(default=False, description="the training-time arithmetic instead of the fast path")
    batch: int = Field(default=0, ge=0, description="views at once; 0: what the model is made for")


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


class PipelineConfig(_Frozen):
    """A whole deployment."""

    streams: Annotated[tuple[StreamConfig, ...], Field(min_length=1)]
    model: ModelConfig
    then: tuple[ModelConfig, ...] = ()
    tracker: PartConfig | None = None
    analytics: tuple[PartConfig, ...] = ()
    overlay: PartConfig | None = None
    sinks: tuple[PartConfig, ...] = ()
    limits: LimitsConfig = LimitsConfig()

"""DeepStream's structures for what is drawn: colours, fonts, boxes, lines, arrows, circles."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray


class Cast:
    """`X.cast(data)` is what an X was put in as."""

    __slots__ = ()

    @staticmethod
    def cast(data: Any) -> Any:
        return data


@dataclass(slots=True)
class NvOSD_ColorParams(Cast):
    red: float = 0.0
    green: float = 0.0
    blue: float = 0.0
    alpha: float = 0.0

    def set(self, red: float, green: float, blue: float, alpha: float) -> None:
        self.red, self.green, self.blue, self.alpha = red, green, blue, alpha


@dataclass(slots=True)
class NvOSD_FontParams(Cast):
    font_name: str = ""
    font_size: int = 0
    font_color: NvOSD_ColorParams = field(default_factory=NvOSD_ColorParams)


@dataclass(slots=True)
class NvOSD_TextParams(Cast):
    display_text: str | None = None
    x_offset: int = 0
    y_offset: int = 0
    font_params: NvOSD_FontParams = field(default_factory=NvOSD_FontParams)
    set_bg_clr: int = 0
    text_bg_clr: NvOSD_ColorParams = field(default_factory=NvOSD_ColorParams)


@dataclass(slots=True)
class NvOSD_RectParams(Cast):
    left: float = 0.0
    top: float = 0.0
    width: float = 0.0
    height: float = 0.0
    border_width: int = 0
    border_color: NvOSD_ColorParams = field(default_factory=NvOSD_ColorParams)
    has_bg_color: int = 0
    reserved: int = 0
    bg_color: NvOSD_ColorParams = field(default_factory=NvOSD_ColorParams)
    has_color_info: int = 0
    color_id: int = 0


@dataclass(slots=True)
class NvOSD_MaskParams(Cast):
    data: Any = None
    size: int = 0
    threshold: float = 0.0
    width: int = 0
    height: int = 0

    def get_mask_array(self) -> NDArray[Any]:
        return np.zeros((self.height, self.width), np.float32) if self.data is None else np.asarray(self.data)


@dataclass(slots=True)
class NvOSD_LineParams(Cast):
    x1: int = 0
    y1: int = 0
    x2: int = 0
    y2: int = 0
    line_width: int = 0
    line_color: NvOSD_ColorParams = field(default_factory=NvOSD_ColorParams)


class NvOSD_Arrow_Head_Direction(IntEnum):
    START_HEAD = 0
    END_HEAD = 1
    BOTH_HEAD = 2


@dataclass(slots=True)
class NvOSD_ArrowParams(Cast):
    x1: int = 0
    y1: int = 0
    x2: int = 0
    y2: int = 0
    arrow_width: int = 0
    arrow_head: int = NvOSD_Arrow_Head_Direction.END_HEAD
    arrow_color: NvOSD_ColorParams = field(default_factory=NvOSD_ColorParams)
    reserved: int = 0


@dataclass(slots=True)
class NvOSD_CircleParams(Cast):
    xc: int = 0
    yc: int = 0
    radius: int = 0
    circle_color: NvOSD_ColorParams = field(default_factory=NvOSD_ColorParams)
    circle_width: int = 2
    has_bg_color: int = 0
    bg_color: NvOSD_ColorParams = field(default_factory=NvOSD_ColorParams)
    reserved: int = 0


@dataclass(slots=True)
class NvBbox_Coords(Cast):
    left: float = 0.0
    top: float = 0.0
    width: float = 0.0
    height: float = 0.0


@dataclass(slots=True)
class NvDsComp_BboxInfo(Cast):
    org_bbox_coords: NvBbox_Coords = field(default_factory=NvBbox_Coords)

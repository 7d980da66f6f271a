"""The objects that the accelerator hands to a parser: its `config`, the message helper, the layers of a frame."""

from __future__ import annotations

import queue
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sightline.parsers.code import Muxed
from sightline.parsers.standins.pyds_metas import NvDsInferDims, NvDsInferLayerInfo

__all__ = ["Layers", "MessageHelper", "PrimaryConfig", "copied", "layer_infos", "layers_of", "with_axis"]


class Layers(dict[str, NDArray[Any]]):
    """Layer name -> array of one frame. A name is found with and without TensorFlow's ":0"."""

    def __missing__(self, name: str) -> NDArray[Any]:
        other = name.removesuffix(":0") if name.endswith(":0") else f"{name}:0"
        if other in self:
            return self[other]
        raise KeyError(f"{name!r}: the model's outputs are {', '.join(map(repr, self)) or 'none'}")


def layers_of(outputs: Mapping[str, NDArray[Any]]) -> Layers:
    """Copies as the accelerator makes them: float32, int8 or int32. Half precision becomes float32, int64 int32."""
    return Layers({name: array.astype(_kind(array.dtype), order="C") for name, array in outputs.items()})


def copied(layers: Layers) -> Layers:
    """The same, to be written into."""
    return Layers({name: array.copy() for name, array in layers.items()})


def with_axis(layers: Layers) -> Layers:
    """The same with a batch axis of 1 in front; copies."""
    return Layers({name: array[None].copy() for name, array in layers.items()})


def _kind(dtype: np.dtype[Any]) -> type[np.generic]:
    if dtype.kind == "f":
        return np.float32
    return np.int8 if dtype == np.int8 else np.int32


def layer_infos(layers: Layers) -> list[NvDsInferLayerInfo]:
    """The same as DeepStream's descriptions; they point into the arrays of `layers`."""
    infos: list[NvDsInferLayerInfo] = []
    for index, (name, array) in enumerate(layers.items()):
        sides = np.zeros(8, np.int32)
        sides[: array.ndim] = array.shape
        dims: Any = NvDsInferDims(array.ndim, sides, array.size)  # pyright: ignore[reportArgumentType]
        kind = {np.dtype(np.float32): 0, np.dtype(np.int8): 2}.get(array.dtype, 3)
        infos.append(NvDsInferLayerInfo(name, kind, dims, array, index))
    return infos


@dataclass(slots=True)
class MessageHelper:
    """`config` of a secondary's `parse_sgie_model`, and `config.msg_helper` of a primary's functions."""

    frame_size: tuple[int, int]
    config_id: str
    padindex_to_srcname: list[str]
    regions_of_interest: list[dict[str, object]]
    nframes: int
    msg_queue: queue.Queue[object] = field(default_factory=queue.Queue[object])
    sgie_parsers: dict[int, object] = field(default_factory=dict[int, object])
    pgie_custom_msg: dict[tuple[int, int], object] = field(default_factory=dict[tuple[int, int], object])
    data_to_save: object = None
    ncounter: int = 0
    VIDEO_UPLOADER_DIRECTORY: str = ""
    video_writers: object = None

    @classmethod
    def of(cls, muxed: Muxed) -> MessageHelper:
        regions = [dict(region) for region in muxed.regions]
        return cls(muxed.image_size, muxed.config_id, list(muxed.streams), regions, muxed.nframes)

    def register_sgie_parser(self, sgie_id: int, sgi_parser: object) -> None:
        self.sgie_parsers[sgie_id] = sgi_parser

    def add_custom_msg_from_pgie(self, stream_index: int, frame_number: int, custom_msg: object) -> None:
        self.pgie_custom_msg[stream_index, frame_number] = custom_msg

    def index_of(self, stream: str) -> int:
        """The place of a stream among them; a new one is put at the end."""
        if stream not in self.padindex_to_srcname:
            self.padindex_to_srcname.append(stream)
        return self.padindex_to_srcname.index(stream)


@dataclass(slots=True)
class PrimaryConfig:
    """`config` of a primary's functions."""

    name: str
    model_type: int
    labels: list[str]
    image_size: tuple[int, int]
    msg_helper: MessageHelper
    user_funct: ModuleType
    network_size: tuple[int, int] = (-1, -1)
    det_th: float = 0.5
    mns_th: float = 0.213

    def get_name(self) -> str:
        return self.name

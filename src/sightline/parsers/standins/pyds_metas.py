"""DeepStream's metadata structures: frames, objects, tensors. Unknown fields are errors."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, ClassVar, Self, TypeVar

from sightline.parsers.standins.pyds_drawing import *  # noqa: F403
from sightline.parsers.standins.pyds_drawing import (
    Cast,
    NvDsComp_BboxInfo,
    NvOSD_ArrowParams,
    NvOSD_CircleParams,
    NvOSD_LineParams,
    NvOSD_MaskParams,
    NvOSD_RectParams,
    NvOSD_TextParams,
)

MAX_ELEMENTS_IN_DISPLAY_META = 16
T = TypeVar("T")
_UNTRACKED = 0xFFFFFFFFFFFFFFFF


class NvDsMetaType(IntEnum):
    """Kinds of metadata; only that they differ means something here."""

    NVDS_INVALID_META = -1
    NVDS_BATCH_META = 1
    NVDS_FRAME_META = 2
    NVDS_OBJ_META = 3
    NVDS_DISPLAY_META = 4
    NVDS_CLASSIFIER_META = 5
    NVDS_LABEL_INFO_META = 6
    NVDS_USER_META = 7
    NVDS_PAYLOAD_META = 8
    NVDS_EVENT_MSG_META = 9
    NVDS_OPTICAL_FLOW_META = 10
    NVDS_LATENCY_MEASUREMENT_META = 11
    NVDSINFER_TENSOR_OUTPUT_META = 12
    NVDSINFER_SEGMENTATION_META = 13
    NVDS_CROP_IMAGE_META = 14
    NVDS_TRACKER_PAST_FRAME_META = 15
    NVDS_TRACKER_BATCH_REID_META = 16
    NVDS_TRACKER_OBJ_REID_META = 17
    NVDS_USER_FRAME_META_NVDSANALYTICS = 18
    NVDS_USER_OBJ_META_NVDSANALYTICS = 19
    NVDS_START_USER_META = 4096


class GList:
    """A chain of nodes; each has its `data` and the `next` one, None at the end."""

    __slots__ = ("data", "next")

    def __init__(self, data: object, following: GList | None) -> None:
        self.data = data
        self.next = following


def chain(items: Iterable[object]) -> GList | None:
    """The first node of a chain of `items`; None for none."""
    node: GList | None = None
    for item in reversed(list(items)):
        node = GList(item, node)
    return node


# -- metadata ----------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class NvDsBaseMeta(Cast):
    meta_type: int = NvDsMetaType.NVDS_INVALID_META
    batch_meta: Any = None
    uContext: Any = None
    copy_func: Any = None
    release_func: Any = None


@dataclass(slots=True)
class NvDsUserMeta(Cast):
    base_meta: NvDsBaseMeta = field(default_factory=lambda: NvDsBaseMeta(NvDsMetaType.NVDS_USER_META))
    user_meta_data: Any = None


@dataclass(slots=True)
class NvDsLabelInfo(Cast):
    num_classes: int = 0
    result_label: str = ""
    pResult_label: str = ""
    result_class_id: int = 0
    label_id: int = 0
    result_prob: float = 0.0


@dataclass(slots=True)
class NvDsClassifierMeta(Cast):
    base_meta: NvDsBaseMeta = field(default_factory=lambda: NvDsBaseMeta(NvDsMetaType.NVDS_CLASSIFIER_META))
    unique_component_id: int = 0
    classifier_type: str = ""
    labels: list[NvDsLabelInfo] = field(default_factory=list[NvDsLabelInfo])

    @property
    def num_labels(self) -> int:
        return len(self.labels)

    @property
    def label_info_list(self) -> GList | None:
        return chain(self.labels)


@dataclass(slots=True, eq=False)
class NvDsObjectMeta(Cast):
    base_meta: NvDsBaseMeta = field(default_factory=lambda: NvDsBaseMeta(NvDsMetaType.NVDS_OBJ_META))
    parent: NvDsObjectMeta | None = None
    unique_component_id: int = 0
    class_id: int = 0
    object_id: int = _UNTRACKED
    confidence: float = 0.0
    tracker_confidence: float = 0.0
    rect_params: NvOSD_RectParams = field(default_factory=NvOSD_RectParams)
    mask_params: NvOSD_MaskParams = field(default_factory=NvOSD_MaskParams)
    text_params: NvOSD_TextParams = field(default_factory=NvOSD_TextParams)
    detector_bbox_info: NvDsComp_BboxInfo = field(default_factory=NvDsComp_BboxInfo)
    tracker_bbox_info: NvDsComp_BboxInfo = field(default_factory=NvDsComp_BboxInfo)
    obj_label: str = ""
    misc_obj_info: list[int] = field(default_factory=lambda: [0] * 4)
    reserved: list[int] = field(default_factory=lambda: [0] * 4)
    classifiers: list[NvDsClassifierMeta] = field(default_factory=list[NvDsClassifierMeta])
    users: list[NvDsUserMeta] = field(default_factory=list[NvDsUserMeta])

    @property
    def classifier_meta_list(self) -> GList | None:
        return chain(self.classifiers)

    @property
    def obj_user_meta_list(self) -> GList | None:
        return chain(self.users)


def _many(kind: type[T]) -> list[T]:
    return [kind() for _ in range(MAX_ELEMENTS_IN_DISPLAY_META)]


@dataclass(slots=True, eq=False)
class NvDsDisplayMeta(Cast):
    """Up to 16 of each kind; the first `num_...` of them are drawn."""

    base_meta: NvDsBaseMeta = field(default_factory=lambda: NvDsBaseMeta(NvDsMetaType.NVDS_DISPLAY_META))
    num_rects: int = 0
    num_labels: int = 0
    num_lines: int = 0
    num_arrows: int = 0
    num_circles: int = 0
    rect_params: list[NvOSD_RectParams] = field(default_factory=lambda: _many(NvOSD_RectParams))
    text_params: list[NvOSD_TextParams] = field(default_factory=lambda: _many(NvOSD_TextParams))
    line_params: list[NvOSD_LineParams] = field(default_factory=lambda: _many(NvOSD_LineParams))
    arrow_params: list[NvOSD_ArrowParams] = field(default_factory=lambda: _many(NvOSD_ArrowParams))
    circle_params: list[NvOSD_CircleParams] = field(default_factory=lambda: _many(NvOSD_CircleParams))
    misc_osd_data: list[int] = field(default_factory=lambda: [0] * 4)
    reserved: list[int] = field(default_factory=lambda: [0] * 4)


@dataclass(slots=True, eq=False)
class NvDsFrameMeta(Cast):
    """One frame of the batch. objects, displays, users: what was added, in order."""

    base_meta: NvDsBaseMeta = field(default_factory=lambda: NvDsBaseMeta(NvDsMetaType.NVDS_FRAME_META))
    pad_index: int = 0
    batch_id: int = 0
    frame_num: int = 0
    buf_pts: int = 0
    ntp_timestamp: int = 0
    source_id: int = 0
    num_surfaces_per_frame: int = 1
    source_frame_width: int = 0
    source_frame_height: int = 0
    pipeline_width: int = 0
    pipeline_height: int = 0
    surface_type: int = 0
    surface_index: int = 0
    bInferDone: bool = False
    misc_frame_info: list[int] = field(default_factory=lambda: [0] * 4)
    reserved: list[int] = field(default_factory=lambda: [0] * 4)
    objects: list[NvDsObjectMeta] = field(default_factory=list[NvDsObjectMeta])
    displays: list[NvDsDisplayMeta] = field(default_factory=list[NvDsDisplayMeta])
    users: list[NvDsUserMeta] = field(default_factory=list[NvDsUserMeta])

    @property
    def num_obj_meta(self) -> int:
        return len(self.objects)

    @property
    def obj_meta_list(self) -> GList | None:
        return chain(self.objects)

    @property
    def display_meta_list(self) -> GList | None:
        return chain(self.displays)

    @property
    def frame_user_meta_list(self) -> GList | None:
        return chain(self.users)

    @property
    def obj_meta_items(self) -> list[NvDsObjectMeta]:
        return list(self.objects)


@dataclass(slots=True, eq=False)
class NvDsBatchMeta(Cast):
    """The batch: one frame here. current: the one that is being parsed."""

    current: ClassVar[Self | None] = None

    frames: list[NvDsFrameMeta] = field(default_factory=list[NvDsFrameMeta])
    base_meta: NvDsBaseMeta = field(default_factory=lambda: NvDsBaseMeta(NvDsMetaType.NVDS_BATCH_META))
    users: list[NvDsUserMeta] = field(default_factory=list[NvDsUserMeta])
    misc_batch_info: list[int] = field(default_factory=lambda: [0] * 4)
    reserved: list[int] = field(default_factory=lambda: [0] * 4)

    @property
    def max_frames_in_batch(self) -> int:
        return len(self.frames)

    @property
    def num_frames_in_batch(self) -> int:
        return len(self.frames)

    @property
    def frame_meta_list(self) -> GList | None:
        return chain(self.frames)

    @property
    def batch_user_meta_list(self) -> GList | None:
        return chain(self.users)


# -- tensors -----------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class NvDsInferDims(Cast):
    """d: eight numbers, those after `numDims` are 0."""

    numDims: int = 0
    d: list[int] = field(default_factory=lambda: [0] * 8)
    numElements: int = 0


@dataclass(slots=True, eq=False)
class NvDsInferLayerInfo(Cast):
    """dataType: 0 float32, 2 int8, 3 int32. buffer: the numbers; `get_ptr` tells their address."""

    layerName: str = ""
    dataType: int = 0
    dims: NvDsInferDims = field(default_factory=NvDsInferDims)
    buffer: Any = None
    bindingIndex: int = 0
    isInput: bool = False

    @property
    def inferDims(self) -> NvDsInferDims:
        return self.dims


@dataclass(slots=True)
class NvDsInferNetworkInfo(Cast):
    width: int = 0
    height: int = 0
    channels: int = 3


@dataclass(slots=True, eq=False)
class NvDsInferTensorMeta(Cast):
    unique_id: int = 1
    layers: list[NvDsInferLayerInfo] = field(default_factory=list[NvDsInferLayerInfo])
    network_info: NvDsInferNetworkInfo = field(default_factory=NvDsInferNetworkInfo)
    gpu_id: int = 0
    maintain_aspect_ratio: int = 0

    @property
    def num_output_layers(self) -> int:
        return len(self.layers)

    def output_layers_info(self, index: int) -> NvDsInferLayerInfo:
        return self.layers[index]


@dataclass(slots=True)
class NvDsInferObjectDetectionInfo(Cast):
    classId: int = 0
    left: float = 0.0
    top: float = 0.0
    width: float = 0.0
    height: float = 0.0
    detectionConfidence: float = 0.0


@dataclass(slots=True)
class NvDsInferAttribute(Cast):
    attributeIndex: int = 0
    attributeValue: int = 0
    attributeConfidence: float = 0.0
    attributeLabel: str = ""


@dataclass(slots=True, eq=False)
class NvDsInferSegmentationMeta(Cast):
    classes: int = 0
    width: int = 0
    height: int = 0
    class_map: Any = None
    class_probabilities_map: Any = None
    unique_id: int = 1

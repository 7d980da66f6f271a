"""`pyds`: DeepStream's metadata as plain objects, for the names that parsers use. What is added is collected.

Field names are those of NVIDIA's public documentation of the metadata structures. There is no pipeline behind them:
a list is a chain of nodes with `data` and `next`, `cast` returns what it is given.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from sightline.parsers.standins.pyds_messages import *  # noqa: F403
from sightline.parsers.standins.pyds_messages import NvDsEventMsgMeta
from sightline.parsers.standins.pyds_metas import *  # noqa: F403
from sightline.parsers.standins.pyds_metas import (
    NvDsBatchMeta,
    NvDsClassifierMeta,
    NvDsDisplayMeta,
    NvDsFrameMeta,
    NvDsInferAttribute,
    NvDsInferLayerInfo,
    NvDsInferTensorMeta,
    NvDsLabelInfo,
    NvDsMetaType,
    NvDsObjectMeta,
    NvDsUserMeta,
)

__path__: list[str] = []
globals().update(NvDsMetaType.__members__)
UNTRACKED_OBJECT_ID = 0xFFFFFFFFFFFFFFFF
T = TypeVar("T")


def __getattr__(name: str) -> object:
    if name.startswith("__"):
        raise AttributeError(name)
    raise AttributeError(f"pyds.{name} is not in Sightline's stand-in for pyds (there is no DeepStream here)")


# -- the batch ---------------------------------------------------------------------------------------------------------


def gst_buffer_get_nvds_batch_meta(buffer: object) -> NvDsBatchMeta | None:
    """The batch of the frame that is being parsed."""
    return NvDsBatchMeta.current


def nvds_acquire_meta_lock(batch_meta: NvDsBatchMeta) -> None:
    """Nothing: there is one thread."""


def nvds_release_meta_lock(batch_meta: NvDsBatchMeta) -> None:
    """Nothing: there is one thread."""


def nvds_acquire_obj_meta_from_pool(batch_meta: NvDsBatchMeta) -> NvDsObjectMeta:
    return NvDsObjectMeta()


def nvds_acquire_display_meta_from_pool(batch_meta: NvDsBatchMeta) -> NvDsDisplayMeta:
    return NvDsDisplayMeta()


def nvds_acquire_user_meta_from_pool(batch_meta: NvDsBatchMeta) -> NvDsUserMeta:
    return NvDsUserMeta()


def nvds_acquire_classifier_meta_from_pool(batch_meta: NvDsBatchMeta) -> NvDsClassifierMeta:
    return NvDsClassifierMeta()


def nvds_acquire_label_info_meta_from_pool(batch_meta: NvDsBatchMeta) -> NvDsLabelInfo:
    return NvDsLabelInfo()


def nvds_add_obj_meta_to_frame(
    frame_meta: NvDsFrameMeta, obj_meta: NvDsObjectMeta, parent: NvDsObjectMeta | None
) -> None:
    obj_meta.parent = parent
    frame_meta.objects.append(obj_meta)


def nvds_add_display_meta_to_frame(frame_meta: NvDsFrameMeta, display_meta: NvDsDisplayMeta) -> None:
    frame_meta.displays.append(display_meta)


def nvds_add_user_meta_to_frame(frame_meta: NvDsFrameMeta, user_meta: NvDsUserMeta) -> None:
    frame_meta.users.append(user_meta)


def nvds_add_user_meta_to_obj(obj_meta: NvDsObjectMeta, user_meta: NvDsUserMeta) -> None:
    obj_meta.users.append(user_meta)


def nvds_add_user_meta_to_batch(batch_meta: NvDsBatchMeta, user_meta: NvDsUserMeta) -> None:
    batch_meta.users.append(user_meta)


def nvds_add_classifier_meta_to_object(obj_meta: NvDsObjectMeta, classifier_meta: NvDsClassifierMeta) -> None:
    obj_meta.classifiers.append(classifier_meta)


def nvds_add_label_info_meta_to_classifier(classifier_meta: NvDsClassifierMeta, label_info: NvDsLabelInfo) -> None:
    classifier_meta.labels.append(label_info)


def nvds_remove_obj_meta_from_frame(frame_meta: NvDsFrameMeta, obj_meta: NvDsObjectMeta) -> None:
    frame_meta.objects = [kept for kept in frame_meta.objects if kept is not obj_meta]


def nvds_remove_display_meta_from_frame(frame_meta: NvDsFrameMeta, display_meta: NvDsDisplayMeta) -> None:
    frame_meta.displays = [kept for kept in frame_meta.displays if kept is not display_meta]


def nvds_clear_obj_meta_list(frame_meta: NvDsFrameMeta, meta_list: object = None) -> None:
    frame_meta.objects = []


def nvds_get_user_meta_type(name: str) -> int:
    """A number for a user's own kind of metadata."""
    return NvDsMetaType.NVDS_START_USER_META + sum(name.encode())


def nvds_get_current_metas(frame_meta: NvDsFrameMeta) -> Iterable[NvDsObjectMeta]:
    return tuple(frame_meta.objects)


# -- tensors -----------------------------------------------------------------------------------------------------------


def get_nvds_LayerInfo(tensor_meta: NvDsInferTensorMeta, index: int) -> NvDsInferLayerInfo:
    return tensor_meta.layers[index]


def get_ptr(buffer: Any) -> int:
    """The address of a layer's numbers."""
    return int(buffer.ctypes.data) if hasattr(buffer, "ctypes") else int(buffer)


def get_detections(buffer: Any, index: int) -> float:
    """Number `index` of a layer of float32."""
    return float(ctypes.cast(get_ptr(buffer), ctypes.POINTER(ctypes.c_float))[index])


def get_segmentation_masks(segmentation: Any) -> Any:
    """The class map (height, width) int32."""
    return segmentation.class_map


# -- memory that is Python's own here ----------------------------------------------------------------------------------


def get_string(text: object) -> str:
    return "" if text is None else str(text)


def free_buffer(buffer: object) -> None:
    """Nothing to free."""


def free_gbuffer(buffer: object) -> None:
    """Nothing to free."""


def strdup(text: str) -> str:
    return text


def strdup2str(text: str) -> str:
    return text


def memdup(buffer: T, size: int = 0) -> T:
    return buffer


def alloc_buffer(size: int) -> str:
    """Text of the wanted length, to be overwritten."""
    return ""


def alloc_char_buffer(size: int) -> str:
    return ""


def generate_ts_rfc3339(buffer: object, size: int) -> None:
    """Nothing: `buffer` is text, and text cannot be written into; Sightline gives every message its time."""


def alloc_nvds_event_msg_meta(user_meta: NvDsUserMeta | None = None) -> NvDsEventMsgMeta:
    meta = NvDsEventMsgMeta()
    if user_meta is not None:
        user_meta.user_meta_data = meta
    return meta


def alloc_nvds_vehicle_object() -> Any:
    return NvDsVehicleObject()  # noqa: F405


def alloc_nvds_person_object() -> Any:
    return NvDsPersonObject()  # noqa: F405


def alloc_nvds_face_object() -> Any:
    return NvDsFaceObject()  # noqa: F405


def alloc_custom_struct(user_meta: NvDsUserMeta) -> NvDsInferAttribute:
    meta = NvDsInferAttribute()
    user_meta.user_meta_data = meta
    return meta


def set_user_copyfunc(meta: object, function: Callable[..., object]) -> None:
    """Nothing is copied here."""


def set_user_releasefunc(meta: object, function: Callable[..., object]) -> None:
    """Nothing is released here."""


user_copyfunc = register_user_copyfunc = set_user_copyfunc
user_releasefunc = register_user_releasefunc = set_user_releasefunc


def unset_callback_funcs() -> None:
    """There are none."""


def configure_source_for_ntp_sync(source: object) -> None:
    """Sightline takes the times of a live stream as they come."""


# -- pictures: a parser sees none --------------------------------------------------------------------------------------


def get_nvds_buf_surface(buffer: object, batch_id: int) -> Any:
    raise RuntimeError("pyds.get_nvds_buf_surface: a parser is not given the picture here, only the model's outputs")


def get_nvds_buf_surface_gpu(buffer: object, batch_id: int) -> Any:
    raise RuntimeError("pyds.get_nvds_buf_surface_gpu: a parser is not given the picture, only the model's outputs")


def unmap_nvds_buf_surface(buffer: object, batch_id: int) -> None:
    """Nothing was mapped."""

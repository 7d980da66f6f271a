"""DeepStream's structures for messages, analytics and past frames of tracks."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

from sightline.parsers.standins.pyds_drawing import Cast
from sightline.parsers.standins.pyds_metas import GList, chain


class NvDsEventType(IntEnum):
    NVDS_EVENT_ENTRY = 0
    NVDS_EVENT_EXIT = 1
    NVDS_EVENT_MOVING = 2
    NVDS_EVENT_STOPPED = 3
    NVDS_EVENT_EMPTY = 4
    NVDS_EVENT_PARKED = 5
    NVDS_EVENT_RESET = 6
    NVDS_EVENT_RESERVED = 0x100
    NVDS_EVENT_CUSTOM = 0x101
    NVDS_EVENT_FORCE32 = 0x7FFFFFFF


class NvDsObjectType(IntEnum):
    NVDS_OBJECT_TYPE_VEHICLE = 0
    NVDS_OBJECT_TYPE_PERSON = 1
    NVDS_OBJECT_TYPE_FACE = 2
    NVDS_OBJECT_TYPE_BAG = 3
    NVDS_OBJECT_TYPE_BICYCLE = 4
    NVDS_OBJECT_TYPE_ROADSIGN = 5
    NVDS_OBJECT_TYPE_VEHICLE_EXT = 6
    NVDS_OBJECT_TYPE_PERSON_EXT = 7
    NVDS_OBJECT_TYPE_FACE_EXT = 8
    NVDS_OBJECT_TYPE_RESERVED = 0x100
    NVDS_OBJECT_TYPE_CUSTOM = 0x101
    NVDS_OBJECT_TYPE_UNKNOWN = 0x102


@dataclass(slots=True)
class NvDsRect(Cast):
    top: float = 0.0
    left: float = 0.0
    width: float = 0.0
    height: float = 0.0


@dataclass(slots=True)
class NvDsGeoLocation(Cast):
    lat: float = 0.0
    lon: float = 0.0
    alt: float = 0.0


@dataclass(slots=True)
class NvDsCoordinate(Cast):
    x: float = 0.0
    y: float = 0.0
    z: float = 0.0


@dataclass(slots=True)
class NvDsObjectSignature(Cast):
    signature: Any = None
    size: int = 0


@dataclass(slots=True)
class NvDsVehicleObject(Cast):
    type: str = ""
    make: str = ""
    model: str = ""
    color: str = ""
    region: str = ""
    license: str = ""


@dataclass(slots=True)
class NvDsPersonObject(Cast):
    gender: str = ""
    hair: str = ""
    cap: str = ""
    apparel: str = ""
    age: int = 0


@dataclass(slots=True)
class NvDsFaceObject(Cast):
    gender: str = ""
    hair: str = ""
    cap: str = ""
    glasses: str = ""
    facialhair: str = ""
    name: str = ""
    eyecolor: str = ""
    age: int = 0


@dataclass(slots=True, eq=False)
class NvDsEventMsgMeta(Cast):
    type: int = NvDsEventType.NVDS_EVENT_ENTRY
    objType: int = NvDsObjectType.NVDS_OBJECT_TYPE_UNKNOWN
    bbox: NvDsRect = field(default_factory=NvDsRect)
    location: NvDsGeoLocation = field(default_factory=NvDsGeoLocation)
    coordinate: NvDsCoordinate = field(default_factory=NvDsCoordinate)
    objSignature: NvDsObjectSignature = field(default_factory=NvDsObjectSignature)
    objClassId: int = 0
    sensorId: int = 0
    moduleId: int = 0
    placeId: int = 0
    componentId: int = 0
    frameId: int = 0
    confidence: float = 0.0
    trackingId: int = 0
    ts: str = ""
    objectId: str = ""
    sensorStr: str = ""
    otherAttrs: str = ""
    videoPath: str = ""
    extMsg: Any = None
    extMsgSize: int = 0


@dataclass(slots=True, eq=False)
class NvDsAnalyticsFrameMeta(Cast):
    objInROIcnt: dict[str, int] = field(default_factory=dict[str, int])
    objLCCurrCnt: dict[str, int] = field(default_factory=dict[str, int])
    objLCCumCnt: dict[str, int] = field(default_factory=dict[str, int])
    ocStatus: dict[str, bool] = field(default_factory=dict[str, bool])
    objCnt: dict[int, int] = field(default_factory=dict[int, int])
    unique_id: int = 0


@dataclass(slots=True, eq=False)
class NvDsAnalyticsObjInfo(Cast):
    roiStatus: list[str] = field(default_factory=list[str])
    ocStatus: list[str] = field(default_factory=list[str])
    lcStatus: list[str] = field(default_factory=list[str])
    dirStatus: str = ""
    objStatus: str = ""
    unique_id: int = 0


@dataclass(slots=True, eq=False)
class NvDsTargetMiscDataFrame(Cast):
    frameNum: int = 0
    tBbox: NvDsRect = field(default_factory=NvDsRect)
    confidence: float = 0.0
    age: int = 0
    trackerState: int = 0
    visibility: float = 0.0


@dataclass(slots=True, eq=False)
class NvDsTargetMiscDataObject(Cast):
    frames: list[NvDsTargetMiscDataFrame] = field(default_factory=list[NvDsTargetMiscDataFrame])
    uniqueId: int = 0
    classId: int = 0
    objLabel: str = ""

    @property
    def numObj(self) -> int:
        return len(self.frames)

    @staticmethod
    def list(item: Any) -> Any:
        """Its frames, to be walked through."""
        return iter(item.frames)


@dataclass(slots=True, eq=False)
class NvDsTargetMiscDataStream(Cast):
    objects: list[NvDsTargetMiscDataObject] = field(default_factory=list)
    streamID: int = 0
    surfaceStreamID: int = 0

    @property
    def numFilled(self) -> int:
        return len(self.objects)

    @staticmethod
    def list(item: Any) -> Any:
        """Its objects, to be walked through."""
        return iter(item.objects)


@dataclass(slots=True, eq=False)
class NvDsTargetMiscDataBatch(Cast):
    streams: list[NvDsTargetMiscDataStream] = field(default_factory=list)

    @property
    def numFilled(self) -> int:
        return len(self.streams)

    @property
    def stream_list(self) -> GList | None:
        return chain(self.streams)

    @staticmethod
    def list(item: Any) -> Any:
        """Its streams, to be walked through."""
        return iter(item.streams)

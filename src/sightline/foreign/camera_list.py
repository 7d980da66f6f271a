"""service-maker's list of cameras of this machine (camera_list.yaml) -> the devices to read."""

from __future__ import annotations

from sightline.config import StreamConfig
from sightline.errors import ConfigError
from sightline.foreign.fates import Rules
from sightline.foreign.key_tables import KeyTable
from sightline.foreign.keyfile import Entry
from sightline.foreign.reasons import translated
from sightline.foreign.side_reasons import passed
from sightline.foreign.values import fault, text, whole
from sightline.foreign.written import Written

__all__ = ["CAMERAS", "CAMERA_LIST", "cameras_of", "is_cameras"]

_STEM = "camera-list."
CAMERAS = KeyTable(
    {},
    {
        "camera-list.#.camera-type": translated("streams.url", "V4L2 or CSI: which of the two numbers counts"),
        "camera-list.#.camera-v4l2-dev-node": translated("streams.url", "the device of that number"),
        "camera-list.#.camera-csi-sensor-id": translated("streams.url", "the device of that number"),
        "camera-list.#.camera-*": passed("camera"),
        "camera-list.#.gpu-id": passed("hardware"),
        "camera-list.#.nvbuf-mem-type": passed("memory"),
        "camera-list.#.nvvideoconvert-copy-hw": passed("hardware"),
    },
)
CAMERA_LIST = Rules(lambda group: None if group else CAMERAS, ("",), "a list of cameras")
_NUMBER = {"v4l2": "camera-v4l2-dev-node", "csi": "camera-csi-sensor-id"}


def is_cameras(written: Written) -> bool:
    """Whether it lists cameras."""
    return any(entry.key.startswith(_STEM) for entry in written.entries)


def cameras_of(written: Written) -> tuple[StreamConfig, ...]:
    """One stream a camera. Raises ConfigError naming file, line and key of what is wrong."""
    cameras: dict[str, dict[str, Entry]] = {}
    for entry in written.entries:
        if entry.key.startswith(_STEM) and entry.key.count(".") >= 2:
            number, key = entry.key.removeprefix(_STEM).split(".", 1)
            cameras.setdefault(number, {})[key] = entry
    return tuple(StreamConfig(url=_url(said)) for said in cameras.values())


def _url(said: dict[str, Entry]) -> str:
    kind = said.get("camera-type")
    word = "v4l2" if kind is None else text(kind).lower()
    if kind is not None and word not in _NUMBER:
        raise fault(kind, "expected V4L2 or CSI")
    entry = said.get(_NUMBER[word])
    number = 0 if entry is None else whole(entry)
    if entry is not None and not 0 <= number < 256:
        raise fault(entry, "expected the number of a device, 0 to 255")
    if kind is None and entry is None:
        first = next(iter(said.values()))
        raise ConfigError(f"{first.where}: a camera needs camera-type, and {_NUMBER['v4l2']} or {_NUMBER['csi']}")
    return f"/dev/video{number}"

"""[osd], [segvisual], [tiled-display], [sinkN] and their kin -> what is drawn, shown and written."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import PurePath

from sightline.errors import ConfigError
from sightline.foreign.app_groups import Group
from sightline.foreign.app_inference import colour, veil
from sightline.foreign.app_plan import AppPlan, Messages, Output, Tiles
from sightline.foreign.keyfile import Entry
from sightline.foreign.places import Places
from sightline.foreign.reasons import REASONS
from sightline.foreign.values import fault, text, whole

__all__ = ["bits_of", "messages_of", "osd_of", "read_drawing", "read_outputs", "read_tiles", "unit_of", "video_output"]

_PT = 4 / 3  # pixels of a point, at the 96 dots an inch of screens
_SIDES = (16, 8192)
_CODECS = {0: "h264", 1: "h264", 2: "h265", 3: "h264"}
_PRESETS = ("", "ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow")
_SUFFIXES = {1: ".mp4", 2: ".mkv"}
_BITS = (1_000, 1_000_000_000)  # a second
_LONGEST_GOP = 100_000
_FAKE, _SCREEN, _FILE, _RTSP, _OVERLAY, _BROKER = range(1, 7)


# -- what is drawn -----------------------------------------------------------------------------------------------------


def read_drawing(groups: Sequence[Group], plan: AppPlan, *, always: bool) -> None:
    """always: the application draws whether or not it has a group [osd]."""
    osd = next((group for group in groups if group.base == "osd"), None)
    visual = next((group for group in groups if group.base == "segvisual"), None)
    tracker = next((group for group in groups if group.base == "tracker#"), None)
    if osd is None and visual is None and not always:
        return
    plan.overlay = {"kind": "boxes", "scores": False, "traces": False, **({} if osd is None else osd_of(osd))}
    if tracker is not None and not tracker.flag("display-tracking-id", default=True):
        plan.overlay["ids"] = False
    if visual is not None and (alpha := visual.get("alpha")) is not None:
        plan.overlay["alpha"] = _share(alpha)


def osd_of(group: Group) -> dict[str, object]:
    """The overlay's options that an [osd] or an nvdsosd asks for."""
    found: dict[str, object] = {}
    if (width := group.get("border-width")) is not None:
        found["thickness"] = max(1, group.whole("border-width"))
        if group.whole("border-width") < 0:
            raise fault(width, "expected the width of an edge in pixels")
    if group.get("text-size", "font-size") is not None:
        found["text_px"] = max(1, round(group.whole("text-size", "font-size") * _PT))
    if not group.flag("display-text", default=True):
        found |= {"labels": False, "ids": False, "said": False}
    if not group.flag("display-mask", default=True):
        found["masks"] = False
    if not group.flag("display-bbox", default=True):
        found["boxes"] = False
    if (letters := group.get("text-color")) is not None:
        found["text_color"] = colour(letters)
    if (plate := group.get("text-bg-color")) is not None:
        found["plate_color"] = veil(plate)
    return found | _clock(group)


def _clock(group: Group) -> dict[str, object]:
    """The time of day, as [osd] or an nvdsosd words it."""
    if not group.flag("show-clock", "display-clock"):
        return {}
    at = [group.whole("clock-x-offset", "x-clock-offset"), group.whole("clock-y-offset", "y-clock-offset")]
    found: dict[str, object] = {"clock": True, "clock_at": at}
    if group.get("clock-text-size", "clock-font-size") is not None:
        found["clock_px"] = max(1, round(group.whole("clock-text-size", "clock-font-size") * _PT))
    if (shade := group.get("clock-color")) is not None:
        found["clock_color"] = _packed(shade) if _PACKED.fullmatch(text(shade)) else colour(shade)
    return found


_PACKED = re.compile(r"0[xX][0-9a-fA-F]{1,8}|[0-9]{2,10}")


def _packed(entry: Entry) -> str:
    """An element's colour: red, green, blue and alpha as the bytes of one number."""
    return f"#{int(text(entry), 0) >> 8 & 0xFFFFFF:06x}"


def _share(entry: Entry) -> float:
    try:
        value = float(text(entry))
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise fault(entry, "expected a number from 0 to 1")
    return value


def read_tiles(groups: Sequence[Group], plan: AppPlan) -> bool:
    """The mosaic, where there is one. Returns whether streams are also shown one by one (enable=2)."""
    tiles = next((group for group in groups if group.base in ("tiled-display", "tiler")), None)
    if tiles is None:
        return False
    sides = [tiles.whole(key, default=default) for key, default in (("width", 1280), ("height", 720))]
    rows, columns = (max(0, tiles.whole(key)) for key in ("rows", "columns"))
    if not all(_SIDES[0] <= side <= _SIDES[1] for side in sides):
        raise ConfigError(f"{tiles.where}: [{tiles.name}]: {sides[0]}x{sides[1]}: each side {_SIDES[0]} to {_SIDES[1]}")
    plan.tiles = Tiles(rows, columns, sides[0], sides[1])
    return tiles.text("enable") == "2"


# -- what is written ---------------------------------------------------------------------------------------------------


def read_outputs(groups: Sequence[Group], plan: AppPlan, places: Places, *, both: bool) -> None:
    """Every sink. both: streams are shown as tiles and one by one."""
    shared = next((group for group in groups if group.base == "message-converter"), None)
    for group in groups:
        if group.base == "sink#":
            plan.outputs += _sink(group, shared, plan, places, both)
        elif group.base in ("output", "filesink", "eglsink", "rtspsink"):
            plan.outputs += _tao_sink(group, plan)
        elif group.base == "msgbroker":
            converter = next((other for other in groups if other.base == "msgconv"), None)
            plan.outputs.append(messages_of(group, converter, places))
        elif group.base == "application":
            _results(group, plan)


def _sink(group: Group, shared: Group | None, plan: AppPlan, places: Places, both: bool) -> list[Output]:
    kind = group.whole("type", "sink-type", default=_FILE if group.get("location", "output-file") else _SCREEN)
    alone = both and group.flag("link-to-demux")
    tiled = plan.tiles is not None and not alone
    stream = None if tiled else max(0, group.whole("source-id"))
    if kind in (_SCREEN, _OVERLAY):
        return [Output("show", pace=group.flag("sync", default=True))]
    if kind == _FILE:
        return [replace(video_output(group, plan), tiled=tiled, stream=stream)]
    if kind == _BROKER:
        return [messages_of(group, shared, places)]
    if kind == _RTSP:
        plan.notes.append(f"{group.where}: [{group.name}]: {REASONS['rtsp-server']}")
    elif kind != _FAKE:
        known = "1 none, 2 and 5 window, 3 file, 4 RTSP, 6 messages"
        raise ConfigError(f"{group.where}: [{group.name}]: type={kind} is no type of a sink: {known}")
    return []


def video_output(group: Group, plan: AppPlan) -> Output:
    """An encoded file. Its suffix follows the container, since here the suffix decides on it."""
    path = group.text("output-file", "location", "filename", default="out.mp4")
    number, container = group.whole("codec", default=1), group.whole("container")
    if number not in _CODECS:
        raise ConfigError(f"{group.where}: [{group.name}]: codec={number}: 1 H.264, 2 H.265, 3 MPEG-4")
    if number == 3:
        plan.notes.append(f"{group.where}: [{group.name}]: MPEG-4 is not written; H.264 is")
    suffix = _SUFFIXES.get(container, "")
    if suffix or PurePath(path).suffix.lower() not in (".mp4", ".mkv", ".mov", ".m4v"):
        path = str(PurePath(path).with_suffix(suffix or ".mp4"))
    preset = group.whole("sw-preset")
    word = _PRESETS[min(max(preset, 0), len(_PRESETS) - 1)]
    return Output("video", path, _CODECS[number], word, bits_of(group.get("bitrate")), _key_every(group))


def bits_of(entry: Entry | None, unit: int = 1) -> int:
    """Bits a second of a number of `unit` bits; 0 where nothing is said. Raises ConfigError."""
    value = 0 if entry is None else whole(entry) * unit
    if entry is not None and value and not _BITS[0] <= value <= _BITS[1]:
        raise fault(entry, f"expected {_BITS[0] // unit or 1} to {_BITS[1] // unit}")
    return value


def unit_of(encoder: str) -> int:
    """Bits of a second's unit of an encoder's bitrate."""
    return 1000 if encoder in ("x264enc", "x265enc") else 1


def _key_every(group: Group) -> int:
    """Pictures from one key picture to the next; 0 and the largest number there is: the encoder's own choice."""
    value = group.whole("iframeinterval", "key-int-max")
    return value if 0 < value < _LONGEST_GOP else 0


def _tao_sink(group: Group, plan: AppPlan) -> list[Output]:
    """Of the TAO applications: [output] with a type, or a group each."""
    kinds = {"filesink": 1, "eglsink": 3, "rtspsink": 4}
    if group.base in kinds and group.get("enable") is None and group.get("location") is None:
        return []
    kind = kinds.get(group.base) or group.whole("type", default=1)
    if kind == 3:
        return [Output("show", pace=group.flag("sync", default=True))]
    if kind == 4:
        plan.notes.append(f"{group.where}: [{group.name}]: {REASONS['rtsp-server']}")
    if kind != 1:
        return []
    name = group.text("filename", "location", default="out")
    path = name if PurePath(name).suffix.lower() in (".mp4", ".mkv", ".mov", ".m4v") else f"{name}.mp4"
    codec = "h265" if group.whole("codec") == 1 else "h264"
    bits = bits_of(group.get("bitrate"))
    return [Output("video", path, codec, bitrate=bits, gop=_key_every(group), tiled=plan.tiles is not None)]


def messages_of(group: Group, converter: Group | None, places: Places) -> Output:
    """What would go to a broker, as lines of a file called after the topic."""
    names = ("msg-conv-config", "config", "config-file")
    own = group if group.get("msg-conv-config", "msg-conv-payload-type") or converter is None else converter
    named = own.get(*names[: 1 if own is group else 3])
    config = None if named is None else places.found(text(named), own.file)
    kind = own.whole("msg-conv-payload-type", "payload-type")
    every = max(1, own.whole("msg-conv-frame-interval", "frame-interval", default=1))
    new = own.flag("msg-conv-msg2p-new-api", "msg2p-newapi", "msg2p-new-api")
    topic = re.sub(r"[^\w.\-]+", "_", group.text("topic")).strip("_.") or "messages"
    payload = "deepstream-minimal" if kind == 1 else "deepstream"
    muxed = new or group.base != "sink#"  # deepstream-test5 makes the old form itself, in the source's own pixels
    made = Messages(payload, every, "new" if new else "old", muxed, config)
    return Output("messages", f"{topic}.jsonl", messages=made)


def _results(group: Group, plan: AppPlan) -> None:
    """Folders in which that program leaves a text a frame: ours get all results in one."""
    for key in ("gie-kitti-output-dir", "kitti-track-output-dir"):
        folder = group.text(key)
        if folder and f"{folder.rstrip('/')}/" not in plan.results:
            plan.results.append(f"{folder.rstrip('/')}/")

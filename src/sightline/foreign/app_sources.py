"""[sourceN], [source-list], [source-attr-all] and tables of sources -> the inputs of an application."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from sightline.errors import ConfigError
from sightline.foreign.app_groups import Group
from sightline.foreign.app_plan import AppPlan, Camera
from sightline.foreign.keyfile import Entry
from sightline.foreign.places import Places
from sightline.foreign.values import fault, flag, text
from sightline.foreign.written import read_written

__all__ = ["address", "read_sources"]

_CAMERA, _MULTI, _CSI = 1, 3, 5
_SOUND = (6, 7, 8)
_IPC = 9
_MOST = 1024
_WIDEST, _FASTEST = 1 << 14, 1000
_BEFORE_S = 5  # that DeepStream keeps where nothing is said
_COUNTER = re.compile(r"%0?\d*[du]")
_SCHEME = re.compile(r"^[A-Za-z][A-Za-z0-9+.\-]*://")
_TCP, _ANY = 4, 0  # bits of select-rtp-protocol


def read_sources(groups: Sequence[Group], plan: AppPlan, places: Places) -> None:
    """Every input into `plan`, in order. Raises ConfigError naming file, line and key of what is wrong."""
    shared = next((group for group in groups if group.base == "source-attr-all"), None)
    for group in groups:
        if group.base == "source-list":
            plan.cameras += _listed(group, shared, plan, places)
        elif group.base == "source#":
            plan.cameras += _of_source(group, plan, places)
        elif group.base in ("server-app-ctx", "multiurisrcbin"):
            plan.cameras += _listed(group, None, plan, places)
        if group.base in ("source#", "server-app-ctx", "multiurisrcbin"):
            plan.loop = plan.loop or group.flag("file-loop", "loop")
    if len(plan.cameras) > _MOST:
        raise ConfigError(f"{plan.file}: {len(plan.cameras)} inputs; at most {_MOST} make sense")


def _of_source(group: Group, plan: AppPlan, places: Places) -> Iterator[Camera]:
    table = group.get("csv-file-path")
    if table is not None:
        yield from _of_table(table, group, plan, places)
    elif group.get("uri-list", "uri_list", "list"):
        yield from _listed(group, None, plan, places)
    else:
        yield from _cameras(group, plan, places)


def _cameras(group: Group, plan: AppPlan, places: Places) -> Iterator[Camera]:
    """The one or several inputs of one group."""
    kind = group.whole("type", default=2)
    named = group.get("uri", "location")
    if kind in _SOUND:
        plan.notes.append(f"{group.where}: [{group.name}] is sound, which is not looked at")
        return
    if not _CAMERA <= kind <= _IPC:
        known = "1 camera, 2 and 3 addresses, 4 RTSP, 5 CSI sensor"
        raise ConfigError(f"{group.where}: [{group.name}]: type={kind} is no type of a source: {known}")
    plain = _attributes(group)
    if kind in (_CAMERA, _CSI):
        key = "camera-v4l2-dev-node" if kind == _CAMERA else "camera-csi-sensor-id"
        if kind == _CSI:
            plan.notes.append(f"{group.where}: a CSI sensor is opened as the device that its driver makes of it")
        yield replace(plain, url=f"/dev/video{group.whole(key)}", size_wh=_size(group), fps=_rate(group))
        return
    if named is None:
        raise ConfigError(f"{group.where}: [{group.name}] names no input: write uri=...")
    many = group.whole("num-sources", default=1) if kind == _MULTI else 1
    if not 1 <= many <= _MOST:
        if many > _MOST:
            raise ConfigError(f"{group.where}: num-sources={many}; at most {_MOST} make sense")
        many = 1
    for number in range(many):
        filled = _COUNTER.sub(lambda match, n=number: match.group() % n, text(named)) if kind == _MULTI else text(named)
        id = f"{plain.id}-{number}" if plain.id and number else plain.id
        yield replace(plain, url=address(filled, group.file, places), id=id, where=named.where)


def _size(group: Group) -> tuple[int, int] | None:
    """Width and height that a camera is asked for; None where one of them is not said."""
    sides = group.whole("camera-width"), group.whole("camera-height")
    return sides if all(0 < side <= _WIDEST for side in sides) else None


def _rate(group: Group) -> float | None:
    """Frames a second that a camera is asked for."""
    above, below = group.whole("camera-fps-n"), group.whole("camera-fps-d", default=1)
    return above / below if below > 0 and 0 < above <= _FASTEST * below else None


def _attributes(group: Group) -> Camera:
    """What a group says of its input beside the address."""
    protocol = group.get("select-rtp-protocol", "set-rtp-protocol")
    wanted = group.whole("select-rtp-protocol", "set-rtp-protocol", default=_ANY)
    if protocol is not None and wanted < 0:
        raise fault(protocol, "0 any, 4 TCP, 1 UDP")
    transport = "tcp" if wanted == _ANY or wanted & _TCP else "udp"
    camera = group.get("camera-id")
    id = "" if camera is None else f"camera-{text(camera)}"
    drop = max(0, group.whole("drop-frame-interval"))
    return Camera("", group.where, id, transport, drop, _recording(group))


def _recording(group: Group) -> dict[str, object] | None:
    """Snippets of it, which a user's rules begin and end; their lengths in seconds."""
    if group.whole("smart-record") <= 0:
        return None
    before = max(0, group.whole("smart-rec-start-time", default=_BEFORE_S))
    kept = max(0, group.whole("smart-rec-cache", "smart-rec-video-cache", default=before))
    longest = group.whole("smart-rec-default-duration", "smart-rec-duration")
    folder = group.text("smart-rec-dir-path", default="recordings")
    prefix = group.text("smart-rec-file-prefix")
    found: dict[str, object] = {"path": f"{folder.rstrip('/')}/", "pre_s": min(before, kept)}
    if prefix:
        found["name"] = f"{prefix}-{{stream}}-{{time}}"
    if longest > 0:
        found["longest_s"] = longest
    return found


def _listed(group: Group, shared: Group | None, plan: AppPlan, places: Places) -> Iterator[Camera]:
    """A list of addresses with what [source-attr-all] says of all of them."""
    entry = group.get("list", "uri-list", "uri_list", "uri")
    addresses = [] if entry is None else _items(text(entry))
    ids = _items(group.text("sensor-id-list")) or _items(group.text("sensor-name-list"))
    count = group.get("num-source-bins")
    if count is not None and addresses and group.whole("num-source-bins") not in (0, len(addresses)):
        plan.notes.append(f"{count.where}: num-source-bins={count.value}, but the list has {len(addresses)}; it counts")
    plain = _attributes(shared) if shared is not None else _attributes(group)
    for i, item in enumerate(addresses):
        where = group.where if entry is None else entry.where
        url = address(item, group.file, places)
        yield replace(plain, url=url, where=where, id=ids[i] if i < len(ids) else plain.id if i == 0 else "")


def _items(value: str) -> list[str]:
    parts = re.split(r";|,(?=\s*(?:[A-Za-z][A-Za-z0-9+.\-]*:/|/|\w+\s*(?:,|$)))", value)
    return [part.strip().strip("\"'") for part in parts if part.strip()]


def _of_table(named: Entry, group: Group, plan: AppPlan, places: Places) -> Iterator[Camera]:
    """A CSV: one source a line."""
    path = places.found(text(named), group.file)
    if path is None:
        raise fault(named, "no such file; --root DIR or --map OLD=NEW says where it is")
    written = read_written(path)
    for row in written.groups:
        said = {entry.key: entry for entry in written.entries if entry.group == row and not entry.stray}
        if "enable" in said and not flag(said["enable"]):
            continue
        # addresses in a table are relative to the application, as there
        yield from _cameras(Group(row, "source#", group.file, said), plan, places)


def address(named: str, beside: Path, places: Places) -> str:
    """An address as it is, a file as the path where it is; one that is missing as the path where it should be."""
    mapped = places.mapping.of(named)
    if _SCHEME.match(mapped) and not mapped.startswith("file://"):
        return mapped
    found = places.found(named, beside) or places.path(named, beside)
    return named if found is None else str(found)

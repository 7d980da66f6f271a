"""A service-maker pipeline's nodes -> the groups that an application's file would have for them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from sightline.foreign.app_groups import Group
from sightline.foreign.app_outputs import bits_of, unit_of
from sightline.foreign.element_keys import SCREENS
from sightline.foreign.keyfile import Entry
from sightline.foreign.places import Places
from sightline.foreign.service_maker import Node, nodes_of
from sightline.foreign.values import text
from sightline.foreign.written import Written, read_written

__all__ = ["groups_of_nodes", "groups_of_pipeline"]

_FILES = (
    "filesrc",
    "multifilesrc",
    "uridecodebin",
    "uridecodebin3",
    "nvurisrcbin",
    "rtspsrc",
    "souphttpsrc",
    "playbin",
)
# element -> (group, what its properties are called there, what the group says beside)
_ELEMENTS: dict[str, tuple[str, Mapping[str, str], Mapping[str, str]]] = {
    **{name: ("source#", {"location": "uri"}, {"type": "2"}) for name in _FILES},
    "nvmultiurisrcbin": ("multiurisrcbin", {}, {}),
    "v4l2src": ("source#", {"device": "uri"}, {"type": "2"}),
    "nvv4l2camerasrc": ("source#", {"device": "uri"}, {"type": "2"}),
    "nvarguscamerasrc": ("source#", {"sensor-id": "camera-csi-sensor-id"}, {"type": "5"}),
    "nvstreammux": ("streammux", {}, {}),
    "nvtracker": ("tracker#", {}, {}),
    "nvdsosd": ("osd", {}, {}),
    "nvosdbin": ("osd", {}, {}),
    "nvsegvisual": ("segvisual", {}, {}),
    "nvmultistreamtiler": ("tiled-display", {}, {"enable": "1"}),
    "nvdsanalytics": ("nvds-analytics#", {}, {}),
    "nvdspreprocess": ("pre-process", {}, {}),
    "nvdewarper": ("dewarper#", {}, {}),
    "nvmsgconv": ("msgconv", {}, {}),
    "nvmsgbroker": ("msgbroker", {}, {}),
    **{
        name: ("sink#", {"location": "output-file"}, {"type": "3"})
        for name in ("filesink", "multifilesink", "splitmuxsink")
    },
    "nvvideoencfilesinkbin": ("sink#", {}, {"type": "3"}),
    "fakesink": ("sink#", {}, {"type": "1"}),
    "udpsink": ("sink#", {}, {"type": "4"}),
    "nvrtspoutsinkbin": ("sink#", {}, {"type": "4"}),
    **{name: ("sink#", {}, {"type": "2"}) for name in SCREENS},
}
_INFER = ("nvinfer", "nvinferserver", "nvinferbin", "nvinferserverbin")
_INFER_WORDS = {"infer-on-gie-id": "operate-on-gie-id", "infer-on-class-ids": "operate-on-class-ids"}
_CODERS = ("h264enc", "h265enc", "x264enc", "x265enc", "mpeg4enc", "avenc_mpeg4")
_CODECS = {"nvv4l2h265enc": "2", "x265enc": "2"}
_OFF = ("0", "false", "no", "off")


def groups_of_pipeline(written: Written, places: Places) -> tuple[Group, ...]:
    """The groups of every node that is on, and of the lists of sources beside them."""
    return (*_listed(written), *groups_of_nodes(nodes_of(written), written.path, places))


def groups_of_nodes(nodes: list[Node], file: Path, places: Places) -> Iterator[Group]:
    """file: what names are relative to. Elements that only pass pictures on have no group."""
    encoded = _encoded(nodes)
    primaries = 0
    for node in nodes:
        enable = node.properties.get("enable")
        if not node.on or (enable is not None and enable.value.lower() in _OFF):
            continue
        if node.kind in _INFER:
            base = "secondary-gie#" if _is_secondary(node, file, places, primaries) else "primary-gie#"
            primaries += base == "primary-gie#"
            yield _group(node, base, _INFER_WORDS, {}, file)
        elif node.kind in _ELEMENTS:
            base, words, beside = _ELEMENTS[node.kind]
            more = encoded if beside.get("type") == "3" else {}
            yield _group(node, base, words, {**beside, **more}, file)


def _encoded(nodes: list[Node]) -> dict[str, str]:
    """What the pipeline's encoder says of its videos."""
    coders = [node for node in nodes if node.on and node.kind.endswith(_CODERS)]
    found = {"codec": next((_CODECS[node.kind] for node in coders if node.kind in _CODECS), "1")}
    for node in coders[:1]:
        bits = bits_of(node.properties.get("bitrate"), unit_of(node.kind))
        every = node.properties.get("iframeinterval") or node.properties.get("key-int-max")
        found |= {"bitrate": str(bits)} if bits else {}
        found |= {"iframeinterval": text(every)} if every is not None else {}
    return found


def _group(node: Node, base: str, words: Mapping[str, str], beside: Mapping[str, str], file: Path) -> Group:
    path, _, line = node.where.rpartition(":")
    said = {key: Entry(path, int(line), base, key, value) for key, value in beside.items()}
    for key, entry in node.properties.items():
        name = words.get(key, key)
        value = entry.value.replace(":", ";") if name == "operate-on-class-ids" else entry.value
        said[name] = replace(entry, key=key, value=value)
    return Group(node.name or node.kind, base, file, said)


def _is_secondary(node: Node, file: Path, places: Places, primaries: int) -> bool:
    """By its process-mode, there or in its file; where neither says so, the first is the primary."""
    if (mode := node.properties.get("process-mode")) is not None:
        return text(mode) in ("2", "secondary")
    if primaries == 0:
        return False
    named = node.properties.get("config-file-path")
    found = None if named is None else places.found(text(named), file)
    if found is None:
        return True
    written = read_written(found)
    said = written.value("property", "process-mode") or written.value("input_control", "process_mode")
    return said not in ("1", "PROCESS_MODE_FULL_FRAME")


def _listed(written: Written) -> Iterator[Group]:
    """source-list and camera-list: one group an item; what source-config says of all of them is of the server's."""
    items: dict[tuple[str, str], dict[str, Entry]] = {}
    for entry in written.entries:
        name, _, rest = f"{entry.group}.{entry.key}".strip(".").partition(".")
        number, _, key = rest.partition(".")
        if name in ("source-list", "camera-list") and number.isdigit():
            items.setdefault((name, number), {})[key] = entry
    for (name, number), said in items.items():
        found = dict(said)
        if name == "camera-list":
            csi = "camera-type" in said and "csi" in said["camera-type"].value.lower()
            first = next(iter(said.values()))
            found["type"] = replace(first, key="type", value="5" if csi else "1")
        if (id := said.get("sensor-id") or said.get("sensor-name")) is not None:
            found["sensor-id-list"] = id
            found["list"] = found.pop("uri")
        yield Group(f"{name}.{number}", "source#", written.path, found)

"""Pipelines of DeepStream's service maker in YAML: nodes with their properties, and the edges between them.

https://docs.nvidia.com/metropolis/deepstream/dev-guide/text/DS_service_maker_intro.html
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from sightline.foreign.element_keys import ELEMENTS
from sightline.foreign.fates import KeyFate, Known
from sightline.foreign.keyfile import Entry
from sightline.foreign.kind import FILE, Link
from sightline.foreign.reasons import REASONS, each, honoured, ignored, translated
from sightline.foreign.tao_keys import TAO_GROUPS
from sightline.foreign.written import Written

__all__ = ["SOURCES", "Node", "fates_of_pipeline", "is_pipeline", "links_of_pipeline", "nodes_of"]

_NODE = re.compile(r"^nodes\.(\d+)\.(type|name|enable|properties\.(.+))$")
# what a property names
_FILES = {
    "config-file-path": "nvinfer",
    "config-file": "",
    "ll-config-file": "nvtracker",
    "config": "msgconv",
    "location": FILE,
    "uri": FILE,
}
# What a sources file beside a pipeline may say: `source-list`, `source-config`, `camera-list`.
SOURCES: dict[str, Known] = {
    "uri": honoured("streams.url"),
    "sensor-id": translated("streams.id"),
    "sensor-name": translated("streams.id", "where there is no sensor-id"),
    "source-bin": ignored("says-itself"),
    "camera-type": honoured("streams.url", "V4L2 or CSI"),
    "camera-v4l2-dev-node": translated("streams.url", "the device of that number"),
    "camera-csi-sensor-id": translated("streams.url", "the device of that number"),
    **each(
        ("camera-width", "camera-height", "camera-fps-n", "camera-fps-d"),
        ignored("not-yet", more="the camera's own choice is taken"),
    ),
    **each(("gpu-id", "nvvideoconvert-copy-hw"), ignored("hardware")),
    **each(("nvbuf-mem-type", "nvbuf-memory-type"), ignored("memory")),
}
_OF_NODE = {
    "type": honoured("sinks.kind", "what the node is"),
    "name": ignored("links"),
    "enable": honoured("then", "false leaves the node out"),
}
_LISTS = ("source-list", "camera-list", "source-config")


@dataclass(slots=True)
class Node:
    """One element. properties: name -> the entry that says it. where: "file:line" of its beginning."""

    kind: str = ""
    name: str = ""
    on: bool = True
    where: str = ""
    properties: dict[str, Entry] = field(default_factory=dict[str, Entry])


def is_pipeline(written: Written) -> bool:
    """A pipeline, or a file of sources beside one."""
    if written.form != "yaml":
        return False
    firsts = {entry.key.split(".")[0] for entry in written.entries if entry.group in ("", "deepstream")}
    lists = written.has("source-config") or bool(firsts & {"source-list", "camera-list"})
    return "nodes" in firsts or (lists and not written.has("source-list", "streammux", "primary-gie"))


def nodes_of(written: Written) -> list[Node]:
    """Every node in order; those that are switched off too."""
    nodes: dict[int, Node] = {}
    for entry in written.entries:
        match = _NODE.match(entry.key)
        if match is None:
            continue
        node = nodes.setdefault(int(match[1]), Node(where=entry.where))
        if match[2] == "type":
            node.kind = entry.value
        elif match[2] == "name":
            node.name = entry.value
        elif match[2] == "enable":
            node.on = entry.value.lower() not in ("false", "0", "no", "off")
        else:
            node.properties[match[3]] = entry
    return [nodes[number] for number in sorted(nodes)]


def fates_of_pipeline(written: Written) -> tuple[KeyFate, ...]:
    """One fate an entry, in order."""
    kinds = {i: node.kind for i, node in enumerate(nodes_of(written))}
    return tuple(_fate(entry, kinds) for entry in written.entries)


def _fate(entry: Entry, kinds: dict[int, str]) -> KeyFate:
    known = _known(entry, kinds)
    if isinstance(known, str):
        return KeyFate(entry.file, entry.line, entry.group, entry.key, entry.value, "unknown", "", known)
    if known.status == "ignored" and entry.value.lower() in known.idle:
        known = Known("honoured", "", "asks for nothing")
    return KeyFate(entry.file, entry.line, entry.group, entry.key, entry.value, known.status, known.as_, known.why)


def _known(entry: Entry, kinds: dict[int, str]) -> Known | str:
    """What becomes of it, or why nobody knows."""
    match = _NODE.match(entry.key)
    if match is not None:
        kind = kinds.get(int(match[1]), "")
        table = ELEMENTS.get(kind)
        if match[3] is None:
            if match[2] == "type" and table is None:
                return Known("ignored", "", f"{REASONS['not-yet']}: an element of another kind")
            return _OF_NODE[match[2]]
        if table is None:
            return Known("ignored", "", f"{REASONS['not-yet']}: a property of an element of another kind")
        found = table.get(match[3])
        if found is not None:
            return found
        near = difflib.get_close_matches(match[3], list(table), n=1, cutoff=0.75)
        return f"{kind} has no such property" + (f"; did you mean {near[0]}?" if near else "")
    if entry.group == "edges" or entry.key.split(".")[0] in ("edges", "links"):
        return ignored("links")
    path = f"{entry.group}.{entry.key}".strip(".").split(".")
    if path[0] == "deepstream" or path[0] in _LISTS:
        if "properties" in path:
            return TAO_GROUPS["multiurisrcbin"].get(path[-1]) or ELEMENTS["nvmultiurisrcbin"].get(path[-1]) or _odd()
        return SOURCES.get(path[-1]) or ELEMENTS["nvmultiurisrcbin"].get(path[-1]) or _odd()
    return _odd()


def _odd() -> str:
    return "the service maker has no such key"


def links_of_pipeline(written: Written) -> Iterator[Link]:
    """The files that its properties name."""
    for entry in written.entries:
        kind = _FILES.get(entry.key.rsplit(".", 1)[-1])
        if kind is not None and entry.value:
            yield Link(entry, entry.value, kind)

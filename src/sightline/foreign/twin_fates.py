"""What becomes of every key of a twin, or of the deployment template around one."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator

from sightline.errors import ModelError, SightlineError
from sightline.foreign.fates import KeyFate, Known
from sightline.foreign.gst_elements import fates_of_launch
from sightline.foreign.gst_launch import parse_launch
from sightline.foreign.json_text import Json, parse_json
from sightline.foreign.keyfile import Entry
from sightline.foreign.kind import FILE, Link
from sightline.foreign.reasons import honoured, translated
from sightline.foreign.secrets import hidden, shown
from sightline.foreign.twin import LIGHT_TRACKER, components_of, components_path
from sightline.foreign.written import Written

__all__ = ["COMPONENT_KEYS", "fates_of_twin", "is_twin", "links_of_twin"]


def _no(why: str) -> Known:
    return Known("ignored", "", why)


_NAME = "what messages and files call it"
_RECOGNISED = "the file says itself which of the two inference plugins it is for"
# the way within the components, without numbers -> what becomes of it
COMPONENT_KEYS: dict[str, Known] = {
    "logLevel": _no("words for that program's log; sightline has its own, and --debug"),
    "sensors.name": honoured("streams.id"),
    "sensors.kind.type": honoured("streams", "vision is the only one that is known"),
    "sensors.kind.subtype": translated("streams.url", "USB makes a device of the endpoint; else the endpoint tells"),
    "sensors.endpoint": honoured("streams.url"),
    "sensors.regionsOfInterest.label": honoured("streams.analytics.name"),
    "sensors.regionsOfInterest.color": translated("sinks.payload.regions.color", "goes out with every message"),
    "sensors.regionsOfInterest.coordinates": translated("streams.analytics.points", "shares of the picture's sides"),
    "regionsOfInterest.label": honoured("streams.analytics.name"),
    "regionsOfInterest.color": translated("sinks.payload.regions.color", "goes out with every message"),
    "regionsOfInterest.sensor": translated("streams.analytics", "of that stream"),
    "regionsOfInterest.coordinates": translated("streams.analytics.points", "shares of the picture's sides"),
    "sensors.regionsOfInterest.sensor": _no("the sensor around it says it"),
    "deepStream.enable": honoured("streams", "false: nothing is run"),
    "deepStream.pipelineConfigs.id": honoured("sinks.path", _NAME),
    "deepStream.pipelineConfigs.unsecureZipUrl": translated(
        "model.path", "fetched and unpacked; files are looked for in it"
    ),
    "deepStream.pipelineConfigs.primaryModelConfigPath": honoured("model.path", _RECOGNISED),
    "deepStream.pipelineConfigs.primaryModelConfigPath.configFile": honoured("model.path", _RECOGNISED),
    "deepStream.pipelineConfigs.primaryModelConfigPath.pyFile": honoured("model.parser.path"),
    "deepStream.pipelineConfigs.primaryModelConfigPath.parser": translated("model.head"),
    "deepStream.pipelineConfigs.secondaryModelConfigPaths": honoured("then.model", _RECOGNISED),
    "deepStream.pipelineConfigs.secondaryModelConfigPaths.configFile": honoured("then.model", _RECOGNISED),
    "deepStream.pipelineConfigs.secondaryModelConfigPaths.pyFile": honoured("then.parser.path"),
    "deepStream.pipelineConfigs.secondaryModelConfigPaths.parser": translated("then.head"),
    "deepStream.pipelineConfigs.trackerConfigPath": translated("tracker", "the nearest of ours, with its parameters"),
    "deepStream.pipelineConfigs.deepstreamPassthrough": translated("streams, model, sinks", "element by element"),
    "deepStream.pipelineConfigs.pipelineOptions.dewarp.enable": honoured("streams.dewarp"),
    "deepStream.pipelineConfigs.pipelineOptions.dewarp.config_file": translated("streams.dewarp"),
    "deepStream.pipelineConfigs.pipelineOptions.crop.enable": honoured("limits.crop"),
    "deepStream.pipelineConfigs.pipelineOptions.crop.x0": translated("limits.crop", "x1 of ours"),
    "deepStream.pipelineConfigs.pipelineOptions.crop.x1": translated(
        "limits.crop", "x2 of ours, one more: x1 is inside"
    ),
    "deepStream.pipelineConfigs.pipelineOptions.crop.y0": translated("limits.crop", "y1 of ours"),
    "deepStream.pipelineConfigs.pipelineOptions.crop.y1": translated(
        "limits.crop", "y2 of ours, one more: y1 is inside"
    ),
    "deepStream.pipelineConfigs.pipelineOptions.osd.enable": translated("overlay", "and a video of each stream"),
    "deepStream.streams.name": honoured("streams.id"),
    "deepStream.streams.uname": translated("streams.url", "with the password, into the address"),
    "deepStream.streams.password": translated("streams.url", "with the user, into the address"),
    "deepStream.streams.configId": translated("streams", "which pipeline has it"),
}
_ABOVE: dict[str, Known] = {
    "platform": honoured("model", "DeepStream is the only one that is known"),
    "outputVideoLength": translated("sinks.record.longest_s", "of a snippet"),
    "autoStopRecordingTime": _no("the accelerator's own code does not read it; a snippet ends when nobody is left"),
}
_BUSINESS = translated("logic.options", "what the rules of --logic rules.py find as their options")
_TEMPLATE = _no("of the containers, their routes and their registry; nothing of them is needed here")
_EMPTY = Known("honoured", "", "asks for nothing")
_NUMBER = re.compile(r"\[[0-9]+\]")
_EMPTIES = ("", "[]", "{}", "null")
_FILES = {"configFile": "nvinfer", "primaryModelConfigPath": "nvinfer", "secondaryModelConfigPaths": "nvinfer"}
_FILES |= {"pyFile": FILE, "trackerConfigPath": "tracker-ini", "config_file": "dewarper"}
_OF_ELEMENTS = {"config-file-path": "nvinfer", "config-file": "", "ll-config-file": "nvtracker", "config": "msgconv"}
_OF_KIND = {"nvdsanalytics": "nvdsanalytics", "nvdspreprocess": "nvdspreprocess", "nvdewarper": "dewarper"}


def is_twin(written: Written) -> bool:
    """Whether it is JSON with a twin in it, at any level."""
    root = _root(written)
    return root is not None and components_of(root) is not None


def fates_of_twin(written: Written) -> tuple[KeyFate, ...]:
    """One fate a key, in order; the elements of launch text behind the key that holds it."""
    root = _root(written)
    way = components_path(root) if root is not None else None
    return tuple(fate for entry in written.entries for fate in _fates(entry, way, written))


def _root(written: Written) -> Json | None:
    if written.form != "json":
        return None
    try:
        return parse_json(written.text, written.path)
    except ModelError:
        return None


def _fates(entry: Entry, way: str | None, written: Written) -> Iterator[KeyFate]:
    known = _known(entry, way, written)
    secret = hidden(entry.key) or hidden(_last(entry.group))
    value = ("***" if entry.value else "") if secret else shown(entry.key, entry.value)
    yield KeyFate(entry.file, entry.line, entry.group, entry.key, value, known.status, known.as_, known.why)
    if entry.key == "deepstreamPassthrough" and entry.value.strip():
        try:
            launched = parse_launch(entry.value, entry.where)
        except SightlineError:  # told when it is to be run
            return
        yield from fates_of_launch(launched, entry.file, entry.line, f"{entry.group}.{entry.key}".strip("."))


def _known(entry: Entry, way: str | None, written: Written) -> Known:
    full = f"{entry.group}.{entry.key}" if entry.group else entry.key
    inside = _inside(full, way)
    plain = _NUMBER.sub("", inside or "")
    if inside is None:
        return _above(entry, full)
    if plain.startswith("businessLogicConfig"):
        return _EMPTY if entry.value in _EMPTIES else _BUSINESS
    if (other := _passed_by(entry, written)) is not None:
        return other
    known = COMPONENT_KEYS.get(plain)
    if known is not None:
        return _EMPTY if entry.value in _EMPTIES and known.status != "ignored" else known
    if any(name.startswith(f"{plain}.") for name in COMPONENT_KEYS) and entry.value in _EMPTIES:
        return _EMPTY
    return Known("unknown", "", _unknown(plain))


def _above(entry: Entry, full: str) -> Known:
    key = _last(full)
    if key in _ABOVE:
        return _ABOVE[key]
    if "startRecording" in full:
        return translated("sinks (video)", "whether the pipeline is recorded from its start on")
    return _TEMPLATE


def _passed_by(entry: Entry, written: Written) -> Known | None:
    """Beside launch text nothing else of a pipeline counts, but its id."""
    match = re.match(r"^(.*pipelineConfigs\[[0-9]+\])", f"{entry.group}.")
    if match is None or entry.key == "id":
        return None
    launch = next((e for e in written.entries if e.group == match[1] and e.key == "deepstreamPassthrough"), None)
    if launch is None or not launch.value.strip() or entry is launch or entry.key == launch.key:
        return None
    return (
        _EMPTY
        if entry.value in (*_EMPTIES, "false")
        else _no("the launch text of deepstreamPassthrough stands for all")
    )


def _inside(full: str, way: str | None) -> str | None:
    """The way within the components; None for what is outside of them."""
    if way is None:
        return None
    if not way:
        return full
    return full.removeprefix(f"{way}.") if full.startswith(f"{way}.") else None


def _unknown(plain: str) -> str:
    group, _, key = plain.rpartition(".")
    there = [name.rpartition(".")[2] for name in COMPONENT_KEYS if name.rpartition(".")[0] == group]
    near = difflib.get_close_matches(key, there, n=1, cutoff=0.6)
    home = next((name.rpartition(".")[0] for name in COMPONENT_KEYS if name.rpartition(".")[2] == key), "")
    hint = f"; did you mean {near[0]}?" if near else f"; it belongs in {home}" if home else ""
    return f"a twin has no such key{hint}"


def _last(path: str) -> str:
    return _NUMBER.sub("", path).rpartition(".")[2]


def links_of_twin(written: Written) -> Iterator[Link]:
    """The files that a twin names, each as it is written; those in launch text too."""
    for entry in written.entries:
        if entry.key == "deepstreamPassthrough":
            yield from _links_of_launch(entry)
            continue
        kind = _FILES.get(_NUMBER.sub("", entry.key)) or _listed(entry)
        if kind is None or not entry.value or entry.value in _EMPTIES or entry.value.lower() == LIGHT_TRACKER:
            continue
        for text in entry.value.split(";"):
            yield Link(entry, text.strip(), kind)


def _links_of_launch(entry: Entry) -> Iterator[Link]:
    try:
        elements = parse_launch(entry.value, entry.where).elements if entry.value.strip() else ()
    except SightlineError:
        return
    for element in elements:
        for key, kind in _OF_ELEMENTS.items():
            if named := element.get(key):
                yield Link(entry, named, _OF_KIND.get(element.kind, kind))


def _listed(entry: Entry) -> str | None:
    """An item of a list of paths."""
    return _FILES.get(_last(entry.group)) if _NUMBER.fullmatch(entry.key) else None

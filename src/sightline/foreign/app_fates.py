"""What becomes of the keys of a deepstream-app file, where a key depends on what else its group says."""

from __future__ import annotations

from collections.abc import Mapping

from sightline.foreign.app_keys import DEEPSTREAM_APP, base_of
from sightline.foreign.fates import KeyFate, Rules, Status, fates_of
from sightline.foreign.tao_keys import TAO_APP
from sightline.foreign.written import Written

__all__ = ["fates_of_app", "fates_of_sources", "fates_of_tao", "groups_off"]

_Said = dict[tuple[str, str], tuple[Status, str, str]]
# keys that sinks and sources of these types alone use
_SINK_TYPES: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(("container", "output-file"), ("3",)),
    **dict.fromkeys(("codec", "bitrate", "profile", "iframeinterval", "enc-type", "sw-preset"), ("3", "4")),
    **dict.fromkeys(("rtsp-port", "udp-port", "udp-buffer-size"), ("4",)),
    **dict.fromkeys(("overlay-id", "offset-x", "offset-y", "display-id", "conn-id", "plane-id"), ("2", "5")),
    **dict.fromkeys(("set-mode", "color-range", "width", "height"), ("2", "5")),
    **dict.fromkeys(("topic", "disable-msgconv", "new-api", "sleep-time"), ("6",)),
}
_SOURCE_TYPES: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(("camera-width", "camera-height", "camera-fps-n", "camera-fps-d"), ("1", "5")),
    "camera-v4l2-dev-node": ("1",),
    "camera-csi-sensor-id": ("5",),
    "uri": ("2", "3", "4", "6", "7", "9"),
    "num-sources": ("3",),
    **dict.fromkeys(("select-rtp-protocol", "set-rtp-protocol", "latency", "drop-on-latency"), ("2", "3", "4")),
    **dict.fromkeys(("rtsp-reconnect-interval-sec", "rtsp-reconnect-attempts"), ("4",)),
}
# groups that are on without saying so
_ALWAYS = ("application", "streammux", "tests", "source-list", "branch#", "receiver#", "sender#")


def groups_off(written: Written, *, silent: bool = True) -> dict[str, str]:
    """Groups that are switched off -> why. silent: a group that says nothing of `enable` is off, as deepstream-app
    has it; other programs ask for an `enable` only where it says 0.
    """
    off: dict[str, str] = {}
    for group in filter(None, written.groups):
        entry = written.get(group, "enable")
        if entry is not None:
            if entry.value.strip().lower() in ("0", "false", "no", "off"):
                off[group] = f"the group is switched off in line {entry.line}"
        elif silent and _needs_enable(written, group):
            off[group] = "the group says no enable=1, without which it is passed over"
    return off


def _needs_enable(written: Written, group: str) -> bool:
    """Whether deepstream-app passes over the group unless it says enable=1."""
    if base_of(group) in _ALWAYS or written.get(group, "csv-file-path") is not None:
        return False
    return "enable" in (DEEPSTREAM_APP.of_group(group) or {})


def fates_of_app(written: Written) -> tuple[KeyFate, ...]:
    """Of deepstream-app's own files, as text or YAML."""
    return _fates(written, DEEPSTREAM_APP, silent=True)


def fates_of_tao(written: Written) -> tuple[KeyFate, ...]:
    """Of the TAO applications' YAML and its like."""
    return _fates(written, TAO_APP, silent=False)


def fates_of_sources(written: Written) -> tuple[KeyFate, ...]:
    """Of a table of sources in CSV: its columns are the keys of [sourceN]."""
    rules = Rules(lambda group: DEEPSTREAM_APP.of_group("source0"), ("source0",), "a table of sources")
    return _fates(written, rules, silent=False)


def _fates(written: Written, rules: Rules, *, silent: bool) -> tuple[KeyFate, ...]:
    said: _Said = {}
    off = groups_off(written, silent=silent)
    for entry in written.entries:
        at = (entry.group, entry.key)
        if entry.group in off and entry.key != "enable":
            said[at] = ("honoured", "", off[entry.group])
        elif (told := _unused(written, entry.group, entry.key)) and not said.get(at):
            said[at] = ("honoured", "", told)
    return fates_of(written.entries, rules, said)


def _unused(written: Written, group: str, key: str) -> str:
    """Why a group of its type does not use the key, here or there; "" where it does."""
    base = "source#" if group.startswith("row") else base_of(group)
    types = {"sink#": _SINK_TYPES, "source#": _SOURCE_TYPES}.get(base, {}).get(key)
    if base == "sink#" and key.startswith(("msg-", "multiple-", "debug-")):
        types = ("6",)
    kind = written.value(group, "type")
    if types is None or not kind or kind in types:
        return ""
    return f"a {base.rstrip('#')} of type {kind} does not use it"

"""Every key of the muxers' files: Gst-nvstreammux (the new one) and Gst-nvdsmetamux.

The keys are those of NVIDIA/DeepStream, MuxConfigParser.cpp and nvdsmetamux_property_parser.h.
"""

from __future__ import annotations

from collections.abc import Mapping

from sightline.foreign.fates import Known, Rules
from sightline.foreign.key_tables import KeyTable, numbered
from sightline.foreign.side_reasons import passed
from sightline.foreign.written import Written

__all__ = ["METAMUX", "METAMUX_GROUPS", "STREAMMUX", "STREAMMUX_GROUPS", "is_metamux", "is_streammux"]


STREAMMUX_GROUPS: dict[str, KeyTable] = {
    "property": KeyTable(
        {
            "algorithm-type": passed("batch"),
            "batch-size": passed("batch"),
            "adaptive-batching": passed("batch"),
            "max-same-source-frames": passed("batch"),
            "max-num-frames-per-batch": passed("batch"),
            "enable-source-rate-control": passed("rate", "0"),
            "max-fps-control": passed("rate", "0"),
            "overall-max-fps-n": passed("rate"),
            "overall-max-fps-d": passed("rate"),
            "overall-min-fps-n": passed("rate"),
            "overall-min-fps-d": passed("rate"),
        }
    ),
    "source-config-": KeyTable(
        {
            "max-fps-n": passed("rate"),
            "max-fps-d": passed("rate"),
            "min-fps-n": passed("rate"),
            "min-fps-d": passed("rate"),
            "priority": passed("turn", "0"),
            "max-num-frames-per-batch": passed("batch"),
        }
    ),
}


def _of_streammux(group: str) -> Mapping[str, Known] | None:
    if numbered(group, "source-config-") is not None:
        return STREAMMUX_GROUPS["source-config-"]
    return STREAMMUX_GROUPS["property"] if group == "property" else None


STREAMMUX = Rules(_of_streammux, ("property", "source-config-0"), "nvstreammux")

METAMUX_GROUPS: dict[str, KeyTable] = {
    "property": KeyTable(
        {"enable": passed("together"), "active-pad": passed("together"), "pts-tolerance": passed("together")}
    ),
    "user-configs": KeyTable({}),
    "group-": KeyTable({}, {"src-ids-model-#": passed("together")}),
}


def _of_metamux(group: str) -> Mapping[str, Known] | None:
    if numbered(group, "group-") is not None:
        return METAMUX_GROUPS["group-"]
    return METAMUX_GROUPS.get(group) if group != "group-" else None


METAMUX = Rules(_of_metamux, ("property", "user-configs", "group-0"), "nvdsmetamux")


def is_streammux(written: Written) -> bool:
    """Whether it has a group for a source, or a key that only this muxer knows."""
    if any(numbered(group, "source-config-") is not None for group in written.groups):
        return True
    telling = ("algorithm-type", "adaptive-batching", "overall-max-fps-n", "max-same-source-frames")
    return any(written.get("property", key) for key in telling)


def is_metamux(written: Written) -> bool:
    """Whether it names the active pad, or which model's results of a source go on."""
    if any(written.get("property", key) for key in ("active-pad", "pts-tolerance")):
        return True
    return any(e.key.startswith("src-ids-model-") for e in written.entries)

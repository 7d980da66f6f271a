"""Every kind of file that is understood: the one table from what a file holds to what becomes of its keys.

The first recogniser that says yes decides, so what is told by more stands above what is told by less.
"""

from __future__ import annotations

import fnmatch

from sightline.foreign.app_fates import fates_of_app, fates_of_sources, fates_of_tao
from sightline.foreign.app_keys import APP_GROUPS, base_of
from sightline.foreign.fates import KeyFate
from sightline.foreign.kind import FILE, Kind
from sightline.foreign.nvinfer_keys import NVINFER, TELLING
from sightline.foreign.nvinferserver_keys import NVINFERSERVER
from sightline.foreign.reasons import REASONS
from sightline.foreign.service_maker import fates_of_pipeline, is_pipeline, links_of_pipeline
from sightline.foreign.side_kinds import SIDE_KINDS
from sightline.foreign.tao_keys import TAO_GROUPS, tao_base_of
from sightline.foreign.twin_fates import fates_of_twin, is_twin, links_of_twin
from sightline.foreign.written import Written

__all__ = ["KINDS", "OTHER", "kind_of"]


def _has(written: Written, *patterns: str) -> bool:
    """Whether a group of such a name is there; * stands for any text."""
    return any(fnmatch.fnmatchcase(group, pattern) for group in written.groups for pattern in patterns)


def _keys_in(written: Written, group: str, *keys: str) -> bool:
    return any(written.get(group, key) is not None for key in keys)


def _is_nvinferserver(written: Written) -> bool:
    return written.form == "protobuf" and _has(written, "infer_config", "infer_config.*")


def _is_nvinfer(written: Written) -> bool:
    return _keys_in(written, "property", *TELLING)


def _is_app(written: Written) -> bool:
    """deepstream-app's own: text, or YAML with [application] or several sinks of its kind; no model's own file, some
    of which have an [application] as well.
    """
    if written.has("application") or _is_nvinfer(written):
        return not _is_nvinfer(written)
    known = [group for group in written.groups if base_of(group) in APP_GROUPS]
    return written.form == "keys" and len(known) * 2 > len(written.groups) and set(known) != {"tracker"}


def _is_tao(written: Written) -> bool:
    """YAML of sample applications: their groups, and no [property]."""
    if _is_nvinfer(written):
        return False
    known = [group for group in written.groups if tao_base_of(group) in TAO_GROUPS or base_of(group) in APP_GROUPS]
    return len(known) * 2 > len(written.groups) and set(known) != {"tracker"}


def _is_sources(written: Written) -> bool:
    first = {entry.key for entry in written.entries if entry.group == "row0"}
    return written.form == "csv" and {"enable", "uri"} <= first


def _is_graph(written: Written) -> bool:
    return written.form == "yaml" and any(entry.key.startswith("components.0.") for entry in written.entries)


def _graph(written: Written) -> tuple[KeyFate, ...]:
    why = f"{REASONS['not-yet']}: graphs of the Graph Composer"
    return tuple(KeyFate(e.file, e.line, e.group, e.key, e.value, "ignored", "", why) for e in written.entries)


def _nothing_read(written: Written) -> tuple[KeyFate, ...]:
    why = REASONS["other-file"]
    return tuple(KeyFate(e.file, e.line, e.group, e.key, e.value, "ignored", "", why) for e in written.entries)


_APP_NAMES = {
    "source*/csv-file-path": "sources",
    "source*/uri": FILE,
    "source*/uri-list": FILE,
    "source*/list": FILE,
    "source*/location": FILE,
    "*/uri-list": FILE,
    "*/uri_list": FILE,
    "primary-gie*/labelfile-path": FILE,
    "secondary-gie*/labelfile-path": FILE,
    "primary-gie*/config-file*": "nvinfer",
    "secondary-gie*/config-file*": "nvinfer",
    "secondary-gie*/cfg-file-path": "deepstream-app",
    "tracker*/ll-config-file": "nvtracker",
    "tracker*/cfg-file-path": "tracker-ini",
    "nvds-analytics*/c*": "nvdsanalytics",
    "analytics*/c*": "nvdsanalytics",
    "*pre-process*/config-file*": "nvdspreprocess",
    "*preprocess*/config-file*": "nvdspreprocess",
    "dewarper*/config-file": "dewarper",
    "streammux/config-file-path": "nvstreammux",
    "multiurisrcbin/config-file-path": "nvstreammux",
    "*/msg-conv-config": "msgconv",
    "msgconv/config*": "msgconv",
    "*/msg-broker-config": "message-broker",
    "msgbroker/config*": "message-broker",
    "message-consumer*/config-file": "message-broker",
    "meta-mux/config-file": "metamux",
    "model-config/*": "model-params",
    "model-params/*": "model-params",
    "video-template*/customlib-props": "model-params",
    "img-save/frame-to-skip-rules-path": "times",
}

# What is none of the kinds: labels, deployments, settings of other programs.
OTHER = Kind("another file", lambda written: True, _nothing_read)

KINDS: dict[str, Kind] = {
    "twin": Kind("a twin of the Azure DeepStream Accelerator", is_twin, fates_of_twin, more=links_of_twin),
    "nvinferserver": Kind(
        "an nvinferserver configuration",
        _is_nvinferserver,
        NVINFERSERVER,
        names={"*/labelfile_path": FILE, "infer_config.preprocess.normalize/mean_file": FILE},
    ),
    **SIDE_KINDS,
    "graph": Kind("a Graph Composer file", _is_graph, _graph),
    "deepstream-app": Kind("a deepstream-app file", _is_app, fates_of_app, names=_APP_NAMES),
    "service-maker": Kind("a service-maker pipeline", is_pipeline, fates_of_pipeline, more=links_of_pipeline),
    "tao-app": Kind("an application's YAML", _is_tao, fates_of_tao, names=_APP_NAMES),
    "sources": Kind("a table of sources", _is_sources, fates_of_sources, names={"row*/uri": FILE}),
    "nvinfer": Kind(
        "an nvinfer configuration",
        _is_nvinfer,
        NVINFER,
        names={
            f"property/{key}": FILE
            for key in (
                "onnx-file",
                "custom-network-config",
                "model-file",
                "proto-file",
                "model-engine-file",
                "labelfile-path",
                "mean-file",
            )
        },
    ),
}


def kind_of(written: Written, expected: str = "") -> Kind:
    """The kind by what it holds; where that tells nothing, what the file that names it `expected`; else OTHER."""
    for kind in KINDS.values():
        if kind.is_it(written):
            return kind
    return KINDS.get(expected, OTHER)

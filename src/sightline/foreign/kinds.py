"""Every kind of file that is understood: the one table from what a file holds to what becomes of its keys.

The first recogniser that says yes decides, so what is told by more stands above what is told by less.
"""

from __future__ import annotations

import fnmatch

from sightline.foreign.fates import KeyFate
from sightline.foreign.kind import FILE, Kind
from sightline.foreign.nvinfer_keys import NVINFER, TELLING
from sightline.foreign.nvinferserver_keys import NVINFERSERVER
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


def _nothing_read(written: Written) -> tuple[KeyFate, ...]:
    why = "in a file of no kind that DeepStream's elements read"
    return tuple(KeyFate(e.file, e.line, e.group, e.key, e.value, "ignored", "", why) for e in written.entries)


# What is none of the kinds: labels, deployments, settings of other programs.
OTHER = Kind("another file", lambda written: True, _nothing_read)

KINDS: dict[str, Kind] = {
    "nvinferserver": Kind(
        "an nvinferserver configuration",
        _is_nvinferserver,
        NVINFERSERVER,
        names={"*/labelfile_path": FILE, "infer_config.preprocess.normalize/mean_file": FILE},
    ),
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

"""Compiled models on disk, by what they are made of: a changed model never meets an old one."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import openvino as ov

from sightline.protocols import RuntimeOptions
from sightline.types import ModelSpec

__all__ = ["blob_path", "from_cache", "to_cache"]

_FORM = 8  # of what is done to a graph before it is compiled: rises when that changes, so that no old one is met
_KEPT_BLOBS = 64


def blob_path(
    core: ov.Core, spec: ModelSpec, device: str, config: Mapping[str, Any], options: RuntimeOptions
) -> Path | None:
    """Where the compiled model lies: keyed by content, everything that shapes it, runtime version and device."""
    if options.cache is None or not spec.sha256:
        return None
    facts: list[Any] = [_FORM, spec.sha256, ov.get_version(), device, config, options.batch, repr(options.feed)]
    facts += [[repr(i) for i in spec.inputs], os.cpu_count()]
    if device in core.available_devices:
        facts += [core.get_property(device, "FULL_DEVICE_NAME"), core.get_property(device, "OPTIMIZATION_CAPABILITIES")]
    key = hashlib.sha256(json.dumps(facts, sort_keys=True, default=str).encode()).hexdigest()
    return options.cache / f"{key[:40]}.ovblob"


def from_cache(core: ov.Core, blob: Path | None, device: str, config: Mapping[str, Any]) -> ov.CompiledModel | None:
    """The compiled model that lies there; None where none does, or it is another build's."""
    if blob is None or not blob.exists():
        return None
    try:
        compiled = core.import_model(blob.read_bytes(), device, dict(config))
        os.utime(blob)
    except (RuntimeError, OSError):  # written by another build, or damaged: compiled anew
        blob.unlink(missing_ok=True)
        return None
    return compiled


def to_cache(compiled: ov.CompiledModel, blob: Path | None) -> None:
    """Keep it, and let go of the oldest of many."""
    if blob is None:
        return
    try:
        blob.parent.mkdir(parents=True, exist_ok=True)
        partial = blob.with_suffix(f".{os.getpid()}")
        partial.write_bytes(compiled.export_model().getvalue())
        os.replace(partial, blob)
        for old in sorted(blob.parent.glob("*.ovblob"), key=lambda p: p.stat().st_mtime)[:-_KEPT_BLOBS]:
            old.unlink(missing_ok=True)
    except (OSError, RuntimeError):  # a cache that cannot be written costs time, not the run
        return

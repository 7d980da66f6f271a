"""`sightline env`: what a bug report needs, as text or JSON."""

from __future__ import annotations

import json
import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated

import typer

from sightline import __version__

__all__ = ["command", "describe"]

_PACKAGES = (
    "av", "numpy", "scipy", "lapx", "onnx", "onnxruntime", "opencv-python-headless", "openvino", "pillow", "pydantic",
    "pyyaml", "rich", "typer", "supervision", "torch",
)  # fmt: skip
_FEATURES = ("avx", "avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16", "amx_int8", "neon", "asimd", "bf16")


def command(as_json: Annotated[bool, typer.Option("--json", help="as JSON on stdout")] = False) -> None:
    """Versions, CPU features, devices and providers."""
    facts = describe()
    if as_json:
        print(json.dumps(facts, indent=2))
        return
    width = max(map(len, facts))
    for key, value in facts.items():
        text = ", ".join(f"{k} {v}" for k, v in value.items()) if isinstance(value, dict) else value
        print(f"{key.replace('_', ' '):<{width}}  {', '.join(map(str, text)) if isinstance(text, list) else text}")


def describe() -> dict[str, object]:
    """Facts of this machine by name; no host name, no path, no user."""
    return {
        "sightline": __version__,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "cpu": _cpu_name(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        "cpu_features": _cpu_features(),
        "packages": _versions(),
        "openvino_devices": _openvino(),
        "onnx_runtime_providers": _onnxruntime(),
        "ffmpeg": _ffmpeg(),
        "video_encoders": _encoders(),
    }


def _versions() -> dict[str, str]:
    found: dict[str, str] = {}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _cpu_lines() -> list[str]:
    try:
        return Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return []


def _cpu_name() -> str:
    for line in _cpu_lines():
        if line.startswith(("model name", "Model")):
            return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _cpu_features() -> list[str]:
    for line in _cpu_lines():
        if line.startswith(("flags", "Features")):
            flags = set(line.partition(":")[2].split())
            return [name for name in _FEATURES if name in flags]
    return []


def _openvino() -> dict[str, str]:
    try:
        import openvino
    except ImportError as error:
        return {"not usable": str(error)}
    core = openvino.Core()
    return {device: str(core.get_property(device, "FULL_DEVICE_NAME")) for device in core.available_devices}


def _onnxruntime() -> list[str]:
    try:
        import onnxruntime
    except ImportError as error:
        return [f"not usable: {error}"]
    return list(onnxruntime.get_available_providers())


def _ffmpeg() -> dict[str, str]:
    import av

    return {name: ".".join(map(str, numbers)) for name, numbers in av.library_versions.items()}


def _encoders() -> list[str]:
    import av.codec

    wanted = ("libx264", "libx265", "libsvtav1", "libvpx-vp9", "mpeg4", "mjpeg", "h264_nvenc", "h264_qsv", "h264_amf")
    return [name for name in wanted if name in av.codec.codecs_available]

"""What the text of an address says by itself: its kind, its name, and how to write it without its secrets."""

from __future__ import annotations

import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit

__all__ = [
    "VIDEO_ENDINGS",
    "address_of",
    "device_path",
    "is_local",
    "likely_live",
    "local_path",
    "name_of",
    "scheme_of",
]

_LIVE_SCHEMES = frozenset(
    {"rtsp", "rtsps", "rtmp", "rtmps", "rtmpt", "rtp", "udp", "srt", "tcp", "rist", "mms", "mmsh"}
)
_VIDEO_WORDS = (
    "264 265 3g2 3gp asf avc avi dav dv f4v flv h264 h265 hevc ivf m2ts m2v m4v mjpeg mjpg mkv mov mp4 mpeg mpg mts "
    "mxf nut obu ogm ogv rm rmvb ts vob webm wmv y4m"
)
VIDEO_ENDINGS = frozenset(_VIDEO_WORDS.split())


def scheme_of(url: str) -> str:
    """The lower-case scheme of a URL, "" for a path (Windows drive letters are paths)."""
    head, found, _ = url.partition("://")
    return head.lower() if found and len(head) > 1 and head.replace("+", "").isalnum() else ""


def device_path(url: str) -> str | None:
    """The capture device that `url` names ("device:0", "/dev/video0"), in the system's own words, or None."""
    if url.startswith("device:"):
        number = url.removeprefix("device:")
        if number.isdigit() and sys.platform.startswith("linux"):
            return f"/dev/video{number}"
        return number
    return url if url.startswith("/dev/video") else None


def local_path(url: str) -> Path | None:
    """The local file that a path or a file: URL names, None for anything else."""
    if device_path(url) is not None:
        return None
    scheme = scheme_of(url)
    if scheme == "file":
        return Path(unquote(urlsplit(url).path))
    return Path(url) if not scheme else None


def is_local(url: str) -> bool:
    return local_path(url) is not None


def likely_live(url: str) -> bool:
    """What the address alone says; for http only opening tells for sure (see `Opened.finite`)."""
    if device_path(url) is not None or scheme_of(url) in _LIVE_SCHEMES:
        return True
    if scheme_of(url) in ("http", "https"):
        return Path(urlsplit(url).path).suffix.lower().lstrip(".") not in VIDEO_ENDINGS
    return False


def address_of(url: str) -> str:
    """`url` fit for messages: without user, password and query."""
    if not scheme_of(url):
        return url
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def name_of(url: str) -> str:
    """The base name of an address: the last part of its path, else its host; never credentials."""
    device = device_path(url)
    path = local_path(url)
    if device is not None:
        return Path(device).name or "device"
    if path is not None:
        return path.name or path.resolve().name or "input"
    parts = urlsplit(url)
    last = unquote(parts.path).rstrip("/").rpartition("/")[2]
    name = last or parts.netloc.rpartition("@")[2].rpartition(":")[0] or parts.netloc.rpartition("@")[2]
    return name.replace("/", "_").replace("\\", "_") or "input"

"""`gi`: enough of it for scripts that import GStreamer and are then called only for their parsing."""

from __future__ import annotations


def require_version(namespace: str, version: str) -> None:
    """Taken as it is."""


def require_versions(versions: dict[str, str]) -> None:
    """Taken as they are."""


def __getattr__(name: str) -> object:
    if name.startswith("__"):
        raise AttributeError(name)
    raise AttributeError(f"gi.{name} is not in Sightline's stand-in for gi: there is no GStreamer here")

"""`gi.repository`: Gst, GLib, GObject and GstRtspServer by name. A pipeline is not there."""

from __future__ import annotations

from enum import IntEnum


class _PadProbeReturn(IntEnum):
    DROP = 0
    OK = 1
    REMOVE = 2
    PASS = 3
    HANDLED = 4


class _PadProbeType(IntEnum):
    IDLE = 1
    BLOCK = 2
    BUFFER = 16


class _Library:
    def __init__(self, name: str, **known: object) -> None:
        self._name = name
        self.__dict__.update(known)

    def __getattr__(self, name: str) -> object:
        raise AttributeError(f"{self._name}.{name} is not in Sightline's stand-in for gi: there is no GStreamer here")


def _nothing(*arguments: object) -> None:
    """For calls that prepare what is not here."""


Gst = _Library("Gst", PadProbeReturn=_PadProbeReturn, PadProbeType=_PadProbeType, init=_nothing, SECOND=1_000_000_000)
GLib = _Library("GLib")
GObject = _Library("GObject", threads_init=_nothing)
GstRtspServer = _Library("GstRtspServer")

"""What the two processes say to each other: 4 bytes of length (little endian), then JSON. Arrays lie in `memory`."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from typing import Any

__all__ = ["CUT_OFF", "LONGEST", "Message", "Received", "packed"]

Message = dict[str, Any]
LONGEST = 64 << 20  # bytes of one message
CUT_OFF = 70  # the exit status of a process whose channel is closed
_LENGTH = struct.Struct("<I")


def packed(message: Mapping[str, object]) -> bytes:
    """The bytes of one message. Raises ValueError where it is too long, TypeError where it is not JSON."""
    text = json.dumps(message, separators=(",", ":"), allow_nan=False).encode()
    if len(text) > LONGEST:
        raise ValueError(f"a message of {len(text) >> 20} MB; at most {LONGEST >> 20}")
    return _LENGTH.pack(len(text)) + text


class Received:
    """Bytes as they come -> whole messages. garbled: what came is no message, so that nothing more can be read."""

    def __init__(self) -> None:
        self._bytes = bytearray()
        self.garbled = False

    def feed(self, data: bytes) -> list[Message]:
        """The messages that are complete now; none any more once it is garbled."""
        self._bytes += data
        messages: list[Message] = []
        while len(self._bytes) >= _LENGTH.size and not self.garbled:
            (length,) = _LENGTH.unpack_from(self._bytes)
            end = _LENGTH.size + length
            if length <= LONGEST and len(self._bytes) < end:
                break
            message = _read(bytes(self._bytes[_LENGTH.size : end])) if length <= LONGEST else None
            if message is None:
                self.garbled = True
                break
            messages.append(message)
            del self._bytes[:end]
        return messages


def _read(text: bytes) -> Message | None:
    try:
        message = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return message if isinstance(message, dict) else None

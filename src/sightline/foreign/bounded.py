"""Files of other people, read whole, but never more of one than its kind can have."""

from __future__ import annotations

from pathlib import Path

from sightline.errors import ModelError

__all__ = ["bytes_of"]


def bytes_of(path: Path, most: int, kind: str) -> bytes:
    """All of `path`. Raises ModelError where it cannot be read or has more than `most` bytes, which no `kind` has."""
    try:
        size = path.stat().st_size
        if size > most:
            raise ModelError(f"{path}: {size:,} bytes; a {kind} has at most {most:,}")
        return path.read_bytes()
    except OSError as error:
        raise ModelError(f"{path}: cannot be read: {error.strerror}") from error

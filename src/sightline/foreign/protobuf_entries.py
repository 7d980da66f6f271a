"""A file in protobuf text -> every field with its file, line and the path of blocks that it stands in."""

from __future__ import annotations

from collections.abc import Iterable

from sightline.foreign.keyfile import Entry
from sightline.foreign.protobuf_text import Message, Word

__all__ = ["entries_of"]


def entries_of(message: Message, file: str, group: str = "") -> Iterable[Entry]:
    """Every field that holds a value, and every empty block. A group is the path of its blocks, repeated ones with
    their numbers.
    """
    counts: dict[str, int] = {}
    for written in message.written:
        blocks = [value for value in written.values if isinstance(value, Message)]
        path = f"{group}.{written.name}" if group else written.name
        if not blocks:
            shown = "; ".join(_shown(value) for value in written.values)
            yield Entry(file, written.line, group, written.name, shown)
        for block in blocks:
            number = counts[path] = counts.get(path, -1) + 1
            several = len(message.fields[written.name]) > 1
            if not block.written:
                yield Entry(file, written.line, group, written.name, "{}")
            yield from entries_of(block, file, f"{path}[{number}]" if several else path)


def _shown(value: object) -> str:
    if isinstance(value, Word):
        return value.text
    return f"{value:g}" if isinstance(value, float) else str(value)

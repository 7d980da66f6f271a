"""The tables of docs/deepstream-keys.md; `python -m sightline.foreign.side_page` prints them."""

from __future__ import annotations

from collections.abc import Mapping

from sightline.foreign.fates import Known, Rules
from sightline.foreign.side_kinds import SIDE_KINDS

__all__ = ["key_tables"]

_STATUS = ("honoured", "translated", "ignored")


def key_tables() -> str:
    """Markdown: a heading and a table for each kind of file; keys that share a fate share a row."""
    parts: list[str] = []
    for name, kind in SIDE_KINDS.items():
        if isinstance(kind.rules, Rules):
            heading = kind.called.partition(" ")[2]
            parts.append(f"## {heading[:1].upper()}{heading[1:]}\n\n{_table(name, kind.rules)}")
    return "\n\n".join(parts) + "\n"


def _table(name: str, rules: Rules) -> str:
    rows = ["| group | keys | status | here | remark |", "|---|---|---|---|---|"]
    seen: list[Mapping[str, Known]] = []
    for group in rules.groups:
        table = rules.of_group(group)
        if table is None or not len(table) or table in seen:
            continue
        seen.append(table)
        shared: dict[Known, list[str]] = {}
        for key in table:
            shared.setdefault(table[key], []).append(key)
        for known in sorted(shared, key=lambda known: _STATUS.index(known.status)):
            rows.append(_row(_called(group), shared[known], known))
    return "\n".join(rows)


def _row(group: str, keys: list[str], known: Known) -> str:
    here = f"`{known.as_}`" if known.as_ else ""
    idle = f" ({' or '.join(known.idle)} asks for nothing)" if known.idle else ""
    return f"| {group} | {', '.join(f'`{key}`' for key in keys)} | {known.status} | {here} | {known.why}{idle} |"


def _called(group: str) -> str:
    """The group as a file has it, with N for the number of a stream or a surface."""
    if not group:
        return ""
    plain = group.rstrip("0")
    return f"`{plain}N`" if plain != group else f"`{group}`"


if __name__ == "__main__":
    print(key_tables(), end="")

"""The tables of docs/nvinfer.md, made of the tables of keys; `python -m sightline.foreign.key_page` prints them."""

from __future__ import annotations

from collections.abc import Mapping

from sightline.foreign.fates import Known
from sightline.foreign.nvinfer_keys import CLASS_ATTRS, PROPERTY
from sightline.foreign.nvinferserver_keys import GROUPS

__all__ = ["key_tables"]

_OLD = "infer_config.backend.trt_is"  # the old name of a block, with the same fields


def key_tables() -> str:
    """Markdown: a table for [property], one for [class-attrs-*], one for nvinferserver's fields."""
    server = {
        f"{group}.{key}": known
        for group, table in GROUPS.items()
        if not group.startswith(_OLD)
        for key, known in table.items()
    }
    parts = [
        f"### `[property]`\n\n{_table(PROPERTY, 'key')}",
        f"### `[class-attrs-all]` and `[class-attrs-N]`\n\n{_table(CLASS_ATTRS, 'key')}",
        f"### nvinferserver\n\n{_table(server, 'field')}",
    ]
    return "\n\n".join(parts) + "\n"


def _table(keys: Mapping[str, Known], what: str) -> str:
    rows = [f"| {what} | status | here | remark |", "|---|---|---|---|"]
    for key, known in keys.items():
        here = f"`{known.as_}`" if known.as_ else ""
        idle = f" ({' and '.join(known.idle)} asks for nothing)" if known.idle else ""
        rows.append(f"| `{key}` | {known.status} | {here} | {known.why}{idle} |")
    return "\n".join(rows)


if __name__ == "__main__":
    print(key_tables(), end="")

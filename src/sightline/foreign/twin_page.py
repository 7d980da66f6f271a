"""The table of docs/azure.md, made of the table of keys; `python -m sightline.foreign.twin_page` prints it."""

from __future__ import annotations

from sightline.foreign.twin_fates import COMPONENT_KEYS

__all__ = ["twin_table"]


def twin_table() -> str:
    """Markdown: a row for every key of a twin's components."""
    rows = ["| key in `components` | status | here | remark |", "|---|---|---|---|"]
    for key, known in COMPONENT_KEYS.items():
        here = f"`{known.as_}`" if known.as_ else ""
        rows.append(f"| `{key}` | {known.status} | {here} | {known.why} |")
    return "\n".join(rows) + "\n"


if __name__ == "__main__":
    print(twin_table(), end="")

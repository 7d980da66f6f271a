"""The tables of docs/deepstream.md and docs/deepstream-apps.md; `python -m sightline.foreign.app_page` prints them."""

from __future__ import annotations

from collections.abc import Mapping

from sightline.foreign.app_keys import APP_GROUPS
from sightline.foreign.element_keys import ELEMENTS, EVERY
from sightline.foreign.fates import Known
from sightline.foreign.nvinfer_keys import CLASS_ATTRS, PROPERTY
from sightline.foreign.nvinferserver_keys import GROUPS
from sightline.foreign.reasons import REASONS
from sightline.foreign.side_reasons import SIDE_REASONS
from sightline.foreign.tao_keys import TAO_GROUPS

__all__ = ["app_tables", "reasons"]

_STATUS = ("honoured", "translated", "ignored")


def app_tables() -> str:
    """Markdown: a table for each form of file; keys that share a fate share a row."""
    own = {name: table for name, table in TAO_GROUPS.items() if table is not APP_GROUPS.get(name)}
    parts = [
        f"## deepstream-app, key by key\n\n{_table('group', APP_GROUPS)}",
        f"## The groups that the TAO applications and samples have beside these\n\n{_table('group', own)}",
        f"## The elements of service-maker pipelines\n\n{_table('element', _elements())}",
    ]
    return "\n\n".join(parts) + "\n"


def _elements() -> dict[str, Mapping[str, Known]]:
    """What all elements have stands once, in front."""
    own = {
        name: {key: known for key, known in table.items() if EVERY.get(key) != known}
        for name, table in ELEMENTS.items()
    }
    return {"every element": EVERY, **own}


def reasons() -> str:
    """Markdown: why keys are passed over, each once, those of side files and models too."""
    told = [*REASONS.values(), *SIDE_REASONS.values()]
    tables = [*PROPERTY.values(), *CLASS_ATTRS.values(), *(k for table in GROUPS.values() for k in table.values())]
    told += [known.why for known in tables if known.status == "ignored"]
    return "\n".join(["| reason |", "|---|", *(f"| {why} |" for why in dict.fromkeys(told))]) + "\n"


def _table(what: str, groups: Mapping[str, Mapping[str, Known]]) -> str:
    """Groups with the same keys and fates share their rows."""
    alike: dict[tuple[tuple[str, Known], ...], list[str]] = {}
    for name, table in groups.items():
        if len(table):
            alike.setdefault(tuple(table.items()), []).append(f"`{name.replace('#', 'N')}`")
    rows = [f"| {what} | keys | status | here | remark |", "|---|---|---|---|---|"]
    for items, names in alike.items():
        shared: dict[Known, list[str]] = {}
        for key, known in items:
            shared.setdefault(known, []).append(f"`{key.replace('#', 'N')}`")
        for known in sorted(shared, key=lambda known: _STATUS.index(known.status)):
            here = f"`{known.as_}`" if known.as_ else ""
            idle = f" ({' or '.join(known.idle)} asks for nothing)" if known.idle else ""
            keys = ", ".join(shared[known])
            rows.append(f"| {', '.join(names)} | {keys} | {known.status} | {here} | {known.why}{idle} |")
    return "\n".join(rows)


if __name__ == "__main__":
    print(reasons(), app_tables(), sep="\n", end="")

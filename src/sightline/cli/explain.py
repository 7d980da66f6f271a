"""`sightline explain FILE`: what a configuration from elsewhere would do here, key by key; nothing is run."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections import Counter
from itertools import groupby
from pathlib import Path
from typing import Annotated

import typer

from sightline.errors import hide_credentials
from sightline.foreign.explaining import Explained, explain, told_of
from sightline.foreign.fates import KeyFate
from sightline.foreign.mapping import Mapping
from sightline.foreign.places import Places

__all__ = ["command"]

_WIDEST = 60


def command(
    file: Annotated[str, typer.Argument(help="a DeepStream file: deepstream-app, nvinfer, tracker, analytics ...")],
    as_json: Annotated[bool, typer.Option("--json", help="{files, keys, missing} as JSON on standard output")] = False,
    root: Annotated[str, typer.Option(help="the folder that stands for /opt/nvidia/deepstream/deepstream")] = "",
    mapped: Annotated[
        list[str] | None, typer.Option("--map", help="OLD=NEW: what the file names, and where it is here (repeatable)")
    ] = None,
) -> int:
    """What a DeepStream file would do here, key by key: honoured, translated (to what), ignored (why), unknown."""
    mapping = Mapping.parsed(mapped or (), root)
    found = explain(Path(file), Places(_looking_into_zips(Path(file), mapping)))
    if as_json:
        print(hide_credentials(json.dumps(found.plain(), indent=2, ensure_ascii=False)))
    else:
        print(hide_credentials("\n".join(_lines(found))))
    return 0


def _looking_into_zips(file: Path, mapping: Mapping) -> Mapping:
    """Zips that a twin brings are looked into. What fetches them is slow to load, so it is loaded for twins alone."""
    if file.suffix.lower() not in (".json", ".jsonc"):
        return mapping
    from sightline.cli.run_twin import is_twin_file
    from sightline.cli.twin_files import mapped_into_zips

    return mapped_into_zips(file, mapping) if is_twin_file(str(file)) else mapping


def _lines(found: Explained) -> list[str]:
    """File by file, group by group; a key a line, in columns."""
    kinds = {file.path: file.kind for file in found.files}
    lines: list[str] = []
    for path, kind in kinds.items():
        lines += [f"{_short(path)}: {kind}"]
        own = [key for key in found.keys if key.file == path]
        for group, keys in groupby(own, key=lambda key: key.group):
            lines += [f"  [{group}]" if group else "  (no group)", *_table(list(keys))]
        lines.append("")
    if found.missing:
        lines += ["missing:", *(f"  {line}" for line in told_of(found.missing)), ""]
    counts = Counter(key.status for key in found.keys if not key.broken)
    broken = sum(key.broken for key in found.keys)
    more = f", {broken} broken lines" if broken else ""
    said = ", ".join(f"{counts[status]} {status}" for status in ("honoured", "translated", "ignored", "unknown"))
    total = f"{len(found.files)} files, {counts.total()} keys: {said}{more}"
    return [*lines, f"{total}; {len(found.missing)} files missing"]


def _table(keys: list[KeyFate]) -> list[str]:
    said = [_cut(f"{key.key} = {key.shown}" if key.value else key.key) for key in keys]
    width = max(map(len, said))
    number = max(len(str(key.line)) for key in keys)
    room = max(40, shutil.get_terminal_size((160, 24)).columns - width - number - 20) if sys.stdout.isatty() else 400
    lines: list[str] = []
    for key, text in zip(keys, said, strict=True):
        here = f"{key.as_}; {key.why}" if key.as_ and key.why else key.as_ or key.why
        here = here if len(here) <= room else f"{here[: room - 1]}…"
        lines.append(f"    {key.line:>{number}}  {text:<{width}}  {key.status:<10}  {here}".rstrip())
    return lines


def _cut(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _WIDEST else f"{text[: _WIDEST - 1]}…"


def _short(path: str) -> str:
    """The path from the current folder, where that is below it."""
    near = os.path.relpath(path)
    return path if near.startswith("..") else near

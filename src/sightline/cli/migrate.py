"""`sightline migrate FILE -o pipeline.yaml`: a DeepStream application's file as a pipeline file of our own."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from sightline.cli.twin_files import migrate_twin
from sightline.config_text import dump_config
from sightline.errors import OutputError, UsageError, hide_credentials
from sightline.foreign.applications import application, kind_of_file
from sightline.foreign.explaining import Explained, explain, told_of
from sightline.foreign.mapping import Mapping
from sightline.foreign.places import Places

__all__ = ["command"]

_SUFFIXES = (".yaml", ".yml")
_WIDEST = 118


def command(
    file: Annotated[str, typer.Argument(help="a file of deepstream-app, of a TAO application or the service maker")],
    output: Annotated[str, typer.Option("-o", "--output", help="the pipeline file to write (.yaml); - prints it")],
    root: Annotated[str, typer.Option(help="the folder that stands for /opt/nvidia/deepstream/deepstream")] = "",
    mapped: Annotated[
        list[str] | None, typer.Option("--map", help="OLD=NEW: what the file names, and where it is here (repeatable)")
    ] = None,
) -> int:
    """A DeepStream application's file as a pipeline file, with what was ignored as comments at its top."""
    source, target = Path(file), Path(output)
    places = Places(Mapping.parsed(mapped or (), root))
    kind = kind_of_file(source)
    if kind == "twin":
        return migrate_twin(source, output, Mapping.parsed(mapped or (), root))
    if source.is_file() and kind != "application":
        told = f"; it belongs to another one: sightline explain {file}" if kind in ("model", "side") else ""
        raise UsageError(f"{file}: not the file of an application{told}")
    if output != "-" and target.suffix.lower() not in _SUFFIXES:
        raise UsageError(f"-o {output}: must end in .yaml")
    if output != "-" and target.resolve() == source.resolve():
        raise UsageError(f"-o {output}: would overwrite what it is made from; choose another name")
    made = application(source, places)
    folder = Path.cwd() if output == "-" else target.resolve().parent
    comments = [*_comments(source, explain(source, places)), *_wrapped("attention", made.notes)]
    text = "".join(f"# {line}".rstrip() + "\n" for line in comments) + dump_config(made.config, folder)
    text = hide_credentials(text) if output == "-" else text
    if output == "-":
        print(text, end="")
        return 0
    try:
        target.write_text(text, encoding="utf-8")
    except OSError as error:
        raise OutputError(f"{target}: {(error.strerror or 'cannot be written').lower()}") from error
    notes = sum(line.startswith("  ") and not line.startswith("    ") for line in comments)
    told = f"; {notes} {'note' if notes == 1 else 'notes'} at its top" if notes else ""
    print(f"wrote {target}{told}; sightline check {target}", file=sys.stderr)
    return 0


def _comments(source: Path, found: Explained) -> Iterator[str]:
    """Where it comes from, what is missing, what nobody knows, and what was ignored for which reason."""
    yield f"Made from {source.name} by sightline migrate."
    yield from _wrapped("missing", told_of(found.missing))
    yield from _wrapped(
        "unknown", [f"{Path(k.file).name}:{k.line}: {k.key}: {k.why}" for k in found.keys if k.status == "unknown"]
    )
    reasons: dict[str, list[str]] = {}
    for key in found.keys:
        if key.status == "ignored" and key.file == str(source):
            reasons.setdefault(key.why, []).append(f"{key.group}.{key.key}" if key.group else key.key)
    yield from _wrapped("ignored", [f"{', '.join(dict.fromkeys(keys))}: {why}" for why, keys in reasons.items()])


def _wrapped(title: str, lines: list[str] | tuple[str, ...]) -> Iterator[str]:
    if not lines:
        return
    yield ""
    yield f"{title}:"
    for line in lines:
        words, text = hide_credentials(" ".join(line.split())).split(" "), " "
        for word in words:
            if len(text) + len(word) + 1 > _WIDEST and text.strip():
                yield text
                text = "   "
            text += f" {word}"
        yield text

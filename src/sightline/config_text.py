"""YAML or JSON text <-> `PipelineConfig`. Whatever is wrong is named with file, line and key.

YAML is read by the core schema of YAML 1.2 (https://yaml.org/spec/1.2.2/#103-core-schema), so `no` and `on` are words
and `1e-3` is a number; where a boolean is wanted, `yes`, `no`, `on` and `off` are understood as in YAML 1.1.
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar, cast

import yaml
from pydantic import BaseModel, ValidationError

from sightline.config import (
    CodeConfig,
    LimitsConfig,
    ModelConfig,
    PartConfig,
    PipelineConfig,
    RegionConfig,
    RememberConfig,
    StageConfig,
    StreamConfig,
    TilesConfig,
    keys_of,
)
from sightline.errors import ConfigError, hide_credentials
from sightline.parts import expected, judge

__all__ = ["Key", "dump_config", "load_config", "parse_config", "place_of"]

Key = tuple[str | int, ...]
_Model = TypeVar("_Model", bound=ModelConfig)
_MOST_NODES = 100_000  # aliases may stand for far more text than the file holds
_URL = re.compile(r"^[A-Za-z][A-Za-z0-9+.\-]*:")


def load_config(path: str | Path) -> PipelineConfig:
    """The configuration in a file; relative paths in it are relative to its folder.

    Raises ConfigError: "pipeline.yaml:3: unknown key 'modle'; did you mean 'model'?".
    """
    path = Path(path)
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise ConfigError(f"{path}: {(error.strerror or 'cannot be read').lower()}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not a text file (UTF-8) at byte {error.start}") from error
    return parse_config(text, str(path), path.parent)


def parse_config(text: str, name: str = "pipeline.yaml", folder: Path | None = None) -> PipelineConfig:
    """`text` -> configuration. `name` is what errors call it; `folder` what relative paths are relative to."""
    data, lines = _read(text, name)
    if data is None:
        raise ConfigError(f"{name}: empty; it needs at least the keys 'streams' and 'model'")
    if not isinstance(data, dict):
        raise ConfigError(f"{name}:1: expected a mapping with the keys 'streams' and 'model'")
    try:
        config = PipelineConfig.model_validate(data)
    except ValidationError as error:
        raise ConfigError(_first_fault(error, data, name, lines)) from error
    _judge_parts(config, name, lines)
    return config if folder is None else _paths_mapped(config, lambda path: os.path.normpath(folder / path))


def place_of(path: str | Path, key: Key) -> str:
    """ "pipeline.yaml:3", where `key` stands in the file (or what holds it); for faults found later than by reading."""
    path = Path(path)
    _, lines = _read(path.read_bytes().decode("utf-8-sig"), str(path))
    return f"{path}:{_line(key, lines)}"


def dump_config(config: PipelineConfig, folder: Path | None = None) -> str:
    """YAML that `parse_config` reads back to the same configuration; what is at its default is left out.

    With `folder` (where the file will lie) relative paths, which are meant from the current folder, are rewritten.
    """
    if folder is not None:
        config = _paths_mapped(config, lambda path: _seen_from(path, folder))
    data = config.model_dump(mode="json", exclude_defaults=True, by_alias=True)
    text: str = yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)
    return text


# -- text to data, with line numbers -----------------------------------------------------------------------------------


class _Loader(yaml.SafeLoader):
    """SafeLoader with the scalars of YAML 1.2."""


_Loader.yaml_implicit_resolvers = {}
_SCALARS = (
    ("tag:yaml.org,2002:null", r"^(?:~|null|Null|NULL|)$", "~nN\0"),
    ("tag:yaml.org,2002:bool", r"^(?:true|True|TRUE|false|False|FALSE)$", "tTfF"),
    ("tag:yaml.org,2002:int", r"^(?:[-+]?[0-9]+|0x[0-9a-fA-F]+|0o[0-7]+)$", "-+0123456789"),
    (
        "tag:yaml.org,2002:float",
        r"^(?:[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$",
        "-+0123456789.",
    ),
    ("tag:yaml.org,2002:merge", r"^<<$", "<"),
)
for _tag, _pattern, _first in _SCALARS:
    _Loader.add_implicit_resolver(_tag, re.compile(_pattern), ["" if c == "\0" else c for c in _first])


class _Dumper(yaml.SafeDumper):
    """SafeDumper that also quotes text which is a number by YAML 1.2 alone, such as 1e3."""


_Dumper.yaml_implicit_resolvers = {
    first: [*yaml.SafeDumper.yaml_implicit_resolvers.get(first, ()), *_Loader.yaml_implicit_resolvers.get(first, ())]
    for first in {*yaml.SafeDumper.yaml_implicit_resolvers, *_Loader.yaml_implicit_resolvers}
}


def _construct_int(loader: _Loader, node: yaml.ScalarNode) -> int:
    text = str(loader.construct_scalar(node))
    return int(text[2:], 8) if text.startswith("0o") else int(text, 16) if text.startswith("0x") else int(text)


_Loader.add_constructor("tag:yaml.org,2002:int", _construct_int)


def _read(text: str, name: str) -> tuple[object, dict[Key, int]]:
    """Data, and the line on which each key (as a path) stands."""
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        if node is None:
            return None, {}
        lines: dict[Key, int] = {(): 1}
        _note_lines(loader, node, (), lines, [], name)
        return loader.construct_document(node), lines
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        raise ConfigError(f"{name}:{line}: not valid YAML: {error.problem or error.context}") from error
    except ConfigError:
        raise
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ConfigError(f"{name}: not valid YAML: {str(error).splitlines()[0]}") from error


def _note_lines(
    loader: _Loader, node: yaml.Node, at: Key, lines: dict[Key, int], above: list[yaml.Node], name: str
) -> None:
    if len(lines) > _MOST_NODES:
        raise ConfigError(f"{name}: aliases expand to more than {_MOST_NODES} values")
    if any(node is other for other in above):
        raise ConfigError(f"{name}:{node.start_mark.line + 1}: an alias that contains itself")
    inside = [*above, node]
    if isinstance(node, yaml.MappingNode):
        _no_repeats(node, name)
        loader.flatten_mapping(node)
        for key, value in cast("list[tuple[yaml.Node, yaml.Node]]", node.value):
            here = (*at, str(key.value))
            lines[here] = key.start_mark.line + 1
            _note_lines(loader, value, here, lines, inside, name)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(cast("list[yaml.Node]", node.value)):
            here = (*at, index)
            lines[here] = value.start_mark.line + 1
            _note_lines(loader, value, here, lines, inside, name)


def _no_repeats(node: yaml.MappingNode, name: str) -> None:
    seen: set[str] = set()
    for key, _ in cast("list[tuple[yaml.Node, yaml.Node]]", node.value):
        if not isinstance(key, yaml.ScalarNode):
            raise ConfigError(f"{name}:{key.start_mark.line + 1}: a key must be a word")
        if key.value in seen and key.tag != "tag:yaml.org,2002:merge":
            raise ConfigError(f"{name}:{key.start_mark.line + 1}: the key {key.value!r} is there twice")
        seen.add(str(key.value))


# -- faults ------------------------------------------------------------------------------------------------------------

_MODELS: Mapping[Key, type[BaseModel]] = {
    (): PipelineConfig,
    ("streams",): StreamConfig,
    ("model",): ModelConfig,
    ("model", "parser"): CodeConfig,
    ("model", "tiles"): TilesConfig,
    ("model", "regions"): RegionConfig,
    ("then",): StageConfig,
    ("then", "parser"): CodeConfig,
    ("then", "remember"): RememberConfig,
    ("logic",): CodeConfig,
    ("limits",): LimitsConfig,
}


def _first_fault(error: ValidationError, data: object, name: str, lines: Mapping[Key, int]) -> str:
    """The fault to show: unknown keys first, for a misspelt key is often why another one is missing."""
    faults = sorted(error.errors(), key=lambda item: item["type"] != "extra_forbidden")
    first = faults[0]
    at = _existing(first["loc"], data)
    where = f"{name}:{_line(at, lines)}"
    if first["type"] == "extra_forbidden":
        model = _MODELS.get(tuple(k for k in at[:-1] if isinstance(k, str)), PipelineConfig)
        return f"{where}: unknown key {at[-1]!r}{_instead(str(at[-1]), keys_of(model))}"
    if first["type"] == "missing":
        missing = str(first["loc"][-1])
        inside = f" in {_dotted(at)}" if at else ""
        return f"{where}: the key {missing!r} is missing{inside}"
    same = [item for item in faults if _existing(item["loc"], data) == at]
    said = expected(same)
    return hide_credentials(f"{where}: {_dotted(at)}: {said}" if at else f"{where}: {said}")


def _instead(name: str, names: Sequence[str]) -> str:
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    return f"; did you mean {near[0]!r}?" if near else f"; known here: {', '.join(names)}"


def _existing(location: Sequence[str | int], data: object) -> Key:
    """The part of a pydantic location that is really in the data (it also names members of unions)."""
    at: list[str | int] = []
    for step in location:
        if isinstance(data, Mapping) and step in data:
            data = cast("Mapping[object, object]", data)[step]
        elif isinstance(data, Sequence) and not isinstance(data, str) and isinstance(step, int) and step < len(data):
            data = cast("Sequence[object]", data)[step]
        else:
            continue
        at.append(step)
    return tuple(at)


def _line(at: Key, lines: Mapping[Key, int]) -> int:
    while at not in lines and at:
        at = at[:-1]
    return lines.get(at, 1)


def _dotted(at: Key) -> str:
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in at)
    return text.removeprefix(".")


def _judge_parts(config: PipelineConfig, name: str, lines: Mapping[Key, int]) -> None:
    """Raises ConfigError for the first part whose name or options are wrong."""
    parts: list[tuple[str, PartConfig, Key]] = []
    for i, stream in enumerate(config.streams):
        parts += [("analytic", part, ("streams", i, "analytics", j)) for j, part in enumerate(stream.analytics)]
        parts += [("dewarp", stream.dewarp, ("streams", i, "dewarp"))] if stream.dewarp else []
    if config.tracker:
        parts.append(("tracker", config.tracker, ("tracker",)))
    parts += [("analytic", part, ("analytics", i)) for i, part in enumerate(config.analytics)]
    if config.overlay:
        parts.append(("overlay", config.overlay, ("overlay",)))
    parts += [("sink", part, ("sinks", i)) for i, part in enumerate(config.sinks)]
    for kind, part, at in parts:
        _, faults = judge(kind, part.kind, part.options)
        if faults:
            where = _line((*at, faults[0].option) if faults[0].option else at, lines)
            raise ConfigError(f"{name}:{where}: {faults[0].message}")


# -- paths -------------------------------------------------------------------------------------------------------------


def _paths_mapped(config: PipelineConfig, change: Callable[[str], str]) -> PipelineConfig:
    """`config` with every relative local path given to `change`; URLs, device numbers and `-` stay."""

    def path(text: str) -> str:
        if _URL.match(text) or text.isdigit() or text in ("", "-") or os.path.isabs(text):
            return text
        return change(text) + ("/" if text.endswith("/") else "")

    def code(it: CodeConfig | None) -> CodeConfig | None:
        return None if it is None else it.model_copy(update={"path": path(it.path)})

    def model(it: _Model) -> _Model:
        labels = path(it.labels) if isinstance(it.labels, str) else it.labels
        return it.model_copy(update={"path": path(it.path), "labels": labels, "parser": code(it.parser)})

    def sink(it: PartConfig) -> PartConfig:
        named = {key: path(where) for key in ("path", "spool") if isinstance(where := it.options.get(key), str)}
        return PartConfig.model_validate({**it.model_dump(), **named}) if named else it

    return config.model_copy(
        update={
            "streams": tuple(it.model_copy(update={"url": path(it.url)}) for it in config.streams),
            "model": model(config.model),
            "then": tuple(map(model, config.then)),
            "logic": code(config.logic),
            "sinks": tuple(map(sink, config.sinks)),
            "maps": config.maps if config.maps is None else path(config.maps),
        }
    )


def _seen_from(path: str, folder: Path) -> str:
    seen = os.path.relpath(path, folder)
    return os.path.abspath(path) if seen.startswith("..") else seen

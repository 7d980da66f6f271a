"""The JSON Schema (draft 2020-12) of pipeline files, derived from the configuration's models and the parts' fields.

`sightline check --schema` prints it; the file that is shipped is that same text.
"""

from __future__ import annotations

from typing import Any, cast

from pydantic import TypeAdapter

from sightline.config import PipelineConfig
from sightline.parts import Option, kind_of, options_of
from sightline.plugins import known

__all__ = ["pipeline_schema"]

_ID = "urn:sightline:pipeline:1"
Json = dict[str, Any]


def pipeline_schema() -> Json:
    """What a pipeline file may hold; parts by their names and options, unknown keys refused."""
    schema: Json = PipelineConfig.model_json_schema()
    definitions: Json = schema["$defs"]
    definitions.pop("PartConfig", None)
    for kind in ("tracker", "analytic", "overlay", "sink", "payload", "dewarp"):
        definitions[kind] = _parts(kind)
    properties: Json = schema["properties"]
    stream = _mapping(definitions["StreamConfig"])["properties"]
    for holder, key, kind in (
        (properties, "analytics", "analytic"),
        (stream, "analytics", "analytic"),
        (properties, "sinks", "sink"),
    ):
        holder[key]["items"] = _reference(kind)
    properties["tracker"]["anyOf"] = [_reference("tracker"), {"type": "null"}]
    stream["dewarp"]["anyOf"] = [_reference("dewarp"), {"type": "null"}]
    properties["overlay"]["anyOf"] = [
        _reference("overlay"),
        _part("overlay", "boxes", named=False),
        {"type": ["null", "boolean"]},
    ]
    properties["streams"]["items"] = {"anyOf": [{"$ref": "#/$defs/StreamConfig"}, {"type": "integer", "minimum": 0}]}
    for part in [value for value in definitions.values() if isinstance(value, dict)]:
        _hoist(cast("Json", part), definitions)
    _untitled(schema)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": _ID,
        "title": "Sightline pipeline",
        **schema,
    }


def _mapping(definition: Json) -> Json:
    return next(form for form in definition.get("anyOf", [definition]) if form.get("type") == "object")


def _reference(kind: str) -> Json:
    return {"$ref": f"#/$defs/{kind}"}


def _parts(kind: str) -> Json:
    """A part by name alone, or one of those we ship, or somebody else's (which only its own package can judge)."""
    names = list(known(kind))
    others = {
        "type": "object",
        "properties": {"kind": {"type": "string", "not": {"enum": names}}},
        "required": ["kind"],
    }
    return {"anyOf": [{"type": "string"}, *(_part(kind, name) for name in names), others]}


def _part(kind: str, name: str, *, named: bool = True) -> Json:
    options = options_of(kind, name)
    properties: Json = {"kind": {"const": name}} if named else {}
    for option in options:
        properties[option.name] = _option(option)
    required = (["kind"] if named else []) + [option.name for option in options if option.required]
    made: Json = {"type": "object", "properties": properties, "additionalProperties": False}
    return {**made, "required": required} if required else made


def _option(option: Option) -> Json:
    kind = kind_of(option)
    if kind is not None:
        return _reference(kind) if option.required else {"anyOf": [_reference(kind), {"type": "null"}]}
    schema: Json = TypeAdapter(option.type).json_schema(mode="validation")
    if not option.required and isinstance(option.default, str | int | float | bool):
        schema["default"] = cast("object", option.default)
    return schema


def _hoist(node: object, definitions: Json) -> None:
    """Move what an option's schema defines for itself to where references look for it."""
    if isinstance(node, dict):
        mapping = cast("Json", node)
        own = cast("Json", mapping.pop("$defs", {}))
        definitions |= own
        for value in (*own.values(), *mapping.values()):
            _hoist(value, definitions)
    elif isinstance(node, list):
        for value in cast("list[object]", node):
            _hoist(value, definitions)


def _untitled(node: object) -> None:
    """Titles that only repeat the key say nothing."""
    if isinstance(node, dict):
        mapping = cast("dict[str, object]", node)
        if isinstance(mapping.get("title"), str):
            del mapping["title"]
        for value in mapping.values():
            _untitled(value)
    elif isinstance(node, list):
        for value in cast("list[object]", node):
            _untitled(value)

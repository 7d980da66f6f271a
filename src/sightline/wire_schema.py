"""The declaration of the results format in `wire_records` -> its JSON Schema (draft 2020-12), which is shipped."""

import json
import types
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal, NotRequired, Union, cast, get_args, get_origin, get_type_hints, is_typeddict

from sightline.wire_records import RECORDS, VERSION

__all__ = ["schema", "schema_text", "shipped"]

_PLAIN: Mapping[object, str] = {str: "string", bool: "boolean", int: "integer", float: "number", type(None): "null"}


def schema() -> dict[str, Any]:
    """The JSON Schema of one line of results. Unknown fields are allowed: later versions add some."""
    definitions: dict[str, Any] = {}
    lines = [_of(record, definitions) for record in RECORDS.values()]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"One line of Sightline results, version {VERSION}",
        "oneOf": lines,
        "$defs": dict(sorted(definitions.items())),
    }


def schema_text() -> str:
    """`schema` as the text of the shipped file."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


def shipped() -> str:
    """The text of the schema file that comes with the package."""
    return files("sightline").joinpath("wire.schema.json").read_text(encoding="utf-8")


def _of(declared: object, definitions: dict[str, Any]) -> dict[str, Any]:
    """The schema of one declared type; records go into `definitions` and are referred to."""
    origin, args = get_origin(declared), get_args(declared)
    if origin is None and not is_typeddict(declared):
        return {} if declared is object else {"type": _PLAIN[declared]}
    if origin is Annotated:
        found = _of(args[0], definitions)
        for note in args[1:]:
            found = {**found, **({"description": note} if isinstance(note, str) else cast("dict[str, Any]", note))}
        return found
    if origin is NotRequired:
        return _of(args[0], definitions)
    if origin is Literal:
        return {"const": args[0]}
    if origin in (Union, types.UnionType):
        return {"type": [_PLAIN[arg] for arg in args]}
    if origin is list:
        return {"type": "array", "items": _of(args[0], definitions)}
    if origin is dict:
        return {"type": "object", "additionalProperties": _of(args[1], definitions)}
    if is_typeddict(declared):
        return _record(cast("type", declared), definitions)
    raise TypeError(f"no JSON Schema for {declared!r}")


def _record(declared: type, definitions: dict[str, Any]) -> dict[str, Any]:
    name = declared.__name__
    if name not in definitions:
        definitions[name] = {}  # records may hold themselves
        hints = get_type_hints(declared, include_extras=True)
        required: frozenset[str] = getattr(declared, "__required_keys__", frozenset())
        definitions[name] = {
            "type": "object",
            "description": (declared.__doc__ or "").strip(),
            "properties": {key: _of(hint, definitions) for key, hint in hints.items()},
            "required": [key for key in hints if key in required],
        }
    return {"$ref": f"#/$defs/{name}"}


if __name__ == "__main__":
    Path(__file__).with_name("wire.schema.json").write_text(schema_text(), encoding="utf-8")

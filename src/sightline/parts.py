"""A part's name and options -> the part. The options of a part are the fields of its dataclass, and nothing else is.

Used by the configuration file, the command line and the JSON Schema alike, so that an option is written down once.
"""

from __future__ import annotations

import dataclasses
import difflib
import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast, get_args, get_type_hints

from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from sightline.errors import UsageError
from sightline.plugins import known, resolve
from sightline.protocols import Payload

__all__ = ["Option", "OptionFault", "construct", "did_you_mean", "expected", "judge", "kind_of", "options_of"]

# protocols of the parts that may be an option of another part, and the kind of plugin that fits
_PARTS: Mapping[object, str] = {Payload: "payload"}


@dataclass(frozen=True, slots=True)
class Option:
    """One option of a part: its name, Python type, whether it must be given, and its default otherwise."""

    name: str
    type: Any
    required: bool
    default: object = None


@dataclass(frozen=True, slots=True)
class OptionFault:
    """What is wrong with an option; `option` is "" where the part as a whole is meant."""

    option: str
    message: str


def did_you_mean(name: str, names: tuple[str, ...]) -> str:
    """ "; did you mean 'x'?", or what there is to choose from."""
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    if near:
        return f"; did you mean {near[0]!r}?"
    return f"; known: {', '.join(names)}" if names else ""


def options_of(kind: str, name: str) -> tuple[Option, ...]:
    """The options of the part that `resolve(kind, name)` finds. Raises UsageError for an unknown name."""
    target = resolve(kind, name)
    if isinstance(target, type) and dataclasses.is_dataclass(target):
        hints = get_type_hints(target)
        return tuple(
            Option(f.name, hints[f.name], _required(f), _default(f))
            for f in dataclasses.fields(target)
            if f.init and not f.name.startswith("_")
        )
    hints = get_type_hints(target)
    return tuple(
        Option(p.name, hints.get(p.name, Any), p.default is p.empty, None if p.default is p.empty else p.default)
        for p in inspect.signature(cast("Any", target)).parameters.values()
        if p.kind is p.KEYWORD_ONLY or (isinstance(target, type) and p.kind is p.POSITIONAL_OR_KEYWORD)
    )


def judge(kind: str, name: str, options: Mapping[str, object]) -> tuple[dict[str, object], list[OptionFault]]:
    """The options as the part wants them (lists to tuples, text to numbers), and what is wrong with the others."""
    try:
        options_known = {o.name: o for o in options_of(kind, name)}
    except UsageError as error:
        return {}, [OptionFault("kind", str(error))]
    good: dict[str, object] = {}
    faults: list[OptionFault] = []
    for key, value in options.items():
        if key not in options_known:
            faults.append(OptionFault(key, f"{name} has no option {key!r}{did_you_mean(key, tuple(options_known))}"))
            continue
        try:
            good[key] = _value(options_known[key], value)
        except ValidationError as error:
            faults.append(OptionFault(key, f"{name}: {key}: {expected(error.errors())}"))
        except UsageError as error:
            faults.append(OptionFault(key, f"{name}: {error}"))
    for option in options_known.values():
        if option.required and option.name not in options:
            faults.append(OptionFault("", f"{name} needs the option {option.name!r}"))
    return good, faults


def kind_of(option: Option) -> str | None:
    """The kind of part that an option takes (a payload, say); None for ordinary values."""
    for hint in (option.type, *get_args(option.type)):
        if hint in _PARTS:
            return _PARTS[hint]
    return None


def _value(option: Option, value: object) -> object:
    """The value as the part wants it; a part within the part is made of its name, or of its kind and options.

    Raises ValidationError, UsageError.
    """
    kind = kind_of(option)
    if kind is None or (value is None and not option.required):
        return _adapter(option.type).validate_python(value)
    if isinstance(value, str):
        return construct(kind, value, {})
    if isinstance(value, option.type):
        return value
    if not isinstance(value, Mapping):
        raise UsageError(f"{option.name}: expected the name of a {kind}, or a mapping, got {value!r}")
    given = dict(cast("Mapping[str, object]", value))
    name = given.pop("kind", None)
    if not isinstance(name, str):
        raise UsageError(f"a {kind} needs its name as kind; known: {', '.join(known(kind))}")
    return construct(kind, name, given)


def construct(kind: str, name: str, options: Mapping[str, object], **extra: object) -> Any:
    """The part itself; `extra` are further arguments that the caller decides (a stream's id, a folder).

    Raises UsageError naming the part and the option.
    """
    good, faults = judge(kind, name, {**options, **extra})
    if faults:
        raise UsageError(faults[0].message if faults[0].option == "kind" else f"{kind} {faults[0].message}")
    try:
        return cast("Any", resolve(kind, name))(**good)
    except UsageError:
        raise
    except ValueError as error:
        raise UsageError(f"{kind} {name}: {error}") from error


def expected(faults: Sequence[ErrorDetails]) -> str:
    """ "expected a number, got 'high'": every alternative of a union in one phrase."""
    first = faults[0]
    if first["type"] == "value_error":
        return str(first.get("ctx", {}).get("error", first["msg"]))
    if first["type"] == "unexpected_keyword_argument":
        return f"unknown key {first['loc'][-1]!r}"
    wants: list[str] = []
    for item in faults:
        phrase = _phrase(item["type"], dict(item.get("ctx") or {}), item["msg"])
        if phrase not in wants:
            wants.append(phrase)
    got = repr(first["input"])
    return f"expected {' or '.join(wants)}, got {got if len(got) <= 60 else got[:57] + '...'}"


_PHRASES = {
    "bool": "true or false",
    "int": "a whole number",
    "float": "a number",
    "string": "text",
    "tuple": "a list",
    "list": "a list",
    "dict": "a mapping",
    "model": "a mapping",
    "none": "nothing",
    "finite": "a finite number",
    "path": "a path",
}


def _phrase(kind: str, context: Mapping[str, object], message: str) -> str:
    bounds = {
        "greater_than": "above",
        "greater_than_equal": "at least",
        "less_than": "below",
        "less_than_equal": "at most",
    }
    if kind in bounds:
        return f"a number {bounds[kind]} {next(iter(context.values()))}"
    if kind in ("enum", "literal_error"):
        return str(context.get("expected", message))
    if kind == "too_short":
        return f"at least {context.get('min_length')} of them"
    if kind == "one_of":
        return str(context["choice"])
    return _PHRASES.get(kind.split("_")[0], message[:1].lower() + message[1:])


def _adapter(hint: Any) -> TypeAdapter[Any]:
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        return TypeAdapter(hint)
    return TypeAdapter(hint, config=ConfigDict(arbitrary_types_allowed=True, coerce_numbers_to_str=True))


def _required(field: dataclasses.Field[Any]) -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


def _default(field: dataclasses.Field[Any]) -> object:
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return None if field.default is dataclasses.MISSING else field.default

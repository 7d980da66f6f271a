"""What the command line says of parts, lines and zones -> `PartConfig`. Text in, configuration out; nothing is built.

`bytetrack:lost_s=2,high=0.6`   a part and its options
`gate=0.1,0.5,0.9,0.5`          a line or zone: name and points, as fractions of the upright frame
`gate=px:200,540,1720,540`      ... in pixels
"""

from __future__ import annotations

import math

from sightline.config import PartConfig
from sightline.errors import UsageError
from sightline.parts import judge, options_of

__all__ = ["parse_line", "parse_options", "parse_part", "parse_zone"]


def parse_options(text: str, flag: str) -> dict[str, object]:
    """ "a=1,b=x" -> {"a": "1", "b": "x"}; the text stays text. Raises UsageError naming `flag`."""
    found: dict[str, object] = {}
    for item in filter(None, (piece.strip() for piece in text.split(","))):
        key, equals, value = item.partition("=")
        if not equals or not key.strip() or not value.strip():
            raise UsageError(f"{flag} {text!r}: {item!r} is not of the form key=value")
        if key.strip() in found:
            raise UsageError(f"{flag} {text!r}: {key.strip()!r} is given twice")
        found[key.strip()] = value.strip()
    return found


def parse_part(text: str, kind: str = "tracker", flag: str = "--track") -> PartConfig:
    """ "name:key=value,..." -> the part's configuration with typed values.

    `kind` is that of `plugins.resolve`. Raises UsageError with a suggestion for an unknown name or option.
    """
    name, _, rest = text.strip().partition(":")
    name = name.strip()
    options_of(kind, name)
    good, faults = judge(kind, name, parse_options(rest, flag))
    if faults:
        raise UsageError(f"{flag} {text!r}: {faults[0].message}")
    return PartConfig(kind=name, **good)


def parse_line(text: str) -> PartConfig:
    """ "gate=0.1,0.5,0.9,0.5" -> a line's configuration. Raises UsageError naming the value that is wrong."""
    return _parse_points("line", text, 2)


def parse_zone(text: str) -> PartConfig:
    """ "yard=0.1,0.1,0.4,0.1,0.4,0.6" -> a zone's configuration. Raises UsageError naming the value that is wrong."""
    return _parse_points("zone", text, 3)


def _parse_points(kind: str, text: str, least: int) -> PartConfig:
    flag = f"--{kind}"
    example = "gate=0.1,0.5,0.9,0.5" if kind == "line" else "yard=0.1,0.1,0.4,0.1,0.4,0.6"
    name, equals, rest = text.partition("=")
    name, rest = name.strip(), rest.strip()
    if not equals or not name:
        raise UsageError(f"{flag} {text!r}: expected a name and points, as in {example}")
    px = rest.startswith("px:")
    words = [word.strip() for word in rest.removeprefix("px:").replace(";", ",").split(",")]
    numbers = [_number(word, flag, text) for word in words]
    if len(numbers) % 2:
        raise UsageError(f"{flag} {text!r}: {len(numbers)} numbers; points are pairs of x and y")
    if len(numbers) < 2 * least:
        raise UsageError(f"{flag} {text!r}: a {kind} needs at least {least} points, as in {example}")
    points = [[x, y] for x, y in zip(numbers[::2], numbers[1::2], strict=True)]
    options: dict[str, object] = {"name": name, "points": points}
    if px:
        options["px"] = True
    return PartConfig(kind=kind, **options)


def _number(word: str, flag: str, text: str) -> float:
    try:
        value = float(word)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise UsageError(f"{flag} {text!r}: {word!r} is not a number")
    return value

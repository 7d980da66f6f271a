"""Words of the command line and of `sightline.run` -> the parts of a `PipelineConfig`. Nothing is opened here."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from pydantic import ValidationError

from sightline.config import (
    CodeConfig,
    LimitsConfig,
    ModelConfig,
    PartConfig,
    PipelineConfig,
    StageConfig,
    TilesConfig,
    keys_of,
)
from sightline.errors import UsageError
from sightline.options import parse_line, parse_options, parse_part, parse_zone
from sightline.parts import construct, did_you_mean, expected, judge

__all__ = [
    "Limit",
    "analytics",
    "code",
    "crop",
    "drawing",
    "joined",
    "limit",
    "limits",
    "model",
    "numbers",
    "options",
    "part",
    "pipeline",
    "stage",
    "tiles",
    "tracker",
    "video",
    "words",
]

_TIME = re.compile(r"^([0-9]*\.?[0-9]+)\s*(ms|s|sec|seconds?|m|min|minutes?|h|hours?)$")
_FRAMES = re.compile(r"^([0-9]+)\s*(f|frames?)$")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


@dataclass(frozen=True, slots=True)
class Limit:
    """When a stream ends before its time: after `seconds`, after `frames`, or (both None) by itself."""

    seconds: float | None = None
    frames: int | None = None


def limit(text: str | None) -> Limit:
    """ "10s", "2min", "500ms" or "250f". A number alone says neither, and is refused."""
    if text is None:
        return Limit()
    word = text.strip().lower()
    if match := _FRAMES.match(word):
        found = Limit(frames=int(match[1]))
    elif match := _TIME.match(word):
        unit = "ms" if match[2] == "ms" else match[2][0]
        found = Limit(seconds=float(match[1]) * _SECONDS[unit])
    else:
        raise UsageError(f"--limit {text}: expected a time such as 10s or 2min, or a number of frames such as 250f")
    if not (found.frames or found.seconds):
        raise UsageError(f"--limit {text}: must be above 0")
    return found


def numbers(flag: str, text: str | None) -> tuple[float, ...] | None:
    """ "0.5,0.5,0.5" -> (0.5, 0.5, 0.5). Raises UsageError naming the flag."""
    if text is None:
        return None
    try:
        return tuple(float(word) for word in text.split(","))
    except ValueError as error:
        raise UsageError(f"{flag} {text}: expected numbers separated by commas") from error


def words(text: str | None) -> tuple[str, ...]:
    """ "person, car" -> ("person", "car")."""
    return tuple(word.strip() for word in (text or "").split(",") if word.strip())


def crop(text: str | None) -> tuple[tuple[float, ...] | None, bool]:
    """ "x1,y1,x2,y2" in fractions of the frame, "px:x1,y1,x2,y2" in pixels -> (box, in pixels)."""
    if text is None:
        return None, False
    in_pixels = text.startswith("px:")
    box = numbers("--crop", text.removeprefix("px:"))
    if box is None or len(box) != 4:
        raise UsageError(f"--crop {text}: expected x1,y1,x2,y2 in fractions of the frame, or px:x1,y1,x2,y2")
    return box, in_pixels


def model(path: str, **given: object) -> ModelConfig:
    """The model as flagged; `given` are fields of ModelConfig, None where the flag was not used."""
    return _checked(ModelConfig, {"path": path, **{k: v for k, v in given.items() if v is not None}})


def stage(given: str | Mapping[str, object]) -> StageConfig:
    """A secondary model by its path, or by the keys of a stage in a pipeline file. Raises UsageError."""
    return _checked(StageConfig, {"model": given} if isinstance(given, str) else dict(given))


def limits(**given: object) -> LimitsConfig:
    """The bounds as flagged; `given` are fields of LimitsConfig, None where the flag was not used."""
    return _checked(LimitsConfig, {k: v for k, v in given.items() if v is not None})


def pipeline(**parts: object) -> PipelineConfig:
    """A whole pipeline of parts that fit together. Raises UsageError."""
    return _checked(PipelineConfig, parts)


_T = TypeVar("_T", ModelConfig, StageConfig, LimitsConfig, PipelineConfig)
_FLAGS = {"duration_s": "--limit", "frames": "--limit", "connect_timeout_s": "--connect-timeout"}


def _checked(kind: type[_T], values: dict[str, object]) -> _T:
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        faults = error.errors()
        where = str(faults[0]["loc"][0]) if faults[0]["loc"] else ""
        if faults[0]["type"] == "extra_forbidden":
            raise UsageError(f"unknown option {where!r}{did_you_mean(where, keys_of(kind))}") from error
        same = [fault for fault in faults if fault["loc"][:1] == faults[0]["loc"][:1]]
        flag = _FLAGS.get(where, f"--{where.replace('_', '-')}: " if where else "")
        raise UsageError(f"{flag}{expected(same)}") from error


def options(kind: str, name: str, text: str | None, flag: str, **filled: object) -> dict[str, object]:
    """ "a=1,b=x" -> the options of a part, typed; `filled` are those that come from elsewhere and may not be given."""
    if text is None:
        return {}
    given = parse_options(text, flag)
    for key in filled:
        if key in given:
            raise UsageError(f"{flag} {text!r}: {key!r} is not given here")
    good, faults = judge(kind, name, {**given, **filled})
    if faults:
        raise UsageError(f"{flag} {text!r}: {faults[0].message}")
    return {key: value for key, value in good.items() if key not in filled}


def part(kind: str, text: str | None, flag: str) -> tuple[str | None, dict[str, object] | None]:
    """ "name:key=value,..." -> (name, options), both None where there is nothing."""
    if text is None:
        return None, None
    found = parse_part(text, kind, flag)
    return found.kind, found.options or None


def drawing(text: str | None) -> PartConfig:
    """The overlay, with its options as flagged."""
    return PartConfig.model_validate({"kind": "boxes", **options("overlay", "boxes", text, "--overlay")})


def video(text: str | None) -> dict[str, object]:
    """The options of the video sink, as flagged."""
    return options("sink", "video", text, "--video", path="x.mp4")


def tracker(text: str | None, *, needed: bool) -> PartConfig | None:
    """The tracker as flagged; ByteTrack where one is `needed` and none is named."""
    if text is None:
        return PartConfig(kind="bytetrack") if needed else None
    return parse_part(text, "tracker", "--track")


def analytics(lines: Sequence[str], zones: Sequence[str]) -> tuple[PartConfig, ...]:
    """Lines, then zones. Raises UsageError where two have one name, or one cannot be."""
    parts = [parse_line(text) for text in lines] + [parse_zone(text) for text in zones]
    names = [part.options["name"] for part in parts]
    for part, name in zip(parts, names, strict=True):
        if names.count(name) > 1:
            raise UsageError(f"--{part.kind} {name}: the name is used twice")
        construct("analytic", part.kind, part.options)
    return tuple(parts)


def joined(values: Sequence[str] | None) -> tuple[str, ...]:
    """A flag that may be repeated and may hold a list -> all its words."""
    return tuple(word for value in values or () for word in words(value))


def code(path: str | None, *, trust: bool, dev: bool) -> CodeConfig | None:
    """A user's own file, as --parser and --logic name it."""
    return None if path is None else CodeConfig(path=path, trust=trust, dev=dev)


def tiles(text: str | None) -> TilesConfig | None:
    """ "2x3" -> two columns and three rows; "auto" -> tiles of the model's own size. Raises UsageError."""
    if text is None:
        return None
    if text == "auto":
        return TilesConfig()
    columns, _, rows = text.lower().partition("x")
    if not (columns.isdigit() and rows.isdigit() and 0 < int(columns) * int(rows) <= 256):
        raise UsageError(f"--tiles {text!r}: expected columns and rows, as in 2x2, or auto")
    return TilesConfig(grid=(int(columns), int(rows)))

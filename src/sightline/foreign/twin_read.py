"""Twin text -> `Twin`. One bad sensor, stream or pipeline is told, with its line, and the others are read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from sightline.errors import ConfigError
from sightline.foreign.json_text import Json, parse_json
from sightline.foreign.keyfile import text_of_file
from sightline.foreign.secrets import shown
from sightline.foreign.twin import (
    PARSERS,
    Configured,
    Region,
    Sensor,
    Stream,
    TrackedModel,
    Twin,
    TwinPipeline,
    components_of,
    found_below,
)
from sightline.foreign.twin_regions import region_of

__all__ = ["parse_twin", "read_twin"]

_LEVELS = ("trace", "debug", "information", "info", "warning", "error", "critical")
_MOST = 256  # sensors, streams, pipelines, regions of a sensor, corners of a region


def read_twin(path: Path) -> Twin:
    """Raises ModelError where the file cannot be read or is no JSON, ConfigError where it holds no twin."""
    return parse_twin(text_of_file(path), path)


def parse_twin(text: str, path: Path) -> Twin:
    """`path` is what messages call it. Raises ModelError for no JSON, ConfigError for JSON without a twin."""
    root = parse_json(text, path)
    components = components_of(root)
    if components is None:
        hint = "; it is the business logic's twin: name the controller's" if root.get("startRecording") else ""
        raise ConfigError(f"{path}: no azdaConfiguration, and no sensors beside a deepStream, at any level{hint}")
    return _Reading(str(path)).twin(root, components)


class _Wrong(Exception):
    """Something of the twin cannot be used; the text says where and why."""


@dataclass(slots=True)
class _Reading:
    file: str
    faults: dict[str, str] = field(default_factory=dict[str, str])
    notes: list[str] = field(default_factory=list[str])

    def twin(self, root: Json, components: Json) -> Twin:
        deep = components.get("deepStream")
        if deep is None or deep.kind != "object":
            line = components.line_of("deepStream")
            raise ConfigError(f"{self.file}:{line}: deepStream: the object with pipelineConfigs and streams is missing")
        self._platform(root, components)
        enabled = self._on(deep, "enable", "deepStream", True)
        if not enabled:  # as there: nothing of a twin that is switched off is judged
            note = f"{self.file}:{deep.line_of('enable')}: deepStream.enable is false: nothing is run"
            return Twin(self.file, False, {}, (), {}, {}, (note,))
        sensors = self._sensors(components)
        pipelines = self._pipelines(deep)
        streams = self._streams(deep)
        business = components.get("businessLogicConfig")
        options = {name: value.data() for name, _, value in business.members} if business is not None else {}
        level, recording = self._log_level(components), self._recording(root)
        snippet_s = self._seconds(root, "outputVideoLength") or 30.0
        return Twin(
            self.file,
            True,
            sensors,
            streams,
            pipelines,
            self.faults,
            tuple(self.notes),
            level,
            options,
            recording,
            snippet_s,
        )

    # -- what stands around --------------------------------------------------------------------------------------------

    def _platform(self, root: Json, components: Json) -> None:
        above = next((value for _, value in found_below(root) if value.get("components") is components), root)
        platform = above.get("platform")
        if platform is not None and str(platform.plain).lower() != "deepstream":
            raise ConfigError(f"{self.file}:{platform.line}: platform: {_quoted(platform)}; only DeepStream is known")

    def _log_level(self, components: Json) -> str:
        level = components.get("logLevel")
        if level is None:
            return "information"
        if level.kind != "text" or str(level.plain).lower() not in _LEVELS:
            self.notes.append(f"{self._at(level)}: logLevel: {_quoted(level)}; one of {', '.join(_LEVELS)}")
            return "information"
        return str(level.plain).lower()

    def _recording(self, root: Json) -> tuple[tuple[str, bool], ...]:
        said: dict[str, bool] = {}
        for name, value in found_below(root):
            if name.rpartition(".")[2] != "startRecording":
                continue
            for item in value.items[:_MOST]:
                config, state = item.get("configId"), item.get("state")
                if config is None or config.kind != "text" or state is None or not isinstance(state.plain, bool):
                    self.notes.append(f"{self._at(item)}: startRecording: expected configId, a text, and state")
                else:
                    said[str(config.plain)] = state.plain
        return tuple(said.items())

    def _seconds(self, root: Json, key: str) -> float | None:
        value = next((v for name, v in found_below(root) if name.rpartition(".")[2] == key), None)
        if value is None:
            return None
        if value.kind != "number" or not isinstance(value.plain, int | float) or not 0 < value.plain < 86400:
            self.notes.append(f"{self._at(value)}: {key}: expected seconds, got {_quoted(value)}")
            return None
        return float(value.plain)

    # -- sensors -------------------------------------------------------------------------------------------------------

    def _sensors(self, components: Json) -> dict[str, Sensor]:
        outside = self._outside_regions(components)
        found: dict[str, Sensor] = {}
        for i, item in self._items(components, "sensors"):
            where = f"sensors[{i}]"
            try:
                name = self._needed(item, "name", where)
                sensor = self._sensor(item, name.text, where)
            except _Wrong as wrong:
                called = _name_of(item, "name") or where
                self.faults[called] = f"{wrong}"
                continue
            if name.text in found:
                self.notes.append(f"{name.where}: {where}.name: {name.text!r} is there twice; the last one counts")
            self.faults.pop(name.text, None)
            regions = (*sensor.regions, *outside.pop(name.text, ()))
            found[name.text] = Sensor(name.text, sensor.subtype, sensor.endpoint, regions)
        for name in outside:
            self.notes.append(f"{self.file}: regionsOfInterest name the sensor {name!r}, which is not there")
        return found

    def _sensor(self, item: Json, name: str, where: str) -> Sensor:
        endpoint = self._needed(item, "endpoint", where, empty=True)
        regions = tuple(self._regions(item.get("regionsOfInterest"), f"{where}.regionsOfInterest", name))
        return Sensor(name, self._subtype(item, where), endpoint, regions)

    def _subtype(self, item: Json, where: str) -> str:
        kind = item.get("kind")
        if kind is None or kind.kind != "object":
            self.notes.append(f"{self._at(item)}: {where}.kind is missing; its endpoint tells what it is")
            return ""
        form, subtype = kind.get("type"), kind.get("subtype")
        if form is not None and str(form.plain).lower() != "vision":
            raise _Wrong(f"{self._at(form)}: {where}.kind.type: {_quoted(form)}; only vision is known")
        if subtype is None or subtype.kind != "text":
            self.notes.append(f"{self._at(kind)}: {where}.kind.subtype is missing; its endpoint tells what it is")
            return ""
        return str(subtype.plain).strip().lower()

    def _outside_regions(self, components: Json) -> dict[str, tuple[Region, ...]]:
        """The documentation has the regions beside the sensors, each naming its own."""
        value = components.get("regionsOfInterest")
        found: dict[str, tuple[Region, ...]] = {}
        for i, item in enumerate(value.items if value is not None else ()):
            where = f"regionsOfInterest[{i}]"
            sensor = item.get("sensor")
            if sensor is None or sensor.kind != "text":
                self.notes.append(f"{self._at(item)}: {where}.sensor is missing; the region is left out")
                continue
            name = str(sensor.plain)
            found[name] = (*found.get(name, ()), *self._region(item, where, name))
        return found

    def _regions(self, value: Json | None, where: str, sensor: str) -> Iterator[Region]:
        if value is None:
            return
        if value.kind != "list":
            self.notes.append(f"{self._at(value)}: {where}: expected a list, got {value.called}; {sensor} has none")
        for i, item in enumerate(value.items[:_MOST]):
            yield from self._region(item, f"{where}[{i}]", sensor)

    def _region(self, item: Json, where: str, sensor: str) -> tuple[Region, ...]:
        """None where it is bad: a camera is not lost for a region."""
        found = region_of(item, where)
        if isinstance(found, Region):
            return (found,)
        at = item.get("coordinates") or item
        self.faults[f"{sensor}: {where.rpartition('.')[2]}"] = f"{self._at(at)}: {where}.coordinates: {found}"
        return ()

    # -- streams -------------------------------------------------------------------------------------------------------

    def _streams(self, deep: Json) -> tuple[Stream, ...]:
        found: dict[tuple[str, str], Stream] = {}
        for i, item in self._items(deep, "streams"):
            where = f"deepStream.streams[{i}]"
            try:
                name = self._needed(item, "name", where)
                config = self._needed(item, "configId", where)
                user, password = (self._optional(item, key, where) for key in ("uname", "password"))
            except _Wrong as wrong:
                self.faults[_name_of(item, "name") or where] = str(wrong)
                continue
            key = (name.text, config.text)
            if key in found:
                self.notes.append(f"{name.where}: {where}: {name.text!r} is there twice; the last one counts")
            found[key] = Stream(name.text, config.text, name.where, user.text, password.text)
        return tuple(found.values())

    # -- pipelines -----------------------------------------------------------------------------------------------------

    def _pipelines(self, deep: Json) -> dict[str, TwinPipeline]:
        found: dict[str, TwinPipeline] = {}
        seen: set[str] = set()
        for i, item in self._items(deep, "pipelineConfigs"):
            where = f"deepStream.pipelineConfigs[{i}]"
            called = _name_of(item, "id") or where
            if called in seen:
                self.notes.append(f"{self._at(item)}: {where}.id: {called!r} is there twice; the last one counts")
                found.pop(called, None)
                self.faults.pop(called, None)
            seen.add(called)
            try:
                found[called] = self._pipeline(item, where)
            except _Wrong as wrong:
                self.faults[called] = str(wrong)
        return found

    def _pipeline(self, item: Json, where: str) -> TwinPipeline:
        name = self._needed(item, "id", where)
        passthrough = self._optional(item, "deepstreamPassthrough", where)
        primary = item.get("primaryModelConfigPath")
        if primary is None and not passthrough:
            raise _Wrong(
                f'{self._at(item)}: {where}.primaryModelConfigPath is missing ("" is a pipeline without a model)'
            )
        options = item.get("pipelineOptions")
        if options is not None and options.kind != "object":
            raise _Wrong(f"{self._at(options)}: {where}.pipelineOptions: expected an object, got {options.called}")
        return TwinPipeline(
            name.text,
            self._at(item),
            self._optional(item, "unsecureZipUrl", where),
            self._model(primary, f"{where}.primaryModelConfigPath"),
            self._secondaries(item.get("secondaryModelConfigPaths"), f"{where}.secondaryModelConfigPaths"),
            self._optional(item, "trackerConfigPath", where),
            passthrough,
            self._dewarp(options, f"{where}.pipelineOptions.dewarp"),
            self._crop(options, f"{where}.pipelineOptions.crop"),
            self._option_on(options, "osd", f"{where}.pipelineOptions.osd"),
        )

    def _secondaries(self, value: Json | None, where: str) -> tuple[TrackedModel, ...]:
        if value is None:
            return ()
        items = value.items if value.kind == "list" else (value,)
        several = value.kind == "list"
        models = (self._model(item, f"{where}[{i}]" if several else where) for i, item in enumerate(items[:_MOST]))
        return tuple(model for model in models if model is not None)

    def _model(self, value: Json | None, where: str) -> TrackedModel | None:
        if value is None or (value.kind == "word" and value.plain is None):
            return None
        if value.kind == "text":
            return TrackedModel(Configured(str(value.plain), self._at(value))) if value.plain else None
        if value.kind != "object":
            raise _Wrong(f"{self._at(value)}: {where}: expected a path or an object, got {value.called}")
        config = self._needed(value, "configFile", where)
        python, parser = self._optional(value, "pyFile", where), self._optional(value, "parser", where)
        if parser.text.endswith(".py") and not python:
            self.notes.append(f"{parser.where}: {where}.parser names a file; it is taken as pyFile")
            python, parser = parser, Configured("", parser.where)
        if parser and not python and parser.text not in PARSERS:
            known = ", ".join(sorted({name.replace("-", "_") for name in PARSERS}))
            raise _Wrong(f"{parser.where}: {where}.parser: there is no parser {parser.text!r}; there are: {known}")
        return TrackedModel(config, python if python else None, "" if python else parser.text)

    def _dewarp(self, options: Json | None, where: str) -> Configured | None:
        if not self._option_on(options, "dewarp", where):
            return None
        value = options.get("dewarp") if options is not None else None
        return None if value is None else self._needed(value, "config_file", where)

    def _crop(self, options: Json | None, where: str) -> tuple[int, int, int, int] | None:
        if not self._option_on(options, "crop", where):
            return None
        value = options.get("crop") if options is not None else None
        if value is None:
            return None
        x0, x1, y0, y1 = (self._pixel(value, key, where) for key in ("x0", "x1", "y0", "y1"))
        if x1 <= x0 or y1 <= y0:
            raise _Wrong(f"{self._at(value)}: {where}: x0 {x0} to x1 {x1}, y0 {y0} to y1 {y1} encloses nothing")
        return x0, x1, y0, y1

    def _pixel(self, value: Json, key: str, where: str) -> int:
        found = value.get(key)
        number = found.plain if found is not None else None
        if isinstance(number, str) and number.strip().isascii() and number.strip().isdigit() and len(number) < 9:
            number = int(number)
        if not isinstance(number, int | float) or isinstance(number, bool) or not 0 <= number <= 100_000:
            got = "it is missing" if found is None else f"got {_quoted(found)}"
            raise _Wrong(f"{self.file}:{value.line_of(key)}: {where}.{key}: expected a pixel; {got}")
        return int(number)

    def _option_on(self, options: Json | None, key: str, where: str) -> bool:
        value = options.get(key) if options is not None else None
        if value is None:
            return False
        if isinstance(value.plain, bool):
            return value.plain
        if value.kind != "object":
            raise _Wrong(f"{self._at(value)}: {where}: expected an object with enable, got {value.called}")
        return self._on(value, "enable", where, False)

    # -- values --------------------------------------------------------------------------------------------------------

    def _items(self, above: Json, key: str) -> Iterator[tuple[int, Json]]:
        value = above.get(key)
        if value is None or value.kind != "list":
            got = "is missing" if value is None else f"is {value.called}"
            self.faults[key] = f"{self.file}:{above.line_of(key)}: {key}: expected a list; it {got}"
            return
        for i, item in enumerate(value.items[:_MOST]):
            if item.kind == "object":
                yield i, item
            else:
                self.faults[f"{key}[{i}]"] = f"{self._at(item)}: {key}[{i}]: expected an object, got {item.called}"
        if len(value.items) > _MOST:
            self.notes.append(f"{self._at(value)}: {key}: more than {_MOST}; the others are left out")

    def _needed(self, above: Json, key: str, where: str, *, empty: bool = False) -> Configured:
        value = above.get(key)
        if value is None:
            near = next((name for name, _, _ in above.members if name.lower() == key.lower()), "")
            hint = f"; did you mean {key} by {near!r}?" if near else ""
            raise _Wrong(f"{self._at(above)}: {where}.{key} is missing{hint}")
        if value.kind != "text":
            raise _Wrong(f"{self._at(value)}: {where}.{key}: expected text, got {value.called}")
        if not str(value.plain).strip() and not empty:
            raise _Wrong(f"{self._at(value)}: {where}.{key} is empty")
        return Configured(str(value.plain).strip(), self._at(value))

    def _optional(self, above: Json, key: str, where: str) -> Configured:
        value = above.get(key)
        if value is None or (value.kind == "word" and value.plain is None):
            return Configured("", self._at(above))
        if value.kind != "text":
            raise _Wrong(f"{self._at(value)}: {where}.{key}: expected text, got {value.called}")
        return Configured(str(value.plain).strip(), self._at(value))

    def _on(self, above: Json, key: str, where: str, default: bool) -> bool:
        value = above.get(key)
        if value is not None and isinstance(value.plain, bool):
            return value.plain
        word = str(value.plain).lower() if value is not None else ""
        if word not in ("true", "false"):
            said = "is missing" if value is None else f"is {_quoted(value)}"
            self.notes.append(
                f"{self.file}:{above.line_of(key)}: {where}.{key} {said}; taken as {str(default).lower()}"
            )
            return default
        return word == "true"

    def _at(self, value: Json) -> str:
        return f"{self.file}:{value.line}"


def _name_of(item: Json, key: str) -> str:
    value = item.get(key)
    return str(value.plain).strip() if value is not None and value.kind == "text" else ""


def _quoted(value: Json) -> str:
    """As messages say it: short, and without secrets."""
    text = shown("", value.written())
    return repr(text if len(text) <= 60 else f"{text[:57]}...") if value.kind == "text" else text[:60]

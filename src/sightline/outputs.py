"""`-o` and `--results` -> sinks: what is written, where, and that nothing overwrites what is read."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import replace
from pathlib import Path

from sightline.config import PartConfig, PipelineConfig, StreamConfig
from sightline.errors import UsageError
from sightline.sinks.maps import MapFolder
from sightline.sinks.target import check_target, is_folder, output_name
from sightline.sources.inputs import StreamInput, expand, unique_ids

__all__ = [
    "PICTURES",
    "VIDEOS",
    "check_outputs",
    "inputs_of",
    "map_folders",
    "sinks_for",
    "stream_path",
    "streams_of",
    "wants",
    "written",
]

VIDEOS = (".mp4", ".mkv", ".mov", ".m4v")
PICTURES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff")


def streams_of(streams: Sequence[StreamConfig]) -> list[tuple[StreamConfig, StreamInput]]:
    """Every stream that the configuration names, with what names it; ids unique in order. Raises InputError."""
    found = [(stream, replace(item, id=stream.id or item.id)) for stream in streams for item in expand([stream.url])]
    return list(zip((stream for stream, _ in found), unique_ids(item for _, item in found), strict=True))


def inputs_of(config: PipelineConfig) -> list[StreamInput]:
    """Every stream that the configuration names, as the pipeline will call them. Raises InputError."""
    return [item for _, item in streams_of(config.streams)]


def sinks_for(
    inputs: Sequence[StreamInput],
    output: str | None,
    results: str | None,
    video: Mapping[str, object] | None = None,
    tag: str = ".sightline",
) -> tuple[PartConfig, ...]:
    """The sinks that the flags ask for; with neither flag both a picture or video and a JSONL beside the user.

    `video` are options of the video sink. Raises UsageError for an output that does not suit the inputs.
    """
    sinks: list[PartConfig] = []
    if output is None and results is None:
        several = len(inputs) > 1
        output = f"{{stream}}{tag}.mp4" if several else _beside(inputs[0], tag)
        results = f"{tag.strip('.')}.jsonl" if several else output_name(inputs[0].id, f"{tag}.jsonl")
    elif output is not None:
        output = _suited(inputs, output)
    if output is not None:
        kind = "pictures" if all(item.kind == "stills" for item in inputs) else "video"
        options = dict(video or {}) if kind == "video" else {}
        sinks.append(PartConfig.model_validate({"kind": kind, "path": output, **options}))
    if results is not None:
        sinks.append(PartConfig.model_validate({"kind": "jsonl", "path": results}))
    return tuple(sinks)


def _beside(item: StreamInput, tag: str) -> str:
    if item.kind != "stills":
        return output_name(item.id, f"{tag}.mp4")
    if len(item.paths) > 1 or Path(item.url).is_dir():
        return output_name(item.id, f"{tag}/")
    suffix = Path(item.url).suffix.lower()
    return output_name(item.id, tag + (suffix if suffix in PICTURES else ".jpg"))


def _suited(inputs: Sequence[StreamInput], output: str) -> str:
    """`output`, with a slash at its end where a folder is meant."""
    suffix = Path(output).suffix.lower()
    if is_folder(output):
        return output if output.endswith(("/", os.sep)) else f"{output}/"
    if suffix not in VIDEOS + PICTURES:
        cure = "; results go to --results" if suffix in (".jsonl", ".json") else ""
        raise UsageError(
            f"-o {output}: unknown kind {suffix!r}; videos: {' '.join(VIDEOS)}, pictures: {' '.join(PICTURES)}{cure}"
        )
    if len(inputs) > 1:
        raise UsageError(f"-o {output}: {len(inputs)} inputs need a folder: -o {Path(output).stem}/")
    first = inputs[0]
    if first.kind == "stills" and suffix in VIDEOS:
        raise UsageError(f"-o {output}: pictures in give pictures out; name a picture (.jpg) or a folder")
    if first.kind == "stills" and len(first.paths) > 1:
        raise UsageError(f"-o {output}: {len(first.paths)} pictures need a folder: -o {Path(output).stem}/")
    if first.kind != "stills" and suffix in PICTURES:
        raise UsageError(f"-o {output}: a video in gives a video out; name one that ends in .mp4 or .mkv")
    return output


def written(config: PipelineConfig, inputs: Sequence[StreamInput]) -> list[Path]:
    """Every file that a run may write, in the order of the sinks; "-" is none."""
    files: list[Path] = []
    for sink in config.sinks:
        path = str(sink.options.get("path", ""))
        if sink.kind == "jsonl":
            if path == "-":
                continue
            name = "results.jsonl" if len(inputs) != 1 else output_name(inputs[0].id, ".jsonl")
            files.append(Path(path, name) if is_folder(path) else Path(path))
        elif sink.kind == "mosaic":
            files.append(Path(path))
        elif sink.kind in ("video", "pictures"):
            for item in inputs:
                files += _of_stream(stream_path(path, item), item) if wants(sink, item) else []
    return files


def map_folders(config: PipelineConfig, inputs: Sequence[StreamInput]) -> list[Path]:
    """The folders of class maps that a run may write, one a stream."""
    return [] if config.maps is None else [MapFolder(config.maps).of_stream(item.id) for item in inputs]


def wants(sink: PartConfig, item: StreamInput) -> bool:
    """Whether a sink of single streams takes this one: all of them, unless its option `streams` names some."""
    named = sink.options.get("streams")
    return not isinstance(named, list | tuple) or not named or item.id in named


def stream_path(path: str, item: StreamInput) -> str:
    """The path of one stream's own output: "{stream}" in it stands for the stream's name without its ending.

    Where that would give a picture the name of a video, it becomes a picture's, or a folder for several.
    """
    if "{stream}" not in path:
        return path
    named = path.replace("{stream}", output_name(item.id, ""))
    suffix = Path(named).suffix
    if item.kind == "stills" and suffix.lower() in VIDEOS:
        return named.removesuffix(suffix) + ("/" if len(item.paths) > 1 else ".jpg")
    return named


def _of_stream(path: str, item: StreamInput) -> Iterable[Path]:
    folder = is_folder(path)
    if item.kind != "stills":
        return [Path(path, output_name(item.id, ".mp4")) if folder else Path(path)]
    return [Path(path, picture.name) for picture in item.paths] if folder else [Path(path)]


def check_outputs(config: PipelineConfig, inputs: Sequence[StreamInput]) -> None:
    """Raise UsageError where an output is an input or the model, is written twice, or cannot be written."""
    read = {path.resolve(): path for item in inputs for path in item.paths}
    read[Path(config.model.path).resolve()] = Path(config.model.path)
    linked = {_identity(path) for path in read}
    twice: set[Path] = set()
    for file in written(config, inputs):
        check_target(file)
        if file.resolve() in read or (file.is_file() and _identity(file) in linked):
            raise UsageError(f"{file}: the output would overwrite this input; choose another name")
        if file.resolve() in twice:
            raise UsageError(f"{file}: two outputs have this name; choose another for one of them")
        if file.is_file() or not file.exists():
            twice.add(file.resolve())

    _check_maps(config, inputs, {path.parent for path in read})


def _check_maps(config: PipelineConfig, inputs: Sequence[StreamInput], read: Set[Path]) -> None:
    """Raise UsageError where maps would lie among what is `read`, or two streams would share a folder."""
    folders = map_folders(config, inputs)
    for item, folder in zip(inputs, folders, strict=False):
        MapFolder(str(config.maps)).check(item.id)
        if folder.resolve() in read:
            raise UsageError(f"--maps {config.maps}: {folder} holds an input; choose another folder")
        if folders.count(folder) > 1:
            raise UsageError(f"--maps {config.maps}: two streams would write into {folder}; give one another id")


def _identity(path: Path) -> tuple[int, int] | Path:
    """What two names of one file (hard links) have in common; the path itself where there is no such file."""
    try:
        found = path.stat()
    except OSError:
        return path
    return found.st_dev, found.st_ino

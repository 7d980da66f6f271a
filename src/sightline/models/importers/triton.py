"""A model of a Triton repository: config.pbtxt, numbered versions with the model file, label files beside them.

https://docs.nvidia.com/deeplearning/triton-inference-server/user-guide/docs/user_guide/model_configuration.html
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from sightline.errors import ModelError, UsageError
from sightline.foreign.protobuf_text import Message, parse_message
from sightline.models.formats import format_of_file
from sightline.models.graphs.file_graph import graph_of
from sightline.models.graphs.graph import Graph
from sightline.models.importers.contents import above, hand_on, inside, label_lines, text_of
from sightline.models.importers.seam import Foreign, Imported
from sightline.models.manifest import InputManifest, Manifest

__all__ = ["read"]

_CONFIG = "config.pbtxt"
# platform or backend -> the file's usual name, and what to do where nobody else can run it ("": it runs here).
_TENSORRT = "a TensorRT engine runs on the GPU it was built for: put the ONNX file that it was built from beside it"
_TENSORFLOW = "convert it: python -m tf2onnx.convert (--graphdef or --saved-model), and put model.onnx beside it"
_KINDS: dict[str, tuple[str, str]] = {
    "onnxruntime_onnx": ("model.onnx", ""),
    "onnxruntime": ("model.onnx", ""),
    "openvino": ("model.xml", ""),
    "tensorrt_plan": ("model.plan", _TENSORRT),
    "tensorrt": ("model.plan", _TENSORRT),
    "tensorflow_graphdef": ("model.graphdef", _TENSORFLOW),
    "tensorflow_savedmodel": ("model.savedmodel", _TENSORFLOW),
    "tensorflow": ("model.savedmodel", _TENSORFLOW),
    "pytorch_libtorch": ("model.pt", "export the network itself to ONNX with torch.onnx.export"),
    "pytorch": ("model.pt", "export the network itself to ONNX with torch.onnx.export"),
    "caffe2_netdef": ("model.netdef", "export it to ONNX where it was trained"),
    "python": ("model.py", "it is a program, which is not run here: name the folder of the model that it calls"),
    "dali": ("model.dali", "it prepares pictures only: name the folder of the model behind it"),
    "ensemble": ("", "it chains other models: name the folder of the one that finds the objects"),
}
_DTYPES = {
    "TYPE_FP32": "float32",
    "TYPE_FP16": "float16",
    "TYPE_UINT8": "uint8",
    "TYPE_INT8": "int8",
    "TYPE_INT32": "int32",
    "TYPE_INT64": "int64",
}
_RUNS = ("onnx", "openvino", "tflite")


@dataclass(frozen=True, slots=True)
class _Served:
    """One model of the repository. weights: None where nothing in it runs here, `why` says so then."""

    config: Path
    said: Message
    version: str
    weights: Path | None
    why: str = ""
    warnings: tuple[str, ...] = ()


def read(found: Foreign) -> Imported:
    """The one model in the folder `found.path` (a model's folder, or a repository of them).

    A model's folder without a config.pbtxt is what the server calls auto-completed: its file says it all.

    Raises ModelError where none runs here, or where the model is not what its config.pbtxt says; UsageError where
    several do.
    """
    folder = found.path if found.path.is_dir() else found.path.parent
    own = folder / _CONFIG
    configs = [own] if own.is_file() else sorted(folder.glob(f"*/{_CONFIG}"))
    if not configs and _numbered(folder):
        configs = [own]
    if not configs:
        raise ModelError(f"{folder}: no {_CONFIG} in it or one folder below; name the folder of one model")
    served = [_served(config) for config in configs]
    runs = [one for one in served if one.weights is not None]
    if not runs:
        raise ModelError("\n".join(dict.fromkeys(one.why for one in served[:2])))
    if len(runs) > 1:
        listed = ", ".join(one.config.parent.name for one in runs[:6])
        raise UsageError(f"{folder}: holds {len(runs)} models ({listed}); name the folder of one")
    return _imported(found, runs[0], [one for one in served if one is not runs[0]])


def _imported(found: Foreign, one: _Served, passed: list[_Served]) -> Imported:
    weights = one.weights
    if weights is None:
        raise ModelError(one.why)
    inner = hand_on(weights, replace(found, format="triton"))
    graph = graph_of(inner.weights)[0]
    warnings = [*inner.warnings, *one.warnings]
    if inner.weights == weights and graph.format == "onnx":
        warnings += _fits(one, graph)
    if passed:
        warnings.append(
            f"{one.config.parent.parent.name}: passed over: {', '.join(p.config.parent.name for p in passed)}"
        )
    labels, label_files = _labels(one)
    manifest = Manifest(
        name=one.said.text("name") or one.config.parent.name,
        version=one.version,
        input=InputManifest(size=_size(one.said, graph)),
        labels=labels or None,
    )
    sources = (*([one.config] if one.config.is_file() else []), *label_files, *inner.sources)
    return Imported(
        inner.weights, above(manifest, inner.manifest), sources, inner.changes, tuple(warnings), one.config.parent
    )


# -- which file ------------------------------------------------------------------------------------------------------


def _served(config: Path) -> _Served:
    """The version that the server would serve, and its file."""
    said = parse_message(text_of(config), config) if config.is_file() else Message(str(config))
    folder = config.parent
    platform = said.text("platform") or said.text("backend")
    usual, why = _KINDS.get(platform, ("model.onnx", "" if not platform else f"no known platform {platform!r}"))
    if platform == "ensemble":
        steps = [step.text("model_name") for step in said.message("ensemble_scheduling").messages("step")]
        return _Served(config, said, "", None, f"{config}: an ensemble of {', '.join(steps) or 'nothing'}; {why}")
    version, place = _version(config, said)
    named = said.text("default_model_filename") or usual
    file = place / named
    if _runs(file):
        return _Served(config, said, version, inside(config, place, named))
    others = [entry for entry in sorted(place.iterdir()) if entry.is_file() and _runs(entry)]
    others = [entry for entry in others if entry.suffix.lower() != ".xml" or entry.with_suffix(".bin").is_file()]
    if len(others) == 1:
        fault = "does not run here" if file.exists() else "is not there"
        note = f"{folder.name}: {named} {fault}; {others[0].name} is read"
        return _Served(config, said, version, others[0], warnings=(note,))
    if why:
        return _Served(config, said, version, None, f"{config}: {platform}: {named}: {why}")
    told = f"{place}: {named} is missing; put the model there"
    return _Served(config, said, version, None, told)


def _runs(file: Path) -> bool:
    if not file.is_file():
        return False
    try:
        return format_of_file(file) in _RUNS
    except ModelError:
        return False


def _numbered(folder: Path) -> list[Path]:
    """The folders of a model's versions."""
    there = [entry for entry in folder.iterdir() if entry.is_dir() and entry.name.isdecimal()]
    return [entry for entry in there if len(entry.name) < 10 and int(entry.name) > 0]


def _version(config: Path, said: Message) -> tuple[str, Path]:
    """The highest version that `version_policy` serves. Raises ModelError where there is none."""
    folder = config.parent
    there = _numbered(folder)
    wanted = said.message("version_policy").message("specific").wholes("versions")
    served = [entry for entry in there if not wanted or int(entry.name) in wanted]
    if served:
        last = max(served, key=lambda entry: int(entry.name))
        return last.name, last
    if wanted and there:
        names = ", ".join(sorted(entry.name for entry in there))
        raise ModelError(f"{config}: version_policy asks for {', '.join(map(str, wanted))}; there are {names}")
    return "", folder  # a model's folder before it was put into a repository


# -- what it says ----------------------------------------------------------------------------------------------------


def _fits(one: _Served, graph: Graph) -> list[str]:
    """Warnings about types. Raises ModelError where names or shapes are those of another model."""
    warnings: list[str] = []
    batch = one.said.whole("max_batch_size") > 0
    for kind, held in (("input", graph.inputs), ("output", graph.outputs)):
        known = {item.name: item for item in held}
        for entry in one.said.messages(kind):
            name = entry.text("name")
            if name not in known:
                raise ModelError(
                    f"{entry.where}: {kind} {name!r} is none of the model's: {', '.join(known)}; "
                    "the config belongs to another model"
                )
            own, dims = known[name], entry.wholes("dims")
            if dims and "reshape" not in entry and not _agree(own.shape, dims, batch):
                shown = str([n or -1 for n in own.shape])
                raise ModelError(f"{entry.where}: {kind} {name!r} has dims {list(dims)}, the model's are {shown}")
            dtype = _DTYPES.get(entry.text("data_type"), own.dtype)
            if dtype != own.dtype:
                warnings.append(f"{entry.where}: {kind} {name!r} is {dtype} there and {own.dtype} in the model")
    return warnings


def _agree(shape: tuple[int | None, ...], dims: tuple[int, ...], batch: bool) -> bool:
    """Whether `dims` (without the batch axis where `batch`) can be `shape`."""
    whole = (None, *dims) if batch else dims
    if len(whole) != len(shape):
        return not shape
    return all(a is None or b is None or b < 0 or a == b for a, b in zip(shape, whole, strict=True))


def _size(said: Message, graph: Graph) -> tuple[int, int] | None:
    """(width, height) of the first picture among its inputs, for a model whose own is open."""
    for entry in said.messages("input"):
        dims = entry.wholes("dims")
        if said.whole("max_batch_size") > 0:
            dims = (1, *dims)
        if len(dims) != 4 or not all(n < 65536 for n in dims):
            continue
        last = entry.text("format") == "FORMAT_NHWC" or (dims[3] in (1, 3) and dims[1] not in (1, 3))
        high, wide = (dims[1], dims[2]) if last else (dims[2], dims[3])
        return (wide, high) if wide > 0 and high > 0 else None
    return None


def _labels(one: _Served) -> tuple[tuple[str, ...], list[Path]]:
    """The names of the first output that has a label file."""
    for entry in one.said.messages("output"):
        name = entry.text("label_filename")
        if name:
            file = inside(one.config, one.config.parent, name)
            return label_lines(file), [file]
    return (), []

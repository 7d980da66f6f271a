"""What an nvinfer file asks for -> a manifest in our own terms, held against the graph of its model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sightline.errors import ModelError
from sightline.models.graphs.graph import Graph
from sightline.models.importers.nvinfer_functions import likely, reads
from sightline.models.importers.nvinfer_labels import Names, mean_of
from sightline.models.importers.nvinfer_limits import clustering, thresholds
from sightline.models.importers.nvinfer_settings import Settings
from sightline.models.intake import picture_input
from sightline.models.kinds.evidence import Facts
from sightline.models.kinds.reading import Reading
from sightline.models.kinds.recognise import TASK_OF_HEAD, recognise
from sightline.models.manifest import InputManifest, Manifest
from sightline.types import ChannelOrder, InputSpec, Resize, TensorSpec

__all__ = ["Translated", "translated"]

_SURE = 0.9


@dataclass(slots=True)
class Translated:
    """manifest, the warnings that came up, and the files that were read besides the model."""

    manifest: Manifest
    warnings: list[str] = field(default_factory=list[str])


def translated(
    settings: Settings, names: Names, graph: Graph, inner: Manifest, config: Path, weights: Path
) -> Translated:
    """Raises ModelError where the file contradicts its model beyond repair."""
    made = Translated(Manifest())
    picture = _picture(graph, weights)
    reading = _reading(graph, picture, settings, names, weights)
    head, options = _head(settings, reading, inner, graph, made.warnings)
    head_options: dict[str, object] = dict(inner.head_options) if head == inner.head else {}
    if head:
        head_options |= reading.options if reading is not None and reading.head == head else {}
        head_options |= options
        head_options |= _options(settings, head, graph, made.warnings)
    # a reader of text has symbols in place of classes, which label files do not hold
    known = () if head == "ctc" else names.of_classes(settings, made.warnings)
    limits, notes = thresholds(settings, known)
    made.warnings += notes
    made.manifest = Manifest(
        task=TASK_OF_HEAD.get(head, "detect") if head else None,
        head=head or None,
        head_options=head_options,
        input=_input(settings, picture, config, made.warnings),
        thresholds=limits,
        labels=known or None,
    )
    _compare(settings, reading, graph, names, made.warnings)
    return made


# -- how it is fed -----------------------------------------------------------------------------------------------------


def _picture(graph: Graph, weights: Path) -> TensorSpec | None:
    try:
        return picture_input(graph, weights, Manifest())
    except ModelError:
        return None  # identification says so, with its inputs


def _input(settings: Settings, picture: TensorSpec | None, config: Path, warnings: list[str]) -> InputManifest:
    resize = Resize.STRETCH
    if settings.keep_ratio:
        resize = Resize.LETTERBOX if settings.centred else Resize.LETTERBOX_TOPLEFT
    mean = settings.offsets
    if settings.mean_file is not None:
        mean, note = mean_of(settings.mean_file, config)
        warnings.append(note)
    channels = _channels(picture)
    color = settings.color
    if color is not None and channels and (channels == 1) != (color is ChannelOrder.GREY):
        taken = "grey" if channels == 1 else "RGB"
        warnings.append(
            f"{config}: model-color-format says {color.value}, the model takes {channels} channels: {taken}"
        )
        color = ChannelOrder.GREY if channels == 1 else ChannelOrder.RGB
    depth = channels or (1 if color is ChannelOrder.GREY else 3)
    if mean and len(mean) not in (1, depth):
        raise ModelError(f"{config}: offsets: {len(mean)} numbers for a model of {depth} channels; give one a channel")
    return InputManifest(
        size=_size(settings, picture, config, warnings),
        color=color,
        mean=mean or (0.0,),
        scale=(1.0 / settings.gain,),
        resize=resize,
        pad=0.0,
        layout=_layout(settings, picture, config, warnings),
    )


def _channels(picture: TensorSpec | None) -> int:
    if picture is None or "C" not in picture.layout:
        return 0
    return picture.shape[picture.layout.index("C")] or 0


def _size(settings: Settings, picture: TensorSpec | None, config: Path, warnings: list[str]) -> tuple[int, int] | None:
    """(width, height) for an input that leaves it open."""
    if settings.dims is None:
        return None
    said = (settings.dims[2], settings.dims[1])
    own = (0, 0) if picture is None else InputSpec(picture).size_wh
    if 0 not in own and own != said:
        warnings.append(
            f"{config}: infer-dims say {said[0]}x{said[1]}, the model takes {own[0]}x{own[1]}: that is what it gets"
        )
    return said if 0 in own else None


def _layout(settings: Settings, picture: TensorSpec | None, config: Path, warnings: list[str]) -> str | None:
    """The layout that the file states, where the shape of the input allows it."""
    if settings.nhwc is None or picture is None or len(picture.shape) != 4:
        return None
    said = "NHWC" if settings.nhwc else "NCHW"
    if picture.layout == said or picture.shape[said.index("C")] in (1, 3, None):
        return said
    shape = ", ".join("?" if n is None else str(n) for n in picture.shape)
    warnings.append(f"{config}: network-input-order says {said}, but the input is [{shape}]: {picture.layout} is taken")
    return None


# -- how it is read ----------------------------------------------------------------------------------------------------


def _reading(
    graph: Graph, picture: TensorSpec | None, settings: Settings, names: Names, weights: Path
) -> Reading | None:
    """What the outputs themselves tell."""
    if picture is None:
        return None
    own = InputSpec(picture).size_wh
    size = (settings.dims[2], settings.dims[1]) if 0 in own and settings.dims is not None else own
    others = tuple(item for item in graph.inputs if item.name != picture.name)
    hints = " ".join((weights.name, weights.resolve().parent.name, graph.name)).lower()
    return recognise(Facts(graph, picture, others, size, settings.classes or len(names.rows), hints))


def _head(
    settings: Settings, reading: Reading | None, inner: Manifest, graph: Graph, warnings: list[str]
) -> tuple[str, dict[str, object]]:
    """The head and what its function alone tells; "" leaves both to identification."""
    found = "" if reading is None else reading.head
    sure = reading is not None and found != "" and reading.confidence >= _SURE
    function = settings.function
    stated = inner.head or ""
    if function is None:
        return (stated or _built_in(settings, found, sure, graph, warnings)), {}
    named = function.text
    known = reads(named)
    if known is None:
        hint = likely(named)
        told = f"by its name it may read what head {hint} reads" if hint else "its name does not tell what it reads"
        shown = stated or found
        then = f"the model's outputs are those of head {shown}" if shown else "say what reads it with --head"
        warnings.append(
            f"{function.where}={named[:80]}: a function of a library, which is never loaded; {told}; {then}"
        )
        return stated, {}
    if stated:
        if stated not in known.heads:
            warnings.append(f"{function.where}={named[:80]} reads {known.what}; the model itself says head {stated}")
        return stated, {}
    if found in known.heads:
        return found, known.options if found == known.heads[0] else {}
    if sure:
        warnings.append(
            f"{function.where}={named[:80]} reads {known.what}; the model's outputs are those of head {found}, "
            "which is taken (say --head for another)"
        )
        return "", {}
    return known.heads[0], known.options


def _built_in(settings: Settings, found: str, sure: bool, graph: Graph, warnings: list[str]) -> str:
    """What DeepStream does without a function: DetectNet_v2, scores of classes, a map."""
    if settings.task == "detect":
        names = " ".join(output.name.lower() for output in graph.outputs)
        if found == "detectnet" or (not sure and "cov" in names and "bbox" in names):
            return "detectnet"
        return ""
    usual = {"classify": "classify", "semantic": "semantic"}.get(settings.task, "")
    if not usual or (found and TASK_OF_HEAD.get(found, "detect") == settings.task):
        return found if usual else ""
    if not sure:
        return usual
    warnings.append(
        f"network-type says {settings.task}, but the model's outputs are those of head {found}, which is taken"
    )
    return ""


def _options(settings: Settings, head: str, graph: Graph, warnings: list[str]) -> dict[str, object]:
    """Options of the head that the file states."""
    told: dict[str, object] = {}
    if head == "detectnet":
        options, notes = clustering(settings)
        warnings += notes
        told |= options
    elif head == "classify":
        told |= _classify(settings, graph)
    elif head == "semantic" and settings.map_last is not None and _channelled(graph):
        told["channels_last"] = settings.map_last
    if head != "detectnet" and settings.task == "detect" and settings.cluster in ("dbscan", "hybrid"):
        warnings.append(f"cluster-mode: {settings.cluster} is head detectnet's; head {head} suppresses by overlap")
    return told


def _classify(settings: Settings, graph: Graph) -> dict[str, object]:
    told: dict[str, object] = {}
    outputs = [output.name for output in graph.outputs]
    wanted = tuple(_of_graph(name, outputs) for name in settings.outputs)
    asked = wanted if wanted and all(wanted) else tuple(outputs)
    if len(asked) < len(outputs) or (len(asked) > 1 and asked != tuple(outputs)):
        told["outputs"] = asked
    if settings.question and len(asked) == 1:
        told["names"] = (settings.question,)
    if settings.answer_least:
        told["least"] = min(settings.answer_least, 1.0)
    return told


def _channelled(graph: Graph) -> bool:
    """Whether the map's order of axes is a question: four axes, and more than one channel somewhere."""
    first = graph.outputs[0] if graph.outputs else None
    return first is not None and len(first.shape) == 4 and 1 not in (first.shape[1], first.shape[3])


# -- what does not fit -------------------------------------------------------------------------------------------------


def _of_graph(name: str, outputs: Sequence[str]) -> str:
    """The graph's own name of an output that a configuration calls `name`; "" where it has none."""
    bare = name.strip().removesuffix(":0")
    return next((own for own in outputs if own == name or own.removesuffix(":0") == bare), "")


def _compare(settings: Settings, reading: Reading | None, graph: Graph, names: Names, warnings: list[str]) -> None:
    outputs = [output.name for output in graph.outputs]
    strange = [name for name in settings.outputs if not _of_graph(name, outputs)]
    if strange:
        warnings.append(
            f"output-blob-names: the model has no {', '.join(strange[:4])}; it has {', '.join(outputs[:6])}"
        )
    theirs = None if reading is None else reading.classes
    surplus = 1 if reading is not None and reading.background else 0
    if settings.classes is not None and settings.task == "detect" and (theirs or 0) > settings.classes + surplus:
        warnings.append(
            f"num-detected-classes={settings.classes}, but the model has {theirs} classes: those from "
            f"{settings.classes} on are told as well"
        )

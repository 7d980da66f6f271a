"""A model file or folder -> what it is, how it is fed and read; or the question whose answer would tell.

The user's flags win over the manifest, the manifest over what files state, that over what is known of families.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

from sightline.config import ModelConfig
from sightline.errors import ModelError, UndecidedError, UsageError
from sightline.models.arrival import Arrived, arrive
from sightline.models.characters import character_tables, fitting_characters, read_characters, stated_characters
from sightline.models.feeding import Feeding, decide_feeding
from sightline.models.graphs.file_graph import graph_of
from sightline.models.graphs.graph import Graph
from sightline.models.intake import inputs_of, picture_input
from sightline.models.kinds.cuts import score_cut
from sightline.models.kinds.evidence import Facts
from sightline.models.kinds.reading import Reading
from sightline.models.kinds.recognise import FAMILY_OF_HEAD, TASK_OF_HEAD, recognise
from sightline.models.labels import LabelTable, fit_labels
from sightline.models.licence import licence_of
from sightline.models.locate import Located, content_hash
from sightline.models.manifest import Manifest, manifest_of, write_manifest
from sightline.models.sidefiles import Stated, label_tables, read_label_file, stated_by_graph, stated_by_sides
from sightline.parts import judge
from sightline.plugins import resolve
from sightline.types import Bounds, InputSpec, ModelSpec, Thresholds

__all__ = ["PARSED", "Identified", "identify", "identify_arrived", "require", "save_manifest"]

PARSED = "parser"  # the head of a model whose outputs a user's own code reads


@dataclass(frozen=True, slots=True)
class Identified:
    """What was found out. `question` is "" when decided, else one or two lines that name the flags to add.

    weights: the file a runtime loads (.onnx, or .xml). format: "onnx" or "openvino". confidence: 0..1.
    warnings: for the user, nothing that stops (surplus labels and the like). arrived: how it came.
    open: what the question asks, (flag, values, why) each.
    """

    spec: ModelSpec
    weights: Path
    format: str
    confidence: float
    decided: bool
    reasons: tuple[str, ...]
    doubts: tuple[str, ...]
    question: str
    warnings: tuple[str, ...]
    arrived: Arrived
    open: tuple[tuple[str, tuple[str, ...], str], ...] = ()

    def stating(self, update: Mapping[str, object]) -> Identified:
        """The same with fields of its manifest changed, which a bundle will keep."""
        return replace(self, arrived=replace(self.arrived, stated=self.arrived.stated.model_copy(update=update)))


def identify(config: ModelConfig) -> Identified:
    """What the model at `config.path` is, whatever format it is in; converted models are kept in the cache.

    Raises ModelError for files that are no model or contradict themselves, UsageError for flags that do not fit it.
    """
    return identify_arrived(arrive(config.path, moved=config.files), config)


def identify_arrived(arrived: Arrived, config: ModelConfig) -> Identified:
    """What a model that has arrived is. Raises as `identify`."""
    located, manifest = arrived.located, arrived.stated
    graph, parts = graph_of(located.weights, located.parts[1] if located.format == "openvino" else None)
    said = (stated_by_graph(graph.metadata), stated_by_sides(located))
    tables = label_tables(located)
    facts = _facts(graph, located, manifest, said, tables)
    reading = _reading(facts, config, arrived)
    feeding = decide_feeding(facts, reading.family, config, manifest.input, said)
    options = _options(reading, config, manifest)
    inputs = inputs_of(facts, reading, feeding, manifest)
    if reading.task == "text":
        labels, notes, doubts, reading = _symbols(facts, reading, config, manifest, located)
    else:
        own, others = _own_tables(tables, reading, arrived)
        labels, notes, doubts = _labels(facts, reading, config, manifest, said, own, located)
        notes += others
    spec = ModelSpec(
        name=manifest.name or located.name,
        inputs=inputs,
        outputs=graph.outputs,
        head=reading.head,
        head_options=options,
        thresholds=_thresholds(reading.head, config, manifest, said),
        labels=labels,
        task=reading.task,
        version=manifest.version,
        sha256=content_hash(parts),
        licence=manifest.licence or licence_of(graph.metadata, located),
    )
    _check_classes(config, spec)
    question = _question(located.weights, facts, reading, feeding, inputs)
    return Identified(
        spec=spec,
        weights=located.weights,
        format=located.format,
        confidence=reading.confidence,
        decided=not question,
        reasons=(*reading.reasons, *feeding.reasons),
        doubts=(*reading.doubts, *feeding.doubts, *doubts),
        question=question,
        warnings=(*arrived.warnings, *notes, *_cut_off(graph, config)),
        arrived=arrived,
        open=(*reading.open, *feeding.open) if question and reading.head else (),
    )


def _cut_off(graph: Graph, config: ModelConfig) -> tuple[str, ...]:
    """A warning where the user asks for scores that the graph keeps back."""
    cut = score_cut(graph)
    if cut is None or config.score is None or config.score >= cut:
        return ()
    return (
        f"score {config.score:g} is below {cut:g}, where the graph itself drops boxes: asking for less finds no more; "
        "export the model with a lower threshold",
    )


def require(identified: Identified) -> ModelSpec:
    """The specification of a decided model. Raises UndecidedError with the question otherwise."""
    if not identified.decided:
        raise UndecidedError(identified.question)
    return identified.spec


def save_manifest(identified: Identified, folder: Path) -> Path:
    """Writes what was identified as `model.yaml` and returns its path. Raises UndecidedError, OutputError."""
    require(identified)
    return write_manifest(manifest_of(identified.spec), folder)


# -- reading ---------------------------------------------------------------------------------------------------------


def _facts(
    graph: Graph, located: Located, manifest: Manifest, said: Sequence[Stated], tables: Sequence[LabelTable]
) -> Facts:
    picture = picture_input(graph, located.weights, manifest)
    size = InputSpec(picture).size_wh
    if 0 in size:
        stated = (manifest.input.size, *(s.size_wh for s in said))
        size = next((s for s in stated if s is not None), size)
    counts = [len(s.labels.names) for s in said if s.labels] + [len(t.names) for t in tables]
    hints = " ".join((located.weights.name, located.folder.resolve().name, graph.name)).lower()
    others = tuple(item for item in graph.inputs if item.name != picture.name)
    return Facts(graph, picture, others, size, counts[0] if counts else 0, hints)


def _reading(facts: Facts, config: ModelConfig, arrived: Arrived) -> Reading:
    """The reading, with the user's or the manifest's head above what was recognised."""
    found, manifest = recognise(facts), arrived.stated
    if config.parser is not None:
        why = f"{config.parser.path} reads the outputs"
        task = manifest.task or (found.task if found.head else "detect")
        return replace(found, head=PARSED, confidence=1.0, reasons=(why,), options={}, task=task, open=())
    head = config.head or manifest.head
    if head is None:
        return found
    resolve("head", head)
    own = arrived.format in ("onnx", "openvino", "bundle")
    by = "--head" if config.head else "model.yaml" if own else f"the {arrived.format} file"
    if head == found.head:
        return replace(found, confidence=1.0, reasons=(f"{by} says {head}", *found.reasons), open=())
    family = FAMILY_OF_HEAD.get(head, "unknown")
    if found.family != "unknown" and found.confidence >= 0.9:
        family = found.family
    return Reading(head, family, 1.0, (f"{by} says {head}",), task=manifest.task or TASK_OF_HEAD.get(head, "detect"))


def _options(reading: Reading, config: ModelConfig, manifest: Manifest) -> dict[str, object]:
    if reading.head in ("", PARSED):
        return {}
    options: dict[str, object] = dict(reading.options)
    if manifest.head in (None, reading.head):
        options |= manifest.head_options
    options |= config.head_options
    good, faults = judge("head", reading.head, options)
    if faults:
        raise UsageError(f"head {faults[0].message}")
    return good


# -- thresholds, labels ----------------------------------------------------------------------------------------------


def _thresholds(head: str, config: ModelConfig, manifest: Manifest, said: Sequence[Stated]) -> Thresholds:
    """The user's, else the manifest's, else what the file states, else the head's own."""
    base = (
        cast(Thresholds, getattr(resolve("head", head), "defaults", Thresholds()))
        if head not in ("", PARSED)
        else Thresholds()
    )
    limits = manifest.thresholds

    def first(*values: float | None) -> float | None:
        return next((value for value in values if value is not None), None)

    score = first(config.score, limits.score, *(s.score for s in said), base.score)
    nms = first(config.nms, limits.nms, *(s.nms for s in said), base.nms)
    agnostic = next((v for v in (config.class_agnostic, limits.class_agnostic) if v is not None), base.class_agnostic)
    return replace(
        base,
        score=base.score if score is None else score,
        nms=base.nms if nms is None else nms,
        top=config.top or limits.top or base.top,
        each=base.each if limits.each is None else limits.each,
        class_agnostic=agnostic,
        per_class=config.per_class or limits.per_class,
        nms_of={} if config.nms is not None else limits.nms_of,
        each_of=limits.each_of,
        bounds={label: Bounds(**own.model_dump(), of_wh=config.bounds_wh) for label, own in limits.bounds.items()},
    )


def _labels(
    facts: Facts,
    reading: Reading,
    config: ModelConfig,
    manifest: Manifest,
    said: Sequence[Stated],
    tables: Sequence[LabelTable],
    located: Located,
) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """(labels by class id, warnings, doubts)."""
    given = _given_table(config, manifest, located)
    shape = {"background": reading.background, "one_based": reading.one_based}
    if given is not None:
        if manifest.labels is not None and config.labels is None and not isinstance(manifest.labels, str):
            return given.names, (), ()
        names, notes = fit_labels(given, reading.classes, **shape)
        return names, notes, ()
    candidates = [s.labels for s in said if s.labels is not None and any(s.labels.names)]
    candidates += list(tables)
    if reading.names and not _fitting(candidates, reading):
        return reading.names, (), ()
    if not candidates:
        return _known_names(facts, reading)
    fitting = _fitting(candidates, reading)
    names, notes = fit_labels(fitting[0] if fitting else candidates[0], reading.classes, **shape)
    others = [t for t in fitting[1:] if fit_labels(t, reading.classes, **shape)[0] != names]
    doubts = tuple(f"{t.file} would give other names" for t in others)
    return names, notes, doubts


_Symbols = tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...], Reading]


def _symbols(facts: Facts, reading: Reading, config: ModelConfig, manifest: Manifest, located: Located) -> _Symbols:
    """A text reader's symbols without the blank, warnings, doubts, and the reading, that asks for what is missing."""
    if isinstance(config.labels, str):
        given = read_characters(Path(config.labels).expanduser())
    elif config.labels is None and isinstance(manifest.labels, str):
        given = read_characters(located.folder / manifest.labels)
    else:
        given = _given_table(config, manifest, located)
    if given is not None:
        if fitting_characters([given], reading.classes) is None:
            raise ModelError(
                f"{given.file}: {len(given.names)} symbols for {reading.classes} classes, the blank among them; "
                "give the model's own dictionary with --labels"
            )
        return given.names, (), (), reading
    found = fitting_characters([*stated_characters(facts.graph.metadata), *character_tables(located)], reading.classes)
    if found is not None:
        return found.names, (), (), reading
    if reading.names:
        return reading.names, (), (f"no dictionary: the {len(reading.names)} usual symbols are taken",), reading
    why = f"what its {reading.classes or ''} symbols are is told by no file beside it".replace("  ", " ")
    return (), (), (), replace(reading, open=(*reading.open, ("--labels", ("FILE",), why)))


def _own_tables(
    tables: Sequence[LabelTable], reading: Reading, arrived: Arrived
) -> tuple[Sequence[LabelTable], tuple[str, ...]]:
    """The label files that may be this model's, and a note on each other one.

    A DeepStream file names its label file, and the models of several lie in one folder: what does not fit is another's.
    """
    if arrived.format != "nvinfer" or arrived.stated.labels is not None:
        return tables, ()
    own = _fitting(tables, reading)
    notes = tuple(
        f"{table.file}: {len(table.names)} labels beside a model of {reading.classes} classes: not taken; "
        "labelfile-path names its own"
        for table in tables
        if table not in own
    )
    return own, notes


def _fitting(candidates: Sequence[LabelTable], reading: Reading) -> list[LabelTable]:
    """Tables that give every class exactly one name, with or without a background row."""
    if reading.classes is None:
        return list(candidates)
    wanted = {reading.classes, reading.classes - 1} if reading.background else {reading.classes}
    return [t for t in candidates if len(t.names) in wanted]


def _given_table(config: ModelConfig, manifest: Manifest, located: Located) -> LabelTable | None:
    if isinstance(config.labels, str):
        return read_label_file(Path(config.labels).expanduser())
    if config.labels is not None:
        return LabelTable(tuple(config.labels), "--labels")
    if isinstance(manifest.labels, str):
        return read_label_file(located.folder / manifest.labels)
    return None if manifest.labels is None else LabelTable(manifest.labels, "model.yaml")


def _known_names(facts: Facts, reading: Reading) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """COCO's names where the count of classes is COCO's own and no file names them."""
    from sightline.models.coco import COCO_80, COCO_91

    count = reading.classes
    zoo = reading.one_based and any(word in facts.hints for word in _COCO_ZOO)
    if reading.task not in ("detect", "segment") or (count not in (80, 91) and not zoo):
        return (), (), ()
    names = COCO_80 if count == 80 else COCO_91
    return names, (), ("no label file: the names are COCO's, by the count of classes",)


# Names of published detectors whose 90 classes are COCO's.
_COCO_ZOO = ("coco", "ssd_mobilenet", "ssdlite", "efficientdet", "fasterrcnn", "faster_rcnn", "retinanet", "ssd300")


def _check_classes(config: ModelConfig, spec: ModelSpec) -> None:
    """Raises UsageError where `--classes` or a per-class threshold names a label that the model has not."""
    wanted = [*config.classes, *config.per_class]
    if not spec.labels:
        wanted = [name for name in wanted if not name.removeprefix("class").isdigit()]
    for name in wanted:
        if name.strip().lower() in {label.lower() for label in spec.labels}:
            continue
        near = difflib.get_close_matches(name, spec.labels, n=3, cutoff=0.5)
        some = ", ".join(label for label in spec.labels[:12] if label)
        hint = f"did you mean {' or '.join(near)}?" if near else f"it knows {some or 'no names; add --labels FILE'}"
        raise UsageError(f"unknown class {name!r}: {hint}")


# -- the question ----------------------------------------------------------------------------------------------------


def _question(weights: Path, facts: Facts, reading: Reading, feeding: Feeding, inputs: Sequence[InputSpec]) -> str:
    """What is left open, as the flags that would answer it; "" where nothing is."""
    alone = next((node.op for node in facts.graph.nodes if node.op.endswith("_TRT")), None)
    if alone is not None:
        return f"{weights.name}: its operation {alone} runs in TensorRT only; export it without (no --end2end)"
    for item in inputs:
        if item.source == "unknown":
            return (
                f"{weights.name}: nothing says what feeds its input {item.tensor.name!r} {list(item.tensor.shape)}\n"
                "say it in model.yaml (inputs: NAME: {source: ones | view | difference ...}), or export it without"
            )
    if not reading.head:
        outputs = ", ".join(f"{o.name} {['?' if n is None else n for n in o.shape]}" for o in facts.outputs[:4])
        outputs = outputs.replace("'", "")
        return f"{weights.name}: no known kind of output: {outputs}\nadd --head NAME (and --resize, --color, --scale)"
    asked = [*reading.open, *feeding.open]
    if not asked:
        return ""
    why = asked[0][2]
    flags = "; ".join(" or ".join(f"{flag} {value}" for value in values) for flag, values, _ in asked)
    return f"{weights.name}: {why}\nthe file does not tell which: add {flags}"

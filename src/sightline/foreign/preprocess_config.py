"""A configuration of Gst-nvdspreprocess (key file or YAML) -> what becomes of its keys, and how a model is fed by it.

The keys are those of nvdspreprocess_property_parser.cpp of NVIDIA/DeepStream, of its default library and of the
sequence library of deepstream-3d-action-recognition: y = pixel-normalization-factor * (x - offsets) there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sightline.config import RegionConfig
from sightline.foreign.fates import Known, Rules
from sightline.foreign.key_tables import KeyTable, numbered
from sightline.foreign.keyfile import Entry
from sightline.foreign.reasons import translated
from sightline.foreign.side_reasons import passed
from sightline.foreign.values import choice, fault, flag, number, numbers, text, whole, wholes
from sightline.foreign.written import Written

__all__ = ["GROUPS", "PREPROCESS", "PreprocessFile", "is_preprocess", "preprocess_of"]


_SIZE = "width and height of the smallest object"

GROUPS: dict[str, KeyTable] = {
    "property": KeyTable(
        {
            "enable": translated("model", "0: the model is fed as its own file says"),
            "target-unique-ids": translated("model", "the models that are fed this way, by gie-unique-id"),
            "operate-on-gie-id": translated("stage.from", "whose objects, by gie-unique-id"),
            "process-on-frame": translated("stage.from", "0: objects of another model, 1: frames"),
            "maintain-aspect-ratio": translated("model.resize", "1: letterbox, 0: stretch"),
            "symmetric-padding": translated("model.resize", "0 with maintain-aspect-ratio: letterbox-topleft"),
            "network-color-format": translated("model.color", "0 rgb, 1 bgr, 2 grey"),
            "unique-id": passed("unnamed"),
            "gpu-id": passed("hardware"),
            "network-input-order": passed("graph"),
            "network-input-shape": passed("graph"),
            "processing-width": passed("graph"),
            "processing-height": passed("graph"),
            "tensor-data-type": passed("graph"),
            "tensor-name": passed("graph"),
            "tensor-buf-pool-size": passed("memory"),
            "scaling-buf-pool-size": passed("memory"),
            "scaling-pool-memory-type": passed("memory"),
            "scaling-pool-compute-hw": passed("hardware"),
            "scaling-filter": passed("scaling"),
            "custom-lib-path": passed("library"),
            "custom-tensor-preparation-function": passed("library"),
        }
    ),
    "user-configs": KeyTable(
        {
            "pixel-normalization-factor": translated("model.scale", "1 divided by it"),
            "offsets": translated("model.mean"),
            "channel-mean-offsets": translated("model.mean", "the sequence library's word for offsets"),
            "channel-scale-factors": translated("model.scale", "1 divided by them"),
            "mean-file": passed("mean-picture"),
            "stride": passed("sequence"),
            "subsample": passed("sequence", "0"),
            "depth": passed("sequence"),
            "frames-sequence-length": passed("sequence"),
            "scale-type": passed("library"),
            "scaling-filter": passed("scaling"),
            "affine-matrix": passed("library"),
        }
    ),
    "group-": KeyTable(
        {
            "src-ids": translated("model.regions.streams", "-1: every stream"),
            "process-on-roi": translated("model.regions", "0: the whole frame"),
            "process-on-all-objects": passed("not-regions", "1"),
            "operate-on-class-ids": translated("stage.objects"),
            "interval": translated("stage.interval"),
            "input-object-min-width": translated("stage.min_size_px", _SIZE),
            "input-object-min-height": translated("stage.min_size_px", _SIZE),
            "input-object-max-width": translated("stage.max_size_px"),
            "input-object-max-height": translated("stage.max_size_px"),
            "draw-roi": passed("drawn"),
            "roi-color": passed("drawn"),
            "custom-input-transformation-function": passed("library"),
        },
        {"roi-params-src-#": translated("model.regions", "left;top;width;height of each region of that stream")},
    ),
}


def _of_group(group: str) -> Mapping[str, Known] | None:
    return (
        GROUPS["group-"] if numbered(group, "group-") is not None else GROUPS.get(group) if group != "group-" else None
    )


PREPROCESS = Rules(_of_group, ("property", "user-configs", "group-0"), "nvdspreprocess")


def is_preprocess(written: Written) -> bool:
    """Whether it says what only such a file does."""
    telling = ("network-input-shape", "custom-tensor-preparation-function", "processing-width", "target-unique-ids")
    if any(written.get("property", key) for key in telling):
        return True
    inside = [e.key for e in written.entries if numbered(e.group, "group-") is not None]
    return any(key == "src-ids" or key.startswith("roi-params-src-") for key in inside)


@dataclass(frozen=True, slots=True)
class PreprocessFile:
    """targets: gie-unique-id of the models that are fed this way. model: fields of ModelConfig. stage: those of
    StageConfig where objects are looked at, not frames. operate_on: gie-unique-id of the model whose objects; 0: none.
    """

    enabled: bool
    targets: tuple[int, ...] = ()
    operate_on: int = 0
    model: Mapping[str, object] = field(default_factory=dict[str, object])
    stage: Mapping[str, object] = field(default_factory=dict[str, object])
    notes: tuple[str, ...] = ()


def preprocess_of(
    written: Written,
    streams: Sequence[str] = (),
    labels: Sequence[str] = (),
    muxed_wh: tuple[int, int] | None = None,
) -> PreprocessFile:
    """streams: their ids in order, for src-ids and roi-params-src-N ("0", "1" ... where there are fewer). labels: of
    the model whose objects are looked at, for operate-on-class-ids. muxed_wh: the picture that regions are in, the
    muxer's, of which they become fractions (None: they stay pixels, of each frame).

    Raises ConfigError naming file, line and key of what is wrong.
    """
    said = {e.key: e for e in written.entries if e.group == "property" and not e.stray}
    if "enable" in said and not flag(said["enable"]):
        return PreprocessFile(False)
    targets = wholes(said["target-unique-ids"]) if "target-unique-ids" in said else ()
    on_frames = "process-on-frame" not in said or flag(said["process-on-frame"])
    notes: list[str] = []
    model = {**_resize(said), **_feeding({e.key: e for e in written.entries if e.group == "user-configs"})}
    if "network-color-format" in said:
        model["color"] = ("rgb", "bgr", "grey")[choice(said["network-color-format"], ("rgb", "bgr", "grey"))]
    groups = [
        {e.key: e for e in written.entries if e.group == group and not e.stray}
        for group in written.groups
        if numbered(group, "group-") is not None
    ]
    if on_frames:
        own = {n for group in groups if "src-ids" in group for n in wholes(group["src-ids"])}
        rest = tuple(name for number, name in enumerate(streams) if number not in own)
        regions = [region for group in groups for region in _regions(group, streams, rest, muxed_wh)]
        return PreprocessFile(True, targets, 0, model | ({"regions": tuple(regions)} if regions else {}))
    operate_on = whole(said["operate-on-gie-id"]) if "operate-on-gie-id" in said else 0
    return PreprocessFile(True, targets, operate_on, model, _stage(groups, labels, notes), tuple(notes))


def _resize(said: Mapping[str, Entry]) -> dict[str, object]:
    if "maintain-aspect-ratio" not in said or not flag(said["maintain-aspect-ratio"]):
        return {"resize": "stretch"}
    even = "symmetric-padding" in said and flag(said["symmetric-padding"])
    return {"resize": "letterbox" if even else "letterbox-topleft"}


def _feeding(said: Mapping[str, Entry]) -> dict[str, object]:
    """mean and scale of tensor = (pixel - mean) / scale."""
    found: dict[str, object] = {}
    for key in ("offsets", "channel-mean-offsets"):
        if key in said and text(said[key]):
            found["mean"] = numbers(said[key])
    for key in ("pixel-normalization-factor", "channel-scale-factors"):
        if key in said and text(said[key]):
            factors = numbers(said[key])
            if not factors or 0 in factors:
                raise fault(said[key], "would make every pixel 0")
            found["scale"] = tuple(round(1 / factor, 6) for factor in factors)
    return found


def _regions(
    said: Mapping[str, Entry], streams: Sequence[str], rest: tuple[str, ...], muxed_wh: tuple[int, int] | None
) -> list[RegionConfig]:
    """The regions of one group; a stream whose frames are looked at as they are has the whole frame as its one.

    rest: the streams that no group names; source -1 stands for them, with the first regions of its group.
    """
    sources = wholes(said["src-ids"]) if "src-ids" in said else ()
    on_regions = "process-on-roi" in said and flag(said["process-on-roi"])
    found: list[RegionConfig] = []
    for source in sources:
        names = rest if source < 0 else (_stream(source, streams),)
        if source < 0 and streams and not rest:
            continue
        first = next((entry for key, entry in said.items() if key.startswith("roi-params-src-")), None)
        entry = first if source < 0 else said.get(f"roi-params-src-{source}")
        if not on_regions or entry is None:
            found.append(RegionConfig(box=(0.0, 0.0, 1.0, 1.0), streams=names))
            continue
        found += [RegionConfig(box=box, px=muxed_wh is None, streams=names) for box in _boxes(entry, muxed_wh)]
    return found


def _boxes(entry: Entry, muxed_wh: tuple[int, int] | None) -> list[tuple[float, float, float, float]]:
    """left;top;width;height of each region -> x1, y1, x2, y2."""
    values = numbers(entry)
    if not values or len(values) % 4:
        raise fault(entry, f"expected left;top;width;height of each region, got {len(values)} numbers")
    found: list[tuple[float, float, float, float]] = []
    for left, top, width, height in zip(*(values[i::4] for i in range(4)), strict=True):
        if min(left, top) < 0 or min(width, height) <= 0:
            raise fault(entry, f"a region of {width:g}x{height:g} at {left:g},{top:g} is none")
        box = (left, top, left + width, top + height)
        if muxed_wh is not None:
            whole_w, whole_h = muxed_wh
            if left >= whole_w or top >= whole_h:
                raise fault(entry, f"the region at {left:g},{top:g} is outside the muxer's {whole_w}x{whole_h}")
            scaled = (box[0] / whole_w, box[1] / whole_h, box[2] / whole_w, box[3] / whole_h)
            box = (round(scaled[0], 6), round(scaled[1], 6), round(min(1, scaled[2]), 6), round(min(1, scaled[3]), 6))
        found.append(box)
    return found


def _stage(groups: Sequence[Mapping[str, Entry]], labels: Sequence[str], notes: list[str]) -> dict[str, object]:
    """What the groups say of objects. A stage has one setting for all streams: the widest of the groups."""
    found: dict[str, object] = {}
    classes: list[str] = []
    for said in groups:
        if "operate-on-class-ids" in said:
            numbered_ = [n for n in wholes(said["operate-on-class-ids"]) if n >= 0]
            classes += [labels[n] if n < len(labels) else f"class{n}" for n in numbered_]
        if "process-on-all-objects" in said and not flag(said["process-on-all-objects"]):
            notes.append(
                f"{said['process-on-all-objects'].where}: objects are looked at wherever they are in the frame"
            )
        if "interval" in said:
            found["interval"] = min(int(str(found.get("interval", 1 << 30))), whole(said["interval"]))
    if classes:
        found["objects"] = tuple(dict.fromkeys(classes))
    for bound, pick in (("min", min), ("max", max)):
        pairs = [p for said in groups if (p := _pair(said, bound)) is not None]
        if pairs:
            found[f"{bound}_size_px"] = (pick(p[0] for p in pairs), pick(p[1] for p in pairs))
    return found


def _pair(said: Mapping[str, Entry], bound: str) -> tuple[float, float] | None:
    sides: list[float] = []
    for side in ("width", "height"):
        entry = said.get(f"input-object-{bound}-{side}")
        value = number(entry) if entry is not None else 0.0
        if entry is not None and value < 0:
            raise fault(entry, "expected pixels from 0 on")
        sides.append(value if value or bound == "min" else 1e6)
    return (sides[0], sides[1]) if any(f"input-object-{bound}-{s}" in said for s in ("width", "height")) else None


def _stream(number_: int, streams: Sequence[str]) -> str:
    return streams[number_] if 0 <= number_ < len(streams) else str(number_)

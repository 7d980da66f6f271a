"""DeepStream's nvinferserver files, in protobuf text -> the same record as nvinfer's, and the model of a repository."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from sightline.errors import ModelError
from sightline.foreign.protobuf_text import Message, Word
from sightline.models.importers import triton
from sightline.models.importers.nvinfer_settings import COLORS, WIDEST, Cluster, Limits, Named, Settings
from sightline.models.importers.seam import Foreign, Imported

__all__ = ["served_model", "settings_of_message"]

_FORMATS = {"IMAGE_FORMAT_RGB": COLORS[0], "IMAGE_FORMAT_BGR": COLORS[1], "IMAGE_FORMAT_GRAY": COLORS[2]}
_POLICIES: dict[str, Cluster] = {
    "nms": "nms",
    "dbscan": "dbscan",
    "group_rectangle": "group-rectangles",
    "simple_cluster": "none",
}


def settings_of_message(whole: Message, path: Path) -> Settings:
    """Raises ModelError naming file, line and field for a value of the wrong kind."""
    infer = whole.message("infer_config")
    before, after = infer.message("preprocess"), infer.message("postprocess")
    normal = before.message("normalize")
    format = before.text("network_format")
    order = before.text("tensor_order")
    every, own = _bounds(whole.message("output_control").message("detect_control"))
    base = Settings(
        every=every,
        own=own,
        apart=True,
        color=_FORMATS.get(format, COLORS[0]),
        gain=normal.number("scale_factor", 1.0) or 1.0,
        offsets=normal.numbers("channel_offsets"),
        mean_file=_named(normal, "mean_file", path),
        dims=_dims(infer.message("backend")),
        nhwc=True if order == "TENSOR_ORDER_NHWC" else False if order == "TENSOR_ORDER_LINEAR" else None,
        keep_ratio=_switch(before, "maintain_aspect_ratio"),
        centred=_switch(before, "symmetric_padding"),
        labels=_named(after, "labelfile_path", path),
        outputs=tuple(out.text("name") for out in infer.message("backend").messages("outputs")),
        question=whole.message("output_control").text("classifier_type"),
        filtered=whole.message("output_control").message("detect_control").wholes("filter_out_class_ids"),
    )
    if "detection" in after:
        return _detector(base, after.message("detection"), path)
    if "classification" in after:
        held = after.message("classification")
        least = held.number("threshold") if "threshold" in held else None
        function = _named(held, "custom_parse_classifier_func", path)
        return replace(base, task="classify", answer_least=least, function=function)
    if "segmentation" in after:
        held = after.message("segmentation")
        function = _named(held, "custom_parse_segmentation_func", path)
        classes = held.whole("num_segmentation_classes") or None
        least = held.number("threshold") if "threshold" in held else None
        return replace(base, task="semantic", map_least=least, classes=classes, function=function)
    if "triton_classification" in after or "trtis_classification" in after:
        return replace(base, task="classify")
    return replace(base, task="other")


def _detector(base: Settings, held: Message, path: Path) -> Settings:
    policy = next((name for name in _POLICIES if name in held), "")
    said = held.message(policy) if policy else Message(held.where)

    def number(*keys: str) -> float | None:
        return next((said.number(key) for key in keys if key in said), None)

    most, boxes, group = number("topk"), number("min_boxes"), number("group_threshold")
    every = Limits(
        before=number("confidence_threshold", "pre_threshold", "threshold"),
        iou=number("iou_threshold"),
        # 0 is what the field holds where it is not written
        most=int(most) if most else None,
        eps=number("eps"),
        min_boxes=None if boxes is None else int(boxes),
        group=None if group is None else int(group),
        min_score=number("min_score"),
    )
    every = _bounded(every, base.every)
    if every.iou is not None and not 0 <= every.iou <= 1:
        raise ModelError(f"{said.where}: iou_threshold {every.iou:g} is not 0 to 1")
    own = dict(base.own)
    for entry in held.messages("per_class_params"):
        if "pre_threshold" in entry.message("value"):
            number_of = entry.whole("key")
            own[number_of] = replace(
                own.get(number_of, Limits()), before=entry.message("value").number("pre_threshold")
            )
    return replace(
        base,
        task="detect",
        together=True,
        classes=held.whole("num_detected_classes") or None,
        cluster=_POLICIES[policy] if policy else "none",
        grouped=policy == "group_rectangle",
        every=every,
        own={number: limits for number, limits in own.items() if number >= 0},
        function=_named(held, "custom_parse_bbox_func", path),
    )


_BOUNDS = ("least_w", "least_h", "most_w", "most_h", "top", "bottom")


def _bounded(limits: Limits, bounds: Limits) -> Limits:
    """`limits`, with the bounds of boxes that `bounds` has."""
    return replace(limits, **{name: getattr(bounds, name) for name in _BOUNDS})


def _bounds(control: Message) -> tuple[Limits, dict[int, Limits]]:
    """Of all classes, and of those that have a filter of their own, which then stands in place of the other."""
    own = {entry.whole("key"): _filter(entry.message("value")) for entry in control.messages("specific_class_filters")}
    return _filter(control.message("default_filter")), {number: held for number, held in own.items() if number >= 0}


def _filter(held: Message) -> Limits:
    sides = held.message("bbox_filter")
    said = [sides.whole(key) for key in ("min_width", "min_height", "max_width", "max_height")]
    said += [held.whole("roi_top_offset"), held.whole("roi_bottom_offset")]
    if not all(0 <= number <= WIDEST for number in said):
        raise ModelError(f"{held.where}: widths, heights and offsets are numbers of pixels, 0 to {WIDEST}")
    return Limits(**dict(zip(_BOUNDS, said, strict=True)))


def _dims(backend: Message) -> tuple[int, int, int] | None:
    """Channels, height and width of the only input that has three sizes, a batch in front or not."""
    for entry in backend.messages("inputs"):
        dims = entry.wholes("dims")[-3:]
        if len(dims) == 3 and all(0 < n < 1 << 16 for n in dims):
            return (dims[0], dims[1], dims[2]) if dims[0] in (1, 3) else (dims[2], dims[0], dims[1])
    return None


def _named(held: Message, key: str, path: Path) -> Named | None:
    text = held.text(key)
    if not text:
        return None
    line = next((one.line for one in reversed(held.written) if one.name == key), 1)
    return Named(text, f"{path}:{line}: {key}")


def _switch(held: Message, key: str) -> bool:
    """A number or a word that is on or off."""
    value = (held.fields.get(key) or [0])[-1]
    return value.text.lower() in ("true", "t") if isinstance(value, Word) else value not in (0, "", "0")


# -- the model ---------------------------------------------------------------------------------------------------------


def served_model(whole: Message, found: Foreign) -> Imported:
    """The model of the repository that the file names. Raises ModelError saying what is missing, and where."""
    config = found.path
    backend = whole.message("infer_config").message("backend")
    kind = next((name for name in ("triton", "trt_is") if name in backend), "")
    if not kind:
        raise ModelError(f"{config}: infer_config has no backend {{ triton {{ ... }} }}: it names no model")
    server = backend.message(kind)
    name = server.text("model_name")
    if not name or "/" in name.replace("\\", "/") or name in (".", ".."):
        raise ModelError(f"{server.where}: model_name {name[:80]!r} is no name of a folder in a model repository")
    repo = server.message("model_repo")
    roots = [config.parent / root.strip() for root in repo.texts("root") if "\0" not in root]
    places = [*(root / name for root in roots), *(config.parent / Path(str(root)).name / name for root in roots)]
    if not roots:
        places += [config.parent / below / name for below in ("", "models", "model_repo", "triton_model_repo")]
    folder = next((place for place in places if place.is_dir()), None)
    if folder is None:
        looked = " and ".join(dict.fromkeys(str(place) for place in places[:2]))
        server_told = f" of the server at {server.message('grpc').text('url')[:80]}" if "grpc" in server else ""
        raise ModelError(
            f"{server.where}: names the model {name}{server_told}, which is missing: looked for {looked[:300]}\n"
            "put its folder of the model repository (config.pbtxt, 1/model.onnx) there"
        )
    version = server.whole("version", -1)
    imported = triton.read(replace(found, format="triton", path=folder, folder=folder, given=(), whole=True))
    if version > 0 and imported.weights.parent.name.isdecimal() and imported.weights.parent.name != str(version):
        note = f"{server.where}: asks for version {version}; version {imported.weights.parent.name} is read"
        return replace(imported, warnings=(*imported.warnings, note))
    return imported

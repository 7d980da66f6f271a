"""The parser files of the Azure DeepStream Accelerator, as they are: functions of a module, or a class of its own kind.

Boxes are x, y, w, h in pixels of the muxed picture (`MuxedView`). See docs/parsers.md for what is accepted.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from types import ModuleType
from typing import Any

from numpy.typing import NDArray

from sightline.errors import UsageError
from sightline.parsers.accelerator_seen import Seen
from sightline.parsers.accelerator_words import Layers, MessageHelper, PrimaryConfig, copied, layers_of, with_axis
from sightline.parsers.code import Muxed
from sightline.parsers.muxed import MuxedView
from sightline.parsers.plain import NotPlain, plain
from sightline.parsers.returned import Unfit, said
from sightline.parsers.standins.pyds_metas import NvDsBatchMeta, NvDsFrameMeta
from sightline.types import ModelSpec, Prediction, View

__all__ = ["Accelerator", "ClassParser", "PrimaryParser", "SecondaryParser", "message", "metas_of"]

DETECTOR, CUSTOM = 0, 1
_FAILED = object()


class Accelerator(ABC):
    """What the forms have in common. notes: what the user should know, said once each."""

    api = "accelerator"
    labels: tuple[str, ...] = ()

    def __init__(self, muxed: Muxed) -> None:
        self.muxed = muxed
        self.helper = MessageHelper.of(muxed)
        self.notes: list[str] = []
        self._seen = Seen(self.notes)
        self._axis: bool | None = None

    def __call__(self, outputs: dict[str, NDArray[Any]], spec: ModelSpec, view: View) -> Prediction:
        """Raises whatever the user's code raises, and Unfit for what it returned."""
        labels = self.labels or spec.labels
        return self.parse(layers_of(outputs), spec, labels, MuxedView(self.muxed, view))

    def _called(self, function: Callable[..., object], layers: Layers, *config: object) -> object:
        """What a function says of the layers.

        A model that Triton serves with max_batch_size 0 keeps its batch axis there, so files exist that count on one:
        where a file fails without it, and does not with it, it gets one from then on.
        """
        if self._axis:
            return function(*config, with_axis(layers))
        try:
            answer = function(*config, copied(layers) if self._axis is None else layers)
        except (IndexError, ValueError):
            if self._axis is not None:
                raise
            try:
                answer = function(*config, with_axis(layers))
            except Exception:  # noqa: BLE001  the user's code: the first error is the one to tell
                answer = _FAILED
            if answer is _FAILED:
                raise
            self.notes.append("it is given the outputs with a batch axis of 1: it fails without")
            self._axis = True
            return answer
        self._axis = False
        return answer

    @abstractmethod
    def parse(self, layers: Layers, spec: ModelSpec, labels: tuple[str, ...], muxed: MuxedView) -> Prediction:
        """One frame."""

    def _message(self, name: str, value: object, view: View) -> object:
        """The message of a frame: what was returned, or what was given to the helper; None for nothing."""
        stream = self.helper.index_of(view.frame.stream.id)
        given = self.helper.pgie_custom_msg.pop((stream, view.frame.index), None)
        return message(name, value if value else given)


class PrimaryParser(Accelerator):
    """A module with `model_type`, and `parse_det_model` or `parse_custom_model` (with `add_custom_to_meta`)."""

    def __init__(self, module: ModuleType, muxed: Muxed) -> None:
        super().__init__(muxed)
        kind = getattr(module, "model_type", None)
        wanted = {DETECTOR: "parse_det_model", CUSTOM: "parse_custom_model"}
        if kind is None:
            kind = DETECTOR if hasattr(module, wanted[DETECTOR]) else CUSTOM
        if kind not in wanted:
            raise UsageError(f"model_type is {said(kind)}; expected 0 (parse_det_model) or 1 (parse_custom_model)")
        if not callable(getattr(module, wanted[kind], None)):
            raise UsageError(f"model_type is {kind}, but {wanted[kind]}(config, raw_outputs) is not defined")
        self.labels = tuple(str(label) for label in getattr(module, "labels", ()))
        self._function: Callable[..., object] = getattr(module, wanted[kind])
        self._add: Callable[..., object] | None = getattr(module, "add_custom_to_meta", None)
        name = str(getattr(module, "name", module.__name__))
        self.config = PrimaryConfig(name, kind, list(self.labels), muxed.image_size, self.helper, module)

    def parse(self, layers: Layers, spec: ModelSpec, labels: tuple[str, ...], muxed: MuxedView) -> Prediction:
        self.config.labels = list(labels)
        answer = self._called(self._function, layers, self.config)
        if self.config.model_type == DETECTOR:
            boxes, ids, scores, text = _four(answer)
            found = self._seen.boxes(boxes, ids, scores, labels, muxed)
            return Prediction(found, custom=self._message("message", text, muxed.view))
        data, text = _two(answer)
        custom = self._message("message", text, muxed.view)
        if data is None or self._add is None:
            return Prediction(self._seen.nothing(labels), custom=custom)
        batch, frame = metas_of(muxed, self.helper)
        self._add(self.config, data, batch, frame)
        return self._seen.metas(frame, labels, muxed, custom)


def _four(answer: object) -> tuple[object, object, object, object]:
    """(boxes, class ids, scores, message); the message may be left out."""
    if isinstance(answer, tuple | list) and len(answer) in (3, 4):
        boxes, ids, scores, *rest = answer
        return boxes, ids, scores, rest[0] if rest else None
    raise Unfit(f"parse_det_model returned {said(answer)}; expected (boxes, class ids, scores, message)")


def _two(answer: object) -> tuple[object, object]:
    """(data, message); error paths of published files return four values: three of data, and the message."""
    if isinstance(answer, tuple | list) and len(answer) == 2:
        return answer[0], answer[1]
    if isinstance(answer, tuple | list) and len(answer) == 4:
        return tuple(answer[:3]), answer[3]
    if answer is None:
        return None, None
    raise Unfit(f"parse_custom_model returned {said(answer)}; expected (data, message)")


class ClassParser(Accelerator):
    """A class with the methods `parse_det_model(raw_outputs)` or `parse_custom_model(raw_outputs)`."""

    def __init__(self, kind: type[Any], muxed: Muxed) -> None:
        super().__init__(muxed)
        try:
            self._parser = kind()
        except TypeError as error:
            raise UsageError(f"class {kind.__name__}: cannot be made without arguments ({error})") from error
        self._parser.image_size = muxed.image_size
        self._parser.msg_helper = self.helper
        self.labels = tuple(str(label) for label in getattr(self._parser, "labels", ()))

    def parse(self, layers: Layers, spec: ModelSpec, labels: tuple[str, ...], muxed: MuxedView) -> Prediction:
        if getattr(self._parser, "model_type", DETECTOR) == DETECTOR:
            found, text = _objects_and_message(self._called(self._parser.parse_det_model, layers))
            boxes = [(box.x, box.y, box.w, box.h) for box in found]
            ids, scores = [box.class_id for box in found], [box.score for box in found]
            seen = self._seen.boxes(boxes, ids, scores, labels, muxed)
            return Prediction(seen, custom=self._message("message", text, muxed.view))
        data, text = _two(self._called(self._parser.parse_custom_model, layers))
        custom = self._message("message", text, muxed.view)
        if data is None:
            return Prediction(self._seen.nothing(labels), custom=custom)
        batch, frame = metas_of(muxed, self.helper)
        self._parser.add_custom_to_meta(data, batch, frame)
        return self._seen.metas(frame, labels, muxed, custom)


def _objects_and_message(answer: object) -> tuple[list[Any], object]:
    """(objects, message); error paths of published classes return an empty list alone."""
    if isinstance(answer, tuple) and len(answer) == 2 and isinstance(answer[0], list | tuple):
        return list(answer[0]), answer[1]
    if isinstance(answer, list) and not answer:
        return [], None
    raise Unfit(f"parse_det_model returned {said(answer)}; expected (objects, message)")


class SecondaryParser(Accelerator):
    """A module with `gie_unique_id` and `parse_sgie_model(config, raw_outputs)`: a JSON value for each object."""

    def __init__(self, module: ModuleType, muxed: Muxed) -> None:
        super().__init__(muxed)
        self._function: Callable[..., object] = module.parse_sgie_model
        number = getattr(module, "gie_unique_id", None)
        if not isinstance(number, int):
            raise UsageError(f"gie_unique_id is {said(number)}; expected the number of its model")
        self.helper.register_sgie_parser(number, self._function)

    def parse(self, layers: Layers, spec: ModelSpec, labels: tuple[str, ...], muxed: MuxedView) -> Prediction:
        self.helper.index_of(muxed.view.frame.stream.id)
        answer = self._called(self._function, layers, self.helper)
        try:
            return Prediction(self._seen.nothing(labels), custom=plain(answer, "its value"))
        except NotPlain as error:
            raise Unfit(f"parse_sgie_model returned what is no JSON: {error}") from error


def message(name: str, value: object) -> object:
    """A message as JSON; what counts as nothing there (None, "", 0, an empty list) is None. Raises Unfit."""
    try:
        return plain(value, name) or None
    except NotPlain as error:
        raise Unfit(str(error)) from error


def metas_of(muxed: MuxedView, helper: MessageHelper) -> tuple[NvDsBatchMeta, NvDsFrameMeta]:
    """DeepStream's words for this frame."""
    frame = muxed.view.frame
    index = helper.index_of(frame.stream.id)
    width, height = muxed.muxed.image_size
    meta = NvDsFrameMeta(
        pad_index=index,
        frame_num=frame.index,
        buf_pts=round((frame.at.seconds or 0.0) * 1e9),
        ntp_timestamp=frame.wall_ns,
        source_id=index,
        source_frame_width=frame.width,
        source_frame_height=frame.height,
        pipeline_width=width,
        pipeline_height=height,
    )
    batch = NvDsBatchMeta([meta])
    meta.base_meta.batch_meta = batch
    NvDsBatchMeta.current = batch
    return batch, meta

"""The accelerator's stand-alone scripts (classes of its ONNX and TAO pipelines): only their `parser` is called."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from sightline.errors import UsageError
from sightline.parsers.accelerator import Accelerator, message, metas_of
from sightline.parsers.accelerator_seen import NO_LABEL
from sightline.parsers.accelerator_words import Layers, layer_infos
from sightline.parsers.code import Muxed
from sightline.parsers.muxed import MuxedView
from sightline.types import ModelSpec, Prediction

__all__ = ["ScriptParser"]


class ScriptParser(Accelerator):
    """A class with `parser(layers_info)`; its objects are added by `add_obj_meta_to_frame` or `add_meta_to_frame`.

    Nothing of GStreamer is run. It is made when the first frame comes, as its constructor wants the label table.
    options: further arguments of the constructor.
    """

    def __init__(self, kind: type[Any], muxed: Muxed, options: Mapping[str, object]) -> None:
        super().__init__(muxed)
        self._kind = kind
        self._options = dict(options)
        self._script: Any = None

    def parse(self, layers: Layers, spec: ModelSpec, labels: tuple[str, ...], muxed: MuxedView) -> Prediction:
        script = self._script
        if script is None:
            script = self._script = self._made(list(labels) or [NO_LABEL])
        batch, frame = metas_of(muxed, self.helper)
        script.batch_meta = batch
        found = script.parser(layer_infos(layers))
        custom: object = None
        if hasattr(script, "add_obj_meta_to_frame"):
            for item in found:
                script.add_obj_meta_to_frame(item, batch, frame)
        elif "add_meta_to_frame" in _defined(type(script)):
            script.add_meta_to_frame(frame, found)
        else:
            custom = message("parser", found)
        return self._seen.metas(frame, labels, muxed, custom)

    def _made(self, labels: list[str]) -> Any:
        """By the first constructor, from the class up, whose arguments are known."""
        width, height = self.muxed.image_size
        given: dict[str, object] = {"class_names": labels, "image_width": width, "image_height": height}
        given |= {"config_file": "", "config": ""} | self._options
        for owner in self._kind.__mro__:
            init = owner.__dict__.get("__init__")
            if init is None or owner is object:
                continue
            wanted = list(inspect.signature(init).parameters.values())[1:]
            if all(item.name in given or item.default is not item.empty for item in wanted):
                script: Any = object.__new__(self._kind)
                init(script, **{item.name: given[item.name] for item in wanted if item.name in given})
                return script
        raise UsageError(f"class {self._kind.__name__}: give the arguments of its constructor as options")


def _defined(kind: type[Any]) -> set[str]:
    """Methods that a class says itself; those of its base class do nothing."""
    bases = [owner for owner in kind.__mro__ if owner is not object]
    return {name for owner in (bases[:-1] or bases) for name in vars(owner)}

"""TensorFlow detection post-process: boxes, classes, scores, count."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from sightline.heads.candidates import Candidates, predict
from sightline.heads.ready import read
from sightline.heads.tensors import are_fractions
from sightline.protocols import Outputs
from sightline.types import ModelSpec, Prediction, Thresholds, View


@dataclass(frozen=True, slots=True)
class TfDetection:
    """boxes [N, K, 4] (ymin, xmin, ymax, xmax as fractions), scores [N, K], classes [N, K], count [N] (may be absent).

    boxes, scores, classes, count: output names; "": by name (detection_boxes ..., TFLite_Detection_PostProcess,
    :1, :2, :3), then by shape and values. label_offset: added to the class (-1 where 1 is the first label).
    normalized: boxes are fractions of the input, else model pixels (TAO's EfficientDet); None: where no number of them
    exceeds 2.
    order: "yxyx" or "xyxy"; "": xyxy where boxes [K, 4] have no batch axis (torchvision), else yxyx.
    """

    defaults: ClassVar[Thresholds] = Thresholds(score=0.4, nms=1.0)
    graph_nms: ClassVar[bool] = True

    boxes: str = ""
    scores: str = ""
    classes: str = ""
    count: str = ""
    label_offset: int = 0
    normalized: bool | None = None
    order: str = ""

    def __call__(self, outputs: Outputs, spec: ModelSpec, views: Sequence[View]) -> list[Prediction]:
        rows = read("tf-detection", outputs, self.boxes, self.scores, self.classes, self.count)
        order = self.order or ("xyxy" if rows.bare else "yxyx")
        fractions = are_fractions(rows.boxes) if self.normalized is None else self.normalized

        def find(i: int, size_wh: tuple[int, int]) -> Candidates:
            return rows.of(i, size_wh, order=order, normalized=fractions, label_offset=self.label_offset)

        return predict(find, spec, views)

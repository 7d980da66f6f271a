"""Outputs that speak of the view as a whole: classes, attributes, age and gender, embeddings."""

from __future__ import annotations

import re

from sightline.models.graphs.graph import MOVES
from sightline.models.kinds.evidence import Facts, framework, strands
from sightline.models.kinds.reading import Reading
from sightline.types import TensorSpec

__all__ = ["read_view"]

_CLASSES = re.compile(
    r"class|(^|[^a-z])cls|imagenet|squeezenet|resnet|mobilenet|efficientnet|shufflenet|emotion|gesture"
)
_VECTORS = re.compile(
    r"embed|feature|reid|re-id|arcface|facenet|sphere|cosface|recognition|insightface|w600k|osnet|_r50|vect"
)
# The training sets in the names of InsightFace's files, and its packs.
_INSIGHTFACE = re.compile(r"w600k|glint360k|ms1mv[23]|buffalo_|antelopev")
_FACES = re.compile(r"face|arc|w600k|glint|insight|sphere|cosface")
# Whether a line of text stands upside down.
_ANGLES = re.compile(r"ocr|angle|orient|text|(^|[^a-z])cls([^a-z]|$)")
# Names that TensorFlow's own scripts and Keras give the layers of networks fed with x/127.5-1.
_SLIM = re.compile(r"(?m)^(?:[^/\n]+/)?(?:Mobilenet(?:V\d|Edge)|Inception(?:V\d|Resnet))|mobilenet(?:v2)?_\d\.\d\d")
_ROWWISE = frozenset({"Softmax", "Sigmoid", "LogSoftmax", "BatchNormalization", "Relu"})
# Lengths that vectors have and counts of classes hardly ever.
_LENGTHS = (64, 96, 128, 192, 256, 320, 384, 512, 640, 768, 1024, 1280, 1536, 2048)
_EMOTIONS = ("neutral", "happy", "sad", "surprise", "anger")
_VEHICLES = ("white;gray;yellow;red;green;blue;black", "car;bus;truck;van")


def read_view(facts: Facts) -> Reading | None:
    """Every output one row of numbers: a classifier (of several questions), age and gender, or an embedding."""
    counts = [_count(facts, o) for o in facts.outputs]
    if not counts or 0 in counts:
        return None
    if _age(facts, counts):
        return _age_gender(facts, counts)
    if len(counts) > 1:
        return _questions(facts, counts)
    return _one(facts, facts.outputs[0], counts[0])


def _count(facts: Facts, output: TensorSpec) -> int:
    """Numbers a picture where the output is one row of them; 0 where it is not, or open."""
    shape = output.shape
    if len(shape) == 1:
        return shape[0] or 0
    batch = facts.picture.shape[0]
    if len(shape) < 2 or not (shape[0] in (1, None) or shape[0] == batch):
        return 0
    if len(shape) == 2 and shape[1] is None:
        return _behind(facts, output)
    if None in shape[1:]:
        return 0
    wide = [n for n in shape[1:] if n is not None and n != 1]
    return 0 if len(wide) > 1 else (wide[0] if wide else 1)


def _behind(facts: Facts, output: TensorSpec) -> int:
    """Numbers a picture of an output [N, ?], by the weights behind it; 0 unknown."""
    graph = facts.graph
    for node in graph.makers(graph.tensor(output.name), MOVES | _ROWWISE):
        weights = graph.shapes.get(node.inputs[1], ()) if len(node.inputs) > 1 else ()
        if node.op == "Gemm" and len(weights) == 2:
            return int(weights[0] if node.attributes.get("transB") else weights[1])
        if node.op in ("MatMul", "Conv") and len(weights) >= 2:
            return int(weights[1] if node.op == "MatMul" else weights[0])
    return 0


def _ends(facts: Facts, output: TensorSpec) -> str:
    """What the last operation makes of the numbers: "softmax", "log-softmax", "sigmoid", "length" (1), or ""."""
    tensor = facts.graph.tensor(output.name)
    tensor = _quantised(facts, tensor)
    made = {part.op for part in strands(facts.graph, tensor)}
    near = {node.op for node in facts.graph.before(tensor, 8)}
    if "LogSoftmax" in made or ("Log" in made and "Softmax" in near):
        return "log-softmax"
    if "Softmax" in made or (made == {"Div"} and "Exp" in near and "ReduceSum" in near):
        return "softmax"
    if made & {"Sigmoid", "HardSigmoid"}:
        return "sigmoid"
    if made & {"LpNormalization", "NormalizeL2"} or (made & {"Div", "Mul"} and near & {"ReduceL2", "Sqrt", "Rsqrt"}):
        return "length"
    return ""


def _quantised(facts: Facts, tensor: str) -> str:
    """The tensor behind the arithmetic that brings whole numbers back to their scale, else the same."""
    node = facts.graph.maker.get(tensor)
    while node is not None and node.op in ("Mul", "Sub", "Cast", "DequantizeLinear", "FakeQuantize", "Identity"):
        if node.op == "Cast":
            return node.inputs[0]
        node = facts.graph.maker.get(node.inputs[0])
    return tensor


# -- one row ---------------------------------------------------------------------------------------------------------


def _one(facts: Facts, output: TensorSpec, count: int) -> Reading | None:
    end = _ends(facts, output)
    shown = f"output {output.name} holds {count}"
    said = facts.graph.metadata.get("task", "")
    if "classify" in said:
        why = ("its metadata says that it classifies",)
        return _classes(facts, count, end, 0.98, why, "ultralytics-classify")
    if end in ("softmax", "log-softmax"):
        return _classes(facts, count, end, 0.93, (f"{shown} shares of one ({end})",))
    if end == "length":
        return _vector(facts, count, 0.9, f"{shown} numbers, brought to length 1 by the graph")
    if facts.labels and facts.labels in (count, count - 1, count + 1) and count > 1:
        return _classes(facts, count, end, 0.9, (f"{shown} numbers, as many as there are labels",))
    if end == "sigmoid":
        return _classes(facts, count, end, 0.85, (f"{shown} probabilities, each on its own (sigmoid)",))
    if count == 1:
        return None
    words = f"{facts.hints} {output.name.lower()}"
    vectors, classes = _VECTORS.search(words) is not None, _CLASSES.search(words) is not None
    if count in (1000, 1001) and not vectors:
        return _classes(facts, count, end, 0.85, (f"{shown} scores: ImageNet's classes",))
    tall = 0 < 2 * facts.size_wh[0] <= facts.size_wh[1]  # the shape of people, whom one tells apart
    if count in _LENGTHS and (vectors or tall or not classes):
        return _vector(facts, count, 0.85 if vectors else 0.7, f"{shown} numbers that describe the picture")
    if vectors and not classes and count >= 64:
        return _vector(facts, count, 0.8, f"{shown} numbers that describe the picture")
    return _classes(facts, count, end, 0.75 if classes else 0.6, (f"{shown} scores without an activation",))


def _classes(facts: Facts, count: int, end: str, confidence: float, why: tuple[str, ...], family: str = "") -> Reading:
    activation = {"softmax": "none", "log-softmax": "log-softmax", "sigmoid": "none"}.get(end, "softmax")
    if not end and count == 1:
        activation = "sigmoid"
    options: dict[str, object] = {"activation": activation}
    if end == "sigmoid" and count > 1:
        options["multi"] = True
    if not end:
        why = (*why, "no activation at the end: softmax is applied")
    names = _EMOTIONS if count == 5 and "emotion" in facts.hints else ()
    family = family or _classifier_family(facts, count)
    return Reading(
        "classify",
        family,
        confidence,
        why,
        options,
        classes=count if count > 1 else None,
        background=count == 1001,
        names=("0", "180") if family == "paddle-text-angle" else names,
        task="classify",
    )


def _vector(facts: Facts, count: int, confidence: float, why: str) -> Reading:
    return Reading("embed", _vector_family(facts), confidence, (why,), {}, classes=None, task="embed")


# -- several ---------------------------------------------------------------------------------------------------------


def _questions(facts: Facts, counts: list[int]) -> Reading | None:
    """A classifier that answers several questions; None where an output is no answer to one."""
    ends = [_ends(facts, output) for output in facts.outputs]
    if any(count < 2 and end != "sigmoid" for count, end in zip(counts, ends, strict=True)):
        return None
    if "length" in ends or len(set(ends)) != 1:
        return None
    if not ends[0] and (max(counts) > 100 or facts.labels not in (0, len(counts), sum(counts))):
        return None
    rows = ", ".join(f"{o.name} {count}" for o, count in zip(facts.outputs, counts, strict=True))
    activation = "none" if ends[0] in ("softmax", "sigmoid") else ends[0] or "softmax"
    names = _VEHICLES if sorted(counts) == [4, 7] and "vehicle" in facts.hints else ()
    why = (f"{len(counts)} questions about the picture, each with its own scores: {rows}",)
    return Reading(
        "classify",
        _classifier_family(facts, sum(counts)),
        0.85,
        why,
        {"activation": activation},
        names=names,
        task="classify",
    )


def _age(facts: Facts, counts: list[int]) -> bool:
    if sorted(counts) == [1, 2]:
        return facts.named("age") is not None or "age" in facts.hints
    return counts == [3] and "genderage" in facts.hints.replace("_", "").replace("-", "")


def _age_gender(facts: Facts, counts: list[int]) -> Reading:
    why = "an age and the scores of two genders"
    if counts == [3]:
        return Reading("age-gender", "insightface", 0.9, (f"{why} in one row",), {}, task="classify")
    age = facts.outputs[counts.index(1)].name
    gender = facts.outputs[counts.index(2)].name
    options: dict[str, object] = {"age": age, "gender": gender}
    return Reading("age-gender", "open-model-zoo", 0.95, (f"{why}: {age}, {gender}",), options, task="classify")


# -- how they are fed ------------------------------------------------------------------------------------------------


def _classifier_family(facts: Facts, count: int) -> str:
    made = framework(facts)
    if made == "paddle" and count == 2 and _ANGLES.search(facts.hints):
        return "paddle-text-angle"
    if made in ("tflite", "tensorflow") and _SLIM.search(_names(facts)):
        return "tf-mobilenet"
    if "yolo" in facts.hints:
        return "ultralytics-classify"
    if made == "pytorch" and count == 1000:
        return "imagenet-torch"
    families = {
        "open-model-zoo": "open-model-zoo",
        "openvino": "openvino-converted",
        "tflite": "tf-classifier",
        "tensorflow": "tf-classifier",
        "pytorch": "torch-classifier",
        "caffe": "caffe-classifier",
        "paddle": "paddle-classifier",
    }
    return families.get(made, "classifier")


def _names(facts: Facts) -> str:
    """Every name of the graph's nodes and outputs, one a line."""
    return "\n".join([node.name for node in facts.graph.nodes] + [output.name for output in facts.outputs])


def _vector_family(facts: Facts) -> str:
    made = framework(facts)
    if made in ("open-model-zoo", "openvino"):
        return _classifier_family(facts, 0)
    if _INSIGHTFACE.search(facts.hints) and facts.size_wh == (112, 112):
        return "insightface-embedding"
    if facts.size_wh == (112, 112) or _FACES.search(facts.hints):
        return "face-embedding"
    wide, high = facts.size_wh
    if high == 2 * wide:
        return "re-identification"
    return _classifier_family(facts, 0)

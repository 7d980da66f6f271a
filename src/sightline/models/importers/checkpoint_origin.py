"""Whose checkpoint a file is, told by the classes it names or the keys it has, and how that project exports ONNX."""

from __future__ import annotations

from collections.abc import Iterable

from sightline.errors import ModelError
from sightline.models.importers.restricted_pickle import Symbol
from sightline.models.importers.torch_names import symbol_of

__all__ = ["explain_keys", "find_class", "refuse_model"]

_OWN = ("models.yolo", "models.common", "models.experimental")
_OWN_NAMES = frozenset(("utils.loss.SigmoidBin", "utils.torch_utils.ModelEMA"))

_ULTRALYTICS = (
    "an Ultralytics checkpoint (YOLOv8 or later, RT-DETR, SAM)",
    "pip install ultralytics && yolo export model={} format=onnx",
)
_YOLOV9 = (
    "a YOLOv9 checkpoint (or GELAN)",
    "export it in the YOLOv9 repository, reparameterised: python export.py --weights {} --include onnx",
)
_YOLOV6 = (
    "a YOLOv6 checkpoint",
    "export it in the YOLOv6 repository: python deploy/ONNX/export_onnx.py --weights {} --img 640 --batch 1",
)
_YOLOX = (
    "a YOLOX checkpoint",
    "export it in the YOLOX repository: python tools/export_onnx.py --output-name model.onnx -n yolox-s -c {}",
)
_V5_OTHER = (
    "a segmenting or classifying YOLOv5 checkpoint (or one of a branch of YOLOv7)",
    "export it in the repository that trained it: python export.py --weights {} --include onnx",
)
_MM = (
    "an OpenMMLab checkpoint",
    "export it with MMDeploy: python tools/deploy.py DEPLOY_CONFIG MODEL_CONFIG {} PICTURE --work-dir out",
)
_LIGHTNING = (
    "a Lightning checkpoint",
    "export it: Model.load_from_checkpoint('{}').to_onnx('model.onnx', example, export_params=True)",
)
_TORCHVISION = (
    "weights of torchvision or timm without the network",
    "export it: model.load_state_dict(torch.load('{}')); torch.onnx.export(model.eval(), example, 'model.onnx')",
)
_NETWORK = (
    "a pickled PyTorch network of another project",
    "export it where its code is: torch.onnx.export(torch.load('{}', weights_only=False), example, 'model.onnx')",
)
_RTDETR = (
    "an RT-DETR checkpoint",
    "export it in its repository: python tools/export_onnx.py -c CONFIG.yml -r {} --check",
)
_DETR = (
    "a DETR checkpoint",
    "export it where its code is: torch.onnx.export(model.eval(), example, 'model.onnx') after load_state_dict of {}",
)
_DARKNET = (
    "a Darknet network in PyTorch (YOLOR, YOLOv3, YOLOv4)",
    "save it as Darknet weights there (save_weights), and import its .cfg with the .weights instead of {}",
)
_TRANSFORMERS = (
    "a Transformers checkpoint",
    "export its folder: optimum-cli export onnx --model FOLDER out (in place of {})",
)
_GRADIENTS = (
    "a SuperGradients checkpoint (YOLO-NAS)",
    "export it: models.get(NAME, num_classes=N, checkpoint_path='{}').export('model.onnx')",
)
_RFDETR = (
    "an RF-DETR checkpoint",
    "export it: pip install 'rfdetr[onnxexport]'; RFDETRBase(pretrain_weights='{}').export()",
)
_PADDLE = ("a Paddle checkpoint", "export it: python tools/export_model.py -c CONFIG -o weights={}, then paddle2onnx")
_DETECTRON = (
    "a Detectron2 checkpoint",
    "export it there: python tools/deploy/export_model.py --export-method tracing --format onnx MODEL.WEIGHTS {}",
)
_NANODET = (
    "a NanoDet checkpoint",
    "export it in its repository: python tools/export_onnx.py --cfg_path CONFIG.yml --model_path {}",
)

_BY_MODULE = {
    "ultralytics": _ULTRALYTICS, "yolov6": _YOLOV6, "yolox": _YOLOX, "mmengine": _MM, "mmcv": _MM, "mmdet": _MM,
    "mmyolo": _MM, "mmpose": _MM, "mmseg": _MM, "pytorch_lightning": _LIGHTNING, "lightning": _LIGHTNING,
    "lightning_fabric": _LIGHTNING, "torchvision": _NETWORK, "timm": _NETWORK, "transformers": _TRANSFORMERS,
    "super_gradients": _GRADIENTS, "rfdetr": _RFDETR, "paddle": _PADDLE, "detectron2": _DETECTRON, "fvcore": _DETECTRON,
    "nanodet": _NANODET, "segmentation_models_pytorch": _NETWORK, "omegaconf": _LIGHTNING,
}  # fmt: skip
_BY_CLASS = {
    **dict.fromkeys(("DDetect", "DualDetect", "DualDDetect", "TripleDetect", "TripleDDetect", "RepNCSPELAN4", "ELAN1",
                     "SPPELAN", "ADown", "AConv", "CBLinear", "CBFuse", "Silence", "RepConvN"), _YOLOV9),
    **dict.fromkeys(("Segment", "ISegment", "IRSegment", "Classify", "Proto", "SegmentationModel",
                     "ClassificationModel", "IV6Detect", "MT", "Decoupled", "DSegment", "DPanoptic"), _V5_OTHER),
}  # fmt: skip
# keys of a state dictionary: all parts of a row have to be in some key
_BY_KEYS = (
    (("dfl2.conv.weight",), _YOLOV9),
    (("dfl.conv.weight",), _ULTRALYTICS),
    (("head.cls_preds.", "backbone.backbone."), _YOLOX),
    (("backbone.ERBlock_",), _YOLOV6),
    (("module_list.",), _DARKNET),
    (("decoder.dec_score_head.",), _RTDETR),
    (("bbox_head.",), _MM),
    (("class_embed.", "backbone.0.encoder"), _RFDETR),
    (("class_embed.", "transformer."), _DETR),
    (("proposal_generator.",), _DETECTRON),
    (("head.gfl_cls",), _NANODET),
    (("backbone.body.",), _TORCHVISION),
    (("layer1.0.conv1.weight",), _TORCHVISION),
    (("features.0",), _TORCHVISION),
    (("patch_embed.",), _TORCHVISION),
    (("encoder.layer.", "embeddings."), _TRANSFORMERS),
)
_BY_ENTRY = {"pytorch-lightning_version": _LIGHTNING, "processing_params": _GRADIENTS, "message_hub": _MM}


def find_class(file: str, module: str, name: str) -> Symbol:
    """What a name in the pickle of `file` stands for.

    Raises ModelError: with the way to ONNX where another project's class is named, as refusal for anything else.
    """
    known = symbol_of(module, name)
    if known is not None:
        return known
    full = f"{module}.{name}"[:120]
    if module in _OWN or full in _OWN_NAMES or (module == "utils.activations" and name.isidentifier()):
        if name in _BY_CLASS:
            raise _told(file, _BY_CLASS[name], f"its class {full}")
        return Symbol(full)
    project = _BY_MODULE.get(module.partition(".")[0])
    if project is not None:
        raise _told(file, project, f"its class {full}")
    if module.startswith("models.") or module == "__main__":
        raise ModelError(
            f"{file}: its class {full} is none of the published YOLOv5 or YOLOv7 modules\n"
            "export it to ONNX with the code that trained it (python export.py --weights "
            f"{file}), and import the ONNX file"
        )
    raise ModelError(
        f"{file}: refused: its pickle names {full}, which weights do not need; nothing of the file was run\n"
        "get the model from where it was trained, as ONNX or safetensors"
    )


def explain_keys(file: str, names: Iterable[str], entries: Iterable[str]) -> None:
    """Raises ModelError where the keys of weights, or the entries around them, are those of another project."""
    for entry in entries:
        if entry in _BY_ENTRY:
            raise _told(file, _BY_ENTRY[entry], f"its entry {entry}")
    listed = list(names)
    for parts, project in _BY_KEYS:
        if all(any(part in name for name in listed) for part in parts):
            raise _told(file, project, f"its keys {parts[0]}...")


def refuse_model(file: str, kind: str) -> ModelError:
    """The error for a pickled network that is none of these."""
    if kind.endswith("Ensemble"):
        return ModelError(
            f"{file}: an ensemble of several networks\nimport the checkpoints it was made of, one at a time"
        )
    return _told(file, _BY_CLASS.get(kind.rpartition(".")[2], _NETWORK), f"its class {kind}")


def _told(file: str, project: tuple[str, str], why: str) -> ModelError:
    what, cure = project
    return ModelError(f"{file}: {what} ({why}), which is not rebuilt here\n{cure.format(file)}")

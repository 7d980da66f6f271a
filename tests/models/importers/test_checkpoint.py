"""Checkpoints of the published layout, written here without torch, come in; others are told what to do."""

from __future__ import annotations

import json
import os
import pickle
import random
import re
import shlex
import struct
import subprocess
import sys
import zipfile
from copy import deepcopy
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnxruntime
import pytest
import yaml
from torch_files import Call, Encoder, Name, module, save_legacy, save_zip, sequence
from yolov7_plans import auxiliary, network

from sightline.errors import ModelError
from sightline.models.importers.checkpoint import read
from sightline.models.importers.seam import Foreign, Imported
from sightline.models.importers.yolov7_network import MadeUpWeights, build_network
from sightline.models.importers.yolov7_yaml import plan_of
from sightline.types import F32, ChannelOrder, Resize

CONV, NORM = "torch.nn.modules.conv.Conv2d", "torch.nn.modules.batchnorm.BatchNorm2d"


def weights_of(value: Any, dtype: str = "float16") -> MadeUpWeights:
    """Made-up weights of a network, rounded as a checkpoint rounds them."""
    weights = MadeUpWeights()
    build_network(plan_of(deepcopy(value), "x"), weights, (64, 64), "x", fuse=False)
    weights.values = {name: array.astype(dtype).astype(np.float32) for name, array in weights.values.items()}
    return weights


def state_of(weights: MadeUpWeights, dtype: str = "float16") -> dict[str, Any]:
    state: dict[str, Any] = {name: array.astype(dtype) for name, array in weights.values.items()}
    return state | {name: np.array(1) for name in weights.shapes if name.endswith("num_batches_tracked")}


def pickled(value: Any, weights: MadeUpWeights, names: Any = None, **changes: Any) -> Call:
    """A models.yolo.Model: its layers as the yaml says, what is in them as the names of the weights say.

    changes: class of a layer, by its number behind an underscore.
    """
    rows = value["backbone"] + value["head"]

    def build(state: dict[str, Any], path: str, depth: int) -> Call:
        own = {name: array for name, array in state.items() if "." not in name}
        below: dict[str, dict[str, Any]] = {}
        for name, array in state.items():
            first, dot, rest = name.partition(".")
            if dot:
                below.setdefault(first, {})[rest] = array
        if depth == 1:
            for i in range(len(rows)):
                below.setdefault(str(i), {})
        children: dict[str, Any] = {
            name: build(part, f"{path}.{name}" if path else name, depth + 1) for name, part in below.items()
        }
        kind, further = "torch.nn.modules.container.Sequential", {}
        if "running_var" in own:
            kind, further = NORM, {"eps": 1e-3, "momentum": 0.03}
        elif own:
            kind = CONV
        if depth == 2:
            number = int(path.rpartition(".")[2])
            name = rows[number][2]
            kind = f"models.yolo.{name}" if "Detect" in name else f"models.common.{name}"
            kind = changes.get(f"_{number}", kind)
            if name == "Conv" and "nn.LeakyReLU(0.1)" in rows[number][3]:
                leaky = "torch.nn.modules.activation.LeakyReLU"
                children["act"] = module(leaky, negative_slope=0.1, inplace=True)
            elif name == "Conv":
                children["act"] = module("torch.nn.modules.activation.SiLU")
        elif depth == 0:
            kind, further = "models.yolo.Model", {"yaml": value, "save": [1, 2], "traced": False}
            if names is not None:
                further["names"] = names
        buffers = {name: array for name, array in own.items() if name.startswith(("running", "num_", "anchor"))}
        parameters = {name: array for name, array in own.items() if name not in buffers}
        return module(kind, parameters, buffers, children, **further)

    return build(state_of(weights), "", 0)


def checkpoint(model: Any, average: Any = None) -> dict[str, Any]:
    scalar = Name("numpy.core.multiarray", "scalar")
    fitness = Call(scalar, (Call(Name("numpy", "dtype"), ("f8", False, True)), np.float64(0.5).tobytes()))
    return {
        "epoch": 299, "best_fitness": fitness, "training_results": "0 1 2", "model": model, "ema": average,
        "updates": 10, "optimizer": {"state": {0: {"momentum": np.zeros(3, np.float32)}}}, "wandb_id": None,
    }  # fmt: skip


def bring(path: Path, *given: Path) -> Imported:
    workspace = path.parent / "workspace"
    workspace.mkdir(exist_ok=True)
    return read(Foreign("yolo-checkpoint", path, path.parent, workspace, given))


def save_safetensors(path: Path, state: dict[str, Any]) -> Path:
    table, data = {}, b""
    for name, array in state.items():
        kind = {"float16": "F16", "int64": "I64"}[str(array.dtype)]
        table[name] = {"dtype": kind, "shape": array.shape, "data_offsets": [len(data), len(data) + array.nbytes]}
        data += array.tobytes()
    text = json.dumps(table).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)
    return path


def outputs(path: Path, picture: F32) -> F32:
    (output,) = onnxruntime.InferenceSession(path).run(None, {"images": picture})
    assert isinstance(output, np.ndarray)
    return output


def expected(value: Any, weights: MadeUpWeights, picture: F32) -> F32:
    size = (picture.shape[3], picture.shape[2])
    writer, _ = build_network(plan_of(deepcopy(value), "x"), weights, size, "x", fuse=False)
    session = onnxruntime.InferenceSession(writer.finish().SerializeToString())
    (output,) = session.run(None, {"images": picture})
    assert isinstance(output, np.ndarray)
    return output


def picture(side: int) -> F32:
    return np.random.default_rng(0).random((1, 3, side, side), np.float32)


def small(tmp_path: Path, side: int = 64) -> None:
    (tmp_path / "opt.yaml").write_text(f"weights: ''\nimg_size:\n- {side}\n- 640\n")


@pytest.mark.parametrize("save", [save_zip, save_legacy])
def test_a_published_checkpoint_comes_in(tmp_path: Path, save: Any) -> None:
    value = auxiliary()
    weights, other = weights_of(value), MadeUpWeights(seed=9)
    build_network(plan_of(deepcopy(value), "x"), other, (64, 64), "x", fuse=False)
    names = ["person", "dog", "cup"]
    small(tmp_path)
    path = save(tmp_path / "best.pt", checkpoint(pickled(value, other), pickled(value, weights, names)))
    found = bring(path)
    seen = picture(64)
    np.testing.assert_allclose(outputs(found.weights, seen), expected(value, weights, seen), atol=1e-4, rtol=1e-5)
    manifest = found.manifest
    assert (manifest.task, manifest.head, manifest.labels) == ("detect", "yolov5", ("person", "dog", "cup"))
    assert (manifest.input.size, manifest.input.color, manifest.input.pad) == ((64, 64), ChannelOrder.RGB, 114)
    assert (manifest.input.mean, manifest.input.scale, manifest.input.resize) == ((0.0,), (255.0,), Resize.LETTERBOX)
    assert found.sources == (path, tmp_path / "opt.yaml")
    assert any("auxiliary heads" in change for change in found.changes)
    assert found.warnings == ()


def test_a_checkpoint_without_averaged_weights_comes_in(tmp_path: Path) -> None:
    value = network("RepConv", [64, 3, 1])
    weights = weights_of(value)
    found = bring(save_zip(tmp_path / "last.pt", checkpoint(pickled(value, weights, {0: "a", 1: "b"}))))
    assert found.manifest.labels == ("a", "b")
    assert found.manifest.input.size == (640, 640)
    assert any("640x640" in warning and "img_size" in warning for warning in found.warnings)


def test_the_built_model_finds_what_its_head_says(tmp_path: Path) -> None:
    value = network("MP", [])
    small(tmp_path)
    found = bring(save_zip(tmp_path / "best.pt", pickled(value, weights_of(value), ["a", "b"])))
    session = onnxruntime.InferenceSession(found.weights)
    assert [i.name for i in session.get_inputs()] == ["images"]
    assert session.get_outputs()[0].shape == ["N", 2 * (8 * 8 + 4 * 4), 7]
    assert found.weights.parent == tmp_path / "workspace"


@pytest.mark.parametrize("prefix", ["", "module.", "model.", "ema."])
@pytest.mark.parametrize("wrap", ["", "state_dict", "model", "ema"])
def test_bare_weights_come_in_with_their_yaml(tmp_path: Path, prefix: str, wrap: str) -> None:
    value = auxiliary()
    weights = weights_of(value, "float32")
    state: dict[str, Any] = {prefix + name: array for name, array in state_of(weights, "float32").items()}
    value["nc"] = 80  # as in the file that everybody starts from
    plan, data = tmp_path / "net.yaml", tmp_path / "data.yaml"
    plan.write_text(yaml.safe_dump(value))
    data.write_text("nc: 3\nnames: [a, b, c]\ntrain: x\n")
    small(tmp_path)
    path = save_zip(tmp_path / "w.pth", {wrap: state, "epoch": 3} if wrap else state)
    found = bring(path, plan, data)
    value["nc"] = 3
    seen = picture(64)
    np.testing.assert_allclose(outputs(found.weights, seen), expected(value, weights, seen), atol=1e-4, rtol=1e-5)
    assert found.manifest.labels == ("a", "b", "c")
    assert any("3 classes" in change for change in found.changes)
    assert {plan, data} <= set(found.sources)


def test_the_yaml_beside_bare_weights_is_found(tmp_path: Path) -> None:
    value = network("MP", [])
    path = save_zip(tmp_path / "w.pt", state_of(weights_of(value)))
    with pytest.raises(ModelError, match="weights without a network") as raised:
        bring(path)
    assert "sightline import w.pt yolov7.yaml" in str(raised.value)
    (tmp_path / "data.yaml").write_text("names: [a]\n")
    (tmp_path / "net.yaml").write_text(yaml.safe_dump(value))
    assert bring(path).weights.is_file()
    (tmp_path / "other.yaml").write_text(yaml.safe_dump(auxiliary()))
    with pytest.raises(ModelError, match=r"which of net\.yaml, other\.yaml"):
        bring(path)
    (tmp_path / "w.yaml").write_text(yaml.safe_dump(value))
    assert bring(path).weights.is_file()


def test_a_yaml_of_another_network_is_refused(tmp_path: Path) -> None:
    value = network("MP", [])
    path = save_zip(tmp_path / "w.pt", state_of(weights_of(value)))
    plan = tmp_path / "net.yaml"
    wider = deepcopy(value)
    wider["width_multiple"] = 2.0
    shorter = deepcopy(value)
    del shorter["backbone"][2]
    shorter["head"][1][0] = [2, 3]
    less = deepcopy(value)
    less["backbone"][1][2:] = ["SP", [3, 2]]
    for wrong, why in (
        (wider, "has the shape"),
        (shorter, "the head of the yaml is layer 4"),
        (less, "belong to no layer"),
    ):
        plan.write_text(yaml.safe_dump(wrong))
        with pytest.raises(ModelError, match=why):
            bring(path, plan)


def test_safetensors_come_in_with_their_yaml(tmp_path: Path) -> None:
    value = network("RepConv", [64, 3, 1])
    weights = weights_of(value)
    path = save_safetensors(tmp_path / "w.safetensors", state_of(weights))
    (tmp_path / "w.yaml").write_text(yaml.safe_dump(value))
    small(tmp_path)
    seen = picture(64)
    np.testing.assert_allclose(outputs(bring(path).weights, seen), expected(value, weights, seen), atol=1e-4, rtol=1e-5)


def test_a_folded_checkpoint_is_not_folded_again(tmp_path: Path) -> None:
    value = {**network("IDetect", []), "backbone": network("MP", [])["backbone"]}
    value["head"] = network("MP", [])["head"]
    value["head"][-1][2] = "IDetect"
    weights = weights_of(value, "float32")
    state = state_of(weights, "float32")
    folded: dict[str, Any] = {}
    for name, array in state.items():
        if name.endswith("conv.weight"):
            stem = name.removesuffix("conv.weight")
            scale = state[f"{stem}bn.weight"] / np.sqrt(state[f"{stem}bn.running_var"] + 1e-3)
            folded[name] = array * scale[:, None, None, None]
            folded[f"{stem}conv.bias"] = state[f"{stem}bn.bias"] - state[f"{stem}bn.running_mean"] * scale
        elif ".bn." not in name:
            folded[name] = array
    for level in (0, 1):
        w, b = folded[f"model.5.m.{level}.weight"], folded[f"model.5.m.{level}.bias"]
        ia, im = state[f"model.5.ia.{level}.implicit"], state[f"model.5.im.{level}.implicit"]
        folded[f"model.5.m.{level}.bias"] = (b + w[:, :, 0, 0] @ ia.ravel()) * im.ravel()
        folded[f"model.5.m.{level}.weight"] = w * im.reshape(-1, 1, 1, 1)
    small(tmp_path)
    (tmp_path / "w.yaml").write_text(yaml.safe_dump(value))
    found = bring(save_zip(tmp_path / "w.pt", folded))
    seen = picture(64)
    np.testing.assert_allclose(outputs(found.weights, seen), expected(value, weights, seen), atol=1e-4, rtol=1e-5)


def test_a_pickled_head_tells_that_it_is_folded(tmp_path: Path) -> None:
    value = network("MP", [])
    value["head"][-1][2] = "IDetect"
    weights, seen = weights_of(value), picture(64)
    model = pickled(value, weights)
    small(tmp_path)
    apart = outputs(bring(save_zip(tmp_path / "w.pt", model)).weights, seen)
    np.testing.assert_allclose(apart, expected(value, weights, seen), atol=1e-4, rtol=1e-5)
    head = model.state["_modules"]["model"].state["_modules"]["5"]
    head.state["forward"] = Call(Name("__builtin__", "getattr"), (module("models.yolo.IDetect"), "fuseforward"))
    folded = outputs(bring(save_zip(tmp_path / "w.pt", model)).weights, seen)
    for name in weights.values:
        if ".implicit" in name:
            weights.values[name][:] = 0 if ".ia." in name else 1
    np.testing.assert_allclose(folded, expected(value, weights, seen), atol=1e-4, rtol=1e-5)


def test_anchors_of_the_checkpoint_come_before_those_of_the_yaml(tmp_path: Path) -> None:
    value = network("MP", [])
    weights = weights_of(value, "float32")
    state = state_of(weights, "float32")
    state["model.5.anchors"] = np.full((2, 2, 2), 2, np.float32)
    (tmp_path / "w.yaml").write_text(yaml.safe_dump(value))
    small(tmp_path)
    seen = picture(64)
    one = outputs(bring(save_zip(tmp_path / "w.pt", state)).weights, seen)
    state["model.5.anchor_grid"] = np.full((2, 1, 2, 1, 1, 2), 32, np.float32)
    two = outputs(bring(save_zip(tmp_path / "w.pt", state)).weights, seen)
    # strides 8 and 16: twice the stride, or 32
    np.testing.assert_allclose(one[0, :128, 2:4] * 2, two[0, :128, 2:4], rtol=1e-5)
    np.testing.assert_allclose(one[0, 128:, 2:4], two[0, 128:, 2:4], rtol=1e-5)


def test_the_activation_that_the_checkpoint_holds_is_used(tmp_path: Path) -> None:
    value = network("MP", [])
    weights = weights_of(value)
    small(tmp_path)
    model = pickled(value, weights)
    for layer in model.state["_modules"]["model"].state["_modules"].values():
        if "act" in layer.state["_modules"]:
            layer.state["_modules"]["act"] = module("torch.nn.modules.activation.ReLU")
    value["activation"] = "nn.ReLU()"
    seen = picture(64)
    np.testing.assert_allclose(
        outputs(bring(save_zip(tmp_path / "w.pt", model)).weights, seen), expected(value, weights, seen), atol=1e-4
    )


def test_a_network_that_was_changed_is_refused(tmp_path: Path) -> None:
    value = network("MP", [])
    model = pickled(value, weights_of(value), _2="models.common.SP")
    with pytest.raises(ModelError, match="layer 2 is SP, its yaml says MP"):
        bring(save_zip(tmp_path / "w.pt", model))
    model = pickled(value, weights_of(value))
    conv = model.state["_modules"]["model"].state["_modules"]["0"].state["_modules"]["conv"]
    conv.state["stride"] = (1, 1)
    with pytest.raises(ModelError, match=r"model\.0\.conv has stride"):
        bring(save_zip(tmp_path / "w.pt", model))


def test_weights_that_are_no_numbers_are_told(tmp_path: Path) -> None:
    value = network("MP", [])
    weights = weights_of(value)
    weights.values["model.1.conv.weight"][0] = np.nan
    found = bring(save_zip(tmp_path / "w.pt", pickled(value, weights)))
    assert any("no numbers" in warning and "model.1.conv.weight" in warning for warning in found.warnings)


def test_endless_modules_are_refused(tmp_path: Path) -> None:
    value = network("MP", [])
    inner = module("models.common.Conv")
    for _ in range(60):
        inner = sequence([inner])
    with pytest.raises(ModelError, match="nested without an end"):
        bring(save_zip(tmp_path / "w.pt", module("models.yolo.Model", children={"model": inner}, yaml=value)))


@pytest.mark.parametrize(
    ("value", "why", "cure"),
    [
        (
            {"model": module("ultralytics.nn.tasks.DetectionModel")},
            "an Ultralytics checkpoint",
            "yolo export model=w.pt",
        ),
        ({"model": module("yolov6.models.yolo.Model")}, "a YOLOv6", "export_onnx.py --weights w.pt"),
        ({"model": {"backbone.backbone.stem.w": 1, "head.cls_preds.0.w": 1}}, "YOLOX", "tools/export_onnx.py"),
        ({"model": sequence([module("models.common.RepNCSPELAN4")])}, "YOLOv9", "export.py --weights w.pt"),
        ({"model": module("models.yolo.SegmentationModel")}, "segmenting", "export.py --weights w.pt"),
        (
            {"model": module("models.yolo.DetectionModel", children={"0": module("models.yolo.Segment")})},
            "segm",
            "export.py",
        ),
        ({"state_dict": {"bbox_head.conv.weight": 1}}, "OpenMMLab", "MMDeploy"),
        ({"pytorch-lightning_version": "2", "state_dict": {"a": 1}}, "Lightning", "to_onnx"),
        ({"layer1.0.conv1.weight": 1, "fc.weight": 1}, "torchvision or timm", "torch.onnx.export"),
        ({"model.22.dfl.conv.weight": 1}, "an Ultralytics", "yolo export"),
        ({"model": {"decoder.dec_score_head.0.weight": 1}}, "RT-DETR", "export_onnx.py"),
        ({"model": {"module_list.0.Conv2d.weight": 1}}, "Darknet network in PyTorch", ".cfg"),
        ({"model": {"class_embed.weight": 1, "transformer.encoder.w": 1}}, "a DETR", "torch.onnx.export"),
        (module("torchvision.models.resnet.ResNet"), "another project", "torch.onnx.export"),
        (sequence([]), "another project", "torch.onnx.export"),
        ({"model": module("models.experimental.Ensemble")}, "an ensemble", "one at a time"),
        ({"model": module("models.attention.CBAM")}, "none of the published", "export.py"),
        ({"model": module("models.yolo.Model")}, "does not hold its yaml", "name the yaml"),
        ({"epoch": 1}, "neither a network nor weights", ""),
        (3, "holds a int", ""),
    ],
)
def test_other_checkpoints_are_told_how_to_export(tmp_path: Path, value: Any, why: str, cure: str) -> None:
    def filled(item: Any) -> Any:
        if isinstance(item, dict):
            return {
                key: np.zeros(2, np.float32) if inner == 1 and "." in key else filled(inner)
                for key, inner in item.items()
            }
        return item

    with pytest.raises(ModelError, match=why) as raised:
        bring(save_zip(tmp_path / "w.pt", filled(value)))
    assert cure in str(raised.value)
    assert len(str(raised.value).splitlines()) <= 2
    assert list((tmp_path / "workspace").iterdir()) == []


def test_any_damage_to_the_pickle_is_a_model_error(tmp_path: Path) -> None:
    value = auxiliary()
    small(tmp_path)
    encoder, dice = Encoder(), random.Random(2)
    whole = encoder.pickle(checkpoint(pickled(value, weights_of(value), ["a", "b", "c"])))
    refused = 0
    for _ in range(150):
        data = bytearray(whole)
        for _ in range(dice.randint(1, 4)):
            data[dice.randrange(len(data))] = dice.randrange(256)
        with zipfile.ZipFile(tmp_path / "w.pt", "w") as archive:
            archive.writestr("w/data.pkl", bytes(data))
            for key, (_, array) in enumerate(encoder.storages):
                archive.writestr(f"w/data/{key}", array.tobytes())
        try:
            bring(tmp_path / "w.pt")
        except ModelError:
            refused += 1
    assert refused > 50


def test_a_yaml_that_is_named_comes_before_the_checkpoint_s_own(tmp_path: Path) -> None:
    value = network("MP", [])
    path = save_zip(tmp_path / "w.pt", pickled({**value, "anchors": 2}, weights_of(value)))
    with pytest.raises(ModelError, match="anchors stand neither"):
        bring(path)
    (tmp_path / "named.yaml").write_text(yaml.safe_dump(value))
    assert tmp_path / "named.yaml" in bring(path, tmp_path / "named.yaml").sources


def test_a_hostile_checkpoint_is_refused_and_nothing_runs(tmp_path: Path) -> None:
    flag = tmp_path / "ran"

    class Run:
        def __reduce__(self) -> tuple[Any, tuple[str]]:
            return os.system, (f"touch {flag}",)

    data = pickle.dumps({"epoch": 1, "model": Run()})
    (tmp_path / "legacy.pt").write_bytes(data)
    save_zip(tmp_path / "zip.pt", data, compression=zipfile.ZIP_DEFLATED)
    for name in ("legacy.pt", "zip.pt"):
        with pytest.raises(
            ModelError, match=r"refused: its pickle names (posix|nt)\.system.*nothing of the file was run"
        ):
            bring(tmp_path / name)
    assert not flag.exists()


def test_the_commands_of_the_page_run(tmp_path: Path) -> None:
    """docs/yolov7.md, as they stand there."""
    page = (Path(__file__).parents[3] / "docs" / "yolov7.md").read_text("utf-8")
    blocks = re.findall(r"^```sh\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    value = network("MP", [])
    small(tmp_path)
    weights = weights_of(value)
    save_zip(tmp_path / "best.pt", checkpoint(pickled(value, weights, ["person", "dog"])))
    save_safetensors(tmp_path / "weights.safetensors", state_of(weights))
    (tmp_path / "yolov7.yaml").write_text(yaml.safe_dump(value))
    (tmp_path / "data.yaml").write_text("names: [cup, spoon]\n")
    cv2.imwrite(str(tmp_path / "street.jpg"), np.full((60, 80, 3), 90, np.uint8))
    for line in [line for block in blocks for line in block.splitlines()]:
        done = subprocess.run(
            [sys.executable, "-m", *shlex.split(line)],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            env={"XDG_CACHE_HOME": str(tmp_path / "cache"), "PATH": "/usr/bin:/bin", "HOME": str(tmp_path)},
        )
        assert done.returncode == 0, done.stderr
    assert "person" in (tmp_path / "person" / "model.yaml").read_text("utf-8")
    assert "spoon" in "".join(p.read_text("utf-8") for p in (tmp_path / "weights").glob("*.[yt][ax]*"))
    assert (tmp_path / "seen.jpg").stat().st_size > 0

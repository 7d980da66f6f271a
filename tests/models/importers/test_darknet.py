"""Darknet networks against plain loops over Darknet's own memory layout, and against what is wrong with files."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import darknet_twin
import numpy as np
import onnx
import onnxruntime as ort
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from sightline.errors import ModelError
from sightline.models.importers.darknet import build, read
from sightline.models.importers.darknet_activations import _ACTIVATIONS
from sightline.models.importers.darknet_cfg import Section, read_cfg
from sightline.models.importers.darknet_weights import Kernel, Normalisation
from sightline.models.importers.seam import Foreign, Imported
from sightline.types import F32, ChannelOrder, Resize

ort.set_default_logger_severity(3)
NET = "[net]\nwidth=8\nheight=6\nchannels=3\n"
CONV = "[convolutional]\nfilters=4\nsize=3\npad=1\nactivation=leaky\n"


def put(folder: Path, cfg: str, weights: bytes, stem: str = "net") -> Foreign:
    (folder / f"{stem}.cfg").write_bytes(cfg.encode())
    (folder / f"{stem}.weights").write_bytes(weights)
    (folder / "work").mkdir(exist_ok=True)
    return Foreign("darknet", folder / f"{stem}.cfg", folder, folder / "work")


def picture(seed: int = 5) -> F32:
    return np.random.default_rng(seed).uniform(-1.5, 1.5, (3, 6, 8)).astype(np.float32)


def outputs(imported: Imported, batch: F32) -> dict[str, F32]:
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    session = ort.InferenceSession(str(imported.weights), options, providers=["CPUExecutionProvider"])
    names = [o.name for o in session.get_outputs()]
    return dict(zip(names, cast("list[F32]", session.run(names, {"data": batch})), strict=True))


def agrees(
    folder: Path,
    layers: str,
    version: tuple[int, int, int] = (0, 2, 5),
    transposed: bool = False,
    trees: dict[str, list[int]] | None = None,
) -> Imported:
    """The importer's network and the twin's give the same, for two pictures at once."""
    one, other = picture(), picture(seed=9)
    twin = darknet_twin.run(NET + layers, one.astype(np.float64), transposed, trees)
    again = darknet_twin.run(NET + layers, other.astype(np.float64), transposed, trees)
    imported = read(put(folder, NET + layers, twin.file(version, 8 if version == (0, 2, 5) else 4)))
    onnx.checker.check_model(onnx.load(imported.weights), full_check=True)
    said = outputs(imported, np.stack([one, other]))
    assert len(said) == 1
    (values,) = said.values()
    np.testing.assert_allclose(values[0].ravel(), twin.outputs[-1].ravel(), atol=2e-5, rtol=1e-4)
    np.testing.assert_allclose(values[1].ravel(), again.outputs[-1].ravel(), atol=2e-5, rtol=1e-4)
    assert imported.warnings == ()
    return imported


# -- every layer -------------------------------------------------------------------------------------------------------

LAYERS = {
    "conv": CONV,
    "conv of defaults": "[convolutional]\nfilters=2\nsize=3\n",
    "conv bn": CONV + "[convolutional]\nbatch_normalize=1\nfilters=5\nsize=3\nstride=2\npad=1\nactivation=mish\n",
    "conv groups": CONV + "[convolutional]\nfilters=6\nsize=3\ngroups=2\npad=1\nactivation=linear\n",
    "conv depthwise": CONV
    + "[convolutional]\nbatch_normalize=1\nfilters=4\nsize=3\ngroups=4\npad=1\nactivation=relu6\n",
    "conv dilation": "[convolutional]\nfilters=3\nsize=3\ndilation=2\npad=1\nactivation=swish\n",
    "conv dilation of size 1": "[convolutional]\nfilters=3\nsize=1\ndilation=2\nstride=1\npad=1\nactivation=swish\n",
    "conv even size": "[convolutional]\nfilters=3\nsize=2\nstride=2\npad=1\nactivation=relu\n",
    "conv padding": "[convolutional]\nfilters=3\nsize=3\npadding=2\nstride=2\nactivation=relu\n",
    "conv strides": "[convolutional]\nfilters=3\nsize=3\nstride_x=2\nstride_y=1\npad=1\nactivation=tanh\n",
    "conv flipped": "[convolutional]\nfilters=3\nsize=3\nflipped=1\nactivation=linear\n",
    "conv antialiasing": CONV
    + "[convolutional]\nfilters=3\nsize=3\nstride=2\npad=1\nantialiasing=1\nactivation=leaky\n",
    "conv antialiasing 2": "[convolutional]\nfilters=3\nsize=3\nstride=2\npad=1\nantialiasing=2\nactivation=leaky\n",
    "conv excited": "[convolutional]\nfilters=3\nsize=3\nassisted_excitation=4000\nactivation=linear\n",
    "conv shared": "[convolutional]\nbatch_normalize=1\nfilters=3\nsize=3\npad=1\nactivation=leaky\n"
    "[convolutional]\nbatch_normalize=1\nfilters=3\nsize=3\npad=1\nactivation=mish\nshare_index=-1\n",
    "deconv": "[deconvolutional]\nfilters=2\nsize=4\nstride=2\npadding=1\nactivation=leaky\n",
    "deconv bn": "[deconvolutional]\nbatch_normalize=1\nfilters=2\nsize=3\nstride=2\npad=1\nactivation=relu\n",
    "local": "[local]\nfilters=3\nsize=3\nstride=1\npad=1\nactivation=leaky\n",
    "local without pad": "[local]\nfilters=2\nsize=2\nstride=2\nactivation=linear\n",
    "connected": "[connected]\noutput=7\nactivation=leaky\n",
    "connected bn": "[connected]\noutput=7\nbatch_normalize=1\nactivation=relu\n"
    "[connected]\noutput=3\nactivation=linear\n",
    "batchnorm": "[batchnorm]\n",
    "implicit": CONV
    + "[implicit_add]\nfilters=4\n[route]\nlayers=0\n[shift_channels]\nfrom=1\n"
    + "[implicit_mul]\nfilters=4\n[route]\nlayers=3\n[control_channels]\nfrom=4\n",
    "maxpool": "[maxpool]\nsize=2\nstride=2\n",
    "maxpool stride 1": "[maxpool]\nsize=2\nstride=1\n",
    "maxpool spp": "[maxpool]\nsize=5\nstride=1\n",
    "maxpool odd": "[maxpool]\nsize=3\nstride=2\n",
    "maxpool no padding": "[maxpool]\nsize=3\nstride=2\npadding=0\n",
    "maxpool strides": "[maxpool]\nsize=3\nstride=2\nstride_y=1\n",
    "maxpool depth": "[maxpool]\nmaxpool_depth=1\nout_channels=1\n",
    "maxpool antialiasing": "[maxpool]\nsize=2\nstride=2\nantialiasing=1\n",
    "maxpool bare": "[maxpool]\n",
    "local avgpool": "[local_avgpool]\nsize=3\nstride=2\n",
    "avgpool": "[avgpool]\n",
    "upsample": "[upsample]\nstride=2\nscale=0.5\n",
    "crop": "[crop]\ncrop_width=5\ncrop_height=3\nflip=1\nangle=7\n",
    "crop noadjust": "[crop]\ncrop_width=5\ncrop_height=3\nnoadjust=1\n",
    "reorg": CONV + "[reorg]\nstride=2\n",
    "reorg back": CONV + "[reorg]\nstride=2\nreverse=1\n",
    "reorg3d": CONV + "[reorg3d]\nstride=2\n",
    "reorg3d back": CONV.replace("4", "16") + "[reorg3d]\nstride=2\nreverse=1\n",
    "route": CONV + CONV + "[route]\nlayers=-1,-2\n",
    "route groups": CONV + CONV + "[route]\nlayers=0, -1\ngroups=2\ngroup_id=1\n",
    "shortcut": CONV + CONV + "[shortcut]\nfrom=-2\nactivation=leaky\n",
    "shortcut of fewer": CONV.replace("4", "2") + CONV + "[shortcut]\nfrom=-2\n",
    "shortcut of more": CONV.replace("4", "7") + CONV + "[shortcut]\nfrom=0\nactivation=mish\n",
    "shortcut of larger": CONV + CONV.replace("pad=1", "pad=1\nstride=2") + "[shortcut]\nfrom=0\n",
    "shortcut of several": CONV + CONV + CONV + "[shortcut]\nfrom=-2,-3\n",
    "shortcut per feature": CONV + CONV + CONV + "[shortcut]\nfrom=-2,-3\n"
    "weights_type=per_feature\nweights_normalization=relu\n",
    "shortcut per channel": CONV
    + CONV
    + "[shortcut]\nfrom=-2\nweights_type=per_channel\nweights_normalization=softmax\n",
    "shortcut alpha": CONV + CONV + "[shortcut]\nfrom=-2\nalpha=0.5\nbeta=2\n",
    "scale channels": CONV + "[avgpool]\n" + CONV.replace("3", "1") + "[scale_channels]\nfrom=0\nactivation=logistic\n",
    "scale places": CONV + "[convolutional]\nfilters=1\nactivation=logistic\n[scale_channels]\nfrom=0\nscale_wh=1\n",
    "sam": CONV + CONV + "[sam]\nfrom=-2\n",
    "softmax": "[avgpool]\n[softmax]\n",
    "softmax groups": "[connected]\noutput=6\nactivation=linear\n[softmax]\ngroups=2\ntemperature=3\n",
    "softmax of a picture": "[softmax]\n",
    "softmax spatial": "[softmax]\nspatial=1\n",
    "logistic": "[logistic]\n",
    "lrn": CONV.replace("4", "7") + "[normalization]\nsize=5\nalpha=0.05\nbeta=0.75\nkappa=2\n",
    "l2norm": "[l2norm]\n",
    "training only": CONV + "[dropout]\nprobability=.5\n[cost]\ntype=sse\n",
}


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_computes_what_plain_loops_do(name: str, tmp_path: Path) -> None:
    agrees(tmp_path, LAYERS[name])


@pytest.mark.parametrize("kind", _ACTIVATIONS)
def test_an_activation_is_what_darknet_has_under_that_name(kind: str, tmp_path: Path) -> None:
    agrees(tmp_path, f"[batchnorm]\n[upsample]\nscale=4\nstride=1\n[activation]\nactivation={kind}\n")


def test_both_versions_of_the_header_and_turned_weights(tmp_path: Path) -> None:
    layers = CONV + "[connected]\noutput=5\nactivation=linear\n"
    agrees(tmp_path, layers, version=(0, 1, 0))
    agrees(tmp_path, layers, version=(981668463, 1063675494, 0), transposed=True)


def test_a_tree_of_classes(tmp_path: Path) -> None:
    (tmp_path / "small.tree").write_text("thing -1\nplace -1\ncat 0\ndog 0\nhouse 1\n")
    layers = "[connected]\noutput=5\nactivation=linear\n[softmax]\ntree=data/small.tree\n"
    imported = agrees(tmp_path, layers, trees={"data/small.tree": [-1, -1, 0, 0, 1]})
    assert imported.manifest.labels == ("thing", "place", "cat", "dog", "house")


# -- what is said of the model -----------------------------------------------------------------------------------------

YOLO = (
    "[net]\nwidth=64\nheight=32\nletter_box=1\n[convolutional]\nfilters=14\nstride=8\nsize=1\nactivation=linear\n"
    "[yolo]\nmask=0,2\nanchors=1,2, 3,4, 5,6\nclasses=2\nnum=3\nscale_x_y=1.1\n[route]\nlayers=0\n"
    "[convolutional]\nfilters=14\nstride=2\nsize=1\nactivation=logistic\n"
    "[yolo]\nmask=1,2\nanchors=1,2, 3,4, 5,6\nclasses=2\nnum=3\nnew_coords=1\nnms_kind=diounms\n"
)


def weights_for(cfg: str) -> bytes:
    net = dict(line.split("=") for line in cfg.split("[", 2)[1].splitlines() if "=" in line)
    size = (int(net.get("channels", 3)), int(net["height"]), int(net["width"]))
    return darknet_twin.run(cfg, np.zeros(size)).file()


def test_yolo_layers_become_outputs_of_one_head(tmp_path: Path) -> None:
    imported = read(put(tmp_path, YOLO, weights_for(YOLO)))
    said = imported.manifest
    assert (said.task, said.head) == ("detect", "darknet-yolo")
    assert said.head_options["grids"] == ("yolo_1", "yolo_4")
    assert said.head_options["anchors"] == ((1.0, 2.0, 5.0, 6.0), (3.0, 4.0, 5.0, 6.0))
    assert said.head_options["scale_xy"] == (1.1, 1.0)
    assert said.head_options["new_coords"] == (False, True)
    assert (said.input.size, said.input.color, said.input.scale) == ((64, 32), ChannelOrder.RGB, (255.0,))
    assert said.input.resize is Resize.LETTERBOX
    assert any("diounms" in line for line in imported.warnings)
    given_out = outputs(imported, np.zeros((3, 3, 32, 64), np.float32))
    assert {name: a.shape for name, a in given_out.items()} == {"yolo_1": (3, 14, 4, 8), "yolo_4": (3, 14, 2, 4)}


def test_region_and_detection_layers(tmp_path: Path) -> None:
    region = (
        NET + "[convolutional]\nfilters=14\nactivation=linear\n[region]\nclasses=2\nnum=2\nanchors=1,2,3,4\nsoftmax=1\n"
    )
    said = read(put(tmp_path, region, weights_for(region))).manifest
    assert (said.head, said.head_options["scores"], said.input.resize) == ("darknet-region", "softmax", Resize.STRETCH)
    old = NET + "[connected]\noutput=48\nactivation=linear\n[detection]\nside=2\nnum=2\nclasses=2\ncoords=4\nsqrt=1\n"
    said = read(put(tmp_path, old, weights_for(old))).manifest
    assert (said.head, said.head_options["squared"], said.head_options["side"]) == ("darknet-detection", True, 2)


def test_gaussian_layers_say_what_their_points_are(tmp_path: Path) -> None:
    cfg = NET + "[convolutional]\nfilters=22\nactivation=linear\n[Gaussian_yolo]\nclasses=2\nnum=2\nmask=0,1\n"
    cfg += "anchors=1,2,3,4\nyolo_point=left_top\n"
    options = read(put(tmp_path, cfg, weights_for(cfg))).manifest.head_options
    assert (options["gaussian"], options["points"]) == ((True,), ("left-top",))
    assert options["grids"] == ("gaussian_yolo_1",)
    with pytest.raises(ModelError, match=r"yolo_point=top is none of"):
        read(put(tmp_path, cfg.replace("left_top", "top"), weights_for(cfg)))


def test_a_tree_of_objects(tmp_path: Path) -> None:
    (tmp_path / "nine.tree").write_text("thing -1\ncat 0\ndog 0\n")
    cfg = (
        NET + "[convolutional]\nfilters=8\nactivation=linear\n[region]\nclasses=3\nnum=1\nanchors=1,2\ntree=nine.tree\n"
    )
    said = read(put(tmp_path, cfg, weights_for(cfg))).manifest
    assert (said.head_options["scores"], said.head_options["parents"]) == ("tree", (-1, 0, 0))
    assert said.labels == ("thing", "cat", "dog")
    (tmp_path / "nine.tree").write_text("thing -1\ncat 4\ndog 0\n")
    with pytest.raises(ModelError, match="parent 4 comes after its child"):
        read(put(tmp_path, cfg, weights_for(cfg)))


def test_a_classifier_crops_and_needs_no_activation(tmp_path: Path) -> None:
    cfg = NET + "[avgpool]\n[softmax]\n[cost]\n"
    imported = read(put(tmp_path, cfg, weights_for(cfg) + b"\0\0\0\0"))
    said = imported.manifest
    assert (said.task, said.head, said.head_options) == ("classify", "classify", {"activation": "none"})
    assert said.input.resize is Resize.CROP
    assert list(outputs(imported, picture()[None])) == ["prob"]
    assert any("4 bytes are left over" in line for line in imported.warnings)


def test_names_come_from_what_was_given(tmp_path: Path) -> None:
    found = put(tmp_path, YOLO, weights_for(YOLO))
    (tmp_path / "my.names").write_bytes("\ufeffcat\r\nKöter\r\n".encode())
    data = tmp_path / "my.data"
    data.write_text("classes = 2\nnames = data/my.names\n")
    assert read(found).manifest.labels is None
    for extra in (tmp_path / "my.names", data):
        given_too = Foreign("darknet", found.path, tmp_path, found.workspace, (extra,))
        assert read(given_too).manifest.labels == ("cat", "Köter")
    data.write_text("names = nowhere.names\n")
    with pytest.raises(ModelError, match=r"my\.data:1.*nowhere"):
        read(Foreign("darknet", found.path, tmp_path, found.workspace, (data,)))


def test_weights_are_found_by_stem_or_alone(tmp_path: Path) -> None:
    found = put(tmp_path, YOLO, weights_for(YOLO))
    first = tmp_path / "net.weights"
    first.rename(tmp_path / "net_1000.weights")
    (tmp_path / "net_best.weights").write_bytes((tmp_path / "net_1000.weights").read_bytes())
    assert read(found).sources[1].name == "net_best.weights"
    assert read(Foreign("darknet", tmp_path / "net_1000.weights", tmp_path, found.workspace)).sources[0] == found.path
    for name in ("net_1000.weights", "net_best.weights"):
        (tmp_path / name).rename(tmp_path / f"other-{name}")
    with pytest.raises(ModelError, match="which of other-net_1000"):
        read(found)
    (tmp_path / "other-net_best.weights").unlink()
    assert read(found).sources[1].name == "other-net_1000.weights"
    (tmp_path / "other-net_1000.weights").unlink()
    with pytest.raises(ModelError, match=r"net\.weights\) is missing"):
        read(found)


# -- .wts text ---------------------------------------------------------------------------------------------------------


def wts(tensors: list[tuple[str, NDArray[Any]]]) -> str:
    lines = [f"{name} {a.size} {a.astype('>f4').tobytes().hex(' ', 4)}" for name, a in tensors]
    return "\n".join([str(len(tensors)), *lines]) + "\n"


@pytest.mark.parametrize("stem", ["module_list.{}", "net.part{}"])
def test_wts_text_gives_the_same_network(stem: str, tmp_path: Path) -> None:
    cfg = NET + CONV.replace("filters", "batch_normalize=1\nfilters") + "[maxpool]\nstride=2\n" + CONV
    x = picture()
    twin = darknet_twin.run(cfg, x.astype(np.float64))
    bias, scale, mean, variance, first, second_bias, second = twin.parameters
    zero, two = stem.format(0), stem.format(2)
    found = put(tmp_path, cfg, b"")
    (tmp_path / "net.weights").unlink()
    norm = [("weight", scale), ("bias", bias), ("running_mean", mean), ("running_var", variance)]
    tensors = [(f"{zero}.Conv2d.weight", first), *((f"{zero}.BatchNorm2d.{k}", a) for k, a in norm)]
    tensors += [(f"{zero}.BatchNorm2d.num_batches_tracked", np.zeros(1))]
    tensors += [(f"{two}.Conv2d.weight", second), (f"{two}.Conv2d.bias", second_bias)]
    text = wts(tensors)
    (tmp_path / "net.wts").write_text(text)
    (values,) = outputs(read(found), x[None]).values()
    np.testing.assert_allclose(values[0], twin.outputs[-1], atol=1e-4, rtol=1e-4)
    for bad, why in (
        (text.replace("\n", "x\n", 1), "count of tensors"),
        (text.rsplit("\n", 2)[0] + "\n", "says 8 tensors and holds 7"),
        (text.replace(" 108 ", " 107 "), "says 107 numbers, holds 108"),
        (wts([*tensors[:-2], (f"{two}.Conv2d.weight", second[:-1]), tensors[-1]]), "holds 143 numbers"),
        (wts(tensors[1:]), "BatchNorm2d"),
        (wts([*tensors[:-1], (f"{two}.Conv2d.odd", second_bias)]), "left over"),
    ):
        (tmp_path / "net.wts").write_text(bad)
        if why == "left over":
            assert any(why in line for line in read(found).warnings)
            continue
        with pytest.raises(ModelError, match=why):
            read(found)


# -- what is wrong -----------------------------------------------------------------------------------------------------

WRONG = {
    "": "empty",
    "[net]\nwidth=8\nheight=8\n": "no layers",
    "width=8\n[net]\n": "net.cfg:1: width= stands before",
    "[convolutional]\nfilters=3\n": r"begins with \[convolutional\]",
    "hello\n": "net.cfg:1: 'hello' is no key=value",
    NET + "[convolutionall]\n": r"net.cfg:5: layer 0 \[convolutionall\].*did you mean \[convolutional\]",
    NET + "[convolutional\n": "net.cfg:5: .*is no section",
    NET + "[convolutional]\nfilters=-4\n": r"net.cfg:6: layer 0 \[convolutional\]: filters=-4 is out of range",
    NET + "[convolutional]\nfilters=four\n": "net.cfg:6: .*filters=four is no whole number",
    NET + "[convolutional]\nfilters=4\nstride=0\n": "net.cfg:7: .*stride=0",
    NET + "[convolutional]\nfilters=4\nsize=99\n": "nothing is left of the picture",
    NET + "[convolutional]\nfilters=9999999\n": "more than 256M values",
    NET + "[convolutional]\nactivation=reluu\n": "activation=reluu is not known; did you mean",
    NET + "[convolutional]\nxnor=1\n": "XNOR",
    NET + "[convolutional]\ngroups=2\nfilters=4\n": "groups=2 does not divide 3 channels",
    NET.replace("width=8", "width=999999") + CONV: r"net.cfg:2: \[net\]: width=999999 is out of range",
    NET.replace("width=8\n", "") + CONV: r"\[net\]: width= and height= are missing",
    NET + CONV + "[route]\nlayers=-2\n": "layers=-2 leads to no layer",
    NET + CONV + "[route]\nlayers=1\n": "net.cfg:11: .*layers=1 leads to itself",
    NET + CONV + "[route]\nlayers=7\n": "leads to a later layer",
    NET + CONV + "[route]\nlayers=\n": "names no layer",
    NET + CONV + "[maxpool]\nstride=2\n[route]\nlayers=0,1\n": "different sizes cannot stand side by side: 8x6, 4x3",
    NET + CONV + "[maxpool]\nsize=3\nstride=2\npadding=0\n[shortcut]\nfrom=0\n": "8x6 to 3x2",
    NET + "[gru]\noutput=3\n": r"net.cfg:5: layer 0 \[gru\]: recurrent layers",
    "[net]\ninputs=256\n[rnn]\noutput=9\n": r"layer 0 \[rnn\]: recurrent",
    NET + CONV + "[yolo]\nclasses=2\nanchors=1,2\n": "1 anchors with 7 numbers take 7 channels, the layer before has 4",
    NET + CONV + "[yolo]\nclasses=1\nmask=3\nnum=1\nanchors=1,2\n": "take 6 channels",
    NET + "[softmax]\ntree=gone.tree\n": "tree=gone.tree is missing",
    NET + CONV + "[upsample]\nstride=64\n" * 3: "its output would be",
    YOLO.replace("anchors=1,2, 3,4, 5,6", "anchors=1,2, 3,4 5,6", 1): "5 numbers in anchors= are no pairs",
    YOLO.replace("[route]\nlayers=0\n", "", 1): r"reads the output of layer 1 \[yolo\], which is boxes",
    YOLO.replace("[yolo]\nmask=1,2", "[region]\nmask=1,2", 1): "a second kind of detection layer",
}


@pytest.mark.parametrize("cfg", WRONG)
def test_a_wrong_cfg_is_told_by_line_and_layer(cfg: str, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=WRONG[cfg]):
        read(put(tmp_path, cfg, np.zeros(60000, "<f4").tobytes()))
    assert not list((tmp_path / "work").iterdir())


def test_wrong_weights_are_told_by_layer(tmp_path: Path) -> None:
    cfg = NET + CONV.replace("filters", "batch_normalize=1\nfilters") + CONV
    good = weights_for(cfg)
    for data, why in (
        (
            good[:-4],
            r"ends in layer 1 \[convolutional\] \(line 11 of net.cfg\): its 144 weights take 576 bytes, 572 are",
        ),
        (good[:40], r"ends in layer 0 \[convolutional\] .* its 4 scales take 16 bytes, 4 are left"),
        (good[:15], "do not hold the header"),
        (good[:20], "its 4 biases take 16 bytes, 0 are left"),
        (b"", "is empty"),
        (cfg.encode(), "it is a cfg"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n", "git lfs pull"),
        (b"PK\x03\x04" + good, "zip"),
        (good[:20] + np.full(16, -1, "<f4").tobytes() + good[84:], "variances of layer 0"),
        (b"\xff" * 400, "version -1"),
    ):
        with pytest.raises(ModelError, match=why):
            read(put(tmp_path, cfg, data))
    found = put(tmp_path, cfg, good)
    found.path.write_bytes(good)
    with pytest.raises(ModelError, match="were cfg and weights swapped"):
        read(found)


def test_variances_of_dead_channels_are_nought(tmp_path: Path) -> None:
    cfg = NET + CONV.replace("filters", "batch_normalize=1\nfilters")
    good, x = weights_for(cfg), picture()[None]
    places = slice(20 + 3 * 16, 20 + 4 * 16)
    found = []
    for variances in (np.zeros(4, "<f4"), np.full(4, -7e-44, "<f4")):
        data = good[: places.start] + variances.tobytes() + good[places.stop :]
        found.append(next(iter(outputs(read(put(tmp_path, cfg, data)), x).values())))
    assert np.isfinite(found[0]).all()
    np.testing.assert_array_equal(*found)


def test_odd_but_right_files_are_read(tmp_path: Path) -> None:
    plain = NET + CONV
    odd = "\ufeff# a comment\r\n; another\r\n[ Net ]\r\n width = 8 # wide\r\nheight\t=6\r\nchannels=3\r\n\r\n"
    odd += CONV.replace("\n", "\r\n").replace("=", " = ").replace("filters = 4", "filters = 4\r\nfilters = 9")
    data = weights_for(plain)
    x = picture()[None]
    (want,) = outputs(read(put(tmp_path, plain, data)), x).values()
    (tmp_path / "net.cfg").write_bytes(odd.removeprefix("\ufeff").encode("utf-16"))
    read(Foreign("darknet", tmp_path / "net.cfg", tmp_path, tmp_path / "work"))
    imported = read(put(tmp_path, odd, data))
    (said,) = outputs(imported, x).values()
    np.testing.assert_array_equal(said, want)
    assert any("first of two filters=" in line for line in imported.warnings)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_damaged_files_give_a_model_or_an_error_of_ours(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("fuzz")
    cfg, weights = YOLO.encode(), FUZZ_WEIGHTS
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(cfg)))
        cfg = cfg[:at] + data.draw(st.binary(max_size=4)) + cfg[at + data.draw(st.integers(0, 6)) :]
    weights = weights[: data.draw(st.integers(0, len(weights)))] if data.draw(st.booleans()) else weights
    found = put(folder, "", weights)
    found.path.write_bytes(cfg)
    try:
        imported = read(found)
    except ModelError:
        return
    onnx.checker.check_model(onnx.load(imported.weights))


FUZZ_WEIGHTS = weights_for(YOLO)

# -- the shipped cfgs --------------------------------------------------------------------------------------------------

ASSETS = os.environ.get("SIGHTLINE_ASSETS", "")
SMALL = ("yolov3-tiny", "yolov4-tiny", "yolov2-tiny-voc", "yolov7-tiny", "cifar", "tiny", "darknet")
needs_assets = pytest.mark.skipif(not ASSETS, reason="SIGHTLINE_ASSETS names no folder with real files")


@dataclass
class Drawn:
    """Weights of a network at random, as many as its layers ask for; `data` is the file that holds them."""

    epsilon: float = 1e-6
    data: bytearray = field(default_factory=lambda: bytearray(darknet_twin.Twin(np.random.default_rng(0)).file()))
    random: np.random.Generator = field(default_factory=lambda: np.random.default_rng(3))

    def draw(self, count: int, spread: float, middle: float = 0.0) -> F32:
        values = self.random.uniform(middle - spread, middle + spread, count).astype(np.float32)
        self.data += values.tobytes()
        return values

    def convolution(self, layer: Section, filters: int, count: int, normalised: bool) -> Kernel:
        bias = self.draw(filters, 0.2)
        inner = self.normal(filters) if normalised else None
        return Kernel(bias, self.draw(count, 2.2 * (filters / count) ** 0.5), inner)

    def connected(self, layer: Section, outputs: int, inputs: int, normalised: bool) -> Kernel:
        assert not normalised, "OpenCV reads these in another order than Darknet"
        return self.convolution(layer, outputs, outputs * inputs, False)

    def normal(self, channels: int) -> Normalisation:
        scale, mean = self.draw(channels, 0.2, 0.6), self.draw(channels, 0.2)
        return Normalisation(scale, mean, self.draw(channels, 0.5, 1.0))

    def normalisation(self, layer: Section, channels: int) -> tuple[F32, Normalisation]:
        return self.draw(channels, 0.2), self.normal(channels)

    def plain(self, layer: Section, count: int) -> F32:
        return self.draw(count, 0.1)

    def finish(self) -> tuple[str, ...]:
        return ()


def shipped(name: str, folder: Path, size: int) -> Foreign:
    """A cfg of the assets at another input size, with weights."""
    source = next((Path(ASSETS) / "darknet-cfg").rglob(f"cfg/{name}.cfg"))
    cfg = re.sub(r"(?m)^(width|height) *= *\d+", rf"\1={size}", source.read_text())
    found = put(folder, cfg, b"")
    drawn = Drawn()
    build(read_cfg(found.path), drawn, name)
    (folder / "net.weights").write_bytes(drawn.data)
    return found


@needs_assets
@pytest.mark.parametrize("name", SMALL)
def test_a_shipped_cfg_builds_and_runs(name: str, tmp_path: Path) -> None:
    found = shipped(name, tmp_path, 96)
    imported = read(found)
    assert not any("left over" in line for line in imported.warnings)
    x = np.random.default_rng(1).random((1, 3, 96, 96), dtype=np.float32)
    said = outputs(imported, x)
    assert imported.manifest.head in ("darknet-yolo", "darknet-region", "classify")
    assert all(np.isfinite(a).all() for a in said.values())
    cv2 = pytest.importorskip("cv2")
    if not hasattr(cv2.dnn, "readNetFromDarknet"):
        return  # OpenCV 5 reads Darknet no more; 4.14 was the oracle of docs/darknet.md
    net = cv2.dnn.readNetFromDarknet(str(found.path), str(tmp_path / "net.weights"))
    net.setInput(x)
    for name_, ours in said.items():
        index = name_.rsplit("_", 1)[-1]
        layer = f"permute_{index}" if index.isdigit() else net.getUnconnectedOutLayersNames()[-1]
        theirs = net.forward(layer)
        theirs = theirs.transpose(0, 3, 1, 2) if index.isdigit() else theirs
        np.testing.assert_allclose(ours.ravel(), theirs.ravel(), atol=1e-4 * max(1.0, float(np.abs(ours).max())))


@needs_assets
@pytest.mark.parametrize(("name", "why"), [("rnn", "recurrent"), ("darknet53_448_xnor", "xnor=1")])
def test_a_shipped_cfg_that_is_not_supported_says_so(name: str, why: str, tmp_path: Path) -> None:
    source = next((Path(ASSETS) / "darknet-cfg").rglob(f"cfg/{name}.cfg"))
    with pytest.raises(ModelError, match=f"{name}.cfg:\\d+: layer \\d+ .*{why}"):
        read(Foreign("darknet", put(tmp_path, source.read_text(), bytes(64 << 20), name).path, tmp_path, tmp_path))

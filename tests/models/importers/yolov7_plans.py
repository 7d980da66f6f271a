"""Small networks in the yaml of YOLOv7, one for each module, and what the published code makes of them."""

from __future__ import annotations

from typing import Any

ANCHORS = [[10, 13, 16, 30], [30, 61, 62, 45]]

# module: (its arguments, trainable numbers of the whole small network, entries of its state dictionary), counted with
# the published code; "_" tells several uses of one module apart
MODULES: dict[str, tuple[list[Any], int, int]] = {
    "Conv": ([64, 3, 1], 143964, 42),
    "Conv_relu": ([64, 3, 1, None, 2, "nn.ReLU()"], 107100, 42),
    "RobustConv": ([64, 7, 1], 77468, 39),
    "RobustConv2": ([64, 7, 4], 138908, 39),
    "DWConv": ([64, 3, 1], 70684, 36),
    "GhostConv": ([64, 3, 1], 89340, 42),
    "SPP": ([64, [3, 5]], 78364, 42),
    "SPPF": ([64, 5], 80412, 42),
    "SPPCSPC": ([64], 181468, 72),
    "GhostSPPCSPC": ([64], 131772, 114),
    "MixConv2d": ([64, [1, 3, 5], 1], 117212, 38),
    "Focus": ([64, 3], 217564, 36),
    "Stem": ([64], 103068, 54),
    "GhostStem": ([64], 88684, 78),
    "CrossConv": ([64, 3, 1, 1, 1.0, True], 94812, 42),
    "Bottleneck": ([64], 111324, 54),
    "RepBottleneck": ([64], 92828, 48),
    "Res": ([64], 97116, 66),
    "RepRes": ([64], 84700, 59),
    "ResX": ([64], 74620, 48),
    "RepResX": ([64], 74780, 59),
    "Ghost": ([64, 3, 1], 73420, 54),
    "Ghost_2": ([64, 3, 2], 78700, 72),
    "DownC": ([64], 94812, 48),
    "RepConv": ([64, 3, 1], 111324, 47),
    "RepConv_groups": ([64, 3, 1, None, 4], 80604, 47),
    "RepConv_step": ([96, 3, 2], 141020, 42),
    "nn.BatchNorm2d": ([], 70108, 35),
    "nn.Conv2d": ([64, 3, 1, 1], 106908, 32),
    "nn.Upsample": ([None, 2, "bilinear"], 69980, 30),
    "Contract": ([2], 125276, 30),
    "Expand": ([2], 56156, 30),
    "Foldcut": ([1], 60764, 30),
    "MP": ([], 69980, 30),
    "SP": ([5, 1], 69980, 30),
    "ReOrg": ([], 125276, 30),
    "Chuncat": ([1], 88412, 30),
    "Shortcut": ([1], 69980, 30),
    "IBin": ([], 76464, 38),
    "BottleneckCSPA": ([64], 99164, 72),
    "BottleneckCSPB": ([64], 169180, 72),
    "BottleneckCSPC": ([64], 100252, 78),
    "ResCSPA": ([64], 85340, 84),
    "ResCSPB": ([64], 113884, 84),
    "ResCSPC": ([64], 86428, 90),
    "ResXCSPA": ([128], 132956, 84),
    "ResXCSPB": ([128], 222812, 84),
    "ResXCSPC": ([128], 137180, 90),
    "RepResCSPA": ([64], 85980, 106),
    "RepResCSPB": ([64], 116188, 106),
    "RepResCSPC": ([64], 87068, 112),
    "RepResXCSPA": ([128], 123100, 106),
    "RepResXCSPB": ([128], 183388, 106),
    "RepResXCSPC": ([128], 127324, 112),
    "GhostCSPA": ([64], 80844, 96),
    "GhostCSPB": ([64], 93628, 96),
    "GhostCSPC": ([64], 81932, 102),
}

# the published files: trainable numbers, entries of the state dictionary
PUBLISHED: dict[str, tuple[int, int]] = {
    "baseline/r50-csp.yaml": (34299578, 752),
    "baseline/x50-csp.yaml": (32299962, 752),
    "baseline/yolor-csp-x.yaml": (96943410, 830),
    "baseline/yolor-csp.yaml": (52923994, 686),
    "baseline/yolor-d6.yaml": (151773240, 1248),
    "baseline/yolor-e6.yaml": (115899960, 960),
    "baseline/yolor-p6.yaml": (37265016, 864),
    "baseline/yolor-w6.yaml": (79873400, 864),
    "baseline/yolov3-spp.yaml": (62998749, 446),
    "baseline/yolov3.yaml": (61949149, 440),
    "baseline/yolov4-csp.yaml": (52921437, 680),
    "deploy/yolov7-d6.yaml": (133810044, 988),
    "deploy/yolov7-e6.yaml": (97246652, 856),
    "deploy/yolov7-e6e.yaml": (151757244, 1450),
    "deploy/yolov7-tiny-silu.yaml": (6227101, 338),
    "deploy/yolov7-tiny.yaml": (6227101, 338),
    "deploy/yolov7-w6.yaml": (70426236, 628),
    "deploy/yolov7.yaml": (37620125, 560),
    "deploy/yolov7x.yaml": (71344389, 638),
    "training/yolov7-d6.yaml": (154709364, 1028),
    "training/yolov7-e6.yaml": (111898292, 896),
    "training/yolov7-e6e.yaml": (166408884, 1490),
    "training/yolov7-tiny.yaml": (6228762, 344),
    "training/yolov7-w6.yaml": (82312436, 668),
    "training/yolov7.yaml": (37622682, 566),
    "training/yolov7x.yaml": (71347394, 644),
}


def network(name: str, arguments: list[Any]) -> dict[str, Any]:
    """Two convolutions, the module (twice where it repeats), and a head of two levels."""
    module = name.partition("_")[0]
    backbone: list[Any] = [[-1, 1, "Conv", [64, 3, 2]], [-1, 1, "Conv", [64, 3, 2]]]
    head = ["Detect", ["nc", "anchors"]]
    if module in ("Chuncat", "Shortcut"):
        backbone[1] = [-1, 1, "Conv", [64, 3, 1]]
        backbone.append([[-1, -2], 1, module, arguments])
    elif module in ("IBin", "IDetect"):
        head[0] = module
    else:
        twice = ("CSP" in module and "SPPCSPC" not in module) or module in ("Bottleneck", "Res", "Conv")
        backbone.append([-1, 2 if twice else 1, module, arguments])
    last = len(backbone)
    backbone.append([-1, 1, "Conv", [32, 3, 1]])
    return {
        "nc": 2,
        "depth_multiple": 1.0,
        "width_multiple": 1.0,
        "anchors": ANCHORS,
        "backbone": backbone,
        "head": [[-1, 1, "Conv", [40, 3, 2]], [[last, last + 1], 1, *head]],
    }


def auxiliary() -> dict[str, Any]:
    """A network with implicit layers and auxiliary heads, a re-parameterised convolution and a route back."""
    leaky = "nn.LeakyReLU(0.1)"
    return {
        "nc": 3,
        "depth_multiple": 1.0,
        "width_multiple": 0.5,
        "anchors": ANCHORS,
        "backbone": [
            [-1, 1, "ReOrg", []],
            [-1, 1, "Conv", [32, 3, 1, None, 1, leaky]],
            [-1, 1, "RepConv", [32, 3, 1]],
            [[-1, -2], 1, "Concat", [1]],
        ],
        "head": [
            [-1, 1, "Conv", [48, 3, 2]],
            [3, 1, "Conv", [16, 3, 1]],
            [4, 1, "Conv", [32, 1, 1]],
            [-1, 1, "Conv", [32, 1, 1]],
            [[3, 4, 5, 7], 1, "IAuxDetect", ["nc", "anchors"]],
        ],
    }

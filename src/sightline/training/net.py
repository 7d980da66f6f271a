# pyright: reportMissingImports=false
"""The small detector of the demo: an anchor-free network of half a million weights, its assignment and its loss.

Output layout (1, 4 + classes, A), as YOLOv8 writes it: centre x, centre y, width, height in model pixels, then one
sigmoid score a class; A runs over the cells of strides 8, 16 and 32, row by row.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_eval

__all__ = ["STRIDES", "StreetNet", "loss"]

STRIDES = (8, 16, 32)
TOP = 9  # cells that may stand for one object
IGNORED = -1


class Conv(nn.Module):
    """Convolution, batch normalisation, rectifier."""

    def __init__(self, c_in: int, c_out: int, kernel: int = 3, stride: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(c_in, c_out, kernel, stride, kernel // 2, bias=False)
        self.norm: nn.Module = nn.BatchNorm2d(c_out, eps=1e-3, momentum=0.03)

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu(self.norm(self.conv(x)), inplace=True)

    def fold(self) -> None:
        """Put the normalisation into the convolution's weights, for export."""
        if isinstance(self.norm, nn.BatchNorm2d):
            self.conv, self.norm = fuse_conv_bn_eval(self.conv, self.norm), nn.Identity()


class Block(nn.Module):
    """A residual bottleneck: 1x1 to half the channels, 3x3 back."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.steps = nn.Sequential(Conv(channels, channels // 2, 1), Conv(channels // 2, channels))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.steps(x)


class StreetNet(nn.Module):
    """images (N, 3, H, W) RGB 0..1 -> (N, 4 + classes, A); H and W are fixed, multiples of 32."""

    cells: Tensor  # (A, 2) cell centres in model pixels
    steps: Tensor  # (A, 1) strides

    def __init__(self, classes: int, height: int, width: int) -> None:
        super().__init__()
        wide = 48
        self.early = nn.Sequential(Conv(3, 16, 3, 2), Conv(16, 24, 3, 2), Block(24))
        self.level3 = nn.Sequential(Conv(24, 48, 3, 2), Block(48), Block(48))
        self.level4 = nn.Sequential(Conv(48, 80, 3, 2), Block(80), Block(80))
        self.level5 = nn.Sequential(Conv(80, 128, 3, 2), Block(128))
        self.side = nn.ModuleList([Conv(c, wide, 1) for c in (48, 80, 128)])
        self.down = nn.ModuleList([Conv(wide, wide) for _ in range(2)])
        self.up = nn.ModuleList([Conv(wide, wide, 3, 2) for _ in range(2)])
        self.class_way, self.box_way = Conv(wide, wide), Conv(wide, wide)
        self.classes = nn.ModuleList([nn.Conv2d(wide, classes, 1) for _ in STRIDES])
        self.boxes = nn.ModuleList([nn.Conv2d(wide, 4, 1) for _ in STRIDES])
        for classify, measure in zip(self.classes, self.boxes, strict=True):
            nn.init.constant_(classify.bias, -4.5)  # type: ignore[arg-type]  rare objects: begin near "nothing here"
            nn.init.constant_(measure.bias, 1.0)  # type: ignore[arg-type]
        cells, steps = _cells(height, width)
        self.register_buffer("cells", cells, persistent=False)
        self.register_buffer("steps", steps, persistent=False)

    def raw(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Logits (N, A, classes) and corner boxes (N, A, 4) in model pixels."""
        x = self.early(images)
        c3 = self.level3(x)
        c4 = self.level4(c3)
        c5 = self.level5(c4)
        p3, p4, p5 = (side(c) for side, c in zip(self.side, (c3, c4, c5), strict=True))
        p4 = self.down[0](p4 + functional.interpolate(p5, scale_factor=2.0, mode="nearest"))
        p3 = self.down[1](p3 + functional.interpolate(p4, scale_factor=2.0, mode="nearest"))
        p4 = p4 + self.up[0](p3)
        p5 = p5 + self.up[1](p4)
        logits, sides = [], []
        for p, classify, measure in zip((p3, p4, p5), self.classes, self.boxes, strict=True):
            logits.append(classify(self.class_way(p)).flatten(2))
            sides.append(functional.softplus(measure(self.box_way(p))).flatten(2))
        reach = torch.cat(sides, 2).transpose(1, 2) * self.steps  # (N, A, 4) left, top, right, bottom
        corners = torch.cat([self.cells - reach[..., :2], self.cells + reach[..., 2:]], 2)
        return torch.cat(logits, 2).transpose(1, 2), corners

    def forward(self, images: Tensor) -> Tensor:
        logits, corners = self.raw(images)
        low, high = corners[..., :2], corners[..., 2:]
        return torch.cat([(low + high) * 0.5, high - low, logits.sigmoid()], 2).transpose(1, 2)

    def fold(self) -> None:
        """For export: batch normalisation goes into the weights. Only in eval mode."""
        for module in self.modules():
            if isinstance(module, Conv):
                module.fold()


def _cells(height: int, width: int) -> tuple[Tensor, Tensor]:
    """Cell centres (A, 2) in model pixels, and their strides (A, 1)."""
    cells, steps = [], []
    for stride in STRIDES:
        y, x = torch.meshgrid(torch.arange(height // stride), torch.arange(width // stride), indexing="ij")
        cells.append((torch.stack([x.flatten(), y.flatten()], 1) + 0.5) * stride)
        steps.append(torch.full((x.numel(), 1), float(stride)))
    return torch.cat(cells), torch.cat(steps)


def _iou(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """IoU of corner boxes (..., 4), and generalised IoU (Rezatofighi et al., 2019)."""
    low, high = torch.maximum(a[..., :2], b[..., :2]), torch.minimum(a[..., 2:], b[..., 2:])
    inter = (high - low).clamp(min=0).prod(-1)
    union = (a[..., 2:] - a[..., :2]).prod(-1) + (b[..., 2:] - b[..., :2]).prod(-1) - inter + 1e-6
    hull = (torch.maximum(a[..., 2:], b[..., 2:]) - torch.minimum(a[..., :2], b[..., :2])).prod(-1) + 1e-6
    iou = inter / union
    return iou, iou - (hull - union) / hull


@torch.no_grad()
def _assign(
    net: StreetNet, scores: Tensor, corners: Tensor, labels: Tensor, boxes: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Which cell stands for which object, by task-aligned assignment (Feng et al., TOOD, 2021).

    scores (N, A, C), corners (N, A, 4), labels (N, M) with -2 for padding and -1 for ignored, boxes (N, M, 4).
    Returns the class targets (N, A, C), the row of each cell's object (N, A), and the weight of each cell's class
    loss (N, A): 0 within ignored objects that nobody stands for.
    """
    classes = scores.shape[2]
    cells = net.cells[None, None]  # (1, 1, A, 2)
    b = boxes[:, :, None]  # (N, M, 1, 4)
    inside = torch.minimum(cells - b[..., :2], b[..., 2:] - cells).amin(-1) > 0.5  # (N, M, A)
    real = (labels >= 0)[..., None]
    iou, _ = _iou(corners[:, None], b)  # (N, M, A)
    which = labels.clamp(min=0)[:, :, None].expand(-1, -1, scores.shape[1])
    fit = scores.transpose(1, 2).gather(1, which)  # (N, M, A)
    metric = fit.sqrt() * iou.clamp(min=0).pow(4) * (inside & real)
    # a small object may hold no cell with any overlap yet: its nearest cells still learn from it
    near = 1e-9 / (1 + (cells - (b[..., :2] + b[..., 2:]) / 2).pow(2).sum(-1)) * (inside & real)
    rank, rows = (metric + near).topk(TOP, dim=2)
    chosen = torch.zeros_like(metric).scatter_(2, rows, (rank > 0).to(metric.dtype)) > 0
    # one cell, one object: the one it overlaps most
    best = torch.where(chosen, iou + 1e-6, torch.zeros_like(iou)).max(1)
    mine = best.indices  # (N, A)
    taken = best.values > 0
    chosen &= torch.zeros_like(chosen).scatter_(1, mine[:, None], taken[:, None])
    metric = metric * chosen
    peak = metric.amax(2, keepdim=True).clamp(min=1e-9)
    strongest = (iou * chosen).amax(2, keepdim=True)
    quality = (metric / peak * strongest).amax(1)  # (N, A)
    label = labels.clamp(min=0).gather(1, mine)
    target = functional.one_hot(label, classes) * (quality * taken)[..., None]
    ignored = (inside & (labels == IGNORED)[..., None]).any(1) & ~taken
    return target, torch.where(taken, mine, torch.full_like(mine, -1)), (~ignored).to(scores.dtype)


def loss(net: StreetNet, images: Tensor, labels: Tensor, boxes: Tensor) -> Tensor:
    """The training loss of a batch: class cross-entropy against the assignment's quality, and generalised IoU.

    images (N, 3, H, W); labels (N, M) int64, -1 ignored, -2 padding; boxes (N, M, 4) corners in model pixels.
    """
    logits, corners = net.raw(images)
    logits, corners = logits.float(), corners.float()
    target, row, weight = _assign(net, logits.sigmoid(), corners, labels, boxes)
    total = target.sum().clamp(min=1.0)
    classify = functional.binary_cross_entropy_with_logits(logits, target, reduction="none")
    taken = row >= 0
    wanted = boxes.gather(1, row.clamp(min=0)[..., None].expand(-1, -1, 4))
    _, giou = _iou(corners[taken], wanted[taken])
    measure = ((1 - giou) * target.sum(2)[taken]).sum()
    return ((classify * weight[..., None]).sum() + 2.5 * measure) / total

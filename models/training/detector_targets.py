"""What the detector should answer for a scene, cell by cell, and how far its answer is from that."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from detector_net import STRIDE, boxes_of
from numpy.typing import NDArray
from scenes import SIZE, Scene
from torch import Tensor

CELLS = SIZE // STRIDE
# Where unlabelled plates are likely, a cell the net is this sure of is probably one of them.
SURE = 0.5


def targets_of(scene: Scene) -> NDArray[np.float32]:
    """[7, cells, cells]: heat, weight of the background, weight of the box, box x1, y1, x2, y2 in pixels.

    A background weight of 0 is ignored, 1 counts, 2 counts unless the net is sure of a plate.
    """
    target = np.zeros((7, CELLS, CELLS), np.float32)
    target[1] = 1.0 + scene.soft[STRIDE // 2 :: STRIDE, STRIDE // 2 :: STRIDE]
    middle = np.arange(CELLS) * STRIDE + STRIDE / 2
    for label in scene.labels:
        x1, y1, x2, y2 = label.box
        if label.ignored:
            columns = (middle > x1 - STRIDE) & (middle < x2 + STRIDE)
            rows = (middle > y1 - STRIDE) & (middle < y2 + STRIDE)
            target[1][np.ix_(rows, columns)] = 0
    for label in scene.labels:
        if not label.ignored:
            _mark(target, label.box, label.exact)
    return target


def _mark(target: NDArray[np.float32], box: NDArray[np.float32], exact: bool) -> None:
    """Write one plate: a bump as wide as the plate, a peak of one at its centre, the box where the bump is high."""
    x1, y1, x2, y2 = box / STRIDE
    column, row = min(int((x1 + x2) / 2), CELLS - 1), min(int((y1 + y2) / 2), CELLS - 1)
    spread_x, spread_y = max((x2 - x1) / 7, 0.45), max((y2 - y1) / 7, 0.45)
    cells = np.arange(CELLS)
    bump = np.exp(
        -((cells[None, :] - column) ** 2) / (2 * spread_x**2) - ((cells[:, None] - row) ** 2) / (2 * spread_y**2)
    ).astype(np.float32)
    inside = np.outer((cells + 0.5 > y1) & (cells + 0.5 < y2), (cells + 0.5 > x1) & (cells + 0.5 < x2))
    weight = np.where(inside & (bump > 0.3), bump, 0) * (1.0 if exact else 0.3)
    weight[row, column] = 1.0 if exact else 0.3
    stronger = weight > target[2]
    target[3:7, stronger] = box[:, None]
    target[2] = np.maximum(target[2], weight)
    target[0] = np.maximum(target[0], bump)


def heat_loss(logits: Tensor, distances: Tensor, target: Tensor) -> Tensor:
    """CenterNet's focal loss (arXiv:1904.07850, equation 1) with the background weights, per plate.

    At a plate's centre the score should be what the box there is worth (its overlap with the true one, after quality
    focal loss, arXiv:2006.04388), so that a loose or doubtful box scores low; where labels are loose it should be one.
    """
    heat, background = target[:, 0], target[:, 1]
    logits = logits[:, 0].float()
    score = torch.sigmoid(logits).clamp(1e-5, 1 - 1e-5)
    peak = (heat > 0.999).float()
    sure = (background > 1.5) & (score.detach() > SURE) & (heat < 0.1)
    weight = torch.where(sure, torch.full_like(background, 0.15), background.clamp(max=1.0)) * (1 - peak)
    with torch.no_grad():
        shares = overlap_of(boxes_of(distances.float()), target[:, 3:7], dim=1)
        worth = torch.where(target[:, 2] > 0.99, shares.clamp(0.1, 1.0), torch.ones_like(shares))
    there = peak * (worth - score).abs() ** 2 * (worth * torch.log(score) + (1 - worth) * torch.log(1 - score))
    nowhere = weight * (1 - heat) ** 4 * score**2 * torch.log(1 - score)
    return -(2 * there.sum() + nowhere.sum()) / peak.sum().clamp(min=1)


def overlap_of(found: Tensor, wanted: Tensor, dim: int) -> Tensor:
    """Intersection over union of boxes x1, y1, x2, y2 laid along `dim`."""
    a, b = found.unbind(dim), wanted.unbind(dim)
    wide = (torch.minimum(a[2], b[2]) - torch.maximum(a[0], b[0])).clamp(min=0)
    high = (torch.minimum(a[3], b[3]) - torch.maximum(a[1], b[1])).clamp(min=0)
    union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - wide * high
    return wide * high / union.clamp(min=1e-3)


def box_loss(distances: Tensor, target: Tensor) -> Tensor:
    """1 - GIoU (arXiv:1902.09630) over the cells that have a box, weighted."""
    weight = target[:, 2]
    chosen = weight > 0
    found = boxes_of(distances.float()).permute(0, 2, 3, 1)[chosen]
    wanted = target[:, 3:7].permute(0, 2, 3, 1)[chosen]
    weights = weight[chosen]
    inner = (torch.minimum(found[:, 2:], wanted[:, 2:]) - torch.maximum(found[:, :2], wanted[:, :2])).clamp(min=0)
    outer = torch.maximum(found[:, 2:], wanted[:, 2:]) - torch.minimum(found[:, :2], wanted[:, :2])
    shared = inner.prod(dim=1)
    union = (found[:, 2:] - found[:, :2]).prod(dim=1) + (wanted[:, 2:] - wanted[:, :2]).prod(dim=1) - shared
    hull = outer.prod(dim=1)
    giou = shared / union.clamp(min=1e-3) - (hull - union) / hull.clamp(min=1e-3)
    return ((1 - giou) * weights).sum() / weights.sum().clamp(min=1)


def batch_of(scenes: Sequence[Scene]) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Scenes to RGB [batch, size, size, 3] and their targets."""
    pixels = np.stack([scene.pixels[..., ::-1] for scene in scenes])
    return pixels, np.stack([targets_of(scene) for scene in scenes])

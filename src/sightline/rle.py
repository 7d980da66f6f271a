"""Binary masks <-> the compressed run lengths of the COCO annotation format.

Runs of a picture read column by column, beginning with zeros (possibly none); from the fourth on each is written as
the difference to the last but one, in groups of 5 bits with the lowest first, bit 6 for "more", as characters from "0".
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sightline.errors import InputError
from sightline.types import I64, U8, Bool

__all__ = ["decode", "encode", "runs_of"]

_INSIDE = 128
_FIRST = 48  # "0"
_GROUPS = 13  # 5-bit groups of a 64-bit number
_MOST = 1 << 28  # pixels of a mask that is read back


def runs_of(bits: U8, left: int, top: int, width: int, height: int) -> I64:
    """Run lengths of a (height, width) picture that is empty but for `bits` (h, w), 128 and more is inside.

    left, top: where the window of `bits`, which must lie within the picture, begins. The picture itself is not made.
    """
    h, w = bits.shape
    if left < 0 or top < 0 or left + w > width or top + h > height:
        raise ValueError(f"a window of {w}x{h} at ({left}, {top}) stands out of {width}x{height}")
    columns = np.zeros((w, h + 1), np.bool_)  # every column ends outside
    np.greater_equal(bits.T, _INSIDE, out=columns[:, :h])
    flat = columns.reshape(-1)
    turns = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    if flat.size and flat[0]:
        turns = np.concatenate([np.zeros(1, turns.dtype), turns])
    column, row = np.divmod(turns, h + 1)
    at = (left + column) * height + top + row  # where runs of ones start and end, in turn
    apart = at[1:-1:2] != at[2::2]  # a run to the foot of a column goes on at the head of the next
    if not apart.all():
        keep = np.ones(len(at), np.bool_)
        keep[1:-1:2] = keep[2::2] = apart
        at = at[keep]
    total = width * height
    ends = at if len(at) and at[-1] == total else np.concatenate([at, [total]])
    return np.diff(ends, prepend=0).astype(np.int64)


def encode(bits: U8, left: int, top: int, width: int, height: int) -> str:
    """The `counts` text of a (height, width) mask that is empty but for `bits` (h, w) at (left, top)."""
    return _packed(runs_of(bits, left, top, width, height))


def _packed(runs: I64) -> str:
    values = runs.copy()
    values[3:] -= runs[1:-2]
    groups: list[NDArray[np.uint8]] = []
    wanted: list[Bool] = [np.ones(len(values), np.bool_)]
    while wanted[-1].any():
        group = values & 31
        values = values >> 5
        more: Bool = np.asarray(np.where(group & 16, values != -1, values != 0), np.bool_) & wanted[-1]
        groups.append((group + 32 * more + _FIRST).astype(np.uint8))
        wanted.append(more)
    return np.stack(groups, 1)[np.stack(wanted[:-1], 1)].tobytes().decode("ascii")


def decode(counts: str, width: int, height: int) -> Bool:
    """`counts` of a mask of that size -> (height, width) bool. Raises InputError where they do not fit."""
    if width < 1 or height < 1 or width * height > _MOST:
        raise InputError(f"a mask of {width}x{height}: expected 1 to {_MOST} pixels")
    runs = _unpacked(counts)
    total = width * height
    if (runs < 0).any() or (runs > total).any() or int(runs.sum()) != total:
        raise InputError(f"the runs of a mask of {width}x{height} do not add up to its pixels")
    ones = np.arange(len(runs)) % 2 == 1
    return np.repeat(ones, runs).reshape(width, height).T


def _unpacked(counts: str) -> I64:
    try:
        codes = np.frombuffer(counts.encode("ascii"), np.uint8).astype(np.int64) - _FIRST
    except UnicodeEncodeError:
        raise InputError("the runs of a mask: expected plain characters") from None
    if not len(codes) or (codes < 0).any() or (codes > 63).any() or codes[-1] & 32:
        raise InputError("the runs of a mask are damaged or cut short")
    last = np.flatnonzero(codes & 32 == 0)
    first = np.concatenate([[0], last[:-1] + 1])
    if int((last - first).max()) >= _GROUPS - 1:
        raise InputError("the runs of a mask are damaged: a number is too long")
    place = np.arange(len(codes)) - np.repeat(first, last - first + 1)
    values = np.add.reduceat((codes & 31) << (5 * place), first)
    negative = (codes[last] & 16) != 0
    values -= np.where(negative, np.int64(1) << (5 * (last - first + 1)), 0)
    # each from the fourth on is a difference to the last but one: two running sums, of odd and of even places
    runs = values.copy()
    runs[1::2] = np.cumsum(values[1::2])
    runs[2::2] = np.cumsum(values[2::2])
    return runs

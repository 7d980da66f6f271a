"""The way to supervision's Detections and back loses nothing that both know."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from sightline.errors import MissingExtraError
from sightline.interop.supervision import from_supervision, to_supervision
from sightline.types import Detections, Masks, Tracks

OURS = Detections(
    np.array([[1, 2, 30, 40], [5, 6, 7, 8]], np.float32),
    np.array([0.9, 0.4], np.float32),
    np.array([2, 0], np.int32),
    ("person", "", "car"),
)


@dataclass
class Theirs:
    """The fields of their class, for machines without the package."""

    xyxy: Any
    mask: Any = None
    confidence: Any = None
    class_id: Any = None
    tracker_id: Any = None
    data: dict[str, Any] = field(default_factory=dict[str, Any])


def test_from_their_columns() -> None:
    found = from_supervision(
        Theirs(OURS.xyxy, None, OURS.score, OURS.label, None, {"class_name": np.array(["car", "person"])})
    )
    assert [found.name_of(0), found.name_of(1)] == ["car", "person"]
    np.testing.assert_array_equal(found.xyxy, OURS.xyxy)
    np.testing.assert_array_equal(found.score, OURS.score)


def test_missing_columns_and_no_rows() -> None:
    bare = from_supervision(Theirs(np.array([[0, 0, 1, 1]])))
    assert (bare.score.tolist(), bare.label.tolist(), bare.name_of(0)) == ([1.0], [0], "class0")
    assert len(from_supervision(Theirs(np.zeros((0, 4))))) == 0


def test_there_and_back() -> None:
    pytest.importorskip("supervision")
    tracked = to_supervision(OURS, Tracks(np.array([7]), np.array([1])))
    assert (tracked.tracker_id.tolist(), tracked.data["class_name"].tolist()) == ([7], ["person"])
    theirs = to_supervision(OURS)
    assert theirs.tracker_id is None
    back = from_supervision(theirs, OURS.names)
    np.testing.assert_array_equal(back.xyxy, OURS.xyxy)
    np.testing.assert_array_equal(back.score, OURS.score)
    np.testing.assert_array_equal(back.label, OURS.label)
    assert len(to_supervision(Detections()).xyxy) == 0


def masked() -> Detections:
    bits = np.array([[0, 255, 0], [255, 255, 255]], np.uint8)
    masks = Masks(np.array([[2, 3, 5, 5], [0, 0, 0, 0]], np.float32), (bits, np.zeros((0, 0), np.uint8)))
    obb = np.array([[10, 20, 4, 2, 0], [10, 20, 4, 2, np.pi / 2]], np.float32)
    return Detections(OURS.xyxy, OURS.score, OURS.label, OURS.names, masks=masks, columns={"obb": obb})


def test_their_masks_become_small_windows() -> None:
    dense = np.zeros((3, 8, 9), np.bool_)
    dense[0, 2:5, 3:7] = dense[2, 7, 8] = True
    dense[0, 3, 4] = False
    back = from_supervision(Theirs(np.zeros((3, 4)), dense)).masks
    assert back is not None
    assert back.window.tolist() == [[3, 2, 7, 5], [0, 0, 0, 0], [8, 7, 9, 8]]
    np.testing.assert_array_equal(back.dense(9, 8), dense)


def test_masks_need_the_size_of_the_frame() -> None:
    with pytest.raises(ValueError, match="frame_wh"):
        to_supervision(masked())


def test_masks_and_oriented_boxes_there_and_back() -> None:
    pytest.importorskip("supervision", reason="supervision is not installed")
    theirs = to_supervision(masked(), frame_wh=(9, 8))
    assert theirs.mask.shape == (2, 8, 9)
    assert np.argwhere(theirs.mask[0]).tolist() == [[3, 3], [4, 2], [4, 3], [4, 4]]
    back = from_supervision(theirs).masks
    assert back is not None
    np.testing.assert_array_equal(back.dense(9, 8), theirs.mask)
    assert theirs.data["xyxyxyxy"][0].tolist() == [[8, 19], [12, 19], [12, 21], [8, 21]]
    np.testing.assert_allclose(theirs.data["xyxyxyxy"][1], [[11, 18], [11, 22], [9, 22], [9, 18]], atol=1e-5)
    only = to_supervision(masked(), Tracks(np.array([7]), np.array([1])), (9, 8))
    assert not only.mask.any()
    assert only.mask.shape == (1, 8, 9)


def test_without_the_package_the_extra_is_named() -> None:
    try:
        import supervision  # noqa: F401  # pyright: ignore[reportMissingImports]
    except ImportError:
        with pytest.raises(MissingExtraError, match=r"sightline\[supervision\]"):
            to_supervision(OURS)

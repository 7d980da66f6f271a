"""The way to supervision's Detections and back loses nothing that both know."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from sightline.errors import MissingExtraError
from sightline.interop.supervision import from_supervision, to_supervision
from sightline.types import Detections, Tracks

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


def test_without_the_package_the_extra_is_named() -> None:
    try:
        import supervision  # noqa: F401  # pyright: ignore[reportMissingImports]
    except ImportError:
        with pytest.raises(MissingExtraError, match=r"sightline\[supervision\]"):
            to_supervision(OURS)

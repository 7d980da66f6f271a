"""Which keypoints are joined by lines, and what they are called, by the number of keypoints an object has.

Sources: COCO, OpenPose (COCO-18, BODY_25), Halpe-26, MPII, COCO-WholeBody, MediaPipe (pose, hand, face mesh), NVIDIA's
34-point body, the 68 points of 300-W, and WFLW's 98. Counts that several annotations use differently have no lines.
"""

from __future__ import annotations

from itertools import pairwise

__all__ = ["keypoint_names", "limbs"]

Pairs = tuple[tuple[int, int], ...]


def _chain(*points: int) -> Pairs:
    """Lines from each point to the next."""
    return tuple(pairwise(points))


def _span(first: int, last: int) -> Pairs:
    """Lines along the points `first` to `last`."""
    return _chain(*range(first, last + 1))


def _loop(first: int, last: int) -> Pairs:
    """As `_span`, and back to the first."""
    return (*_span(first, last), (last, first))


def _moved(pairs: Pairs, by: int) -> Pairs:
    return tuple((a + by, b + by) for a, b in pairs)


_COCO: Pairs = (
    *((15, 13), (13, 11), (16, 14), (14, 12), (11, 12), (5, 11), (6, 12), (5, 6), (5, 7), (6, 8), (7, 9), (8, 10)),
    *((1, 2), (0, 1), (0, 2), (1, 3), (2, 4), (3, 5), (4, 6)),
)
_OPENPOSE_18: Pairs = (
    *((1, 2), (1, 5), (2, 3), (3, 4), (5, 6), (6, 7), (1, 8), (8, 9), (9, 10), (1, 11), (11, 12), (12, 13)),
    *((1, 0), (0, 14), (14, 16), (0, 15), (15, 17)),
)
_BODY_25: Pairs = (
    *((1, 8), (1, 2), (1, 5), (2, 3), (3, 4), (5, 6), (6, 7), (8, 9), (9, 10), (10, 11), (8, 12), (12, 13), (13, 14)),
    *((1, 0), (0, 15), (15, 17), (0, 16), (16, 18), (14, 19), (19, 20), (14, 21), (11, 22), (22, 23), (11, 24)),
)
_HALPE_26: Pairs = (
    *((15, 13), (13, 11), (11, 19), (16, 14), (14, 12), (12, 19), (17, 18), (18, 19), (18, 5), (5, 7), (7, 9)),
    *((18, 6), (6, 8), (8, 10), (1, 2), (0, 1), (0, 2), (1, 3), (2, 4), (3, 5), (4, 6)),
    *((15, 20), (15, 22), (15, 24), (16, 21), (16, 23), (16, 25)),
)
_MPII: Pairs = (*_chain(0, 1, 2, 6, 3, 4, 5), *_chain(6, 7, 8, 9), *_chain(10, 11, 12, 7, 13, 14, 15))
_HAND: Pairs = (
    *_span(0, 4),
    *_chain(0, 5, 6, 7, 8),
    *_chain(5, 9, 10, 11, 12),
    *_chain(9, 13, 14, 15, 16),
    *_chain(13, 17, 18, 19, 20),
    (0, 17),
)
_BLAZE: Pairs = (
    *_chain(0, 1, 2, 3, 7),
    *_chain(0, 4, 5, 6, 8),
    (9, 10),
    *_chain(19, 15, 13, 11, 12, 14, 16, 20),
    *((15, 17), (15, 21), (17, 19), (16, 18), (16, 22), (18, 20)),
    *((11, 23), (12, 24), (23, 24)),
    *_chain(23, 25, 27, 29, 31, 27),
    *_chain(24, 26, 28, 30, 32, 28),
)
_BODY_34: Pairs = (
    *_chain(0, 1, 4, 7),
    *_chain(0, 2, 5, 8),
    *_chain(0, 3, 6, 15),
    *_chain(6, 20, 22, 24),
    *_chain(6, 21, 23, 25),
    *_chain(15, 16, 18),
    *_chain(15, 17, 19),
    *((7, 9), (7, 11), (7, 13), (8, 10), (8, 12), (8, 14)),
    *((24, 26), (24, 28), (24, 30), (24, 32), (25, 27), (25, 29), (25, 31), (25, 33)),
)
_FACE_68: Pairs = (
    *_span(0, 16),
    *_span(17, 21),
    *_span(22, 26),
    *_span(27, 30),
    *_span(31, 35),
    *_loop(36, 41),
    *_loop(42, 47),
    *_loop(48, 59),
    *_loop(60, 67),
)
_FACE_98: Pairs = (
    *_span(0, 32),
    *_loop(33, 41),
    *_loop(42, 50),
    *_span(51, 54),
    *_span(55, 59),
    *_loop(60, 67),
    *_loop(68, 75),
    *_loop(76, 87),
    *_loop(88, 95),
)
_FACE_MESH: Pairs = (
    *_chain(10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377, 152),
    *_chain(152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109, 10),
    *_chain(61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291),
    *_chain(61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291),
    *_chain(78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308),
    *_chain(78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308),
    *_chain(263, 249, 390, 373, 374, 380, 381, 382, 362),
    *_chain(263, 466, 388, 387, 386, 385, 384, 398, 362),
    *_chain(33, 7, 163, 144, 145, 153, 154, 155, 133),
    *_chain(33, 246, 161, 160, 159, 158, 157, 173, 133),
    *_chain(276, 283, 282, 295, 285),
    *_chain(300, 293, 334, 296, 336),
    *_chain(46, 53, 52, 65, 55),
    *_chain(70, 63, 105, 66, 107),
)
_WHOLE_BODY: Pairs = (
    *_COCO,
    *((15, 17), (15, 18), (15, 19), (16, 20), (16, 21), (16, 22)),
    *_moved(_FACE_68, 23),
    *_moved(_HAND, 91),
    *_moved(_HAND, 112),
)

_LIMBS: dict[int, Pairs] = {
    16: _MPII,
    17: _COCO,
    18: _OPENPOSE_18,
    21: _HAND,
    25: _BODY_25,
    26: _HALPE_26,
    33: _BLAZE,
    34: _BODY_34,
    68: _FACE_68,
    80: (*_FACE_68, *_loop(68, 71), *_loop(72, 75)),
    98: _FACE_98,
    133: _WHOLE_BODY,
    468: _FACE_MESH,
    478: (*_FACE_MESH, *_loop(469, 472), *_loop(474, 477)),
}


def limbs(count: int) -> Pairs:
    """The pairs of keypoints to join, for objects of `count` keypoints; () where none are known."""
    return _LIMBS.get(count, ())


_NAMES: dict[int, str] = {
    5: "left_eye right_eye nose left_mouth right_mouth",
    6: "right_eye left_eye nose mouth right_ear left_ear",
    16: "right_ankle right_knee right_hip left_hip left_knee left_ankle pelvis thorax upper_neck head_top right_wrist "
    "right_elbow right_shoulder left_shoulder left_elbow left_wrist",
    17: "nose left_eye right_eye left_ear right_ear left_shoulder right_shoulder left_elbow right_elbow left_wrist "
    "right_wrist left_hip right_hip left_knee right_knee left_ankle right_ankle",
    18: "nose neck right_shoulder right_elbow right_wrist left_shoulder left_elbow left_wrist right_hip right_knee "
    "right_ankle left_hip left_knee left_ankle right_eye left_eye right_ear left_ear",
    21: "wrist thumb_1 thumb_2 thumb_3 thumb_tip index_1 index_2 index_3 index_tip middle_1 middle_2 middle_3 "
    "middle_tip ring_1 ring_2 ring_3 ring_tip little_1 little_2 little_3 little_tip",
    25: "nose neck right_shoulder right_elbow right_wrist left_shoulder left_elbow left_wrist mid_hip right_hip "
    "right_knee right_ankle left_hip left_knee left_ankle right_eye left_eye right_ear left_ear left_big_toe "
    "left_small_toe left_heel right_big_toe right_small_toe right_heel",
    33: "nose left_eye_inner left_eye left_eye_outer right_eye_inner right_eye right_eye_outer left_ear right_ear "
    "mouth_left mouth_right left_shoulder right_shoulder left_elbow right_elbow left_wrist right_wrist left_pinky "
    "right_pinky left_index right_index left_thumb right_thumb left_hip right_hip left_knee right_knee left_ankle "
    "right_ankle left_heel right_heel left_foot_index right_foot_index",
    34: "pelvis left_hip right_hip torso left_knee right_knee neck left_ankle right_ankle left_big_toe right_big_toe "
    "left_small_toe right_small_toe left_heel right_heel nose left_eye right_eye left_ear right_ear left_shoulder "
    "right_shoulder left_elbow right_elbow left_wrist right_wrist left_pinky_knuckle right_pinky_knuckle "
    "left_middle_tip right_middle_tip left_index_knuckle right_index_knuckle left_thumb_tip right_thumb_tip",
}


def keypoint_names(count: int) -> tuple[str, ...]:
    """What the keypoints of an object of `count` keypoints are called; () where no names are known.

    "left" and "right" are the person's own.
    """
    return tuple(_NAMES.get(count, "").split())

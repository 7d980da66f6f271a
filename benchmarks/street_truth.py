"""What models of several tasks would say of a drawn street, read off the drawing itself: masks, skeletons, classes."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import cv2
import numpy as np

from sightline.sources.backdrop import backdrop, fixtures
from sightline.sources.painting import Pose, cover, dressed, placed
from sightline.sources.scene import FAR_KERB, LABELS, NEAR_KERB, WALL
from sightline.sources.synthetic import Scene
from sightline.types import F32, U8, Detections, Masks, Prediction

__all__ = ["AREAS", "StreetTruth"]

AREAS = ("sky", "building", "road", "pavement", "tree", "post", "person", "car", "bike")
_LEAST = 250  # pixels of an object worth showing


@dataclass(frozen=True)
class StreetTruth:
    """One frame of a street and what is on it."""

    scene: Scene
    index: int
    _keys: U8 = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_keys", self._painted())

    @cached_property
    def poses(self) -> list[Pose]:
        """Everything on the street from far to near, as the scene paints it."""
        camera, t = self.scene.street.camera, self.scene.time_s(self.index)
        things = [
            (camera.depth(f.u, f.v), placed(camera, f.figure, f.paints, (f.u, f.v), (f.size, f.size), (0, 0), None))
            for f in fixtures(self.scene.street)
        ]
        for actor in self.scene.street.actors(t, t):
            ground = actor.u(t), actor.v
            grow = actor.heading * actor.size, actor.size
            things.append((camera.depth(*ground), placed(camera, *dressed(actor, t), ground, grow, (0, 0), actor)))
        return [pose for _, pose in sorted(things, key=lambda thing: -thing[0]) if pose is not None]

    def _painted(self) -> U8:
        """(height, width): the number, from 1, of the pose that is in front; 0 none."""
        keys = np.zeros((self.scene.height, self.scene.width), np.uint8)
        for number, pose in enumerate(self.poses, 1):
            cover(keys, pose, number)
        return keys

    def actors(self, *labels: str) -> list[tuple[int, Pose]]:
        """Number and pose of the actors with these labels that show enough of themselves, nearest first."""
        seen = np.bincount(self._keys.reshape(-1), minlength=256)
        chosen = {LABELS.index(label) for label in labels or LABELS}
        return [
            (number, pose)
            for number, pose in reversed(list(enumerate(self.poses, 1)))
            if pose.actor is not None and pose.actor.label in chosen and seen[number] >= _LEAST
        ]

    def objects(self, *labels: str) -> Detections:
        """The actors with these labels (none: all), each with the mask of its visible part."""
        chosen = self.actors(*labels)
        windows, bits = np.zeros((len(chosen), 4), np.float32), []
        for row, (number, _) in enumerate(chosen):
            mine = (self._keys == number).view(np.uint8)
            x, y, w, h = cv2.boundingRect(mine)
            windows[row] = x, y, x + w, y + h
            bits.append(mine[y : y + h, x : x + w] * np.uint8(255))
        label = np.array([pose.actor.label for _, pose in chosen if pose.actor is not None], np.int32)
        score = np.linspace(0.96, 0.71, len(chosen), dtype=np.float32)
        return Detections(windows.copy(), score, label, LABELS, masks=Masks(windows, tuple(bits)))

    def walkers(self) -> Detections:
        """The people on foot with the 17 keypoints of COCO."""
        found = self.objects("person")
        points = [_joints(pose) for _, pose in self.actors("person")]
        keypoints = np.stack(points) if points else np.zeros((0, 17, 3), np.float32)
        return Detections(found.xyxy, found.score, found.label, found.names, keypoints=keypoints)

    def areas(self) -> Prediction:
        """A class for every pixel."""
        street, (h, w) = self.scene.street, self._keys.shape
        out = np.full((h, w), AREAS.index("building"), np.uint8)
        empty = backdrop(street, 0).astype(np.int64)
        sky = (empty[..., 2] - empty[..., 0] > 40) & (np.arange(h)[:, None] < street.camera.horizon)
        out[sky] = AREAS.index("sky")
        ends = [street.camera.along(x, WALL) for x in (-0.3 * w, 1.3 * w)]
        near = -0.6 * street.camera.back
        for far, close, area in ((WALL, near, "pavement"), (FAR_KERB, NEAR_KERB, "road")):
            corners = np.array([(ends[0], far, 0), (ends[1], far, 0), (ends[1], close, 0), (ends[0], close, 0)])
            points = np.clip(street.camera.project(corners), -20_000, 20_000)
            cv2.fillPoly(out, [np.round(points * 16).astype(np.int32)], AREAS.index(area), cv2.LINE_8, 4)
        for number, pose in enumerate(self.poses, 1):
            if pose.actor is not None:
                name = LABELS[pose.actor.label]
            else:
                name = "tree" if len(pose.paints) > 2 else "post"
            out[self._keys == number] = AREAS.index(name)
        return Prediction(classmap=out, map_names=AREAS)


def _joints(pose: Pose) -> F32:
    """The 17 keypoints of COCO of a walker, from the ends of the bones that were drawn."""
    points, parts = pose.points / 16.0 + 0.5, pose.figure.parts

    def bone(number: int) -> tuple[np.ndarray, np.ndarray]:
        quad = points[parts[number].start : parts[number].stop]
        return (quad[0] + quad[3]) / 2, (quad[1] + quad[2]) / 2

    bones = [k for k, part in enumerate(parts) if part.stop - part.start == 4 and part.paint in (2, 3)]
    legs = [k for k in bones if parts[k].paint == 3]
    arms = [k for k in bones if parts[k].paint == 2]
    arms = [*arms[:2], *arms[-2:]]  # between them there may be a skirt
    head = points[parts[-1].start : parts[-1].stop]
    middle, wide = head.mean(0), float(np.ptp(head[:, 0]))
    ahead = np.sign(middle[0] - points[parts[-2].start : parts[-2].stop, 0].mean()) * wide
    out = np.zeros((17, 3), np.float32)
    nose, eye, ear = (0.5 * ahead, 0.05 * wide), (0.3 * ahead, -0.1 * wide), (-0.3 * ahead, 0.0)
    out[:5, :2] = np.array([nose, eye, eye, ear, ear]) + middle
    for side in (0, 1):  # the far one is drawn first
        shoulder, elbow = bone(arms[2 * side])
        hip, knee = bone(legs[2 * side])
        places = (shoulder, elbow, bone(arms[2 * side + 1])[1], hip, knee, bone(legs[2 * side + 1])[1])
        for joint, place in zip((5, 7, 9, 11, 13, 15), places, strict=True):
            out[joint + side, :2] = place
    out[:, 2] = 0.9
    return out

"""The options that every tracker here has, and what a tracker does at its beginning."""

from __future__ import annotations

from dataclasses import dataclass, field

from sightline.trackers.checks import check_fractions, check_life
from sightline.trackers.lifecycle import Lifecycle
from sightline.trackers.matching import ANY_SIZE, Size
from sightline.trackers.population import Moving, Population

__all__ = ["Terms"]


@dataclass(eq=False, kw_only=True)
class Terms:
    """The options that all trackers share; each adds its own, and may begin from other values.

    confirm: sightings until a track gets its id. early: looks in vain, one after another, after which a track without
    an id ends (None: it may be missed as long as one with an id).
    lost_s: seconds that a track may go unseen. lost_frames: the same as a number of frames that the model sees, in its
    stead. coast_s: seconds for which its predicted box is still reported.
    apart: a detection that overlaps a track by more than this IoU begins no new one (1: it does). most: most tracks
    at a time, the surest detections first (0: no limit).
    class_agnostic: ignore labels. Otherwise a track takes detections of its own label, and one of another label only
    where no track of that label wants it and the IoU is at least `relabel` (1: never); the track then goes on under
    that label.
    size_match: least similarity in size, smaller area / larger area, of a track's box and a detection (0: any).
    size_weight: its share in how well the two fit; the rest is the IoU.
    """

    confirm: int = 2
    early: int | None = 1
    lost_s: float = 1.0
    lost_frames: int | None = None
    coast_s: float = 0.5
    apart: float = 1.0
    most: int = 0
    class_agnostic: bool = False
    relabel: float = 0.7
    size_match: float = 0.0
    size_weight: float = 0.0
    _life: Lifecycle = field(init=False, repr=False)

    def __post_init__(self) -> None:
        check_fractions(
            apart=self.apart, relabel=self.relabel, size_match=self.size_match, size_weight=self.size_weight
        )
        check_life(self.confirm, self.lost_s, self.coast_s)
        for name, value, least in (
            ("early", self.early, 1),
            ("lost_frames", self.lost_frames, 0),
            ("most", self.most, 0),
        ):
            if value is not None and value < least:
                raise ValueError(f"{name}: expected at least {least}, got {value}")
        self.reset()

    def reset(self) -> None:
        """Forget everything, ids included."""
        self._life = self._begin(Moving())

    def _begin(self, tracks: Population, *, instant: bool = False) -> Lifecycle:
        """No tracks yet; `tracks` is an empty population of the kind that the tracker needs."""
        return Lifecycle(
            self.confirm,
            self.lost_s,
            self.coast_s,
            early=self.early,
            lost_frames=self.lost_frames,
            apart=self.apart,
            most=self.most,
            instant=instant,
            tracks=tracks,
        )

    @property
    def _other(self) -> float | None:
        """What `match` takes as `relabel`."""
        return None if self.class_agnostic else self.relabel

    @property
    def _size(self) -> Size:
        return Size(self.size_match, self.size_weight) if self.size_match or self.size_weight else ANY_SIZE

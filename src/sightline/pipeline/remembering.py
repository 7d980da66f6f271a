"""What was said of an object stays with its track: when to look again, and what most of the last answers said. Pure."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from sightline.pipeline.answers import moved, sureness
from sightline.types import F32, Attribute, Prediction

__all__ = ["Key", "Memory", "Rule"]

Key = tuple[int, ...]  # a track's id; of what lies within, then its number among the objects of its parent


@dataclass(frozen=True, slots=True)
class Rule:
    """Look again once the area has grown by the share `grown`, or `frames` (0: never for that) have passed.

    Or the label is another one, or the answer is less sure than `sure`, which is asked for at most `tries` times.
    """

    grown: float = 0.2
    frames: int = 0
    sure: float = 0.5
    tries: int = 3


@dataclass(slots=True)
class _Entry:
    answer: Prediction
    box: F32
    label: str
    index: int
    tries: int


@dataclass(slots=True)
class Memory:
    """What one stage said of one stream's tracks. rule: None, every answer is asked for. smooth: votes counted."""

    rule: Rule | None = None
    smooth: int = 0
    recalled: int = 0
    _entries: dict[Key, _Entry] = field(default_factory=dict[Key, _Entry])
    _votes: dict[Key, dict[str, deque[Attribute]]] = field(default_factory=dict[Key, dict[str, deque[Attribute]]])

    def fresh(self, key: Key, box: F32, label: str, index: int) -> Prediction | None:
        """The answer that still stands for the object now at `box` in frame `index`; None: look again."""
        entry = self._entries.get(key)
        if entry is None or self.rule is None or entry.label != label:
            return None
        rule = self.rule
        if _area(box) > (1 + rule.grown) * _area(entry.box) or 0 < rule.frames <= index - entry.index:
            return None
        if entry.tries < rule.tries and sureness(entry.answer) < rule.sure:
            return None
        answer = moved(entry.answer, entry.box, box)
        self.recalled += answer is not None
        return answer

    def last(self, key: Key, box: F32) -> Prediction | None:
        """The last answer, however old, for the object now at `box`."""
        entry = self._entries.get(key)
        return None if entry is None else moved(entry.answer, entry.box, box)

    @property
    def keys(self) -> tuple[Key, ...]:
        """All that something is remembered of."""
        return tuple(self._entries)

    def told_at(self, key: Key) -> int:
        """The frame that the last answer is from; -1 where there is none."""
        entry = self._entries.get(key)
        return -1 if entry is None else entry.index

    def put(self, key: Key, answer: Prediction, box: F32, label: str, index: int) -> Prediction:
        """Remember what was said of the object at `box` in frame `index`; returns it as it is to be told."""
        known = self._entries.get(key)
        if known is not None and known.index > index:
            return answer  # an older frame's answer came late
        answer = self._smoothed(key, answer) if self.smooth else answer
        again = known is not None and sureness(answer) < (self.rule.sure if self.rule else 0.0)
        tries = known.tries + 1 if known is not None and again else 1
        self._entries[key] = _Entry(answer, np.array(box, np.float32), label, index, tries)
        return answer

    def _smoothed(self, key: Key, answer: Prediction) -> Prediction:
        votes = self._votes.setdefault(key, {})
        asked: dict[str, Attribute] = {}
        for one in answer.attributes:
            asked.setdefault(one.name, one)
        for name, one in asked.items():
            votes.setdefault(name, deque(maxlen=self.smooth)).append(one)
        return replace(answer, attributes=tuple(_majority(votes[name]) for name in asked))

    def forget(self, tracks: Iterable[int]) -> None:
        """Let go of tracks that will not come back."""
        gone = set(tracks)
        for kept in (self._entries, self._votes):
            for key in [key for key in kept if key[0] in gone]:
                del kept[key]

    def drop(self, keys: Iterable[Key]) -> None:
        """Let go of objects within a track that have not been seen for long, and of what lies in them."""
        gone = set(keys)
        for kept in (self._entries, self._votes):
            for key in [key for key in kept if any(key[: len(one)] == one for one in gone)]:
                del kept[key]


def _majority(votes: Sequence[Attribute]) -> Attribute:
    """The label that most gave, of several the one given last, with the mean score of those that gave it."""
    counts = Counter(vote.label for vote in votes)
    most = max(counts.values())
    last = next(vote for vote in reversed(votes) if counts[vote.label] == most)
    scores = [vote.score for vote in votes if vote.label == last.label]
    return replace(last, score=sum(scores) / len(scores))


def _area(box: F32) -> float:
    return float((box[2] - box[0]) * (box[3] - box[1]))

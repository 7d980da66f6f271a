"""Which packets belong to which recording: begun by a wish, prolonged by others, cut when long, ended in time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from sightline.sinks.clip import Clip
from sightline.sinks.packets import Coded, PacketMemory
from sightline.sinks.trigger import Wish

__all__ = ["Snippets"]

Run = tuple[int, int]


@dataclass(slots=True)
class _Snippet:
    """What is being recorded. cursor: the ordinal of the next packet to copy; until_s: its end as things stand."""

    run: Run
    cursor: int
    until_s: float
    why: str
    clip: Clip | None = None


@dataclass(slots=True)
class Snippets:
    """One stream's recordings, a frame at a time. Times are the stream's own seconds.

    begin: makes the file that a key picture begins, for a reason; finish: ends it. Both may raise OutputError, as may
    `step` and `end`; nothing is being recorded then.
    """

    memory: PacketMemory
    pre_s: float
    post_s: float
    longest_s: float
    begin: Callable[[Coded, str], Clip]
    finish: Callable[[Clip], None]
    _now: _Snippet | None = field(default=None, init=False)

    @property
    def begins_s(self) -> float | None:
        """Where the file that is being written begins; None where none is."""
        return None if self._now is None or self._now.clip is None else self._now.clip.begins_s

    def step(self, run: Run, now_s: float, wish: Wish) -> None:
        """What becomes of the frame at `now_s`, and of everything before it."""
        if self._now is not None and self._now.run != run:
            self.end()
        if wish and self._now is None:
            cursor = self.memory.start_of(run, now_s - self.pre_s)
            self._now = _Snippet(run, self.memory.next_ordinal if cursor is None else cursor, now_s, wish.why)
        snippet = self._now
        if snippet is not None:
            if wish:
                snippet.until_s = now_s + self.post_s
            complete = self._copy(snippet, min(now_s, snippet.until_s))
            shown_s = snippet.until_s if snippet.clip is None else snippet.clip.shows_s
            if complete and now_s > snippet.until_s and now_s >= shown_s:
                self.end()
        self.memory.forget_before(run, now_s - self.pre_s, None if self._now is None else self._now.cursor)

    def end(self) -> None:
        """Finish what is being recorded, with everything that is there of it."""
        snippet = self._now
        if snippet is None:
            return
        self._copy(snippet, snippet.until_s)
        self._now = None
        if snippet.clip is not None:
            self.finish(snippet.clip)

    def drop(self) -> None:
        """Forget what is being recorded: it failed."""
        snippet, self._now = self._now, None
        if snippet is not None and snippet.clip is not None:
            snippet.clip.discard()

    def _copy(self, snippet: _Snippet, until_s: float) -> bool:
        """Copy packets up to a moment, and those shown before what was copied last; True where there are more.

        A file begins with a key picture, and goes on in another when it is long.
        """
        for coded in self.memory.since(snippet.cursor):
            clip = snippet.clip
            beyond = coded.decoded_s > until_s and (clip is None or coded.shown_s > clip.shows_s)
            if coded.opening.run != snippet.run or beyond:
                return True
            if clip is None:
                snippet.clip = self.begin(coded, snippet.why) if coded.key else None
            elif coded.key and coded.shown_s - clip.begins_s >= self.longest_s:
                if coded.shown_s > until_s:
                    return True  # not everything that is shown before it has been judged yet
                snippet.clip = None
                self.finish(clip)
                snippet.clip = self.begin(coded, snippet.why)
            else:
                clip.put(coded)
            snippet.cursor = coded.ordinal + 1
        return False

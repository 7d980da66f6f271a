"""Where labels go: beside their box, inside the frame, off one another where there is room."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["Placer"]

_MANY = 120  # beyond so many labels they cover one another whatever is done


class Placer:
    """Gives the labels of one frame their places, first come first served. Sizes and places are whole pixels."""

    def __init__(self, width: int, height: int) -> None:
        self._width, self._height = width, height
        self._taken: list[tuple[int, int, int, int]] = []

    def beside(self, box: tuple[int, int, int, int], w: int, h: int) -> tuple[int, int]:
        """The even top left corner for a label of (w, h) that belongs to `box` (x1, y1, x2, y2)."""
        x1, y1, x2, y2 = box
        wishes = (
            (x1, y1 - h),  # on top of it
            (x1, y1),  # in its upper corner
            (x2 - w, y1 - h),
            (x1, y2),  # below it
            (x1, y2 - h),
            (x2, y1),  # to its right
            (x1 - w, y1),
            (x1, y1 - 2 * h),  # one line higher
            (x1, y1 + h),
        )
        return self.first_free(wishes, w, h)

    def first_free(self, wishes: Sequence[tuple[int, int]], w: int, h: int) -> tuple[int, int]:
        """The first of `wishes` (one or more) that is inside and free; else the first inside; else the nearest."""
        fallback: tuple[int, int] | None = None
        for wish in wishes:
            x, y = self._inside(wish, w, h)
            if y != wish[1] & ~1:
                continue  # pushed off its box
            if fallback is None:
                fallback = x, y
            if self._free(x, y, w, h):
                return self._take(x, y, w, h)
        return self._take(*(fallback or self._inside(wishes[0], w, h)), w, h)

    def _inside(self, wish: tuple[int, int], w: int, h: int) -> tuple[int, int]:
        return max(0, min(wish[0], self._width - w)) & ~1, max(0, min(wish[1], self._height - h)) & ~1

    def _free(self, x: int, y: int, w: int, h: int) -> bool:
        if len(self._taken) > _MANY:
            return True
        return not any(x < x2 and x1 < x + w and y < y2 and y1 < y + h for x1, y1, x2, y2 in self._taken)

    def _take(self, x: int, y: int, w: int, h: int) -> tuple[int, int]:
        self._taken.append((x, y, x + w, y + h))
        return x, y

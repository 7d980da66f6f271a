"""Where labels go: beside their box, inside the frame, off one another where there is room."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["Placer"]

_MANY = 120  # beyond so many labels they cover one another whatever is done
_BAND = 5  # labels are kept by the bands of 32 rows that they touch, so that few have to be compared


class Placer:
    """Gives the labels of one frame their places, first come first served. Sizes and places are whole pixels."""

    __slots__ = ("_bands", "_count", "_height", "_width")

    def __init__(self, width: int, height: int) -> None:
        self._width, self._height = width, height
        self._bands: dict[int, list[tuple[int, int, int, int]]] = {}
        self._count = 0

    def beside(self, box: tuple[int, int, int, int], w: int, h: int) -> tuple[int, int]:
        """The even top left corner for a label of (w, h) that belongs to `box` (x1, y1, x2, y2)."""
        x1, y1, x2, y2 = box  # its edges may lie half outside the frame
        seen = x1 if x1 > 0 else 0, y1 if y1 > 0 else 0, min(x2, self._width), min(y2, self._height)
        return self.first_free(_around(seen, w, h), w, h)

    def first_free(self, wishes: Iterable[tuple[int, int]], w: int, h: int) -> tuple[int, int]:
        """The first of `wishes` (one or more) that is inside and free; else the first inside; else the nearest."""
        most_x, most_y = max(0, self._width - w), max(0, self._height - h)
        nearest: tuple[int, int] | None = None
        fallback: tuple[int, int] | None = None
        for wish_x, wish_y in wishes:
            x = (0 if wish_x < 0 else most_x if wish_x > most_x else wish_x) & ~1
            y = (0 if wish_y < 0 else most_y if wish_y > most_y else wish_y) & ~1
            if nearest is None:
                nearest = x, y
            if y != wish_y & ~1:
                continue  # pushed off its box
            if self._free(x, y, w, h):
                return self._take(x, y, w, h)
            if fallback is None:
                fallback = x, y
        place = fallback or nearest
        if place is None:
            raise ValueError("a label needs at least one place to wish for")
        return self._take(*place, w, h)

    def _free(self, x: int, y: int, w: int, h: int) -> bool:
        if self._count > _MANY:
            return True
        right, bottom = x + w, y + h
        for band in range(y >> _BAND, (bottom - 1 >> _BAND) + 1):
            for x1, y1, x2, y2 in self._bands.get(band, ()):
                if x < x2 and x1 < right and y < y2 and y1 < bottom:
                    return False
        return True

    def _take(self, x: int, y: int, w: int, h: int) -> tuple[int, int]:
        self._count += 1
        for band in range(y >> _BAND, (y + h - 1 >> _BAND) + 1):
            self._bands.setdefault(band, []).append((x, y, x + w, y + h))
        return x, y


def _around(box: tuple[int, int, int, int], w: int, h: int) -> Iterable[tuple[int, int]]:
    """Places for a label, best first; most labels take the first."""
    x1, y1, x2, y2 = box
    yield x1, y1 - h  # on top of it
    yield x1, y1  # in its upper corner
    yield x2 - w, y1 - h
    yield x1, y2  # below it
    yield x1, y2 - h
    yield x2, y1  # to its right
    yield x1 - w, y1
    yield x1, y1 - 2 * h  # one line higher
    yield x1, y1 + h

"""The arguments of a layer in a network's yaml, read by place and kind."""

from __future__ import annotations

from dataclasses import dataclass

from sightline.errors import ModelError
from sightline.models.importers.layer_writer import Pair
from sightline.models.importers.yolov7_yaml import Activation, Argument

__all__ = ["Arguments"]


@dataclass(frozen=True, slots=True)
class Arguments:
    """The arguments of a module by their place; what is not given has its default."""

    at: str
    values: tuple[Argument, ...]

    def whole(self, place: int, default: int | None = None) -> int:
        value = self._value(place, default)
        if isinstance(value, bool) or not isinstance(value, int) or not 0 < value <= 1 << 16:
            raise self._wrong(place, value, "a whole number above 0")
        return value

    def number(self, place: int, default: float) -> float:
        value = self._value(place, default)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value <= 64:
            raise self._wrong(place, value, "a number above 0")
        return float(value)

    def flag(self, place: int, default: bool) -> bool:
        value = self._value(place, default)
        if not isinstance(value, (bool, int)):
            raise self._wrong(place, value, "true or false")
        return bool(value)

    def pair(self, place: int, default: Pair) -> Pair:
        value = self._value(place, default)
        found = value if isinstance(value, tuple) else (value,)
        whole = [n for n in found if isinstance(n, int) and not isinstance(n, bool) and 0 <= n <= 64]
        if len(whole) != len(found) or not 1 <= len(whole) <= 2:
            raise self._wrong(place, value, "one or two small numbers")
        return whole[0] if len(whole) == 1 else tuple(whole)

    def padding(self, place: int) -> Pair | None:
        return None if self._value(place, None) is None else self.pair(place, 0)

    def sizes(self, place: int, default: tuple[int, ...]) -> tuple[int, ...]:
        value = self._value(place, default)
        if not isinstance(value, tuple) or not value or len(value) > 8 or not all(0 < n <= 64 for n in value):
            raise self._wrong(place, value, "a few small numbers")
        return value

    def act(self, place: int) -> bool | Activation:
        value = self._value(place, True)
        # as the published code: what is no activation leaves none
        return value if isinstance(value, Activation) or value is True else False

    def _value(self, place: int, default: Argument) -> Argument:
        return self.values[place] if place < len(self.values) else default

    def _wrong(self, place: int, value: Argument, wanted: str) -> ModelError:
        return ModelError(f"{self.at}: its argument {place + 1} is {str(value)[:40]}, not {wanted}")

"""The user's code, loaded: answers frames one by one, and is loaded anew when it was saved. Used on both sides."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from types import ModuleType
from typing import Generic, TypeVar

from sightline.errors import UsageError
from sightline.parsers.blame import blamed
from sightline.parsers.code import Code
from sightline.parsers.plain import NotPlain
from sightline.parsers.requirements import FILE, unmet
from sightline.parsers.returned import Unfit
from sightline.parsers.room import Room

__all__ = ["Fault", "Served"]

T = TypeVar("T")


class Fault(Exception):
    """The user's code went wrong; the message names its file and line. spent: its process should not go on."""

    def __init__(self, message: str, spent: bool = False) -> None:
        super().__init__(message)
        self.spent = spent


@dataclass(slots=True)
class Served(Generic[T]):
    """The user's code as what `adapt` makes of its module. notes: what the user should know, emptied by the caller."""

    code: Code
    adapt: Callable[[ModuleType, Code], T]
    notes: list[str] = field(default_factory=list[str])
    room: Room = field(init=False)
    _made: T | None = None

    def __post_init__(self) -> None:
        self.room = Room(self.code.path)

    def load(self) -> T:
        """Read the file, run it, call its `setup(options)`. Raises Fault.

        What its requirements.txt asks for and is not there becomes notes.
        """
        missing = [item.why for item in unmet(self.room.folder)]
        try:
            with self.room.inside():
                module = self.room.load()
                made = self.adapt(module, self.code)
                setup = getattr(module, "setup", None)
                if callable(setup):
                    setup(dict(self.code.options))
        except UsageError as error:
            raise Fault(f"{self.code.path.name}: {error}") from error
        except BaseException as error:  # noqa: BLE001  the user's code
            told = blamed(error, self.code.path)
            if missing and isinstance(error, ImportError):
                told += f"\n{FILE}: {'; '.join(missing)}: pip install -r {FILE}, or say environment: true"
            raise Fault(told, isinstance(error, MemoryError)) from None
        self.notes += [f"{FILE}: {why}" for why in missing]
        self._made = made
        return made

    def call(self, use: Callable[[T], object]) -> object:
        """What `use` makes of the loaded code. Raises Fault, naming the line."""
        if self._made is None or (self.code.dev and self.room.saved()):
            self._again()
        made = self._made
        assert made is not None
        try:
            with self.room.inside():
                return use(made)
        except (Unfit, NotPlain) as error:
            raise Fault(f"{self.code.path.name}: {error}") from None
        except BaseException as error:  # noqa: BLE001  the user's code
            raise Fault(blamed(error, self.code.path), isinstance(error, MemoryError)) from None

    def _again(self) -> None:
        """Load what was saved; where that fails, the code that was loaded before goes on."""
        first = self._made is None
        try:
            self.load()
        except Fault as fault:
            if first:
                raise
            self.notes.append(f"{fault}; what was loaded before goes on")
        else:
            if not first:
                self.notes.append(f"{self.code.path.name} was saved and is loaded anew")

"""Finds the stand-ins when a user's code imports them: pyds, gi, old places in SciPy, and cgi where Python has none."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

__all__ = ["StandIns"]

_HERE = Path(__file__).parent
# Instead of what may be installed: DeepStream's own need its pipeline; SciPy's old places warn.
_FIRST = {
    "pyds": "pyds.py",
    "gi": "gi.py",
    "gi.repository": "gi_repository.py",
    "scipy.ndimage.filters": "ndimage_names.py",
    "scipy.ndimage.morphology": "ndimage_names.py",
}
# Only where it is missing: gone in Python 3.13.
_LAST = {"cgi": "cgi_names.py", "cgitb": "cgi_names.py"}


class _Finder(MetaPathFinder):
    def __init__(self, files: dict[str, str]) -> None:
        self._files = files

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        file = self._files.get(fullname)
        if file is None:
            return None
        places = [str(_HERE)] if fullname == "gi" else None
        return importlib.util.spec_from_file_location(fullname, _HERE / file, submodule_search_locations=places)


@dataclass(slots=True)
class StandIns:
    """Each room has stand-ins of its own: what is collected in one is not seen in another."""

    _modules: dict[str, ModuleType] = field(default_factory=dict[str, ModuleType])
    _displaced: dict[str, ModuleType] = field(default_factory=dict[str, ModuleType])
    _finders: tuple[_Finder, _Finder] | None = None

    def enter(self) -> None:
        names = [*_FIRST, *_LAST]
        self._displaced = {name: sys.modules.pop(name) for name in names if name in sys.modules}
        sys.modules.update(self._modules)
        self._finders = _Finder(_FIRST), _Finder(_LAST)
        sys.meta_path.insert(0, self._finders[0])
        sys.meta_path.append(self._finders[1])

    def leave(self) -> None:
        for finder in self._finders or ():
            sys.meta_path.remove(finder)
        self._finders = None
        for name in [*_FIRST, *_LAST]:
            if name in sys.modules:
                self._modules[name] = sys.modules.pop(name)
        sys.modules.update(self._displaced)

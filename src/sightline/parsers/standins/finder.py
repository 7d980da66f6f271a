"""Finds the stand-ins when a user's code imports them: pyds, gi, old places in SciPy, and cgi where Python has none.

PyYAML is the real one, whose `load` takes a file without a loader again: as the safe one reads it.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
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


class _YamlFinder(MetaPathFinder):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != "yaml":
            return None
        spec = PathFinder.find_spec(fullname, path)
        if spec is not None and isinstance(spec.loader, SourceFileLoader):
            spec.loader = _YamlLoader(spec.loader.name, spec.loader.path)
        return spec


class _YamlLoader(SourceFileLoader):
    def exec_module(self, module: ModuleType) -> None:
        super().exec_module(module)
        _lenient(module)


def _lenient(yaml: ModuleType) -> Callable[..., object]:
    """Let `yaml.load(stream)` do without a loader; what it was before is returned."""
    strict: Callable[..., object] = yaml.load

    def load(stream: object, Loader: object = None) -> object:
        return strict(stream, Loader or yaml.SafeLoader)

    setattr(yaml, "load", load)  # noqa: B010  a module's own attribute
    return strict


@dataclass(slots=True)
class StandIns:
    """Each room has stand-ins of its own: what is collected in one is not seen in another."""

    _modules: dict[str, ModuleType] = field(default_factory=dict[str, ModuleType])
    _displaced: dict[str, ModuleType] = field(default_factory=dict[str, ModuleType])
    _finders: tuple[MetaPathFinder, ...] = ()
    _yaml: tuple[ModuleType, Callable[..., object]] | None = None

    def enter(self) -> None:
        names = [*_FIRST, *_LAST]
        self._displaced = {name: sys.modules.pop(name) for name in names if name in sys.modules}
        sys.modules.update(self._modules)
        first, last, yaml = _Finder(_FIRST), _Finder(_LAST), _YamlFinder()
        self._finders = first, last, yaml
        sys.meta_path[:] = [first, yaml, *sys.meta_path, last]
        if loaded := sys.modules.get("yaml"):
            self._yaml = loaded, _lenient(loaded)

    def leave(self) -> None:
        for finder in self._finders:
            sys.meta_path.remove(finder)
        self._finders = ()
        if self._yaml is not None:
            module, strict = self._yaml
            setattr(module, "load", strict)  # noqa: B010
            self._yaml = None
        for name in [*_FIRST, *_LAST]:
            if name in sys.modules:
                self._modules[name] = sys.modules.pop(name)
        sys.modules.update(self._displaced)

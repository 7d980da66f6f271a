"""The names that a user's file finds: modules beside it by bare name, stand-ins for what it was written for.

Each file has a room of its own: what it imports from its folder is in `sys.modules` only while its code runs, so that
two parsers may each have a `core.py`.
"""

from __future__ import annotations

import ast
import importlib.util
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

from sightline.errors import UsageError
from sightline.parsers.standins.finder import StandIns
from sightline.parsers.standins.numpy_names import OldNames

__all__ = ["Room"]

# What is imported belongs to the whole process: one thread at a time is in a room.
_ONE = threading.RLock()


@dataclass(slots=True)
class Room:
    """One user's file and the modules that came from its folder.

    module: what was loaded last.
    """

    path: Path
    module: ModuleType | None = None
    _private: dict[str, ModuleType] = field(default_factory=dict[str, ModuleType])
    _hidden: list[str] = field(default_factory=list[str])
    _read: dict[Path, tuple[int, int]] = field(default_factory=dict[Path, tuple[int, int]])
    _stand_ins: StandIns = field(default_factory=StandIns)
    _old_names: OldNames = field(default_factory=OldNames)
    _depth: int = 0

    @property
    def folder(self) -> Path:
        return self.path.parent

    @contextmanager
    def inside(self) -> Iterator[None]:
        """While the user's code runs. May be nested."""
        with _ONE:
            if self._depth:
                yield
            else:
                yield from self._entered()

    def _entered(self) -> Iterator[None]:
        self._depth += 1
        displaced = {name: sys.modules.pop(name) for name in (*self._private, *self._hidden) if name in sys.modules}
        sys.modules.update(self._private)
        entry = str(self.folder)
        sys.path.insert(_before_packages(sys.path), entry)
        self._stand_ins.enter()
        self._old_names.enter()
        quiet, sys.dont_write_bytecode = sys.dont_write_bytecode, True
        known = len(sys.modules)
        try:
            yield
        finally:
            sys.dont_write_bytecode = quiet
            self._old_names.leave()
            if len(sys.modules) != known:
                self._keep_private()
            for name in self._private:
                sys.modules.pop(name, None)
            self._stand_ins.leave()
            if entry in sys.path:
                sys.path.remove(entry)
            sys.modules.update(displaced)
            self._depth -= 1

    def _keep_private(self) -> None:
        start = f"{self.folder}/"
        for name, module in list(sys.modules.items()):
            file = getattr(module, "__file__", None) or ""
            if file.startswith(start) and "site-packages" not in file[len(start) :]:
                self._private[name] = module

    def _neighbours(self) -> list[str]:
        """What is imported already under a name that the folder has too, the standard library apart."""
        beside = {file.stem for file in self.folder.glob("*.py")} | {f.parent.name for f in self.folder.glob("*/*.py")}
        beside -= set(sys.stdlib_module_names)
        return [name for name in sys.modules if name.partition(".")[0] in beside and name not in self._private]

    def load(self) -> ModuleType:
        """Read the file and run it. Raises whatever it raises; the module that was loaded before stays then."""
        if self._depth:
            self._keep_private()
        before, self._private = self._private, {}
        taken = {name: sys.modules.pop(name) for name in before if name in sys.modules}  # loaded anew, all of them
        self._hidden = self._neighbours()
        try:
            with self.inside():
                module = self._run()
                self._keep_private()
        except BaseException:
            self._private = before
            sys.modules.update(taken)
            raise
        self.module = module
        return module

    def _run(self) -> ModuleType:
        self._note()
        text = self.path.read_bytes()
        tree = ast.parse(text, str(self.path))
        name = self.path.stem
        if any(isinstance(node, ast.ImportFrom) and node.level for node in ast.walk(tree)):
            name = f"{self._package()}.{name}"
        spec = importlib.util.spec_from_file_location(name, self.path)
        if spec is None or spec.loader is None:
            raise UsageError(f"{self.path}: not a Python file; expected a name that ends with .py")
        module = importlib.util.module_from_spec(spec)
        if name not in sys.modules:
            sys.modules[name] = module
        exec(compile(tree, str(self.path), "exec"), module.__dict__)
        self._note()
        return module

    def _package(self) -> str:
        """A package of the folder's name, made without running what may be in its __init__.py."""
        name = self.folder.name if self.folder.name.isidentifier() else "parser_folder"
        if name in sys.modules and name not in self._private:
            name = f"{name}_of_parser"
        package = ModuleType(name)
        package.__path__ = [str(self.folder)]
        package.__file__ = str(self.folder / "__init__.py")
        sys.modules[name] = package
        return name

    def _note(self) -> None:
        files = set(self.folder.glob("*.py")) | {self.path}
        self._read = {file: state for file in files if (state := _state(file)) is not None}

    def saved(self) -> bool:
        """Was a Python file of the folder saved, added or removed since it was read? True once for each time."""
        before = self._read
        self._note()
        return self._read != before


def _state(file: Path) -> tuple[int, int] | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size


def _before_packages(path: list[str]) -> int:
    """After the standard library, so that a helper called `queue.py` does no harm; before what is installed."""
    for place, entry in enumerate(path):
        if entry.endswith(("site-packages", "dist-packages")):
            return place
    return len(path)

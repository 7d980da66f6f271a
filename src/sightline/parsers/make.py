"""Where a configuration's words become a parser or rules; and what can be said of a file without running it."""

from __future__ import annotations

import ast
from dataclasses import replace
from pathlib import Path

from sightline.errors import UsageError
from sightline.parsers.adapters import FUNCTIONS
from sightline.parsers.code import Code
from sightline.parsers.environments import python_of
from sightline.parsers.logic import LogicRunner
from sightline.parsers.trusted import TrustedParser
from sightline.parsers.worker_parser import WorkerParser

__all__ = ["finds_objects", "judge", "judge_logic", "make_logic", "make_parser"]

_PRIMARY = ("parse_det_model", "parse_custom_model")


def make_parser(code: Code, *, trust: bool = False) -> WorkerParser | TrustedParser:
    """The parser of a file. Starts nothing: `start()` does, or the first request.

    Raises UsageError where `judge` does, and where a private environment is asked for and cannot be made.
    """
    judge(code.path)
    return TrustedParser(_full(code)) if trust else WorkerParser(_full(code), python_of(code))


def make_logic(code: Code, *, trust: bool = False) -> LogicRunner:
    """The rules of a file. As `make_parser`."""
    judge_logic(code.path)
    return LogicRunner(_full(code), python_of(code) if not trust else "", trust)


def _full(code: Code) -> Code:
    return replace(code, path=code.path.absolute())


def judge(path: Path) -> None:
    """Raises UsageError, naming file and line, where `path` cannot be a parser: not there, no Python, no function."""
    tree = _tree(path)
    defined = _defined(tree)
    methods = {name for node in tree.body if isinstance(node, ast.ClassDef) for name in _defined(node)}
    if not (defined | methods) & set(FUNCTIONS):
        raise UsageError(
            f"{path}: it defines no parser: expected def parse(outputs, spec, view), or the accelerator's "
            "parse_det_model, parse_custom_model or parse_sgie_model"
        )
    kind = _constant(tree, "model_type")
    wanted = {0: "parse_det_model", 1: "parse_custom_model"}.get(kind) if isinstance(kind, int) else None
    if wanted is not None and defined & set(_PRIMARY) and wanted not in defined:
        raise UsageError(f"{path}: model_type is {kind}, but {wanted}(config, raw_outputs) is not defined")


def finds_objects(path: Path) -> bool:
    """Whether the parser in `path` may find objects; one of the accelerator's secondaries only says something of one.

    Raises UsageError where `path` cannot be read.
    """
    defined = _defined(_tree(path))
    return "parse_sgie_model" not in defined or bool(defined & set(_PRIMARY))


def judge_logic(path: Path) -> None:
    """As `judge`, of rules."""
    if "on_result" not in _defined(_tree(path)):
        raise UsageError(f"{path}: it defines no rules: expected def on_result(result, out)")


def _tree(path: Path) -> ast.Module:
    try:
        text = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror or error}") from error
    try:
        return ast.parse(text, str(path))
    except SyntaxError as error:
        raise UsageError(f"{path}:{error.lineno or 1}: SyntaxError: {error.msg}") from error
    except (ValueError, RecursionError, MemoryError) as error:
        raise UsageError(f"{path}: cannot be read as Python: {error}") from error


def _defined(node: ast.Module | ast.ClassDef) -> set[str]:
    """Names that the top of a file, or of a class, gives: functions, and what is assigned or imported."""
    names = set[str]()
    for item in ast.walk(node) if isinstance(node, ast.Module) else node.body:
        if isinstance(item, ast.FunctionDef):
            names.add(item.name)
        elif isinstance(item, ast.Assign):
            names |= {target.id for target in item.targets if isinstance(target, ast.Name)}
        elif isinstance(item, ast.ImportFrom):
            names |= {alias.asname or alias.name for alias in item.names}
    return names


def _constant(tree: ast.Module, name: str) -> object:
    for item in tree.body:
        if not isinstance(item, ast.Assign) or not isinstance(item.value, ast.Constant):
            continue
        if any(isinstance(target, ast.Name) and target.id == name for target in item.targets):
            return item.value.value
    return None
